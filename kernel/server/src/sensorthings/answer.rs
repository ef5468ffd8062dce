//! Answers to questions (OGC 18-088, 9.2 and 9.3): a resource and options come in, JSON or the text of a value goes out. Every
//! page that does not end a collection has the address of the next one.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json, json};

use super::data_array;
use super::eval;
use super::item::Item;
use super::options::{Expand, Options};
use super::path::{Part, Resource};
use super::readings::Page;
use super::set::{Id, Link, Set, escape};
use super::world::{Source, World};
use crate::error::ApiError;

const COUNT: &str = "@iot.count";
const NEXT: &str = "@iot.nextLink";

impl World<'_> {
    /// Answers a question. `address`: of the resource below the root, as it was asked.
    pub(super) fn answer(&self, resource: &Resource, options: &Options, address: &str) -> Result<Response, ApiError> {
        check(options)?;
        if !resource.is_entity() {
            let source = self.collection(resource)?;
            return self.answer_many(resource, source, options, address).map(|body| json_response(&body));
        }
        let item = self.entity(resource)?;
        match &resource.part {
            Part::Whole => Ok(json_response(&Json::Object(self.written(&item, options)?))),
            Part::References => Ok(json_response(&json!({ "@iot.selfLink": self.link(&item) }))),
            Part::Property { name, members, raw } => {
                let value = self.property(&item, name)?;
                let value = members.iter().try_fold(&value, |value, member| {
                    let inner = value.get(member).or_else(|| value.get(member.parse::<usize>().ok()?));
                    inner.ok_or_else(|| ApiError::not_found(format!("{name} has no `{member}`")))
                })?;
                Ok(property_response(members.last().map_or(*name, String::as_str), value, *raw))
            }
        }
    }

    /// The entity of a resource that leads to one.
    pub(super) fn entity(&self, resource: &Resource) -> Result<Item, ApiError> {
        let first = resource.id.as_ref().ok_or_else(|| ApiError::not_found("an id is wanted"))?;
        let mut item = self.find(resource.set, first)?;
        for (link, id) in &resource.links {
            item = self.follow(&item, link, id.as_ref())?;
        }
        Ok(item)
    }

    fn follow(&self, item: &Item, link: &Link, id: Option<&Id>) -> Result<Item, ApiError> {
        let Some(id) = id else {
            let none = || ApiError::not_found(format!("{} has no {}", item.address(), link.name));
            return self.related_one(item, link).ok_or_else(none);
        };
        let found = self.find(link.to, id)?;
        // It has to be one of those that the link leads to.
        let back = match self.related(item, link) {
            Source::Items(items) => items.iter().any(|other| other.id() == found.id()),
            _ => {
                found.set().links().iter().any(|back| {
                    back.to == item.set() && self.related_one(&found, back).is_some_and(|other| other.id() == item.id())
                }) || link.to == Set::HistoricalLocations
            }
        };
        if back {
            return Ok(found);
        }
        Err(ApiError::not_found(format!("{} is not one of the {} of {}", found.address(), link.name, item.address())))
    }

    /// The collection of a resource that leads to one.
    pub(super) fn collection(&self, resource: &Resource) -> Result<Source, ApiError> {
        let Some(((last, _), before)) = resource.links.split_last() else {
            return Ok(match resource.set {
                Set::Observations => Source::Readings(super::readings::Scope::default()),
                Set::HistoricalLocations => Source::History(super::history::HistoryScope::All),
                set => Source::All(set),
            });
        };
        let from = Resource { links: before.to_vec(), part: Part::Whole, ..resource.clone() };
        Ok(self.related(&self.entity(&from)?, last))
    }

    fn answer_many(
        &self,
        resource: &Resource,
        source: Source,
        options: &Options,
        address: &str,
    ) -> Result<Json, ApiError> {
        let count = if options.count { Some(self.total(&source, options)?) } else { None };
        let page = self.page_of(source, options)?;
        let mut body = Map::new();
        body.extend(count.map(|count| (COUNT.to_owned(), count.into())));
        if let Some(next) = &page.next {
            let address =
                if resource.part == Part::References { format!("{address}/$ref") } else { address.to_owned() };
            body.insert(NEXT.to_owned(), next_link(&format!("{}/{address}", self.root), options, next).into());
        }
        let value = match (&resource.part, options.data_array) {
            (Part::References, _) => {
                page.items.iter().map(|item| json!({ "@iot.selfLink": self.link(item) })).collect()
            }
            (_, true) => data_array::written(self, &page.items, options)?,
            _ => self.all_written(&page.items, options)?,
        };
        body.insert("value".to_owned(), value);
        Ok(body.into())
    }

    fn page_of(&self, source: Source, options: &Options) -> Result<Page, ApiError> {
        match source {
            Source::Readings(scope) => self.readings(&scope, options),
            Source::History(scope) => self.history(&scope, options),
            Source::All(set) => {
                // In the order of ids a page begins behind one.
                let behind = options.after.as_ref().filter(|_| options.order.is_empty());
                self.page(self.all(set, behind.map(|token| id_of(token)).transpose()?.as_ref()), options)
            }
            Source::Items(mut items) => {
                items.sort_by_cached_key(Item::id);
                if let Some(token) = options.after.as_ref().filter(|_| options.order.is_empty()) {
                    let behind = id_of(token)?;
                    items.retain(|item| item.id() > behind);
                }
                self.page(Box::new(items.into_iter()), options)
            }
        }
    }

    fn total(&self, source: &Source, options: &Options) -> Result<u64, ApiError> {
        match source {
            Source::Readings(scope) => self.count_readings(scope, options),
            Source::History(scope) => self.count_history(scope, options),
            Source::All(set) => self.count(Some(*set), self.all(*set, None), options),
            Source::Items(items) => self.count(None, Box::new(items.iter().cloned()), options),
        }
    }

    fn all_written(&self, items: &[Item], options: &Options) -> Result<Json, ApiError> {
        let written = |item| {
            self.check_deadline()?;
            self.written(item, options).map(Json::Object)
        };
        items.iter().map(written).collect()
    }

    /// An entity as JSON, with what is selected and expanded.
    pub(super) fn written(&self, item: &Item, options: &Options) -> Result<Map<String, Json>, ApiError> {
        let (set, mut out) = (item.set(), Map::new());
        if options.selects(super::filter::ID) {
            out.insert("@iot.id".to_owned(), item.id().json());
        }
        if options.selects(super::filter::SELF_LINK) {
            out.insert("@iot.selfLink".to_owned(), self.link(item).into());
        }
        for name in set.properties().iter().filter(|name| options.selects(name)) {
            let value = self.property(item, name)?;
            if !value.is_null() || matches!(*name, "result" | "resultTime" if set == Set::Observations) {
                out.insert((*name).to_owned(), value);
            }
        }
        for link in set.links() {
            match options.expand.iter().find(|expand| expand.link == link) {
                Some(expand) => self.expand(item, expand, &mut out)?,
                None if options.selects(link.name) => {
                    let address = format!("{}/{}", self.link(item), link.name);
                    out.insert(format!("{}@iot.navigationLink", link.name), address.into());
                }
                None => {}
            }
        }
        Ok(out)
    }

    fn expand(&self, item: &Item, expand: &Expand, out: &mut Map<String, Json>) -> Result<(), ApiError> {
        let (link, options) = (expand.link, &expand.options);
        if !link.many {
            if let Some(other) = self.related_one(item, link) {
                out.insert(link.name.to_owned(), self.written(&other, options)?.into());
            }
            return Ok(());
        }
        let source = self.related(item, link);
        if options.count {
            out.insert(format!("{}{COUNT}", link.name), self.total(&source, options)?.into());
        }
        let page = self.page_of(source, options)?;
        if let Some(next) = &page.next {
            let address = format!("{}/{}", self.link(item), link.name);
            out.insert(format!("{}{NEXT}", link.name), next_link(&address, options, next).into());
        }
        out.insert(link.name.to_owned(), self.all_written(&page.items, options)?);
        Ok(())
    }
}

