//! Measures area proofs, counts, inclusion proofs and opening: `cargo run --release -p kernel-ledger --example area_speed --
//! [assets] [leaves]`. Assets stand at random places of a city, each in one to four cells; the log of `leaves` is opened
//! again. It works in a new folder below the present one, which it removes at the end.

#![expect(clippy::print_stdout, reason = "it is a measurement for the terminal")]

use std::path::Path;
use std::time::Instant;

use coding_system::geosot::Cell;
use coding_system::{GridCell, LonLatBox, Position};
use kernel_ledger::area::{MapCell, Query, Shows, verify_area};
use kernel_ledger::{Areas, Error, KeyRing, Ledger, Which, verify};
use kernel_model::{AssetRecord, ContentRef, Operation};

/// A generator that is the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn record(asset: u64, cells: Vec<String>) -> AssetRecord {
    AssetRecord {
        version: 1,
        asset: format!("0192f0c1-7b1e-7cc2-9a53-{asset:012x}"),
        operation: Operation::Register,
        sequence: asset / 4_096,
        kind: "building".to_owned(),
        class: "residential".to_owned(),
        source: format!("city/{asset}"),
        cells,
        datum: "CGCS2000/WGS84".to_owned(),
        height_reference: "EPSG:5709".to_owned(),
        valid_from: None,
        valid_to: None,
        recorded: "2026-11-22T00:00:00Z".to_owned(),
        content: vec![ContentRef {
            alg: "sha-256".to_owned(),
            digest: format!("{asset:064x}"),
            media_type: "application/wkb".to_owned(),
            size: 93,
        }],
        lineage: String::new(),
        previous: None,
    }
}

/// The cells of a house of some metres, about 20 km around a place.
fn cells(random: &mut Random) -> Vec<String> {
    let (west, south) = (116.2 + random.unit() * 0.2, 39.8 + random.unit() * 0.2);
    let side = 4e-5 + random.unit() * 1.2e-4;
    let area = LonLatBox::new(west, south, west + side, south + side).ok();
    let cover = area.and_then(|area| coding_system::cover::cover_box_cells(&area, 4, 26).ok()).unwrap_or_default();
    cover.iter().map(|(cell, _)| cell.text().as_str().to_owned()).collect()
}

fn main() -> Result<(), Error> {
    let argument = |n| std::env::args().nth(n).and_then(|text| text.parse().ok());
    let (assets, leaves) = (argument(1).unwrap_or(200_000_u64), argument(2).unwrap_or(1_000_000_u64));
    let home = std::env::temp_dir().join(format!("area-speed-{}", std::process::id()));
    std::fs::create_dir_all(&home).map_err(|source| Error::Io { doing: "create", path: home.clone(), source })?;
    areas(&home.join("city"), assets)?;
    opening(&home.join("large"), leaves)?;
    std::fs::remove_dir_all(&home).map_err(|source| Error::Io { doing: "remove", path: home.clone(), source })
}

