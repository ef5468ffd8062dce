//! The options of a question (OGC 18-088, 9.3.3): the part of an address after `?` comes in, checked options go out, those of
//! `$expand` within them. An option that is unknown, stands twice or has no valid value is refused by name.

use serde_json::Value as Json;

use super::filter::{Expr, ID, SELF_LINK, operand};
use super::path::decode;
use super::set::{Link, Set};
use super::tokens::{Tokens, refuse};
use crate::error::ApiError;
use crate::times::Times;

/// Entities on a page where nothing is asked, and at most.
pub(super) const DEFAULT_PAGE: usize = 100;
pub(super) const MOST_PAGE: usize = 1_000;
/// Deepest `$expand`.
const MOST_DEEP: usize = 6;
/// Most links that are expanded, all levels together.
const MOST_EXPANDED: usize = 40;
/// Most keys of `$orderby`.
const MOST_KEYS: usize = 8;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Options {
    pub(super) filter: Option<Expr>,
    pub(super) order: Vec<Key>,
    /// Entities on the page.
    pub(super) top: Option<usize>,
    pub(super) skip: usize,
    pub(super) count: bool,
    /// Properties and links that are written; `None`: all.
    pub(super) select: Option<Vec<&'static str>>,
    pub(super) expand: Vec<Expand>,
    /// The keys and the id behind which the page begins.
    pub(super) after: Option<Vec<Json>>,
    /// Whether Observations are written as rows (clause 12).
    pub(super) data_array: bool,
    pub(super) times: Times,
    /// As they were written, for the address of the next page.
    pub(super) written: Vec<(String, String)>,
}

/// A key of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) of: Expr,
    pub(super) descending: bool,
}

/// A link whose entities are written with what links to them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expand {
    pub(super) link: &'static Link,
    pub(super) options: Options,
}

impl Options {
    /// Reads the part of an address after `?`.
    pub(super) fn read(question: &str, set: Set) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        for pair in question.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name, true)?, decode(value, true)?));
        }
        let times = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str());
        let times = Times::read(times("datetime"), times("recorded"))?;
        let mut options = Reader { expanded: 0 }.options(pairs, set, 0)?;
        options.times = times;
        Ok(options)
    }

    /// Entities on a page.
    pub(super) fn page(&self) -> usize {
        self.top.unwrap_or(DEFAULT_PAGE).min(MOST_PAGE)
    }

    /// Whether a property or link is written.
    pub(super) fn selects(&self, name: &str) -> bool {
        self.select.as_ref().is_none_or(|names| names.contains(&name))
    }
}

struct Reader {
    expanded: usize,
}

impl Reader {
    fn options(&mut self, pairs: Vec<(String, String)>, set: Set, depth: usize) -> Result<Options, ApiError> {
        let mut options = Options::default();
        for (at, (name, value)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(ApiError::bad_request(format!("the option {name} stands twice")));
            }
            let named = |error: ApiError| ApiError { description: format!("{name}: {}", error.description), ..error };
            self.option(&mut options, name, value, set, depth).map_err(named)?;
        }
        options.written = pairs;
        Ok(options)
    }

    fn option(
        &mut self,
        options: &mut Options,
        name: &str,
        value: &str,
        set: Set,
        depth: usize,
    ) -> Result<(), ApiError> {
        let is_outermost = depth == 0;
        match name {
            "$filter" => options.filter = Some(Expr::read(value, set)?),
            "$orderby" => options.order = order(value, set)?,
            "$top" => options.top = Some(number(value)?),
            "$skip" => options.skip = number(value)?,
            "$count" => {
                options.count = value.parse().map_err(|_| ApiError::bad_request("give true or false"))?;
            }
            "$select" => options.select = Some(select(value, set)?),
            "$expand" => options.expand = self.expand(value, set, depth)?,
            "$skiptoken" => {
                let wrong = |_| ApiError::bad_request("this is of no page: follow the link to the next page as it is");
                options.after = Some(serde_json::from_str(value).map_err(wrong)?);
            }
            "$resultFormat" if is_outermost => match value {
                "dataArray" if set == Set::Observations => options.data_array = true,
                "dataArray" => return Err(ApiError::bad_request("only Observations can be told as a dataArray")),
                other => {
                    return Err(ApiError::bad_request(format!("there is no format `{other}`, there is: dataArray")));
                }
            },
            "datetime" | "recorded" if is_outermost => {}
            _ => {
                return Err(ApiError::bad_request(
                    "there is no such option here, there are: $filter, $orderby, $top, $skip, $count, $select, $expand, \
                     $resultFormat, datetime, recorded",
                ));
            }
        }
        Ok(())
    }

    fn expand(&mut self, text: &str, set: Set, depth: usize) -> Result<Vec<Expand>, ApiError> {
        if depth == MOST_DEEP {
            return Err(ApiError::bad_request(format!("this is nested more than {MOST_DEEP} deep")));
        }
        let mut all: Vec<Expand> = Vec::new();
        for piece in split(text, ',')? {
            let piece = piece.trim();
            let end = piece.find(['(', '/']).unwrap_or(piece.len());
            let (name, rest) = piece.split_at(end);
            let link = set.link(name.trim()).ok_or_else(|| {
                let links: Vec<_> = set.links().iter().map(|link| link.name).collect();
                ApiError::bad_request(format!("a {} has no link `{name}`, it has: {}", set.entity(), links.join(", ")))
            })?;
            self.expanded += 1;
            if self.expanded > MOST_EXPANDED {
                return Err(ApiError::bad_request(format!("more than {MOST_EXPANDED} links are not expanded at once")));
            }
            let options = match rest.strip_prefix('/') {
                Some(rest) => Options { expand: self.expand(rest, link.to, depth + 1)?, ..Options::default() },
                None => self.inner(rest, link.to, depth + 1)?,
            };
            match all.iter_mut().find(|other| other.link == link) {
                // `Datastreams,Datastreams/Sensor`, `Datastreams/Sensor,Datastreams/Thing`.
                Some(other) if options.written.is_empty() => other.options.expand.extend(options.expand),
                Some(other) if other.options.written.is_empty() => {
                    let earlier = std::mem::take(&mut other.options.expand);
                    other.options = options;
                    other.options.expand.extend(earlier);
                }
                Some(_) => return Err(ApiError::bad_request(format!("{name} stands twice"))),
                None => all.push(Expand { link, options }),
            }
        }
        Ok(all)
    }

    /// Options in parentheses.
    fn inner(&mut self, rest: &str, set: Set, depth: usize) -> Result<Options, ApiError> {
        if rest.is_empty() {
            return Ok(Options::default());
        }
        let inner = rest.strip_prefix('(').and_then(|rest| rest.trim_end().strip_suffix(')'));
        let inner = inner.ok_or_else(|| refuse(rest, 0, "options in parentheses are wanted"))?;
        let mut pairs = Vec::new();
        for piece in split(inner, ';')? {
            let (name, value) = piece.split_once('=').ok_or_else(|| refuse(piece, 0, "$option=value is wanted"))?;
            pairs.push((name.trim().to_owned(), value.to_owned()));
        }
        self.options(pairs, set, depth)
    }
}

