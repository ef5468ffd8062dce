//! The built program: commands run to their end, servers on free loopback ports, real input files.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// Where the program is.
pub(crate) struct Program {
    path: PathBuf,
}

impl Program {
    /// Checks that it runs.
    pub(crate) fn new(path: PathBuf) -> anyhow::Result<Self> {
        let output = Command::new(&path).arg("--version").output().with_context(|| path.display().to_string())?;
        ensure!(output.status.success(), "{} does not run", path.display());
        Ok(Self { path })
    }

    /// Runs a command to its end; seconds it took and what it said.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<(f64, String)> {
        let begun = Instant::now();
        let output = Command::new(&self.path).args(arguments).env("URBIS_LOG", "warn").output()?;
        let seconds = begun.elapsed().as_secs_f64();
        if !output.status.success() {
            bail!("urbis {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok((seconds, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Starts `serve` or `demo`.
    pub(crate) fn start(&self, command: &str, data: &Path) -> anyhow::Result<Server> {
        self.start_with(command, data, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(&self, command: &str, data: &Path, arguments: &[&str]) -> anyhow::Result<Server> {
        let mut child = Command::new(&self.path)
            .args([command, "--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .env("URBIS_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()?;
        let (mut url, mut mqtt, mut key) = (None, None, None);
        let stdout = child.stdout.take().context("standard output")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            if let Some(said) = line.strip_prefix("key:") {
                key = said.split_whitespace().next().map(str::to_owned);
            }
            if let Some(address) = line.strip_prefix("mqtt:") {
                mqtt = Some(address.trim().trim_start_matches("mqtt://").to_owned());
            }
            if let Some(address) = line.strip_prefix("page:") {
                url = Some(address.trim().trim_end_matches('/').to_owned());
                break;
            }
        }
        let url = url.context("the server did not start")?;
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Ok(Server { child, url, mqtt: mqtt.context("no MQTT broker")?, key: key.unwrap_or_default(), agent })
    }
}

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) url: String,
    /// `127.0.0.1:PORT`.
    pub(crate) mqtt: String,
    /// What writers show; empty where the server had told it before.
    key: String,
    agent: ureq::Agent,
}

impl Server {
    /// Host and port of the broker.
    pub(crate) fn broker(&self) -> anyhow::Result<(String, u16)> {
        let (host, port) = self.mqtt.split_once(':').context("broker address")?;
        Ok((host.to_owned(), port.parse()?))
    }

    /// The answer in JSON to a body, over a connection that is kept.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> anyhow::Result<Value> {
        let request = self.agent.post(format!("{}{path}", self.url)).content_type(kind);
        let mut answer = request.header("authorization", format!("Bearer {}", self.key)).send(body)?;
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
        ensure!(answer.status() == 200, "{path}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// The one number of a SQL answer.
    pub(crate) fn number(&self, query: &str) -> anyhow::Result<i64> {
        let answer = self.post("/sql", "text/plain", query.as_bytes())?;
        let row = answer["rows"][0].as_object().context("no row")?;
        row.values().next().and_then(Value::as_i64).context("no number")
    }

    /// Resident memory now and at its most, MiB.
    pub(crate) fn resident_mb(&self) -> anyhow::Result<(f64, f64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value = |name: &str| -> anyhow::Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
            Ok(kib / 1024.0)
        };
        Ok((value("VmRSS:")?, value("VmHWM:")?))
    }

    /// Asks until the answer is as wanted.
    pub(crate) fn until(&self, query: &str, wanted: i64, patience: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let now = self.number(query)?;
            if now == wanted {
                return Ok(());
            }
            ensure!(begun.elapsed() < patience, "{query}: {now} after {patience:?}, not {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file of the real input beside the checkout.
pub(crate) fn shared(path: &str) -> anyhow::Result<PathBuf> {
    let root = std::env::var_os("URBIS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let file = root.join(path);
    ensure!(file.exists(), "{} is missing: set URBIS_SHARED", file.display());
    Ok(file)
}

/// A path as text.
pub(crate) fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}
