//! Word of what changes, over MQTT (OGC 18-088, 14.2): commits and the filters of subscribers come in; for each entity that is
//! new or was updated, its JSON goes out under every topic that asks for it: `v1.1/Datastreams(7)/Observations`, with
//! `?$select=result` too, `v1.1/Things('...')`, `v1.1/Datastreams(7)/name`. Nothing is made where nobody asks. Rows that are
//! loaded in bulk are not told of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use kernel_model::schema::Table;
use kernel_model::{DatastreamId, EntityId};
use serde_json::{Map, Value as Json};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;

use super::city::{Stream, column, set_of};
use super::item::Item;
use super::options::Options;
use super::path::{Part, Resource};
use super::reading::Reading;
use super::service::Service;
use super::set::{Id, Set};
use super::world::{Source, World};
use crate::state::AppState;
use crate::times::Times;

/// What topics begin with.
const PREFIX: &str = "v1.1/";

/// Messages by topic.
type Messages = Vec<(String, Vec<u8>)>;

/// Tells of every commit until the writer ends. `filters` gives those that clients subscribed to, `tell` publishes.
pub async fn publish_sensorthings(
    state: Arc<AppState>,
    filters: impl Fn() -> Vec<String> + Send,
    tell: impl Fn(String, Vec<u8>) + Send,
) {
    let mut commits = state.ingest.commits();
    let service = Arc::new(Service::new(state));
    loop {
        let rows = match commits.recv().await {
            Ok(rows) => rows,
            Err(RecvError::Closed) => return,
            Err(RecvError::Lagged(commits)) => {
                tracing::warn!(
                    commits,
                    "subscribers of SensorThings topics were not told of some commits: they came too fast"
                );
                continue;
            }
        };
        let Topics { exact, has_wildcards } = Topics::of(&filters());
        if exact.is_empty() && !has_wildcards {
            continue;
        }
        let (service, runtime) = (service.clone(), Handle::current());
        let made = tokio::task::spawn_blocking(move || {
            let world = service.world(Times::default(), String::new(), runtime);
            messages(&world, &Topics { exact, has_wildcards }, &rows)
        });
        match made.await {
            Ok(messages) => messages.into_iter().for_each(|(topic, payload)| tell(topic, payload)),
            Err(error) => tracing::error!(%error, "a commit was not told of under SensorThings topics"),
        }
    }
}

/// What is asked for.
struct Topics {
    exact: Vec<Topic>,
    /// Whether somebody asks for more than one topic at once.
    has_wildcards: bool,
}

struct Topic {
    name: String,
    resource: Resource,
    options: Options,
}

impl Topics {
    fn of(filters: &[String]) -> Self {
        let mut topics = Self { exact: Vec::new(), has_wildcards: false };
        for filter in filters {
            if filter.contains(['+', '#']) {
                topics.has_wildcards |= filter.starts_with(['+', '#']) || filter.starts_with(PREFIX);
                continue;
            }
            let Some(address) = filter.strip_prefix(PREFIX) else { continue };
            let (path, question) = address.split_once('?').unwrap_or((address, ""));
            let Ok(resource) = Resource::read(path) else { continue };
            let Ok(options) = Options::read(question, resource.target()) else { continue };
            topics.exact.push(Topic { name: filter.clone(), resource, options });
        }
        topics
    }
}

fn messages(world: &World<'_>, topics: &Topics, rows: &[(Table, RecordBatch)]) -> Messages {
    let mut out = Messages::new();
    let mut series: HashMap<DatastreamId, Vec<&Topic>> = HashMap::new();
    let (direct, others): (Vec<_>, Vec<_>) =
        topics.exact.iter().partition(|topic| series_of(&topic.resource).is_some());
    for topic in direct {
        series.entry(series_of(&topic.resource).unwrap_or(DatastreamId(0))).or_default().push(topic);
    }
    let wants_all = topics.has_wildcards || others.iter().any(|topic| topic.resource.target() == Set::Observations);
    for (table, batch) in rows {
        match table {
            Table::Observations => {
                let Ok(batch) = batch.project(&[0, 1, 2, 3, 4, 5, 6, 9]) else { continue };
                for reading in Reading::of(&batch) {
                    let own = series.get(&reading.id.datastream);
                    if (own.is_none() && !wants_all) || !world.city.streams.contains_key(&reading.id.datastream) {
                        continue;
                    }
                    let topics_of = own.into_iter().flatten().chain(&others).copied();
                    told(world, &world.told_reading(reading), topics_of, topics.has_wildcards, &mut out);
                }
            }
            _ => {
                for item in described(world, *table, batch) {
                    told(world, &item, others.iter().copied(), topics.has_wildcards, &mut out);
                }
            }
        }
    }
    out
}

