//! The things in the city as last told, sorted into layers and chunks of ground. In come rows, out go chunks that must be
//! built again; an older row replaces a newer one only where everything is told anew, and a thing too far away to draw is
//! kept and counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::layer::Layer;
use crate::local::LocalFrame;
use crate::message::EntityRow;
use crate::wkb;
use crate::{EntityId, Error};

/// Side of a chunk in metres.
const CHUNK_M: f64 = 400.0;
/// Things farther than this from the origin are not drawn, metres.
const FARTHEST_M: f64 = 150_000.0;
/// More entities than this are refused.
pub(crate) const MOST_ENTITIES: usize = 2_000_000;
/// Which part of the buildings may stand lower than the drawn ground.
const GROUND_PERCENT: usize = 10;

/// One thing with what the viewer has worked out about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entity {
    pub(crate) row: EntityRow,
    pub(crate) layer: Layer,
    pub(crate) pick: u32,
    /// The lowest height of its geometry, in the data's own reference.
    base_m: Option<f64>,
    chunk: Option<ChunkKey>,
}

/// A square of ground in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChunkKey {
    pub(crate) layer: Layer,
    pub(crate) east: i32,
    pub(crate) north: i32,
}

/// See the module.
#[derive(Default)]
pub(crate) struct City {
    frame: Option<LocalFrame>,
    ground_m: f64,
    bases_at_ground: usize,
    entities: BTreeMap<EntityId, Entity>,
    picks: Vec<EntityId>,
    chunks: BTreeMap<ChunkKey, BTreeSet<EntityId>>,
    dirty: BTreeSet<ChunkKey>,
    live_changed: bool,
    /// While a snapshot comes in: what was there before and has not been told again.
    untold: Option<BTreeSet<EntityId>>,
}

impl City {
    pub(crate) fn frame(&self) -> Option<&LocalFrame> {
        self.frame.as_ref()
    }

    pub(crate) fn ground_m(&self) -> f64 {
        self.ground_m
    }

    pub(crate) fn len(&self) -> usize {
        self.entities.len()
    }

