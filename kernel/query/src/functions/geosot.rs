//! `code_geosot(lon, lat, level)`, `code_geosot(geometry, level)` and `code_geosot3d(lon, lat, height_m, level)`: GeoSOT
//! codes, GB/T 40087-2021, levels 0 to 32.

use coding_system::geosot::Cell;
use coding_system::{GridCell, batch};
use datafusion::logical_expr::ScalarUDF;

use super::code::{Column, in_space, on_the_ground};

pub(super) fn functions() -> [ScalarUDF; 2] {
    let flat = Column { width: |level| Ok(usize::from(level) + 1), encode: batch::geosot };
    let solid = Column { width: |level| Ok(usize::from(level) + 2), encode: batch::geosot };
    [
        on_the_ground("code_geosot", |position, level| Ok(Cell::of_2d(position, level)?.text()), Some(flat)),
        in_space("code_geosot3d", |position, level| Ok(Cell::of_3d(position, level)?.text()), Some(solid)),
    ]
}
