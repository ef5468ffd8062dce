//! The entity sets of the standard's sensing profile (OGC 18-088, clause 8): their names, properties and links, and the
//! ids of entities as they stand in addresses. Names come in, sets go out; what is not of the standard has no name here.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

/// An entity set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Set {
    Things,
    Locations,
    HistoricalLocations,
    Datastreams,
    Sensors,
    ObservedProperties,
    Observations,
    FeaturesOfInterest,
}

/// A link from the entities of a set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// As it stands in addresses and in JSON.
    pub(super) name: &'static str,
    /// Where it leads.
    pub(super) to: Set,
    /// Whether it leads to a collection.
    pub(super) many: bool,
}

const fn one(name: &'static str, to: Set) -> Link {
    Link { name, to, many: false }
}

const fn many(name: &'static str, to: Set) -> Link {
    Link { name, to, many: true }
}

impl Set {
    pub(super) const ALL: [Self; 8] = [
        Self::Things,
        Self::Locations,
        Self::HistoricalLocations,
        Self::Datastreams,
        Self::Sensors,
        Self::ObservedProperties,
        Self::Observations,
        Self::FeaturesOfInterest,
    ];

    /// The name of the set.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Things => "Things",
            Self::Locations => "Locations",
            Self::HistoricalLocations => "HistoricalLocations",
            Self::Datastreams => "Datastreams",
            Self::Sensors => "Sensors",
            Self::ObservedProperties => "ObservedProperties",
            Self::Observations => "Observations",
            Self::FeaturesOfInterest => "FeaturesOfInterest",
        }
    }

    /// The name of one of them.
    pub(super) const fn entity(self) -> &'static str {
        match self {
            Self::Things => "Thing",
            Self::Locations => "Location",
            Self::HistoricalLocations => "HistoricalLocation",
            Self::Datastreams => "Datastream",
            Self::Sensors => "Sensor",
            Self::ObservedProperties => "ObservedProperty",
            Self::Observations => "Observation",
            Self::FeaturesOfInterest => "FeatureOfInterest",
        }
    }

    /// The set of a name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// The properties, in the order in which they are written (tables 5 to 17).
    pub(super) const fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Things => &["name", "description", "properties"],
            Self::Locations => &["name", "description", "encodingType", "location", "properties"],
            Self::HistoricalLocations => &["time"],
            Self::Datastreams => &[
                "name",
                "description",
                "observationType",
                "unitOfMeasurement",
                "observedArea",
                "phenomenonTime",
                "resultTime",
                "properties",
            ],
            Self::Sensors => &["name", "description", "encodingType", "metadata", "properties"],
            Self::ObservedProperties => &["name", "definition", "description", "properties"],
            Self::Observations => {
                &["phenomenonTime", "resultTime", "result", "resultQuality", "validTime", "parameters"]
            }
            Self::FeaturesOfInterest => &["name", "description", "encodingType", "feature", "properties"],
        }
    }

    /// Properties that a create request must give (the same tables).
    pub(super) const fn mandatory(self) -> &'static [&'static str] {
        match self {
            Self::Things => &["name", "description"],
            Self::Locations => &["name", "description", "encodingType", "location"],
            Self::HistoricalLocations => &["time"],
            Self::Datastreams => &["name", "description", "observationType", "unitOfMeasurement"],
            Self::Sensors => &["name", "description", "encodingType", "metadata"],
            Self::ObservedProperties => &["name", "definition", "description"],
            Self::Observations => &["result"],
            Self::FeaturesOfInterest => &["name", "description", "encodingType", "feature"],
        }
    }

    /// The links.
    pub(super) fn links(self) -> &'static [Link] {
        const THINGS: &[Link] = &[
            many("Datastreams", Set::Datastreams),
            many("Locations", Set::Locations),
            many("HistoricalLocations", Set::HistoricalLocations),
        ];
        const LOCATIONS: &[Link] =
            &[many("Things", Set::Things), many("HistoricalLocations", Set::HistoricalLocations)];
        const HISTORICAL: &[Link] = &[one("Thing", Set::Things), many("Locations", Set::Locations)];
        const DATASTREAMS: &[Link] = &[
            one("Thing", Set::Things),
            one("Sensor", Set::Sensors),
            one("ObservedProperty", Set::ObservedProperties),
            many("Observations", Set::Observations),
        ];
        const SERIES: &[Link] = &[many("Datastreams", Set::Datastreams)];
        const OBSERVATIONS: &[Link] =
            &[one("Datastream", Set::Datastreams), one("FeatureOfInterest", Set::FeaturesOfInterest)];
        const FEATURES: &[Link] = &[many("Observations", Set::Observations)];
        match self {
            Self::Things => THINGS,
            Self::Locations => LOCATIONS,
            Self::HistoricalLocations => HISTORICAL,
            Self::Datastreams => DATASTREAMS,
            Self::Sensors | Self::ObservedProperties => SERIES,
            Self::Observations => OBSERVATIONS,
            Self::FeaturesOfInterest => FEATURES,
        }
    }

    /// The link of a name.
    pub(super) fn link(self, name: &str) -> Option<&'static Link> {
        self.links().iter().find(|link| link.name == name)
    }

    /// The property of a name.
    pub(super) fn property(self, name: &str) -> Option<&'static str> {
        self.properties().iter().copied().find(|known| *known == name)
    }

    /// What can stand after an entity of this set, for refusals.
    pub(super) fn words(self) -> String {
        let links = self.links().iter().map(|link| link.name);
        ["id"].into_iter().chain(self.properties().iter().copied()).chain(links).collect::<Vec<_>>().join(", ")
    }
}

/// The id of an entity: a number of a Datastream, a text of everything else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    /// As it stands in JSON.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }

    /// From JSON.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_u64().map(Self::Number),
            Value::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// The text, of a number too.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// As it stands in an address, between parentheses; what an address cannot hold is percent-encoded.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{}'", escape(&text.replace('\'', "''"), "'")),
        }
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, 2.3) and those that may stay.
pub(super) fn escape(text: &str, stay: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || "-._~".contains(c) || stay.contains(c) => out.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push('%');
                    out.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
                }
            }
        }
    }
    out
}
