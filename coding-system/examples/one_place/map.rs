//! The map under the pictures: lines drawn by hand around the example of GB/T 39409-2020 in Beijing, or the lines of a GeoJSON file. Outlines
//! are rough and show where things are, not where borders run.

use coding_system::Position;
use serde_json::Value;

use crate::Outcome;

/// Places as (longitude, latitude), degrees.
pub(crate) type Line = Vec<(f64, f64)>;

/// What is drawn under the cells, and what is covered.
pub(crate) struct Map {
    /// The place that is coded.
    pub(crate) place: Position,
    /// Lines with the class they are drawn in: `water` or `road`.
    pub(crate) lines: Vec<(&'static str, Line)>,
    /// The rings of the area: outline and holes.
    pub(crate) area: Vec<Line>,
}

impl Map {
    /// The example of the standard, the coast of the Bohai Sea, ring roads and an area with a lake.
    pub(crate) fn by_hand() -> Outcome<Self> {
        let coast = [
            (121.9, 40.4),
            (122.2, 40.6),
            (121.6, 40.95),
            (121.0, 40.85),
            (120.5, 40.2),
            (119.8, 39.95),
            (119.3, 39.5),
            (118.9, 39.15),
            (118.2, 39.05),
            (117.75, 39.1),
            (117.7, 38.65),
            (117.85, 38.3),
            (118.5, 38.1),
            (119.0, 38.0),
            (119.25, 37.7),
            (118.95, 37.3),
            (119.4, 37.1),
            (120.0, 37.4),
            (120.7, 37.8),
            (121.4, 37.55),
            (122.2, 37.45),
        ];
        let ring = |west: f64, south: f64, east: f64, north: f64, cut: f64| {
            vec![
                (west + cut, south),
                (east - cut, south),
                (east, south + cut),
                (east, north - cut),
                (east - cut, north),
                (west + cut, north),
                (west, north - cut),
                (west, south + cut),
                (west + cut, south),
            ]
        };
        let lake = vec![
            (116.3035, 39.9945),
            (116.3052, 39.9952),
            (116.3068, 39.9942),
            (116.3062, 39.9925),
            (116.3045, 39.9920),
            (116.3032, 39.9930),
        ];
        let river =
            [(116.02, 40.02), (116.1, 39.93), (116.18, 39.86), (116.23, 39.78), (116.33, 39.65), (116.44, 39.56)];
        let canal = [
            (116.268, 40.02),
            (116.276, 39.998),
            (116.283, 39.985),
            (116.297, 39.975),
            (116.308, 39.958),
            (116.327, 39.943),
            (116.352, 39.942),
        ];
        let street = [(116.3158, 40.03), (116.3163, 39.9995), (116.3169, 39.985), (116.3172, 39.96)];
        Ok(Self {
            place: Position::new(116.312_602_777_777_78, 39.993_161_111_111_114, Some(52.0))?,
            lines: vec![
                ("water", coast.to_vec()),
                ("water", river.to_vec()),
                ("water", canal.to_vec()),
                ("water", closed(&lake)),
                ("road", ring(116.35, 39.866, 116.435, 39.952, 0.006)),
                ("road", ring(116.27, 39.835, 116.485, 39.988, 0.015)),
                ("road", ring(116.2, 39.76, 116.55, 40.022, 0.03)),
                ("road", street.to_vec()),
            ],
            area: vec![
                vec![
                    (116.2988, 39.9992),
                    (116.3070, 40.0012),
                    (116.3152, 39.9996),
                    (116.3163, 39.9930),
                    (116.3166, 39.9874),
                    (116.3098, 39.9860),
                    (116.3090, 39.9885),
                    (116.3032, 39.9882),
                    (116.2985, 39.9935),
                ],
                lake,
            ],
        })
    }

    /// The lines and outlines of a GeoJSON text; its first polygon is the area, and the middle of its corners the place.
    pub(crate) fn of_geojson(text: &str) -> Outcome<Self> {
        let (mut lines, mut areas) = (Vec::new(), Vec::new());
        collect(&serde_json::from_str(text)?, &mut lines, &mut areas)?;
        let area = areas.into_iter().next().ok_or("the GeoJSON file has no polygon: give one to be covered")?;
        let outline = area.first().ok_or("the polygon has no ring")?;
        let sum = outline.iter().fold((0.0, 0.0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
        let count = outline.len() as f64;
        Ok(Self { place: Position::new(sum.0 / count, sum.1 / count, Some(0.0))?, lines, area })
    }
}

/// A ring with its first corner again at the end.
pub(crate) fn closed(ring: &[(f64, f64)]) -> Line {
    ring.iter().chain(ring.first()).copied().collect()
}

fn collect(value: &Value, lines: &mut Vec<(&'static str, Line)>, areas: &mut Vec<Vec<Line>>) -> Outcome<()> {
    let parts = |key: &str| value[key].as_array().map_or(&[][..], Vec::as_slice);
    for part in parts("features").iter().chain(parts("geometries")) {
        collect(part, lines, areas)?;
    }
    if value["geometry"].is_object() {
        collect(&value["geometry"], lines, areas)?;
    }
    let rings = |polygon: &Value| polygon.as_array().into_iter().flatten().map(line).collect::<Outcome<Vec<_>>>();
    let mut polygons = Vec::new();
    match value["type"].as_str() {
        Some("LineString") => lines.push(("road", line(&value["coordinates"])?)),
        Some("MultiLineString") => lines.extend(rings(&value["coordinates"])?.into_iter().map(|line| ("road", line))),
        Some("Polygon") => polygons.push(rings(&value["coordinates"])?),
        Some("MultiPolygon") => {
            for polygon in parts("coordinates") {
                polygons.push(rings(polygon)?);
            }
        }
        _ => {}
    }
    lines.extend(polygons.iter().flatten().map(|ring| ("road", ring.clone())));
    areas.extend(polygons);
    Ok(())
}

fn line(points: &Value) -> Outcome<Line> {
    let point = |p: &Value| p[0].as_f64().zip(p[1].as_f64()).ok_or("a GeoJSON position is two numbers or more");
    Ok(points.as_array().into_iter().flatten().map(point).collect::<Result<_, _>>()?)
}
