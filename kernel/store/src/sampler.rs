//! A thousand equal faults a second need not be kept a thousand times: of each source and reason a few a minute go into
//! the table `rejected`. All are counted where they are refused.

use std::collections::HashMap;

use kernel_model::{Rejection, TimeUs};

/// Kept of each source and reason in a minute.
const KEPT: u32 = 8;
/// Sources and reasons remembered; beyond it the memory starts anew.
const REMEMBERED: usize = 4_096;

const MINUTE_US: i64 = 60_000_000;

/// What was kept in this minute.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    minute: i64,
    kept: HashMap<(String, String), u32>,
}

impl Sampler {
    /// Whether this one is kept.
    pub(crate) fn keeps(&mut self, rejection: &Rejection, at: TimeUs) -> bool {
        let minute = at.0 / MINUTE_US;
        if minute != self.minute || self.kept.len() >= REMEMBERED {
            self.kept.clear();
            self.minute = minute;
        }
        let kept = self.kept.entry((rejection.source.clone(), rejection.reason.clone())).or_default();
        *kept += 1;
        *kept <= KEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_sample_and_another_reason_its_own() {
        let mut sampler = Sampler::default();
        let fault = |reason: &str| Rejection {
            source: "site".to_owned(),
            place: "x".to_owned(),
            reason: reason.to_owned(),
            sample: String::new(),
        };
        let kept = |sampler: &mut Sampler, reason: &str, at| {
            (0..100).filter(|_| sampler.keeps(&fault(reason), TimeUs(at))).count()
        };
        assert_eq!(kept(&mut sampler, "no unit", 0), 8);
        assert_eq!(kept(&mut sampler, "no time", 1), 8);
        assert_eq!(kept(&mut sampler, "no unit", 2), 0);
        assert_eq!(kept(&mut sampler, "no unit", MINUTE_US), 8);
    }
}
