//! The store that is asked, with the areas that questions name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::bail;
use kernel_model::schema::Table;
use kernel_store::{Options, Part, Reader, Snapshot, Store};
use serde_json::{Value, json};
use spatial_index::Area;

use crate::commit::Rows;
use crate::movers::{self, Movers};
use crate::{buildings, load};

/// What `open` answers.
pub(crate) static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "name": "Urbis, in process",
        "version": env!("CARGO_PKG_VERSION"),
        "kind": "in process",
        "relative": 1e-6,
        "metres": 0.001,
        "tables": ["points", "buildings", "areas", "movers"],
        "notes": "the store and its index as a library, default settings, a cache of 1 GiB; H3 cells are computed when asked",
        "clients": 2,
        "cold": true,
    })
});

/// An area by its id.
pub(crate) struct Named {
    pub(crate) id: i64,
    pub(crate) area: Area,
}

/// What is asked.
pub(crate) struct City {
    pub(crate) data: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) store: Store,
    pub(crate) districts: Vec<Named>,
    pub(crate) fences: Vec<Named>,
    /// What is committed, once it was asked for.
    pub(crate) rows: Option<Rows>,
    /// Commits made by each client.
    pub(crate) commits: [u64; 2],
    /// Points brought in.
    pub(crate) loaded: u64,
    /// What moves, once it was brought in.
    pub(crate) movers: Option<Movers>,
}

impl City {
    pub(crate) fn open(data: &Path, folder: &Path) -> anyhow::Result<Self> {
        let options = Options { cache_bytes: 1 << 30, load_bytes: 700 << 20, ..Options::default() };
        let (store, _) = Store::open(folder, options)?;
        let movers = Movers::of(&store.reader(), data)?;
        let mut city = Self {
            data: data.to_owned(),
            folder: folder.to_owned(),
            store,
            districts: Vec::new(),
            fences: Vec::new(),
            rows: None,
            commits: [0; 2],
            loaded: 0,
            movers,
        };
        if folder.join("areas").exists() {
            city.read_areas()?;
        }
        Ok(city)
    }

    /// Brings a table in.
    pub(crate) fn load(&mut self, table: &str) -> anyhow::Result<Value> {
        let before = bytes_below(&self.folder)?;
        let begun = Instant::now();
        let rows = match table {
            "points" => {
                let rows = load::points(&mut self.store, &self.data.join("points.parquet"))?;
                self.loaded += rows;
                rows
            }
            "buildings" => buildings::load(&mut self.store, &self.data.join("buildings.parquet"))?,
            "areas" => {
                // The areas are those of whoever asks; only that they were brought in is remembered.
                fs::write(self.folder.join("areas"), "")?;
                self.read_areas()?
            }
            "movers" => {
                let (rows, movers) = movers::load(&mut self.store, &self.data)?;
                self.movers = Some(movers);
                rows
            }
            other => return Ok(json!({ "not_run": format!("{other} cannot be asked in process yet") })),
        };
        let seconds = begun.elapsed().as_secs_f64();
        Ok(json!({ "rows": rows, "seconds": seconds, "bytes": bytes_below(&self.folder)? - before }))
    }

    fn read_areas(&mut self) -> anyhow::Result<u64> {
        self.districts = load::areas(&self.data.join("districts.parquet"))?;
        self.fences = load::areas(&self.data.join("fences.parquet"))?;
        Ok((self.districts.len() + self.fences.len()) as u64)
    }

    /// The store as of now.
    pub(crate) fn points(&self) -> Points {
        Points::of(&self.store.reader())
    }

    pub(crate) fn district(&self, id: i64) -> anyhow::Result<&Named> {
        match self.districts.iter().find(|named| named.id == id) {
            Some(named) => Ok(named),
            None => bail!("there is no district {id}"),
        }
    }
}

/// The points of one moment.
#[derive(Clone)]
pub(crate) struct Points {
    snapshot: Snapshot,
}

impl Points {
    pub(crate) fn of(reader: &Reader) -> Self {
        Self { snapshot: reader.snapshot() }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn parts(&self) -> &[Part] {
        self.snapshot.parts(Table::Observations)
    }
}

/// Bytes of all files below a folder.
pub(crate) fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_below(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
