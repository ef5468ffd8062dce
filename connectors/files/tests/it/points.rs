use std::path::Path;

use connectors_files::{Error, Format, Options};
use kernel_model::{Change, EntityDraft, HeightReference, Kind};
use serde_json::json;

use crate::support::{one_line, read, read_bytes, shared, with_crs};

/// Middles of the files' bounds, by GDAL 3.6.2's gdaltransform from the systems in the files.
const AUTZEN: (f64, f64) = (-123.071_190, 44.050_728);
const NEBRASKA: (f64, f64) = (-97.062_594, 41.454_854);
const CONIFER: (f64, f64) = (-111.203_540, 34.458_065);

fn cloud(path: &Path, options: &Options) -> Result<EntityDraft, Error> {
    let (summary, kept) = read(path, options)?;
    assert_eq!(summary.format, Format::Las);
    let Change::Content(content) = &kept.changes[1] else { panic!("the bytes follow the entity") };
    assert_eq!(content.bytes, std::fs::read(path).unwrap());
    let laz = path.extension().is_some_and(|e| e == "laz");
    assert_eq!(content.media_type, if laz { "application/vnd.laszip" } else { "application/vnd.las" });
    let entity = kept.entities().next().unwrap().clone();
    assert_eq!((entity.kind, &content.entity), (Kind::PointCloud, &entity.source));
    Ok(entity)
}

/// Middle of the extent.
fn middle(entity: &EntityDraft) -> (f64, f64) {
    entity.geometry.as_ref().unwrap().region().centre()
}

fn near(entity: &EntityDraft, lon: f64, lat: f64) {
    let (x, y) = middle(entity);
    assert!((x - lon).abs() < 1e-4 && (y - lat).abs() < 1e-4, "{x} {y}");
}

#[test]
fn autzen_in_feet_is_where_it_is() {
    let Some(path) = shared("pointcloud/autzen_trim.laz") else { return };
    let entity = cloud(&path, &Options::default()).unwrap();
    // Counted with laspy.
    assert_eq!(entity.properties["points"], json!(110_000));
    assert_eq!(entity.properties["classes"], json!({ "1": 83_893, "2": 26_107 }));
    // gdaltransform of the middle of the bounds from the file's WKT.
    near(&entity, AUTZEN.0, AUTZEN.1);
    assert!(!entity.geometry.as_ref().unwrap().has_height, "nothing says what the heights' unit is");
    let copc = shared("pointcloud/1.2-with-color.copc.laz").unwrap();
    let entity = cloud(&copc, &Options::default()).unwrap();
    assert_eq!(entity.properties["classes"], json!({ "1": 789, "2": 276 }));
}

#[test]
fn heights_in_feet_become_metres() {
    let Some(path) = shared("pointcloud/wkt_and_geotiff_vlrs.las") else { return };
    let entity = cloud(&path, &Options::default()).unwrap();
    assert_eq!(entity.properties["points"], json!(25_408));
    near(&entity, NEBRASKA.0, NEBRASKA.1);
    let (low, _) = entity.geometry.as_ref().unwrap().height_range_m().unwrap();
    assert!((low - 1352.7 * 1200.0 / 3937.0).abs() < 0.01, "{low}");
    assert_eq!(entity.height_reference, HeightReference::Unknown);
}

#[test]
fn codes_in_the_file_are_found() {
    let Some(conifer) = shared("pointcloud/MixedConifer.laz") else { return };
    let entity = cloud(&conifer, &Options::default()).unwrap();
    assert_eq!(entity.properties["points"], json!(37_657));
    assert!(entity.lineage.starts_with("EPSG:26912 "));
    near(&entity, CONIFER.0, CONIFER.1);
    let density = entity.properties["density_per_m2"].as_f64().unwrap();
    assert!((density - 37_657.0 / (89.99 * 89.98)).abs() < 0.05, "{density}");
}

#[test]
fn a_caller_overrides_the_file() {
    let Some(path) = shared("pointcloud/1.2-with-color.copc.laz") else { return };
    let entity = cloud(&path, &with_crs("EPSG:2991")).unwrap();
    assert!(entity.lineage.starts_with("EPSG:2991 ") && entity.geometry.unwrap().has_height);
    assert!(one_line(&cloud(&path, &with_crs("EPSG:4326")).unwrap_err()).contains("do not fit"));
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let Some(lost) = shared("pointcloud/vegetation_1_3.las") else { return };
    assert!(matches!(cloud(&lost, &Options::default()), Err(Error::NoCrs { .. })));
    let Some(star) = shared("pointcloud/lone-star.copc.laz") else { return };
    let text = one_line(&cloud(&star, &Options::default()).unwrap_err());
    assert!(text.contains("coordinates do not fit the stated CRS") && text.contains("pass --crs"), "{text}");
}

#[test]
fn cut_and_changed_files_are_refused() {
    let Some(path) = shared("pointcloud/MixedConifer.laz") else { return };
    let bytes = std::fs::read(path).unwrap();
    for cut in [bytes.len() - 1, bytes.len() / 2, 400, 100, 5] {
        let error = read_bytes("cut.laz", &bytes[..cut], &Options::default()).unwrap_err();
        one_line(&error);
    }
    for at in (100..bytes.len()).step_by(bytes.len() / 6) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        // Compressed points carry no checksum: some changes pass, none panics.
        let _ = read_bytes("changed.laz", &changed, &Options::default());
    }
}
