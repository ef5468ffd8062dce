//! `code_rslc(lon, lat, level)`, `code_rslc(geometry, level)` and `code_rslc3d(lon, lat, height_m, level)`: location codes of
//! basic geographic entities (3D Real Scene China), levels 1 to 16.

use coding_system::{GridCell, rslc};
use datafusion::logical_expr::ScalarUDF;

use super::code::{in_space, on_the_ground};

pub(super) fn functions() -> [ScalarUDF; 2] {
    let encode = |position: &coding_system::Position, level| Ok(rslc::Cell::of(position, level)?.text());
    [on_the_ground("code_rslc", encode, None), in_space("code_rslc3d", encode, None)]
}
