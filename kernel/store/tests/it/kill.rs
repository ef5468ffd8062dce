//! Killed with SIGKILL at any instant, again and again, while it commits, loads, seals and compacts: what was acknowledged
//! is there, once; of what was on its way all or nothing; nothing else. The writer is this very test program, started as a
//! process of its own that says on its standard output what it sends and what was acknowledged. `URBIS_KILLS` is how often
//! (`make faults` kills a thousand times).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt64Type};
use kernel_model::schema::Table;
use kernel_model::{Change, ContentDraft, ContentId};
use kernel_store::{CHUNK_ROWS, Options, Part, Reader, Snapshot, Store, check};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::*;

/// Kills where nothing else is said.
const KILLS: usize = 60;
/// Kills after which a new data folder is begun, so that checking it stays quick.
const KILLS_PER_FOLDER: usize = 20;
/// The longest that a writer lives, microseconds.
const LONGEST_US: u64 = 70_000;
/// Microseconds between the numbers of two commits.
const STEP_US: i64 = 1_000;

/// How many readings a commit has.
fn reading_count(commit: i64) -> i64 {
    1 + commit * 7 % 13
}

/// Instants of the readings of a commit: every fifth one is older than all that came before.
fn instants(commit: i64) -> impl Iterator<Item = i64> {
    let first = if commit % 5 == 4 { -commit * STEP_US } else { commit * STEP_US };
    (0..reading_count(commit)).map(move |n| first + n)
}

fn has_thing(commit: i64) -> bool {
    commit % 4 == 0
}

fn content(commit: i64) -> Option<Vec<u8>> {
    (commit % 6 == 0).then(|| format!("content of {commit}").into_bytes())
}

pub(crate) fn is_bulk(commit: i64) -> bool {
    commit % 40 == 39
}

/// What the commit of a number consists of.
pub(crate) fn changes(commit: i64) -> Vec<Change> {
    let rows = instants(commit).map(|t| reading(t, commit as f64)).collect();
    let mut changes = vec![thing("site", "air"), datastream("d", "site", "1"), mover("car"), readings("d", rows)];
    changes.push(fix("car", commit * STEP_US, 116.0 + commit as f64 * 1e-6));
    if has_thing(commit) {
        changes.push(thing(&format!("thing-{commit}"), "air"));
    }
    changes.extend(content(commit).map(|bytes| {
        let entity = key("site");
        Change::Content(ContentDraft { entity, media_type: "text/plain".to_owned(), name: commit.to_string(), bytes })
    }));
    changes
}

/// The same readings as rows in the schema of `observations`.
pub(crate) fn bulk_rows(commit: i64) -> RecordBatch {
    let rows: Vec<Row> = instants(commit).map(|t| (1, t, commit as f64, None)).collect();
    observation_rows(&rows)
}

fn small() -> Options {
    Options { seal_rows: 60, segment_rows: 1_500, ..Options::default() }
}

fn say(word: &str, commit: i64) {
    // One write, so that a line is whole or not there.
    std::io::stdout().write_all(format!("{word} {commit}\n").as_bytes()).unwrap();
}

#[test]
#[ignore = "started by the test below as a process of its own, to be killed"]
fn the_writer() {
    let (Ok(dir), Ok(from)) = (std::env::var("URBIS_KILL_DIR"), std::env::var("URBIS_KILL_FROM")) else { return };
    let (mut store, _) = Store::open(Path::new(&dir), small()).unwrap();
    for commit in from.parse().unwrap().. {
        say("sent", commit);
        if is_bulk(commit) {
            store.load::<kernel_store::Error>(Table::Observations, [Ok(bulk_rows(commit))]).unwrap();
        } else {
            store.commit(&[changes(commit)]).unwrap();
        }
        say("kept", commit);
        if commit % 10 == 9 && !is_bulk(commit) {
            // What comes again changes nothing.
            store.commit(&[changes(commit)]).unwrap();
        }
        if commit % 25 == 24 {
            store.compact().unwrap();
        }
    }
}

