//! The tables by which clients find geometry: `geometry_columns` and `spatial_ref_sys` (OGC 06-104r4, 6.2; the columns are those
//! of PostGIS). The shapes of the city's tables come in.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use kernel_query::{CATALOG, SCHEMA};

use super::encode::is_geometry;
use super::ewkb::SRID;

/// Heights are above the ellipsoid of the same datum: EPSG's name for all three axes is 4979.
const WGS84: &str = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\"7030\"]],\
    AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
    UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AUTHORITY[\"EPSG\",\"4326\"]]";
const PROJ: &str = "+proj=longlat +datum=WGS84 +no_defs";

/// Names of these tables, and of their like, which are asked for and which there are not.
pub(super) const NAMES: [&str; 5] =
    ["geometry_columns", "geography_columns", "raster_columns", "raster_overviews", "spatial_ref_sys"];

/// The tables with their rows.
pub(super) fn tables(shapes: &[(String, SchemaRef)]) -> Result<Vec<(&'static str, RecordBatch)>, ArrowError> {
    let geometries: Vec<_> = shapes
        .iter()
        .flat_map(|(table, schema)| schema.fields().iter().map(move |field| (table.as_str(), field)))
        .filter(|(_, field)| is_geometry(field))
        .map(|(table, field)| (table, field.name().as_str()))
        .collect();
    Ok(vec![
        ("geometry_columns", columns("f_geometry_column", &geometries)?),
        ("geography_columns", columns("f_geography_column", &[])?),
        ("spatial_ref_sys", systems()?),
    ])
}

fn columns(name: &str, geometries: &[(&str, &str)]) -> Result<RecordBatch, ArrowError> {
    let same = |value: &'static str| texts(geometries.iter().map(|_| value));
    RecordBatch::try_from_iter([
        ("f_table_catalog", same(CATALOG)),
        ("f_table_schema", same(SCHEMA)),
        ("f_table_name", texts(geometries.iter().map(|(table, _)| *table))),
        (name, texts(geometries.iter().map(|(_, column)| *column))),
        ("coord_dimension", numbers(geometries.iter().map(|_| 3))),
        ("srid", numbers(geometries.iter().map(|_| SRID as i32))),
        ("type", same("GEOMETRY")),
    ])
}

fn systems() -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_from_iter([
        ("srid", numbers([SRID as i32])),
        ("auth_name", texts(["EPSG"])),
        ("auth_srid", numbers([SRID as i32])),
        ("srtext", texts([WGS84])),
        ("proj4text", texts([PROJ])),
    ])
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = i32>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int32Array>())
}
