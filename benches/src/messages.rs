//! MQTT into the store with the page open in headless Chromium: messages of 100 bytes, QoS 0, counted in the store afterwards.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rumqttc::{Client, Event, MqttOptions, Outgoing, QoS};

use crate::figure::{Bound, Figure};
use crate::program::{Program, Server};

const SENSORS: usize = 500;
const MESSAGES: usize = 200_000;
const RUNS: usize = 3;

/// Messages a second, from the first one sent to the last one durable.
pub(crate) fn rate(program: &Program) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let server = program.start("serve", dir.path())?;
    describe(&server)?;
    server.until("SELECT count(*) FROM entities", SENSORS as i64, Duration::from_secs(20))?;
    let page = Page::open(&server.url)?;
    let mut runs = Vec::new();
    for run in 0..RUNS {
        let begun = Instant::now();
        publish(&server, run)?;
        let wanted = ((run + 1) * MESSAGES) as i64;
        server.until("SELECT count(*) FROM observations", wanted, Duration::from_secs(60))?;
        runs.push(MESSAGES as f64 / begun.elapsed().as_secs_f64());
    }
    page.close()?;
    let name = "MQTT messages of 100 bytes into the store, QoS 0, the page open".to_owned();
    Ok(vec![Figure { name, unit: "1/s", runs, bound: Bound::Above(20_000.0) }])
}

/// The page in a browser, which draws and takes the live messages beside the broker.
struct Page(Child);

impl Page {
    fn open(url: &str) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../viewer/web/scripts/open-page.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(url).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("node, which opens the page")?;
        let said = child.stdout.as_mut().map(|out| BufReader::new(out).lines().next());
        ensure!(said.flatten().transpose()?.as_deref() == Some("open"), "the page did not open");
        Ok(Self(child))
    }

    fn close(mut self) -> anyhow::Result<()> {
        drop(self.0.stdin.take());
        ensure!(self.0.wait()?.success(), "the page was not there any more");
        Ok(())
    }
}

fn client(server: &Server, id: &str) -> anyhow::Result<(Client, rumqttc::Connection)> {
    let (host, port) = server.broker()?;
    let mut options = MqttOptions::new(id, host, port);
    options.set_keep_alive(Duration::from_secs(30));
    Ok(Client::new(options, 4_096))
}

/// Sends what `each` gives and waits until all of it has left.
fn send(
    server: &Server,
    id: &str,
    messages: impl Iterator<Item = (String, String)> + Send + 'static,
) -> anyhow::Result<()> {
    let (client, mut connection) = client(server, id)?;
    let feeding = std::thread::spawn(move || -> anyhow::Result<()> {
        for (topic, payload) in messages {
            client.publish(topic, QoS::AtMostOnce, false, payload)?;
        }
        client.disconnect()?;
        Ok(())
    });
    for event in connection.iter() {
        if matches!(event.context("the broker")?, Event::Outgoing(Outgoing::Disconnect)) {
            break;
        }
    }
    feeding.join().map_err(|_| anyhow::anyhow!("the publisher failed"))?
}

fn describe(server: &Server) -> anyhow::Result<()> {
    let described = (0..SENSORS).map(|n| {
        let payload = format!(
            r#"{{"kind":"sensor","class":"air","name":"S{n}","lon":116.3{n:03},"lat":39.98,"datastreams":[{{"property":"pm25","unit":"ug/m3","name":"PM2.5"}}]}}"#
        );
        (format!("urbis/bench/s{n}/describe"), payload)
    });
    send(server, "describer", described)
}

fn publish(server: &Server, run: usize) -> anyhow::Result<()> {
    let messages = (0..MESSAGES).map(move |n| {
        let t = 1_790_000_000_000_u64 + (run * MESSAGES + n) as u64;
        let mut payload = format!(r#"{{"t":{t},"v":{}.5,"unit":"ug/m3","#, n % 100);
        // Filled up to 100 bytes, as the peers' figures have it.
        let fill = 100_usize.saturating_sub(payload.len() + r#""note":""}"#.len());
        payload.extend([r#""note":""#, &"x".repeat(fill), r#""}"#]);
        (format!("urbis/bench/s{}/pm25", n % SENSORS), payload)
    });
    send(server, &format!("publisher-{run}"), messages)
}
