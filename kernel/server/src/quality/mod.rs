//! What a reading must be to be believed: rules come from the configuration, changes come in before they are committed and go
//! out without what breaks a rule, which becomes a rejection with the rule and the value, or stays and is marked suspect where
//! the rule says so. Units are converted by fixed factors where a rule allows it. What is counted on the way is the SQL
//! table `datastream_health`.

mod health;
mod judge;
mod units;

use serde::{Deserialize, Serialize};

pub(crate) use health::table;
pub(crate) use judge::{Judge, Watched};
use units::Conversion;

/// One rule as it is written. Of the rules that name a datastream the first holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QualityRule {
    /// Only datastreams of this dataset. In all three names one `*` stands for any text.
    pub dataset: Option<String>,
    /// Only datastreams that their source calls so, such as `mast-7/*`.
    pub datastream: Option<String>,
    /// Only datastreams of this property.
    pub property: Option<String>,
    /// Least and greatest value, in the datastream's unit.
    pub range: Option<[f64; 2]>,
    /// Fastest change.
    pub rate: Option<Rate>,
    /// Units that readings may come in and are converted from (UCUM).
    pub convert: Vec<String>,
    /// A reading is expected this often, seconds.
    pub interval_s: Option<f64>,
    /// A reading that comes this long after its time is late, seconds. Late readings are kept and counted.
    pub late_s: Option<f64>,
    /// Keep what breaks the rule, marked suspect.
    pub keep: bool,
}

/// A change from one reading to a newer one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// No more than this, in the datastream's unit,
    pub most: f64,
    /// in so many seconds.
    pub per_s: f64,
}

/// A rule that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("quality rule {number}: {what}")]
pub struct QualityError {
    /// Which, from 1.
    pub number: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// Rules that were checked.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<QualityRule>);

impl Rules {
    /// Checks rules.
    ///
    /// # Errors
    /// The first that cannot be.
    pub fn new(rules: Vec<QualityRule>) -> Result<Self, QualityError> {
        for (number, rule) in (1..).zip(&rules) {
            rule.check().map_err(|what| QualityError { number, what })?;
        }
        Ok(Self(rules))
    }

    fn find(&self, dataset: &str, datastream: &str, property: &str) -> Option<&QualityRule> {
        let fits = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| fits(wanted, name));
        self.0.iter().find(|rule| {
            fits(&rule.dataset, dataset) && fits(&rule.datastream, datastream) && fits(&rule.property, property)
        })
    }
}

impl QualityRule {
    fn check(&self) -> Result<(), String> {
        let positive = |name: &str, value: Option<f64>| match value.is_none_or(|value| value > 0.0 && value.is_finite())
        {
            true => Ok(()),
            false => Err(format!("{name} is a number of seconds above 0")),
        };
        positive("interval_s", self.interval_s)?;
        positive("late_s", self.late_s)?;
        if self.range.is_some_and(|[least, greatest]| least.is_nan() || greatest.is_nan() || least > greatest) {
            return Err("range = [least, greatest]: the first must not be above the second".to_owned());
        }
        if self.rate.is_some_and(|rate| !(rate.most > 0.0 && rate.per_s > 0.0)) {
            return Err("rate = { most = 5.0, per_s = 60 }: both above 0".to_owned());
        }
        if let Some(unit) = self.convert.iter().find(|unit| !units::is_known(unit)) {
            return Err(format!("nothing is known of the unit `{unit}` to convert it: known are {}", units::known()));
        }
        if [&self.dataset, &self.datastream, &self.property].iter().all(|name| name.is_none()) {
            return Err("say what it is for: dataset, datastream or property; property = \"*\" for all".to_owned());
        }
        Ok(())
    }

    /// How to come from a unit to that of a datastream, where the rule allows it.
    fn conversion(&self, from: &str, to: &str) -> Option<Conversion> {
        self.convert.iter().any(|unit| unit == from).then(|| units::conversion(from, to)).flatten()
    }
}

/// One `*` stands for any text.
fn fits(wanted: &str, name: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == name,
        Some((begin, end)) => name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end),
    }
}

#[cfg(test)]
mod tests;
