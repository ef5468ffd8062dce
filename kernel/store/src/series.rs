//! Readings and fixes of a commit: each finds its datastream or thing, units, height references and places are checked, and
//! the row is gathered. Rows come one series at a time, or column by column of many; both go the same way.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use kernel_model::{
    DatastreamId, EntityId, FixColumns, HeightReference, Names, Observation, ObservationBatch, Place, PlaceColumns,
    PositionBatch, PositionFix, Quality, ReadingColumns, Rejection, SourceKey, TimeUs,
};

use crate::commit::Gathering;
use crate::entities::DatastreamInfo;
use crate::hash::IdMap;
use crate::retention::Limits;

/// A datastream while its readings are taken.
struct Series {
    info: Arc<DatastreamInfo>,
    /// Where its thing stands.
    stands: Option<Place>,
    /// The newest reading that is known.
    newest: Option<TimeUs>,
    kept: u64,
    /// Readings of a time of which nothing is kept.
    too_old: usize,
}

impl Gathering<'_> {
    /// Takes readings of one datastream.
    pub(crate) fn observations(&mut self, batch: &ObservationBatch) {
        let Some(info) = self.find_datastream(&batch.datastream) else {
            return self.unknown_datastream(&batch.datastream);
        };
        if !batch.places.is_empty() && batch.places.len() != batch.rows.len() {
            let reason =
                format!("{} readings have {} places: give one for each, or none", batch.rows.len(), batch.places.len());
            return self.refuse(&batch.datastream, reason);
        }
        if let Some(off) = batch.places.iter().find(|place| !on_the_globe(place)) {
            return self.refuse(&batch.datastream, off_the_globe(off));
        }
        let Some(mut series) = self.begin_series(info, batch.unit.as_deref()) else { return };
        for (n, row) in batch.rows.iter().enumerate() {
            self.reading(&mut series, row, batch.places.get(n).copied());
        }
        self.end_series(&series);
    }

    /// Takes readings of many datastreams.
    pub(crate) fn readings(&mut self, columns: &ReadingColumns) {
        if let Err(error) = columns.check() {
            return self.refuse_columns(error.to_string());
        }
        let (mut series, of) = self.all_series(columns);
        for (row, of) in of.iter().enumerate() {
            let Some(series) = &mut series[*of as usize] else { continue };
            let own = columns.places.as_ref().map(|places| place(places, row)).filter(|place| !place.lon_deg.is_nan());
            if let Some(off) = own.as_ref().filter(|place| !on_the_globe(place)) {
                self.refuse(&series.info.source, off_the_globe(off));
                continue;
            }
            let reading = Observation {
                phenomenon_time: TimeUs(columns.phenomenon_us[row]),
                result_time: columns.result_us.get(row).copied().flatten().map(TimeUs),
                value: columns.value[row],
                quality: columns.quality.get(row).copied().unwrap_or(Quality::Good),
            };
            self.reading(series, &reading, own);
        }
        series.iter().flatten().for_each(|series| self.end_series(series));
    }

    /// The datastreams of columns, each once, none where it is refused; and for each row which.
    fn all_series<'c>(&mut self, columns: &'c ReadingColumns) -> (Vec<Option<Series>>, Cow<'c, [u32]>) {
        let unit = columns.unit.as_deref();
        match &columns.datastreams {
            Names::Sources { names, of } => {
                let mut series = Vec::with_capacity(names.len());
                for name in names {
                    let info = self.find_datastream(name);
                    if info.is_none() {
                        self.unknown_datastream(name);
                    }
                    series.push(info.and_then(|info| self.begin_series(info, unit)));
                }
                (series, Cow::Borrowed(of))
            }
            Names::Ids(ids) => {
                let (mut series, mut places) = (Vec::new(), IdMap::default());
                let of = ids.iter().map(|id| {
                    *places.entry(*id).or_insert_with(|| {
                        series.push(self.numbered_series(*id, unit));
                        (series.len() - 1) as u32
                    })
                });
                let of = of.collect();
                (series, Cow::Owned(of))
            }
        }
    }

    fn numbered_series(&mut self, id: DatastreamId, unit: Option<&str>) -> Option<Series> {
        let Some(info) = self.info_of(id) else {
            self.refuse(
                &SourceKey::new("", id.to_string()),
                "no datastream has this number: declare it first".to_owned(),
            );
            return None;
        };
        self.begin_series(info, unit)
    }

    fn begin_series(&mut self, info: Arc<DatastreamInfo>, unit: Option<&str>) -> Option<Series> {
        if let Some(unit) = unit.filter(|unit| *unit != info.unit) {
            let reason = format!("its unit is {}, the reading says {unit}: send it in {}", info.unit, info.unit);
            self.refuse(&info.source, reason);
            return None;
        }
        let newest = self.newest_reading.get(&info.id).copied();
        let newest = newest.or_else(|| self.live.latest.reading_of(info.id).map(|latest| latest.phenomenon_time));
        Some(Series { stands: self.place_of(&info.entity), info, newest, kept: 0, too_old: 0 })
    }

    fn reading(&mut self, series: &mut Series, row: &Observation, own: Option<Place>) {
        if row.phenomenon_time < self.limits.readings {
            series.too_old += 1;
            return;
        }
        let is_late = row.phenomenon_time < self.limits.gone;
        if is_late || series.newest.is_some_and(|newest| row.phenomenon_time <= newest) {
            self.observation_rows.doubt(own.is_some());
        }
        if !is_late {
            series.newest = series.newest.max(Some(row.phenomenon_time));
        }
        series.kept += 1;
        self.observation_rows.push(series.info.id, row, own.or(series.stands));
    }

    fn end_series(&mut self, series: &Series) {
        if let Some(newest) = series.newest {
            self.newest_reading.insert(series.info.id, newest);
        }
        self.outcome().observations += series.kept;
        if series.too_old > 0 {
            let reason = Limits::too_old(series.too_old, "readings", self.limits.readings);
            self.refuse(&series.info.source, reason);
        }
    }

    /// Numbers of readings of a time whose raw rows may have gone, but those that are `settled`.
    pub(crate) fn late_readings(&self, settled: &[u32]) -> Vec<u32> {
        let (rows, gone) = (&self.observation_rows, self.limits.gone);
        let doubtful = rows.doubtful.iter().map(|doubtful| doubtful.row);
        let late: Vec<u32> = doubtful.filter(|row| rows.instant(*row as usize).1 < gone.0).collect();
        let settled: HashSet<u32> = if late.is_empty() { HashSet::new() } else { settled.iter().copied().collect() };
        late.into_iter().filter(|row| !settled.contains(row)).collect()
    }

    /// Takes fixes of one thing.
    pub(crate) fn positions(&mut self, batch: &PositionBatch) {
        let Some(entity) = self.find_entity(&batch.entity) else { return self.unknown_thing(&batch.entity, "fix") };
        let has_height = batch.rows.iter().any(|row| row.place.height_m.is_some());
        if let Some(stated) = self.other_reference(&entity, &batch.height_reference).filter(|_| has_height) {
            return self.refuse(&batch.entity, another_reference(&stated, &batch.height_reference));
        }
        if let Some(off) = batch.rows.iter().find(|row| !on_the_globe(&row.place)) {
            return self.refuse(&batch.entity, off_the_globe(&off.place));
        }
        let mut newest = self.newest_fix.get(&entity).copied().or_else(|| self.stored_fix(&entity));
        let is_young = |row: &&PositionFix| row.time >= self.limits.fixes;
        let kept: Vec<&PositionFix> = batch.rows.iter().filter(is_young).collect();
        for row in &kept {
            self.fix(entity, row, &mut newest);
        }
        self.newest_fix.extend(newest.map(|newest| (entity, newest)));
        self.outcome().positions += kept.len() as u64;
        self.refuse_old_fixes(&batch.entity, batch.rows.len() - kept.len());
    }

    fn refuse_old_fixes(&mut self, source: &SourceKey, too_old: usize) {
        if too_old > 0 {
            self.refuse(source, Limits::too_old(too_old, "fixes", self.limits.fixes));
        }
    }

    /// Takes fixes of many things.
    pub(crate) fn fixes(&mut self, columns: &FixColumns) {
        if let Err(error) = columns.check() {
            return self.refuse_columns(error.to_string());
        }
        let things = self.things(&columns.things);
        let (mut kept, mut too_old) = (0, 0);
        for (row, thing) in things.iter().enumerate() {
            let Some((entity, stored)) = *thing else { continue };
            if columns.time_us[row] < self.limits.fixes.0 {
                too_old += 1;
                continue;
            }
            let fix = PositionFix {
                time: TimeUs(columns.time_us[row]),
                place: place(&columns.places, row),
                heading_deg: number(&columns.heading_deg, row),
                speed_m_s: number(&columns.speed_m_s, row),
            };
            if let Some(reason) = self.wrong_with(&entity, &fix, &columns.height_reference) {
                self.refuse(&SourceKey::new("", entity.to_string()), reason);
                continue;
            }
            let mut newest = self.newest_fix.get(&entity).copied().or(stored);
            self.fix(entity, &fix, &mut newest);
            self.newest_fix.extend(newest.map(|newest| (entity, newest)));
            kept += 1;
        }
        self.outcome().positions += kept;
        self.refuse_old_fixes(&SourceKey::new("", "fixes"), too_old);
    }

    /// The thing of each row with the instant of its newest fix that is stored; none where it is refused.
    fn things(&mut self, names: &Names<EntityId>) -> Vec<Option<(EntityId, Option<TimeUs>)>> {
        match names {
            Names::Sources { names, of } => {
                let mut things = Vec::with_capacity(names.len());
                for name in names {
                    let thing = self.find_entity(name);
                    if thing.is_none() {
                        self.unknown_thing(name, "fix");
                    }
                    things.push(thing.map(|id| (id, self.stored_fix(&id))));
                }
                of.iter().map(|place| things[*place as usize]).collect()
            }
            Names::Ids(ids) => {
                let mut things = Vec::with_capacity(ids.len());
                for id in ids {
                    // What has moved before is a thing; whether another id is one is looked up.
                    let stored = self.stored_fix(id);
                    let known = stored.is_some() || self.described.contains_key(id) || self.live.present.contains(id);
                    if !known {
                        self.unknown_thing(&SourceKey::new("", id.to_string()), "fix");
                    }
                    things.push(known.then_some((*id, stored)));
                }
                things
            }
        }
    }

    fn stored_fix(&self, id: &EntityId) -> Option<TimeUs> {
        self.live.latest.fix_of(id).map(|latest| latest.time)
    }

    fn wrong_with(&self, entity: &EntityId, fix: &PositionFix, reference: &HeightReference) -> Option<String> {
        if !on_the_globe(&fix.place) {
            return Some(off_the_globe(&fix.place));
        }
        fix.place.height_m?;
        self.other_reference(entity, reference).map(|stated| another_reference(&stated, reference))
    }

    /// What the heights of a thing are measured from, where that is another one.
    fn other_reference(&self, entity: &EntityId, reference: &HeightReference) -> Option<HeightReference> {
        let stated = match self.described.get(entity) {
            Some(new) => new.height_reference.clone(),
            None => self.live.present.height_reference(entity)?,
        };
        (stated != *reference).then_some(stated)
    }

    fn fix(&mut self, entity: EntityId, fix: &PositionFix, newest: &mut Option<TimeUs>) {
        if newest.is_some_and(|newest| fix.time <= newest) {
            self.position_rows.doubt();
        } else {
            *newest = Some(fix.time);
        }
        self.position_rows.push(entity, fix);
    }

    fn unknown_datastream(&mut self, source: &SourceKey) {
        self.refuse(source, "this datastream was never declared: declare it with its unit first".to_owned());
    }

    fn refuse_columns(&mut self, reason: String) {
        self.reject(Rejection { source: String::new(), place: "columns".to_owned(), reason, sample: String::new() });
    }
}

fn another_reference(stated: &HeightReference, claimed: &HeightReference) -> String {
    format!(
        "its heights are measured from {stated}, this fix says {claimed}: describe the thing anew or send heights from {stated}"
    )
}

/// The place of a row.
fn place(places: &PlaceColumns, row: usize) -> Place {
    let height_m = places.height_m.get(row).copied().filter(|height| !height.is_nan());
    Place { lon_deg: places.lon_deg[row], lat_deg: places.lat_deg[row], height_m }
}

/// A number of a column that may be empty.
fn number(column: &[f32], row: usize) -> Option<f32> {
    column.get(row).copied().filter(|number| !number.is_nan())
}

fn off_the_globe(place: &Place) -> String {
    let Place { lon_deg, lat_deg, .. } = place;
    format!("longitude {lon_deg}, latitude {lat_deg} is not on the globe: send degrees, longitude first")
}

fn on_the_globe(place: &Place) -> bool {
    place.lon_deg.abs() <= 180.0 && place.lat_deg.abs() <= 90.0
}
