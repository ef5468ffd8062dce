//! Segments in an object store: the same answers as from a folder, also when the store goes away in the middle, and nothing
//! is ever named before it is there. Asked of a real S3-compatible server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use kernel_model::TimeUs;
use kernel_model::schema::Table;
use kernel_store::{Access, Error, Keep, Options, Retention, SegmentsAt, Snapshot, Store};

use crate::s3::S3;
use crate::support::*;

/// A store whose segments are under a prefix, of which so many bytes stay in the data folder.
fn under(s3: &S3, prefix: &str, folder_bytes: u64) -> Options {
    let access = s3.variables().into_iter().fold(Access::default(), |access, (name, value)| access.with(name, &value));
    Options { segments: SegmentsAt::Store(format!("s3://city/{prefix}")), access, folder_bytes, ..Options::default() }
}

/// Names of files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn begun(dir: &Path, options: Options) -> Store {
    let mut store = Store::open(dir, options).unwrap().0;
    store.commit(&[vec![thing("a", "air"), datastream("d", "a", "1")]]).unwrap();
    store
}

fn fill(store: &mut Store, times: std::ops::Range<i64>) {
    for from in times.clone().step_by(500) {
        let rows = (from..times.end.min(from + 500)).map(|t| reading(t * 1_000, (t * 7 % 1_000) as f64)).collect();
        store.commit(&[vec![readings("d", rows)]]).unwrap();
    }
}

/// All readings as (time, value), in order, from wherever they are.
fn all(snapshot: &Snapshot) -> Vec<(i64, u64)> {
    let mut rows = Vec::new();
    for part in snapshot.parts(Table::Observations) {
        for chunk in 0..part.chunks() {
            let (times, values) = (part.column(chunk, 1).unwrap(), part.column(chunk, 3).unwrap());
            let times = times.as_primitive::<TimestampMicrosecondType>().values().iter();
            let values = values.as_primitive::<Float64Type>().values().iter();
            rows.extend(times.copied().zip(values.map(|value| value.to_bits())));
        }
    }
    rows.sort_unstable();
    rows
}

fn wanted(times: std::ops::Range<i64>) -> Vec<(i64, u64)> {
    times.map(|t| (t * 1_000, ((t * 7 % 1_000) as f64).to_bits())).collect()
}

fn parquet(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with("observations") && name.ends_with(".parquet")).collect()
}

/// What is under the prefix is what the manifest in the data folder names, byte by byte, and its copy.
fn in_step(s3: &S3, prefix: &str, data: &Path) {
    let manifest = fs::read(data.join("manifest")).unwrap();
    let text = String::from_utf8(manifest.clone()).unwrap();
    let json: serde_json::Value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    let copy = format!("manifest-{:020}", json["generation"].as_u64().unwrap());
    let mut named = BTreeSet::from(["mark".to_owned(), copy.clone(), json["latest"].as_str().unwrap().to_owned()]);
    for segment in json["segments"].as_array().unwrap() {
        let file = segment["file"].as_str().unwrap();
        named.insert(file.to_owned());
        if segment["zones"].is_object() {
            named.insert(file.replace(".parquet", ".zones"));
        }
    }
    let objects = s3.objects(prefix);
    let there: BTreeSet<_> =
        objects.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(there, named);
    let copy = objects.iter().find(|path| path.ends_with(&copy)).unwrap();
    assert_eq!(fs::read(copy).unwrap(), manifest);
}

#[test]
fn segments_go_there_are_merged_there_and_are_read_from_there() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let options = || under(&s3, "first/one", 0);
    let mut store = begun(dir.path(), Options { seal_rows: 2_000, ..options() });
    fill(&mut store, 0..20_000);
    store.seal().unwrap();
    assert_eq!(parquet(&dir.path().join("segments")), [""; 0], "no byte of them may stay in the folder");
    assert_eq!(all(&store.reader().snapshot()), wanted(0..20_000));
    store.compact().unwrap();
    fill(&mut store, 20_000..21_000);
    let counted = counts(&store.reader().snapshot());
    drop(store);
    in_step(&s3, "first/one", dir.path());
    let store = Store::open(dir.path(), Options { segments: SegmentsAt::AsTheyAre, ..options() }).unwrap().0;
    assert_eq!(counts(&store.reader().snapshot()), counted);
    assert_eq!(all(&store.reader().snapshot()), wanted(0..21_000));
    let newest = store.reader().snapshot().newest_readings(kernel_model::DatastreamId(1), None, 3).unwrap();
    assert_eq!(newest.last().map(|reading| reading.phenomenon_time.0), Some(20_999_000));
}

