//! The form of a statement. Its tokens come in; out go a text that is the same for all statements that differ only in
//! constants of the same types, and these constants. Only a `SELECT` from one named table has a form, and only constants that
//! cannot change what the statement means or how its columns are named are taken out; all others stay part of the form.

use std::fmt::Write;

use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// Longer statements have no form.
const MOST_TOKENS: usize = 1_000;
const MOST_KEY_BYTES: usize = 4_096;

/// A statement without its constants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Form {
    /// The same for all statements of the form.
    pub(super) key: String,
    /// The constants that were taken out, in their order.
    pub(super) values: Vec<ScalarValue>,
    /// Which tokens they were.
    places: Vec<usize>,
}

/// A part of the statement, outside of brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// The n-th column of the answer.
    Column(usize),
    From,
    Where,
    OrderBy,
    Other,
}

impl Form {
    /// The form of a statement; `None` where it has none.
    pub(crate) fn of(tokens: &[TokenWithSpan]) -> Option<Self> {
        let constants = constants(tokens)?;
        let mut form = Self { key: String::new(), values: Vec::new(), places: Vec::new() };
        let mut constants = constants.into_iter().peekable();
        for (at, token) in tokens.iter().map(|token| &token.token).enumerate() {
            if matches!(token, Token::Whitespace(_)) {
                continue;
            }
            match constants.next_if(|(place, _)| *place == at) {
                Some((_, value)) => {
                    form.key.push_str(mark(&value));
                    form.values.push(value);
                    form.places.push(at);
                }
                None => put(token, &mut form.key)?,
            }
            form.key.push(' ');
        }
        (form.key.len() <= MOST_KEY_BYTES).then_some(form)
    }

    /// The statement with `$1`, `$2`, ... in place of the constants.
    pub(super) fn masked(&self, tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
        let mut tokens = tokens.to_vec();
        for (number, place) in self.places.iter().enumerate() {
            if let Some(token) = tokens.get_mut(*place) {
                token.token = Token::Placeholder(format!("${}", number + 1));
            }
        }
        tokens
    }
}

/// How a constant that was taken out is written in the key: no token that has a form looks like it.
fn mark(value: &ScalarValue) -> &'static str {
    match value {
        ScalarValue::Int64(_) => "?i",
        ScalarValue::Float64(_) => "?f",
        _ => "?s",
    }
}

/// Constants that can be taken out, with the numbers of their tokens; `None` where the statement has no form.
fn constants(tokens: &[TokenWithSpan]) -> Option<Vec<(usize, ScalarValue)>> {
    if tokens.len() > MOST_TOKENS {
        return None;
    }
    let mut found: Vec<(usize, Section, ScalarValue)> = Vec::new();
    let mut named = vec![false];
    let (mut section, mut depth, mut before) = (None, 0_usize, None);
    for (at, token) in tokens.iter().map(|token| &token.token).enumerate() {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen if section != Some(Section::From) => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            Token::Word(word) if section.is_none() => {
                (keyword(word) == Keyword::SELECT).then_some(())?;
                section = Some(Section::Column(0));
            }
            Token::Word(word) if keyword(word) == Keyword::SELECT => return None,
            Token::Word(word) if depth == 0 => {
                if let (Some(Section::Column(_)), Keyword::AS) = (section, keyword(word)) {
                    *named.last_mut()? = true;
                }
                section = Some(after(keyword(word), section?));
            }
            Token::Comma if depth == 0 => {
                if let Some(Section::Column(column)) = section {
                    named.push(false);
                    section = Some(Section::Column(column + 1));
                }
            }
            Token::Number(..) | Token::SingleQuotedString(_) if may_vary(before, section?, depth) => {
                if let Some(value) = value(token) {
                    found.push((at, section?, value));
                }
            }
            _ => {}
        }
        let in_from = matches!(token, Token::Word(_) | Token::Period | Token::SemiColon);
        if section? == Section::From && !in_from {
            return None;
        }
        before = Some(token);
    }
    section?;
    let kept = found.into_iter().filter(|(_, section, _)| match section {
        // The name of any other column is made of its constants.
        Section::Column(column) => named.get(*column) == Some(&true),
        _ => true,
    });
    Some(kept.map(|(at, _, value)| (at, value)).collect())
}

fn keyword(word: &Word) -> Keyword {
    if word.quote_style.is_some() { Keyword::NoKeyword } else { word.keyword }
}

/// The section after a word outside of brackets.
fn after(keyword: Keyword, section: Section) -> Section {
    match keyword {
        Keyword::FROM => Section::From,
        Keyword::WHERE => Section::Where,
        Keyword::ORDER => Section::OrderBy,
        Keyword::GROUP
        | Keyword::HAVING
        | Keyword::LIMIT
        | Keyword::OFFSET
        | Keyword::FETCH
        | Keyword::WINDOW
        | Keyword::QUALIFY
        | Keyword::UNION
        | Keyword::EXCEPT
        | Keyword::INTERSECT => Section::Other,
        _ => section,
    }
}

