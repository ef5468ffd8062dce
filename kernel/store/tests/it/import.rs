//! Imports in pieces: what comes of them is what comes of one commit of the same changes; what is not finished, fails or is
//! killed leaves nothing. The one that is killed is this very test program, started as a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::AsArray;
use kernel_model::schema::Table;
use kernel_model::{Change, Coord, EntityDraft, Geometry, Kind, Origin, Removal, Shape, TimeUs};
use kernel_store::{Committed, Disk, Error, Options, Reader, Snapshot, Store, Verdict, check};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

/// Things of a file, less one that another round has.
const THINGS: i64 = 300;

fn small() -> Options {
    // What has more than an eighth of these rows goes past the log.
    Options { import_rows: 64, seal_rows: 1 << 20, ..Options::default() }
}

fn building(id: i64, class: &str) -> Change {
    let mut draft = EntityDraft::new(key(&format!("b-{id}")), Kind::Building, class);
    let (lon, lat) = (116.0 + id as f64 * 1e-4, 39.0);
    let corner = |x: f64, y: f64| Coord::new(lon + x, lat + y, 0.0);
    let ring = vec![corner(0.0, 0.0), corner(5e-5, 0.0), corner(5e-5, 5e-5), corner(0.0, 0.0)];
    draft.geometry = Some(Geometry::flat(Shape::Polygon(vec![ring])));
    draft.parent = (id % 10 > 0).then(|| key(&format!("b-{}", id - id % 10)));
    Change::Entity(draft)
}

/// The file as of a round: every round describes all things anew, and leaves one out.
fn file(round: i64) -> Vec<Change> {
    let mut changes = vec![Change::Origin(Origin { dataset: "test".into(), file: "f".into() })];
    let left_out = 1 + round % 9;
    changes.extend((0..THINGS).filter(|id| *id != left_out).map(|id| building(id, &format!("round-{round}"))));
    changes.push(datastream("d", "b-0", "1"));
    changes.extend((0..20).map(|n| readings("d", vec![reading(round * 1000 + n, n as f64)])));
    changes.push(Change::Ended { removal: Removal::OfFile, at: TimeUs(1_700_000_000_000_000 + round) });
    changes
}

fn import(store: &mut Store, changes: Vec<Change>, piece: usize) -> Result<Committed, Error> {
    let mut import = store.import();
    for piece in changes.chunks(piece) {
        import.take(piece.to_vec())?;
    }
    import.finish()
}

/// Things that are there and their classes.
fn present(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (rows, marks) in snapshot.entities() {
        let (source, class) = (rows.column(8).as_string::<i32>(), rows.column(4).as_string::<i32>());
        for row in (0..rows.num_rows()).filter(|row| marks.value(*row)) {
            found.insert(source.value(row).to_owned(), class.value(row).to_owned());
        }
    }
    found
}

fn wanted(round: i64) -> BTreeMap<String, String> {
    let ids = (0..THINGS).filter(|id| *id != 1 + round % 9);
    ids.map(|id| (format!("b-{id}"), format!("round-{round}"))).collect()
}

/// Everything that readers see, but for ids and times of recording.
fn seen(store: &Store) -> (Vec<u64>, BTreeMap<String, String>, u64) {
    let snapshot = store.reader().snapshot();
    let counts = Table::ALL.map(|table| snapshot.row_count(table)).to_vec();
    let live = store.reader().live().entities().filter(|entity| entity.class.starts_with("round")).count();
    (counts, present(&snapshot), live as u64)
}

#[test]
fn pieces_come_to_what_one_commit_comes_to() {
    let [whole, pieces] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut stores = [&whole, &pieces].map(|dir| Store::open(dir.path(), small()).unwrap().0);
    for round in 0..4 {
        let committed = stores[0].commit(&[file(round)]).unwrap();
        let outcome = committed.outcomes[0].clone();
        assert_eq!(outcome.retired, u64::from(round > 0), "each round drops another one");
        let by_pieces = import(&mut stores[1], file(round), 50).unwrap();
        assert_eq!((by_pieces.sequence, &by_pieces.outcomes[0]), (committed.sequence, &outcome));
        assert!(by_pieces.past_log && by_pieces.rows.is_empty());
        let told = |committed: &Committed| (committed.delta.entities.len(), committed.delta.readings.len());
        assert_eq!(told(&by_pieces).0, told(&committed).0);
        assert_eq!(told(&by_pieces).1, 1, "the newest reading of each series");
        let again = import(&mut stores[1], file(round), 50).unwrap();
        assert_eq!((again.sequence, again.outcomes[0].revised), (committed.sequence, 0), "again is no commit");
        assert_eq!(seen(&stores[1]), seen(&stores[0]), "round {round}");
        let sequences = |store: &Store| {
            let snapshot = store.reader().snapshot();
            let rows = kernel_store::entity_rows_after(&snapshot, kernel_model::Sequence(committed.sequence.0 - 1));
            rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>()
        };
        assert_eq!(sequences(&stores[1]), sequences(&stores[0]), "all rows have the one sequence");
    }
    drop(stores);
    for dir in [&whole, &pieces] {
        check(dir.path()).unwrap();
        let store = Store::open(dir.path(), small()).unwrap().0;
        assert_eq!(present(&store.reader().snapshot()), wanted(3));
        assert_eq!(store.reader().live().reading(kernel_model::DatastreamId(1)).unwrap().phenomenon_time, TimeUs(3019));
    }
}

