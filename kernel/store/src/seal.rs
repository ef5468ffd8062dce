//! Sealing beside the writer: frozen rows in, segments and the file of latest values out. The writer takes the result
//! over by replacing the manifest; until then nothing refers to the new files, and the rows stay in the log and in memory.

use std::path::PathBuf;
use std::sync::Arc;

use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use crate::background::Work;
use crate::error::Error;
use crate::latest::Latest;
use crate::log::sync_dir;
use crate::memtable::{Parts, batches};
use crate::parts::{self, Part, SegmentMeta};

/// What is to be sealed.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) dir: PathBuf,
    /// The last commit among the rows.
    pub(crate) sequence: Sequence,
    /// Makes the file names new.
    pub(crate) number: u64,
    pub(crate) rows: Parts,
    pub(crate) latest: Latest,
    /// When the last commit was recorded.
    pub(crate) last_recorded: TimeUs,
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) segments: Vec<SegmentMeta>,
    pub(crate) latest: String,
}

impl Work for Sealing {
    type Done = Sealed;
    const NAME: &'static str = "sealing";

    fn run(self: &Arc<Self>) -> Result<Sealed, Error> {
        let mut segments = Vec::new();
        for table in Table::ALL {
            let name = format!("{}-{:08}", table.name(), self.number);
            let part = Part::of(table, &batches(&self.rows[table as usize]))?;
            segments.extend(parts::write(&self.dir, &name, &part)?);
        }
        let latest = format!("latest-{:08}.arrow", self.number);
        self.latest.write(&self.dir.join(&latest))?;
        sync_dir(&self.dir)?;
        Ok(Sealed { segments, latest })
    }
}
