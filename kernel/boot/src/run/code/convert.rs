//! A code in another scheme: its equal cell, or a cover of it.

use coding_system::Scheme;
use coding_system::convert::{Target, cover, exact};
use coding_system::cover::Limits;

use super::cover::heights;
use crate::cli::ConvertArgs;
use crate::say::say;

pub(super) fn convert(code: &str, args: &ConvertArgs) -> anyhow::Result<()> {
    let scheme: Scheme = args.to.parse()?;
    let Some(finest_level) = args.level else {
        say(format_args!("{}", exact(code, scheme)?));
        return Ok(());
    };
    let target = Target {
        scheme,
        limits: Limits { max_cells: args.max_cells, finest_level },
        heights: heights(args.heights.as_deref())?,
        geoid_height_m: args.geoid,
    };
    let cells = cover(code, &target)?;
    super::lines(cells.iter().map(|(cell, inner)| format!("{cell},{}", if *inner { "inner" } else { "outer" })))
}
