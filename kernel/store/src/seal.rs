//! Sealing beside the writer: frozen rows in, segments and the file of latest values out, put where they belong. The writer
//! takes the result over by replacing the manifest; until then nothing refers to the new files, and the rows stay in the log
//! and in memory. Where an object store is away the files wait in the folder: they are written once.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use kernel_model::schema::Table;
use kernel_model::{Sequence, TimeUs};

use crate::background::Work;
use crate::error::Error;
use crate::latest::Latest;
use crate::memtable::{Parts, batches};
use crate::objects::Objects;
use crate::parts::{self, Part, SegmentMeta};

/// What is to be sealed.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) dir: PathBuf,
    /// The last commit among the rows.
    pub(crate) sequence: Sequence,
    /// The end of the files' names, which makes them new.
    pub(crate) name: String,
    pub(crate) rows: Parts,
    pub(crate) latest: Arc<Latest>,
    /// When the last commit was recorded.
    pub(crate) last_recorded: TimeUs,
    pub(crate) objects: Objects,
    /// What lies in the folder already.
    pub(crate) written: OnceLock<Sealed>,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) segments: Vec<SegmentMeta>,
    pub(crate) latest: String,
}

impl Work for Sealing {
    type Done = Sealed;
    const NAME: &'static str = "sealing";

    fn run(self: &Arc<Self>) -> Result<Sealed, Error> {
        let sealed = match self.written.get() {
            Some(sealed) => sealed.clone(),
            None => self.write().map(|sealed| self.written.get_or_init(|| sealed).clone())?,
        };
        self.objects.keep_segments(&sealed.segments)?;
        self.objects.keep(&[(sealed.latest.clone(), None)])?;
        Ok(sealed)
    }
}

impl Sealing {
    fn write(&self) -> Result<Sealed, Error> {
        let mut segments = Vec::new();
        for table in Table::ALL {
            let name = format!("{}-{}", table.name(), self.name);
            let part = Part::of(table, &batches(&self.rows[table as usize]))?;
            segments.extend(parts::write(self.objects.disk(), &self.dir, &name, &part)?);
        }
        let latest = format!("latest-{}.arrow", self.name);
        self.latest.write(self.objects.disk(), &self.dir.join(&latest))?;
        self.objects.disk().sync_folder(&self.dir)?;
        Ok(Sealed { segments, latest })
    }
}