fn areas(home: &Path, assets: u64) -> Result<(), Error> {
    let mut random = Random(7);
    let (log, public) = (home.join("log"), home.join("log.pub"));
    let (mut ledger, _) = Ledger::open(&log, &public, "urbis.example.org/assets")?;
    let mut entries = 0;
    for first in (0..assets).step_by(4_096) {
        let batch: Vec<_> = (first..assets.min(first + 4_096)).map(|asset| record(asset, cells(&mut random))).collect();
        entries += batch.iter().map(|record| record.cells.len()).sum::<usize>();
        ledger.append(&batch)?;
    }
    let start = Instant::now();
    let (mut areas, _) = Areas::open(ledger.tip())?;
    let spent = start.elapsed().as_secs_f64();
    println!("map made:   {assets} assets, {entries} entries in {spent:.2} s, {:.0} assets/s", assets as f64 / spent);
    areas.keep()?;
    drop(areas);
    let start = Instant::now();
    let (mut areas, opened) = Areas::open(ledger.tip())?;
    println!("map opened: {:.2} s, {} leaves of it kept", start.elapsed().as_secs_f64(), opened.kept);
    let start = Instant::now();
    ledger.append(&[record(assets, cells(&mut random))])?;
    areas.follow(&ledger.tip())?;
    println!("follow one: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let Ok(keys) = KeyRing::parse(ledger.public_key()) else { return Ok(()) };
    // A square that holds about 5,000 of them.
    let side = 0.2 * (5_000.0 / assets as f64).sqrt();
    for n in 0..3 {
        let (west, south) = (116.25 + 0.03 * f64::from(n), 39.85);
        let Ok(query) = Query::of_box([west, south, west + side, south + side]) else { continue };
        for shows in [Shows::Assets, Shows::Count] {
            let start = Instant::now();
            let proof = areas.prove(&query, shows)?;
            let proving = start.elapsed().as_secs_f64() * 1e3;
            let start = Instant::now();
            let Ok(shown) = verify_area(&proof, &keys) else { continue };
            let verifying = start.elapsed().as_secs_f64() * 1e3;
            println!(
                "box, {shows:?}: {} assets listed, {} counted, {} bytes, proven in {proving:.1} ms, verified in {verifying:.1} ms",
                shown.assets.len(),
                shown.inside.total() + shown.across.total(),
                proof.len()
            );
        }
    }
    for level in [14, 16, 18] {
        let Ok(place) = Position::new_2d(116.3, 39.9) else { continue };
        let Ok(cell) = Cell::of(&place, level) else { continue };
        let start = Instant::now();
        let proof = areas.prove(&Query::Cells(vec![MapCell::of(&cell)]), Shows::Count)?;
        let proving = start.elapsed().as_secs_f64() * 1e3;
        let Ok(shown) = verify_area(&proof, &keys) else { continue };
        println!(
            "cell of level {level}, count: {}, {} bytes, proven in {proving:.2} ms",
            shown.inside.total(),
            proof.len()
        );
    }
    let names: Vec<_> = (0..1_000).map(|n| record(n * assets / 1_000, Vec::new()).asset).collect();
    let start = Instant::now();
    let receipts: Vec<_> = names.iter().map(|asset| ledger.receipt(asset, Which::Latest)).collect::<Result<_, _>>()?;
    println!("inclusion:  {:.0} us each", start.elapsed().as_secs_f64() * 1e3);
    let texts: Vec<_> = receipts.iter().map(ToString::to_string).collect();
    let start = Instant::now();
    let good = texts.iter().filter(|text| verify(text, ledger.public_key()).is_ok()).count();
    println!("verified:   {good} of 1000, {:.0} us each", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

fn opening(home: &Path, leaves: u64) -> Result<(), Error> {
    let (log, public) = (home.join("log"), home.join("log.pub"));
    let (mut ledger, _) = Ledger::open(&log, &public, "urbis.example.org/assets")?;
    let start = Instant::now();
    for first in (0..leaves).step_by(65_536) {
        let batch: Vec<_> = (first..leaves.min(first + 65_536)).map(|asset| record(asset, Vec::new())).collect();
        ledger.append(&batch)?;
    }
    let spent = start.elapsed().as_secs_f64();
    println!("bulk:       {leaves} leaves in {spent:.1} s, {:.0} leaves/s", leaves as f64 / spent);
    drop(ledger);
    let start = Instant::now();
    let (ledger, opened) = Ledger::open(&log, &public, "urbis.example.org/assets")?;
    println!("opened:     {} leaves in {:.3} s", opened.size, start.elapsed().as_secs_f64());
    let start = Instant::now();
    for n in 0..1_000 {
        ledger.receipt(&record(n * leaves / 1_000, Vec::new()).asset, Which::Latest)?;
    }
    println!("inclusion:  {:.0} us each, of {leaves}", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
