//! A code taken apart: its scheme, what each level adds to it and where that cell lies in the one above, in words.

use std::fmt::Write as _;

use anyhow::Context;
use coding_system::{AnyCell, Decoded, LonLatBox, Scheme, decode};

/// Metres of a degree of latitude, about.
const DEGREE_M: f64 = 111_320.0;

/// The explanation, several lines.
pub(super) fn explain(code: &str) -> anyhow::Result<String> {
    let (whole, cell) = (decode(code)?, AnyCell::parse(code)?);
    let mut text = format!("{code}\n  {}, level {}", standard(cell.scheme()), cell.level());
    if let Some(band) = &whole.height_band {
        let _ = write!(text, ", heights {:.3} to {:.3} m", band.low_m, band.high_m);
    }
    text.push('\n');
    let mut above: Option<(String, Decoded)> = None;
    for level in 0..=cell.level() {
        let Some(here) = cell.parent(level) else { continue };
        let name = here.text().to_string();
        let said = decode(&name).with_context(|| name.clone())?;
        let line = match &above {
            Some((before, outer)) => within(before, outer, &name, &said),
            None => format!("{name}: {}", extent(&said)),
        };
        let _ = writeln!(text, "  level {level:>2}  {line}");
        above = Some((name, said));
    }
    if let Some(interval) = &whole.interval {
        let check = code.chars().last().unwrap_or_default();
        let _ = writeln!(text, "  time      {interval}, UTC, the end not included");
        let _ = writeln!(text, "  check     {check} (ISO 7064 MOD 37,36 over all before the asterisk): right");
    }
    Ok(text)
}

fn standard(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::BeiDou | Scheme::SpaceTime => "BeiDou grid location code 北斗网格位置码, GB/T 39409-2020",
        Scheme::GeoSot => "GeoSOT 地球空间网格编码, GB/T 40087-2021",
        Scheme::Rslc => "location code of basic geographic entities 基础地理实体位置码, 3D Real Scene China",
        Scheme::H3 => "H3 hexagon",
        Scheme::SpatialId => "Spatial ID 空間ID",
    }
}

/// What a level adds, and where in the cell above.
fn within(before: &str, outer: &Decoded, name: &str, said: &Decoded) -> String {
    let added = name.strip_prefix(before).map_or_else(|| name.to_owned(), |digits| format!("{digits:<4} -> {name}"));
    format!("{added}: {}{}", part(outer, said), extent(said))
}

/// "column 3 of 12, row 1 of 8; ", where the cell above is cut into columns and rows.
fn part(outer: &Decoded, said: &Decoded) -> String {
    let (wide, tall) =
        (width_deg(&outer.area) / width_deg(&said.area), height_deg(&outer.area) / height_deg(&said.area));
    let whole = |parts: f64| (parts - parts.round()).abs() < 1e-6 && parts < 1_000.0;
    if said.place_scheme == Scheme::H3 || !whole(wide) || !whole(tall) {
        return String::new();
    }
    let column = (said.centre_deg.0 - outer.area.west_deg()).rem_euclid(360.0) / width_deg(&said.area);
    let row = (said.centre_deg.1 - outer.area.south_deg()) / height_deg(&said.area);
    let mut text = format!(
        "column {:.0} of {wide:.0} from the west, row {:.0} of {tall:.0} from the south; ",
        column.floor() + 1.0,
        row.floor() + 1.0
    );
    if let (Some(all), Some(own)) = (&outer.height_band, &said.height_band)
        && (all.low_m, all.high_m) != (own.low_m, own.high_m)
    {
        let _ = write!(text, "heights {:.3} to {:.3} m; ", own.low_m, own.high_m);
    }
    text
}

fn width_deg(area: &LonLatBox) -> f64 {
    let width = area.east_deg() - area.west_deg();
    if area.crosses_antimeridian() { width + 360.0 } else { width }
}

fn height_deg(area: &LonLatBox) -> f64 {
    area.north_deg() - area.south_deg()
}

/// "114 to 120 E, 36 to 40 N, about 512 x 445 km".
fn extent(said: &Decoded) -> String {
    let area = &said.area;
    let middle = said.centre_deg.1.to_radians().cos();
    let (wide_m, tall_m) = (width_deg(area) * DEGREE_M * middle, height_deg(area) * DEGREE_M);
    format!(
        "{} to {}, {} to {}, about {} x {}",
        degrees(area.west_deg(), 'E', 'W'),
        degrees(area.east_deg(), 'E', 'W'),
        degrees(area.south_deg(), 'N', 'S'),
        degrees(area.north_deg(), 'N', 'S'),
        length(wide_m),
        length(tall_m)
    )
}

fn degrees(value: f64, positive: char, negative: char) -> String {
    let text = format!("{:.9}", value.abs());
    let side = if value < 0.0 { negative } else { positive };
    format!("{}°{side}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn length(metres: f64) -> String {
    match metres {
        m if m >= 10_000.0 => format!("{:.0} km", m / 1_000.0),
        m if m >= 1_000.0 => format!("{:.1} km", m / 1_000.0),
        m if m >= 10.0 => format!("{m:.0} m"),
        m if m >= 1.0 => format!("{m:.1} m"),
        m => format!("{:.1} cm", m * 100.0),
    }
}
