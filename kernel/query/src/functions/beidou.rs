//! `code_beidou(lon, lat, level)`, `code_beidou(geometry, level)` and `code_beidou3d(lon, lat, height_m, level)`: BeiDou
//! grid codes, GB/T 39409-2020, levels 0 to 10.

use coding_system::{batch, beidou};
use datafusion::logical_expr::ScalarUDF;

use super::code::{Column, in_space, on_the_ground};

pub(super) fn functions() -> [ScalarUDF; 2] {
    let flat = Column { width: beidou::width_2d, encode: batch::beidou_2d };
    let solid = Column { width: beidou::width_3d, encode: batch::beidou_3d };
    [
        on_the_ground("code_beidou", beidou::encode_2d, Some(flat)),
        in_space("code_beidou3d", beidou::encode_3d, Some(solid)),
    ]
}
