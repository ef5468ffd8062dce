//! Moving things between updates: in come samples with their times, out comes a place for any instant that moves without
//! jumps. Things are shown about one update late, so that two samples enclose the instant; when the next is late they go
//! on for a short while and then stand. What a new sample corrects is blended in, unless it is too far to be the same trip.

use std::collections::{BTreeMap, VecDeque};

use glam::{DVec2, DVec3};

use crate::EntityId;

/// How long a thing goes on without news, seconds.
const RECKON_S: f64 = 2.0;
/// A correction larger than this is a new trip, metres.
const SNAP_M: f64 = 60.0;
/// Time in which a correction fades to a third, seconds.
const FADE_S: f64 = 0.35;
/// Samples kept of a thing.
const KEPT: usize = 8;
/// More moving things than this are not followed.
const MOST_TRACKS: usize = 500_000;
/// A step back in time by more than this starts a track anew, microseconds.
const STEP_BACK_US: i64 = 10_000_000;

/// Where a thing was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// UTC microseconds.
    pub time_us: i64,
    /// Metres in the scene.
    pub place_m: DVec3,
    /// Clockwise from north, degrees.
    pub heading_deg: Option<f32>,
    /// Metres a second.
    pub speed_m_s: Option<f32>,
}

/// Where a thing is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Metres in the scene.
    pub place_m: DVec3,
    /// Clockwise from north, degrees.
    pub heading_deg: f32,
}

/// One thing's last samples.
#[derive(Debug, Clone, Default)]
pub struct Track {
    samples: VecDeque<Sample>,
    correction_m: DVec3,
    corrected_at_us: f64,
    heading_deg: f32,
    /// In which telling its last sample came.
    told: u32,
}

/// From the clock on the wall to the time of the data.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
struct Clock {
    offset_us: Option<f64>,
    interval_us: Option<f64>,
    shown_us: f64,
}

/// Every moving thing, and the instant that is shown.
#[derive(Debug, Default)]
pub struct Motion {
    tracks: BTreeMap<EntityId, Track>,
    clock: Clock,
    latest_us: Option<i64>,
    /// How often everything has been told anew.
    telling: u32,
}

impl Track {
    /// Adds a sample while the instant `shown_us` is on screen; what is shown then does not change at once. `anew`: the
    /// sample is told as the newest there is, whatever was told before.
    pub fn push(&mut self, sample: Sample, shown_us: f64, anew: bool) {
        let last_us = self.samples.back().map(|last| last.time_us);
        if last_us == Some(sample.time_us) {
            return;
        }
        let before = self.pose(shown_us);
        match last_us {
            Some(last_us) if sample.time_us < last_us && (anew || sample.time_us < last_us - STEP_BACK_US) => {
                self.samples.clear();
            }
            Some(last_us) if sample.time_us < last_us => return,
            _ => {}
        }
        self.samples.push_back(sample);
        if self.samples.len() > KEPT {
            self.samples.pop_front();
        }
        let (Some(before), Some(after)) = (before, self.predicted(shown_us)) else { return };
        let correction = before.place_m - after.place_m;
        self.correction_m = if correction.length() > SNAP_M { DVec3::ZERO } else { correction };
        self.corrected_at_us = shown_us;
        self.heading_deg = before.heading_deg;
    }

    /// The place at an instant, with the last correction fading.
    pub fn pose(&self, at_us: f64) -> Option<Pose> {
        let mut pose = self.predicted(at_us)?;
        let since_s = ((at_us - self.corrected_at_us) / 1e6).max(0.0);
        pose.place_m += self.correction_m * (-since_s / FADE_S).exp();
        Some(pose)
    }

    fn predicted(&self, at_us: f64) -> Option<Pose> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        if at_us <= first.time_us as f64 {
            return Some(Pose { place_m: first.place_m, heading_deg: self.heading_at(0) });
        }
        if at_us >= last.time_us as f64 {
            let beyond_s = ((at_us - last.time_us as f64) / 1e6).min(RECKON_S);
            // Slows down evenly to a stand over the time it is followed without news.
            let eased_s = beyond_s - beyond_s * beyond_s / (2.0 * RECKON_S);
            let place_m = last.place_m + self.velocity() * eased_s;
            return Some(Pose { place_m, heading_deg: self.heading_at(self.samples.len() - 1) });
        }
        let after = self.samples.iter().position(|s| s.time_us as f64 > at_us)?;
        let (a, b) = (self.samples.get(after.checked_sub(1)?)?, self.samples.get(after)?);
        let t = (at_us - a.time_us as f64) / (b.time_us - a.time_us) as f64;
        let heading = turned(self.heading_at(after - 1), self.heading_at(after), t as f32);
        Some(Pose { place_m: a.place_m.lerp(b.place_m, t), heading_deg: heading })
    }

    /// Metres a second after the last sample.
    fn velocity(&self) -> DVec3 {
        let Some(last) = self.samples.back() else { return DVec3::ZERO };
        if let (Some(heading), Some(speed)) = (last.heading_deg, last.speed_m_s) {
            let (sin, cos) = f64::from(heading).to_radians().sin_cos();
            return DVec3::new(sin, cos, 0.0) * f64::from(speed.clamp(0.0, 120.0));
        }
        let Some(before) = self.samples.len().checked_sub(2).and_then(|i| self.samples.get(i)) else {
            return DVec3::ZERO;
        };
        let seconds = (last.time_us - before.time_us) as f64 / 1e6;
        if seconds > 10.0 { DVec3::ZERO } else { (last.place_m - before.place_m) / seconds }
    }

    /// The heading that was told, else that of the way from the sample before or to the one after.
    fn heading_at(&self, index: usize) -> f32 {
        let Some(sample) = self.samples.get(index) else { return self.heading_deg };
        if let Some(told) = sample.heading_deg {
            return told;
        }
        let other = |i: Option<usize>| i.and_then(|i| self.samples.get(i));
        let way = match (other(index.checked_sub(1)), other(Some(index + 1))) {
            (Some(before), _) => sample.place_m - before.place_m,
            (None, Some(after)) => after.place_m - sample.place_m,
            (None, None) => return self.heading_deg,
        };
        if way.truncate().length() < 0.3 { self.heading_deg } else { bearing(way.truncate()) }
    }
}

