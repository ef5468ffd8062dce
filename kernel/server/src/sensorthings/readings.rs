//! Observations asked of the store: a scope, a filter and an order come in; rows go out, a page of them or their number. What
//! the index knows (Datastreams, times, results, places) becomes a condition of the statement; the rest of a filter is asked
//! of the rows. A page begins behind the last row of the one before, so that the ten-thousandth costs what the first does.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use kernel_model::{DatastreamId, TimeUs};
use serde_json::Value as Json;

use super::filter::{Comparison, Expr, ID, Path};
use super::item::Item;
use super::options::{Key, Options};
use super::reading::{COLUMNS, Reading, ReadingId};
use super::set::Set;
use super::value::Value;
use super::world::World;
use crate::error::ApiError;

/// Rows looked at in one go where a filter is asked of them, and for one page at most.
const CHUNK: usize = 10_000;
const MOST_ROWS: usize = 500_000;
/// Datastreams that are named one by one in a statement.
const MOST_NAMED: usize = 1_000;
/// `$skip` at most: the link to the next page costs nothing.
const MOST_SKIPPED: usize = 100_000;

/// Which observations.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// `None`: of all that are visible.
    pub(super) datastreams: Option<Vec<DatastreamId>>,
    /// At this place.
    pub(super) place: Option<[f64; 2]>,
    /// Only where no told FeatureOfInterest is.
    pub(super) own_place: bool,
}

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// Behind what the next one begins.
    pub(super) next: Option<Json>,
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Datastream,
    Time,
    ResultTime,
    Result,
}

impl Column {
    fn sql(self) -> &'static str {
        match self {
            Self::Datastream => "datastream",
            Self::Time => "phenomenon_time",
            Self::ResultTime => "result_time",
            Self::Result => "CASE WHEN quality < 2 AND NOT isnan(value) THEN value END",
        }
    }

    fn of(self, row: &Reading) -> Value {
        match self {
            Self::Datastream => Value::Number(row.id.datastream.0 as f64),
            Self::Time => Value::Time(row.id.time),
            Self::ResultTime => row.result_time.map_or(Value::Null, Value::Time),
            Self::Result => row.result().map_or(Value::Null, Value::Number),
        }
    }
}

/// What is asked of the store.
#[derive(Debug, Default)]
struct Plan {
    conditions: Vec<String>,
    /// What is asked of the rows.
    rest: Vec<Expr>,
    /// Datastreams, where they are too many to be named.
    among: Option<BTreeSet<DatastreamId>>,
    keys: Vec<(Column, bool)>,
    /// Whether rows of the scope were deleted or told anew.
    has_gone: bool,
    is_empty: bool,
}

impl Plan {
    fn is_exact(&self) -> bool {
        self.rest.is_empty() && self.among.is_none() && !self.has_gone
    }

    fn condition(&self, after: Option<&String>) -> String {
        let all: Vec<_> = self.conditions.iter().chain(after).map(String::as_str).collect();
        if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
    }

    fn order(&self) -> String {
        let key = |(column, descending): &(Column, bool)| {
            format!("{} {}", column.sql(), if *descending { "DESC NULLS LAST" } else { "ASC NULLS FIRST" })
        };
        let tie = if self.descends() { "id DESC" } else { "id ASC" };
        self.keys.iter().map(key).chain([tie.to_owned()]).collect::<Vec<_>>().join(", ")
    }

    /// Whether rows that are equal by all keys come with the greatest number first.
    fn descends(&self) -> bool {
        self.keys.last().is_none_or(|(_, descending)| *descending)
    }

    fn token(&self, row: &Reading) -> Json {
        let keys = self.keys.iter().map(|(column, _)| column.of(row).json());
        keys.chain([row.id.to_string().into()]).collect()
    }

