//! `[retention]`: ages as people write them in, what the store understands out. What is no age, or makes no sense beside
//! another age, is refused with the name of its field.

use std::time::Duration;

use anyhow::{Context, bail};
use kernel_store::Keep;
use serde::{Deserialize, Serialize};

const DAY_S: u64 = 86_400;

/// How long rows are kept, table by table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    /// Readings.
    observations: String,
    /// Summaries by minutes of readings that have gone.
    observations_minute: String,
    /// By hours.
    observations_hour: String,
    /// By days.
    observations_day: String,
    /// Fixes of moving things.
    positions: String,
    /// Refused records.
    rejected: String,
    /// How long a reading stays after it was told, however old it is.
    late: String,
    /// How often a server looks for what has grown too old.
    every: String,
}

impl Default for Retention {
    fn default() -> Self {
        let [ever, none] = ["ever", "none"].map(str::to_owned);
        Self {
            observations: ever.clone(),
            observations_minute: none,
            observations_hour: ever.clone(),
            observations_day: ever.clone(),
            positions: ever.clone(),
            rejected: ever,
            late: "1d".to_owned(),
            every: "1h".to_owned(),
        }
    }
}

impl Retention {
    /// As the store takes it.
    pub(crate) fn read(&self) -> anyhow::Result<kernel_store::Retention> {
        let keep = |field: &str, text: &str| text.parse::<Keep>().with_context(|| format!("retention.{field}"));
        let retention = kernel_store::Retention {
            observations: keep("observations", &self.observations)?,
            minute: keep("observations_minute", &self.observations_minute)?,
            hour: keep("observations_hour", &self.observations_hour)?,
            day: keep("observations_day", &self.observations_day)?,
            positions: keep("positions", &self.positions)?,
            rejected: keep("rejected", &self.rejected)?,
            late_us: interval(&self.late, "retention.late", 3_650)?.as_micros() as i64,
            every: interval(&self.every, "retention.every", 1)?,
        };
        retention.check().context("retention")?;
        Ok(retention)
    }
}

/// A number of seconds, minutes, hours or days, up to so many days.
pub(crate) fn interval(text: &str, field: &str, most_days: u64) -> anyhow::Result<Duration> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', DAY_S)];
    let read =
        units.iter().find_map(|(unit, seconds)| text.strip_suffix(*unit)?.parse::<u64>().ok()?.checked_mul(*seconds));
    match read.filter(|seconds| (1..=most_days * DAY_S).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => bail!("{field} is a time from 1s to {most_days}d, such as 10m or 12h, not `{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Retention)) -> String {
        let mut retention = Retention { observations: "30d".to_owned(), ..Retention::default() };
        change(&mut retention);
        format!("{:#}", retention.read().unwrap_err())
    }

    #[test]
    fn what_is_no_age_is_refused_with_its_field() {
        assert_eq!(Retention::default().read().unwrap(), kernel_store::Retention::default());
        assert!(
            refused(|r| r.observations = "-30d".to_owned()).starts_with("retention.observations: `-30d` is no age")
        );
        assert!(refused(|r| r.positions = "none".to_owned()).contains("positions = \"none\" would keep nothing"));
        assert!(
            refused(|r| r.observations_minute = "7d".to_owned()).contains("observations_minute = \"7d\" is shorter")
        );
        assert!(refused(|r| r.rejected = String::new()).starts_with("retention.rejected"));
        assert!(refused(|r| r.late = "ever".to_owned()).contains("retention.late"));
        for wrong in ["0s", "25h", "2d", "", "1w", "99999999999999999999h", "9999999999999999999h"] {
            assert!(refused(|r| r.every = wrong.to_owned()).contains("retention.every"), "{wrong}");
        }
    }
}
