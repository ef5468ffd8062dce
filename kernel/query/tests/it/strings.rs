//! Whatever text is sent, the answer is rows or one line; nothing panics.

use std::time::Duration;

use kernel_query::{Error, Limits};
use proptest::prelude::*;

use crate::city::{LIMITS, ask_with};

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
fn large_questions_are_answered_or_refused() {
    let chain = |word: &str, n: usize| vec!["1"; n].join(word);
    let tables = |n: usize| (0..n).map(|i| format!("rejected r{i}")).collect::<Vec<_>>();
    let refused = [
        format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("select {}1", "not ".repeat(5_000)),
        format!("select {}", chain("+", 5_000)),
        format!("select 1 where {}", chain("=1 or 1=", 5_000)),
        format!("select {}", chain(" union all select ", 3_000)),
        format!("select {}1{}", "abs(".repeat(1_000), ")".repeat(1_000)),
        format!("select {}1{}", "(select ".repeat(500), ")".repeat(500)),
        format!("select count(*) from {}", tables(2_000).join(",")),
        format!("select count(*) from {}", tables(500).join(" cross join ")),
        format!("with {} select 1", (0..3_000).map(|i| format!("a{i} as (select 1)")).collect::<Vec<_>>().join(",")),
        "x".repeat(2 << 20),
    ];
    for sql in refused {
        let error = ask_with(&sql, &[], LIMITS).expect_err(&sql[..60]).to_string();
        assert!(!error.contains("panic") && error.len() < 2_000, "{error}");
    }
    // The longest chain that is let through may take too long, but not the stack.
    let longest = format!("select {}", chain("+", 998));
    let limits = Limits { deadline: Duration::from_secs(1), max_rows: 1 };
    if let Err(error) = ask_with(&longest, &[], limits) {
        assert_eq!(error, Error::PlanDeadline(1_000));
    }
    let answered = [
        format!("select {}", chain("+", 300)),
        format!("select count(*) from positions where lon in ({})", chain(",-", 20_000)),
        format!("select count(*) from positions where lon>{}", chain(" or lon>", 150)),
        format!("select {}", chain(" union all select ", 100)),
        format!("select 1 from (values {}) as v", vec!["(-1, 'x')"; 5_000].join(",")),
        format!("select count(*) from {}", tables(8).join(",")),
    ];
    for sql in answered {
        let answer = ask_with(&sql, &[], LIMITS).unwrap_or_else(|error| panic!("{}: {error}", &sql[..60]));
        assert_eq!(answer.truncated, None, "{}", &sql[..60]);
    }
}
