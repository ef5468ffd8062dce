//! Groups that leave as one. For a direction, draw an arrow from each part to those in its way: parts that block each other
//! around a circle move together or not at all (the strongly connected components of the directional blocking graph; Wilson and
//! Latombe, 1994), and such a component that nothing else blocks can go.

use std::collections::{BTreeMap, BTreeSet};

use glam::DVec3;

use super::space::Space;
use crate::parallel::each;

/// The smallest group that can leave, and its path.
pub(super) fn group(space: &Space<'_>, rest: &BTreeSet<usize>) -> Option<(Vec<usize>, Vec<DVec3>)> {
    let mut directions: Vec<DVec3> = Vec::new();
    for direction in rest.iter().flat_map(|part| space.directions(*part)) {
        if !directions.iter().any(|other| other.dot(*direction) > 0.999_96) {
            directions.push(*direction);
        }
    }
    let found = each(directions.len(), |i| {
        let arrows = arrows(space, rest, directions[i]);
        let mut free = components(&arrows);
        free.retain(|group| group.len() < rest.len() && leaves(&arrows, group));
        free.into_iter().min_by_key(Vec::len)
    });
    let best =
        (0..directions.len()).filter(|i| found[*i].is_some()).min_by_key(|i| found[*i].as_ref().map(Vec::len))?;
    let parts = found.into_iter().nth(best)??;
    let path = vec![space.out(&parts, directions[best])];
    Some((parts, path))
}

type Arrows = BTreeMap<usize, Vec<usize>>;

fn arrows(space: &Space<'_>, rest: &BTreeSet<usize>, direction: DVec3) -> Arrows {
    let of = |part: usize| {
        let travel = space.out(&[part], direction);
        let mut near = space.on_the_way(part, DVec3::ZERO, travel);
        near.retain(|other| rest.contains(other) && space.blocks(part, DVec3::ZERO, travel, *other));
        near
    };
    rest.iter().map(|part| (*part, of(*part))).collect()
}

fn leaves(arrows: &Arrows, group: &[usize]) -> bool {
    group.iter().all(|part| arrows[part].iter().all(|other| group.contains(other)))
}

/// Strongly connected components: Kosaraju's two passes, without recursion.
fn components(arrows: &Arrows) -> Vec<Vec<usize>> {
    let mut back: Arrows = arrows.keys().map(|part| (*part, Vec::new())).collect();
    for (from, to) in arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to))) {
        back.entry(*to).or_default().push(*from);
    }
    let mut seen = BTreeSet::new();
    let mut finished = Vec::new();
    for start in arrows.keys() {
        walk(arrows, *start, &mut seen, &mut finished);
    }
    seen.clear();
    let mut out = Vec::new();
    for start in finished.into_iter().rev() {
        let mut component = Vec::new();
        walk(&back, start, &mut seen, &mut component);
        if !component.is_empty() {
            component.sort_unstable();
            out.push(component);
        }
    }
    out
}

/// Everything reached from a start that was not seen, in the order in which it is finished.
fn walk(arrows: &Arrows, start: usize, seen: &mut BTreeSet<usize>, finished: &mut Vec<usize>) {
    let mut stack = vec![(start, 0)];
    if !seen.insert(start) {
        return;
    }
    while let Some((part, next)) = stack.last_mut() {
        match arrows.get(part).and_then(|to| to.get(*next)) {
            Some(to) => {
                *next += 1;
                if seen.insert(*to) {
                    stack.push((*to, 0));
                }
            }
            None => {
                finished.push(*part);
                stack.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_components_and_the_rest_is_single() {
        let arrows: Arrows = [(1, vec![2]), (2, vec![3]), (3, vec![1, 4]), (4, vec![]), (5, vec![1])].into();
        let mut found = components(&arrows);
        found.sort();
        assert_eq!(found, [vec![1, 2, 3], vec![4], vec![5]]);
        assert!(leaves(&arrows, &[4]) && !leaves(&arrows, &[1, 2, 3]) && leaves(&arrows, &[1, 2, 3, 4]));
    }
}