    /// Rows behind a token.
    fn after(&self, token: &[Json]) -> Result<String, ApiError> {
        let (id, values) = token.split_last().ok_or_else(wrong)?;
        let id = id.as_str().and_then(ReadingId::parse).ok_or_else(wrong)?;
        if values.len() != self.keys.len() {
            return Err(wrong());
        }
        let (mut equal, mut ways, mut bound) = (Vec::new(), Vec::new(), String::new());
        for ((column, descending), value) in self.keys.iter().zip(values) {
            let (name, value) = (column.sql(), written(*column, value)?);
            let behind = match (&value, descending) {
                (None, true) => "FALSE".to_owned(),
                (None, false) => format!("({name}) IS NOT NULL"),
                (Some(value), true) if matches!(column, Column::ResultTime | Column::Result) => {
                    format!("(({name}) < {value} OR ({name}) IS NULL)")
                }
                (Some(value), true) => format!("{name} < {value}"),
                (Some(value), false) => format!("({name}) > {value}"),
            };
            if let (true, Column::Time | Column::Datastream, Some(value)) = (ways.is_empty(), column, &value) {
                // The index knows this one.
                bound = format!("{name} {} {value} AND ", if *descending { "<=" } else { ">=" });
            }
            ways.push(equal.iter().cloned().chain([behind]).collect::<Vec<_>>().join(" AND "));
            equal.push(value.map_or_else(|| format!("({name}) IS NULL"), |value| format!("({name}) = {value}")));
        }
        let tie = format!("id {} {}", if self.descends() { "<" } else { ">" }, id.number);
        ways.push(equal.into_iter().chain([tie]).collect::<Vec<_>>().join(" AND "));
        let ways: Vec<_> = ways.iter().map(|way| format!("({way})")).collect();
        Ok(format!("{bound}({})", ways.join(" OR ")))
    }
}

/// A token is of another question.
fn wrong() -> ApiError {
    ApiError::bad_request("$skiptoken: this is of another question: follow links to next pages as they are")
}

/// A value of a token as it stands in a statement; none of null.
fn written(column: Column, value: &Json) -> Result<Option<String>, ApiError> {
    let found = match (column, value) {
        (Column::ResultTime | Column::Result, Json::Null) => return Ok(None),
        (Column::Time | Column::ResultTime, Json::String(text)) => TimeUs::parse(text).ok().map(instant),
        (Column::Datastream, Json::Number(number)) => number.as_f64().map(|number| (number as u64).to_string()),
        (Column::Result, Json::Number(number)) => number.as_f64().map(real),
        _ => None,
    };
    found.map(Some).ok_or_else(wrong)
}

/// An instant in a statement.
pub(super) fn instant(time: TimeUs) -> String {
    // What nanoseconds of 64 bits can say: 1677 to 2262.
    const NANOSECONDS: u64 = 9_223_372_036_000_000;
    match time.0.unsigned_abs() < NANOSECONDS {
        true => format!("TIMESTAMP '{time}'"),
        false => format!("arrow_cast({}, 'Timestamp(Microsecond, Some(\"+00:00\"))')", time.0),
    }
}

fn real(value: f64) -> String {
    format!("CAST({value:e} AS DOUBLE)")
}

