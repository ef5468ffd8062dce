//! Rules as data: what a configuration says comes in; rules that make sense, each with the digest of what it says, go out, or
//! the first fault with what to write instead. No unit, time zone or height reference is guessed.

mod check;
mod schedule;

use kernel_model::Kind;
use serde::{Deserialize, Serialize};

pub use self::check::Checked;
pub(crate) use self::check::{CheckedFence, CheckedRule, What};
pub use self::schedule::Schedule;

/// All rules of a configuration: the table `[alarms]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Layers of fences: `[[alarms.fence]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fence: Vec<FenceRule>,
    /// Fences around what moves: `[[alarms.near]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<NearRule>,
    /// Limits of readings: `[[alarms.threshold]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub threshold: Vec<ThresholdRule>,
    /// Limits of how quickly readings change: `[[alarms.rate]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rate: Vec<RateRule>,
}

impl Rules {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fence.is_empty() && self.near.is_empty() && self.threshold.is_empty() && self.rate.is_empty()
    }
}

/// Which things; what is not said is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Of this class.
    pub class: Option<String>,
}

impl Filter {
    /// Whether it says nothing.
    pub fn is_any(&self) -> bool {
        self.kind.is_none() && self.class.is_none()
    }

    /// Whether a thing is meant.
    pub fn takes(&self, kind: Kind, class: &str) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind) && self.class.as_deref().is_none_or(|wanted| wanted == class)
    }
}

/// What is told of fences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// A thing comes in.
    Enter,
    /// A thing leaves.
    Exit,
    /// A thing stays for `dwell`.
    Dwell,
    /// A thing is faster than `speed_m_s`.
    Speed,
}

/// All fences of a layer, and the things they are for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FenceRule {
    /// Unique among the rules.
    pub name: String,
    /// Which things of the city are the fences: a class, a kind, or both.
    pub fences: Filter,
    /// Which moving things they are for; any where nothing is said.
    #[serde(default)]
    pub things: Filter,
    /// What is told; `enter` and `exit` where nothing is said.
    #[serde(default = "enter_and_exit")]
    pub events: Vec<Events>,
    /// How long a stay is, such as `90s`, `5m`, `2h`; with the event `dwell`.
    #[serde(default)]
    pub dwell: Option<String>,
    /// Metres a second; with the event `speed`. A fence's own property `speed_m_s` goes before it.
    #[serde(default)]
    pub speed_m_s: Option<f64>,
    /// When the fences hold, such as `Mo-Fr 07:00-19:00`; always where nothing is said. A fence's own goes before it.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The zone of the schedule's times: a name of the IANA list, such as `Asia/Shanghai`.
    #[serde(default)]
    pub time_zone: Option<String>,
}

/// A fence around each of some moving things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearRule {
    /// Unique among the rules.
    pub name: String,
    /// Around which moving things: a class, a kind, or both.
    pub around: Filter,
    /// Which moving things are meant.
    #[serde(default)]
    pub things: Filter,
    /// How far the fence reaches in the plane, metres.
    pub radius_m: f64,
    /// How far up and down, metres; without it heights do not matter.
    #[serde(default)]
    pub height_m: Option<f64>,
    /// What is told; `enter` and `exit` where nothing is said.
    #[serde(default = "enter_and_exit")]
    pub events: Vec<Events>,
    /// How long a stay is; with the event `dwell`.
    #[serde(default)]
    pub dwell: Option<String>,
}

fn enter_and_exit() -> Vec<Events> {
    vec![Events::Enter, Events::Exit]
}

/// Readings beyond a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThresholdRule {
    /// Unique among the rules.
    pub name: String,
    /// The property of the datastreams that are meant.
    pub property: String,
    /// Their unit; those of another unit are not meant, nothing is converted.
    pub unit: String,
    /// Of which things.
    #[serde(default)]
    pub things: Filter,
    /// Raised above this.
    #[serde(default)]
    pub above: Option<f64>,
    /// Raised below this.
    #[serde(default)]
    pub below: Option<f64>,
    /// Cleared when back at this or beyond; at the limit itself where nothing is said.
    #[serde(default)]
    pub clear: Option<f64>,
}

/// Readings that change too quickly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateRule {
    /// Unique among the rules.
    pub name: String,
    /// The property of the datastreams that are meant.
    pub property: String,
    /// Their unit.
    pub unit: String,
    /// Of which things.
    #[serde(default)]
    pub things: Filter,
    /// The time that the limits are for, such as `1s`, `1m`, `1h`.
    pub per: String,
    /// Raised where a reading rises by more than this, per time.
    #[serde(default)]
    pub above: Option<f64>,
    /// Raised where it changes by less than this, per time: a negative number is a fall.
    #[serde(default)]
    pub below: Option<f64>,
    /// Cleared when the rate is back at this or beyond.
    #[serde(default)]
    pub clear: Option<f64>,
}
