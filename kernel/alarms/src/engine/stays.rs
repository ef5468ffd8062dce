//! A thing that moves and the fences it is in. What holds it now comes in; comings, goings, long stays and speed go out.

use kernel_model::{EntityId, Sequence, TimeUs};
use spatial_index::Held;

use crate::alert::{Alert, Event};
use crate::commit::FixRow;
use crate::rules::{CheckedFence, CheckedRule};

/// Before the first fix.
const NEVER: TimeUs = TimeUs(i64::MIN);

/// Something that moves.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thing {
    pub(crate) id: EntityId,
    /// Of its newest fix.
    pub(crate) time: TimeUs,
    pub(crate) at: [f64; 2],
    pub(crate) height_m: Option<f64>,
    pub(crate) stays: Vec<Stay>,
}

/// A stay in a fence, by one rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stay {
    pub(crate) rule: u16,
    pub(crate) fence: EntityId,
    pub(crate) since: TimeUs,
    /// Whether it was told that it is long.
    pub(crate) told_dwell: bool,
    /// Whether it was told that the thing is fast, and it still is.
    pub(crate) is_fast: bool,
}

/// A fence that holds a thing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub(crate) fence: EntityId,
    pub(crate) held: Held,
    /// Above which it is too fast there, metres a second.
    pub(crate) speed_m_s: Option<f64>,
}

/// What is looked at, when and by which rule.
pub(crate) struct Look<'a> {
    pub(crate) rule: (u16, &'a CheckedRule),
    pub(crate) fence: &'a CheckedFence,
    pub(crate) time: TimeUs,
    pub(crate) speed_m_s: Option<f64>,
    pub(crate) sequence: Sequence,
}

impl Thing {
    pub(crate) fn new(id: EntityId) -> Self {
        Self { id, time: NEVER, at: [0.0; 2], height_m: None, stays: Vec::new() }
    }

    /// Whether it was ever anywhere.
    pub(crate) fn is_somewhere(&self) -> bool {
        self.time != NEVER
    }

    /// Moves it; `false` where the fix is older than its newest.
    pub(crate) fn moves_to(&mut self, fix: &FixRow) -> bool {
        if fix.time < self.time {
            return false;
        }
        (self.time, self.at, self.height_m) = (fix.time, fix.at, fix.height_m);
        true
    }

    /// Settles the stays of one rule by the fences that hold it now, which are in the order of their ids.
    pub(crate) fn settle(&mut self, look: &Look<'_>, found: &[Found], out: &mut Vec<Alert>) {
        let (number, rule) = look.rule;
        let of = |fence: &EntityId| found.binary_search_by_key(fence, |found| found.fence).ok().map(|at| &found[at]);
        let mut at = 0;
        while let Some(stay) = self.stays.get(at).copied() {
            // A height that is not known neither brings a thing in nor out.
            if stay.rule != number || of(&stay.fence).is_some() {
                at += 1;
                continue;
            }
            self.stays.remove(at);
            if look.fence.exit {
                out.push(self.alert(&rule.name, Event::Exit, &stay, look.time, look.sequence));
            }
        }
        for found in found.iter().filter(|found| found.held == Held::Inside) {
            if !self.stays.iter().any(|stay| stay.rule == number && stay.fence == found.fence) {
                let stay =
                    Stay { rule: number, fence: found.fence, since: look.time, told_dwell: false, is_fast: false };
                self.stays.push(stay);
                if look.fence.enter {
                    out.push(Alert {
                        value: None,
                        ..self.alert(&rule.name, Event::Enter, &stay, look.time, look.sequence)
                    });
                }
            }
        }
        self.dwells(look, out);
        if let (true, Some(speed_m_s)) = (look.fence.speed, look.speed_m_s) {
            self.speeds(look, speed_m_s, of, out);
        }
    }

    fn dwells(&mut self, look: &Look<'_>, out: &mut Vec<Alert>) {
        let Some(dwell_us) = look.fence.dwell_us else { return };
        for at in 0..self.stays.len() {
            let stay = self.stays[at];
            let is_long = look.time.0.saturating_sub(stay.since.0) >= dwell_us;
            if stay.rule == look.rule.0 && is_long && !stay.told_dwell {
                self.stays[at].told_dwell = true;
                out.push(self.alert(&look.rule.1.name, Event::Dwell, &stay, look.time, look.sequence));
            }
        }
    }

    fn speeds<'f>(
        &mut self,
        look: &Look<'_>,
        speed_m_s: f64,
        of: impl Fn(&EntityId) -> Option<&'f Found>,
        out: &mut Vec<Alert>,
    ) {
        for at in 0..self.stays.len() {
            let stay = self.stays[at];
            if stay.rule != look.rule.0 {
                continue;
            }
            let Some(limit) = of(&stay.fence).and_then(|found| found.speed_m_s) else { continue };
            let is_fast = speed_m_s > limit;
            self.stays[at].is_fast = is_fast;
            if is_fast && !stay.is_fast {
                let alert = self.alert(&look.rule.1.name, Event::Speed, &stay, look.time, look.sequence);
                out.push(Alert { value: Some(speed_m_s), ..alert });
            }
        }
    }

    /// Of a stay, with its length in seconds.
    pub(crate) fn alert(&self, rule: &str, event: Event, stay: &Stay, time: TimeUs, sequence: Sequence) -> Alert {
        Alert {
            rule: rule.to_owned(),
            event,
            thing: self.id,
            fence: Some(stay.fence),
            datastream: None,
            time,
            sequence,
            value: Some(time.0.saturating_sub(stay.since.0) as f64 / 1e6),
            lon_lat_deg: Some(self.at),
            height_m: self.height_m,
        }
    }
}