impl World<'_> {
    /// A page of observations.
    pub(super) fn readings(&self, scope: &Scope, options: &Options) -> Result<Page, ApiError> {
        let plan = self.plan(scope, options)?;
        let after = options.after.as_deref().map(|token| plan.after(token)).transpose()?;
        let skip = if after.is_some() { 0 } else { options.skip };
        if skip > MOST_SKIPPED {
            let most = format!("$skip: more than {MOST_SKIPPED} Observations are not skipped");
            return Err(ApiError::bad_request(format!(
                "{most}: follow the links to next pages, or narrow the $filter"
            )));
        }
        if plan.is_empty || options.page() == 0 {
            return Ok(Page::default());
        }
        if plan.is_exact() {
            self.exact(&plan, after.as_ref(), skip, options.page())
        } else {
            self.walked(&plan, after, skip, options.page())
        }
    }

    fn exact(&self, plan: &Plan, after: Option<&String>, skip: usize, page: usize) -> Result<Page, ApiError> {
        let offset = if skip > 0 { format!(" OFFSET {skip}") } else { String::new() };
        let (condition, order, most) = (plan.condition(after), plan.order(), page + 1);
        let sql = format!("SELECT {COLUMNS} FROM observations{condition} ORDER BY {order} LIMIT {most}{offset}");
        let mut rows = self.rows(&sql)?;
        let has_more = rows.len() > page;
        rows.truncate(page);
        let next = rows.last().filter(|_| has_more).map(|row| plan.token(row));
        Ok(Page { items: rows.into_iter().map(|row| self.told_reading(row)).collect(), next })
    }

    /// A page of rows of which something is asked that the store does not know.
    fn walked(&self, plan: &Plan, after: Option<String>, skip: usize, page: usize) -> Result<Page, ApiError> {
        let (mut items, mut skipped, mut last) = (Vec::new(), 0, None);
        let is_whole = self.walk_rows(plan, after, MOST_ROWS, |world, row| {
            let item = world.told_reading(row);
            if !world.passes(plan, &row, &item)? {
                last = Some(row);
                return Ok(true);
            }
            if items.len() == page {
                return Ok(false);
            }
            last = Some(row);
            match skipped < skip {
                true => skipped += 1,
                false => items.push(item),
            }
            Ok(true)
        })?;
        let next = last.filter(|_| !is_whole).map(|row| plan.token(&row));
        Ok(Page { items, next })
    }

    /// Hands over rows until `take` wants no more or `most` were seen; whether those were all.
    fn walk_rows(
        &self,
        plan: &Plan,
        mut after: Option<String>,
        most: usize,
        mut take: impl FnMut(&Self, Reading) -> Result<bool, ApiError>,
    ) -> Result<bool, ApiError> {
        let (order, mut seen) = (plan.order(), 0);
        let chunk = CHUNK.min(self.app.settings.sql_rows.max(1));
        while seen < most {
            let condition = plan.condition(after.as_ref());
            let rows =
                self.rows(&format!("SELECT {COLUMNS} FROM observations{condition} ORDER BY {order} LIMIT {chunk}"))?;
            seen += rows.len();
            let Some(last) = rows.last() else { return Ok(true) };
            let token = plan.token(last);
            let is_last = rows.len() < chunk;
            for row in rows {
                if !take(self, row)? {
                    return Ok(false);
                }
            }
            if is_last {
                return Ok(true);
            }
            after = Some(plan.after(token.as_array().map(Vec::as_slice).unwrap_or_default())?);
        }
        Ok(false)
    }

    fn passes(&self, plan: &Plan, row: &Reading, item: &Item) -> Result<bool, ApiError> {
        let is_there = !self.city.gone.contains(&row.id)
            && plan.among.as_ref().is_none_or(|among| among.contains(&row.id.datastream));
        if !is_there {
            return Ok(false);
        }
        for expr in &plan.rest {
            if !self.holds(expr, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many observations there are.
    pub(super) fn count_readings(&self, scope: &Scope, options: &Options) -> Result<u64, ApiError> {
        let plan = self.plan(scope, &Options { order: Vec::new(), ..options.clone() })?;
        if plan.is_empty {
            return Ok(0);
        }
        if plan.is_exact() {
            let sql = format!("SELECT count(*) FROM observations{}", plan.condition(None));
            let found = self.ask(&sql, 1)?;
            let count = found.first().map(|batch| batch.column(0).as_primitive::<Int64Type>().value(0));
            return Ok(count.unwrap_or_default().unsigned_abs());
        }
        let mut count = 0;
        self.walk_rows(&plan, None, usize::MAX, |world, row| {
            count += u64::from(world.passes(&plan, &row, &world.told_reading(row))?);
            Ok(true)
        })?;
        Ok(count)
    }

    fn rows(&self, sql: &str) -> Result<Vec<Reading>, ApiError> {
        let batches = self.ask(sql, self.app.settings.sql_rows)?;
        Ok(batches.iter().flat_map(|batch| Reading::of(batch).collect::<Vec<_>>()).collect())
    }

    fn plan(&self, scope: &Scope, options: &Options) -> Result<Plan, ApiError> {
        let mut plan = Plan { keys: keys(&options.order)?, ..Plan::default() };
        if let Some(span) = self.readings_span() {
            plan.conditions.extend(span.from.map(|from| format!("phenomenon_time >= {}", instant(from))));
            plan.conditions.extend(span.to.map(|to| format!("phenomenon_time < {}", instant(to))));
        }
        self.places(scope, &mut plan);
        let mut chosen = scope.datastreams.clone();
        for expr in options.filter.clone().map(Expr::conjuncts).unwrap_or_default() {
            if let Some(inner) = of_datastream(&expr) {
                let all = chosen.take().unwrap_or_else(|| self.city.streams.keys().copied().collect());
                let mut kept = Vec::new();
                for id in all {
                    if self.holds(&inner, &Item::Datastream(id))? {
                        kept.push(id);
                    }
                }
                chosen = Some(kept);
            } else if let Some(sql) = self.condition(&expr) {
                plan.conditions.push(sql);
            } else {
                plan.rest.push(expr);
            }
        }
        self.streams(chosen, &mut plan);
        Ok(plan)
    }

    fn places(&self, scope: &Scope, plan: &mut Plan) {
        if let Some([lon, lat]) = scope.place {
            plan.conditions.push(format!("lon = {} AND lat = {}", real(lon), real(lat)));
        }
        if scope.own_place {
            let told = self.city.features_at.keys().map(|place| place.map(f64::from_bits));
            let at = told.map(|[lon, lat]| format!("(lon = {} AND lat = {})", real(lon), real(lat)));
            let mut at: Vec<_> = at.collect();
            at.sort_unstable();
            if !at.is_empty() {
                plan.conditions.push(format!("(lon IS NULL OR NOT ({}))", at.join(" OR ")));
            }
        }
    }

    /// Which Datastreams; those that are hidden are left out.
    fn streams(&self, chosen: Option<Vec<DatastreamId>>, plan: &mut Plan) {
        let gone = &self.city.gone;
        let Some(mut chosen) = chosen else {
            plan.has_gone = !gone.is_empty();
            let hidden = &self.city.hidden;
            if hidden.len() > MOST_NAMED {
                plan.among = Some(self.city.streams.keys().copied().collect());
            } else if !hidden.is_empty() {
                plan.conditions.push(format!("datastream NOT IN ({})", list(hidden)));
            }
            return;
        };
        chosen.retain(|id| self.city.streams.contains_key(id));
        chosen.sort_unstable();
        plan.has_gone = gone.iter().any(|row| chosen.binary_search(&row.datastream).is_ok());
        match chosen.as_slice() {
            [] => plan.is_empty = true,
            [one] => plan.conditions.push(format!("datastream = {one}")),
            some if some.len() <= MOST_NAMED => plan.conditions.push(format!("datastream IN ({})", list(some))),
            [first, .., last] => {
                plan.conditions.push(format!("datastream >= {first} AND datastream <= {last}"));
                plan.among = Some(chosen.into_iter().collect());
            }
        }
    }

    /// A filter as a condition of the statement, where the store knows all of it.
    fn condition(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::And(all) | Expr::Or(all) => {
                let all = all.iter().map(|expr| self.condition(expr)).collect::<Option<Vec<_>>>()?;
                Some(format!("({})", all.join(if matches!(expr, Expr::And(_)) { " AND " } else { " OR " })))
            }
            Expr::Compare(comparison, a, b) => match (&**a, &**b) {
                (Expr::Path(path), other) => self.comparison(path, *comparison, &self.constant(other)?),
                (other, Expr::Path(path)) => self.comparison(path, turned(*comparison), &self.constant(other)?),
                _ => None,
            },
            _ => None,
        }
    }

    fn comparison(&self, path: &Path, comparison: Comparison, value: &Value) -> Option<String> {
        if !path.links.is_empty() || !path.members.is_empty() {
            return None;
        }
        let sign = match comparison {
            Comparison::Equal => "=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            // Of what is not known it is true here and null there.
            Comparison::NotEqual => return None,
        };
        let time = match value {
            Value::Time(time) => Some(*time),
            Value::Text(text) => TimeUs::parse(text).ok(),
            _ => None,
        };
        match (path.property, value) {
            ("phenomenonTime", _) => Some(format!("phenomenon_time {sign} {}", instant(time?))),
            ("resultTime", _) => Some(format!("result_time {sign} {}", instant(time?))),
            ("result", Value::Number(number)) => {
                Some(format!("(value {sign} {} AND quality < 2 AND NOT isnan(value))", real(*number)))
            }
            (ID, Value::Text(id)) if comparison == Comparison::Equal => {
                let told = self.city.told(Set::Observations, id).and_then(|told| told.fields.get("row"));
                let row = ReadingId::parse(told.and_then(Json::as_str).unwrap_or(id))?;
                let (datastream, time, number) = (row.datastream, instant(row.time), row.number);
                Some(format!("datastream = {datastream} AND phenomenon_time = {time} AND id = {number}"))
            }
            _ => None,
        }
    }
}

fn list(ids: &[DatastreamId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A comparison with its sides changed.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// The same filter of the Datastream, where it asks of nothing else.
fn of_datastream(expr: &Expr) -> Option<Expr> {
    let (mut paths, mut others) = (0, 0);
    expr.each_path(&mut |path| match path.links.first() {
        Some(link) if link.to == Set::Datastreams => paths += 1,
        _ => others += 1,
    });
    (paths > 0 && others == 0).then(|| without_first_link(expr))
}

fn without_first_link(expr: &Expr) -> Expr {
    let inner = |expr: &Expr| Box::new(without_first_link(expr));
    let all = |all: &[Expr]| all.iter().map(without_first_link).collect();
    match expr {
        Expr::Literal(value) => Expr::Literal(value.clone()),
        Expr::Path(path) => Expr::Path(Path { links: path.links.iter().skip(1).copied().collect(), ..path.clone() }),
        Expr::Call(function, arguments) => Expr::Call(*function, all(arguments)),
        Expr::Compare(comparison, a, b) => Expr::Compare(*comparison, inner(a), inner(b)),
        Expr::Arithmetic(operator, a, b) => Expr::Arithmetic(*operator, inner(a), inner(b)),
        Expr::Not(expr) => Expr::Not(inner(expr)),
        Expr::And(exprs) => Expr::And(all(exprs)),
        Expr::Or(exprs) => Expr::Or(all(exprs)),
    }
}

/// What rows are sorted by; the newest first where nothing is said.
fn keys(order: &[Key]) -> Result<Vec<(Column, bool)>, ApiError> {
    let wrong = || {
        ApiError::bad_request(
            "$orderby: Observations are sorted by phenomenonTime, resultTime, result, id or Datastream/id",
        )
    };
    let mut keys = Vec::new();
    for key in order {
        let Expr::Path(path) = &key.of else { return Err(wrong()) };
        let links: Vec<_> = path.links.iter().map(|link| link.name).collect();
        match (links.as_slice(), path.property) {
            ([], "phenomenonTime") => keys.push((Column::Time, key.descending)),
            ([], "resultTime") => keys.push((Column::ResultTime, key.descending)),
            ([], "result") => keys.push((Column::Result, key.descending)),
            (["Datastream"], ID) => keys.push((Column::Datastream, key.descending)),
            ([], ID) => keys.extend([(Column::Datastream, key.descending), (Column::Time, key.descending)]),
            _ => return Err(wrong()),
        }
    }
    if keys.is_empty() {
        keys.push((Column::Time, true));
    }
    Ok(keys)
}
