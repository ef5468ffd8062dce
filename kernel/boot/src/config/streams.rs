//! `[mqtt_door]`, `[[brokers]]`, `[[nats]]`, `[[rules]]`, `[[hooks]]` and `[[quality]]`: what comes in by itself, as people
//! write it; what the connectors and the server take goes out. What cannot be is refused with the name of its table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use connectors_streams::mqtt::Version;
use connectors_streams::{ClientSettings, ClientTls, Delivery, Door, NatsSettings, Rules, ServerTls};
use kernel_server::{Access, Hooks};
use serde::{Deserialize, Serialize};

use super::retention::interval;

/// The door of the embedded broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MqttDoor {
    /// `open`, or `key`: the password is an API key.
    access: String,
    /// Certificate chain, PEM; with it the port speaks TLS only.
    certificate: PathBuf,
    /// Its private key, PEM.
    key: PathBuf,
    /// Authorities of client certificates, PEM; with it clients must have one.
    clients: PathBuf,
}

impl Default for MqttDoor {
    fn default() -> Self {
        let [certificate, key, clients] = [(); 3].map(|()| PathBuf::new());
        Self { access: "open".to_owned(), certificate, key, clients }
    }
}

impl MqttDoor {
    /// As the broker takes it.
    pub(crate) fn read(&self, access: &Access) -> anyhow::Result<Door> {
        let mut door = Door::default();
        match self.access.as_str() {
            "open" => {}
            "key" => {
                let access = access.clone();
                door = door.judged(move |_, password| {
                    password.and_then(|key| std::str::from_utf8(key).ok()).is_some_and(|key| access.knows(key))
                });
            }
            other => bail!("mqtt_door.access is `open` or `key`, not `{other}`"),
        }
        let access = access.clone();
        // Whatever is published goes to every subscriber, sifted by nobody.
        door =
            door.heard_by(move |_, password| access.hears_all(password.and_then(|key| std::str::from_utf8(key).ok())));
        match (given(&self.certificate), given(&self.key)) {
            (None, None) if given(&self.clients).is_none() => Ok(door),
            (Some(chain), Some(key)) => {
                Ok(door.encrypted(ServerTls::read(chain, key, given(&self.clients)).context("mqtt_door")?))
            }
            _ => bail!("mqtt_door: certificate and key are given together, clients only with them"),
        }
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        given(&self.certificate).is_some()
    }
}

/// A broker outside.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Broker {
    /// `mqtt://host:1883` or `mqtts://host:8883`.
    url: String,
    client_id: String,
    #[serde(default = "five")]
    version: String,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default = "one")]
    qos: u8,
    /// How long the broker is to keep what we miss.
    #[serde(default = "week")]
    session: String,
    #[serde(default)]
    authorities: PathBuf,
    #[serde(default)]
    certificate: PathBuf,
    #[serde(default)]
    key: PathBuf,
}

fn five() -> String {
    "5".to_owned()
}

fn one() -> u8 {
    1
}

fn week() -> String {
    "7d".to_owned()
}

impl Broker {
    /// As the client takes it; without topics those of the rules.
    pub(crate) fn read(&self, rules: &Rules) -> anyhow::Result<ClientSettings> {
        self.settings(rules).with_context(|| format!("brokers, {}", self.url))
    }