#[test]
fn a_store_that_is_away_stops_sealing_and_nothing_else() {
    let Some(mut s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    // What was sealed before stays in the folder too.
    let mut store = begun(dir.path(), Options { seal_rows: 1_000, ..under(&s3, "away", 1 << 30) });
    fill(&mut store, 0..3_000);
    store.seal().unwrap();
    let log = || names(&dir.path().join("log")).len();
    assert_eq!(log(), 1, "what is sealed is not in the log any more");
    s3.kill();
    fill(&mut store, 3_000..4_500);
    let begun = Instant::now();
    fill(&mut store, 4_500..5_000);
    assert!(begun.elapsed() < Duration::from_secs(1), "a commit waits for nobody: {:?}", begun.elapsed());
    let error = store.seal().unwrap_err();
    assert!(matches!(error, Error::Objects { .. }), "{error:?}");
    let line = error.to_string();
    assert!(line.contains("s3://city/away/segments/") && line.contains("nothing is lost"), "{line}");
    assert!(line.contains("Connection refused") && line.len() < 300, "{line}");
    assert!(log() > 1, "what could not be sealed is still in the log");
    assert_eq!(all(&store.reader().snapshot()), wanted(0..5_000), "from the folder and from memory");
    // A restart without the object store: the same.
    drop(store);
    let mut store = Store::open(dir.path(), under(&s3, "away", 1 << 30)).unwrap().0;
    fill(&mut store, 5_000..5_500);
    assert_eq!(all(&store.reader().snapshot()), wanted(0..5_500));
    s3.run();
    store.seal().unwrap();
    assert_eq!(log(), 1);
    drop(store);
    // What the removal of was missed goes at the next start.
    drop(Store::open(dir.path(), under(&s3, "away", 1 << 30)).unwrap());
    in_step(&s3, "away", dir.path());
}

#[test]
fn what_is_only_there_is_refused_with_its_name_while_the_store_is_away() {
    let Some(mut s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), under(&s3, "only", 0));
    fill(&mut store, 0..1_000);
    store.seal().unwrap();
    let part = |store: &Store| store.reader().snapshot().parts(Table::Observations)[0].clone();
    let kept = part(&store).column(0, 1).unwrap();
    s3.kill();
    assert_eq!(part(&store).column(0, 1).unwrap().len(), kept.len(), "what was decoded is in memory");
    let error = part(&store).column(0, 3).unwrap_err();
    assert!(
        matches!(&error, Error::Objects { place, .. } if place.starts_with("s3://city/only/segments/obs")),
        "{error}"
    );
    s3.run();
    assert_eq!(part(&store).column(0, 3).unwrap().len(), kept.len());
}

#[test]
fn a_store_that_refuses_is_quoted() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let options = under(&s3, "refused", 0);
    let wrong = Options { access: options.access.clone().with("AWS_SECRET_ACCESS_KEY", "guessed"), ..options.clone() };
    let line = Store::open(dir.path(), wrong).unwrap_err().to_string();
    assert!(line.contains("SignatureDoesNotMatch: ") && !line.contains('<') && !line.contains("guessed"), "{line}");
    let elsewhere = Options { segments: SegmentsAt::Store("s3://village/refused".to_owned()), ..options.clone() };
    let line = Store::open(dir.path(), elsewhere).unwrap_err().to_string();
    assert!(line.contains("s3://village/refused/mark") && line.contains("NoSuchBucket: "), "{line}");
    // The folder is as it was, and may still be told better.
    assert!(s3.objects("refused").is_empty());
    drop(begun(dir.path(), options));
}

#[test]
fn what_arrives_otherwise_than_it_was_written_is_never_named() {
    let Some(mut s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), under(&s3, "otherwise", 1 << 30));
    fill(&mut store, 0..1_000);
    s3.kill();
    store.seal().unwrap_err();
    // A disk that changes a byte of what waits there to be put.
    let waiting = dir.path().join("segments").join(&parquet(&dir.path().join("segments"))[0]);
    let mut bytes = fs::read(&waiting).unwrap();
    bytes[100] ^= 1;
    fs::write(&waiting, bytes).unwrap();
    s3.run();
    let error = store.seal().unwrap_err();
    assert!(matches!(&error, Error::Damaged { path, .. } if path.starts_with("s3://city/otherwise")), "{error}");
    assert_eq!(all(&store.reader().snapshot()), wanted(0..1_000));
    drop(store);
    // The log still has the rows, and they are written anew.
    let mut store = Store::open(dir.path(), under(&s3, "otherwise", 0)).unwrap().0;
    store.seal().unwrap();
    assert_eq!(all(&store.reader().snapshot()), wanted(0..1_000));
    drop(store);
    in_step(&s3, "otherwise", dir.path());
}

