//! How an object store is reached. In: a URL `s3://bucket/prefix` and options in the words of the `object_store` crate, from
//! the environment where nobody says otherwise. Out: the store and the prefix in it. Nothing is asked over the network here,
//! and no key is ever written anywhere.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::Error;

/// Longest wait for a connection, and for one request: of at most eight MiB.
const CONNECT: Duration = Duration::from_secs(5);
const REQUEST: Duration = Duration::from_secs(60);
/// A request that fails is tried again so often, as long as so much time has not passed.
const TRIES: usize = 4;
const TRY_FOR: Duration = Duration::from_secs(10);

/// Options of an object store by name: `aws_access_key_id`, `aws_secret_access_key`, `aws_region`, `aws_endpoint`,
/// `aws_allow_http` and whatever else the `object_store` crate knows.
#[derive(Clone, Default)]
pub struct Access(BTreeMap<String, String>);

impl fmt::Debug for Access {
    /// Names only: some values are secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.0.keys()).finish()
    }
}

impl Access {
    /// The variables `AWS_*` of the environment.
    pub fn from_env() -> Self {
        let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let ours = named.filter(|(name, _)| name.starts_with("AWS_"));
        Self(ours.filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.into_string().ok()?))).collect())
    }

    /// With one option more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// The store that a URL names, and the prefix of everything in it that is ours.
    pub(super) fn connect(&self, url: &str) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
        let (bucket, prefix) = split(url).ok_or_else(|| Error::NoStore(url.to_owned()))?;
        let prefix = Path::parse(prefix).map_err(|_| Error::NoStore(url.to_owned()))?;
        // Options that the crate does not know are other programs': AWS_PROFILE, AWS_PAGER, ...
        let known = self.0.iter().filter_map(|(name, value)| Some((name.parse::<AmazonS3ConfigKey>().ok()?, value)));
        let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: TRIES, retry_timeout: TRY_FOR };
        let client = ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST);
        let mut builder = AmazonS3Builder::new().with_client_options(client).with_retry(retry);
        for (key, value) in known {
            builder = builder.with_config(key, value);
        }
        self.check_plain(&builder)?;
        let store = builder.with_bucket_name(bucket).build().map_err(Error::objects(url))?;
        Ok((Arc::new(store), prefix))
    }

    /// Plain http is for servers on this machine, and only where it is asked for: keys and rows must not cross a network
    /// in the clear.
    fn check_plain(&self, builder: &AmazonS3Builder) -> Result<(), Error> {
        for key in [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint] {
            let Some(endpoint) = builder.get_config_value(&key) else { continue };
            let Some(rest) = endpoint.strip_prefix("http://") else { continue };
            let said = self.0.get("aws_allow_http").is_some_and(|value| matches!(value.as_str(), "true" | "1"));
            if !said || !is_loopback(rest) {
                return Err(Error::PlainHttp(endpoint));
            }
        }
        Ok(())
    }
}

/// Bucket and prefix of a URL.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (!bucket.is_empty() && bucket.chars().all(letters)).then_some((bucket, prefix.trim_end_matches('/')))
}

/// Whether `host[:port][/...]` is this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(url: &str, options: &[(&str, &str)]) -> Result<String, Error> {
        let keys = Access::default().with("AWS_ACCESS_KEY_ID", "id").with("AWS_SECRET_ACCESS_KEY", "hidden");
        let access = options.iter().fold(keys, |access, (name, value)| access.with(name, value));
        assert!(!format!("{access:?}").contains("hidden"));
        access.connect(url).map(|(_, prefix)| prefix.to_string())
    }

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        assert_eq!(connect("s3://city", &[]).unwrap(), "");
        assert_eq!(connect("s3://city/a/b/", &[]).unwrap(), "a/b");
        for wrong in ["", "city", "s3://", "s3:///a", "s3://ci ty/a", "s3://city/a//b", "s3://city/../b", "gs://city"] {
            assert!(matches!(connect(wrong, &[]), Err(Error::NoStore(_))), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_and_only_when_asked_for() {
        let at =
            |endpoint, allow| connect("s3://city", &[("AWS_ENDPOINT", endpoint), ("AWS_ALLOW_HTTP", allow)]).map(drop);
        for local in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/"] {
            at(local, "true").unwrap();
            assert!(matches!(at(local, "false"), Err(Error::PlainHttp(_))), "{local}");
        }
        for far in ["http://10.0.0.1:9000", "http://127.0.0.1.example.org", "http://localhost.example.org:80"] {
            assert!(matches!(at(far, "true"), Err(Error::PlainHttp(_))), "{far}");
        }
        at("https://s3.example.org", "false").unwrap();
    }
}
