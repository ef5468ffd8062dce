//! Measures how fast the ledger takes records and gives receipts: `cargo run --release -p kernel-ledger --example
//! append_rate -- [leaves]`. It works in a new folder below the present one, which it removes at the end.

#![expect(clippy::print_stdout, reason = "it is a measurement for the terminal")]

use std::time::Instant;

use kernel_ledger::{Error, Ledger, Which, check, verify};
use kernel_model::{AssetRecord, ContentRef, Operation};

fn record(asset: u64, sequence: u64) -> AssetRecord {
    AssetRecord {
        version: 1,
        asset: format!("0192f0c1-7b1e-7cc2-9a53-{asset:012x}"),
        operation: Operation::Register,
        sequence,
        kind: "building".to_owned(),
        class: "residential".to_owned(),
        source: format!("delft/NL.IMBAG.Pand.{asset}"),
        cells: vec!["G001310322-230230-0131".to_owned(); 4],
        datum: "CGCS2000/WGS84".to_owned(),
        height_reference: "EPSG:5709".to_owned(),
        valid_from: Some("1998-01-01T00:00:00Z".to_owned()),
        valid_to: None,
        recorded: "2026-11-22T00:00:00Z".to_owned(),
        content: vec![ContentRef {
            alg: "sha-256".to_owned(),
            digest: format!("{asset:064x}"),
            media_type: "application/wkb".to_owned(),
            size: 1_893,
        }],
        lineage: "EPSG:7415 -> OGC:CRS84 (proj4rs 0.3.0)".to_owned(),
        previous: None,
    }
}

fn main() -> Result<(), Error> {
    let total: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(102_400);
    let home = std::path::PathBuf::from(format!("append-rate-{}", std::process::id()));
    let (log, public) = (home.join("log"), home.join("log.pub"));
    let io = |source| Error::Io { doing: "prepare", path: home.clone(), source };
    let mut next = 0;
    for batch in [1, 64, 1_024, 4_096] {
        let (mut ledger, _) = Ledger::open(&log, &public, "urbis.example.org/assets")?;
        let count = if batch == 1 { 200 } else { total.min(batch * 100) };
        let mut spent = 0.0;
        for first in (next..next + count).step_by(batch as usize) {
            let records: Vec<_> = (first..first + batch).map(|asset| record(asset, first)).collect();
            let start = Instant::now();
            ledger.append(&records)?;
            spent += start.elapsed().as_secs_f64();
        }
        next += count.next_multiple_of(batch);
        println!("append, {batch:>4} a call: {:>9.0} leaves/s", count as f64 / spent);
    }
    let start = Instant::now();
    let (ledger, opened) = Ledger::open(&log, &public, "urbis.example.org/assets")?;
    println!("open: {} leaves in {:.3} s", opened.size, start.elapsed().as_secs_f64());
    let assets: Vec<_> = (0..1_000).map(|i| record(i * opened.size / 1_000, 0).asset).collect();
    let start = Instant::now();
    let receipts: Result<Vec<_>, _> = assets.iter().map(|asset| ledger.receipt(asset, Which::Latest)).collect();
    println!("receipt: {:.1} us each", start.elapsed().as_secs_f64() * 1e3);
    let texts: Vec<_> = receipts?.iter().map(ToString::to_string).collect();
    let start = Instant::now();
    let good = texts.iter().filter(|text| verify(text, ledger.public_key()).is_ok()).count();
    println!("verify: {:.1} us each, {good} of {} hold", start.elapsed().as_secs_f64() * 1e3, texts.len());
    let start = Instant::now();
    let report = check(&log, ledger.public_key())?;
    println!(
        "check: {} tiles in {:.3} s, sound: {}",
        report.tile_count,
        start.elapsed().as_secs_f64(),
        report.is_sound()
    );
    std::fs::remove_dir_all(&home).map_err(io)
}
