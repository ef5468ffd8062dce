//! Ten million positions in a Parquet file, and the same file with a column of codes, beside a plain copy of as many bytes.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::figure::{Bound, Figure};
use crate::program::{Program, text};

const ROWS: usize = 10_000_000;
const BLOCK: usize = 100_000;
const RUNS: usize = 3;

/// Seconds with codes added, and seconds for the copy.
pub(crate) fn columns(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let (plain, coded, copy) =
        (dir.path().join("plain.parquet"), dir.path().join("coded.parquet"), dir.path().join("copy"));
    make(&plain)?;
    let (mut coding, mut copying) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (seconds, _) =
            program.run(&["code", "columns", text(&plain)?, "--out", text(&coded)?, "--code", "bd:8"])?;
        coding.push(seconds);
        let begun = Instant::now();
        fs::copy(&coded, &copy)?;
        File::open(&copy)?.sync_all()?;
        copying.push(begun.elapsed().as_secs_f64());
        ensure!(fs::metadata(&coded)?.len() > fs::metadata(&plain)?.len(), "a column was added");
        fs::remove_file(&coded)?;
    }
    let figure = |name: &str, runs| Figure { name: name.to_owned(), unit: "s", runs, bound: Bound::None };
    Ok(vec![
        figure("BeiDou codes added to 10 M rows of Parquet", coding),
        figure("the resulting file copied and synced", copying),
    ])
}

fn make(path: &Path) -> anyhow::Result<()> {
    let mut random = SmallRng::seed_from_u64(7);
    let mut writer: Option<ArrowWriter<File>> = None;
    for _ in 0..ROWS / BLOCK {
        let mut column = |low: f64, high: f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values((0..BLOCK).map(|_| random.random_range(low..high))))
        };
        let batch = RecordBatch::try_from_iter([("lon", column(115.7, 117.4)), ("lat", column(39.4, 41.1))])?;
        let writer = match &mut writer {
            Some(writer) => writer,
            empty => empty.insert(ArrowWriter::try_new(File::create(path)?, batch.schema(), None)?),
        };
        writer.write(&batch)?;
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}
