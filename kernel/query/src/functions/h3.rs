//! `code_h3(lon, lat, resolution)` and `code_h3(geometry, resolution)`: H3 cells as 15 hexadecimal digits, resolutions
//! 0 to 15.

use coding_system::GridCell;
use coding_system::h3::Cell;
use datafusion::logical_expr::ScalarUDF;

pub(super) fn function() -> ScalarUDF {
    super::code::on_the_ground("code_h3", |position, resolution| Ok(Cell::of(position, resolution)?.text()))
}
