use connectors_files::{Error, Format, Options};
use kernel_model::{Kind, Shape};

use crate::support::{Kept, one_line, read, read_bytes, shared, with_crs};

/// Entities and refusals whose id begins so, of ways with the tag.
fn ways_with(kept: &Kept, key: &str) -> usize {
    let taken = kept.entities().filter(|e| e.source.id.starts_with("way/") && e.properties.contains_key(key)).count();
    let tag = format!("{key}=");
    let refused = kept.refused.iter().filter(|r| r.place.starts_with("way/") && r.sample.starts_with(&tag)).count();
    taken + refused
}

#[test]
fn helsinki_keeps_what_its_nodes_allow() {
    let Some(path) = shared("osm/helsinki-centre.osm.pbf") else { return };
    let (summary, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str()), (Format::OsmPbf, "helsinki-centre"));
    // Counted with pyosmium.
    assert_eq!(ways_with(&kept, "building"), 433);
    assert_eq!(ways_with(&kept, "highway"), 2650);
    let clipped = kept.entities().filter(|e| e.properties.contains_key("clipped")).count();
    assert!(clipped > 0, "421 ways name nodes that are not in the file");
    for entity in kept.entities() {
        let geometry = entity.geometry.as_ref().unwrap();
        assert!(!geometry.has_height);
        // A way may leave the extract's box; its nodes stay in the city.
        let region = geometry.region();
        assert!(region.west > 24.8 && region.east < 25.1 && region.south > 60.1 && region.north < 60.25, "{region:?}");
    }
    for refusal in &kept.refused {
        let named = ["not in the file", "not close to rings", "no closed ring", "no outer ring", "lies in no outer"];
        assert!(named.iter().any(|n| refusal.reason.contains(n)), "{refusal:?}");
    }
}

#[test]
fn finland_has_its_buildings() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    let (_, kept) = read(&path, &Options::default()).unwrap();
    assert_eq!(ways_with(&kept, "building"), 2219);
    assert_eq!(ways_with(&kept, "highway"), 343);
    let houses = kept.entities().filter(|e| e.kind == Kind::Building);
    for house in houses {
        let Shape::Polygon(rings) = &house.geometry.as_ref().unwrap().shape else { continue };
        assert!(rings[0].len() >= 4 && rings[0].first() == rings[0].last());
    }
    let road = kept.entities().find(|e| e.kind == Kind::Road && e.name.is_some()).unwrap();
    assert_eq!(road.properties["highway"], serde_json::json!(road.class));
    assert!(road.properties["osm_timestamp"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn the_frame_is_not_for_the_caller_to_say() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    assert!(one_line(&read(&path, &with_crs("EPSG:3067")).unwrap_err()).contains("always WGS 84"));
}

#[test]
fn cut_and_changed_files_are_refused() {
    let Some(path) = shared("osm/finland-rural.osm.pbf") else { return };
    let bytes = std::fs::read(path).unwrap();
    for cut in [bytes.len() - 1, bytes.len() / 2, 200, 100] {
        let error = read_bytes("cut.osm.pbf", &bytes[..cut], &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{cut}: {error}");
    }
    for at in (150..bytes.len()).step_by(bytes.len() / 10) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        let error = read_bytes("changed.osm.pbf", &changed, &Options::default()).unwrap_err();
        one_line(&error);
    }
}