    pub(crate) fn get(&self, id: &EntityId) -> Option<&Entity> {
        self.entities.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    pub(crate) fn of_pick(&self, pick: u32) -> Option<EntityId> {
        let id = *self.picks.get((pick as usize).checked_sub(1)?)?;
        self.entities.contains_key(&id).then_some(id)
    }

    pub(crate) fn members(&self, key: ChunkKey) -> impl Iterator<Item = &Entity> {
        self.chunks.get(&key).into_iter().flatten().filter_map(|id| self.entities.get(id))
    }

    /// One chunk to build again, nearest to this place first.
    pub(crate) fn take_dirty(&mut self, east_m: f64, north_m: f64) -> Option<ChunkKey> {
        let away = |key: &ChunkKey| {
            let middle = |cell: i32| (f64::from(cell) + 0.5) * CHUNK_M;
            ((middle(key.east) - east_m).hypot(middle(key.north) - north_m)) as i64
        };
        let key = *self.dirty.iter().min_by_key(|key| away(key))?;
        self.dirty.remove(&key);
        Some(key)
    }

    pub(crate) fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Whether live things came, went or changed since the last call.
    pub(crate) fn take_live_changed(&mut self) -> bool {
        std::mem::take(&mut self.live_changed)
    }

    /// The scene's frame is made around the first place that is told.
    pub(crate) fn settle_frame(&mut self, places: impl Iterator<Item = [f64; 2]>) {
        if self.frame.is_some() {
            return;
        }
        let (mut lons, mut lats): (Vec<f64>, Vec<f64>) = places.map(|[lon, lat]| (lon, lat)).unzip();
        let middle = lons.len() / 2;
        if lons.is_empty() {
            return;
        }
        let lon = *lons.select_nth_unstable_by(middle, f64::total_cmp).1;
        let lat = *lats.select_nth_unstable_by(middle, f64::total_cmp).1;
        self.frame = Some(LocalFrame::new(lon, lat));
    }

    /// Takes rows in.
    ///
    /// # Errors
    /// When there would be more things than the viewer holds; the rows up to there are kept.
    pub(crate) fn take(&mut self, rows: Vec<EntityRow>) -> Result<(), Error> {
        self.settle_frame(rows.iter().filter_map(place_of));
        for row in rows {
            self.take_row(row)?;
        }
        self.settle_ground();
        Ok(())
    }

    fn take_row(&mut self, row: EntityRow) -> Result<(), Error> {
        let id = row.id;
        // Told with everything else, as of another time perhaps: then an older revision is the one that holds.
        let anew = self.untold.as_mut().is_some_and(|untold| untold.remove(&id));
        let known = self.entities.get(&id);
        if known.is_some_and(|known| (!anew && known.row.recorded_seq > row.recorded_seq) || known.row == row) {
            return Ok(());
        }
        let pick = known.map(|known| known.pick);
        if let Some(old) = self.entities.remove(&id) {
            self.leave(&old);
        }
        if row.removed {
            return Ok(());
        }
        if self.entities.len() >= MOST_ENTITIES {
            return Err(Error::TooMany { most: MOST_ENTITIES });
        }
        let layer = Layer::of_kind(&row.kind);
        let pick = pick.unwrap_or_else(|| {
            self.picks.push(id);
            self.picks.len() as u32
        });
        let entity = Entity { layer, pick, base_m: base_of(&row, layer), chunk: self.chunk_of(&row, layer), row };
        if let Some(key) = entity.chunk {
            self.chunks.entry(key).or_default().insert(id);
            self.dirty.insert(key);
        }
        self.live_changed |= layer.is_live();
        self.entities.insert(id, entity);
        Ok(())
    }

    /// From now on everything present is told anew.
    pub(crate) fn begin_snapshot(&mut self) {
        self.untold = Some(self.entities.keys().copied().collect());
    }

    /// Everything present has been told: the rest is gone, and is returned.
    pub(crate) fn end_snapshot(&mut self) -> BTreeSet<EntityId> {
        let gone = self.untold.take().unwrap_or_default();
        for id in &gone {
            if let Some(old) = self.entities.remove(id) {
                self.leave(&old);
            }
        }
        gone
    }

    fn leave(&mut self, old: &Entity) {
        self.live_changed |= old.layer.is_live();
        let Some(key) = old.chunk else { return };
        self.dirty.insert(key);
        if let Some(ids) = self.chunks.get_mut(&key) {
            ids.remove(&old.row.id);
            if ids.is_empty() {
                self.chunks.remove(&key);
            }
        }
    }

    fn chunk_of(&self, row: &EntityRow, layer: Layer) -> Option<ChunkKey> {
        if layer.is_live() {
            return None;
        }
        let [lon, lat] = place_of(row)?;
        let place = self.frame?.to_metres(lon, lat, 0.0);
        if place.truncate().length() > FARTHEST_M {
            return None;
        }
        let cell = |metres: f64| (metres / CHUNK_M).floor() as i32;
        Some(ChunkKey { layer, east: cell(place.x), north: cell(place.y) })
    }

    /// The ground level is a low percentile of where buildings stand. It is found again when their number has grown by a
    /// fifth; if it moved, everything is built again.
    fn settle_ground(&mut self) {
        let mut bases: Vec<f64> = self.entities.values().filter_map(|entity| entity.base_m).collect();
        if bases.is_empty() || bases.len() * 5 < self.bases_at_ground * 6 {
            return;
        }
        self.bases_at_ground = bases.len();
        let at = bases.len() * GROUND_PERCENT / 100;
        let found = *bases.select_nth_unstable_by(at, f64::total_cmp).1;
        if (found - self.ground_m).abs() > 0.25 {
            self.ground_m = found;
            self.dirty.extend(self.chunks.keys().copied());
            self.live_changed = true;
        }
    }
}

fn base_of(row: &EntityRow, layer: Layer) -> Option<f64> {
    if layer != Layer::Buildings {
        return None;
    }
    let geometry = row.geometry.as_deref().and_then(|bytes| wkb::read(bytes).ok()).filter(|g| g.has_height);
    let low =
        geometry.map(|g| g.polygons.iter().flatten().flatten().map(|place| place[2]).fold(f64::INFINITY, f64::min));
    low.filter(|z| z.is_finite()).or(row.height_m)
}

/// The anchor, else the first place of the geometry.
pub(crate) fn place_of(row: &EntityRow) -> Option<[f64; 2]> {
    if row.anchor_deg.is_some() {
        return row.anchor_deg;
    }
    let geometry = wkb::read(row.geometry.as_deref()?).ok()?;
    let first = geometry.points.first().or_else(|| geometry.lines.first()?.first());
    let place = first.or_else(|| geometry.polygons.first()?.first()?.first())?;
    Some([place[0], place[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lamp(id: u8, seq: u64) -> EntityRow {
        EntityRow {
            id: EntityId([id; 16]),
            recorded_seq: seq,
            kind: "building".to_owned(),
            class: "lamp".to_owned(),
            name: None,
            anchor_deg: Some([116.3, 39.9]),
            height_m: None,
            extrude_m: None,
            geometry: None,
            removed: false,
        }
    }

    #[test]
    fn what_is_not_told_again_after_a_broken_line_is_gone() {
        let mut city = City::default();
        city.take(vec![lamp(1, 5), lamp(2, 5), lamp(3, 5)]).unwrap();
        while city.take_dirty(0.0, 0.0).is_some() {}
        city.begin_snapshot();
        // One as it was, one changed, one gone, one new.
        city.take(vec![lamp(1, 5), lamp(4, 9)]).unwrap();
        assert_eq!(city.len(), 4, "until everything is told, nothing is taken away");
        city.take(vec![lamp(2, 8)]).unwrap();
        assert_eq!(city.end_snapshot().into_iter().collect::<Vec<_>>(), [EntityId([3; 16])]);
        assert_eq!(city.iter().map(|entity| entity.row.recorded_seq).collect::<Vec<_>>(), [5, 8, 9]);
        assert!(city.has_dirty(), "their ground is drawn again");
        while city.take_dirty(0.0, 0.0).is_some() {}
        city.begin_snapshot();
        city.take(vec![lamp(1, 5), lamp(2, 8), lamp(4, 9)]).unwrap();
        assert!(city.end_snapshot().is_empty() && !city.has_dirty(), "the same again changes nothing");
        assert!(city.end_snapshot().is_empty(), "an end without a beginning takes nothing away");
    }

    #[test]
    fn an_older_revision_holds_only_where_everything_is_told_anew() {
        let mut city = City::default();
        city.take(vec![lamp(1, 5)]).unwrap();
        city.take(vec![lamp(1, 4)]).unwrap();
        let seen = |city: &City| city.iter().map(|entity| entity.row.recorded_seq).collect::<Vec<_>>();
        assert_eq!(seen(&city), [5], "a late row of the live line");
        city.begin_snapshot();
        city.take(vec![lamp(1, 3)]).unwrap();
        city.end_snapshot();
        assert_eq!(seen(&city), [3], "the city as it was");
    }
}
