//! One bit of a data folder is not as it was written: whatever is asked is answered rightly, or fails with the file's name
//! and what to do; what does not need the damaged bytes is answered; what can be made anew is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use kernel_model::schema::Table;
use kernel_model::{Change, ContentDraft, ContentId, DatastreamId};
use kernel_store::{CHUNK_ROWS, Error, Options, Part, Reader, Snapshot, Store, backup, check};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use spatial_index::{LonLatBox, Spans};

use crate::support::*;

/// Bits turned over in each file.
const BITS: usize = 16;
const CONTENT: &[u8] = b"a picture of the roof";

fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A folder with everything in it: two sealed stretches and one that is not.
fn folder(dir: &Path) {
    let mut store = Store::open(dir, Options::default()).unwrap().0;
    let things = vec![thing("a", "air"), datastream("d", "a", "1"), datastream("e", "a", "1"), mover("car")];
    store.commit(&[things]).unwrap();
    let bytes = CONTENT.to_vec();
    let content =
        ContentDraft { entity: key("a"), media_type: "text/plain".to_owned(), name: "roof".to_owned(), bytes };
    store.commit(&[vec![Change::Content(content)]]).unwrap();
    for stretch in 0..3_i64 {
        for t in stretch * 40..stretch * 40 + 40 {
            let changes = vec![
                readings("d", vec![reading(t * 1_000, t as f64)]),
                readings("e", vec![reading(t * 1_000, -t as f64)]),
                fix("car", t * 1_000, 116.0 + t as f64 * 1e-3),
            ];
            store.commit(&[changes]).unwrap();
        }
        store.commit(&[vec![thing(&format!("thing-{stretch}"), "air")]]).unwrap();
        if stretch < 2 {
            store.seal().unwrap();
        }
    }
}

type Answer = Result<String, Error>;

fn values<T: std::fmt::Debug + Ord>(
    parts: &[Part],
    column: usize,
    read: impl Fn(&dyn Array, usize) -> T,
) -> Result<Vec<T>, Error> {
    let mut all = Vec::new();
    for part in parts {
        for chunk in 0..part.rows().div_ceil(CHUNK_ROWS) {
            let values = part.column(chunk, column)?;
            all.extend((0..values.len()).map(|row| read(values.as_ref(), row)));
        }
    }
    all.sort_unstable();
    Ok(all)
}

fn numbers(parts: &[Part], column: usize) -> Answer {
    values(parts, column, |values, row| values.as_primitive::<Float64Type>().value(row).to_bits())
        .map(|all| format!("{all:?}"))
}

fn instants(parts: &[Part]) -> Answer {
    values(parts, 1, |values, row| values.as_primitive::<TimestampMicrosecondType>().value(row))
        .map(|all| format!("{all:?}"))
}

/// Questions, each with its answer.
fn answers(reader: &Reader) -> BTreeMap<&'static str, Answer> {
    let snapshot = reader.snapshot();
    let (readings, fixes) = (snapshot.parts(Table::Observations), snapshot.parts(Table::Positions));
    let window = LonLatBox { min: [116.02, 39.0], max: [116.05, 40.0] }.region();
    let inside = fixes.iter().map(|part| part.count_in(&window, &Spans::ALL)).sum::<Result<usize, _>>();
    let things: usize = snapshot.entities().iter().map(|(rows, _)| rows.num_rows()).sum();
    let live = reader.live();
    let car = live.entities().find(|entity| entity.kind == kernel_model::Kind::Vehicle).map(|car| car.id);
    let present =
        format!("{:?} {:?}", live.reading(DatastreamId(2)), car.and_then(|car| live.fix(&car)).map(|fix| fix.time));
    let content = snapshot.content(&ContentId::of(CONTENT));
    BTreeMap::from([
        ("values", numbers(readings, 3)),
        ("instants", instants(readings)),
        ("longitudes of fixes", numbers(fixes, 2)),
        ("instants of fixes", instants(fixes)),
        ("fixes inside", inside.map(|count| count.to_string())),
        ("newest", snapshot.newest_readings(DatastreamId(1), None, 7).map(|newest| format!("{newest:?}"))),
        ("things", Ok(format!("{things} {}", live.entities().count()))),
        ("present", Ok(present)),
        ("content", content.map(|bytes| format!("{bytes:?}"))),
    ])
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

