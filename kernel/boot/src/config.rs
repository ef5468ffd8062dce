//! Configuration: defaults, then a TOML file, then environment variables `URBIS_<FIELD>`, then the command line. An
//! unknown field or a value of the wrong type is refused with its name.

mod access;
mod alarms;
mod http;
mod retention;
pub(crate) mod streams;
mod trust;
mod wires;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use connectors_streams::Rule;
use kernel_server::QualityRule;
use kernel_store::{Durability, SegmentsAt};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::config::access::{Access, Oidc};
use crate::config::alarms::Alarms;
use crate::config::http::{Certificate, Http};
use crate::config::retention::Retention;
pub(crate) use crate::config::retention::interval;
use crate::config::streams::{Broker, Hook, MqttDoor, Nats};
use crate::config::trust::Trust;
use crate::config::wires::Wires;
use crate::memory::Budget;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Data folder.
    pub(crate) data: PathBuf,
    /// Address of the page and the APIs.
    pub(crate) listen: String,
    /// Address of the embedded MQTT broker, or `off`.
    pub(crate) mqtt: String,
    /// Address of Arrow Flight SQL, or `off`.
    pub(crate) flight: String,
    /// Address of the PostgreSQL wire, or `off`.
    pub(crate) pg: String,
    /// What to log: `error`, `warn`, `info`, `debug`, or a tracing filter.
    pub(crate) log: String,
    /// `text` or `json`.
    pub(crate) log_format: String,
    /// Name of the ledger (the origin line of its checkpoints).
    pub(crate) origin: String,
    /// When a commit is safe from a power cut: `commit`, or a time such as `250ms`.
    pub(crate) durability: String,
    /// Unsealed rows at which a Parquet segment is written.
    pub(crate) seal_rows: usize,
    /// Where segments are to be: `s3://bucket/prefix`, `folder`, or nothing: where they are.
    pub(crate) segments: String,
    /// MiB of Parquet files of readings and fixes that stay in the data folder where all are in an object store.
    pub(crate) segments_folder_mb: u64,
    /// Longest time of a SQL question, seconds.
    pub(crate) sql_deadline_s: u64,
    /// Most rows of a SQL answer.
    pub(crate) sql_rows: usize,
    /// SQL questions answered at once.
    pub(crate) sql_at_once: usize,
    /// Memory of the process, MiB; 0 is half of the machine's.
    pub(crate) memory_mb: u64,
    /// Largest body of a write over HTTP, MiB.
    pub(crate) body_mb: usize,
    /// Who may see and do what.
    pub(crate) access: Access,
    /// Whose bearer tokens are taken.
    pub(crate) oidc: Oidc,
    /// Bounds of what comes over HTTP.
    pub(crate) http: Http,
    /// The certificate of the port.
    pub(crate) tls: Certificate,
    /// How long rows are kept.
    pub(crate) retention: Retention,
    /// Who may ask over the SQL wires, and how much.
    pub(crate) wires: Wires,
    /// Who may come into the embedded broker.
    pub(crate) mqtt_door: MqttDoor,
    /// Brokers outside.
    #[serde(skip_serializing)]
    pub(crate) brokers: Vec<Broker>,
    /// Streams of NATS JetStream.
    #[serde(skip_serializing)]
    pub(crate) nats: Vec<Nats>,
    /// How other people's messages are read.
    #[serde(skip_serializing)]
    pub(crate) rules: Vec<Rule>,
    /// Webhooks.
    #[serde(skip_serializing)]
    pub(crate) hooks: Vec<Hook>,
    /// What readings must be.
    #[serde(skip_serializing)]
    pub(crate) quality: Vec<QualityRule>,
    /// What holds the ledger to its word.
    pub(crate) trust: Trust,
    /// What is watched, and who is told.
    pub(crate) alarms: Alarms,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("urbis-data"),
            listen: "127.0.0.1:8080".to_owned(),
            mqtt: "127.0.0.1:1883".to_owned(),
            flight: "off".to_owned(),
            pg: "off".to_owned(),
            log: "info".to_owned(),
            log_format: "text".to_owned(),
            origin: "urbis.local/log".to_owned(),
            durability: "commit".to_owned(),
            seal_rows: 1 << 20,
            segments: String::new(),
            segments_folder_mb: 8_192,
            sql_deadline_s: 30,
            sql_rows: 100_000,
            sql_at_once: 4,
            memory_mb: 0,
            body_mb: 1_024,
            access: Access::default(),
            oidc: Oidc::default(),
            http: Http::default(),
            tls: Certificate::default(),
            retention: Retention::default(),
            wires: Wires::default(),
            mqtt_door: MqttDoor::default(),
            brokers: Vec::new(),
            nats: Vec::new(),
            rules: Vec::new(),
            hooks: Vec::new(),
            quality: Vec::new(),
            trust: Trust::default(),
            alarms: Alarms::default(),
        }
    }
}

