//! Statements that speak of the connection and not of the city: settings, transactions, cursors. Words come in; out goes what is
//! wanted, or nothing where the statement is a question for the engine or the catalogue.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::words::{Statement, word};

/// What is wanted of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `SET name = value`; `None`: as it began.
    Set(String, Option<String>),
    /// `RESET ALL`, `DISCARD ALL`.
    ResetAll(&'static str),
    /// `SHOW name`.
    Show(String),
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `ROLLBACK` and their like: nothing was written either way.
    End(&'static str),
    /// Taken, and nothing is done: there is nothing to do it to.
    Nothing(&'static str),
    /// `DECLARE name CURSOR FOR question`.
    Declare(String, String),
    /// `FETCH`, `MOVE`: so many rows (`None`: all) of a cursor, and whether they are wanted.
    Fetch(String, Option<usize>, bool),
    /// `CLOSE name`; `None`: all.
    Close(Option<String>),
}

/// Names that `SHOW` shows and that are the engine's.
const SHOWN_BY_ENGINE: [&str; 6] = ["tables", "columns", "functions", "memory", "all", "create"];

impl Command {
    /// What a statement wants of the connection.
    pub(super) fn read(statement: &Statement) -> Option<Self> {
        let second = statement.word(1);
        Some(match statement.word(0).as_str() {
            "set" => set(statement),
            "reset" if second == "all" => Self::ResetAll("RESET"),
            "reset" => Self::Set(second, None),
            "discard" => Self::ResetAll("DISCARD ALL"),
            "show" if SHOWN_BY_ENGINE.contains(&second.as_str()) => return None,
            "show" if second == "transaction" => Self::Show("transaction_isolation".to_owned()),
            "show" if second == "time" => Self::Show("timezone".to_owned()),
            "show" => Self::Show(second),
            "begin" | "start" => Self::Begin,
            "commit" | "end" => Self::End("COMMIT"),
            "rollback" if second == "to" => Self::Nothing("ROLLBACK"),
            "rollback" | "abort" => Self::End("ROLLBACK"),
            "savepoint" => Self::Nothing("SAVEPOINT"),
            "release" => Self::Nothing("RELEASE"),
            "deallocate" => Self::Nothing("DEALLOCATE"),
            "unlisten" => Self::Nothing("UNLISTEN"),
            "declare" => Self::Declare(second, statement.text_from("for")?.to_owned()),
            "fetch" => fetch(statement, true)?,
            "move" => fetch(statement, false)?,
            "close" if second == "all" => Self::Close(None),
            "close" => Self::Close(Some(second)),
            _ => return None,
        })
    }
}

/// `SET [SESSION | LOCAL] name { = | TO } value`, `SET TIME ZONE value`, `SET NAMES value`, `SET TRANSACTION ...`.
fn set(statement: &Statement) -> Command {
    let mut at = 1;
    if matches!(statement.word(at).as_str(), "session" | "local") {
        at += 1;
    }
    let (name, from) = match statement.word(at).as_str() {
        // Every question is read only and sees one state, whatever is wished for.
        "transaction" | "characteristics" => return Command::Nothing("SET"),
        "time" => ("timezone".to_owned(), at + 2),
        "names" => ("client_encoding".to_owned(), at + 1),
        name => (name.to_owned(), at + 2),
    };
    let values = statement.tokens.get(from..).unwrap_or_default();
    let mut value = String::new();
    for token in values {
        match token {
            Token::Comma => value.push_str(", "),
            token => value.push_str(&word(token)),
        }
    }
    let is_default = matches!(values, [Token::Word(word)] if word.value.eq_ignore_ascii_case("default"));
    Command::Set(name, (!is_default).then_some(value))
}

/// `FETCH [NEXT | FORWARD] [count | ALL] [FROM | IN] name`; a direction backwards is no cursor's here.
fn fetch(statement: &Statement, wanted: bool) -> Option<Command> {
    let (mut rows, mut words) = (Some(1), statement.tokens[1..].iter().map(word).peekable());
    words.next_if(|word| word == "next" || word == "forward");
    if let Some(word) = words.next_if(|word| word == "all" || word.parse::<usize>().is_ok()) {
        rows = word.parse().ok();
    }
    words.next_if(|word| word == "from" || word == "in");
    let name = words.next()?;
    words.next().is_none().then_some(Command::Fetch(name, rows, wanted))
}

#[cfg(test)]
mod tests {
    use super::super::words::statements;
    use super::*;

    fn read(sql: &str) -> Option<Command> {
        Command::read(&statements(sql).unwrap()[0])
    }

    #[test]
    fn what_clients_send_at_their_beginning_is_understood() {
        let set = |name: &str, value: &str| Some(Command::Set(name.to_owned(), Some(value.to_owned())));
        assert_eq!(read("SET extra_float_digits = 3"), set("extra_float_digits", "3"));
        assert_eq!(read("set session statement_timeout to '5s'"), set("statement_timeout", "5s"));
        assert_eq!(read("SET DateStyle = ISO, MDY"), set("datestyle", "iso, mdy"));
        assert_eq!(read("SET TIME ZONE 'UTC'"), set("timezone", "UTC"));
        assert_eq!(read("SET recorded = DEFAULT"), Some(Command::Set("recorded".to_owned(), None)));
        assert_eq!(read("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"), Some(Command::Nothing("SET")));
        assert_eq!(read("show transaction isolation level"), Some(Command::Show("transaction_isolation".to_owned())));
        assert_eq!(read("SHOW TABLES"), None);
        assert_eq!(read("BEGIN READ ONLY"), Some(Command::Begin));
        assert_eq!(read("select 1"), None);
    }

    #[test]
    fn cursors_go_forward() {
        let fetch = |rows, wanted| Some(Command::Fetch("c".to_owned(), rows, wanted));
        assert_eq!(read("FETCH c"), fetch(Some(1), true));
        assert_eq!(read("FETCH FORWARD 100 FROM \"c\""), fetch(Some(100), true));
        assert_eq!(read("fetch all in c"), fetch(None, true));
        assert_eq!(read("MOVE 5 FROM c"), fetch(Some(5), false));
        assert_eq!(read("FETCH BACKWARD 5 FROM c"), None);
        let declared = Command::Declare("c".to_owned(), "SELECT 1".to_owned());
        assert_eq!(read("DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR SELECT 1"), Some(declared));
    }
}
