//! Topic and payload to changes. Messages come in one by one; the changes of a batch go out grouped, one
//! [`ObservationBatch`] for each datastream and one [`PositionBatch`] for each thing. Unit, time zone and height
//! reference are never guessed; what cannot be read becomes a [`Rejection`] that says why, with the payload's first
//! bytes.

mod payload;

use std::collections::HashMap;
use std::sync::Arc;

use kernel_model::sensorthings::{self, NewObservation};
use kernel_model::{
    Change, DatastreamDraft, DatastreamId, HeightReference, Observation, ObservationBatch, Place, PositionBatch,
    PositionFix, Quality, Rejection, SourceKey, TimeUs,
};

use crate::rules::{self, Declarer, Gathered, Known, Matched, Rules};
use payload::{Describe, Fix, Reading};

/// Bytes of a refused payload that are kept.
const SAMPLE_BYTES: usize = 200;

/// What a decoder keeps.
#[derive(Debug, Clone)]
pub struct DecoderSettings {
    /// First level of the topics: `urbis`.
    pub prefix: String,
    /// Topics remembered so that their names need not be built again; beyond it the memory starts anew.
    pub topics: usize,
    /// Described datastreams and things remembered for payloads without unit or height reference; beyond it further
    /// ones are not remembered, and such payloads are refused.
    pub described: usize,
    /// Refused payloads of one batch that are kept with a sample; all are counted.
    pub kept_rejections: usize,
}

impl Default for DecoderSettings {
    fn default() -> Self {
        Self { prefix: "urbis".to_owned(), topics: 200_000, described: 1_000_000, kept_rejections: 64 }
    }
}

/// Reads messages under the topics
///
/// - `urbis/<dataset>/<entity>/<property>`: `{"t": "2026-11-22T08:00:00+08:00", "v": 41.5, "unit": "ug/m3"}`
/// - `urbis/<dataset>/<entity>/position`: `{"t": 1795305600000, "lon": 116.31, "lat": 39.98, "h": 42.0, "height_reference":
///   "ellipsoid", "heading": 90, "speed": 8.3}`
/// - `urbis/<dataset>/<entity>/describe`: `{"kind": "sensor", "class": "air", "name": "...", "lon": 116.31, "lat": 39.98,
///   "height_m": 45.0, "height_reference": "ellipsoid", "properties": {}, "datastreams": [{"property": "pm25", "unit":
///   "ug/m3", "name": "PM2.5"}]}`
///
/// `t` is RFC 3339 with an offset, or whole milliseconds since 1970 in UTC. A datastream's source key is
/// `<entity>/<property>` in the topic's dataset.
///
/// Before these come the topics of its [`Rules`]; beside them `v1.1/Datastreams(7)/Observations` and `v1.1/Observations`
/// (OGC 18-088, 14.2).
#[derive(Debug)]
pub struct Decoder {
    settings: DecoderSettings,
    /// Looked up only, never iterated.
    topics: HashMap<Box<str>, Way>,
    rules: Rules,
    declarer: Declarer,
    described: HashMap<SourceKey, Described>,
    batch: Batch,
}

/// What a decoder hands over at the end of a batch.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) changes: Vec<Change>,
    /// Messages that became changes.
    pub(crate) accepted: u64,
    /// Messages that were refused, kept or not.
    pub(crate) rejected: u64,
}

#[derive(Debug, Default)]
struct Batch {
    out: Decoded,
    /// Counts batches and, within one, the descriptions that later readings must not be moved before.
    stretch: u64,
    kept_rejections: usize,
    gathered: Gathered,
}

/// How messages of a topic are read.
#[derive(Debug)]
enum Way {
    Own(Target),
    Rule(Matched),
    /// SensorThings, where the topic says the Datastream or not.
    Observations(Option<DatastreamId>),
}

#[derive(Debug)]
enum Described {
    Unit,
    Heights(HeightReference),
}

/// A topic taken apart once, with the place of its change in the present batch.
#[derive(Debug)]
struct Target {
    sort: Sort,
    /// The thing for positions and descriptions, the datastream for readings.
    source: SourceKey,
    stretch: u64,
    at: usize,
    /// The unit last seen, to share its text.
    unit: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Reading,
    Position,
    Describe,
}

impl Decoder {
    /// A decoder that knows no datastream yet.
    pub fn new(settings: DecoderSettings) -> Self {
        Self::with_rules(settings, Rules::default(), Known::nothing())
    }

