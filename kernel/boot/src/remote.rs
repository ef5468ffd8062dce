//! Talking to a running urbis over HTTP: short requests with clear failures.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use ureq::AsSendBody;

/// A server's address, and the API key that every request shows.
pub(crate) struct Remote {
    base: String,
    key: Option<String>,
    agent: ureq::Agent,
}

/// An answer with the headers that matter.
pub(crate) struct Reply {
    pub(crate) body: Vec<u8>,
    pub(crate) truncated: Option<String>,
}

impl Remote {
    /// Checks the shape of the address.
    pub(crate) fn new(url: &str, key: Option<&str>) -> anyhow::Result<Self> {
        let base = url.trim_end_matches('/');
        if !base.starts_with("http://") {
            bail!("--server wants an address such as http://127.0.0.1:8080, not `{url}`");
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(600)))
            .http_status_as_error(false)
            .build();
        Ok(Self {
            base: base.to_owned(),
            key: key.filter(|key| !key.is_empty()).map(str::to_owned),
            agent: config.into(),
        })
    }

    /// The WebSocket address of a path.
    pub(crate) fn socket(&self, path: &str) -> String {
        format!("ws{}{path}", self.base.trim_start_matches("http"))
    }

    /// What says who asks.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.key.as_ref().map(|key| format!("Bearer {key}"))
    }

    /// Gets a body.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url);
        if let Some(authorization) = self.authorization() {
            request = request.header("authorization", authorization);
        }
        let mut response = request.call().with_context(|| format!("{url}: is urbis running there?"))?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(1 << 32).read_to_vec().with_context(|| url.clone())?;
        if status.is_success() { Ok(body) } else { Err(anyhow!("{url}: {status}: {}", description(&body))) }
    }

    /// Posts a body.
    pub(crate) fn post(&self, path: &str, media_type: &str, body: impl AsSendBody) -> anyhow::Result<Reply> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.post(&url).header("content-type", media_type);
        if let Some(authorization) = self.authorization() {
            request = request.header("authorization", authorization);
        }
        let mut response = request.send(body).with_context(|| format!("{url}: is urbis running there?"))?;
        let truncated = response.headers().get("urbis-truncated").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let status = response.status();
        let body = response.body_mut().with_config().limit(1 << 32).read_to_vec().with_context(|| url.clone())?;
        match status.is_success() {
            true => Ok(Reply { body, truncated }),
            false => Err(anyhow!("{url}: {status}: {}", description(&body))),
        }
    }
}

fn description(body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = parsed.as_ref().and_then(|value| value.get("description")?.as_str().map(str::to_owned));
    text.unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned())
}