fn number(text: &str) -> Result<usize, ApiError> {
    let wrong = || ApiError::bad_request(format!("`{text}` is no whole number from 0 on"));
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More than can be counted is as much as can be.
    if digits { Ok(text.parse().unwrap_or(usize::MAX)) } else { Err(wrong()) }
}

fn select(text: &str, set: Set) -> Result<Vec<&'static str>, ApiError> {
    let name = |name: &str| match name.trim() {
        "id" | "@iot.id" => Ok(ID),
        "selfLink" | "@iot.selfLink" => Ok(SELF_LINK),
        name => set.property(name).or_else(|| set.link(name).map(|link| link.name)).ok_or_else(|| {
            ApiError::bad_request(format!("a {} has no `{name}`, it has: {}", set.entity(), set.words()))
        }),
    };
    text.split(',').map(name).collect()
}

fn order(text: &str, set: Set) -> Result<Vec<Key>, ApiError> {
    let mut tokens = Tokens::read(text)?;
    let mut keys = Vec::new();
    loop {
        let of = operand(&mut tokens, set)?;
        let descending = tokens.skip_name("desc") || tokens.skip_name("DESC");
        if !descending && !tokens.skip_name("asc") {
            tokens.skip_name("ASC");
        }
        keys.push(Key { of, descending });
        if tokens.is_at_end() {
            return Ok(keys);
        }
        if keys.len() == MOST_KEYS {
            return Err(ApiError::bad_request(format!("more than {MOST_KEYS} keys are not sorted by")));
        }
        tokens.expect(&super::tokens::Token::Comma, "`asc`, `desc`, `,` or the end")?;
    }
}

/// A text cut where the character stands outside of quotes and parentheses.
fn split(text: &str, at: char) -> Result<Vec<&str>, ApiError> {
    let (mut depth, mut quoted, mut begin, mut pieces) = (0_usize, false, 0, Vec::new());
    for (place, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1).ok_or_else(|| refuse(text, place, "a `)` has no `(`"))?,
            c if c == at && depth == 0 => {
                pieces.push(&text[begin..place]);
                begin = place + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted || depth > 0 {
        return Err(refuse(text, text.len(), "a quote or a `)` is missing"));
    }
    pieces.push(&text[begin..]);
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_nest() {
        let question = "$expand=Datastreams($filter=name%20eq%20'a;b)';$expand=Observations($top=1;$orderby=phenomenonTime%20desc);\
                        $select=name),Locations/HistoricalLocations&$top=5&$count=true";
        let options = Options::read(question, Set::Things).unwrap();
        assert_eq!((options.top, options.count, options.expand.len()), (Some(5), true, 2));
        let inner = &options.expand[0].options;
        assert_eq!((inner.select.as_deref(), inner.expand[0].options.page()), (Some(&["name"][..]), 1));
        assert!(inner.expand[0].options.order[0].descending);
        assert_eq!(options.expand[1].options.expand[0].link.name, "HistoricalLocations");
        let merged = Options::read("$expand=Datastreams/Sensor,Datastreams/Thing", Set::Things).unwrap();
        assert_eq!((merged.expand.len(), merged.expand[0].options.expand.len()), (1, 2));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        let deep = format!("$expand={}", "Things/Locations/".repeat(20));
        for (question, words) in [
            ("$top=-1", "$top: `-1` is no whole number"),
            ("$top=1&$top=2", "stands twice"),
            ("$filter=", "$filter:"),
            ("$count=yes", "give true or false"),
            ("$select=nosuch", "has no `nosuch`"),
            ("$expand=nosuch", "has no link `nosuch`"),
            ("$expand=Things(", "is missing"),
            ("$expand=Things)", "has no `(`"),
            ("$orderby=name down", "`asc`, `desc`"),
            ("$skiptoken=x", "of no page"),
            ("$resultFormat=dataArray", "only Observations"),
            ("$nosuch=1", "no such option"),
            ("datetime=today", "datetime"),
            ("$filter=%zz", "escape"),
            (&deep, "nested more than"),
        ] {
            let error = Options::read(question, Set::Locations).unwrap_err();
            assert!(error.status == 400 && error.description.contains(words), "{question}: {}", error.description);
        }
    }
}
