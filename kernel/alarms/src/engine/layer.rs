//! A layer of fences: the things of the city that a rule's filter takes, as they were told last. Rows of `entities` come in;
//! which of the fences hold a thing goes out, by the schedule and the valid time of each.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use kernel_model::{EntityId, Geometry, Kind, Sequence, Shape, TimeUs};
use serde_json::Value;
use spatial_index::{Fence, Fences, Held};

use super::Bits;
use super::stays::{Found, Look, Thing};
use crate::alert::Alert;
use crate::commit::FixRow;
use crate::rules::{Checked, Filter, Schedule, What};

/// Fences that the same filter takes, and the rules that look at them.
#[derive(Debug)]
pub(super) struct Layer {
    filter: Filter,
    rules: Vec<u16>,
    index: Fences,
    ids: Vec<EntityId>,
    number_of: HashMap<EntityId, u32>,
    /// Of fences that say more than where they are.
    more: HashMap<u32, More>,
    schedules: HashMap<(String, Option<String>), Arc<Schedule>>,
    found: Vec<(EntityId, u32, Held)>,
}

#[derive(Debug, Clone, Default)]
struct More {
    schedule: Option<Arc<Schedule>>,
    from: Option<TimeUs>,
    to: Option<TimeUs>,
    speed_m_s: Option<f64>,
}

impl More {
    fn is_nothing(&self) -> bool {
        self.schedule.is_none() && self.from.is_none() && self.to.is_none() && self.speed_m_s.is_none()
    }

