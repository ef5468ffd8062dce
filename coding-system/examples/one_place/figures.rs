//! The pictures: which cells are shown, over what, and what is written beside them.

use coding_system::convert::{self, Target};
use coding_system::cover::{
    Cover, Limits, Sample, Shape, cover, cover_beidou, cover_rslc, cover_spatial_id, cover_trajectory,
};
use coding_system::{
    GridCell, HeightBand, Key, LonLatBox, Position, Profile, Scheme, beidou, decode, geosot, h3, rslc, spatialid,
};

use crate::draw::{Panel, picture};
use crate::map::{Line, Map};
use crate::{GEOID_M, Outcome};

/// How many cells of its level a panel is wide.
const CELLS_WIDE: f64 = 5.2;
const INNER: &str = "green 绿: wholly inside 全在其内 — orange 橙: at the border 边界";

/// File names and their SVG.
pub(crate) fn all(map: &Map) -> Outcome<Vec<(&'static str, String)>> {
    Ok(vec![
        ("beidou.svg", beidou_levels(map)?),
        ("geosot.svg", geosot_levels(map)?),
        ("rslc.svg", rslc_levels(map)?),
        ("h3.svg", h3_levels(map)?),
        ("spatialid.svg", spatialid_levels(map)?),
        ("covers.svg", covers(map)?),
        ("algebra.svg", algebra(map)?),
        ("ways.svg", ways(map)?),
        ("conversion.svg", conversion(map)?),
    ])
}

/// The cell of the place with the cells around it.
fn level<C: GridCell>(map: &Map, cell: C, caption: &str, outline: impl Fn(&C) -> Line) -> Outcome<Panel> {
    let area = cell.area();
    let place = (map.place.lon_deg(), map.place.lat_deg());
    let mut panel = Panel::around(map, cell.centre_deg(), (area.east_deg() - area.west_deg()) * CELLS_WIDE);
    // Of voxels only those of the same floor: the others lie above and below them.
    for other in cell.disk(4)?.iter().filter(|other| other.height_band() == cell.height_band()) {
        panel.rings("cell", &[outline(other)]);
    }
    panel.rings("here", &[outline(&cell)]);
    panel.place(place);
    Ok(panel.captions(caption, cell.text().to_string()))
}

fn boxed<C: GridCell>(cell: &C) -> Line {
    let b = cell.area();
    let (west, south, east, north) = (b.west_deg(), b.south_deg(), b.east_deg(), b.north_deg());
    vec![(west, south), (east, south), (east, north), (west, north)]
}

fn beidou_levels(map: &Map) -> Outcome<String> {
    let panel = |at: u8, size: &str| {
        let cell = beidou::Cell::parse(&beidou::encode_2d(&map.place, at)?)?;
        level(map, cell, &format!("level {at} 第{at}级: {size}"), boxed)
    };
    let panels = [
        panel(1, "6° × 4°")?,
        panel(2, "30′ × 30′")?,
        panel(3, "15′ × 10′")?,
        panel(4, "1′")?,
        panel(5, "4″")?,
        panel(6, "2″")?,
    ];
    let title = "BeiDou grid location code 北斗网格位置码, GB/T 39409-2020";
    Ok(picture(title, "Each code is a prefix of the codes inside it. 短码是其内各码的前缀。", &panels, 3))
}

fn geosot_levels(map: &Map) -> Outcome<String> {
    let panel = |at: u8, size: &str| {
        level(map, geosot::Cell::of_2d(&map.place, at)?, &format!("level {at} 第{at}级: {size}"), boxed)
    };
    let panels = [
        panel(9, "1°")?,
        panel(11, "16′, cut short at 60′ 至60′截短")?,
        panel(13, "4′")?,
        panel(15, "1′")?,
        panel(19, "4″")?,
        panel(21, "1″")?,
    ];
    let title = "GeoSOT 地球剖分网格, GB/T 40087-2021";
    Ok(picture(
        title,
        "A degree has 64 parts on paper and 60 on Earth: the last cells are narrower. 度分秒扩展为64份, 实有60份。",
        &panels,
        3,
    ))
}