    /// One that reads other people's topics too; `known` says what need not be declared.
    pub fn with_rules(settings: DecoderSettings, rules: Rules, known: Known) -> Self {
        Self {
            declarer: Declarer::new(known, settings.described),
            settings,
            rules,
            topics: HashMap::new(),
            described: HashMap::new(),
            batch: Batch { stretch: 1, ..Batch::default() },
        }
    }

    /// Tells of a datastream declared elsewhere (the store knows it, an import brought it), so that its readings may
    /// leave out the unit.
    pub fn know(&mut self, datastream: &DatastreamDraft) {
        self.remember(datastream.source.clone(), Described::Unit);
    }

    /// Reads one message into the present batch.
    pub fn decode(&mut self, topic: &str, payload: &[u8]) {
        match self.read(topic, payload) {
            Ok(()) => self.batch.out.accepted += 1,
            Err(reason) => self.refuse(topic, payload, reason),
        }
    }

    /// Ends the batch and hands over its changes.
    pub fn finish(&mut self) -> Vec<Change> {
        self.finish_counted().changes
    }

    pub(crate) fn finish_counted(&mut self) -> Decoded {
        self.batch.stretch += 1;
        self.batch.kept_rejections = 0;
        let mut out = std::mem::take(&mut self.batch.out);
        out.changes.extend(self.batch.gathered.finish());
        out
    }

    fn read(&mut self, topic: &str, payload: &[u8]) -> Result<(), String> {
        if !self.topics.contains_key(topic) {
            let way = self.way(topic)?;
            if self.topics.len() >= self.settings.topics {
                self.topics.clear();
            }
            self.topics.insert(topic.into(), way);
        }
        let target = match self.topics.get_mut(topic) {
            None => return Ok(()),
            Some(Way::Own(target)) => target,
            Some(Way::Rule(matched)) => {
                let gathered = &mut self.batch.gathered;
                return self.rules.read(matched, payload, TimeUs::now(), &mut self.declarer, gathered);
            }
            Some(Way::Observations(datastream)) => {
                return read_observation(*datastream, &mut self.batch.gathered, payload);
            }
        };
        match target.sort {
            Sort::Reading => read_reading(target, &self.described, &mut self.batch, payload),
            Sort::Position => read_position(target, &self.described, &mut self.batch, payload),
            Sort::Describe => {
                let source = target.source.clone();
                self.read_describe(source, payload)
            }
        }
    }

    fn way(&self, topic: &str) -> Result<Way, String> {
        if let Some(matched) = self.rules.find(topic) {
            return Ok(Way::Rule(matched));
        }
        if topic == "v1.1/Observations" {
            return Ok(Way::Observations(None));
        }
        let segment = topic.strip_prefix("v1.1/").and_then(|rest| rest.strip_suffix("/Observations"));
        if let Some(datastream) = segment.and_then(sensorthings::datastream_of) {
            return Ok(Way::Observations(Some(datastream)));
        }
        Target::parse(topic, &self.settings.prefix).map(Way::Own)
    }

    fn read_describe(&mut self, source: SourceKey, payload: &[u8]) -> Result<(), String> {
        if payload.is_empty() {
            return Err("an empty description clears the retained one and says nothing of the thing; it stays as it \
                        was: retire it through the API"
                .to_owned());
        }
        let describe: Describe<'_> = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
        let (entity, datastreams) = describe.into_drafts(&source)?;
        self.remember(source, Described::Heights(entity.height_reference.clone()));
        for datastream in &datastreams {
            self.know(datastream);
        }
        let changes = &mut self.batch.out.changes;
        changes.push(Change::Entity(entity));
        changes.extend(datastreams.into_iter().map(Change::Datastream));
        // Readings that follow stay behind the description they may need.
        self.batch.stretch += 1;
        Ok(())
    }

    fn remember(&mut self, source: SourceKey, described: Described) {
        if self.described.len() < self.settings.described || self.described.contains_key(&source) {
            self.described.insert(source, described);
        }
    }

    fn refuse(&mut self, topic: &str, payload: &[u8], reason: String) {
        self.batch.out.rejected += 1;
        if self.batch.kept_rejections < self.settings.kept_rejections {
            self.batch.kept_rejections += 1;
            let sample = String::from_utf8_lossy(&payload[..payload.len().min(SAMPLE_BYTES)]).into_owned();
            let rejection = Rejection { source: topic.to_owned(), place: "payload".to_owned(), reason, sample };
            self.batch.out.changes.push(Change::Rejected(rejection));
        }
    }
}