/// What the writer said until it was killed.
#[derive(Debug, Default)]
struct Said {
    sent: BTreeSet<i64>,
    kept: BTreeSet<i64>,
}

/// Runs the writer from a commit on and kills it: so long after its start, or after its first word.
fn killed(dir: &Path, from: i64, delay: Duration, after_first_word: bool) -> Said {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::the_writer", "--ignored", "--nocapture"]);
    command.env("URBIS_KILL_DIR", dir).env("URBIS_KILL_FROM", from.to_string());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut said = Said::default();
    if after_first_word {
        lines.by_ref().find(|line| said.hear(line)).expect("the writer begins");
    }
    std::thread::scope(|scope| {
        // Reads on meanwhile, so that the writer never waits for a full pipe.
        let hearing = scope.spawn(|| {
            lines.for_each(|line| {
                said.hear(&line);
            });
        });
        std::thread::sleep(delay);
        assert!(child.try_wait().unwrap().is_none(), "the writer goes on until it is killed");
        child.kill().unwrap();
        child.wait().unwrap();
        hearing.join().unwrap();
    });
    said
}

impl Said {
    /// Whether the line was a word of the writer.
    fn hear(&mut self, line: &str) -> bool {
        match line.split_once(' ').map(|(word, commit)| (word, commit.parse())) {
            Some(("sent", Ok(commit))) => self.sent.insert(commit),
            Some(("kept", Ok(commit))) => self.kept.insert(commit),
            _ => false,
        }
    }
}

/// Every value of a column.
fn column<T>(parts: &[Part], column: usize, read: impl Fn(&dyn Array, usize) -> T) -> Vec<T> {
    let chunks = parts.iter().flat_map(|part| (0..part.rows().div_ceil(CHUNK_ROWS)).map(move |chunk| (part, chunk)));
    let columns: Vec<_> = chunks.map(|(part, chunk)| part.column(chunk, column).unwrap()).collect();
    columns
        .iter()
        .flat_map(|values| (0..values.len()).map(|row| read(values.as_ref(), row)).collect::<Vec<_>>())
        .collect()
}

/// Commits that are there, each wholly; anything else stops the test.
pub(crate) fn commits_in(snapshot: &Snapshot) -> BTreeSet<i64> {
    let readings = snapshot.parts(Table::Observations);
    let times = column(readings, 1, |values, row| values.as_primitive::<TimestampMicrosecondType>().value(row));
    let values = column(readings, 3, |values, row| values.as_primitive::<Float64Type>().value(row) as i64);
    let ids = column(readings, 9, |values, row| values.as_primitive::<UInt64Type>().value(row));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no number of an observation is there twice");
    let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    times.into_iter().zip(values).for_each(|(time, commit)| found.entry(commit).or_default().push(time));
    for (commit, times) in &mut found {
        times.sort_unstable();
        assert!(times.iter().copied().eq(instants(*commit)), "commit {commit} is there whole and once: {times:?}");
    }
    let commits: BTreeSet<i64> = found.into_keys().collect();
    let small = || commits.iter().copied().filter(|commit| !is_bulk(*commit));
    let mut fixes = column(snapshot.parts(Table::Positions), 1, |values, row| {
        values.as_primitive::<TimestampMicrosecondType>().value(row) / STEP_US
    });
    fixes.sort_unstable();
    assert!(fixes.into_iter().eq(small()), "each has its fix, once");
    let mut things: Vec<i64> =
        things_in(snapshot).keys().filter_map(|id| id.strip_prefix("thing-")?.parse().ok()).collect();
    things.sort_unstable();
    assert!(things.into_iter().eq(small().filter(|commit| has_thing(*commit))), "each has its thing, once");
    let kept = small().filter_map(content).map(|bytes| ContentId::of(&bytes));
    for id in kept.clone() {
        assert_eq!(ContentId::of(&std::fs::read(snapshot.content_path(&id)).unwrap()), id);
    }
    assert_eq!(snapshot.row_count(Table::Contents), kept.count() as u64);
    commits
}