fn rslc_levels(map: &Map) -> Outcome<String> {
    let panel = |at: u8, size: &str| {
        level(map, rslc::Cell::of(&map.place.without_height(), at)?, &format!("level {at} 第{at}级: {size}"), boxed)
    };
    let panels = [
        panel(2, "6° × 4°")?,
        panel(4, "1°")?,
        panel(6, "15′ × 10′")?,
        panel(8, "1′")?,
        panel(9, "12″")?,
        panel(12, "1″")?,
    ];
    let title = "Location code of basic geographic entities 基础地理实体位置码, 3D Real Scene China 实景三维中国";
    Ok(picture(title, "Sixteen levels from 90° × 44° to 1/2048″. 十六级。", &panels, 3))
}

fn h3_levels(map: &Map) -> Outcome<String> {
    let panel = |at: u8| {
        level(map, h3::Cell::of(&map.place, at)?, &format!("resolution {at} 分辨率{at}"), h3::Cell::boundary_deg)
    };
    let panels = [panel(3)?, panel(5)?, panel(7)?, panel(8)?, panel(9)?, panel(10)?];
    let title = "H3 六边形网格";
    Ok(picture(
        title,
        "A parent does not hold its children exactly; an id is no prefix. 父格不完全包含子格。",
        &panels,
        3,
    ))
}

fn spatialid_levels(map: &Map) -> Outcome<String> {
    let panel = |at: u8| {
        level(
            map,
            spatialid::encode(&map.place, GEOID_M, at)?,
            &format!("zoom {at} 缩放级{at}: floor 层高 {} m", 33_554_432.0 / f64::from(1u32 << at)),
            boxed,
        )
    };
    let panels = [panel(6)?, panel(9)?, panel(12)?, panel(14)?, panel(17)?, panel(20)?];
    let title = "Spatial ID 空間ID (Japan 日本), zoom/floor/x/y";
    Ok(picture(
        title,
        "Web Mercator squares; floors count from sea level, so the geoid height is an input. 自海平面起算, 须给大地水准面高。",
        &panels,
        3,
    ))
}

fn over_area(map: &Map) -> Panel {
    let (lon, lat) = middle(map);
    Panel::around(map, (lon, lat), 1.25 * wide(map))
}

fn middle(map: &Map) -> (f64, f64) {
    let (west, south, east, north) = bounds(map);
    (f64::midpoint(west, east), f64::midpoint(south, north))
}

fn wide(map: &Map) -> f64 {
    let (west, south, east, north) = bounds(map);
    // The panel is 4 by 5 and a degree of latitude is longer than one of longitude.
    (east - west).max((north - south) / south.to_radians().cos() * 1.25)
}

