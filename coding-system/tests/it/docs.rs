//! The table of `docs/codes.md` says what the crate says.

use coding_system::{GridCell, Position, Scheme, decode, encode_with_geoid};

#[test]
fn the_place_in_every_code() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md")).unwrap();
    let place = Position::new(116.312_602_777_777_78, 39.993_161_111_111_114, Some(52.0)).unwrap();
    let table = page.lines().skip_while(|line| !line.starts_with("| scheme")).take_while(|line| line.starts_with('|'));
    let mut codes = 0;
    for row in table.skip(2) {
        for code in row.split('`').skip(1).step_by(2) {
            let said = decode(code).unwrap();
            let solid = said.height_band.is_some();
            let at = if solid { place } else { place.without_height() };
            let time_us = said.interval.map(|interval| interval.start_us());
            let again = encode_with_geoid(said.scheme, said.level, &at, time_us, Some(-9.0)).unwrap();
            assert_eq!(again, code, "{row}");
            assert!(row.contains(&format!("| {} |", said.level)), "{row}");
            codes += 1;
        }
    }
    assert_eq!(codes, 9, "codes in the table");
    assert!(Scheme::ALL.len() <= codes, "a scheme is not in the table");
    // The pictures the page shows are there.
    let pictures: Vec<_> = page.split("](codes/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() >= 9);
    for picture in pictures {
        let svg = std::fs::read_to_string(format!("{}/../docs/codes/{picture}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{picture}");
    }
    let cell = coding_system::beidou::Cell::parse("N50J47539B825534").unwrap();
    assert!(page.contains(cell.text().as_str()));
}

/// Every test that the page of standards names is there: those in the last cell of each row.
#[test]
fn the_tests_of_every_clause() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{root}/STANDARDS.md")).unwrap();
    let rules = page.lines().filter(|line| line.ends_with("` |"));
    let mut named = 0;
    for words in rules.filter_map(|rule| rule.trim_end_matches(" |").rsplit(" | ").next()) {
        for test in words.split('`').skip(1).step_by(2) {
            let (file, name) = test.rsplit_once("::").unwrap();
            let folder = if file.contains('/') { "" } else { "tests/it/" };
            let source = std::fs::read_to_string(format!("{root}/{folder}{file}.rs"))
                .unwrap_or_else(|error| panic!("{test}: {error}"));
            assert!(source.contains(&format!("fn {name}(")), "there is no {test}");
            named += 1;
        }
    }
    assert!(named > 60, "{named} tests are named");
}
