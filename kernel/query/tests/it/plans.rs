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
    assert!(plan.contains("predicate=entity@"), "no pruning in the file: {plan}");
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
    let points = plan(&format!("select count(*) from positions where st_intersects(st_point(lon, lat), {polygon})"));
    assert!(points.contains("row_groups_stats_recheck") || points.contains("pruning_predicate="), "{points}");
}

#[test]
fn counting_rows_reads_none() {
    let plan = plan("select count(*) from positions");
    assert!(plan.contains("PlaceholderRowExec"), "{plan}");
}
