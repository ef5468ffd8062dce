//! The search. What is free stays free, since parts only leave; what is blocked stays blocked while the one that blocks it
//! stays. So each part and direction is looked at again only when the part that was found in its way has left.

use std::collections::{BTreeSet, HashMap};

use glam::DVec3;

use super::groups::group;
use super::space::Space;
use super::{Plan, Step, Stuck};
use crate::parallel::each;

/// Where a first move may stop, as shares of how far it can go.
const STOPS: [f64; 3] = [1.0, 0.5, 0.25];

pub(super) fn take_apart(space: &Space<'_>) -> Plan {
    let mut plan = Plan {
        tolerance_mm: space.tolerance_mm,
        allowances: Vec::new(),
        steps: Vec::new(),
        stay: Vec::new(),
        stuck: Vec::new(),
    };
    // Groups that left as one, to be taken apart after the rest.
    let mut waiting = vec![(0..space.parts.len()).collect::<BTreeSet<usize>>()];
    while let Some(parts) = waiting.pop() {
        let mut search = Search::new(space, parts);
        while search.rest.len() > 1 {
            let Some(step) = search.step() else { break };
            if step.parts.len() > 1 {
                waiting.push(step.parts.iter().copied().collect());
            }
            plan.steps.push(step);
        }
        match search.rest.len() {
            0 | 1 => plan.stay.extend(&search.rest),
            _ => plan.stuck.extend(search.rest.iter().map(|part| search.stuck(*part))),
        }
    }
    plan
}

struct Search<'a> {
    space: &'a Space<'a>,
    whole: BTreeSet<usize>,
    rest: BTreeSet<usize>,
    /// By part: the way out, once there is one.
    free: HashMap<usize, Vec<DVec3>>,
    /// By part and number of its direction: one that is in the way.
    in_the_way: HashMap<(usize, usize), usize>,
    volumes: Vec<f64>,
    last_body: Option<usize>,
}

impl<'a> Search<'a> {
    fn new(space: &'a Space<'a>, parts: BTreeSet<usize>) -> Self {
        let volumes = space.parts.iter().map(|part| part.mesh.volume_mm3()).collect();
        let (free, in_the_way) = (HashMap::new(), HashMap::new());
        Self { space, whole: parts.clone(), rest: parts, free, in_the_way, volumes, last_body: None }
    }

    fn step(&mut self) -> Option<Step> {
        self.look_straight();
        if self.free.is_empty() {
            self.look_around_corners();
        }
        let (parts, path) = match self.choose() {
            Some(part) => (vec![part], self.free.remove(&part)?),
            None => group(self.space, &self.rest)?,
        };
        parts.iter().for_each(|part| _ = self.rest.remove(part));
        self.last_body = parts.first().map(|part| self.space.parts[*part].body);
        let against: Vec<usize> = self.rest.iter().copied().collect();
        let left = self.whole.iter().copied().filter(|other| !self.rest.contains(other) && !parts.contains(other));
        let blocks = |other: &usize| parts.iter().any(|part| blocks_path(self.space, *part, &path, *other));
        let after = left.filter(blocks).collect();
        Some(Step { parts, path, against, after })
    }

    /// Like the last one first, then the smallest: the bolts of one flange one after the other, the casing at the end.
    fn choose(&self) -> Option<usize> {
        let largest = self.rest.iter().copied().max_by(|a, b| self.volumes[*a].total_cmp(&self.volumes[*b]));
        let key = |part: &usize| (Some(*part) == largest, Some(self.space.parts[*part].body) != self.last_body);
        let by = |a: &&usize, b: &&usize| {
            key(a).cmp(&key(b)).then(self.volumes[**a].total_cmp(&self.volumes[**b])).then(a.cmp(b))
        };
        self.free.keys().min_by(by).copied()
    }

    fn look_straight(&mut self) {
        let unknown: Vec<usize> = self.rest.iter().copied().filter(|part| !self.free.contains_key(part)).collect();
        let looked = each(unknown.len(), |i| self.straight(unknown[i]));
        for (part, (way, blocked)) in unknown.iter().zip(looked) {
            blocked.into_iter().for_each(|(d, other)| _ = self.in_the_way.insert((*part, d), other));
            way.into_iter().for_each(|way| _ = self.free.insert(*part, vec![way]));
        }
    }

    /// A way out along one line, and by whom the directions before it are blocked.
    fn straight(&self, part: usize) -> (Option<DVec3>, Vec<(usize, usize)>) {
        let mut blocked = Vec::new();
        for (d, direction) in self.space.directions(part).iter().enumerate() {
            if self.in_the_way.get(&(part, d)).is_some_and(|other| self.rest.contains(other)) {
                continue;
            }
            let travel = self.space.out(&[part], *direction);
            match self.blocker(part, DVec3::ZERO, travel) {
                None => return (Some(travel), blocked),
                Some(other) => blocked.push((d, other)),
            }
        }
        (None, blocked)
    }

    fn blocker(&self, part: usize, from: DVec3, travel: DVec3) -> Option<usize> {
        let mut near = self.space.on_the_way(part, from, travel).into_iter();
        near.find(|other| self.rest.contains(other) && self.space.blocks(part, from, travel, *other))
    }

    /// Out along two lines: some way along one direction, then along another.
    fn look_around_corners(&mut self) {
        let parts: Vec<usize> = self.rest.iter().copied().collect();
        let looked = each(parts.len(), |i| self.two_lines(parts[i]));
        for (part, way) in parts.iter().zip(looked) {
            way.into_iter().for_each(|way| _ = self.free.insert(*part, way));
        }
    }

    fn two_lines(&self, part: usize) -> Option<Vec<DVec3>> {
        let directions = self.space.directions(part);
        for first in directions {
            let far = self.far(part, *first);
            if far < 20.0 * self.space.tolerance_mm {
                continue;
            }
            for stop in STOPS {
                let from = *first * (far * stop);
                for second in directions.iter().filter(|second| second.dot(*first).abs() < 0.99) {
                    let travel = self.space.out(&[part], *second);
                    if self.blocker(part, from, travel).is_none() {
                        return Some(vec![from, travel]);
                    }
                }
            }
        }
        None
    }

    /// How far a part can go, to a hundredth of the way out.
    fn far(&self, part: usize, direction: DVec3) -> f64 {
        let (mut free, mut blocked) = (0.0, self.space.out(&[part], direction).length());
        let least = blocked / 128.0;
        while blocked - free > least {
            let middle = f64::midpoint(free, blocked);
            match self.blocker(part, DVec3::ZERO, direction * middle) {
                None => free = middle,
                Some(_) => blocked = middle,
            }
        }
        free
    }

    fn stuck(&self, part: usize) -> Stuck {
        let told = |(d, direction): (usize, &DVec3)| Some((*direction, *self.in_the_way.get(&(part, d))?));
        Stuck { part, blocked: self.space.directions(part).iter().enumerate().filter_map(told).collect() }
    }
}

/// Whether a part that stands where the model has it is in the way of a path.
pub(super) fn blocks_path(space: &Space<'_>, part: usize, path: &[DVec3], other: usize) -> bool {
    let mut from = DVec3::ZERO;
    path.iter().any(|travel| {
        let start = from;
        from += *travel;
        space.blocks(part, start, *travel, other)
    })
}
