//! `code_beidou(lon, lat, level)`, `code_beidou(geometry, level)` and `code_beidou3d(lon, lat, height_m, level)`: BeiDou
//! grid codes, GB/T 39409-2020, levels 0 to 10.

use coding_system::beidou;
use datafusion::logical_expr::ScalarUDF;

pub(super) fn functions() -> [ScalarUDF; 2] {
    [
        super::code::on_the_ground("code_beidou", beidou::encode_2d),
        super::code::in_space("code_beidou3d", beidou::encode_3d),
    ]
}
