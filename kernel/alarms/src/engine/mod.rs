//! The alarms as a function: what was so far, and what a commit brings, come in; transitions go out. The same commits in the
//! same order give the same transitions, whether they are told as they come or read from the store again. No clock is read: a
//! stay is as long as the thing's own fixes say, and a fix that is older than the thing's newest moves nothing.

mod layer;
mod limits;
mod near;
mod stays;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{TimestampMicrosecondType, UInt64Type};
use kernel_model::{EntityId, Kind, Sequence, TimeUs};

use self::layer::Layer;
pub(crate) use self::limits::LimitState;
use self::limits::Limits;
use self::near::{Near, Now};
pub(crate) use self::stays::{Stay, Thing};
use crate::alert::{Alert, Event};
use crate::commit::{Commit, FixRow, Stream};
use crate::rules::{Checked, What};

/// Which rules: the bit of each.
type Bits = u64;

/// Rules, fences and the state of everything that moves or measures.
#[derive(Debug)]
pub struct Engine {
    rules: Arc<Checked>,
    /// The commit after which each rule holds.
    from: Vec<Sequence>,
    layers: Vec<Layer>,
    near: Near,
    limits: Limits,
    things: Things,
    /// The rules that each thing is meant by, where that is not what holds for anything.
    meant: HashMap<EntityId, Bits>,
    /// The rules that are for any thing.
    any: Bits,
    /// Things whose heights are above the ellipsoid, as those of fences are. Of others no height is known here.
    ellipsoid: HashSet<EntityId>,
    sequence: Sequence,
}

/// All that moves, by numbers in the order in which it was first seen.
#[derive(Debug, Default)]
pub(crate) struct Things {
    number_of: HashMap<EntityId, u32>,
    pub(crate) all: Vec<Thing>,
}

impl Things {
    fn number(&mut self, id: EntityId) -> u32 {
        let next = self.all.len() as u32;
        let number = *self.number_of.entry(id).or_insert(next);
        if number == next {
            self.all.push(Thing::new(id));
        }
        number
    }
}

/// What is kept of an engine: with the things and series of the store it is the engine again.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// The last commit that was looked at.
    pub(crate) sequence: Sequence,
    /// Name, digest and beginning of each rule.
    pub(crate) rules: Vec<(String, [u8; 32], Sequence)>,
    pub(crate) things: Vec<Thing>,
    /// Rule, series and what was so.
    pub(crate) limits: Vec<(u16, u64, LimitState)>,
}

impl Engine {
    /// An engine for which everything begins after a commit. Of things and series those of up to that commit are to be told
    /// by [`Engine::learn`].
    pub fn new(rules: Checked, sequence: Sequence) -> Self {
        let bit = |(n, wanted): (usize, bool)| Bits::from(wanted) << n;
        let any = rules.rules.iter().map(|rule| rule.things.is_any()).enumerate().map(bit).sum();
        Self {
            from: vec![sequence; rules.rules.len()],
            layers: Layer::of(&rules),
            near: Near::of(&rules),
            limits: Limits::default(),
            things: Things::default(),
            meant: HashMap::new(),
            any,
            ellipsoid: HashSet::new(),
            sequence,
            rules: Arc::new(rules),
        }
    }

    /// Takes over a state; rules that it does not have begin after `new_from`. `true` where the rules are other ones.
    pub(crate) fn restore(&mut self, state: State, new_from: Sequence) -> bool {
        let number_now = |(name, digest, _): &(String, [u8; 32], Sequence)| {
            self.rules.rules.iter().position(|rule| rule.name == *name && rule.digest == *digest)
        };
        let now: Vec<Option<usize>> = state.rules.iter().map(number_now).collect();
        self.from = vec![new_from; self.rules.rules.len()];
        for (at, (_, _, from)) in now.iter().zip(&state.rules) {
            if let Some(at) = at {
                self.from[*at] = *from;
            }
        }
        let same = now.iter().enumerate().all(|(n, at)| *at == Some(n)) && now.len() == self.rules.rules.len();
        let renumbered = |rule: u16| now.get(usize::from(rule)).copied().flatten().map(|at| at as u16);
        for mut thing in state.things {
            thing.stays.retain_mut(|stay| renumbered(stay.rule).map(|rule| stay.rule = rule).is_some());
            let number = self.things.number(thing.id);
            self.near.place(number, &thing, &self.rules);
            self.things.all[number as usize] = thing;
        }
        for (rule, datastream, limit) in state.limits {
            if let Some(rule) = renumbered(rule) {
                self.limits.set(rule, datastream, limit);
            }
        }
        self.near.restore(&self.things);
        self.sequence = state.sequence;
        !same
    }

    /// What is to be kept.
    pub(crate) fn state(&self) -> State {
        let rules = self.rules.rules.iter().zip(&self.from);
        State {
            sequence: self.sequence,
            rules: rules.map(|(rule, from)| (rule.name.clone(), rule.digest, *from)).collect(),
            things: self.things.all.clone(),
            limits: self.limits.state(),
        }
    }

    /// The last commit that was looked at.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// How many fences there are, in all layers.
    pub fn fences(&self) -> usize {
        self.layers.iter().map(Layer::len).sum()
    }

    /// Learns of things and series up to a commit; nothing comes of it.
    pub fn learn(&mut self, described: &[RecordBatch], streams: impl IntoIterator<Item = Stream>, upto: Sequence) {
        let mut nothing = Vec::new();
        for batch in described {
            self.describe(batch, upto, &mut nothing);
        }
        streams.into_iter().for_each(|stream| self.limits.stream(stream, &self.rules));
    }