#[test]
fn orphans_go_and_what_the_folder_lost_comes_back() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), under(&s3, "orphans", 0));
    fill(&mut store, 0..1_000);
    store.seal().unwrap();
    drop(store);
    // What a crash between the object store and the manifest leaves, and a disk that was replaced.
    let there = s3.objects("orphans").into_iter().find(|path| path.extension().is_some_and(|e| e == "zones")).unwrap();
    fs::copy(&there, there.with_file_name("observations-00000099.parquet")).unwrap();
    fs::copy(&there, there.parent().unwrap().with_file_name("latest-00000099.arrow")).unwrap();
    fs::write(there.parent().unwrap().with_file_name("notes.txt"), "not ours").unwrap();
    fs::remove_dir_all(dir.path().join("segments")).unwrap();
    for file in names(dir.path()).iter().filter(|name| name.starts_with("latest-")) {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let store = Store::open(dir.path(), under(&s3, "orphans", 0)).unwrap().0;
    assert_eq!(all(&store.reader().snapshot()), wanted(0..1_000));
    assert_eq!(store.reader().live().reading(kernel_model::DatastreamId(1)).unwrap().phenomenon_time.0, 999_000);
    assert_eq!(counts(&store.reader().snapshot())[..2], [1, 1]);
    drop(store);
    fs::remove_file(there.parent().unwrap().with_file_name("notes.txt")).expect("what is not ours is left alone");
    in_step(&s3, "orphans", dir.path());
}

#[test]
fn a_folder_moves_there_and_back_and_shares_no_prefix() {
    let Some(s3) = S3::start() else { return };
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = begun(dir.path(), Options::default());
    fill(&mut store, 0..2_000);
    store.seal().unwrap();
    fill(&mut store, 2_000..2_500);
    drop(store);
    let local = names(&dir.path().join("segments"));
    let store = Store::open(dir.path(), under(&s3, "moved", 0)).unwrap().0;
    assert_eq!(all(&store.reader().snapshot()), wanted(0..2_500));
    assert_eq!(parquet(&dir.path().join("segments")), [""; 0]);
    drop(store);
    in_step(&s3, "moved", dir.path());
    let old = tempfile::tempdir().unwrap();
    for file in ["manifest", "LOCK"] {
        fs::copy(dir.path().join(file), old.path().join(file)).unwrap();
    }
    assert!(matches!(Store::open(other.path(), under(&s3, "moved", 0)), Err(Error::Taken(_))));
    drop(begun(other.path(), under(&s3, "moved-not", 0)));
    let back = Options { segments: SegmentsAt::Folder, ..under(&s3, "", 0) };
    let mut store = Store::open(dir.path(), back).unwrap().0;
    assert_eq!(names(&dir.path().join("segments")), local);
    assert_eq!(all(&store.reader().snapshot()), wanted(0..2_500));
    store.seal().unwrap();
    drop(store);
    // There again: what it left is its own. A copy of the folder that is older than what is there is not let in.
    drop(Store::open(dir.path(), under(&s3, "moved", 0)).unwrap());
    in_step(&s3, "moved", dir.path());
    assert!(matches!(Store::open(old.path(), under(&s3, "moved", 0)), Err(Error::Ahead { .. })));
}

#[test]
fn a_bulk_load_goes_there_and_a_large_object_in_parts() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut store = begun(dir.path(), under(&s3, "bulk", 0));
    let rows: Vec<RecordBatch> = crate::bulk::noise(600_000);
    let loaded = store.load::<Error>(Table::Observations, rows.into_iter().map(Ok)).unwrap();
    assert_eq!(loaded.rows, 600_000);
    let largest = s3.objects("bulk").iter().map(|path| fs::metadata(path).unwrap().len()).max().unwrap();
    assert!(largest > 8 << 20, "{largest} bytes are one request");
    assert_eq!(all(&store.reader().snapshot()).len(), 600_000);
    drop(store);
    in_step(&s3, "bulk", dir.path());
}

#[test]
fn what_grows_old_goes_from_there_and_its_summaries_come_there() {
    let Some(s3) = S3::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let year_us = 365 * 86_400_000_000;
    let retention = Retention { observations: Keep::For(year_us), late_us: 0, ..Retention::default() };
    let options = || Options { seal_rows: 2_000, retention: retention.clone(), ..under(&s3, "old", 0) };
    let mut store = begun(dir.path(), options());
    // Of the first hundred seconds of 1970, and of now.
    fill(&mut store, 0..10_000);
    let now = TimeUs::now().0;
    store.commit(&[vec![readings("d", vec![reading(now, 5.0)])]]).unwrap();
    let before = store.reader().snapshot();
    let retired = store.retain(TimeUs(now + 1_000_000)).unwrap();
    assert_eq!(retired.removed[0].rows, 10_000);
    assert_eq!(all(&before).len(), 10_001, "who reads goes on reading");
    drop(before);
    assert_eq!(all(&store.reader().snapshot()), [(now, 5.0_f64.to_bits())]);
    let days = |store: &Store| {
        let snapshot = store.reader().snapshot();
        let count = snapshot.parts(Table::ObservationsDay)[0].column(0, 2).unwrap();
        count.as_primitive::<arrow::datatypes::UInt64Type>().values().to_vec()
    };
    assert_eq!(days(&store), [10_000]);
    assert_eq!(parquet(&dir.path().join("segments")), [""; 0]);
    drop(store);
    in_step(&s3, "old", dir.path());
    assert_eq!(days(&Store::open(dir.path(), options()).unwrap().0), [10_000]);
}