/// What is asked of a folder, of its writer or of one who only looks on; opening it may fail as a whole.
fn ask(dir: &Path, as_writer: bool) -> Result<BTreeMap<&'static str, Answer>, Error> {
    if as_writer {
        let (store, _) = Store::open(dir, Options::default())?;
        return Ok(answers(&store.reader()));
    }
    let before = contents(dir);
    let asked = Reader::open(dir).map(|(reader, _)| answers(&reader));
    assert_eq!(contents(dir), before, "who looks on changes nothing");
    asked
}

/// It says which file, and what to do.
fn is_clear(error: &Error, file: &Path) {
    let text = error.to_string();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(name), "{text} says nothing of {name}");
    assert!(text.contains("restore it from a backup") || text.contains("use a newer urbis"), "{text}");
}

fn turn(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

fn ends(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == ending)
}

/// Files in which a turned bit loses nothing at all.
fn is_mendable(name: &str) -> bool {
    let mendable = ["zones", "rows", "log"].iter().any(|ending| ends(name, ending));
    name.starts_with("manifest") || name.starts_with("latest-") || mendable
}

#[test]
fn one_turned_bit_of_any_file_is_mended_or_named_and_the_rest_is_served() {
    let whole = in_memory();
    folder(whole.path());
    let wanted: BTreeMap<_, String> =
        ask(whole.path(), true).unwrap().into_iter().map(|(question, answer)| (question, answer.unwrap())).collect();
    let mut random = SmallRng::seed_from_u64(21);
    let mut failed = BTreeMap::<String, usize>::new();
    for path in files(whole.path()).into_iter().filter(|path| fs::metadata(path).unwrap().len() > 0) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for n in 0..BITS {
            let bit = random.random_range(0..fs::metadata(&path).unwrap().len() as usize * 8);
            let bad = in_memory();
            copy(whole.path(), bad.path());
            turn(&bad.path().join(path.strip_prefix(whole.path()).unwrap()), bit);
            assert!(check(bad.path()).is_err() || ends(&name, "log"), "bit {bit} of {name} is not found");
            let answers = match ask(bad.path(), n % 2 == 0) {
                Ok(answers) => answers,
                Err(error) => {
                    is_clear(&error, &path);
                    let is_version = matches!(error, Error::Version { .. }) && ends(&name, "log");
                    assert!(!is_mendable(&name) || is_version, "bit {bit} of {name}: {error}");
                    *failed.entry(name.clone()).or_default() += 1;
                    continue;
                }
            };
            for (question, answer) in answers {
                match answer {
                    Ok(answer) => assert_eq!(answer, wanted[question], "{question}, bit {bit} of {name}"),
                    Err(error) => {
                        is_clear(&error, &path);
                        assert!(!is_mendable(&name), "bit {bit} of {name}: {error}");
                        let table = name.split('-').next().unwrap();
                        let needs = match question {
                            "values" | "instants" | "newest" => "observations",
                            "content" => name.as_str(),
                            _ => "positions",
                        };
                        assert_eq!(table, needs, "{question} does not need {name}");
                        *failed.entry(name.clone()).or_default() += 1;
                    }
                }
            }
            if n % 2 == 0 && is_mendable(&name) && !ends(&name, "log") {
                check(bad.path()).unwrap();
            }
        }
    }
    // Things are read from their rows beside the segment, and each stands in for the other.
    for kind in ["observations-", "positions-", "datastreams-", "contents-"] {
        assert!(failed.keys().any(|name| name.starts_with(kind)), "damage in {kind} was never noticed: {failed:?}");
    }
    assert!(failed.contains_key(&ContentId::of(CONTENT).to_string()));
}

/// Where the bytes of a column of the only row group lie.
fn column_of(path: &Path, name: &str) -> std::ops::Range<usize> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let column = reader.metadata().row_group(0).columns().iter().find(|column| column.column_descr().name() == name);
    let (start, length) = column.unwrap().byte_range();
    start as usize..(start + length) as usize
}

