//! Collections that are in memory: Things, Locations, Sensors, ObservedProperties, Datastreams, FeaturesOfInterest. In the
//! order of their ids a page begins behind an id without a walk over those before it; in another order all are looked at and
//! only as many kept as are wanted.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use kernel_model::{DatastreamId, EntityId};
use serde_json::Value as Json;

use super::item::Item;
use super::options::{Key, Options};
use super::readings::Page;
use super::set::{Id, Set};
use super::value::Value;
use super::world::World;
use crate::error::ApiError;

/// Entities looked at between two looks at the clock.
const BREATH: usize = 1_024;

type Items<'a> = Box<dyn Iterator<Item = Item> + 'a>;

impl World<'_> {
    /// All entities of a set in the order of their ids, those behind an id only.
    pub(super) fn all(&self, set: Set, after: Option<&Id>) -> Items<'_> {
        let text = after.map(Id::text);
        let things = |list: &'static str| {
            let ids: &[EntityId] = if list == "sensing" { &self.city.sensing } else { &self.city.placed };
            let from = text.as_ref().map_or(0, |text| ids.partition_point(|id| id.to_string() <= *text));
            ids[from..].iter().copied()
        };
        match set {
            Set::Things => {
                let from = text.as_ref().map_or(0, |text| self.city.things_through(text));
                Box::new(self.city.things_from(from).map(Item::Thing))
            }
            Set::Datastreams => {
                let from = match after {
                    Some(Id::Number(number)) => number.saturating_add(1),
                    _ => 0,
                };
                Box::new(self.city.streams.range(DatastreamId(from)..).map(|(id, _)| Item::Datastream(*id)))
            }
            Set::Sensors => {
                self.merged(set, text.clone(), Box::new(things("sensing").map(move |id| Item::Of(set, id))))
            }
            Set::Locations => {
                let own = things("placed").filter(move |id| self.city.is_own_location(id));
                self.merged(set, text.clone(), Box::new(own.map(move |id| Item::Of(set, id))))
            }
            Set::FeaturesOfInterest => {
                self.merged(set, text.clone(), Box::new(things("placed").map(move |id| Item::Of(set, id))))
            }
            Set::ObservedProperties => {
                let names =
                    self.city.of_property.keys().filter(move |name| text.as_ref().is_none_or(|text| *name > text));
                let untold = names.filter(move |name| self.city.told(set, name).is_none());
                self.merged(set, after.map(Id::text), Box::new(untold.map(|name| Item::Observed(name.as_str().into()))))
            }
            Set::HistoricalLocations | Set::Observations => Box::new(std::iter::empty()),
        }
    }

    /// Told entities and those that follow, by their ids.
    fn merged<'a>(&'a self, set: Set, after: Option<String>, others: Items<'a>) -> Items<'a> {
        let told = self.city.all_told(set).into_iter().flat_map(BTreeMap::iter);
        let told = told.skip_while(move |(key, _)| after.as_ref().is_some_and(|after| *key <= after));
        let told = told.map(move |(_, document)| Item::Told(set, document.clone()));
        Box::new(Merged { a: told.peekable(), b: others.peekable() })
    }

    /// A page of entities in memory.
    pub(super) fn page(&self, items: Items<'_>, options: &Options) -> Result<Page, ApiError> {
        if options.page() == 0 {
            return Ok(Page::default());
        }
        if options.order.is_empty() { self.page_by_id(items, options) } else { self.page_by_keys(items, options) }
    }

    fn page_by_id(&self, items: Items<'_>, options: &Options) -> Result<Page, ApiError> {
        let mut page = Page::default();
        let mut skipped = if options.after.is_some() { options.skip } else { 0 };
        for (at, item) in items.enumerate() {
            if at % BREATH == 0 {
                self.check_deadline()?;
            }
            if !self.passes_filter(&item, options)? {
                continue;
            }
            if skipped < options.skip {
                skipped += 1;
            } else if page.items.len() == options.page() {
                page.next = page.items.last().map(|last: &Item| Json::Array(vec![last.id().json()]));
                break;
            } else {
                page.items.push(item);
            }
        }
        Ok(page)
    }

    fn page_by_keys(&self, items: Items<'_>, options: &Options) -> Result<Page, ApiError> {
        let behind = options.after.as_deref().map(|token| Self::behind(token, &options.order)).transpose()?;
        let skip = if behind.is_some() { 0 } else { options.skip };
        let wanted = options.page().saturating_add(skip).saturating_add(1);
        let compare = |a: &(Vec<Value>, Id), b: &(Vec<Value>, Id)| in_order(a, b, &options.order);
        let mut kept: Vec<((Vec<Value>, Id), Item)> = Vec::new();
        let first = |kept: &mut Vec<((Vec<Value>, Id), Item)>| {
            kept.sort_by(|(a, _), (b, _)| compare(a, b));
            kept.truncate(wanted);
        };
        for (at, item) in items.enumerate() {
            if at % BREATH == 0 {
                self.check_deadline()?;
            }
            if !self.passes_filter(&item, options)? {
                continue;
            }
            let key = |key: &Key| self.eval(&key.of, &item).map(single);
            let keys = options.order.iter().map(key).collect::<Result<Vec<_>, _>>()?;
            let place = (keys, item.id());
            if behind.as_ref().is_none_or(|behind| compare(&place, behind) == Ordering::Greater) {
                kept.push((place, item));
            }
            if kept.len() >= wanted.saturating_mul(2).max(BREATH) {
                first(&mut kept);
            }
        }
        first(&mut kept);
        let has_more = kept.len() == wanted;
        let page: Vec<_> = kept.into_iter().skip(skip).take(options.page()).collect();
        let next = page
            .last()
            .filter(|_| has_more)
            .map(|((keys, id), _)| keys.iter().map(written).chain([id.json()]).collect());
        Ok(Page { items: page.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// The keys and the id of a token.
    fn behind(token: &[Json], order: &[Key]) -> Result<(Vec<Value>, Id), ApiError> {
        let wrong =
            || ApiError::bad_request("$skiptoken: this is of another question: follow links to next pages as they are");
        let (id, keys) = token.split_last().ok_or_else(wrong)?;
        let id = Id::of(id).ok_or_else(wrong)?;
        if keys.len() != order.len() {
            return Err(wrong());
        }
        Ok((keys.iter().map(read).collect(), id))
    }

    /// How many pass the filter.
    pub(super) fn count(&self, set: Option<Set>, items: Items<'_>, options: &Options) -> Result<u64, ApiError> {
        if options.filter.is_none() && set == Some(Set::Things) {
            return Ok(self.city.thing_count() as u64);
        }
        let mut count = 0;
        for (at, item) in items.enumerate() {
            if at % BREATH == 0 {
                self.check_deadline()?;
            }
            count += u64::from(self.passes_filter(&item, options)?);
        }
        Ok(count)
    }

    fn passes_filter(&self, item: &Item, options: &Options) -> Result<bool, ApiError> {
        options.filter.as_ref().map_or(Ok(true), |filter| self.holds(filter, item))
    }
}

/// The first of many.
fn single(value: Value) -> Value {
    match value {
        Value::Many(many) => many.into_iter().next().map_or(Value::Null, single),
        one => one,
    }
}

/// A key in a token. A time is marked as one: a text that looks like one stands elsewhere in the order.
fn written(value: &Value) -> Json {
    match value {
        Value::Time(_) | Value::Span(..) => serde_json::json!({ "time": value.json() }),
        other => other.json(),
    }
}

fn read(json: &Json) -> Value {
    match json.get("time").and_then(Json::as_str) {
        Some(text) if json.as_object().is_some_and(|object| object.len() == 1) => Value::time(text),
        _ => Value::of(json.clone()),
    }
}

fn in_order(a: &(Vec<Value>, Id), b: &(Vec<Value>, Id), order: &[Key]) -> Ordering {
    let keys = a.0.iter().zip(&b.0).zip(order).map(|((a, b), key)| {
        let order = a.order(b);
        if key.descending { order.reverse() } else { order }
    });
    keys.fold(Ordering::Equal, Ordering::then).then_with(|| a.1.cmp(&b.1))
}

/// Two lists in the order of ids as one.
struct Merged<A: Iterator<Item = Item>, B: Iterator<Item = Item>> {
    a: std::iter::Peekable<A>,
    b: std::iter::Peekable<B>,
}

impl<A: Iterator<Item = Item>, B: Iterator<Item = Item>> Iterator for Merged<A, B> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        match (self.a.peek(), self.b.peek()) {
            (Some(a), Some(b)) if b.id() < a.id() => self.b.next(),
            (Some(_), _) => self.a.next(),
            (None, _) => self.b.next(),
        }
    }
}