/// Refuses what would be found out only where there are rows.
fn check(options: &Options) -> Result<(), ApiError> {
    options.filter.as_ref().map_or(Ok(()), eval::check)?;
    options.order.iter().try_for_each(|key| eval::check(&key.of))?;
    options.expand.iter().try_for_each(|expand| check(&expand.options))
}

fn id_of(token: &[Json]) -> Result<Id, ApiError> {
    let wrong =
        || ApiError::bad_request("$skiptoken: this is of another question: follow links to next pages as they are");
    match token {
        [id] => Id::of(id).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// The address of the next page: the same question, behind the last entity.
fn next_link(address: &str, options: &Options, next: &Json) -> String {
    let kept = options.written.iter().filter(|(name, _)| !matches!(name.as_str(), "$skip" | "$skiptoken"));
    let stay = "$,;()'/:*=";
    let pairs = kept.map(|(name, value)| format!("{}={}", escape(name, "$"), escape(value, stay)));
    let token = format!("$skiptoken={}", escape(&next.to_string(), ","));
    format!("{address}?{}", pairs.chain([token]).collect::<Vec<_>>().join("&"))
}

fn json_response(body: &Json) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn property_response(name: &str, value: &Json, raw: bool) -> Response {
    if value.is_null() {
        return StatusCode::NO_CONTENT.into_response();
    }
    if !raw {
        let body: Map<String, Json> = [(name.to_owned(), value.clone())].into_iter().collect();
        return json_response(&body.into());
    }
    match value {
        Json::String(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.clone()).into_response(),
        value if value.is_object() || value.is_array() => json_response(value),
        value => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], value.to_string()).into_response(),
    }
}
