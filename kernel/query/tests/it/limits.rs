//! Limits hold and an answer that was cut says so.

use std::time::{Duration, Instant};

use kernel_query::{Cut, Engine, Error, Limits, Options};

use crate::city::{LIMITS, ask_with, block_on, snapshot};

#[test]
fn an_answer_cut_by_rows_says_so() {
    for (max_rows, cut) in [(999, Some(Cut::Rows(999))), (1_000, None), (1_001, None), (0, Some(Cut::Rows(0)))] {
        let answer = ask_with("select * from positions", &[], Limits { max_rows, ..LIMITS }).unwrap();
        assert_eq!((answer.rows(), answer.truncated), (max_rows.min(1_000), cut));
    }
    let sorted =
        ask_with("select lon from positions order by lon desc", &[], Limits { max_rows: 1, ..LIMITS }).unwrap();
    assert_eq!((sorted.rows(), sorted.truncated), (1, Some(Cut::Rows(1))));
}

#[test]
fn the_deadline_cuts_a_cross_join() {
    let deadline = Duration::from_millis(1_500);
    for sql in [
        "select count(*) from positions a, positions b, positions c, positions d where a.lon + b.lon < c.lon + d.lon",
        "select a.lon from positions a, positions b, positions c, positions d where a.lon + b.lon + c.lon + d.lon < 0",
        "select sum(value) from generate_series(1, 1000000000000) as t(value)",
    ] {
        let begin = Instant::now();
        let answer = ask_with(sql, &[], Limits { deadline, ..LIMITS }).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.truncated, Some(Cut::Deadline(1_500)), "{sql}");
        assert_eq!(answer.rows(), 0, "{sql}");
        assert!(begin.elapsed() < Duration::from_secs(8), "{sql}: {:?}", begin.elapsed());
    }
    // The engine is free again.
    assert_eq!(ask_with("select 1", &[], LIMITS).unwrap().rows(), 1);
}

#[test]
fn more_memory_than_allowed_is_refused_in_words() {
    let engine = Engine::new(&Options { threads: 1, memory_bytes: 1 << 20, spill: None, kept_plans: 0 }).unwrap();
    let sql = "select a.lon, b.lat, c.lon from positions a, positions b, positions c order by a.lon + b.lat, c.lon";
    let answer = block_on(async { engine.query(snapshot(), &[], sql, LIMITS).await?.collect().await });
    match answer {
        Err(error @ Error::Memory(_)) => {
            let text = error.to_string();
            assert!(!text.contains('\n') && text.contains("--memory") && text.contains("SHOW MEMORY"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}

/// The same sort goes through files where it may, and gives the same answer.
#[test]
fn a_sort_that_outgrows_its_memory_goes_through_files() {
    // The number of a row in an order needs all rows in that order.
    let sql = "select count(*), max(n), round(sum(n * x)) from (select x, row_number() over (order by x desc, y) as n \
               from (select a.lon + b.lat as x, repeat('x', 200) as y from positions a, positions b where a.lat < 39.9107))";
    let sorted = |memory_bytes: usize, spill: Option<std::path::PathBuf>| {
        let engine = Engine::new(&Options { threads: 1, memory_bytes, spill, kept_plans: 0 }).unwrap();
        block_on(async { engine.query(snapshot(), &[], sql, LIMITS).await?.collect().await })
    };
    let folder = tempfile::tempdir().unwrap();
    let small = 24 << 20;
    assert!(matches!(sorted(small, None), Err(Error::Memory(_))), "too large for its memory");
    let (mut most_spilled, mut most_reserved) = (0, 0);
    let through_files = {
        let options =
            Options { threads: 1, memory_bytes: small, spill: Some(folder.path().to_owned()), ..Options::default() };
        let engine = Engine::new(&options).unwrap();
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| {
                block_on(async { engine.query(snapshot(), &[], sql, LIMITS).await?.collect().await }).unwrap()
            });
            while !answer.is_finished() {
                for running in engine.running() {
                    assert_eq!(running.sql, sql);
                    most_spilled = most_spilled.max(running.spilled);
                    most_reserved = most_reserved.max(running.reserved);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            answer.join().unwrap()
        })
    };
    assert!(most_spilled > 1 << 20, "{most_spilled} bytes were seen in files");
    assert!(most_reserved > 1 << 20 && most_reserved <= small as u64, "{most_reserved} bytes were seen reserved");
    let at_once = sorted(4 << 30, None).unwrap();
    assert_eq!(crate::city::cells(&at_once), crate::city::cells(&through_files));
}

/// What runs is listed with its text as long as it runs.
#[test]
fn running_questions_are_listed() {
    let engine = Engine::new(&Options { threads: 1, ..Options::default() }).unwrap();
    let sql = "select count(*) from positions a, positions b, positions c where a.lon + b.lon < c.lon";
    block_on(async {
        let answer = engine.query(snapshot(), &[], sql, LIMITS).await.unwrap();
        let running = engine.running();
        assert_eq!(running.iter().map(|running| running.sql.as_str()).collect::<Vec<_>>(), [sql]);
        drop(answer);
        let gone = Instant::now();
        while !engine.running().is_empty() {
            assert!(gone.elapsed() < Duration::from_secs(20), "it is still listed");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

/// `SHOW MEMORY` is the table of that name.
#[test]
fn memory_is_shown() {
    let column = std::sync::Arc::new(arrow::array::UInt64Array::from(vec![7])) as arrow::array::ArrayRef;
    let rows = arrow::array::RecordBatch::try_from_iter([("used_bytes", column)]).unwrap();
    for sql in ["SHOW MEMORY", "show memory", "select * from memory"] {
        let answer = ask_with(sql, &[crate::city::brought("memory", rows.clone())], LIMITS).unwrap();
        assert_eq!(crate::city::cells(&answer), [["7"]], "{sql}");
    }
}

#[test]
fn an_engine_may_be_dropped_within_a_runtime() {
    block_on(async {
        let engine = Engine::new(&Options { threads: 1, ..Options::default() }).unwrap();
        let mut answer = engine.query(snapshot(), &[], "select lon from positions", LIMITS).await.unwrap();
        assert!(answer.next().await.unwrap().is_ok());
        drop(engine);
    });
}

/// Every pair is a candidate and none fulfils the condition: no row comes out that would let anybody notice the time.
#[test]
fn a_join_that_finds_nothing_stops_when_nobody_waits() {
    let engine = Engine::new(&Options { threads: 1, ..Options::default() }).unwrap();
    let points = |n: u32| format!("(select value * 1e-9 as x from generate_series(1, {n}))");
    for on in ["st_dwithin(st_point(a.x, 0), st_point(b.x, 0), 1)", "st_knn(st_point(b.x, 0), st_point(a.x, 0), 3000)"]
    {
        let sql =
            format!("select count(*) from {} a join {} b on {on} and a.x + b.x < 0", points(4_000), points(40_000));
        let limits = Limits { deadline: Duration::from_millis(1_500), ..LIMITS };
        let answer = block_on(async { engine.query(snapshot(), &[], &sql, limits).await?.collect().await }).unwrap();
        assert!(answer.truncated.is_some(), "{sql}");
        let gone = Instant::now();
        while engine.memory().reserved > 0 {
            assert!(gone.elapsed() < Duration::from_secs(8), "the work goes on: {sql}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