    fn settings(&self, rules: &Rules) -> anyhow::Result<ClientSettings> {
        let (is_encrypted, rest) = match (self.url.strip_prefix("mqtt://"), self.url.strip_prefix("mqtts://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => bail!("the url is mqtt://host:1883 or mqtts://host:8883"),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().with_context(|| format!("`{port}` is no port"))?),
            None => (rest, if is_encrypted { 8_883 } else { 1_883 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tls = match (is_encrypted, given(&self.authorities)) {
            (false, None) => None,
            (false, Some(_)) => bail!("authorities are of mqtts://"),
            (true, None) => {
                bail!("say the PEM file of the authorities that its certificate is checked against: authorities")
            }
            (true, Some(authorities)) => {
                let own = given(&self.certificate).zip(given(&self.key));
                Some(ClientTls::read(authorities, own)?)
            }
        };
        let login = match (&self.user, &self.password) {
            (None, None) => None,
            (Some(user), password) => {
                Some((user.clone(), password.as_ref().map(Secret::read).transpose()?.unwrap_or_default()))
            }
            (None, Some(_)) => bail!("a password needs a user"),
        };
        let version = match self.version.as_str() {
            "5" => Version::V5,
            "3.1.1" => Version::V311,
            other => bail!("version is \"5\" or \"3.1.1\", not `{other}`"),
        };
        let filters = if self.topics.is_empty() { rules.filters() } else { self.topics.clone() };
        ensure!(!filters.is_empty(), "say topics, such as [\"urbis/#\"], or rules");
        let delivery = Delivery::of(self.qos).context("qos is 0, 1 or 2")?;
        let session_s = interval(&self.session, "session", 3_650)?.as_secs() as u32;
        Ok(ClientSettings {
            version,
            login,
            tls,
            filters,
            delivery,
            session_s,
            ..ClientSettings::new(host, port, self.client_id.clone())
        })
    }
}

/// A stream of NATS JetStream.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nats {
    url: String,
    stream: String,
    consumer: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    authorities: PathBuf,
    #[serde(default = "half_minute")]
    ack_wait: String,
}

fn half_minute() -> String {
    "30s".to_owned()
}

impl Nats {
    pub(crate) fn read(&self) -> anyhow::Result<NatsSettings> {
        let ack_wait = interval(&self.ack_wait, "nats.ack_wait", 1)?;
        let password = self.password.as_ref().map(Secret::read).transpose()?;
        Ok(NatsSettings {
            login: self.user.clone().map(|user| (user, password.unwrap_or_default())),
            authorities: given(&self.authorities).map(Path::to_owned),
            subject: self.subject.clone(),
            ack_wait: ack_wait.max(Duration::from_secs(1)),
            ..NatsSettings::new(&self.url, &self.stream, &self.consumer)
        })
    }
}

/// A webhook; its bodies are read by the rule for the topic `hooks/<name>`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hook {
    name: String,
    secret: Secret,
}

/// The webhooks as the server takes them; `read` makes changes of a topic and a body.
pub(crate) fn hooks(
    hooks: &[Hook],
    read: impl Fn(&str, &[u8]) -> Vec<kernel_model::Change> + Clone + Send + Sync + 'static,
) -> anyhow::Result<Hooks> {
    let mut all = Hooks::default();
    for hook in hooks {
        let is_name =
            !hook.name.is_empty() && hook.name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        ensure!(is_name, "hooks: the name `{}` is of letters, digits, - and _", hook.name);
        let secret = hook.secret.read().with_context(|| format!("hooks, {}", hook.name))?;
        ensure!(secret.len() >= 16, "hooks, {}: the secret has fewer than 16 characters", hook.name);
        let (read, topic) = (read.clone(), format!("hooks/{}", hook.name));
        all.add(&hook.name, secret.as_bytes(), move |body| read(&topic, body));
    }
    Ok(all)
}

/// A password or secret: `env:NAME`, `file:PATH`, or the text itself. It is never printed.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    fn read(&self) -> anyhow::Result<String> {
        if let Some(name) = self.0.strip_prefix("env:") {
            return std::env::var(name).with_context(|| format!("the secret in the environment variable {name}"));
        }
        if let Some(path) = self.0.strip_prefix("file:") {
            let text = std::fs::read_to_string(path).with_context(|| format!("the secret in {path}"))?;
            return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
        }
        Ok(self.0.clone())
    }
}

pub(super) fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(toml: &str) -> anyhow::Result<ClientSettings> {
        let broker: Broker = toml::from_str(&format!("client_id = \"urbis\"\n{toml}"))?;
        broker.read(&Rules::default())
    }

    #[test]
    fn a_broker_is_an_address_and_what_is_to_be_kept() {
        let settings = broker("url = \"mqtt://[::1]:1884\"\ntopics = [\"a/#\"]\nqos = 2\nsession = \"2h\"").unwrap();
        assert_eq!((settings.host.as_str(), settings.port, settings.session_s), ("::1", 1_884, 7_200));
        assert_eq!((settings.delivery, settings.version), (Delivery::ExactlyOnce, Version::V5));
        for (toml, wanted) in [
            ("url = \"tcp://x\"\ntopics = [\"a\"]", "the url is mqtt://"),
            ("url = \"mqtt://x\"", "say topics"),
            ("url = \"mqtt://x\"\ntopics = [\"a\"]\nqos = 3", "qos is"),
            ("url = \"mqtt://x\"\ntopics = [\"a\"]\nversion = \"4\"", "version is"),
            ("url = \"mqtts://x\"\ntopics = [\"a\"]", "say the PEM file"),
            ("url = \"mqtt://x\"\ntopics = [\"a\"]\npassword = \"p\"", "needs a user"),
            ("url = \"mqtt://x\"\ntopics = [\"a\"]\nuser = \"u\"\npassword = \"env:URBIS_NO_SUCH\"", "URBIS_NO_SUCH"),
        ] {
            let error = format!("{:#}", broker(toml).unwrap_err());
            assert!(error.contains(wanted), "{toml}: {error}");
        }
    }

    #[test]
    fn a_hook_needs_a_name_and_a_secret() {
        let add = |name: &str, secret: &str| {
            let hook = Hook { name: name.to_owned(), secret: Secret(secret.to_owned()) };
            hooks(&[hook], |_, _| Vec::new()).map(|hooks| hooks.names().count()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(add("plant-7", "0123456789abcdef"), Ok(1));
        assert!(add("a/b", "0123456789abcdef").unwrap_err().contains("letters"));
        assert!(add("plant", "short").unwrap_err().contains("fewer than 16"));
    }
}
