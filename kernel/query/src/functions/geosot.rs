//! `code_geosot(lon, lat, level)`, `code_geosot(geometry, level)` and `code_geosot3d(lon, lat, height_m, level)`: GeoSOT
//! codes, GB/T 40087-2021, levels 0 to 32.

use coding_system::GridCell;
use coding_system::geosot::Cell;
use datafusion::logical_expr::ScalarUDF;

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        super::code::on_the_ground("code_geosot", |position, level| Ok(Cell::of_2d(position, level)?.text())),
        super::code::in_space("code_geosot3d", |position, level| Ok(Cell::of_3d(position, level)?.text())),
    ]
}
