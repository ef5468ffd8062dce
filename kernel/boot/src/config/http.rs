//! `[http]` and `[tls]`: bounds of connections and requests, pages elsewhere that may ask, and the certificate. What cannot be is
//! refused with the name of its field.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use kernel_server::{Bounds, Settings, Tls};
use serde::{Deserialize, Serialize};

/// Bounds of what comes over HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// Connections at once, and of them from one address.
    connections: usize,
    connections_of_one: usize,
    /// Requests answered at once.
    requests_at_once: usize,
    /// Requests a second of one key or token, or of one address; 0: as many as come.
    requests_per_s: u32,
    /// Longest time for the header of a request, seconds.
    header_s: u64,
    /// Longest time in which nothing of an answer is taken, seconds.
    write_s: u64,
    /// Longest time until an answer begins, of requests that read, seconds.
    deadline_s: u64,
    /// Longest time in which running requests may end when the server stops, seconds.
    stop_s: u64,
    /// Origins of pages elsewhere that may ask, with commas between.
    origins: String,
}

impl Default for Http {
    fn default() -> Self {
        let (settings, bounds) = (Settings::default(), Bounds::default());
        Self {
            connections: bounds.connections,
            connections_of_one: bounds.connections_of_one,
            requests_at_once: settings.requests_at_once,
            requests_per_s: settings.requests_per_s,
            header_s: bounds.header.as_secs(),
            write_s: bounds.write.as_secs(),
            deadline_s: settings.deadline.as_secs(),
            stop_s: bounds.stop.as_secs(),
            origins: String::new(),
        }
    }
}

impl Http {
    /// Puts them into the server's settings.
    pub(crate) fn settle(&self, settings: Settings) -> anyhow::Result<Settings> {
        for (field, number) in [
            ("connections", self.connections as u64),
            ("connections_of_one", self.connections_of_one as u64),
            ("requests_at_once", self.requests_at_once as u64),
            ("header_s", self.header_s),
            ("write_s", self.write_s),
            ("deadline_s", self.deadline_s),
        ] {
            ensure!(number > 0, "http.{field} is 1 or more");
        }
        let mut origins = Vec::new();
        for origin in self.origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()) {
            ensure!(
                origin.starts_with("https://") || origin.starts_with("http://"),
                "http.origins: `{origin}` is no origin such as https://viewer.example"
            );
            origins.push(origin.parse().with_context(|| format!("http.origins: {origin}"))?);
        }
        Ok(Settings {
            bounds: Bounds {
                connections: self.connections,
                connections_of_one: self.connections_of_one,
                header: Duration::from_secs(self.header_s),
                write: Duration::from_secs(self.write_s),
                stop: Duration::from_secs(self.stop_s),
            },
            origins,
            requests_per_s: self.requests_per_s,
            requests_at_once: self.requests_at_once,
            deadline: Duration::from_secs(self.deadline_s),
            ..settings
        })
    }
}

/// The certificate of the port.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Certificate chain, PEM; with it the port speaks TLS only.
    cert: PathBuf,
    /// Its private key, PEM.
    key: PathBuf,
}

impl Certificate {
    /// As the server takes it.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Tls>> {
        match (self.cert.as_os_str().is_empty(), self.key.as_os_str().is_empty()) {
            (true, true) => Ok(None),
            (false, false) => Ok(Some(Tls::read(&self.cert, &self.key).context("tls")?)),
            _ => bail!("tls.cert and tls.key are given together"),
        }
    }
}
