//! Buildings: polygons that become things of the store, a building's id its id at the source. Asked are those that meet a box, with their WKB,
//! and how many meet each district; both exactly. A building whose box lies wholly inside is not looked at.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::Int64Type;
use kernel_model::{Change, EntityDraft, Geometry, Kind, Shape, SourceKey};
use kernel_store::{Snapshot, Store};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use spatial_index::{Area, LonLatBox, Region};

use crate::city::Named;

/// Columns of `entities`.
const SOURCE: usize = 8;
const GEOMETRY: usize = 9;
/// Buildings of one commit.
const TOGETHER: usize = 50_000;
const DATASET: &str = "buildings";

/// Brings them in; the index of their boxes is built.
pub(crate) fn load(store: &mut Store, file: &Path) -> anyhow::Result<u64> {
    let mut count = 0;
    for rows in ParquetRecordBatchReaderBuilder::try_new(File::open(file)?)?.with_batch_size(TOGETHER).build()? {
        let rows = rows?;
        let (ids, shapes) = (rows.column(0).as_primitive::<Int64Type>(), rows.column(1).as_binary::<i32>());
        let building = |row: usize| -> anyhow::Result<Change> {
            let key = SourceKey::new(DATASET, ids.value(row).to_string().as_str());
            let mut draft = EntityDraft::new(key, Kind::Building, "building");
            draft.geometry = Some(Geometry::from_wkb(shapes.value(row)).context("a building is no WKB")?);
            Ok(Change::Entity(draft))
        };
        let changes = (0..rows.num_rows()).map(building).collect::<anyhow::Result<Vec<_>>>()?;
        store.commit(&[changes])?;
        count += rows.num_rows() as u64;
    }
    store.seal()?;
    let nowhere = LonLatBox { min: [0.0; 2], max: [0.0; 2] }.as_numbers();
    Buildings::of(&store.reader().snapshot()).meeting(&nowhere, |_, _| false)?;
    Ok(count)
}

/// The buildings of one moment.
pub(crate) struct Buildings<'a>(&'a Snapshot);

/// Present rows of things.
struct Rows<'a> {
    rows: &'a RecordBatch,
    present: &'a BooleanArray,
}

impl Rows<'_> {
    fn wkb(&self, row: u32) -> &[u8] {
        self.rows.column(GEOMETRY).as_binary::<i32>().value(row as usize)
    }

    fn id(&self, row: u32) -> anyhow::Result<u64> {
        Ok(self.rows.column(SOURCE).as_string::<i32>().value(row as usize).parse()?)
    }

    fn is_building(&self, row: u32) -> bool {
        let row = row as usize;
        self.present.value(row) && self.rows.column(GEOMETRY).is_valid(row)
    }

    /// The outer ring.
    fn ring(&self, row: u32) -> anyhow::Result<Vec<[f64; 2]>> {
        let geometry = Geometry::from_wkb(self.wkb(row)).context("a building is no WKB")?;
        let Shape::Polygon(rings) = geometry.shape else { anyhow::bail!("a building is no polygon") };
        Ok(rings.first().into_iter().flatten().map(|at| [at.lon_deg, at.lat_deg]).collect())
    }
}

impl<'a> Buildings<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Self {
        Self(snapshot)
    }

    /// Ids and WKB of those that meet a box.
    pub(crate) fn in_box(&self, bounds: LonLatBox) -> anyhow::Result<Vec<(u64, Vec<u8>)>> {
        let [[west, south], [east, north]] = [bounds.min, bounds.max];
        let area = Area::new(&[[[west, south], [east, south], [east, north], [west, north]]])?;
        let mut found = Vec::new();
        let window = bounds.as_numbers();
        self.meeting_with(
            &window,
            |ring| area.meets_ring(ring),
            |rows, row| {
                found.push((rows.id(row)?, rows.wkb(row).to_vec()));
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// How many meet an area.
    fn count(&self, area: &Area) -> anyhow::Result<usize> {
        self.meeting(area, Area::meets_ring)
    }

    fn meeting<R: Region<2>>(&self, region: &R, meets: impl Fn(&R, &[[f64; 2]]) -> bool) -> anyhow::Result<usize> {
        let mut count = 0;
        self.meeting_with(
            region,
            |ring| meets(region, ring),
            |_, _| {
                count += 1;
                Ok(())
            },
        )?;
        Ok(count)
    }

    fn meeting_with(
        &self,
        region: &impl Region<2>,
        meets: impl Fn(&[[f64; 2]]) -> bool,
        mut take: impl FnMut(&Rows<'_>, u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for ((rows, present), boxes) in self.0.entities().iter().zip(self.0.entity_boxes()) {
            let rows = Rows { rows, present };
            for (row, inside) in boxes.related(region) {
                if rows.is_building(row) && (inside || meets(&rows.ring(row)?)) {
                    take(&rows, row)?;
                }
            }
        }
        Ok(())
    }

    /// How many meet each of some areas; the areas in turn, on all processors.
    pub(crate) fn counts(&self, areas: &[Named]) -> anyhow::Result<Vec<(i64, usize)>> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (next, counts) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(areas.len())));
        let work = || -> anyhow::Result<()> {
            while let Some(named) = areas.get(next.fetch_add(1, Ordering::Relaxed)) {
                let count = (named.id, self.count(&named.area)?);
                counts.lock().map_err(|_| anyhow!("a thread ended with a panic"))?.push(count);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
                worker.join().map_err(|_| anyhow!("a thread ended with a panic"))?
            };
            workers.into_iter().try_for_each(join)
        })?;
        counts.into_inner().map_err(|_| anyhow!("a thread ended with a panic"))
    }
}
