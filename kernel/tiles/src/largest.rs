//! The largest of many, in memory of a few: sizes come in one after the other, the largest stay.

use std::cmp::Ordering;

/// A size, and what decides among equal ones: the lower number stays.
pub(crate) type Rank = (f32, u64);

/// The larger one first.
fn larger_first(a: &Rank, b: &Rank) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

/// The `most` largest things that were offered, and for a while some more.
#[derive(Debug)]
pub(crate) struct Largest<T> {
    most: usize,
    kept: Vec<(Rank, T)>,
    /// What ranks lower is not among them.
    least: Option<Rank>,
}

impl<T> Largest<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), least: None }
    }

    /// `number` is asked for only where the size may be large enough.
    pub(crate) fn offer(&mut self, size: f32, number: impl FnOnce() -> u64, what: T) {
        if self.least.is_some_and(|least| size < least.0) {
            return;
        }
        let rank = (size, number());
        if self.least.is_some_and(|least| larger_first(&rank, &least) == Ordering::Greater) {
            return;
        }
        self.kept.push((rank, what));
        if self.kept.len() >= 4 * self.most {
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.kept.len() > self.most {
            let (_, least, _) = self.kept.select_nth_unstable_by(self.most - 1, |a, b| larger_first(&a.0, &b.0));
            self.least = Some(least.0);
            self.kept.truncate(self.most);
        }
    }

    /// They, the largest first.
    pub(crate) fn sorted(mut self) -> Vec<(Rank, T)> {
        self.prune();
        self.kept.sort_unstable_by(|a, b| larger_first(&a.0, &b.0));
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_the_first_of_all_sorted(sizes in prop::collection::vec((0_u8..20, any::<u64>()), 0..300), most in 1_usize..40) {
            let mut largest = Largest::new(most);
            for (at, (size, number)) in sizes.iter().enumerate() {
                largest.offer(f32::from(*size), || *number, at);
            }
            let mut all: Vec<_> = sizes.iter().map(|(size, number)| (f32::from(*size), *number)).collect();
            all.sort_by(larger_first);
            all.truncate(most);
            let got: Vec<Rank> = largest.sorted().into_iter().map(|(rank, _)| rank).collect();
            prop_assert_eq!(got, all);
        }
    }
}
