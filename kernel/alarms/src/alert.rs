//! A transition as it is kept and told. Of the same transition the id is the same, whoever works it out and however often.

use kernel_model::{EntityId, Sequence, TimeUs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A thing is in a fence in which it was not.
    Enter,
    /// A thing is no longer in a fence.
    Exit,
    /// A thing has been in a fence for as long as the rule says.
    Dwell,
    /// A thing in a fence is faster than the rule allows.
    Speed,
    /// A reading or its rate is beyond its limit.
    Raised,
    /// It is back.
    Cleared,
}

impl Event {
    /// Its name in tables, messages and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::Exit => "exit",
            Self::Dwell => "dwell",
            Self::Speed => "speed",
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }
}

/// A transition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The rule.
    pub rule: String,
    /// What happened.
    pub event: Event,
    /// To which thing.
    pub thing: EntityId,
    /// At which fence: the thing that is one, or around which it is.
    pub fence: Option<EntityId>,
    /// Of which series.
    pub datastream: Option<u64>,
    /// The phenomenon time of the fix or reading that shows it.
    pub time: TimeUs,
    /// The commit that brought it.
    pub sequence: Sequence,
    /// The reading, the rate per the rule's time, the speed in metres a second or the stay in seconds.
    pub value: Option<f64>,
    /// Where the thing was: longitude and latitude in degrees.
    pub lon_lat_deg: Option<[f64; 2]>,
    /// Its height, metres above the ellipsoid.
    pub height_m: Option<f64>,
}

impl Alert {
    /// The same for the same transition: 32 hexadecimal digits, of SHA-256 over rule, event, thing, fence, series, time and
    /// commit.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update((self.rule.len() as u64).to_le_bytes());
        hash.update(self.rule.as_bytes());
        hash.update([self.event as u8]);
        hash.update(self.thing.bytes());
        hash.update(self.fence.map_or([0; 16], |fence| *fence.bytes()));
        hash.update(self.datastream.unwrap_or(0).to_le_bytes());
        hash.update(self.time.0.to_le_bytes());
        hash.update(self.sequence.0.to_le_bytes());
        let first = hash.finalize().iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        format!("{first:032x}")
    }
}

/// An entry of the log. Entries are numbered from 1; the number is what a subscriber goes on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A transition.
    Alert(Alert),
    /// Somebody has taken note of one.
    Acknowledged {
        /// The number of the alert.
        alert: u64,
        /// Who.
        by: String,
        /// When.
        time: TimeUs,
    },
}

impl Record {
    /// The rule of an alert.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Alert(alert) => Some(&alert.rule),
            Self::Acknowledged { .. } => None,
        }
    }

    /// As it is told over HTTP, WebSocket, MQTT and webhooks.
    pub fn json(&self, number: u64) -> Value {
        match self {
            Self::Alert(alert) => json!({
                "number": number,
                "id": alert.id(),
                "rule": alert.rule,
                "event": alert.event,
                "thing": alert.thing,
                "fence": alert.fence,
                "datastream": alert.datastream,
                "time": alert.time.to_string(),
                "sequence": alert.sequence.0,
                "value": alert.value,
                "lon": alert.lon_lat_deg.map(|at| at[0]),
                "lat": alert.lon_lat_deg.map(|at| at[1]),
                "height_m": alert.height_m,
            }),
            Self::Acknowledged { alert, by, time } => json!({
                "number": number,
                "event": "acknowledged",
                "alert": alert,
                "by": by,
                "time": time.to_string(),
            }),
        }
    }
}
