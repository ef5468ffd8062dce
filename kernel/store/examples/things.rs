//! What many things cost: squares are taken in as one import, the store is opened again, and the same squares come once more.
//! Said are seconds, things a second, and memory: the most there was, and what stands at the end, of the program's own and of
//! files that are mapped, which the system takes back where memory is short.
//!
//! `cargo run --profile quick -p kernel-store --example things -- 1000000 [DIR]`

#![expect(clippy::print_stdout, reason = "a program whose output is figures")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use kernel_model::{Change, Coord, EntityDraft, Geometry, Kind, Origin, Removal, Shape, SourceKey, TimeUs};
use kernel_store::{Committed, Options, Store};

const PIECE: u32 = 8_192;

fn square(n: u32) -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("squares", n.to_string()), Kind::Building, "house");
    let (lon, lat) = (116.0 + f64::from(n % 1_000) * 1e-4, 39.0 + f64::from(n / 1_000) * 1e-4);
    let at = |x: f64, y: f64| Coord::new(lon + x, lat + y, 0.0);
    let ring = vec![at(0.0, 0.0), at(5e-5, 0.0), at(5e-5, 5e-5), at(0.0, 5e-5), at(0.0, 0.0)];
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring])));
    draft.properties.insert("height_m".to_owned(), f64::from(3 + n % 40).into());
    draft.lineage = "OGC:CRS84".into();
    Change::Entity(draft)
}

fn import(store: &mut Store, count: u32) -> Result<Committed, kernel_store::Error> {
    let mut import = store.import();
    import.take(vec![Change::Origin(Origin { dataset: "squares".into(), file: "squares".into() })])?;
    for from in (0..count).step_by(PIECE as usize) {
        import.take((from..count.min(from + PIECE)).map(square).collect())?;
    }
    import.take(vec![Change::Ended { removal: Removal::OfFile, at: TimeUs::now() }])?;
    import.finish()
}

/// A line of this process's status, MiB.
fn memory_mb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() >> 10
}

fn say(what: &str, count: u32, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    let [most, own, mapped] = ["VmHWM", "RssAnon", "RssFile"].map(memory_mb);
    println!(
        "{what}: {seconds:.2} s, {:.0} a second; at most {most} MiB, now {own} MiB and {mapped} MiB of files",
        f64::from(count) / seconds
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().map_or(Ok(100_000), |count| count.parse())?;
    let folder = arguments.next().map_or_else(tempfile::tempdir, tempfile::tempdir_in)?;
    say("at the start", 0, Instant::now());
    taken_in(folder.path(), count)?;
    let begun = Instant::now();
    let (mut store, _) = Store::open(folder.path(), Options::default())?;
    say("opened", count, begun);
    println!("{:?}", store.reader().snapshot().memory());
    let begun = Instant::now();
    let again = import(&mut store, count)?;
    say("the same again", count, begun);
    let outcome = &again.outcomes[0];
    println!("{} unchanged, {} revised, {} retired", outcome.unchanged, outcome.revised, outcome.retired);
    Ok(())
}

fn taken_in(folder: &Path, count: u32) -> Result<(), Box<dyn Error>> {
    let (mut store, _) = Store::open(folder, Options::default())?;
    let begun = Instant::now();
    let committed = import(&mut store, count)?;
    say("taken in", count, begun);
    println!("{} created", committed.outcomes[0].created);
    Ok(())
}
