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

/// In whatever form a region, a height band, a time, a thing or a cell is written, the index is asked for it; what it answers
/// exactly is counted without a row.
#[test]
fn every_form_is_asked_of_the_index() {
    let ids = ["v-1", "v-2"].map(|v| one(&format!("select id from entities where source_id = '{v}'")));
    let polygon = "st_geomfromtext('POLYGON((116.30 39.90, 116.31 39.90, 116.30 39.91, 116.30 39.90))')";
    let mut wrong = Vec::new();
    for (condition, asked, exact) in [
        ("height_m between 10 and 40", "asked=[height_m 10..40]", true),
        ("lon > 116.305 and lon < 116.31 and height_m > 44", "lon 116.30500000000002..116.30999999999999", true),
        ("116.305 < lon and height_m > 44", "height_m 44.00000000000001..inf", true),
        ("height_m is not null", "height_m -inf..inf", true),
        ("lon < 116.305 or lat > 39.935", " or lon -inf..inf lat 39.935", true),
        (
            &format!("st_intersects(st_point(lon, lat), {polygon}) and lat > 39.9 and height_m < 50"),
            "area, height_m",
            true,
        ),
        (&format!("st_intersects(st_point(lon, lat), {polygon}) or lat > 39.935"), "[area or lon", true),
        (&format!("entity in ('{}', '{}')", ids[0], ids[1]), " or series ", false),
        ("entity <> '' and lat > 39.935", "lat 39.935", false),
        ("time > now() - interval '1 hour'", "time_us 1", true),
        ("time > '2026-01-01T01:00:00+01:00'", "time_us 1767225600000001..", true),
        ("time < to_timestamp('2026-01-01T01:00:00Z')", "..1767229199999999", true),
        ("time + interval '1 hour' < '2026-01-01T02:00:00Z'", "..1767229199999999", true),
        ("date_trunc('hour', time) = '2026-01-01T01:00:00Z'", "time_us 1767229200000000..1767232799999999", true),
        ("date_bin(interval '1 hour', time) <= '2026-01-01T01:00:00Z'", "..1767232799999999", true),
        ("date_trunc('month', time) = '2026-01-01'", "time_us 1767225600000000..", false),
        ("time::date = '2026-01-01'", "time_us 1767225600000000..1767311999999999", true),
        ("extract(year from time) = 2026", "time_us 1767225600000000..1798761599999999", true),
        ("code_contains('N50J475', code_beidou(lon, lat, 5))", "asked=[lon 116.", false),
        ("code_contains('N50J475', lon, lat)", "asked=[lon 116.", false),
        ("code_h3(lon, lat, 9) = '8931aa42853ffff'", "asked=[lon 116.", false),
    ] {
        let plan_of_rows = plan(&format!("select lon from positions where {condition}"));
        let counted = plan(&format!("select count(*) from positions where {condition}")).contains("PlaceholderRowExec");
        if !plan_of_rows.contains(asked) || counted != exact {
            wrong.push(format!("{condition}: counted {counted}: {plan_of_rows}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A list that is too long to be asked one by one is asked as one span.
#[test]
fn a_long_list_is_asked_as_a_span() {
    let list = |n: u32| (1..=n).map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    let few = plan(&format!("select value from observations where datastream in ({})", list(5)));
    assert!(few.contains("series 1..1 or series 2..2") && !few.contains("FilterExec"), "{few}");
    let many = plan(&format!("select value from observations where datastream in ({})", list(40)));
    assert!(many.contains("asked=[series 1..40]") && many.contains("FilterExec"), "{many}");
    for n in [5, 40] {
        assert_eq!(
            one(&format!("select count(*) from observations where datastream in ({})", list(n))),
            (24 * n.min(10)).to_string()
        );
    }
}
