//! How large a question may be. In: its text and its parsed form. Out: its words, or what there is too much of. Planners
//! walk a question by recursion, so that one long chain of operators or joins could end the whole process: what is let
//! through here is a small part of what the engine's threads have stack for.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::visit_relations;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::error::Error;

/// Stack of each of the engine's threads; pages that are not touched cost nothing.
pub(crate) const STACK_BYTES: usize = 64 << 20;
/// How deep a statement may be nested in brackets.
pub(crate) const MOST_NESTED: usize = 64;
const MOST_BYTES: usize = 1 << 20;
/// Planning time grows with the square of a chain.
const MOST_OPERATORS: usize = 1_000;
const MOST_TABLES: usize = 100;

/// The words of a text. Refuses texts that are too long, or chain too many operators.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, Error> {
    if sql.len() > MOST_BYTES {
        return Err(Error::Syntax(format!("{} bytes of SQL, at most {MOST_BYTES} are taken", sql.len())));
    }
    let dialect = GenericDialect {};
    let tokens =
        Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|error| Error::Syntax(error.to_string()))?;
    let mut operators = 0;
    let mut before = &Token::Comma;
    for token in tokens.iter().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_))) {
        let sign = matches!(token, Token::Minus | Token::Plus) && matches!(before, Token::Comma | Token::LParen);
        operators += usize::from(chains(token) && !sign);
        before = token;
    }
    if operators > MOST_OPERATORS {
        return Err(Error::Syntax(format!(
            "{operators} operators, at most {MOST_OPERATORS} are taken: list values with IN (...) or VALUES"
        )));
    }
    Ok(tokens)
}

/// Refuses texts that are too long for a planner, as every question is looked at first; for those who plan elsewhere.
///
/// # Errors
/// [`Error::Syntax`] says what there is too much of.
pub fn check(sql: &str) -> Result<(), Error> {
    tokens(sql).map(drop)
}

/// Whether expressions or tables can be chained with the token.
fn chains(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            !matches!(word.keyword, Keyword::NoKeyword | Keyword::NULL | Keyword::TRUE | Keyword::FALSE)
        }
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::HexStringLiteral(_)
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

/// Refuses statements that name too many tables.
pub(crate) fn check_tables(statement: &Statement) -> Result<(), Error> {
    let mut tables = 0;
    let inner = match statement {
        Statement::Explain(explain) => return check_tables(&explain.statement),
        Statement::Statement(inner) => inner,
        _ => return Ok(()),
    };
    let _ = visit_relations(inner.as_ref(), |_| {
        tables += 1;
        ControlFlow::<()>::Continue(())
    });
    if tables > MOST_TABLES {
        return Err(Error::Plan(format!("{tables} tables are named, at most {MOST_TABLES} are taken")));
    }
    Ok(())
}
