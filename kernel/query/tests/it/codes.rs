//! SQL's code functions against the coding system itself, on random positions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use coding_system::{GridCell, Position, beidou, geosot, h3};
use kernel_query::ExtraTable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::city::{LIMITS, ask_with, cells};

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
    let extra = ExtraTable { name: "places".to_owned(), schema: batch.schema(), batches: vec![batch] };
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
