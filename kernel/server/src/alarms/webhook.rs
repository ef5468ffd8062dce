//! Alerts to a web address: records after the last one that was taken go out as JSON, in order, signed; what is not taken is
//! sent again, later and later, and after a restart too. The number of the last record that was taken stands in a file of the
//! subscriber's own. So each record is taken at least once; whoever was cut off between taking it and saying so is sent it
//! again, and knows it by its `id`.
//!
//! Header `urbis-signature: t=<seconds since 1970>,v1=<hexadecimal>`: HMAC-SHA256 (RFC 2104) under the subscriber's secret, of
//! the seconds, a full stop and the body.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hmac::digest::InvalidLength;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::AlarmDoor;

/// Records in one request.
const TOGETHER: usize = 500;
/// First and longest pause before a request is made again.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];
/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A subscriber.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name: the name of its file.
    pub name: String,
    /// Where alerts go: `https://...`, or `http://...`.
    pub url: String,
    /// What requests are signed with.
    pub secret: String,
    /// Only alerts of these rules; of all where there are none.
    pub rules: Vec<String>,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).field("url", &self.url).finish_non_exhaustive()
    }
}

/// A subscriber that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The file with the number cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What stands in it is no number.
    #[error("{} does not hold a number: write the number of the last alert that was taken into it, or remove it", .0.display())]
    Cursor(PathBuf),
    /// The client cannot be made.
    #[error("requests to web addresses cannot be made: {0}")]
    Client(reqwest::Error),
}

/// Sends alerts until the program ends. `dir` is the folder of the subscribers' files.
///
/// # Errors
/// Where its file cannot be read or written; a subscriber that does not answer is no error.
pub async fn deliver(door: Arc<AlarmDoor>, webhook: Webhook, dir: PathBuf) -> Result<(), WebhookError> {
    let path = dir.join(&webhook.name);
    fs::create_dir_all(&dir).map_err(io(&dir))?;
    let known = read_cursor(&path)?;
    let mut since = known.unwrap_or_else(|| door.reader().last());
    if known.is_none() {
        // A new subscriber begins with what comes, also if the program ends before it has been told anything.
        write_cursor(&path, since)?;
    }
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(WebhookError::Client)?;
    let (mut told, mut pause) = (door.told(), PAUSES[0]);
    loop {
        told.borrow_and_update();
        let reader = door.reader().clone();
        let records = match tokio::task::spawn_blocking(move || reader.after(since, TOGETHER)).await {
            Ok(Ok(records)) => records,
            _ => Vec::new(),
        };
        let Some((last, _)) = records.last() else {
            if told.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        let wanted = |rule: Option<&str>| {
            webhook.rules.is_empty() || rule.is_none_or(|rule| webhook.rules.iter().any(|own| own == rule))
        };
        let alerts: Vec<_> = records
            .iter()
            .filter(|(_, record)| wanted(record.rule()))
            .map(|(number, record)| record.json(*number))
            .collect();
        if alerts.is_empty() || send(&client, &webhook, &json!({ "alerts": alerts }).to_string()).await {
            since = *last;
            write_cursor(&path, since)?;
            pause = PAUSES[0];
        } else {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }
}

/// Whether the subscriber took it.
async fn send(client: &reqwest::Client, webhook: &Webhook, body: &str) -> bool {
    let seconds = kernel_model::TimeUs::now().0 / 1_000_000;
    let Ok(signature) = signature(&webhook.secret, seconds, body) else { return false };
    let request = client
        .post(&webhook.url)
        .header("content-type", "application/json")
        .header("urbis-signature", format!("t={seconds},v1={signature}"))
        .body(body.to_owned());
    match request.send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            tracing::warn!(
                webhook = webhook.name,
                status = answer.status().as_u16(),
                "alerts were not taken and are sent again"
            );
            false
        }
        Err(error) => {
            tracing::warn!(webhook = webhook.name, %error, "alerts could not be sent and are sent again");
            false
        }
    }
}

/// The signature of a body at a second. A secret of any length is taken.
fn signature(secret: &str, seconds: i64, body: &str) -> Result<String, InvalidLength> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?.chain_update(format!("{seconds}.{body}"));
    Ok(hex::encode(mac.finalize().into_bytes()))
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> WebhookError {
    let path = path.to_owned();
    move |source| WebhookError::Io { path: path.clone(), source }
}

fn read_cursor(path: &Path) -> Result<Option<u64>, WebhookError> {
    match fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(Some).map_err(|_| WebhookError::Cursor(path.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path)(error)),
    }
}

fn write_cursor(path: &Path, number: u64) -> Result<(), WebhookError> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside).map_err(io(&beside))?;
    writeln!(file, "{number}").and_then(|()| file.sync_data()).map_err(io(&beside))?;
    fs::rename(&beside, path).map_err(io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test cases 1, 2 and 6.
    #[test]
    fn a_signature_is_that_of_the_seconds_and_the_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac Jefe
        let right = "d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207";
        assert_eq!(signature("Jefe", 1_700_000_000, "{}"), Ok(right.to_owned()));
        assert_ne!(signature("Jefe", 1_700_000_001, "{}"), Ok(right.to_owned()));
        assert_ne!(signature("jefe", 1_700_000_000, "{}"), Ok(right.to_owned()));
    }
}
