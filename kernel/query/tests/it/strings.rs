//! Whatever text is sent, the answer is rows or one line; nothing panics.

use std::time::Duration;

use kernel_query::{Error, Limits};
use proptest::prelude::*;

use crate::city::ask_with;

const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "entities",
    "positions",
    "observations",
    "group by",
    "order by",
    "count(*)",
    "lon",
    "lat",
    "geometry",
    "id",
    "*",
    ",",
    "(",
    ")",
    "=",
    "<",
    "and",
    "or",
    "not",
    "null",
    "1",
    "-1.5e300",
    "'x'",
    "'",
    "\"",
    "as",
    "a",
    "join",
    "on",
    "union all",
    "limit",
    "st_intersects(",
    "st_point(1, 2)",
    "st_geomfromtext('POINT(1 2)')",
    "code_beidou(",
    "code_decode('N50J475')",
    "code_cover(1,2,3,4,5)",
    "cast(",
    "as int)",
    "case when",
    "then",
    "end",
    "with a as (",
    "explain",
    "show tables",
    "describe entities",
    "interval '1 day'",
    "::",
    "[1]",
    "over ()",
    "between",
    "st_astext(geometry)",
    "st_asbinary(",
    "x'00'",
    "st_geomfromwkb(",
    "st_geomfromwkb(x'0101')",
    "in (1, 2)",
    "like",
    "--",
    "/*",
    "$1",
    ";",
];

fn check(sql: &str) -> Result<(), TestCaseError> {
    let limits = Limits { deadline: Duration::from_millis(1_500), max_rows: 50 };
    match ask_with(sql, &[], limits) {
        Ok(answer) => prop_assert!(answer.rows() <= 50),
        Err(Error::Internal(text)) => prop_assert!(!text.starts_with("panic"), "{sql}: {text}"),
        Err(error) => {
            let text = error.to_string();
            prop_assert!(!text.contains('\n'), "{sql}: {text}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn words_in_any_order(words in prop::collection::vec(prop::sample::select(WORDS), 1..14)) {
        check(&words.join(" "))?;
    }

    #[test]
    fn an_expression_of_words(words in prop::collection::vec(prop::sample::select(WORDS), 1..6)) {
        check(&format!("select {} from entities", words.join(" ")))?;
    }

    #[test]
    fn any_text(text in "\\PC{0,60}") {
        check(&text)?;
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for sql in [
        format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("select {}1", "not ".repeat(5_000)),
        format!("select {}", vec!["1"; 5_000].join("+")),
        "x".repeat(2 << 20),
    ] {
        if let Err(error) = ask_with(&sql, &[], crate::city::LIMITS) {
            assert!(!error.to_string().contains("panic"), "{error}");
            assert!(error.to_string().len() < 10_000);
        }
    }
}
