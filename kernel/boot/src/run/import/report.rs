//! What is said of a file that was taken in, and the list of the records that were refused.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use connectors_files::Format;
use kernel_model::{Rejection, TimeUs};

use super::reading::Read;
use super::writing::Written;
use crate::say::say;

/// Refused records shown on the terminal; the file has all.
const SHOWN: usize = 20;

pub(super) fn report(file: &Path, read: &Read, written: &Written, begun: Instant, folder: &Path) -> anyhow::Result<()> {
    let Read { summary, .. } = read;
    say(format_args!("{} ({}, dataset {}, {})", file.display(), summary.format, summary.dataset, summary.crs));
    let Written { retired, links, .. } = written;
    say(format_args!("  read {} records in {:.2} s", summary.records_read, begun.elapsed().as_secs_f64()));
    say(format_args!("  imported {written}"));
    if *links > 0 || (*retired > 0 && summary.format == Format::Changes) {
        say(format_args!("  ended {retired} things; {links} links from a thing to one that came of it"));
    }
    if read.keeps_all {
        say(format_args!(
            "  nothing was removed: {} refused records do not say which thing they are of",
            summary.unidentified
        ));
    }
    for (name, count) in &summary.left_out {
        say(format_args!("  left out {name}: {count}"));
    }
    if summary.without_geometry > 0 {
        say(format_args!("  {} things have no geometry in the file", summary.without_geometry));
    }
    let refused: Vec<&Rejection> = read.refused.iter().chain(&written.refused).collect();
    say(format_args!("  refused {}", refused.len()));
    for rejection in refused.iter().take(SHOWN) {
        say(format_args!("    {}: {}", rejection.place, rejection.reason));
    }
    if !refused.is_empty() {
        let path = write_report(file, &refused, folder)?;
        say(format_args!("  all refused records: {}", path.display()));
    }
    Ok(())
}

/// All refused records as CSV: place, reason, sample.
fn write_report(file: &Path, refused: &[&Rejection], folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let stem = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let time = TimeUs::now().to_string().replace(':', "");
    let path = folder.join(format!("import-{stem}-{time}.csv"));
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path).with_context(|| path.display().to_string())?);
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\"").replace('\n', " "));
    writeln!(out, "file,place,reason,sample")?;
    for r in refused {
        writeln!(out, "{},{},{},{}", quoted(&r.source), quoted(&r.place), quoted(&r.reason), quoted(&r.sample))?;
    }
    out.flush().with_context(|| path.display().to_string())?;
    Ok(path)
}