impl Target {
    fn parse(topic: &str, prefix: &str) -> Result<Self, String> {
        let refused =
            || format!("the topic is not {prefix}/<dataset>/<entity>/<property>, .../position or .../describe");
        let rest = topic.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')).ok_or_else(refused)?;
        let mut levels = rest.split('/');
        let (Some(dataset), Some(entity), Some(last), None) =
            (levels.next(), levels.next(), levels.next(), levels.next())
        else {
            return Err(refused());
        };
        if dataset.is_empty() || entity.is_empty() || last.is_empty() {
            return Err(refused());
        }
        let (sort, source) = match last {
            "position" => (Sort::Position, SourceKey::new(dataset, entity)),
            "describe" => (Sort::Describe, SourceKey::new(dataset, entity)),
            _ => (Sort::Reading, SourceKey::new(dataset, &rest[dataset.len() + 1..])),
        };
        Ok(Self { sort, source, stretch: 0, at: 0, unit: None })
    }
}

fn read_reading(
    target: &mut Target,
    described: &HashMap<SourceKey, Described>,
    batch: &mut Batch,
    payload: &[u8],
) -> Result<(), String> {
    let reading: Reading<'_> = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    let unit = match (reading.unit, described.get(&target.source)) {
        (Some(claimed), _) if claimed.is_empty() => {
            return Err("the unit is empty: give UCUM, `1` for a plain number".into());
        }
        (Some(claimed), _) => Some(shared(&mut target.unit, &claimed)),
        (None, Some(Described::Unit)) => None,
        (None, _) => {
            return Err("no unit: give `unit` in UCUM (such as \"ug/m3\"), or describe the datastream first".into());
        }
    };
    let row = Observation { phenomenon_time: reading.t.0, result_time: None, value: reading.v, quality: Quality::Good };
    let changes = &mut batch.out.changes;
    if target.stretch == batch.stretch
        && let Some(Change::Observations(held)) = changes.get_mut(target.at)
        && held.unit == unit
    {
        held.rows.push(row);
        return Ok(());
    }
    (target.stretch, target.at) = (batch.stretch, changes.len());
    changes.push(Change::Observations(ObservationBatch {
        datastream: target.source.clone(),
        unit,
        rows: vec![row],
        places: Vec::new(),
    }));
    Ok(())
}

fn read_observation(datastream: Option<DatastreamId>, out: &mut Gathered, payload: &[u8]) -> Result<(), String> {
    let new = NewObservation::read(payload, datastream).map_err(|error| error.to_string())?;
    let time = new.phenomenon_time.unwrap_or_else(TimeUs::now);
    let reading = rules::Reading { time, result_time: new.result_time, value: new.result };
    out.numbered(new.datastream, &reading);
    Ok(())
}

fn read_position(
    target: &mut Target,
    described: &HashMap<SourceKey, Described>,
    batch: &mut Batch,
    payload: &[u8],
) -> Result<(), String> {
    let fix: Fix<'_> = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    let height_reference = match (fix.h, fix.height_reference, described.get(&target.source)) {
        (None, _, _) => HeightReference::None,
        (Some(_), Some(name), _) => name.parse().map_err(|e: kernel_model::PlaceError| e.to_string())?,
        (Some(_), None, Some(Described::Heights(known))) => known.clone(),
        (Some(_), None, _) => HeightReference::Unknown,
    };
    let row = PositionFix {
        time: fix.t.0,
        place: Place::new(fix.lon, fix.lat, fix.h).map_err(|e| e.to_string())?,
        heading_deg: fix.heading,
        speed_m_s: fix.speed,
    };
    let changes = &mut batch.out.changes;
    if target.stretch == batch.stretch
        && let Some(Change::Positions(held)) = changes.get_mut(target.at)
        && held.height_reference == height_reference
    {
        held.rows.push(row);
        return Ok(());
    }
    (target.stretch, target.at) = (batch.stretch, changes.len());
    changes.push(Change::Positions(PositionBatch { entity: target.source.clone(), height_reference, rows: vec![row] }));
    Ok(())
}

/// The text as a shared one, the last if it is the same.
fn shared(last: &mut Option<Arc<str>>, text: &str) -> Arc<str> {
    match last {
        Some(held) if &**held == text => Arc::clone(held),
        _ => Arc::clone(last.insert(Arc::from(text))),
    }
}
