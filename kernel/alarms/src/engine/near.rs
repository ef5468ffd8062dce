//! Fences around what moves. Fixes come in, of things in the middle and of things that come near; comings and goings go out,
//! at the time of the fix that shows them, whichever of the two has moved. A thing that is silent is where it was last.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kernel_model::{EntityId, Kind, Sequence, TimeUs};
use spatial_index::{Circle, Fence, Fences, Held, MovingIndex, Position};

use super::stays::{Found, Look, Thing};
use super::{Bits, Things};
use crate::alert::{Alert, Event};
use crate::commit::FixRow;
use crate::rules::{Checked, CheckedRule, What};

/// All rules about what is near.
#[derive(Debug, Default)]
pub(super) struct Near {
    circles: Vec<Circles>,
    /// Around which things, by which of `circles`.
    centers: HashMap<EntityId, Bits>,
    /// All that moves, where there are such rules.
    moving: MovingIndex,
}

/// The fences of one rule, numbered as the things in their middle.
#[derive(Debug)]
struct Circles {
    rule: u16,
    index: Fences,
    /// Who is in the fence around whom.
    inside: BTreeMap<u32, BTreeSet<u32>>,
}

/// What holds while a commit is looked at.
pub(super) struct Now<'a> {
    pub(super) rules: &'a Checked,
    pub(super) active: Bits,
    pub(super) meant: &'a HashMap<EntityId, Bits>,
    pub(super) any: Bits,
    pub(super) sequence: Sequence,
}

impl Now<'_> {
    fn is_meant(&self, thing: &EntityId, rule: u16) -> bool {
        self.active & self.meant.get(thing).copied().unwrap_or(self.any) & (1 << rule) != 0
    }
}

impl Near {
    pub(super) fn of(rules: &Checked) -> Self {
        let near = (0..).zip(&rules.rules).filter(|(_, rule)| matches!(rule.what, What::Near(..)));
        let circles = near.map(|(rule, _)| Circles { rule, index: Fences::new(), inside: BTreeMap::new() });
        Self { circles: circles.collect(), ..Self::default() }
    }

    /// Notes around which things there are fences.
    pub(super) fn describe(&mut self, id: EntityId, (kind, class): (Kind, &str), is_gone: bool, rules: &Checked) {
        let takes = |circles: &Circles| match &rules.rules[usize::from(circles.rule)].what {
            What::Near(fence, ..) => !is_gone && fence.fences.takes(kind, class),
            _ => false,
        };
        let bits: Bits = self.circles.iter().enumerate().map(|(n, circles)| Bits::from(takes(circles)) << n).sum();
        match bits {
            0 => drop(self.centers.remove(&id)),
            bits => drop(self.centers.insert(id, bits)),
        }
    }

    /// Puts a thing where it is: after a start.
    pub(super) fn place(&mut self, number: u32, thing: &Thing, rules: &Checked) {
        if self.circles.is_empty() || !thing.is_somewhere() {
            return;
        }
        drop(self.moving.upsert(number, position(thing)));
        let centers = self.centers.get(&thing.id).copied().unwrap_or(0);
        for (_, circles) in self.circles.iter_mut().enumerate().filter(|(n, _)| centers & (1 << n) != 0) {
            if let Some((fence, _)) = around(thing, &rules.rules[usize::from(circles.rule)]) {
                drop(circles.index.insert(number, fence));
            }
        }
    }

    /// Notes who is in which fence: after a start.
    pub(super) fn restore(&mut self, things: &Things) {
        for (number, thing) in (0..).zip(&things.all) {
            for stay in &thing.stays {
                let circles = self.circles.iter_mut().find(|circles| circles.rule == stay.rule);
                if let (Some(circles), Some(center)) = (circles, things.number_of.get(&stay.fence)) {
                    circles.inside.entry(*center).or_default().insert(number);
                }
            }
        }
    }

    /// A thing that is gone: nobody is near it any more.
    pub(super) fn leave(&mut self, gone: u32, things: &mut Things, time: TimeUs, now: &Now<'_>, out: &mut Vec<Alert>) {
        self.moving.remove(gone);
        for circles in &mut self.circles {
            let rule = &now.rules.rules[usize::from(circles.rule)];
            circles.index.remove(gone);
            for number in circles.inside.remove(&gone).unwrap_or_default() {
                let center = things.all[gone as usize].id;
                let thing = &mut things.all[number as usize];
                let Some(at) = thing.stays.iter().position(|s| s.rule == circles.rule && s.fence == center) else {
                    continue;
                };
                let stay = thing.stays.remove(at);
                if rule.tells(Event::Exit) && now.active & (1 << circles.rule) != 0 {
                    out.push(thing.alert(&rule.name, Event::Exit, &stay, time, now.sequence));
                }
            }
            for inside in circles.inside.values_mut() {
                inside.remove(&gone);
            }
        }
    }

