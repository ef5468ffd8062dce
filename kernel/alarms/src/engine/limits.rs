//! Limits of readings and of their rates. Series and readings come in; crossings go out. A limit that was crossed is quiet
//! until the reading was back at the rule's `clear`, so that one that trembles at the limit is told once.

use std::collections::{BTreeMap, HashMap};

use kernel_model::{EntityId, Sequence, TimeUs};

use super::Bits;
use crate::alert::{Alert, Event};
use crate::commit::{ReadingRow, Stream};
use crate::rules::{Checked, What};

/// The newest reading of a series, as one rule saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LimitState {
    pub(crate) time: TimeUs,
    pub(crate) value: f64,
    pub(crate) is_raised: bool,
}

/// Series that rules look at, and what was so.
#[derive(Debug, Default)]
pub(super) struct Limits {
    streams: HashMap<u64, (EntityId, Vec<u16>)>,
    states: BTreeMap<(u16, u64), LimitState>,
}

impl Limits {
    pub(super) fn set(&mut self, rule: u16, datastream: u64, state: LimitState) {
        self.states.insert((rule, datastream), state);
    }

    pub(super) fn state(&self) -> Vec<(u16, u64, LimitState)> {
        self.states.iter().map(|((rule, datastream), state)| (*rule, *datastream, *state)).collect()
    }

    /// Learns of a series.
    pub(super) fn stream(&mut self, stream: Stream, rules: &Checked) {
        let means = |what: &What| match what {
            What::Limit(limit) => limit.property == stream.property && limit.unit == stream.unit,
            _ => false,
        };
        let meaning: Vec<u16> =
            (0..).zip(&rules.rules).filter(|(_, rule)| means(&rule.what)).map(|(number, _)| number).collect();
        if !meaning.is_empty() {
            self.streams.insert(stream.datastream, (stream.thing, meaning));
        }
    }

    /// Looks at a reading; `meant` are the rules for a thing.
    pub(super) fn reading(
        &mut self,
        reading: &ReadingRow,
        rules: &Checked,
        meant: impl Fn(&EntityId) -> Bits,
        sequence: Sequence,
        out: &mut Vec<Alert>,
    ) {
        let Some((thing, meaning)) = self.streams.get(&reading.datastream) else { return };
        let meant = meant(thing);
        for number in meaning.iter().copied().filter(|number| meant & (1 << number) != 0) {
            let rule = &rules.rules[usize::from(number)];
            let What::Limit(limit) = &rule.what else { continue };
            let before = self.states.get(&(number, reading.datastream)).copied();
            if before.is_some_and(|before| reading.time < before.time) {
                continue;
            }
            let looked_at = match limit.per_us {
                None => Some(reading.value),
                Some(per_us) => before.and_then(|before| rate(&before, reading, per_us)),
            };
            let was_raised = before.is_some_and(|before| before.is_raised);
            let is_raised = looked_at.and_then(|value| limit.says(value)).unwrap_or(was_raised);
            let state = LimitState { time: reading.time, value: reading.value, is_raised };
            self.states.insert((number, reading.datastream), state);
            if is_raised != was_raised {
                out.push(Alert {
                    rule: rule.name.clone(),
                    event: if is_raised { Event::Raised } else { Event::Cleared },
                    thing: *thing,
                    fence: None,
                    datastream: Some(reading.datastream),
                    time: reading.time,
                    sequence,
                    value: looked_at,
                    lon_lat_deg: None,
                    height_m: None,
                });
            }
        }
    }
}

/// How much a value changed for a time; none between two of one instant.
fn rate(before: &LimitState, now: &ReadingRow, per_us: i64) -> Option<f64> {
    let took_us = now.time.0.saturating_sub(before.time.0);
    (took_us > 0).then(|| (now.value - before.value) / took_us as f64 * per_us as f64)
}
