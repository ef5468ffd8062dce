//! The words of what a client sends. Text comes in; out go its statements, each as it was written, and their words as the
//! tokenizer of PostgreSQL's dialect reads them. Nothing is parsed: that is for whoever answers.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::error::Error;

/// Statements in one message.
const MOST: usize = 100;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    /// As it was written.
    pub(super) text: String,
    /// Its words, without white space.
    pub(super) tokens: Vec<Token>,
}

impl Statement {
    /// A word by its place, as SQL compares words: lower case, unless it stands in quotes.
    pub(super) fn word(&self, at: usize) -> String {
        self.tokens.get(at).map(word).unwrap_or_default()
    }

    /// From a word on, as it was written.
    pub(super) fn text_from(&self, keyword: &str) -> Option<&str> {
        let lower = self.text.to_ascii_lowercase();
        lower
            .match_indices(keyword)
            .map(|(at, _)| at)
            .find(|at| {
                let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
                free(self.text[..*at].chars().next_back()) && free(self.text[at + keyword.len()..].chars().next())
            })
            .map(|at| self.text[at + keyword.len()..].trim())
    }
}

/// A token as a word; text in quotes is what it says.
pub(super) fn word(token: &Token) -> String {
    match token {
        Token::Word(word) if word.quote_style.is_some() => word.value.clone(),
        Token::Word(word) => word.value.to_ascii_lowercase(),
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The statements of a text, which are parted by semicolons.
pub(super) fn statements(sql: &str) -> Result<Vec<Statement>, Error> {
    kernel_query::check_size(sql)?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| kernel_query::Error::Syntax(error.to_string()))?;
    let lines = Lines::new(sql);
    let mut statements = Vec::new();
    let (mut own, mut begin) = (Vec::new(), 0);
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::SemiColon => {
                let end = lines.offset(span.start);
                put(&mut statements, &sql[begin..end], std::mem::take(&mut own))?;
                begin = (end + 1).min(sql.len());
            }
            Token::Whitespace(_) | Token::EOF => {}
            token => own.push(token),
        }
    }
    put(&mut statements, &sql[begin..], own)?;
    Ok(statements)
}

fn put(statements: &mut Vec<Statement>, text: &str, tokens: Vec<Token>) -> Result<(), Error> {
    if !tokens.is_empty() {
        statements.push(Statement { text: text.trim().to_owned(), tokens });
    }
    match statements.len() {
        0..=MOST => Ok(()),
        _ => Err(Error::Invalid(format!("more than {MOST} statements in one message: send them one by one"))),
    }
}

/// Where the lines of a text begin.
struct Lines<'a> {
    text: &'a str,
    begins: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let begins = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, begins }
    }

    /// The byte at a line and a column, which count characters from 1.
    fn offset(&self, at: Location) -> usize {
        let begin = usize::try_from(at.line).ok().and_then(|line| self.begins.get(line.checked_sub(1)?));
        let begin = begin.copied().unwrap_or(self.text.len());
        let column = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
        self.text[begin..].char_indices().nth(column).map_or(self.text.len(), |(offset, _)| begin + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        statements(sql).unwrap().into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn statements_are_parted_where_a_semicolon_stands_for_itself() {
        assert_eq!(texts("select 1"), ["select 1"]);
        assert_eq!(
            texts(";; select ';' ;\n-- a; b\nselect \"a;b\", 'it''s; 城' ; "),
            ["select ';'", "-- a; b\nselect \"a;b\", 'it''s; 城'"]
        );
        assert_eq!(texts("select '城';\r\nselect '市';select 3"), ["select '城'", "select '市'", "select 3"]);
        assert!(texts(" ; -- nothing").is_empty());
        assert!(statements(&";select 1".repeat(200)).is_err());
        assert!(statements("select 'open").is_err());
    }

    #[test]
    fn words_are_those_that_sql_compares() {
        let statement = statements("DECLARE \"My\" CURSOR FOR SELECT 'for' FROM t").unwrap().remove(0);
        assert_eq!((statement.word(0).as_str(), statement.word(1).as_str()), ("declare", "My"));
        assert_eq!(statement.text_from("for"), Some("SELECT 'for' FROM t"));
        assert_eq!(statement.word(99), "");
    }
}