#[test]
fn a_damaged_column_ends_only_the_questions_that_need_it() {
    let dir = in_memory();
    folder(dir.path());
    let path = dir.path().join("segments/observations-00000001.parquet");
    let values = column_of(&path, "value");
    turn(&path, (values.start + values.len() / 2) * 8 + 3);
    let (mut store, _) = Store::open(dir.path(), Options::default()).unwrap();
    let answers = answers(&store.reader());
    let failed: Vec<&str> =
        answers.iter().filter(|(_, answer)| answer.is_err()).map(|(question, _)| *question).collect();
    // The newest of a series are looked for in a whole hour, which is all of it.
    assert_eq!(failed, ["newest", "values"]);
    let error = answers["values"].as_ref().unwrap_err().to_string();
    assert!(error.contains("the column value of its rows from 0 on is not as it was written"), "{error}");
    // What is new is kept. Of an old reading that may be there nobody can tell, and no other one waits for it.
    let groups =
        [vec![readings("d", vec![reading(1_000_000, 1.0), reading(5_000, 5.0)])], vec![fix("car", 5_000, 0.0)]];
    let outcomes = store.commit(&groups).unwrap().outcomes;
    assert_eq!((outcomes[0].observations, outcomes[1].positions), (1, 1));
    let refused = &outcomes[0].rejected[0].reason;
    assert!(refused.contains("whether it is there already") && refused.contains("observations-00000001"), "{refused}");
    // Nothing is merged out of what is damaged.
    assert!(matches!(store.compact(), Err(Error::Damaged { .. })));
    assert_eq!(store.reader().live().reading(DatastreamId(1)).unwrap().value, 1.0);
}

#[test]
fn content_that_is_damaged_is_mended_by_giving_it_again() {
    let dir = in_memory();
    folder(dir.path());
    let id = ContentId::of(CONTENT);
    let mut store = Store::open(dir.path(), Options::default()).unwrap().0;
    let path = store.reader().snapshot().content_path(&id);
    turn(&path, 11);
    assert!(store.reader().snapshot().content(&id).is_err());
    let bytes = CONTENT.to_vec();
    let content =
        ContentDraft { entity: key("a"), media_type: "text/plain".to_owned(), name: "roof".to_owned(), bytes };
    store.commit(&[vec![Change::Content(content)]]).unwrap();
    assert_eq!(store.reader().snapshot().content(&id).unwrap().as_deref(), Some(CONTENT));
    assert_eq!(store.reader().snapshot().content(&ContentId::of(b"other")).unwrap(), None);
}

/// A copy that is not provably right is not read: it names files that are not there as it says.
#[test]
fn a_manifest_without_a_good_copy_is_refused() {
    let dir = in_memory();
    folder(dir.path());
    turn(&dir.path().join("manifest"), 900);
    turn(&dir.path().join("segments/positions-00000002.parquet"), 900);
    let before = contents(dir.path());
    let error = Store::open(dir.path(), Options::default()).unwrap_err().to_string();
    assert!(error.contains("manifest is damaged") && error.contains("restore it from a backup"), "{error}");
    assert_eq!(contents(dir.path()), before, "nothing was changed");
}

#[test]
fn a_log_file_that_is_gone_is_missed() {
    let dir = in_memory();
    folder(dir.path());
    for path in files(&dir.path().join("log")) {
        fs::rename(&path, path.with_file_name("00000000000000000300.log")).unwrap();
    }
    let error = Store::open(dir.path(), Options::default()).unwrap_err().to_string();
    assert!(error.contains("it goes on at commit 300, and commits after 84 are missing"), "{error}");
}

fn sum(snapshot: &Snapshot) -> Result<f64, Error> {
    let values = values(snapshot.parts(Table::Observations), 3, |values, row| {
        values.as_primitive::<Float64Type>().value(row) as i64
    })?;
    Ok(values.into_iter().map(|value| value as f64 + 0.5).sum())
}

/// A folder that was written before footers and columns had checksums.
#[test]
fn a_folder_of_version_3_is_read_and_its_damage_is_found() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/version-3");
    let dir = in_memory();
    copy(&old, dir.path());
    assert_eq!(sum(&Reader::open(dir.path()).unwrap().0.snapshot()).unwrap(), 11_250.0);
    let segment = files(&dir.path().join("segments")).into_iter().find(|path| {
        path.to_str().unwrap().contains("observations") && path.extension().is_some_and(|ending| ending == "parquet")
    });
    let segment = segment.unwrap();
    let values = column_of(&segment, "value");
    turn(&segment, (values.start + 40) * 8);
    let error = sum(&Reader::open(dir.path()).unwrap().0.snapshot()).unwrap_err();
    is_clear(&error, &segment);
    turn(&segment, (values.start + 40) * 8);
    let mut store = open(dir.path(), 1 << 20);
    store.seal().unwrap();
    assert_eq!(sum(&store.reader().snapshot()).unwrap(), 11_250.0);
    assert_eq!(check(dir.path()).unwrap().rows, 156);
    drop(store);
    let copied = in_memory();
    backup(dir.path(), copied.path(), |_| {}).unwrap();
    assert_eq!(sum(&Reader::open(copied.path()).unwrap().0.snapshot()).unwrap(), 11_250.0);
}