/// Source and id of every thing; a source has one row and one id.
fn things_in(snapshot: &Snapshot) -> HashMap<String, Vec<u8>> {
    let mut things = HashMap::new();
    for (rows, _) in snapshot.entities() {
        let (id, source) = (rows.column(0).as_fixed_size_binary(), rows.column(8).as_string::<i32>());
        for row in 0..rows.num_rows() {
            let before = things.insert(source.value(row).to_owned(), id.value(row).to_vec());
            assert!(before.is_none(), "{} was described once", source.value(row));
        }
    }
    things
}

/// Data folders under the knife, and what was seen of them.
#[derive(Debug, Default)]
struct Tally {
    commits: usize,
    unanswered_kept: usize,
    unanswered_lost: usize,
    torn: usize,
    segments: usize,
}

/// Each writer lives as long as chance says, and no longer than `longest_us`.
fn kill_again_and_again(kills: usize, longest_us: u64, random: &mut SmallRng, tally: &mut Tally) {
    let dir = tempfile::tempdir().unwrap();
    let mut there = BTreeSet::new();
    let mut things = HashMap::new();
    let (mut next, mut sequence) = (1, 0);
    for kill in 0..kills {
        let delay = Duration::from_micros(random.random_range(0..longest_us));
        let said = killed(dir.path(), next, delay, random.random_bool(0.8));
        there.extend(&said.kept);
        let unanswered: BTreeSet<i64> = said.sent.difference(&said.kept).copied().collect();
        assert!(unanswered.len() <= 1, "the writer waits for each answer");
        next = said.sent.last().map_or(next, |last| last + 1);
        if !dir.path().join("log").exists() {
            continue;
        }
        let (reader, opened) = Reader::open(dir.path()).unwrap();
        let snapshot = reader.snapshot();
        let found = commits_in(&snapshot);
        let lost: Vec<&i64> = there.difference(&found).collect();
        assert!(lost.is_empty(), "kill {kill}: acknowledged and lost: {lost:?}");
        let strange: Vec<&i64> = found.difference(&there).filter(|commit| !unanswered.contains(commit)).collect();
        assert!(strange.is_empty(), "kill {kill}: there and never sent: {strange:?}");
        let known = things_in(&snapshot);
        assert!(things.iter().all(|(source, id)| known.get(source) == Some(id)), "an id is for ever");
        assert!(opened.sequence.0 >= sequence, "sequences go on");
        let report = check(dir.path()).unwrap();
        tally.unanswered_kept += unanswered.intersection(&found).count();
        tally.unanswered_lost += unanswered.difference(&found).count();
        tally.torn += usize::from(report.torn.is_some());
        tally.segments = tally.segments.max(report.segments as usize);
        (there, things, sequence) = (found, known, opened.sequence.0);
    }
    tally.commits += there.len();
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_sigkill() {
    let kills = std::env::var("URBIS_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let seed = std::env::var("URBIS_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    let begun = std::time::Instant::now();
    for done in (0..kills).step_by(KILLS_PER_FOLDER) {
        kill_again_and_again(KILLS_PER_FOLDER.min(kills - done), LONGEST_US, &mut random, &mut tally);
    }
    // On a busy machine writers are killed before they have come to anything: they are given longer, and longer.
    let mut longest_us = LONGEST_US;
    while tally.segments == 0 && longest_us < 60_000_000 {
        longest_us *= 2;
        kill_again_and_again(KILLS_PER_FOLDER / 4, longest_us, &mut random, &mut tally);
    }
    writeln!(std::io::stderr(), "{kills} kills in {:?}: {tally:?}", begun.elapsed()).unwrap();
    assert!(tally.commits > 0 && tally.segments > 0, "it was killed at work: {tally:?}");
}
