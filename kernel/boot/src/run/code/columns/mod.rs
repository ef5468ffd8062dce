//! A file of positions again, with columns of codes added. Rows come in blocks, go through one coder for each column wanted,
//! and go out in their order; a row without a position gets no code, a row with a wrong one ends the run with its number
//! and leaves no file behind.

mod coder;
mod csv;
mod parquet;

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, bail};
use coder::Coder;

use crate::cli::ColumnsArgs;

/// The columns a position is read from, by name.
struct Names<'a> {
    lon: &'a str,
    lat: &'a str,
    height: Option<&'a str>,
}

pub(super) fn add(args: &ColumnsArgs) -> anyhow::Result<()> {
    let coders = args.codes.iter().map(|code| Coder::new(code, args)).collect::<anyhow::Result<Vec<_>>>()?;
    let names = Names { lon: &args.lon, lat: &args.lat, height: args.height.as_deref() };
    let kind = args.file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let write = match kind.as_str() {
        "csv" => csv::add,
        "parquet" => parquet::add,
        _ => bail!("{}: the name has to end in .csv or .parquet", args.file.display()),
    };
    if args.out.exists() {
        bail!("{} is there already: take another name or remove it", args.out.display());
    }
    let part = args.out.with_extension(format!("{kind}.part"));
    let input = File::open(&args.file).with_context(|| args.file.display().to_string())?;
    let output = File::create(&part).with_context(|| part.display().to_string())?;
    let rows = write(input, output, &names, &coders).and_then(|rows| put(&part, &args.out).map(|()| rows));
    if rows.is_err() {
        drop(fs::remove_file(&part));
    }
    eprintln!("{} rows -> {}", rows.with_context(|| args.file.display().to_string())?, args.out.display());
    Ok(())
}

fn put(part: &Path, out: &Path) -> anyhow::Result<()> {
    fs::rename(part, out).with_context(|| out.display().to_string())
}