/// Whether a constant at this place stands for itself: `LIMIT 5`, `ORDER BY 1`, `INTERVAL '1 hour'`, `DATE '2026-01-01'` do not.
fn may_vary(before: Option<&Token>, section: Section, depth: usize) -> bool {
    let alone = match before {
        Some(Token::Word(word)) => {
            matches!(keyword(word), Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::BETWEEN | Keyword::WHERE)
        }
        Some(Token::SingleQuotedString(_) | Token::DoubleColon | Token::Period) | None => false,
        Some(_) => true,
    };
    alone
        && match section {
            Section::Where => true,
            Section::OrderBy | Section::Column(_) => depth > 0,
            Section::From | Section::Other => false,
        }
}

/// The value as the planner reads it; `None` where it is of a type that is seldom.
fn value(token: &Token) -> Option<ScalarValue> {
    match token {
        Token::SingleQuotedString(text) => Some(ScalarValue::Utf8(Some(text.clone()))),
        Token::Number(text, false) => match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(number), _) => Some(ScalarValue::Int64(Some(number))),
            (Err(_), Ok(_)) => None,
            (Err(_), Err(_)) => text.parse().ok().map(|number| ScalarValue::Float64(Some(number))),
        },
        _ => None,
    }
}

/// Writes a token so that no two sequences of tokens are written alike; `None` for tokens that no form has.
fn put(token: &Token, key: &mut String) -> Option<()> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => key.push_str(value),
        // Whatever has its own bounds is written with its length, because it can hold anything.
        Token::Word(Word { value, quote_style: Some(quote), .. }) => {
            write!(key, "{quote}{}:{value}", value.len()).ok()?;
        }
        Token::SingleQuotedString(text) => write!(key, "'{}:{text}", text.len()).ok()?,
        Token::Number(text, long) => {
            key.push_str(text);
            key.push_str(if *long { "L" } else { "" });
        }
        Token::Comma
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::DoubleColon
        | Token::SemiColon => write!(key, "{token}").ok()?,
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn form(sql: &str) -> Option<Form> {
        Form::of(&Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap())
    }

    fn values(sql: &str) -> Vec<String> {
        form(sql).unwrap().values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn constants_that_stand_for_themselves_are_taken_out() {
        assert_eq!(values("select id from t where a > 5 and b between -1.5 and 2 or c = 'x'"), ["5", "1.5", "2", "x"]);
        assert_eq!(values("select f(a, 1) as x, f(a, 2), 3 as y from t order by f(a, 4), 5 limit 6"), ["1", "4"]);
        assert_eq!(
            values("select a from t where b > interval '1 hour' and c in (1, 2) and d = date '2026-01-01'"),
            ["1", "2"]
        );
        assert_eq!(values("select a from t where b = 18446744073709551615 and c = 1e400"), ["inf"]);
        let (a, b) = (form("select a from t where b = 1"), form("SELECT  a -- first\nfrom t where b=2"));
        assert_ne!(a.unwrap().key, b.unwrap().key, "names keep their case");
        assert_eq!(form("select a from t where b = 1").unwrap().key, form("select a from t where b=  7").unwrap().key);
    }

    #[test]
    fn what_differs_in_more_has_another_key() {
        let keys = [
            "select a from t where b = 1",
            "select a from t where b = 1.0",
            "select a from t where b = '1'",
            "select a from t where b = -1",
            "select a from t where b = 18446744073709551615",
            "select a from t where b = 18446744073709551614",
            "select a from t where b = 1 limit 1",
            "select a from t where b = 1 limit 2",
            "select 1 from t where b = 1",
            "select 2 from t where b = 1",
            "select \"a\" from t where b = 1",
            "select \"a from t where b\" from t where b = 1",
            "select 'a' from t where b = 1",
            "select 'a'' from t where b' from t where b = 1",
        ]
        .map(|sql| form(sql).unwrap().key);
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len(), "{keys:#?}");
    }

    #[test]
    fn only_a_select_from_one_named_table_has_a_form() {
        for sql in [
            "",
            "values (1)",
            "explain select a from t",
            "with t as (select 1) select a from t",
            "select a from f(1)",
            "select a from (select 1)",
            "select a from t, u",
            "select a from t join u on t.a = u.a",
            "select a from t where b in (select 1)",
            "select a from t where b = $1",
            "select a from t where b = X'00'",
            "select a from t where b) = 1",
        ] {
            assert_eq!(form(sql), None, "{sql}");
        }
    }
}