#[test]
fn a_few_changes_go_by_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), small()).unwrap().0;
    let committed = import(&mut store, vec![building(0, "a"), building(1, "a")], 1).unwrap();
    assert_eq!((committed.sequence.0, committed.rows.len()), (1, 1));
    assert_eq!(check(dir.path()).unwrap().segments, 0);
}

#[test]
fn what_is_not_finished_leaves_nothing_and_the_next_one_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), small()).unwrap().0;
    import(&mut store, file(0), 50).unwrap();
    let files = || std::fs::read_dir(dir.path().join("segments")).unwrap().count();
    let (before, there) = (seen(&store), files());
    let mut import_1 = store.import();
    for piece in file(1).chunks(50) {
        import_1.take(piece.to_vec()).unwrap();
    }
    drop(import_1);
    assert_eq!((seen(&store), files()), (before, there), "nothing of it is seen, and no file stays");
    store.commit(&[vec![building(1000, "told")]]).unwrap();
    assert_eq!(import(&mut store, file(1), 50).unwrap().outcomes[0].retired, 1);
    drop(store);
    check(dir.path()).unwrap();
}

#[test]
fn a_disk_that_fails_at_any_action_of_an_import_leaves_all_or_nothing() {
    let mut failures = 0;
    for at in 0.. {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        drop(Store::open(dir.path(), small()).map(|(mut store, _)| import(&mut store, file(0), 50)).unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let disk = Disk::judged(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
            now if now == at && at % 2 == 0 => Verdict::Fail(ErrorKind::StorageFull.into()),
            now if now == at => Verdict::Late(ErrorKind::StorageFull.into()),
            _ => Verdict::Do,
        });
        if let Ok((mut store, _)) = Store::open(dir.path(), Options { disk, ..small() }) {
            let done = import(&mut store, file(1), 50).is_ok();
            let seen = present(&store.reader().snapshot());
            assert_eq!(seen, wanted(i64::from(done)), "action {at}");
            failures += usize::from(!done);
            if !done {
                import(&mut store, file(1), 50).unwrap();
                assert_eq!(present(&store.reader().snapshot()), wanted(1));
            }
        }
        check(dir.path()).unwrap();
        let mut store = Store::open(dir.path(), small()).unwrap().0;
        import(&mut store, file(1), 50).unwrap();
        assert_eq!(present(&store.reader().snapshot()), wanted(1), "action {at}");
        if asked.load(Ordering::SeqCst) <= at {
            break;
        }
    }
    assert!(failures > 10, "{failures} failures");
}

#[test]
#[ignore = "started by the test below as a process of its own, to be killed"]
fn the_importer() {
    let (Ok(dir), Ok(from)) = (std::env::var("URBIS_KILL_DIR"), std::env::var("URBIS_KILL_FROM")) else { return };
    let (mut store, _) = Store::open(Path::new(&dir), small()).unwrap();
    let say = |word: &str, round: i64| std::io::stdout().write_all(format!("{word} {round}\n").as_bytes()).unwrap();
    for round in from.parse().unwrap().. {
        say("sent", round);
        import(&mut store, file(round), 50).unwrap();
        say("kept", round);
    }
}

#[test]
fn an_import_that_is_killed_is_there_whole_or_not_at_all_and_the_next_is_complete() {
    let mut random = SmallRng::seed_from_u64(7);
    let dir = tempfile::tempdir().unwrap();
    let (mut round, mut cut) = (0, 0);
    for kill in 0..12 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "import::the_importer", "--ignored", "--nocapture"]);
        command.env("URBIS_KILL_DIR", dir.path()).env("URBIS_KILL_FROM", round.to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let first = format!("sent {round}");
        lines.by_ref().find(|line| *line == first).expect("it begins");
        std::thread::sleep(Duration::from_micros(random.random_range(0..150_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let (mut sent, mut kept) = (round, round - 1);
        for line in lines {
            match line.split_once(' ').map(|(word, n)| (word.to_owned(), n.parse::<i64>())) {
                Some((word, Ok(n))) if word == "sent" => sent = n,
                Some((word, Ok(n))) if word == "kept" => kept = n,
                _ => {}
            }
        }
        check(dir.path()).unwrap();
        let found = present(&Reader::open(dir.path()).unwrap().0.snapshot());
        let stands = (kept.max(0)..=sent).find(|round| found == wanted(*round));
        assert!(stands.is_some() || (found.is_empty() && kept < 0), "kill {kill}: {} things, kept {kept}", found.len());
        cut += usize::from(stands != Some(sent));
        // The same file again, after a start that finds what was left.
        let mut store = Store::open(dir.path(), small()).unwrap().0;
        import(&mut store, file(sent), 50).unwrap();
        assert_eq!(present(&store.reader().snapshot()), wanted(sent));
        round = sent + 1;
    }
    assert!(cut > 0, "it was killed in the middle of an import");
}
