//! From a sensor's publish to a live client's hands, beside the running demo (2,500 live entities).

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use futures_util::StreamExt;
use rumqttc::{AsyncClient, MqttOptions, QoS};
use tokio_tungstenite::tungstenite::Message;

use crate::figure::{Bound, Figure};
use crate::program::{Program, Server};

const READINGS: usize = 300;
const PACE: Duration = Duration::from_millis(53);
const PATIENCE: Duration = Duration::from_secs(10);

/// Median and 99th percentile.
pub(crate) fn publish_to_client(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let server = program.start("demo", dir.path())?;
    // Let every mover and sensor have spoken.
    std::thread::sleep(Duration::from_secs(8));
    let runs = tokio::runtime::Runtime::new()?.block_on(measure(&server))?;
    let p99 = Figure::at(&runs, 0.99);
    let figure = |name: &str, runs, most| Figure { name: name.to_owned(), unit: "ms", runs, bound: Bound::Below(most) };
    Ok(vec![
        figure("publish to live client, median", runs, 100.0),
        figure("publish to live client, 99th percentile", vec![p99], 400.0),
    ])
}

async fn measure(server: &Server) -> anyhow::Result<Vec<f64>> {
    let (host, port) = server.broker()?;
    let (client, mut connection) = AsyncClient::new(MqttOptions::new("latency", host, port), 64);
    let driving = tokio::spawn(async move { while connection.poll().await.is_ok() {} });
    let describe = r#"{"kind":"sensor","class":"bench","name":"bench","lon":116.31,"lat":39.98,"datastreams":[{"property":"bench","unit":"1","name":"bench"}]}"#;
    client.publish("urbis/bench/probe/describe", QoS::AtLeastOnce, false, describe).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let url = format!("ws{}/live", server.url.trim_start_matches("http"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    loop {
        match socket.next().await.context("closed")?? {
            Message::Text(note) if note.contains("snapshot_end") => break,
            _ => {}
        }
    }
    let mut runs = Vec::new();
    for n in 0..READINGS {
        let value = 1e9 + n as f64;
        let t = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_millis();
        let begun = Instant::now();
        client
            .publish(
                "urbis/bench/probe/bench",
                QoS::AtMostOnce,
                false,
                format!(r#"{{"t":{t},"v":{value},"unit":"1"}}"#),
            )
            .await?;
        loop {
            let message = tokio::time::timeout(PATIENCE, socket.next()).await.context("nothing for 10 s")?;
            if let Message::Binary(bytes) = message.context("closed")??
                && holds(&bytes, value)?
            {
                break;
            }
        }
        runs.push(begun.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(PACE).await;
    }
    driving.abort();
    ensure!(runs.len() == READINGS, "every reading arrived");
    Ok(runs)
}

fn holds(bytes: &[u8], wanted: f64) -> anyhow::Result<bool> {
    for batch in StreamReader::try_new(bytes, None)? {
        let batch = batch?;
        let values = batch.column_by_name("value").map(AsArray::as_primitive::<Float64Type>);
        if values.is_some_and(|values| values.iter().flatten().any(|value| value == wanted)) {
            return Ok(true);
        }
    }
    Ok(false)
}
