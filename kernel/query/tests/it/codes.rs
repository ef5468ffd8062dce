//! SQL's code functions against the coding system itself, on random positions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use coding_system::{GridCell, Position, beidou, geosot, h3};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::city::{LIMITS, ask_with, brought, cells};

#[test]
fn sql_gives_the_coding_systems_codes() {
    let mut random = StdRng::seed_from_u64(11);
    let places: Vec<(f64, f64, f64)> = (0..500)
        .map(|_| {
            let place = (random.random_range(-180.0..180.0), random.random_range(-87.0..87.0));
            (place.0, place.1, random.random_range(-100.0..9_000.0))
        })
        .collect();
    let column = |pick: fn(&(f64, f64, f64)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(places.iter().map(pick)))
    };
    let batch =
        RecordBatch::try_from_iter([("lon", column(|p| p.0)), ("lat", column(|p| p.1)), ("height_m", column(|p| p.2))])
            .unwrap();
    let extra = brought("places", batch);
    let sql =
        "select code_beidou(lon, lat, 8), code_beidou3d(lon, lat, height_m, 7), code_geosot(st_point(lon, lat), 21),
        code_geosot3d(lon, lat, height_m, 24), code_h3(lon, lat, 9) from places";
    let rows = cells(&ask_with(sql, &[extra], LIMITS).unwrap());
    assert_eq!(rows.len(), places.len());
    for ((lon, lat, height), row) in places.into_iter().zip(rows) {
        let flat = Position::new_2d(lon, lat).unwrap();
        let high = Position::new(lon, lat, Some(height)).unwrap();
        let expected = [
            beidou::encode_2d(&flat, 8).unwrap(),
            beidou::encode_3d(&high, 7).unwrap(),
            geosot::Cell::of_2d(&flat, 21).unwrap().text(),
            geosot::Cell::of_3d(&high, 24).unwrap().text(),
            h3::Cell::of(&flat, 9).unwrap().text(),
        ];
        assert_eq!(row, expected.map(String::from));
    }
}

/// What SQL answers of one code, against the coding system.
#[test]
fn sql_relates_codes_as_the_coding_system_does() {
    let one = |sql: &str| cells(&ask_with(sql, &[], LIMITS).unwrap())[0][0].clone();
    assert_eq!(one("select code_parent('N50J47539B825534', 6)"), "N50J47539B82");
    assert_eq!(one("select code_parent('N50J475', 9) is null"), "true");
    assert_eq!(one("select code_contains('N50J475', 'N50J47539B825534')"), "true");
    assert_eq!(one("select code_contains('N50J47539B825534', 'N50J475')"), "false");
    assert_eq!(one("select code_intersects('N50J475', 'N50J474')"), "false");
    assert_eq!(one("select cardinality(code_neighbours('N50J475', 'face'))"), "4");
    assert_eq!(one("select cardinality(code_neighbours('N50J475', 'corner'))"), "8");
    assert_eq!(one("select cardinality(code_disk('8931aa50107ffff', 2))"), "19");
    assert_eq!(one("select cardinality(code_ring('8931aa50107ffff', 2))"), "12");
    assert_eq!(one("select cardinality(code_children('N50J475'))"), "150");
    assert_eq!(one("select code_distance('N50J475', code_neighbours('N50J475', 'face')[1])"), "1");
    let equal = one("select code_convert('N50J47539B825534', 'gs')");
    assert_eq!(
        equal,
        coding_system::convert::exact("N50J47539B825534", coding_system::Scheme::GeoSot).unwrap().as_str()
    );
    assert_eq!(one("select code_convert('N50J475', 'h3') is null"), "true", "a hexagon is never the same cell");
    assert_eq!(one("select code_parent(cast(null as varchar), 3) is null"), "true");
    let square = "st_geomfromtext('POLYGON((116.3 39.9, 116.31 39.9, 116.31 39.91, 116.3 39.91, 116.3 39.9))')";
    let count = |function: &str, scheme: &str, level: u8| -> usize {
        one(&format!("select cardinality({function}({square}, '{scheme}', {level}, 5000))")).parse().unwrap()
    };
    for (scheme, level) in [("bd", 6), ("gs", 20), ("rs", 11), ("h3", 10)] {
        let (all, inner) = (count("code_cover", scheme, level), count("code_cover_inner", scheme, level));
        assert!(inner > 0 && inner < all, "{scheme}: {inner} of {all}");
    }
    let wrong = ask_with("select code_contains('N50J475', '8931aa50107ffff')", &[], LIMITS).unwrap_err().to_string();
    assert!(wrong.contains("different schemes"), "{wrong}");
}
