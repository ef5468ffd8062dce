//! Changes come in as their senders made them and go out as they may be committed. What is known of each datastream that a
//! rule names is kept in memory: its newest reading, and what was counted since the start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel_model::{
    Change, DatastreamId, Names, ObservationBatch, Quality, ReadingColumns, Rejection, SourceKey, TimeUs,
};
use kernel_store::{Outcome, Reader};

use super::units::Conversion;
use super::{QualityRule, Rules};

/// What was counted of a datastream since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) gaps: u64,
    pub(super) late: u64,
    pub(super) out_of_order: u64,
    pub(super) duplicates: u64,
    pub(super) outside_range: u64,
    pub(super) too_fast: u64,
    pub(super) converted: u64,
}

/// A datastream that a rule names.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) rule: QualityRule,
    unit: String,
    /// The newest reading that was believed.
    newest: Option<(TimeUs, f64)>,
    pub(super) counts: Counts,
}

/// Datastreams by what their sources call them; none for those that no rule names.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<HashMap<SourceKey, Option<Stream>>>);

impl Watched {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<SourceKey, Option<Stream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's judge.
#[derive(Debug)]
pub(crate) struct Judge {
    rules: Rules,
    reader: Reader,
    watched: Arc<Watched>,
    sources: HashMap<DatastreamId, SourceKey>,
}

impl Judge {
    pub(crate) fn new(rules: Rules, reader: Reader) -> (Self, Arc<Watched>) {
        let watched = Arc::new(Watched::default());
        (Self { rules, reader, watched: Arc::clone(&watched), sources: HashMap::new() }, watched)
    }

    /// The changes that may be committed, and rejections for what may not.
    pub(crate) fn judge(&mut self, changes: Vec<Change>, now: TimeUs) -> Vec<Change> {
        if self.rules.0.is_empty() {
            return changes;
        }
        let watched = Arc::clone(&self.watched);
        let mut bench = Bench { judge: self, streams: watched.lock(), now, out: Vec::new(), refused: Vec::new() };
        for change in changes {
            bench.change(change);
        }
        let Bench { mut out, refused, .. } = bench;
        out.extend(refused.into_iter().map(Change::Rejected));
        out
    }

    /// Counts what was there already.
    pub(crate) fn told(&mut self, outcome: &Outcome) {
        if self.rules.0.is_empty() {
            return;
        }
        for (id, count) in &outcome.doubles {
            let Some(source) = self.source(*id) else { continue };
            if let Some(Some(stream)) = self.watched.lock().get_mut(&source) {
                stream.counts.duplicates += count;
            }
        }
    }

    fn source(&mut self, id: DatastreamId) -> Option<SourceKey> {
        if let Some(source) = self.sources.get(&id) {
            return Some(source.clone());
        }
        let source = self.reader.live().datastream(id)?.source.clone();
        self.sources.insert(id, source.clone());
        Some(source)
    }
}

struct Bench<'a> {
    judge: &'a mut Judge,
    streams: MutexGuard<'a, HashMap<SourceKey, Option<Stream>>>,
    now: TimeUs,
    out: Vec<Change>,
    refused: Vec<Rejection>,
}

impl Bench<'_> {
    fn change(&mut self, change: Change) {
        match change {
            Change::Datastream(draft) => {
                self.learn(&draft.source, &draft.property, &draft.unit);
                self.out.push(Change::Datastream(draft));
            }
            Change::Observations(batch) => self.batch(batch),
            Change::Readings(columns) => self.columns(columns),
            other => self.out.push(other),
        }
    }

    fn learn(&mut self, source: &SourceKey, property: &str, unit: &str) {
        if self.streams.contains_key(source) {
            return;
        }
        let rule = self.judge.rules.find(&source.dataset, &source.id, property).cloned();
        let live = self.judge.reader.live();
        let newest = live.datastream_of(source).and_then(|info| live.reading(info.id));
        let newest = newest.map(|reading| (reading.phenomenon_time, reading.value));
        let stream = rule.map(|rule| Stream { rule, unit: unit.to_owned(), newest, counts: Counts::default() });
        self.streams.insert(source.clone(), stream);
    }

    /// The datastream, if a rule names it; one that is not declared is the store's to refuse.
    fn stream(&mut self, source: &SourceKey) -> Option<&mut Stream> {
        if !self.streams.contains_key(source) {
            let live = self.judge.reader.live();
            let info = live.datastream_of(source).map(|info| (info.property.clone(), info.unit.clone()));
            drop(live);
            let (property, unit) = info?;
            self.learn(source, &property, &unit);
        }
        self.streams.get_mut(source)?.as_mut()
    }

    fn batch(&mut self, mut batch: ObservationBatch) {
        let (now, source) = (self.now, batch.datastream.clone());
        let Some(stream) = self.stream(&source) else { return self.out.push(Change::Observations(batch)) };
        let conversion = stream.convert(batch.unit.as_deref());
        if conversion.is_none() && batch.unit.as_deref().is_some_and(|unit| unit != stream.unit) {
            // Another unit that no rule allows: the store says so.
            return self.out.push(Change::Observations(batch));
        }
        if conversion.is_some() {
            batch.unit = None;
        }
        let mut refused = Vec::new();
        let keep: Vec<bool> = batch
            .rows
            .iter_mut()
            .map(|row| match stream.judge(conversion, row.phenomenon_time, &mut row.value, &mut row.quality, now) {
                Ok(()) => true,
                Err(reason) => {
                    refused.push((reason, row.phenomenon_time, row.value));
                    false
                }
            })
            .collect();
        for (reason, time, value) in refused {
            self.refuse(&source, reason, time, value);
        }
        retain(&mut batch.rows, &keep);
        retain(&mut batch.places, &keep);
        if !batch.rows.is_empty() {
            self.out.push(Change::Observations(batch));
        }
    }

    fn columns(&mut self, mut columns: ReadingColumns) {
        if columns.check().is_err() {
            return self.out.push(Change::Readings(columns));
        }
        let (now, rows) = (self.now, columns.len());
        let (mut keep, mut is_converted) = (vec![true; rows], vec![false; rows]);
        if columns.quality.is_empty() {
            columns.quality = vec![Quality::Good; rows];
        }
        for row in 0..rows {
            let Some(source) = self.name(&columns.datastreams, row) else { continue };
            let Some(stream) = self.stream(&source) else { continue };
            let conversion = stream.convert(columns.unit.as_deref());
            if conversion.is_none() && columns.unit.as_deref().is_some_and(|unit| unit != stream.unit) {
                continue;
            }
            is_converted[row] = conversion.is_some();
            let time = TimeUs(columns.phenomenon_us[row]);
            let (value, quality) = (&mut columns.value[row], &mut columns.quality[row]);
            if let Err(reason) = stream.judge(conversion, time, value, quality, now) {
                keep[row] = false;
                let value = *value;
                self.refuse(&source, reason, time, value);
            }
        }
        if columns.quality.iter().all(|quality| *quality == Quality::Good) {
            columns.quality.clear();
        }
        let part = |wanted: bool| keep.iter().zip(&is_converted).map(|(keep, is)| *keep && *is == wanted).collect();
        let (plain, converted): (Vec<bool>, Vec<bool>) = (part(false), part(true));
        if converted.contains(&true) {
            let own_unit = ReadingColumns { unit: None, ..columns.clone() };
            self.out.push(Change::Readings(kept(own_unit, &converted)));
        }
        if plain.contains(&true) {
            self.out.push(Change::Readings(kept(columns, &plain)));
        }
    }

    fn name(&mut self, names: &Names<DatastreamId>, row: usize) -> Option<SourceKey> {
        match names {
            Names::Ids(ids) => self.judge.source(*ids.get(row)?),
            Names::Sources { names, of } => names.get(*of.get(row)? as usize).cloned(),
        }
    }

    fn refuse(&mut self, source: &SourceKey, reason: String, time: TimeUs, value: f64) {
        // Each is told to its sender; which of them are kept as samples is the store's matter.
        self.refused.push(Rejection {
            source: source.dataset.to_string(),
            place: source.id.to_string(),
            reason,
            sample: format!("{value} at {time}"),
        });
    }
}