/// Clockwise from north, degrees.
fn bearing(way: DVec2) -> f32 {
    (way.x.atan2(way.y).to_degrees() as f32).rem_euclid(360.0)
}

/// From one heading to another the short way round.
fn turned(from: f32, to: f32, t: f32) -> f32 {
    let way = (to - from + 540.0).rem_euclid(360.0) - 180.0;
    (from + way * t).rem_euclid(360.0)
}

impl Motion {
    /// From now on everything is told anew, as of another time perhaps: what comes holds, whatever was told before.
    pub fn begin_snapshot(&mut self) {
        self.telling += 1;
        self.latest_us = None;
    }

    /// Everything was told: what was not told again is not known to be anywhere then.
    pub fn end_snapshot(&mut self) {
        self.tracks.retain(|_, track| track.told == self.telling);
    }

    /// Takes the samples of one message that arrived at `wall_us` by the clock on the wall.
    pub fn take(&mut self, samples: impl Iterator<Item = (EntityId, Sample)>, wall_us: f64) {
        let shown = self.clock.shown_us;
        let mut latest = None;
        for (id, sample) in samples {
            latest = latest.max(Some(sample.time_us));
            if self.tracks.len() >= MOST_TRACKS && !self.tracks.contains_key(&id) {
                continue;
            }
            let track = self.tracks.entry(id).or_default();
            if let Some(gap) = track.samples.back().map(|last| sample.time_us - last.time_us)
                && (50_000..10_000_000).contains(&gap)
            {
                self.clock.learn(gap as f64);
            }
            let anew = std::mem::replace(&mut track.told, self.telling) != self.telling;
            track.push(sample, shown, anew);
        }
        if let Some(latest) = latest {
            self.clock.hear(latest as f64, wall_us);
            self.latest_us = self.latest_us.max(Some(latest));
        }
    }

    /// Forgets a thing.
    pub fn forget(&mut self, id: &EntityId) {
        self.tracks.remove(id);
    }

    /// Moves the shown instant on to what the clock on the wall says.
    pub fn advance(&mut self, wall_us: f64) {
        self.clock.advance(wall_us);
    }

    /// Shows the last known places, as a still picture wants.
    pub fn settle(&mut self) {
        if let Some(latest) = self.latest_us {
            self.clock.shown_us = latest as f64;
        }
        for track in self.tracks.values_mut() {
            track.correction_m = DVec3::ZERO;
        }
    }

    /// The newest time among all samples, UTC microseconds.
    pub fn latest_us(&self) -> Option<i64> {
        self.latest_us
    }

    /// Where a thing is shown now; `None` when it has not been heard of.
    pub fn pose(&self, id: &EntityId) -> Option<Pose> {
        self.tracks.get(id)?.pose(self.clock.shown_us)
    }
}

impl Clock {
    fn learn(&mut self, gap_us: f64) {
        let so_far = self.interval_us.unwrap_or(gap_us);
        self.interval_us = Some(so_far + (gap_us - so_far) * 0.02);
    }

    /// The data's newest time against the wall's: a far step is a replay set elsewhere, a near one the line's unsteadiness.
    fn hear(&mut self, time_us: f64, wall_us: f64) {
        let measured = time_us - wall_us;
        match self.offset_us {
            Some(offset) if (measured - offset).abs() < 8e6 => {
                self.offset_us = Some(offset + (measured - offset) * 0.1);
            }
            _ => {
                self.offset_us = Some(measured);
                self.shown_us = f64::NEG_INFINITY;
            }
        }
        self.advance(wall_us);
    }

