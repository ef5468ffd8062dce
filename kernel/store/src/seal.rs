//! Sealing beside the writer: frozen rows in, segments and the file of latest values out. The writer takes the result
//! over by replacing the manifest; until then nothing refers to the new files.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use arrow::array::RecordBatch;
use kernel_model::Sequence;
use kernel_model::schema::Table;

use crate::error::Error;
use crate::latest::Latest;
use crate::log::sync_dir;
use crate::segment::{self, SegmentMeta};

type Frozen = [Vec<RecordBatch>; Table::ALL.len()];

/// A thread that writes segments.
#[derive(Debug)]
pub(crate) struct Sealing {
    rows: Arc<Frozen>,
    sequence: Sequence,
    thread: JoinHandle<Result<(Vec<SegmentMeta>, String), Error>>,
}

/// What it wrote.
pub(crate) struct Sealed {
    pub(crate) sequence: Sequence,
    pub(crate) segments: Vec<SegmentMeta>,
    pub(crate) latest: String,
    pub(crate) rows: Frozen,
}

impl Sealing {
    /// Starts the thread. `generation` makes the file names new.
    pub(crate) fn begin(dir: PathBuf, sequence: Sequence, generation: u64, rows: Frozen, latest: Latest) -> Self {
        let rows = Arc::new(rows);
        let frozen = rows.clone();
        let thread = std::thread::spawn(move || {
            let mut segments = Vec::new();
            for table in Table::ALL {
                let name = format!("{}-{generation:08}", table.name());
                segments.extend(segment::write(&dir, table, &name, &frozen[table as usize])?);
            }
            let file = format!("latest-{generation:08}.arrow");
            latest.write(&dir.join(&file))?;
            sync_dir(&dir)?;
            Ok((segments, file))
        });
        Self { rows, sequence, thread }
    }

    /// The frozen rows, which readers still see in memory.
    pub(crate) fn rows(&self) -> &[Vec<RecordBatch>] {
        self.rows.as_slice()
    }

    /// Whether the thread has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread and takes its result.
    pub(crate) fn finish(self) -> Result<Sealed, Error> {
        let (segments, latest) = self.thread.join().map_err(|_| Error::Io {
            path: PathBuf::from("segments"),
            source: std::io::Error::other("the sealing thread ended with a panic: this is a defect, please report it"),
        })??;
        let rows = Arc::unwrap_or_clone(self.rows);
        Ok(Sealed { sequence: self.sequence, segments, latest, rows })
    }
}
