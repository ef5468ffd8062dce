//! A condition on its own finds the rows that the same words find in a question, and says the window in which they are.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use kernel_query::{Condition, Error};

use crate::city::{ask, block_on, cells, engine, snapshot};

fn condition(sql: &str) -> Result<Condition, Error> {
    block_on(engine().condition(sql))
}

/// Names of sources of the present rows for which it holds, all rows of a batch asked at once.
fn found(condition: &Condition) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (batch, marks) in snapshot().entities() {
        let rows: Vec<u32> = marks.values().set_indices().map(|row| row as u32).collect();
        let holds = condition.test(batch, &rows).unwrap();
        assert_eq!(holds.len(), rows.len());
        let names = batch.column_by_name("source_id").unwrap().as_string::<i32>();
        let held = rows.iter().zip(holds).filter(|(_, holds)| *holds);
        found.extend(held.map(|(row, _)| names.value(*row as usize).to_owned()));
    }
    found
}

#[test]
fn it_holds_where_a_question_finds_rows() {
    let polygon = "st_geomfromtext('POLYGON((116.31 39.91, 116.35 39.91, 116.35 39.94, 116.31 39.94, 116.31 39.91))')";
    let id = cells(&ask("SELECT id FROM entities WHERE source_id = 'b-3-2'").unwrap())[0][0].clone();
    for sql in [
        "TRUE".to_owned(),
        "FALSE".to_owned(),
        "NULL".to_owned(),
        "class = 'office'".to_owned(),
        "name LIKE 'Block 1-%' OR name IS NULL".to_owned(),
        format!("id = '{id}'"),
        format!("id LIKE '{}%'", &id[..4]),
        format!("id LIKE '{}%' AND class = 'office' OR kind = 'sensor' AND parent < '{id}'", &id[..8]),
        format!("st_intersects(geometry, {polygon})"),
        format!("NOT st_intersects(geometry, {polygon}) AND class <> 'office'"),
        format!("(geometry IS NULL OR st_intersects(geometry, {polygon})) AND kind <> 'sensor'"),
        "property_number(properties, 'storeys') > 4.0".to_owned(),
        "property_type(properties, 'storeys') IS NULL".to_owned(),
        "recorded_at > arrow_cast(0, 'Timestamp(Microsecond, Some(\"+00:00\"))') AND lon > 116.33".to_owned(),
        "west <= 116.33 AND east >= 116.31".to_owned(),
    ] {
        let asked = cells(&ask(&format!("SELECT source_id FROM entities WHERE {sql}")).unwrap());
        let asked: BTreeSet<String> = asked.into_iter().map(|mut row| row.swap_remove(0)).collect();
        assert_eq!(found(&condition(&sql).unwrap()), asked, "{sql}");
    }
}

#[test]
fn it_says_where_to_look() {
    let window = |sql: &str| condition(sql).unwrap().window();
    let near = window("class = 'x' AND st_intersects(geometry, st_geomfromtext('POINT(116.3 39.9)'))").unwrap();
    assert_eq!((near.west, near.north), (116.3, 39.9));
    assert_eq!(window("class = 'x'"), None);
    assert_eq!(window("NOT st_intersects(geometry, st_geomfromtext('POINT(116.3 39.9)'))"), None);
    assert_eq!(window("lon > 116.3").unwrap().west, 116.3);
}

#[test]
fn what_is_no_condition_is_refused() {
    for (sql, word) in [
        ("class", "no condition"),
        ("clas = 'x'", "clas"),
        ("class = ", ""),
        ("EXISTS (SELECT 1)", ""),
        ("id IN (SELECT id FROM entities)", ""),
        ("class = 'x'; SELECT 1", ""),
    ] {
        let error = condition(sql).unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains('\n'), "{sql}: {error}");
    }
}