    fn advance(&mut self, wall_us: f64) {
        let Some(offset) = self.offset_us else { return };
        let late = self.interval_us.unwrap_or(1e6).clamp(1e5, 5e6) * 1.15;
        // Time shown never runs backwards, however the delay is learnt.
        self.shown_us = self.shown_us.max(wall_us + offset - late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(second: f64, x: f64, y: f64) -> Sample {
        Sample { time_us: (second * 1e6) as i64, place_m: DVec3::new(x, y, 0.0), heading_deg: None, speed_m_s: None }
    }

    #[test]
    fn at_a_samples_time_it_is_there_and_between_it_is_between() {
        let mut track = Track::default();
        for (t, x) in [(1.0, 0.0), (2.0, 10.0), (3.0, 30.0)] {
            track.push(sample(t, x, 0.0), 0.0, false);
        }
        track.correction_m = DVec3::ZERO;
        assert!((track.pose(2e6).unwrap().place_m.x - 10.0).abs() < 1e-9);
        assert!((track.pose(2.5e6).unwrap().place_m.x - 20.0).abs() < 1e-9);
        assert!((track.pose(2.5e6).unwrap().heading_deg - 90.0).abs() < 1e-3);
        // 20 m/s, slowing to a stand over two seconds: 20 m on, and no farther.
        assert!((track.pose(5e6).unwrap().place_m.x - 50.0).abs() < 1e-6);
        assert_eq!(track.pose(5e6).unwrap().place_m, track.pose(500e6).unwrap().place_m);
    }

    #[test]
    fn headings_turn_the_short_way() {
        assert!((turned(350.0, 10.0, 0.5) - 0.0).abs() < 1e-3 || (turned(350.0, 10.0, 0.5) - 360.0).abs() < 1e-3);
        assert!((turned(10.0, 350.0, 0.25) - 5.0).abs() < 1e-3);
    }

    #[test]
    fn a_replay_set_elsewhere_starts_anew() {
        let mut motion = Motion::default();
        let id = EntityId([1; 16]);
        motion.take([(id, sample(1000.0, 0.0, 0.0))].into_iter(), 0.0);
        motion.take([(id, sample(20.0, 500.0, 0.0))].into_iter(), 1e6);
        motion.advance(9e6);
        assert!((motion.pose(&id).unwrap().place_m.x - 500.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_told_again_is_nowhere() {
        let mut motion = Motion::default();
        let ids = [1, 2].map(|n| EntityId([n; 16]));
        motion.take(ids.map(|id| (id, sample(1000.0, 0.0, 0.0))).into_iter(), 0.0);
        motion.begin_snapshot();
        motion.take([(ids[0], sample(997.0, 20.0, 0.0))].into_iter(), 1e6);
        assert!(motion.pose(&ids[1]).is_some(), "until everything is told, nothing is taken away");
        motion.end_snapshot();
        assert!(motion.pose(&ids[0]).is_some() && motion.pose(&ids[1]).is_none());
        assert_eq!(motion.latest_us(), Some(997_000_000));
    }

    #[test]
    fn a_sample_told_anew_holds_whatever_was_told_before() {
        let mut track = Track::default();
        track.push(sample(100.0, 50.0, 0.0), 0.0, false);
        track.push(sample(97.0, 20.0, 0.0), 0.0, false);
        assert_eq!(track.samples.len(), 1, "late on the live line: left out");
        track.push(sample(97.0, 20.0, 0.0), 0.0, true);
        assert_eq!(track.samples.back().map(|last| last.place_m.x), Some(20.0));
    }

    proptest! {
        /// What is on screen does not change in the instant in which news arrives, unless it is another trip.
        #[test]
        fn news_never_jumps(
            steps in prop::collection::vec((0.2..3.0f64, -20.0..20.0f64, -20.0..20.0f64), 2..30), late in 0.0..2.5f64,
        ) {
            let mut track = Track::default();
            let (mut t, mut x, mut y) = (100.0, 0.0, 0.0);
            for (dt, dx, dy) in steps {
                t += dt;
                x += dx;
                y += dy;
                let shown = (t - late) * 1e6;
                let before = track.pose(shown);
                track.push(sample(t, x, y), shown, false);
                let after = track.pose(shown).unwrap();
                if let Some(before) = before {
                    let jump = before.place_m.distance(after.place_m);
                    prop_assert!(!(1e-6..=SNAP_M * 0.5).contains(&jump), "{}", jump);
                }
            }
        }

        /// Between two frames nothing moves faster than the fastest way between samples and the fading correction allow.
        #[test]
        fn frames_are_near_each_other(
            steps in prop::collection::vec((0.5..1.5f64, -15.0..15.0f64), 2..12),
        ) {
            let mut track = Track::default();
            let (mut t, mut x, mut fastest) = (0.0, 0.0, 0.0f64);
            for (dt, dx) in steps {
                t += dt;
                x += dx;
                fastest = fastest.max(dx.abs() / dt);
                track.push(sample(t, x, 0.0), 0.0, false);
            }
            track.correction_m = DVec3::ZERO;
            let mut last = track.pose(0.0).unwrap().place_m;
            for frame in 1..600 {
                let now = track.pose(f64::from(frame) / 30.0 * 1e6).unwrap().place_m;
                // Times are whole microseconds: a way may be faster by that much.
                prop_assert!(now.distance(last) <= fastest * 1.0001 / 30.0 + 1e-6);
                last = now;
            }
        }
    }
}