fn bounds(map: &Map) -> (f64, f64, f64, f64) {
    let start = (f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    let corners = map.area.iter().flatten();
    corners.fold(start, |b, p| (b.0.min(p.0), b.1.min(p.1), b.2.max(p.0), b.3.max(p.1)))
}

/// The panel of a cover: cells as outlines with their inner flags.
fn covered(map: &Map, cells: &[(Line, bool)], caption: &str) -> Panel {
    let mut panel = over_area(map);
    for (outline, inner) in cells {
        panel.rings(if *inner { "inner" } else { "outer" }, std::slice::from_ref(outline));
    }
    panel.rings("area", &map.area);
    let inside = cells.iter().filter(|cell| cell.1).count();
    panel.captions(caption, format!("{} cells 格, {inside} inside 在内", cells.len()))
}

fn outlines<C: GridCell>(cells: &[(C, bool)]) -> Vec<(Line, bool)> {
    cells.iter().map(|(cell, inner)| (boxed(cell), *inner)).collect()
}

fn covers(map: &Map) -> Outcome<String> {
    let shape = Shape::of_polygons(&[&map.area[..]])?;
    let limits = |finest_level| Limits { max_cells: 100_000, finest_level };
    let heights = HeightBand { low_m: -1.0, high_m: 65.0 };
    let coarse = cover(&shape, Limits { max_cells: 24, finest_level: 32 })?;
    let hexagons: Vec<_> = h3::cover_polygons(&[&map.area[..]], 11, 100_000)?;
    let hexagons: Vec<_> = hexagons.iter().map(|found| (found.cell.boundary_deg(), found.inner)).collect();
    let mut voxels = cover_spatial_id(&shape, &heights, 0.0, limits(19))?;
    voxels.retain(|(voxel, _)| voxel.numbers().0 == 0);
    let panels = [
        covered(map, &outlines(&cover(&shape, limits(20))?.cells()), "GeoSOT, to level 20 (2″)"),
        covered(map, &outlines(&coarse.cells()), "GeoSOT, at most 24 cells 至多24格"),
        covered(map, &outlines(&cover_beidou(&shape, None, limits(6))?), "BeiDou 北斗, to level 6 (2″)"),
        covered(map, &outlines(&cover_rslc(&shape, None, limits(11))?), "RSLC, to level 11 (2″)"),
        covered(map, &outlines(&voxels), "Spatial ID, zoom 19, ground floor 首层"),
        covered(map, &hexagons, "H3, resolution 11"),
    ];
    Ok(picture("Covers of one area 同一区域的覆盖", INNER, &panels, 3))
}

fn algebra(map: &Map) -> Outcome<String> {
    let (west, south, east, north) = bounds(map);
    let limits = Limits { max_cells: 100_000, finest_level: 20 };
    let one = cover(&Shape::of_polygons(&[&map.area[..]])?, limits)?;
    let (high, lon) = (north - south, west + 0.7 * (east - west));
    let ring = vec![
        (lon - 0.3 * (east - west), south + 0.25 * high),
        (east + 0.1 * (east - west), south + 0.4 * high),
        (lon, north + 0.05 * high),
    ];
    let two = cover(&Shape::of_ring(&ring)?, limits)?;
    let panel = |cover: &Cover, caption: &str| {
        let mut panel = covered(map, &outlines(&cover.cells()), caption);
        panel.rings("area", std::slice::from_ref(&ring));
        panel
    };
    let panels = [
        panel(&one.union(&two), "union 并"),
        panel(&one.intersection(&two), "intersection 交"),
        panel(&one.difference(&two), "difference 差"),
    ];
    Ok(picture("The algebra of covers 覆盖的集合运算", INNER, &panels, 3))
}

fn ways(map: &Map) -> Outcome<String> {
    let (west, south, east, north) = bounds(map);
    let at = |u: f64, v: f64| (west + u * (east - west), south + v * (north - south));
    let line = vec![at(0.02, 0.1), at(0.35, 0.3), at(0.45, 0.75), at(0.97, 0.9)];
    let limits = Limits { max_cells: 100_000, finest_level: 20 };
    let show = |cells: &[(geosot::Cell, bool)], caption: &str| {
        let mut panel = over_area(map);
        for (cell, inner) in cells {
            panel.cell(if *inner { "inner" } else { "outer" }, &cell.area());
        }
        panel.line("area", &line);
        panel.captions(caption, format!("{} cells 格", cells.len()))
    };
    let thin = cover(&Shape::of_line(&line, 0.0)?, limits)?.cells();
    let wide = cover(&Shape::of_line(&line, 300.0)?, limits)?.cells();
    // Ten minutes on each leg, begun half an hour before noon: two hours are touched.
    let start_us = 1_795_330_800_000_000 - 15 * 60_000_000;
    let sample = |(i, p): (usize, &(f64, f64))| {
        Ok(Sample { place: Position::new_2d(p.0, p.1)?, time_us: start_us + i as i64 * 600_000_000 })
    };
    let samples = line.iter().enumerate().map(sample).collect::<Outcome<Vec<_>>>()?;
    let keys = cover_trajectory(&samples, limits, Profile::TimeFirst)?;
    let mut panel = over_area(map);
    let first = Key::from_u128(keys[0].first | 1 << 32)?.hour();
    for cell in cover(&Shape::of_line(&line, 0.0)?, limits)?.cells_at(20, 100_000)?.iter().map(|(cell, _)| *cell) {
        for (hour, class) in [(0i64, "inner"), (1, "outer")] {
            let time_us = first.map(|hour| hour.start_us()).unwrap_or_default() + hour * 3_600_000_000;
            let key = Key::of_cell(&cell, Some(time_us), Profile::TimeFirst)?.to_u128();
            if keys.iter().any(|range| range.contains(key)) {
                panel.cell(class, &cell.area());
            }
        }
    }
    panel.line("area", &line);
    let panels = [
        show(&thin, "a line 线"),
        show(&wide, "a corridor, 300 m wide 宽300米走廊"),
        panel
            .captions("a trajectory 轨迹: 1st hour green 绿, 2nd orange 橙", format!("{} key ranges 码段", keys.len())),
    ];
    Ok(picture(
        "Lines, corridors, trajectories 线、走廊、轨迹",
        "Level 20 cells (2″) of GeoSOT. GeoSOT 第20级。",
        &panels,
        3,
    ))
}

fn conversion(map: &Map) -> Outcome<String> {
    let place = map.place.without_height();
    let limits = |finest_level| Limits { max_cells: 100_000, finest_level };
    let panel = |code: &str, outline: Line, scheme: Scheme, finest: u8, name: &str| -> Outcome<Panel> {
        let target = Target { scheme, limits: limits(finest), heights: None, geoid_height_m: None };
        let cells = convert::cover(code, &target)?;
        let area: LonLatBox = decode(code)?.area;
        let mut panel = Panel::around(map, area.centre_deg(), extent(&area) * 1.4);
        for (cell, inner) in &cells {
            let ring = match scheme {
                Scheme::H3 => h3::Cell::parse(cell)?.boundary_deg(),
                _ => corners(&decode(cell)?.area),
            };
            panel.rings(if *inner { "inner" } else { "outer" }, &[ring]);
        }
        panel.rings("area", &[outline]);
        let inside = cells.iter().filter(|cell| cell.1).count();
        Ok(panel.captions(format!("{code} by {name}"), format!("{} cells 格, {inside} inside 在内", cells.len())))
    };
    let bd = beidou::Cell::parse(&beidou::encode_2d(&place, 3)?)?;
    let minute = beidou::Cell::parse(&beidou::encode_2d(&place, 4)?)?;
    let hexagon = h3::Cell::of(&place, 8)?;
    let panels = [
        panel(&minute.text(), boxed(&minute), Scheme::GeoSot, 15, "GeoSOT: equal 相等")?,
        panel(&bd.text(), boxed(&bd), Scheme::GeoSot, 15, "GeoSOT, to 1′")?,
        panel(&minute.text(), boxed(&minute), Scheme::H3, 10, "H3, resolution 10")?,
        panel(&hexagon.text(), hexagon.boundary_deg(), Scheme::GeoSot, 20, "GeoSOT, to 2″")?,
        panel(&hexagon.text(), hexagon.boundary_deg(), Scheme::BeiDou, 6, "BeiDou, to 2″")?,
        panel(&hexagon.text(), hexagon.boundary_deg(), Scheme::H3, 11, "H3, resolution 11")?,
    ];
    Ok(picture("From one scheme to another 码制转换", INNER, &panels, 3))
}

/// How wide a panel must be to show a box, degrees: it is 5 by 4, and a degree of latitude is longer than one of longitude.
fn extent(b: &LonLatBox) -> f64 {
    (b.east_deg() - b.west_deg()).max((b.north_deg() - b.south_deg()) / b.south_deg().to_radians().cos() * 1.25)
}

fn corners(b: &LonLatBox) -> Line {
    vec![
        (b.west_deg(), b.south_deg()),
        (b.east_deg(), b.south_deg()),
        (b.east_deg(), b.north_deg()),
        (b.west_deg(), b.north_deg()),
    ]
}
