//! Questions in turn, over and over, until so much time has passed; by one client or two.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Asks and takes the time of each answer. Client c of two begins in the middle of the list.
pub(crate) fn time<Q: Sync>(
    questions: &[Q],
    seconds: f64,
    clients: usize,
    ask: impl Fn(usize, &Q) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Value> {
    let length = Duration::from_secs_f64(seconds);
    let client = |client: usize| -> anyhow::Result<(Duration, Vec<f64>)> {
        let (begun, mut latencies) = (Instant::now(), Vec::new());
        let from = client * questions.len() / clients.max(1);
        for question in questions.iter().cycle().skip(from) {
            let asked = Instant::now();
            ask(client, question)?;
            latencies.push(asked.elapsed().as_secs_f64() * 1e6);
            if begun.elapsed() >= length {
                break;
            }
        }
        Ok((begun.elapsed(), latencies))
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients.max(1)).map(|number| scope.spawn(move || client(number))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().map_err(|_| anyhow::anyhow!("a client ended with a panic"))?
        };
        threads.into_iter().map(join).collect::<anyhow::Result<Vec<(Duration, Vec<f64>)>>>()
    })?;
    let longest = results.iter().map(|(time, _)| *time).max().unwrap_or_default();
    let latencies: Vec<f64> = results.into_iter().flat_map(|(_, latencies)| latencies).collect();
    Ok(json!({ "seconds": longest.as_secs_f64(), "latencies_us": latencies }))
}
