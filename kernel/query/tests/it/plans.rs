//! What is pruned before it is read. Read from the plans, because the answers are the same either way.

use crate::city::{ask, cells, one};

fn plan(sql: &str) -> String {
    let rows = cells(&ask(&format!("explain {sql}")).unwrap());
    rows.into_iter().find(|row| row[0] == "physical_plan").unwrap().swap_remove(1)
}

#[test]
fn an_id_is_compared_as_bytes_in_memory_and_in_files() {
    let id = one("select id from entities where source_id = 'v-3'");
    let sql = format!("select count(*) from positions where entity = '{id}'");
    assert_eq!(one(&sql), "200");
    let plan = plan(&sql);
    assert!(plan.contains("rows=200 of 1000"), "no pruning: {plan}");
    assert!(!plan.contains("uuid_text"), "ids are turned into text: {plan}");
    assert_eq!(one(&format!("select count(*) from positions where entity in ('{id}')")), "200");
    assert_eq!(one(&format!("select count(*) from positions where entity <> '{id}'")), "800");
    assert_eq!(one(&format!("select count(*) from positions where entity = '{}'", id.to_uppercase())), "0");
    assert_eq!(one(&format!("select count(*) from positions where upper(entity) = '{}'", id.to_uppercase())), "200");
}

#[test]
fn boxes_come_before_shapes() {
    let polygon = "st_geomfromtext('POLYGON((116.30 39.90, 116.31 39.90, 116.30 39.91, 116.30 39.90))')";
    for call in ["st_intersects", "st_within", "st_contains", "st_touches"] {
        let plan = plan(&format!("select id from entities where {call}(geometry, {polygon})"));
        let (cheap, costly) = (plan.find("west <="), plan.find(call));
        assert!(matches!((cheap, costly), (Some(cheap), Some(costly)) if cheap < costly), "{plan}");
    }
}

/// The index counts what is in a box, an area, a span of time or of a series; no row is read.
#[test]
fn counts_come_from_the_index() {
    let polygon = "st_geomfromtext('POLYGON((116.30 39.90, 116.31 39.90, 116.30 39.91, 116.30 39.90))')";
    for condition in [
        "lon between 116.30 and 116.31 and lat > 39.9",
        "lon > 116.305",
        &format!("st_intersects(st_point(lon, lat), {polygon})"),
        "phenomenon_time < '2026-01-01T00:10:00Z'",
        "datastream = 2 and lat >= 39.9",
    ] {
        let plan = plan(&format!("select count(*) from observations where {condition}"));
        assert!(plan.contains("PlaceholderRowExec"), "{plan}");
    }
    let rest = plan("select count(*) from observations where lon > 116.305 and value > 3");
    assert!(rest.contains("FilterExec: value") && rest.contains("asked=[lon 116.305"), "{rest}");
}

#[test]
fn counting_rows_reads_none() {
    let plan = plan("select count(*) from positions");
    assert!(plan.contains("PlaceholderRowExec"), "{plan}");
}
