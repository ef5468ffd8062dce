//! The shapes of a GeoJSON file to the cells that hold them, as CSV or as boxes for a map.

use std::path::Path;

use anyhow::{Context, bail};
use coding_system::{HeightBand, Scheme, decode};
use kernel_model::{Change, Geometry, Rejection, Sink, SinkError};
use kernel_query::{CoverCode, Wanted, cover_geometry};
use serde_json::json;

use crate::cli::CoverArgs;

pub(super) fn cover(args: &CoverArgs) -> anyhow::Result<()> {
    let scheme: Scheme = args.scheme.parse()?;
    let wanted = Wanted {
        scheme,
        level: args.level,
        max_cells: args.max_cells,
        heights: heights(args.heights.as_deref())?,
        geoid_height_m: args.geoid,
        width_m: args.width,
    };
    let mut covers = Vec::new();
    for (shape, geometry) in shapes(&args.file)? {
        let cells = cover_geometry(&geometry, &wanted).with_context(|| format!("shape {shape}"))?;
        covers.extend(cells.into_iter().map(|cell| (shape.clone(), cell)));
    }
    if args.format == "geojson" { boxes(&covers) } else { rows(&covers) }
}

/// `LOW,HIGH` in metres.
pub(super) fn heights(text: Option<&str>) -> anyhow::Result<Option<HeightBand>> {
    let Some(text) = text else { return Ok(None) };
    let ends = text.split_once(',').and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
    let Some((low_m, high_m)) = ends else { bail!("--heights wants LOW,HIGH in metres, not `{text}`") };
    Ok(Some(HeightBand { low_m, high_m }))
}

/// What the file's shapes are called, and the shapes.
fn shapes(file: &Path) -> anyhow::Result<Vec<(String, Geometry)>> {
    let mut shapes = Shapes::default();
    connectors_files::read_file(file, &connectors_files::Options::default(), &mut shapes)?;
    if let Some(first) = shapes.refused.first() {
        bail!("{}: {}", first.place, first.reason);
    }
    if shapes.found.is_empty() {
        bail!("{} has no geometry", file.display());
    }
    Ok(shapes.found)
}

#[derive(Default)]
struct Shapes {
    found: Vec<(String, Geometry)>,
    refused: Vec<Rejection>,
}

impl Sink for Shapes {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        if let Change::Entity(draft) = change
            && let Some(geometry) = draft.geometry
        {
            self.found.push((draft.name.unwrap_or_else(|| draft.source.id.to_string()), geometry));
        }
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        self.refused.push(rejection);
    }
}

fn rows(covers: &[(String, CoverCode)]) -> anyhow::Result<()> {
    let mut out = csv::Writer::from_writer(std::io::stdout().lock());
    out.write_record(["shape", "code", "inner"])?;
    for (shape, cell) in covers {
        out.write_record([shape.as_str(), &cell.code, if cell.inner { "true" } else { "false" }])?;
    }
    out.flush().context("standard output")
}

fn boxes(covers: &[(String, CoverCode)]) -> anyhow::Result<()> {
    let mut features = Vec::with_capacity(covers.len());
    for (shape, cell) in covers {
        let decoded = decode(&cell.code)?;
        let area = &decoded.area;
        let (w, s, e, n) = (area.west_deg(), area.south_deg(), area.east_deg(), area.north_deg());
        features.push(json!({
            "type": "Feature",
            "properties": { "shape": shape, "code": cell.code, "inner": cell.inner, "level": decoded.level },
            "geometry": { "type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]] },
        }));
    }
    super::lines([json!({ "type": "FeatureCollection", "features": features }).to_string()])
}