/// The Datastream of `Datastreams(7)/Observations`.
fn series_of(resource: &Resource) -> Option<DatastreamId> {
    match (resource.set, &resource.id, resource.links.as_slice()) {
        (Set::Datastreams, Some(Id::Number(number)), [(link, None)]) if link.to == Set::Observations => {
            Some(DatastreamId(*number))
        }
        _ => None,
    }
}

/// The entities that rows of a commit describe.
fn described(world: &World<'_>, table: Table, batch: &RecordBatch) -> Vec<Item> {
    match table {
        Table::Datastreams => {
            let ids = batch.column(0).as_primitive::<UInt64Type>().values();
            ids.iter().filter_map(|id| world.datastream(DatastreamId(*id))).collect()
        }
        Table::Entities => {
            let text = |column: usize| batch.column(column).as_string::<i32>();
            let ids = batch.column(0).as_fixed_size_binary();
            let item = |row: usize| match set_of(text(column::DATASET).value(row)) {
                None => {
                    let id = EntityId::from_slice(ids.value(row))?;
                    world.city.thing(&id).map(|_| Item::Thing(id))
                }
                Some(Set::Observations) => None,
                Some(Set::Datastreams) => {
                    let key = text(column::SOURCE).value(row);
                    let stream = world.city.streams.values().find(|stream| Stream::key(&stream.info.source) == key)?;
                    world.datastream(stream.info.id)
                }
                Some(set) => {
                    let key = text(column::SOURCE).value(row);
                    world.city.told(set, key).map(|document| Item::Told(set, document.clone()))
                }
            };
            let items: BTreeMap<_, _> =
                (0..batch.num_rows()).filter_map(item).map(|item| (item.address(), item)).collect();
            items.into_values().collect()
        }
        _ => Vec::new(),
    }
}

/// Adds the messages of an entity.
fn told<'t>(
    world: &World<'_>,
    item: &Item,
    topics: impl Iterator<Item = &'t Topic>,
    has_wildcards: bool,
    out: &mut Messages,
) {
    let mut done = BTreeSet::new();
    for topic in topics.filter(|topic| is_of(world, item, &topic.resource)) {
        if done.insert(topic.name.clone()) {
            let payload = payload(world, item, &topic.resource.part, &topic.options);
            out.extend(payload.map(|payload| (topic.name.clone(), payload)));
        }
    }
    if !has_wildcards {
        return;
    }
    let mut natural = vec![format!("{PREFIX}{}", item.set().name()), format!("{PREFIX}{}", item.address())];
    if let Item::Observation(row) = item {
        natural.push(format!("{PREFIX}Datastreams({})/Observations", row.0.id.datastream));
    }
    for topic in natural.into_iter().filter(|topic| !done.contains(topic)) {
        out.extend(payload(world, item, &Part::Whole, &Options::default()).map(|payload| (topic, payload)));
    }
}

fn payload(world: &World<'_>, item: &Item, part: &Part, options: &Options) -> Option<Vec<u8>> {
    let json = match part {
        Part::Property { name, .. } => {
            world.property(item, name).map(|value| Map::from_iter([((*name).to_owned(), value)]))
        }
        _ => world.written(item, options),
    };
    json.ok().map(|json| Json::Object(json).to_string().into_bytes())
}

/// Whether an entity is what a resource leads to, or is in the collection that it leads to.
fn is_of(world: &World<'_>, item: &Item, resource: &Resource) -> bool {
    if resource.target() != item.set() {
        return false;
    }
    let Some(((last, id), before)) = resource.links.split_last() else {
        return resource.id.as_ref().is_none_or(|id| *id == item.id());
    };
    if let Some(id) = id {
        return *id == item.id();
    }
    let (from, of) = match before.last() {
        Some((link, id)) => (link.to, id),
        None => (resource.set, &resource.id),
    };
    let Some(of) = of else { return false };
    if !last.many {
        let found = world.find(from, of).ok().and_then(|from| world.related_one(&from, last));
        return found.is_some_and(|other| other.id() == item.id());
    }
    item.set().links().iter().filter(|back| back.to == from).any(|back| match world.related(item, back) {
        Source::Items(items) => items.iter().any(|other| other.id() == *of),
        _ => false,
    })
}
