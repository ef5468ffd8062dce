//! SensorThings (OGC 18-088, Sensing 1.1): an observation as a client creates it, over HTTP (clause 10) or MQTT (clause 14).
//! The id of a Datastream is the kernel's own number. A result that is no number, and a phenomenon time that is an interval,
//! have no place in the kernel and are refused.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::id::DatastreamId;
use crate::time::{TimeError, TimeUs};

/// An observation that is to be created.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewObservation {
    /// The Datastream it is of.
    pub datastream: DatastreamId,
    /// When it was so; `None`: not said, and by the standard (table 12) the moment it came.
    pub phenomenon_time: Option<TimeUs>,
    /// When the result was produced.
    pub result_time: Option<TimeUs>,
    /// The value in the Datastream's unit.
    pub result: f64,
}

/// Why there is no observation.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// Not JSON, or not of this shape.
    #[error("no Observation: {0}")]
    Shape(#[from] serde_json::Error),
    /// A time that is none.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// An interval.
    #[error("phenomenonTime `{0}` is an interval: an instant is wanted, such as its end")]
    Interval(String),
    /// A text, a truth value or a structure.
    #[error("the result is no number: only numbers are kept")]
    Result,
    /// No Datastream, or two.
    #[error(
        "say one Datastream, in the address (Datastreams(7)/Observations) or as {{\"Datastream\": {{\"@iot.id\": 7}}}}"
    )]
    Datastream,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    phenomenon_time: Option<String>,
    result_time: Option<String>,
    result: serde_json::Value,
    #[serde(rename = "Datastream")]
    datastream: Option<Link>,
    // Known, and of no use here: a reading is where its thing stands.
    #[serde(rename = "FeatureOfInterest")]
    _feature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "@iot.id")]
    id: u64,
}

impl NewObservation {
    /// Reads the JSON of a create request. `datastream` is the one of the address, where it says one.
    ///
    /// # Errors
    /// [`ObservationError`].
    pub fn read(json: &[u8], datastream: Option<DatastreamId>) -> Result<Self, ObservationError> {
        let document: Document = serde_json::from_slice(json)?;
        let linked = document.datastream.map(|link| DatastreamId(link.id));
        let datastream = match (datastream, linked) {
            (Some(a), Some(b)) if a != b => return Err(ObservationError::Datastream),
            (a, b) => a.or(b).ok_or(ObservationError::Datastream)?,
        };
        let phenomenon_time = match document.phenomenon_time {
            Some(interval) if interval.contains('/') => return Err(ObservationError::Interval(interval)),
            Some(text) => Some(TimeUs::parse(&text)?),
            None => None,
        };
        let result_time = document.result_time.map(|text| TimeUs::parse(&text)).transpose()?;
        let result =
            document.result.as_f64().filter(|_| document.result.is_number()).ok_or(ObservationError::Result)?;
        Ok(Self { datastream, phenomenon_time, result_time, result })
    }
}

/// The Datastream of `Datastreams(7)`; `None` where it is not of this form.
pub fn datastream_of(segment: &str) -> Option<DatastreamId> {
    let number = segment.strip_prefix("Datastreams(")?.strip_suffix(')')?;
    number.parse().ok().map(DatastreamId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_read_as_the_standard_writes_it() {
        let json = br#"{"phenomenonTime":"2026-11-22T08:00:00+08:00","resultTime":"2026-11-22T00:00:01Z","result":21.5,
            "Datastream":{"@iot.id":7},"FeatureOfInterest":{"@iot.id":1},"parameters":{"a":1}}"#;
        let wanted = NewObservation {
            datastream: DatastreamId(7),
            phenomenon_time: Some(TimeUs(1_795_305_600_000_000)),
            result_time: Some(TimeUs(1_795_305_601_000_000)),
            result: 21.5,
        };
        assert_eq!(NewObservation::read(json, None).unwrap(), wanted);
        assert_eq!(NewObservation::read(json, Some(DatastreamId(7))).unwrap(), wanted);
        assert_eq!(NewObservation::read(br#"{"result":3}"#, Some(DatastreamId(1))).unwrap().phenomenon_time, None);
        assert_eq!(datastream_of("Datastreams(7)"), Some(DatastreamId(7)));
        for wrong in ["Datastreams('x')", "Datastreams(-1)", "Datastreams", "Things(1)"] {
            assert_eq!(datastream_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (json, at, wanted) in [
            (r#"{"result":1}"#, None, "say one Datastream"),
            (r#"{"result":1,"Datastream":{"@iot.id":2}}"#, Some(1), "say one Datastream"),
            (r#"{"result":"dry"}"#, Some(1), "no number"),
            (r#"{"result":true}"#, Some(1), "no number"),
            (r#"{"phenomenonTime":"2026-11-22T08:00:00"}"#, Some(1), "missing field `result`"),
            (r#"{"phenomenonTime":"2026-11-22T08:00:00","result":1}"#, Some(1), "with its offset"),
            (r#"{"phenomenonTime":"2026-11-22T08:00:00Z/2026-11-22T09:00:00Z","result":1}"#, Some(1), "an interval"),
            ("", Some(1), "EOF"),
        ] {
            let error = NewObservation::read(json.as_bytes(), at.map(DatastreamId)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }
}