    /// Looks at the next commit; one that was looked at brings nothing.
    pub fn take(&mut self, commit: Commit) -> Vec<Alert> {
        let mut out = Vec::new();
        if commit.sequence <= self.sequence {
            return out;
        }
        self.sequence = commit.sequence;
        for batch in &commit.described {
            self.describe(batch, commit.sequence, &mut out);
        }
        commit.streams.into_iter().for_each(|stream| self.limits.stream(stream, &self.rules));
        let active = self.active();
        for fix in commit.fixes.in_order() {
            self.fix(&fix, active, &mut out);
        }
        for reading in commit.readings.in_order() {
            let meant = |thing: &EntityId| self.meant.get(thing).copied().unwrap_or(self.any);
            self.limits.reading(&reading, &self.rules, |thing| active & meant(thing), self.sequence, &mut out);
        }
        out
    }

    /// Goes on to a commit that brought nothing.
    pub(crate) fn skip_to(&mut self, sequence: Sequence) {
        self.sequence = self.sequence.max(sequence);
    }

    /// Goes back to a commit, where the store lost some.
    pub(crate) fn set_sequence(&mut self, sequence: Sequence) {
        self.sequence = sequence;
    }

    fn active(&self) -> Bits {
        self.from.iter().enumerate().map(|(n, from)| Bits::from(*from < self.sequence) << n).sum()
    }

    fn meant_by(&self, thing: &EntityId) -> Bits {
        self.meant.get(thing).copied().unwrap_or(self.any)
    }

    fn describe(&mut self, batch: &RecordBatch, upto: Sequence, out: &mut Vec<Alert>) {
        let ids = batch.column(0).as_fixed_size_binary();
        let sequences = batch.column(1).as_primitive::<UInt64Type>();
        let recorded = batch.column(2).as_primitive::<TimestampMicrosecondType>();
        let (kinds, classes) = (batch.column(3).as_string::<i32>(), batch.column(4).as_string::<i32>());
        let (references, retired) = (batch.column(10).as_string::<i32>(), batch.column(22).as_boolean());
        for row in (0..batch.num_rows()).filter(|row| sequences.value(*row) <= upto.0) {
            let Some(id) = EntityId::from_slice(ids.value(row)) else { continue };
            let kind: Kind = kinds.value(row).parse().unwrap_or(Kind::Other);
            let is_gone = retired.value(row);
            self.note_meant(id, kind, classes.value(row));
            match !is_gone && references.value(row) == "ellipsoid" {
                true => self.ellipsoid.insert(id),
                false => self.ellipsoid.remove(&id),
            };
            for layer in &mut self.layers {
                layer.describe(batch, row, id, (kind, classes.value(row)), is_gone);
            }
            self.near.describe(id, (kind, classes.value(row)), is_gone, &self.rules);
            if is_gone {
                self.retire(id, TimeUs(recorded.value(row)), out);
            }
        }
    }

    fn note_meant(&mut self, id: EntityId, kind: Kind, class: &str) {
        let rules = self.rules.rules.iter().enumerate();
        let bits = rules.map(|(n, rule)| Bits::from(rule.things.takes(kind, class)) << n).sum();
        match bits == self.any {
            true => drop(self.meant.remove(&id)),
            false => drop(self.meant.insert(id, bits)),
        }
    }

    /// What is gone leaves the fences it is in.
    fn retire(&mut self, id: EntityId, time: TimeUs, out: &mut Vec<Alert>) {
        let Some(number) = self.things.number_of.get(&id).copied() else { return };
        let active = self.active();
        let (rules, meant, any, sequence) = (&self.rules, &self.meant, self.any, self.sequence);
        self.near.leave(number, &mut self.things, time, &Now { rules, active, meant, any, sequence }, out);
        let thing = &mut self.things.all[number as usize];
        for stay in std::mem::take(&mut thing.stays) {
            let rule = &self.rules.rules[usize::from(stay.rule)];
            if active & (1 << stay.rule) != 0 && rule.tells(Event::Exit) {
                out.push(thing.alert(&rule.name, Event::Exit, &stay, time, self.sequence));
            }
        }
    }

    fn fix(&mut self, fix: &FixRow, active: Bits, out: &mut Vec<Alert>) {
        let height_m = fix.height_m.filter(|_| self.ellipsoid.contains(&fix.thing));
        let fix = &FixRow { height_m, ..*fix };
        let number = self.things.number(fix.thing);
        let meant = active & self.meant_by(&fix.thing);
        let thing = &mut self.things.all[number as usize];
        if !thing.moves_to(fix) {
            return;
        }
        for layer in &mut self.layers {
            layer.look(thing, fix, meant, &self.rules, self.sequence, out);
        }
        let (rules, meant, any, sequence) = (&self.rules, &self.meant, self.any, self.sequence);
        self.near.look(number, &mut self.things, fix, &Now { rules, active, meant, any, sequence }, out);
    }
}

impl crate::rules::CheckedRule {
    /// Whether the rule tells of an event.
    pub(crate) fn tells(&self, event: Event) -> bool {
        match (&self.what, event) {
            (What::Fences(fence) | What::Near(fence, ..), Event::Enter) => fence.enter,
            (What::Fences(fence) | What::Near(fence, ..), Event::Exit) => fence.exit,
            _ => true,
        }
    }
}
