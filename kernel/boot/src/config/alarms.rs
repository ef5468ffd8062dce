//! `[alarms]`: rules and subscribers as people write them in; rules that make sense and subscribers with their secrets out.

use std::path::PathBuf;

use anyhow::{Context, bail};
use kernel_alarms::{FenceRule, NearRule, RateRule, Rules, ThresholdRule};
use kernel_server::Webhook;
use serde::{Deserialize, Serialize};

/// Shortest secret, characters.
const SECRET: usize = 16;

/// What is watched, and who is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alarms {
    /// Layers of fences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fence: Vec<FenceRule>,
    /// Fences around what moves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near: Vec<NearRule>,
    /// Limits of readings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    threshold: Vec<ThresholdRule>,
    /// Limits of how quickly readings change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rate: Vec<RateRule>,
    /// Web addresses that are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhook: Vec<Subscriber>,
}

/// A web address that is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscriber {
    name: String,
    url: String,
    /// A file with what requests are signed with.
    secret_file: PathBuf,
    /// Only these rules.
    #[serde(default)]
    rules: Vec<String>,
}

impl Alarms {
    /// The rules.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            fence: self.fence.clone(),
            near: self.near.clone(),
            threshold: self.threshold.clone(),
            rate: self.rate.clone(),
        }
    }

    /// The subscribers, with their secrets.
    pub(crate) fn webhooks(&self) -> anyhow::Result<Vec<Webhook>> {
        let mut webhooks: Vec<Webhook> = Vec::new();
        for subscriber in &self.webhook {
            let name = subscriber.name.clone();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
                bail!("alarms.webhook: a name is 1 to 64 letters, digits, `-` and `_`, not `{name}`");
            }
            if webhooks.iter().any(|other| other.name == name) {
                bail!("alarms.webhook: there are two of the name `{name}`: give one another");
            }
            if !["https://", "http://"].iter().any(|scheme| subscriber.url.starts_with(scheme)) {
                bail!("alarms.webhook `{name}`: url is https://... or http://..., not `{}`", subscriber.url);
            }
            for rule in &subscriber.rules {
                if !self.names().any(|own| own == rule) {
                    bail!("alarms.webhook `{name}`: there is no rule `{rule}`");
                }
            }
            let path = &subscriber.secret_file;
            let secret = std::fs::read_to_string(path)
                .with_context(|| format!("alarms.webhook `{name}`: secret_file {}", path.display()))?
                .trim()
                .to_owned();
            if secret.len() < SECRET {
                bail!("alarms.webhook `{name}`: the secret in {} has fewer than {SECRET} characters", path.display());
            }
            webhooks.push(Webhook { name, url: subscriber.url.clone(), secret, rules: subscriber.rules.clone() });
        }
        Ok(webhooks)
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        let fences = self.fence.iter().map(|rule| &rule.name).chain(self.near.iter().map(|rule| &rule.name));
        fences.chain(self.threshold.iter().map(|rule| &rule.name)).chain(self.rate.iter().map(|rule| &rule.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_that_make_no_sense_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef\n").unwrap();
        let read = |change: fn(&mut Subscriber)| {
            let (name, url) = ("desk".to_owned(), "https://example.org/alerts".to_owned());
            let mut subscriber = Subscriber { name, url, secret_file: secret.clone(), rules: Vec::new() };
            change(&mut subscriber);
            Alarms { webhook: vec![subscriber], ..Alarms::default() }.webhooks().map_err(|e| format!("{e:#}"))
        };
        assert_eq!(read(|_| ()).unwrap()[0].secret, "0123456789abcdef");
        assert!(read(|s| s.name = "a/b".to_owned()).unwrap_err().contains("a name is"));
        assert!(read(|s| s.url = "ftp://x".to_owned()).unwrap_err().contains("url is https"));
        assert!(read(|s| s.rules = vec!["zone".to_owned()]).unwrap_err().contains("no rule `zone`"));
        assert!(read(|s| s.secret_file = PathBuf::from("/nowhere")).unwrap_err().contains("/nowhere"));
        std::fs::write(&secret, "short").unwrap();
        assert!(read(|_| ()).unwrap_err().contains("fewer than 16"));
    }
}