/// The rows of columns that are kept.
fn kept(mut columns: ReadingColumns, keep: &[bool]) -> ReadingColumns {
    match &mut columns.datastreams {
        Names::Ids(ids) => retain(ids, keep),
        Names::Sources { of, .. } => retain(of, keep),
    }
    retain(&mut columns.phenomenon_us, keep);
    retain(&mut columns.result_us, keep);
    retain(&mut columns.value, keep);
    retain(&mut columns.quality, keep);
    if let Some(places) = &mut columns.places {
        retain(&mut places.lon_deg, keep);
        retain(&mut places.lat_deg, keep);
        retain(&mut places.height_m, keep);
    }
    columns
}

/// A column that has nothing stays so.
fn retain<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    column.retain(|_| keep.next().copied().unwrap_or(true));
}

impl Stream {
    fn convert(&self, claimed: Option<&str>) -> Option<Conversion> {
        claimed.filter(|unit| *unit != self.unit).and_then(|unit| self.rule.conversion(unit, &self.unit))
    }

    /// Converts the value, counts, and says why the reading is not believed; one that is kept all the same is marked.
    fn judge(
        &mut self,
        conversion: Option<Conversion>,
        time: TimeUs,
        value: &mut f64,
        quality: &mut Quality,
        now: TimeUs,
    ) -> Result<(), String> {
        if let Some(conversion) = conversion {
            *value = conversion.of(*value);
            self.counts.converted += 1;
        }
        let after_s = |earlier: TimeUs, later: TimeUs| later.0.saturating_sub(earlier.0) as f64 / 1e6;
        if self.rule.late_s.is_some_and(|late_s| after_s(time, now) > late_s) {
            self.counts.late += 1;
        }
        let broken = self.broken(time, *value);
        if let Some(reason) = broken {
            *quality = Quality::Suspect;
            return if self.rule.keep { Ok(()) } else { Err(reason) };
        }
        match self.newest {
            Some((newest, _)) if time < newest => self.counts.out_of_order += 1,
            Some((newest, _)) if self.rule.interval_s.is_some_and(|s| after_s(newest, time) > 1.5 * s) => {
                self.counts.gaps += 1;
            }
            _ => {}
        }
        if self.newest.is_none_or(|(newest, _)| newest <= time) {
            self.newest = Some((time, *value));
        }
        Ok(())
    }

    /// Which rule a reading breaks.
    fn broken(&mut self, time: TimeUs, value: f64) -> Option<String> {
        if let Some([least, greatest]) = self.rule.range
            && !(least..=greatest).contains(&value)
        {
            self.counts.outside_range += 1;
            return Some(format!("quality rule: outside the range {least} to {greatest} {}", self.unit));
        }
        let (rate, (newest, last)) = (self.rule.rate?, self.newest?);
        let seconds = time.0.saturating_sub(newest.0) as f64 / 1e6;
        let is_too_fast = seconds > 0.0 && (value - last).abs() / seconds > rate.most / rate.per_s;
        is_too_fast.then(|| {
            self.counts.too_fast += 1;
            format!("quality rule: changed faster than {} {} in {} s", rate.most, self.unit, rate.per_s)
        })
    }
}
