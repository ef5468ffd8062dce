//! HistoricalLocations: those that were told, kept as documents, and every fix of what moves. A scope comes in; a page in the
//! order of time goes out, or their number. Fixes are asked of the store page by page, those told lie in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use kernel_model::{EntityId, Place, PositionFix, TimeUs};
use serde_json::Value as Json;

use super::city::Document;
use super::filter::Expr;
use super::item::Item;
use super::options::Options;
use super::readings::{Page, instant};
use super::set::Set;
use super::value::Value;
use super::world::World;
use crate::error::ApiError;

/// Fixes looked at in one go where a filter is asked of them, and for one page at most.
const CHUNK: usize = 10_000;
const MOST_ROWS: usize = 500_000;
const COLUMNS: &str = "entity, time, lon, lat, height_m";

/// Whose.
#[derive(Debug, Clone)]
pub(super) enum HistoryScope {
    All,
    Thing(EntityId),
    /// Those that name a told Location.
    Told(Arc<Document>),
    /// One fix.
    Fix(Box<(EntityId, PositionFix)>),
}

impl HistoryScope {
    /// Those that an entity links to.
    pub(super) fn of(item: &Item) -> Self {
        match item {
            Item::Told(_, document) => Self::Told(document.clone()),
            Item::Thing(thing) | Item::Of(_, thing) => Self::Thing(*thing),
            Item::Fix(_, fix) => Self::Fix(fix.clone()),
            _ => Self::All,
        }
    }
}

impl World<'_> {
    /// A page of HistoricalLocations, the newest first where nothing is said.
    pub(super) fn history(&self, scope: &HistoryScope, options: &Options) -> Result<Page, ApiError> {
        let descending = descends(options)?;
        let behind = options.after.as_deref().map(token).transpose()?;
        let skip = if behind.is_some() { 0 } else { options.skip };
        let wanted = options.page().saturating_add(skip).saturating_add(1);
        if options.page() == 0 {
            return Ok(Page::default());
        }
        if skip > MOST_ROWS {
            return Err(ApiError::bad_request(format!("$skip: more than {MOST_ROWS} are not skipped")));
        }
        let comes_after = |item: &Item| {
            behind.as_ref().is_none_or(|behind| {
                let order = place(item).cmp(behind);
                order == if descending { Ordering::Less } else { Ordering::Greater }
            })
        };
        let mut items = Vec::new();
        for item in self.told_history(scope) {
            if comes_after(&item) && self.passes_history(&item, options)? {
                items.push(item);
            }
        }
        let mut last_seen = None;
        if let Some(condition) = self.fixes_of(scope, options) {
            last_seen = self.fixes(&condition, behind, descending, wanted, options, &mut items)?;
        }
        items.sort_by_cached_key(place);
        if descending {
            items.reverse();
        }
        // What lies behind the last fix that was looked at is of the next page.
        if let Some(last) = &last_seen {
            items.retain(|item| (place(item) > *last) == descending || place(item) == *last);
        }
        let has_more = items.len() >= wanted;
        let items: Vec<_> = items.into_iter().skip(skip).take(options.page()).collect();
        let next = match (has_more, last_seen) {
            (true, _) => items.last().map(|item| written(&place(item))),
            (false, Some(last)) => Some(written(&last)),
            (false, None) => None,
        };
        Ok(Page { items, next })
    }

    /// How many there are.
    pub(super) fn count_history(&self, scope: &HistoryScope, options: &Options) -> Result<u64, ApiError> {
        if options.filter.is_none() && self.times.valid.is_none() && !matches!(scope, HistoryScope::Fix(_)) {
            let told = self.told_history(scope).len() as u64;
            let Some(condition) = self.fixes_of(scope, options) else { return Ok(told) };
            let found = self.ask(&format!("SELECT count(*) FROM positions{}", with_where(&[condition])), 1)?;
            let count = found.first().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
            return Ok(told + count.unwrap_or_default().unsigned_abs());
        }
        let mut options = Options { count: false, order: Vec::new(), after: None, skip: 0, ..options.clone() };
        options.top = Some(super::options::MOST_PAGE);
        let mut count = 0;
        loop {
            self.check_deadline()?;
            let page = self.history(scope, &options)?;
            count += page.items.len() as u64;
            match page.next {
                Some(Json::Array(next)) => options.after = Some(next),
                _ => return Ok(count),
            }
        }
    }

    /// The fix of a thing at an instant.
    pub(super) fn fix_at(&self, thing: &EntityId, time: TimeUs) -> Result<Option<PositionFix>, ApiError> {
        let time = instant(time);
        let sql = format!("SELECT {COLUMNS} FROM positions WHERE entity = '{thing}' AND time = {time} LIMIT 1");
        Ok(self.ask(&sql, 1)?.iter().flat_map(rows).map(|(_, fix)| fix).next())
    }

    fn told_history(&self, scope: &HistoryScope) -> Vec<Item> {
        let item = |document: &Arc<Document>| Item::Told(Set::HistoricalLocations, document.clone());
        let all = || self.city.history_of.values().flatten();
        match scope {
            HistoryScope::All => all().map(item).collect(),
            HistoryScope::Thing(thing) => self.city.history_of.get(thing).into_iter().flatten().map(item).collect(),
            HistoryScope::Told(location) => {
                all().filter(|told| told.texts("locations").contains(&location.key)).map(item).collect()
            }
            HistoryScope::Fix(fix) => vec![Item::Fix(Set::HistoricalLocations, fix.clone())],
        }
    }

    fn passes_history(&self, item: &Item, options: &Options) -> Result<bool, ApiError> {
        if let (Some(span), (time, _)) = (self.readings_span(), place(item))
            && !(span.from.is_none_or(|from| from <= time) && span.to.is_none_or(|to| time < to))
        {
            return Ok(false);
        }
        options.filter.as_ref().map_or(Ok(true), |filter| self.holds(filter, item))
    }

    /// The condition of the fixes of a scope; none where it has none.
    fn fixes_of(&self, scope: &HistoryScope, options: &Options) -> Option<String> {
        let mut all = match scope {
            HistoryScope::All => Vec::new(),
            HistoryScope::Thing(thing) => vec![format!("entity = '{thing}'")],
            HistoryScope::Told(_) | HistoryScope::Fix(_) => return None,
        };
        if let Some(span) = self.readings_span() {
            all.extend(span.from.map(|from| format!("time >= {}", instant(from))));
            all.extend(span.to.map(|to| format!("time < {}", instant(to))));
        }
        for expr in options.filter.clone().map(Expr::conjuncts).unwrap_or_default() {
            all.extend(self.thing_of(&expr).map(|id| format!("entity = '{id}'")));
        }
        Some(all.join(" AND "))
    }

    /// The thing of `Thing/id eq '...'`.
    fn thing_of(&self, expr: &Expr) -> Option<EntityId> {
        let Expr::Compare(super::filter::Comparison::Equal, a, b) = expr else { return None };
        let Expr::Path(path) = &**a else { return None };
        let is_thing = path.links.len() == 1 && path.links[0].to == Set::Things && path.property == super::filter::ID;
        match self.constant(b) {
            Some(Value::Text(id)) if is_thing => id.parse().ok(),
            _ => None,
        }
    }

    /// Adds fixes until so many are there; the last one looked at where there may be more.
    fn fixes(
        &self,
        condition: &str,
        mut behind: Option<(TimeUs, String)>,
        descending: bool,
        wanted: usize,
        options: &Options,
        items: &mut Vec<Item>,
    ) -> Result<Option<(TimeUs, String)>, ApiError> {
        let (sign, order) = if descending { ("<", "DESC") } else { (">", "ASC") };
        let chunk = if options.filter.is_none() { wanted } else { CHUNK };
        let chunk = chunk.min(self.app.settings.sql_rows.max(1));
        let (mut found, mut seen) = (0, 0);
        while seen < MOST_ROWS {
            let after = behind.as_ref().map(|(time, id)| {
                let (time, thing) = (instant(*time), id.split('@').next().unwrap_or_default().replace('\'', ""));
                format!("time {sign}= {time} AND (time {sign} {time} OR entity {sign} '{thing}')")
            });
            let condition = with_where(&[condition.to_owned(), after.unwrap_or_default()]);
            let sql = format!(
                "SELECT {COLUMNS} FROM positions{condition} ORDER BY time {order}, entity {order} LIMIT {chunk}"
            );
            let fixes: Vec<_> = self.ask(&sql, chunk)?.iter().flat_map(rows).collect();
            let is_last = fixes.len() < chunk;
            seen += fixes.len();
            for fix in fixes {
                let item = Item::Fix(Set::HistoricalLocations, Box::new(fix));
                behind = Some(place(&item));
                if self.city.thing(&fix.0).is_some() && self.passes_history(&item, options)? {
                    items.push(item);
                    found += 1;
                }
                if found == wanted {
                    return Ok(behind);
                }
            }
            if is_last {
                return Ok(None);
            }
        }
        Ok(behind)
    }
}