    /// Settles who is near whom after a fix.
    pub(super) fn look(&mut self, moved: u32, things: &mut Things, fix: &FixRow, now: &Now<'_>, out: &mut Vec<Alert>) {
        if self.circles.is_empty() {
            return;
        }
        drop(self.moving.upsert(moved, position(&things.all[moved as usize])));
        let centers = self.centers.get(&fix.thing).copied().unwrap_or(0);
        for (n, circles) in self.circles.iter_mut().enumerate() {
            let ids = |number: u32| things.all[number as usize].id;
            if now.is_meant(&fix.thing, circles.rule) {
                let mut found = Vec::new();
                circles.index.visit(fix.at, fix.height_m, |center, held| {
                    if center != moved {
                        found.push(Found { fence: ids(center), held, speed_m_s: None });
                    }
                });
                found.sort_unstable_by_key(|found| found.fence);
                circles.settle(moved, things, &found, fix.time, now, out);
            }
            if centers & (1 << n) != 0 {
                circles.follow(moved, things, &self.moving, fix.time, now, out);
            }
        }
    }
}

impl Circles {
    /// The thing in the middle has moved: everybody who is in its fence, or was, is looked at.
    fn follow(
        &mut self,
        center: u32,
        things: &mut Things,
        moving: &MovingIndex,
        time: TimeUs,
        now: &Now<'_>,
        out: &mut Vec<Alert>,
    ) {
        let rule = &now.rules.rules[usize::from(self.rule)];
        let middle = things.all[center as usize].id;
        let Some((round, circle)) = around(&things.all[center as usize], rule) else { return };
        let mut concerned = self.inside.get(&center).cloned().unwrap_or_default();
        moving.visit(&circle, |number, _| {
            concerned.insert(number);
        });
        drop(self.index.insert(center, round.clone()));
        for number in concerned {
            let thing = &things.all[number as usize];
            if number == center || !now.is_meant(&thing.id, self.rule) {
                continue;
            }
            // Its other fences stay as they are.
            let others = thing.stays.iter().filter(|stay| stay.rule == self.rule && stay.fence != middle);
            let mut found: Vec<Found> =
                others.map(|stay| Found { fence: stay.fence, held: Held::Inside, speed_m_s: None }).collect();
            let held = round.holds(thing.at, thing.height_m);
            found.extend(held.map(|held| Found { fence: middle, held, speed_m_s: None }));
            found.sort_unstable_by_key(|found| found.fence);
            self.settle(number, things, &found, time, now, out);
        }
    }

    fn settle(
        &mut self,
        number: u32,
        things: &mut Things,
        found: &[Found],
        time: TimeUs,
        now: &Now<'_>,
        out: &mut Vec<Alert>,
    ) {
        let rule = &now.rules.rules[usize::from(self.rule)];
        let What::Near(fence, ..) = &rule.what else { return };
        let look = Look { rule: (self.rule, rule), fence, time, speed_m_s: None, sequence: now.sequence };
        let thing = &mut things.all[number as usize];
        let of_rule = |thing: &Thing| -> Vec<EntityId> {
            thing.stays.iter().filter(|stay| stay.rule == self.rule).map(|stay| stay.fence).collect()
        };
        let before = of_rule(thing);
        thing.settle(&look, found, out);
        let after = of_rule(thing);
        for center in before.iter().filter(|center| !after.contains(center)) {
            let center = things.number_of.get(center);
            if let Some(inside) = center.and_then(|center| self.inside.get_mut(center)) {
                inside.remove(&number);
            }
        }
        for center in after.iter().filter(|center| !before.contains(center)) {
            if let Some(center) = things.number_of.get(center) {
                self.inside.entry(*center).or_default().insert(number);
            }
        }
    }
}

/// The fence around a thing, and its circle.
fn around(thing: &Thing, rule: &CheckedRule) -> Option<(Fence, Circle)> {
    let What::Near(_, radius_m, height_m) = &rule.what else { return None };
    let circle = Circle::new(thing.at, *radius_m).ok()?;
    let fence = Fence::circle(thing.at, *radius_m).ok()?;
    let fence = match (height_m, thing.height_m) {
        (None, _) => fence,
        (Some(reach), Some(height)) => fence.between(height - reach, height + reach).ok()?,
        // How far up it reaches is not known: neither in nor out.
        (Some(_), None) => return None,
    };
    Some((fence, circle))
}

fn position(thing: &Thing) -> Position {
    let height_m = thing.height_m.unwrap_or(f64::NAN);
    Position { lon_deg: thing.at[0], lat_deg: thing.at[1], height_m, time_us: thing.time.0 }
}