    fn holds(&self, at: TimeUs) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

impl Layer {
    /// The layers of some rules, each once.
    pub(super) fn of(rules: &Checked) -> Vec<Self> {
        let mut layers: Vec<Self> = Vec::new();
        for (number, rule) in (0..).zip(&rules.rules) {
            let What::Fences(fence) = &rule.what else { continue };
            match layers.iter_mut().find(|layer| layer.filter == fence.fences) {
                Some(layer) => layer.rules.push(number),
                None => layers.push(Self {
                    filter: fence.fences.clone(),
                    rules: vec![number],
                    index: Fences::new(),
                    ids: Vec::new(),
                    number_of: HashMap::new(),
                    more: HashMap::new(),
                    schedules: HashMap::new(),
                    found: Vec::new(),
                }),
            }
        }
        layers
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Takes in a revision of a thing. One whose valid time begins before that of what is known is of the past and changes no
    /// fence. A fence that makes no sense is none, and the log says why.
    pub(super) fn describe(
        &mut self,
        batch: &RecordBatch,
        row: usize,
        id: EntityId,
        (kind, class): (Kind, &str),
        is_gone: bool,
    ) {
        let known = self.number_of.get(&id).copied();
        if is_gone || !self.filter.takes(kind, class) {
            if let Some(number) = known {
                self.index.remove(number);
            }
            return;
        }
        let times = |column: usize| {
            let times = batch.column(column).as_primitive::<TimestampMicrosecondType>();
            times.is_valid(row).then(|| TimeUs(times.value(row)))
        };
        let (from, to) = (times(20), times(21));
        let held_from = known.and_then(|number| self.more.get(&number)).and_then(|more| more.from);
        if from.zip(held_from).is_some_and(|(from, held)| from < held) {
            return;
        }
        let number = known.unwrap_or_else(|| {
            self.ids.push(id);
            self.number_of.insert(id, self.ids.len() as u32 - 1);
            self.ids.len() as u32 - 1
        });
        let taken = self.read(batch, row).and_then(|(fence, more)| {
            self.index.insert(number, fence).map_err(|e| e.to_string())?;
            Ok(More { from, to, ..more })
        });
        match taken {
            Ok(more) if more.is_nothing() => drop(self.more.remove(&number)),
            Ok(more) => drop(self.more.insert(number, more)),
            Err(why) => self.refuse(number, id, &why),
        }
    }

    fn refuse(&mut self, number: u32, id: EntityId, why: &str) {
        self.index.remove(number);
        tracing::warn!(fence = %id, "no fence: {why}");
    }

    /// The fence of a row of `entities`.
    fn read(&mut self, batch: &RecordBatch, row: usize) -> Result<(Fence, More), String> {
        let text = |column: usize| batch.column(column).as_string::<i32>().value(row);
        let wkb = batch.column(9).as_binary::<i32>();
        let properties: Value = serde_json::from_str(text(19)).unwrap_or_default();
        let number = |name: &str| match &properties[name] {
            Value::Null => Ok(None),
            value => {
                value.as_f64().map(Some).ok_or_else(|| format!("its {name} is not a number, but {value}; mend it"))
            }
        };
        let geometry = match wkb.is_valid(row) {
            true => Geometry::from_wkb(wkb.value(row)).map_err(|e| e.to_string())?,
            false => return Err("it has no geometry; give a polygon, or a point and radius_m".to_owned()),
        };
        let fence = plane(&geometry, number("radius_m")?)?;
        let fence = match (number("bottom_m")?, number("top_m")?) {
            (None, None) => fence,
            (bottom, top) => {
                let reference = properties["height_reference"].as_str().unwrap_or(text(10));
                if reference != "ellipsoid" {
                    return Err(format!(
                        "its heights are above `{reference}` and those of fixes above the ellipsoid: give bottom_m and top_m \
                         above the ellipsoid, and height_reference \"ellipsoid\" to say so"
                    ));
                }
                let (bottom, top) = (bottom.unwrap_or(f64::NEG_INFINITY), top.unwrap_or(f64::INFINITY));
                fence.between(bottom, top).map_err(|e| e.to_string())?
            }
        };
        let schedule = match properties["schedule"].as_str() {
            Some(text) => Some(self.schedule(text, properties["time_zone"].as_str())?),
            None => None,
        };
        Ok((fence, More { schedule, speed_m_s: number("speed_m_s")?, ..More::default() }))
    }

    /// The schedule of a text, read once.
    fn schedule(&mut self, text: &str, zone: Option<&str>) -> Result<Arc<Schedule>, String> {
        let key = (text.to_owned(), zone.map(str::to_owned));
        if let Some(known) = self.schedules.get(&key) {
            return Ok(known.clone());
        }
        let read = Arc::new(Schedule::read(text, zone).map_err(|e| e.to_string())?);
        self.schedules.insert(key, read.clone());
        Ok(read)
    }

    /// Settles the stays of a thing that has moved.
    pub(super) fn look(
        &mut self,
        thing: &mut Thing,
        fix: &FixRow,
        meant: Bits,
        rules: &Checked,
        sequence: Sequence,
        out: &mut Vec<Alert>,
    ) {
        let of_any = self.rules.iter().any(|rule| meant & (1 << rule) != 0);
        self.found.clear();
        if of_any {
            let (found, ids) = (&mut self.found, &self.ids);
            self.index.visit(fix.at, fix.height_m, |number, held| found.push((ids[number as usize], number, held)));
            found.sort_unstable_by_key(|(id, ..)| *id);
        } else if thing.stays.is_empty() {
            return;
        }
        for number in &self.rules {
            let is_meant = meant & (1 << number) != 0;
            let has_stays = thing.stays.iter().any(|stay| stay.rule == *number);
            if !(has_stays || is_meant && !self.found.is_empty()) {
                continue;
            }
            let rule = &rules.rules[usize::from(*number)];
            let What::Fences(fence) = &rule.what else { continue };
            let found: Vec<Found> =
                self.found.iter().filter(|_| is_meant).filter_map(|found| self.held(found, fix.time, fence)).collect();
            let look = Look { rule: (*number, rule), fence, time: fix.time, speed_m_s: fix.speed_m_s, sequence };
            thing.settle(&look, &found, out);
        }
    }

    /// A fence that holds a point, if it holds at that instant.
    fn held(
        &self,
        (id, number, held): &(EntityId, u32, Held),
        at: TimeUs,
        rule: &crate::rules::CheckedFence,
    ) -> Option<Found> {
        let more = self.more.get(number);
        let schedule = more.and_then(|more| more.schedule.as_deref()).or(rule.schedule.as_ref());
        let holds = more.is_none_or(|more| more.holds(at)) && schedule.is_none_or(|schedule| schedule.holds(at));
        let speed_m_s = more.and_then(|more| more.speed_m_s).or(rule.speed_m_s);
        holds.then_some(Found { fence: *id, held: *held, speed_m_s })
    }
}

/// The fence in the plane.
fn plane(geometry: &Geometry, radius_m: Option<f64>) -> Result<Fence, String> {
    let ring = |ring: &Vec<kernel_model::Coord>| ring.iter().map(|c| [c.lon_deg, c.lat_deg]).collect::<Vec<_>>();
    let rings = |polygon: &Vec<Vec<kernel_model::Coord>>| polygon.iter().map(ring).collect::<Vec<_>>();
    let fence = match (&geometry.shape, radius_m) {
        (Shape::Polygon(polygon), None) => Fence::polygons(&[rings(polygon)]),
        (Shape::MultiPolygon(polygons), None) => Fence::polygons(&polygons.iter().map(rings).collect::<Vec<_>>()),
        (Shape::Point(center), Some(radius_m)) => Fence::circle([center.lon_deg, center.lat_deg], radius_m),
        _ => return Err("its geometry is no area: give a polygon, or a point and radius_m".to_owned()),
    };
    fence.map_err(|e| e.to_string())
}
