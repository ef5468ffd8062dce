//! SQL text in, one statement that only reads out. Whatever writes, sets, copies or runs several statements is refused
//! here, by its form, before anything is planned; the planner's own check of the finished plan comes on top.

use datafusion::execution::SessionState;
use datafusion::sql::parser::{DFParserBuilder, Statement as Outer};
use datafusion::sql::sqlparser::ast::{Query, SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::Error;
use crate::size;

/// Parses what [`size::tokens`] gives and refuses everything but one reading statement.
pub(crate) fn parse(tokens: Vec<TokenWithSpan>) -> Result<Outer, Error> {
    let mut statements = DFParserBuilder::new(tokens)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(size::MOST_NESTED)
        .build()
        .and_then(|mut parser| parser.parse_statements())?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => {
            if let Some(table) = shown(&statement) {
                return parse(size::tokens(&format!("SELECT * FROM {table}"))?);
            }
            refuse_writes(&statement)?;
            size::check_tables(&statement)?;
            Ok(statement)
        }
        (None, _) => Err(Error::StatementCount(0)),
        (Some(_), more) => Err(Error::StatementCount(more + 1)),
    }
}

/// The table that `SHOW MEMORY` shows; every other word after SHOW is the engine's own.
fn shown(outer: &Outer) -> Option<&'static str> {
    let Outer::Statement(statement) = outer else { return None };
    match &**statement {
        Statement::ShowVariable { variable } => match variable.as_slice() {
            [word] if word.value.eq_ignore_ascii_case("memory") => Some("memory"),
            _ => None,
        },
        _ => None,
    }
}

fn refuse_writes(outer: &Outer) -> Result<(), Error> {
    match outer {
        Outer::Statement(statement) => refuse_write(statement),
        Outer::Explain(explain) => refuse_writes(&explain.statement),
        Outer::CreateExternalTable(_) => Err(Error::Refused("CREATE EXTERNAL TABLE".to_owned())),
        Outer::CopyTo(_) => Err(Error::Refused("COPY".to_owned())),
        Outer::Reset(_) => Err(Error::Refused("RESET".to_owned())),
    }
}

fn refuse_write(statement: &Statement) -> Result<(), Error> {
    match statement {
        Statement::Query(query) => refuse_inner(query, statement),
        Statement::Explain { statement, .. } => refuse_write(statement),
        Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowVariable { .. }
        | Statement::ShowFunctions { .. } => Ok(()),
        _ => Err(Error::Refused(name(statement))),
    }
}

/// A query may hide a write: `WITH x AS (...) INSERT ...`, `SELECT ... INTO t`, `... FOR UPDATE`.
fn refuse_inner(query: &Query, statement: &Statement) -> Result<(), Error> {
    if !query.locks.is_empty() {
        return Err(Error::Refused("FOR UPDATE".to_owned()));
    }
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        refuse_inner(&cte.query, statement)?;
    }
    refuse_set(&query.body, statement)
}

fn refuse_set(body: &SetExpr, statement: &Statement) -> Result<(), Error> {
    match body {
        SetExpr::Select(select) if select.into.is_some() => Err(Error::Refused("SELECT INTO".to_owned())),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => refuse_inner(query, statement),
        SetExpr::SetOperation { left, right, .. } => {
            refuse_set(left, statement)?;
            refuse_set(right, statement)
        }
        SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) | SetExpr::Merge(inner) => {
            Err(Error::Refused(name(inner)))
        }
    }
}

/// The statement's first words, for the refusal.
fn name(statement: &Statement) -> String {
    let text = statement.to_string();
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase())).take(2);
    let words = words.collect::<Vec<_>>().join(" ");
    if words.is_empty() { "this statement".to_owned() } else { words }
}

/// Whether the plan may be given a row limit: an explanation has its own shape.
pub(crate) fn is_query(outer: &Outer) -> bool {
    matches!(outer, Outer::Statement(statement) if matches!(**statement, Statement::Query(_)))
}

/// Whether a statement asks how a question is answered: plans and their figures tell of rows that are hidden.
pub(crate) fn explains(outer: &Outer) -> bool {
    match outer {
        Outer::Explain(_) => true,
        Outer::Statement(statement) => matches!(**statement, Statement::Explain { .. }),
        _ => false,
    }
}

/// The words of the `SELECT` that a statement explains, if it explains one.
pub(crate) fn explained(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let is = |token: &TokenWithSpan, keyword| matches!(&token.token, Token::Word(word) if word.keyword == keyword);
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)))?;
    is(first, Keyword::EXPLAIN).then_some(())?;
    let select = tokens.iter().position(|token| is(token, Keyword::SELECT))?;
    Some(tokens[select..].to_vec())
}

/// Plans the statement and checks the plan once more.
pub(crate) async fn plan(
    state: &SessionState,
    statement: Outer,
) -> Result<datafusion::logical_expr::LogicalPlan, Error> {
    let plan = state.statement_to_plan(statement).await?;
    datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(sql: &str) -> Result<Outer, Error> {
        super::parse(size::tokens(sql)?)
    }

    #[test]
    fn reading_passes_and_writing_is_refused_by_name() {
        for sql in [
            "select 1",
            "SELECT 1;",
            "with a as (select 1) select * from a",
            "explain select 1",
            "explain analyze select 1",
            "show tables",
            "show columns from positions",
            "SHOW MEMORY",
            "describe entities",
            "values (1)",
            "select 1 union all select 2",
        ] {
            assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql).err());
        }
        for (sql, words) in [
            ("drop table entities", "DROP TABLE"),
            ("insert into entities values (1)", "INSERT INTO"),
            ("create table a as select 1", "CREATE TABLE"),
            ("copy (select 1) to 'x.csv'", "COPY"),
            ("set a = 1", "SET"),
            ("explain insert into a values (1)", "INSERT INTO"),
            ("select 1 into a", "SELECT INTO"),
            ("delete from entities", "DELETE FROM"),
            ("update entities set kind = 'x'", "UPDATE"),
            ("create external table t stored as csv location '/etc/passwd'", "CREATE EXTERNAL TABLE"),
            ("truncate table entities", "TRUNCATE TABLE"),
            ("prepare p as select 1", "PREPARE"),
        ] {
            match parse(sql) {
                Err(Error::Refused(what)) => assert_eq!(what, words, "{sql}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
        assert_eq!(parse("").err(), Some(Error::StatementCount(0)));
        assert_eq!(parse("select 1; select 2").err(), Some(Error::StatementCount(2)));
    }
}
