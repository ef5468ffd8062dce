//! `code_h3(lon, lat, resolution)` and `code_h3(geometry, resolution)`: H3 cells as 15 hexadecimal digits, resolutions
//! 0 to 15.

use coding_system::h3::{Cell, Grid};
use coding_system::{GridCell, batch};
use datafusion::logical_expr::ScalarUDF;

use super::code::{Column, on_the_ground};

/// Digits of every id.
const WIDTH: usize = 15;

pub(super) fn function() -> ScalarUDF {
    let column = Column {
        width: |_| Ok(WIDTH),
        encode: |positions, resolution, out| batch::texts(&Grid, positions, resolution, WIDTH, out),
    };
    on_the_ground("code_h3", |position, resolution| Ok(Cell::of(position, resolution)?.text()), Some(column))
}
