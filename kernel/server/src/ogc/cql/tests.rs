//! The examples of the standard (OGC 21-065r2, the texts of its schema examples), with our own names for times and shapes:
//! each becomes SQL that the engine plans, or is refused by name; none is taken for another.

use super::super::properties::{Queryables, Types};
use super::super::system::System;
use super::*;

fn names() -> Queryables {
    let mut names = Queryables::default();
    for (types, list) in [
        (Types::NUMBER, "eo:cloud_cover landsat:wrs_row landsat:wrs_path floors taxes value foo bar x depth"),
        (Types::TEXT, "landsat:scene_id eo:instrument owner material road_class geophys:SURVEY_NAME cityName values"),
        (Types::BOOLEAN, "swimming_pool"),
    ] {
        names.said.extend(list.split(' ').map(|name| (name.to_owned(), types)));
    }
    names
}

const TAKEN: [&str; 66] = [
    "cityName='Toronto'",
    "taxes-150.0 > 0",
    "recorded_at >= date('1970-01-01')",
    "geometry IS NOT NULL",
    "depth BETWEEN 100.0 and 150.0",
    "cityName IN ('Toronto','Frankfurt','Tokyo','New York')",
    "value NOT IN (1,2,3,4)",
    "CASEI(road_class) IN (CASEI('Οδος'),CASEI('Straße'))",
    "S_INTERSECTS(geometry,POINT(36.319836 32.288087))",
    "T_INTERSECTS(recorded_at, INTERVAL('1969-07-16T05:32:00Z', '1969-07-24T16:50:35Z'))",
    "T_DURING(INTERVAL('1969-07-20T20:17:40Z', '1969-07-21T17:54:00Z'), INTERVAL('1969-07-16T13:32:00Z', '1969-07-24T16:50:35Z'))",
    "depth > (bar-1)",
    "landsat:scene_id = 'LC82030282019133LGN00'",
    "eo:instrument LIKE 'OLI%'",
    "eo:cloud_cover < 0.1 AND landsat:wrs_row=28 AND landsat:wrs_path=203",
    "eo:cloud_cover=0.1 OR eo:cloud_cover=0.2",
    "eo:cloud_cover IN (0.1,0.2)",
    "eo:cloud_cover BETWEEN 0.1 AND 0.2 AND landsat:wrs_row=28 AND landsat:wrs_path=203",
    "floors>5",
    "taxes <= 500",
    "owner NOT LIKE '%Mike%'",
    "swimming_pool = true",
    "swimming_pool=true AND (floors>5 OR material LIKE 'brick%' OR material LIKE '%brick')",
    "(floors>5 AND material='brick') OR swimming_pool=true",
    "NOT (floors<5) OR swimming_pool=true",
    "T_BEFORE(recorded_at, DATE('2015-01-01'))",
    "T_AFTER(recorded_at,DATE('2012-06-05'))",
    "T_DURING(INTERVAL(valid_from, valid_to), INTERVAL('2017-06-10T07:30:00Z', '2017-06-11T10:30:00Z'))",
    "S_WITHIN(geometry,BBOX(-118,33.8,-117.9,34))",
    "S_INTERSECTS(geometry,POLYGON((-10.0 -10.0,10.0 -10.0,10.0 10.0,-10.0 -10.0)))",
    "floors>5 AND S_WITHIN(geometry,BBOX(-118,33.8,-117.9,34))",
    "CASEI(geophys:SURVEY_NAME) LIKE CASEI('%calcutta%')",
    "\"id\" <> 'fa7e1920-9107-422d-a3db-c468cbc5d6df'",
    "NOT \"name\" LIKE 'foo%'",
    "NOT \"value\" BETWEEN 10 AND 20",
    "\"value\" IS NOT NULL",
    "(NOT \"name\" LIKE 'foo%' AND \"value\" > 10)",
    "(\"value\" IS NULL OR \"value\" BETWEEN 10 AND 20)",
    "S_INTERSECTS(\"geometry\", BBOX(-128.098193, -1.1, -99999.0, 180.0, 90.0, 100000.0))",
    "S_EQUALS(POLYGON ((-0.333333 89.0, -102.723546 -0.5, -179.0 -89.0, -1.9 89.0, -0.0 89.0, 2.00001 -1.9, -0.333333 89.0)), \"geometry\")",
    "S_DISJOINT(\"geometry\", MULTIPOLYGON (((144.022387 45.176126, -1.1 0.0, 180.0 47.808086, 144.022387 45.176126))))",
    "S_TOUCHES(\"geometry\", MULTILINESTRING ((-1.9 -0.99999, 75.292574 1.5, -0.5 -4.016458, -31.708594 -74.743801, 179.0 -90.0),(-1.9 -1.1, 1.5 8.547371)))",
    "S_WITHIN(POLYGON Z ((-49.88024 0.5 -75993.341684, -1.5 -0.99999 -100000.0, 0.0 0.5 -0.333333, -49.88024 0.5 -75993.341684)), \"geometry\")",
    "S_CONTAINS(\"geometry\", POINT (-3.508362 -1.754181))",
    "T_BEFORE(\"recorded_at\", TIMESTAMP('2012-08-10T05:30:00.000000Z'))",
    "T_CONTAINS(INTERVAL('2000-01-01T00:00:00Z', '2005-01-10T01:01:01.393216Z'), INTERVAL(valid_from, valid_to))",
    "T_DISJOINT(INTERVAL('..', '2005-01-10T01:01:01.393216Z'), INTERVAL(valid_from, valid_to))",
    "T_DURING(INTERVAL(valid_from, valid_to), INTERVAL('2005-01-10', '2010-02-10'))",
    "T_EQUALS(\"recorded_at\", DATE('1851-04-29'))",
    "T_FINISHEDBY(INTERVAL(valid_from, valid_to), INTERVAL('1991-10-07T08:21:06.393262Z', '2010-02-10T05:29:20.073225Z'))",
    "T_FINISHES(INTERVAL(valid_from, valid_to), INTERVAL('1991-10-07', '2010-02-10T05:29:20.073225Z'))",
    "T_INTERSECTS(INTERVAL(valid_from, valid_to), INTERVAL('1991-10-07T08:21:06.393262Z', '2010-02-10T05:29:20.073225Z'))",
    "T_MEETS(INTERVAL('2005-01-10', '2010-02-10'), INTERVAL(valid_from, valid_to))",
    "T_METBY(INTERVAL('2010-02-10T05:29:20.073225Z', '2010-10-07'), INTERVAL(valid_from, valid_to))",
    "T_OVERLAPPEDBY(INTERVAL('1991-10-07T08:21:06.393262Z', '2010-02-10T05:29:20.073225Z'), INTERVAL(valid_from, valid_to))",
    "T_OVERLAPS(INTERVAL(valid_from, valid_to), INTERVAL('1991-10-07T08:21:06.393262Z', '1992-10-09T08:08:08.393473Z'))",
    "T_STARTEDBY(INTERVAL('1991-10-07T08:21:06.393262Z', '2010-02-10T05:29:20.073225Z'), INTERVAL(valid_from, valid_to))",
    "T_STARTS(INTERVAL(valid_from, valid_to), INTERVAL('1991-10-07T08:21:06.393262Z', '..'))",
    "CASEI(\"owner\") = CASEI('somebody else')",
    "\"value\" > (\"foo\" + 10)",
    "\"value\" <> (22.1 * \"foo\")",
    "\"value\" = (2 / \"foo\")",
    "0 = (\"foo\" % 2)",
    "1 = (\"foo\" div 2)",
    "value = - foo * 2.0 + \"bar\" / 6.1234 - \"x\"",
    "S_EQUALS(MULTIPOINT ((180.0 -0.5), (179.0 -47.121701), (180.0 -0.0), (33.470475 -0.99999), (179.0 -15.333062)), \"geometry\")",
];