fn with_where(conditions: &[String]) -> String {
    let all: Vec<_> = conditions.iter().filter(|condition| !condition.is_empty()).map(String::as_str).collect();
    if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
}

fn rows(batch: &RecordBatch) -> Vec<(EntityId, PositionFix)> {
    let real = |column: usize| batch.column(column).as_primitive::<Float64Type>();
    let (ids, times) = (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<TimestampMicrosecondType>());
    let (lon, lat, height) = (real(2), real(3), real(4));
    let row = |row: usize| {
        let height_m = height.is_valid(row).then(|| height.value(row));
        let place = Place { lon_deg: lon.value(row), lat_deg: lat.value(row), height_m };
        let fix = PositionFix { time: TimeUs(times.value(row)), place, heading_deg: None, speed_m_s: None };
        Some((ids.value(row).parse().ok()?, fix))
    };
    (0..batch.num_rows()).filter_map(row).collect()
}

/// Where an entity stands in the order.
fn place(item: &Item) -> (TimeUs, String) {
    let time = match item {
        Item::Fix(_, fix) => Some(fix.1.time),
        Item::Told(_, document) => {
            document.fields.get("time").and_then(Json::as_str).and_then(|text| TimeUs::parse(text).ok())
        }
        _ => None,
    };
    (time.unwrap_or_default(), item.id().text())
}

fn written((time, id): &(TimeUs, String)) -> Json {
    serde_json::json!([time.0, id])
}

fn token(token: &[Json]) -> Result<(TimeUs, String), ApiError> {
    match token {
        [Json::Number(time), Json::String(id)] if time.is_i64() => {
            Ok((TimeUs(time.as_i64().unwrap_or_default()), id.clone()))
        }
        _ => Err(ApiError::bad_request(
            "$skiptoken: this is of another question: follow links to next pages as they are",
        )),
    }
}

fn descends(options: &Options) -> Result<bool, ApiError> {
    match options.order.as_slice() {
        [] => Ok(true),
        [key] if matches!(&key.of, Expr::Path(path) if path.links.is_empty() && path.property == "time") => {
            Ok(key.descending)
        }
        _ => Err(ApiError::bad_request("$orderby: HistoricalLocations are sorted by time")),
    }
}
