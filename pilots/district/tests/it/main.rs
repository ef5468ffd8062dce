//! The district as its users see it: changes, geometry, movement, MQTT.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod drawing;
mod generation;
mod geometry;
mod movement;
mod mqtt;

use std::sync::LazyLock;

use kernel_model::{Change, Coord, EntityDraft, Kind, Shape};
use pilots_district::{CENTRE_LAT_DEG, CENTRE_LON_DEG, District};

/// Generated once for all tests.
static DISTRICT: LazyLock<District> = LazyLock::new(|| District::generate(1));
/// Generated once more from the same seed.
static AGAIN: LazyLock<District> = LazyLock::new(|| District::generate(1));
static CHANGES: LazyLock<Vec<Change>> = LazyLock::new(|| DISTRICT.changes());

fn entities(kind: Kind) -> impl Iterator<Item = &'static EntityDraft> + Clone {
    let entity = |change: &'static Change| if let Change::Entity(draft) = change { Some(draft) } else { None };
    CHANGES.iter().filter_map(entity).filter(move |draft| draft.kind == kind)
}

fn faces(draft: &EntityDraft) -> &[Vec<Vec<Coord>>] {
    match &draft.geometry.as_ref().unwrap().shape {
        Shape::MultiPolygon(faces) => faces,
        other => panic!("{} is no solid: {other:?}", draft.source),
    }
}

/// Metres east and north of the centre, from tables (85,415 and 111,034 m a degree at 39.983 degrees north) and not from
/// the generator's own projection.
fn metres(lon_deg: f64, lat_deg: f64) -> (f64, f64) {
    ((lon_deg - CENTRE_LON_DEG) * 85_415.0, (lat_deg - CENTRE_LAT_DEG) * 111_034.0)
}
