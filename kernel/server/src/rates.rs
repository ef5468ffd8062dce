//! How often somebody may ask: a bucket of tokens each, which fills again with time. A name comes in, whether it may now goes out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Names that are remembered; those whose bucket is full again are forgotten first.
const NAMES: usize = 65_536;
/// A bucket holds what comes in so many seconds.
const BURST_S: f64 = 2.0;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Buckets by name.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Requests a second; nothing: as many as come.
    per_s: Option<f64>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    /// So many requests a second for each name; 0: as many as come.
    pub(crate) fn new(per_s: u32) -> Self {
        Self { per_s: (per_s > 0).then_some(f64::from(per_s)), buckets: Mutex::default() }
    }

    /// Takes a token of a name, where there is one.
    pub(crate) fn take(&self, name: &str, now: Instant) -> bool {
        let Some(per_s) = self.per_s else { return true };
        let full = (per_s * BURST_S).max(1.0);
        let filled = |bucket: &Bucket| {
            (bucket.tokens + now.saturating_duration_since(bucket.at).as_secs_f64() * per_s).min(full)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= NAMES && !buckets.contains_key(name) {
            buckets.retain(|_, bucket| filled(bucket) < full);
            if buckets.len() >= NAMES {
                return false;
            }
        }
        let bucket = buckets.entry(name.to_owned()).or_insert(Bucket { tokens: full, at: now });
        *bucket = Bucket { tokens: filled(bucket), at: now };
        let may = bucket.tokens >= 1.0;
        bucket.tokens -= f64::from(u8::from(may));
        may
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_for_each_name() {
        let (rates, begun) = (Rates::new(10), Instant::now());
        let taken = |name: &str, at_ms: u64| {
            (0..100).filter(|_| rates.take(name, begun + Duration::from_millis(at_ms))).count()
        };
        assert_eq!((taken("a", 0), taken("a", 0), taken("b", 0)), (20, 0, 20));
        assert_eq!((taken("a", 500), taken("a", 100_000)), (5, 20));
        assert!((0..1_000).all(|_| Rates::new(0).take("a", begun)));
    }
}