impl Config {
    /// Reads the file, if any, and the environment.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut table = match file {
            None => Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
                text.parse().with_context(|| format!("{} is not TOML", path.display()))?
            }
        };
        take_environment(&mut table, Table::try_from(Self::default())?, "URBIS")?;
        let place = file.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
        table.try_into().with_context(|| format!("configuration from {place}"))
    }

    /// How the store behaves.
    pub(crate) fn store(&self) -> anyhow::Result<kernel_store::Options> {
        let durability = match self.durability.as_str() {
            "commit" => Durability::EveryCommit,
            text => match text.strip_suffix("ms").and_then(|number| number.trim().parse().ok()) {
                Some(milliseconds @ 1..=60_000) => Durability::Within(Duration::from_millis(milliseconds)),
                _ => bail!("durability is `commit` or a time from 1ms to 60000ms, not `{text}`"),
            },
        };
        let segments = match self.segments.as_str() {
            "" => SegmentsAt::AsTheyAre,
            "folder" => SegmentsAt::Folder,
            url => SegmentsAt::Store(url.to_owned()),
        };
        let Budget { columns, loads, .. } = Budget::of(self.memory_mb)?;
        let (cache_bytes, load_bytes) = (columns, loads);
        Ok(kernel_store::Options {
            durability,
            seal_rows: self.seal_rows,
            cache_bytes,
            load_bytes,
            segments,
            folder_bytes: self.segments_folder_mb << 20,
            retention: self.retention.read()?,
            ..Default::default()
        })
    }

    /// How questions are answered; `spill` is a folder for what outgrows their memory.
    pub(crate) fn questions(&self, spill: Option<PathBuf>) -> anyhow::Result<kernel_query::Options> {
        Ok(kernel_query::Options { memory_bytes: Budget::of(self.memory_mb)?.questions, spill, ..Default::default() })
    }

    /// Bounds of the server.
    pub(crate) fn settings(&self) -> anyhow::Result<kernel_server::Settings> {
        self.http.settle(kernel_server::Settings {
            tls: self.tls.read()?,
            sql_deadline: Duration::from_secs(self.sql_deadline_s),
            sql_rows: self.sql_rows,
            sql_at_once: self.sql_at_once,
            body_bytes: self.body_mb << 20,
            ..Default::default()
        })
    }
}

/// Takes in the variables `<prefix>_<FIELD>`, of a table within it those of its fields.
fn take_environment(table: &mut Table, defaults: Table, prefix: &str) -> anyhow::Result<()> {
    for (field, default) in defaults {
        let variable = format!("{prefix}_{}", field.to_uppercase());
        if let Value::Table(defaults) = default {
            let mut inner = match table.remove(&field) {
                Some(Value::Table(inner)) => inner,
                None => Table::new(),
                Some(other) => bail!("{field} is a table, [{field}], not {other}"),
            };
            take_environment(&mut inner, defaults, &variable)?;
            table.insert(field, Value::Table(inner));
        } else if let Ok(text) = std::env::var(&variable) {
            let value = parse(&text, &default).with_context(|| format!("environment variable {variable}"))?;
            table.insert(field, value);
        }
    }
    Ok(())
}

fn parse(text: &str, like: &Value) -> anyhow::Result<Value> {
    match like {
        Value::Integer(_) => Ok(Value::Integer(text.parse().with_context(|| format!("`{text}` is not a number"))?)),
        Value::String(_) => Ok(Value::String(text.to_owned())),
        other => bail!("a value of type {} cannot be set this way", other.type_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_names_every_field_with_its_default() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../urbis.example.toml");
        assert_eq!(Config::load(Some(&path)).unwrap(), Config::default());
        let text = std::fs::read_to_string(path).unwrap();
        for (field, default) in Table::try_from(Config::default()).unwrap() {
            let fields = match &default {
                Value::Table(inner) => {
                    inner.keys().map(|name| format!("{name} = ")).chain([format!("[{field}]")]).collect()
                }
                _ => vec![format!("{field} = ")],
            };
            for field in fields {
                assert!(text.lines().any(|line| line.starts_with(&field)), "{field} is missing");
            }
        }
    }

    #[test]
    fn durability_is_of_a_commit_or_a_time() {
        let durability = |text: &str| Config { durability: text.to_owned(), ..Config::default() }.store();
        assert_eq!(durability("commit").unwrap().durability, Durability::EveryCommit);
        assert_eq!(durability("250ms").unwrap().durability, Durability::Within(Duration::from_millis(250)));
        for wrong in ["", "0ms", "1s", "never"] {
            assert!(durability(wrong).unwrap_err().to_string().contains("durability is"), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("urbis.toml");
        std::fs::write(&path, "listne = \"127.0.0.1:1\"").unwrap();
        let error = format!("{:#}", Config::load(Some(&path)).unwrap_err());
        assert!(error.contains("listne"), "{error}");
        std::fs::write(&path, "[retention]\nobservatoins = \"30d\"").unwrap();
        let error = format!("{:#}", Config::load(Some(&path)).unwrap_err());
        assert!(error.contains("observatoins"), "{error}");
    }
}