const REFUSED: [(&str, &str); 12] = [
    ("avg(windSpeed) < 4", "`avg` is not offered"),
    ("ACCENTI(owner) = ACCENTI('Beyoncé')", "`accenti` is not offered"),
    ("S_CROSSES(geometry, LINESTRING (172.03086 1.5, 1.1 -90.0))", "`s_crosses` is not offered"),
    ("S_OVERLAPS(geometry, BBOX(-179.912109, 1.9, 180.0, 16.897016))", "`s_overlaps` is not offered"),
    ("S_WITHIN(geometry,Buffer(geometry,10,'m'))", "`Buffer` is not offered"),
    ("S_EQUALS(GEOMETRYCOLLECTION (POINT (1.9 2.00001), POINT (0.0 -2.00001)), geometry)", "is not taken"),
    ("T_AFTER(owner, DATE('2012-06-05'))", "is compared with a time"),
    ("value <= (2 ^ foo)", "`^` is not offered"),
    ("A_CONTAINEDBY(\"values\", ('a', 'b', 'c'))", "`a_containedBy` is not offered"),
    ("A_OVERLAPS(\"values\", (TIMESTAMP('2012-08-10T05:30:00.000000Z'), DATE('2010-02-10'), FALSE))", "is not offered"),
    ("Foo(\"geometry\") = TRUE", "`Foo` is not offered"),
    ("FALSE <> Bar(\"geometry\", 100, 'a', 'b', FALSE)", "`Bar` is not offered"),
];

#[tokio::test]
async fn the_standards_examples_are_planned_or_refused_by_name() {
    let (names, system) = (names(), System::stored());
    let context = Context { names: &names, system: &system };
    let engine = kernel_query::Engine::new(&kernel_query::Options { threads: 1, ..Default::default() }).unwrap();
    for filter in TAKEN {
        let sql = condition(filter, Language::Text, context).unwrap_or_else(|error| panic!("{filter}: {error:?}"));
        let json = cql2::parse_text(filter).unwrap().to_json().unwrap();
        assert_eq!(condition(&json, Language::Json, context).unwrap(), sql, "{json}");
        engine.condition(&sql).await.unwrap_or_else(|error| panic!("{filter}: {sql}: {error}"));
    }
    for (filter, word) in REFUSED {
        let error = condition(filter, Language::Text, context).unwrap_err().description;
        assert!(error.contains(word), "{filter}: {error}");
    }
}

#[test]
fn a_text_stays_a_text_whatever_is_in_it() {
    let (names, system) = (names(), System::stored());
    let context = Context { names: &names, system: &system };
    let sql = condition("owner = 'x'' OR ''1''=''1' AND name = '--'", Language::Text, context).unwrap();
    assert_eq!(sql, "((property_text(properties, 'owner') = 'x'' OR ''1''=''1') AND (\"name\" = '--'))");
    let sql = condition("value - -5 > -(-3)", Language::Text, context).unwrap();
    assert!(!sql.contains("--"), "{sql}");
}
