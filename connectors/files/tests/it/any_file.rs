//! The bodies of the fuzz targets on a bounded number of inputs: their seeds with bytes changed, moved and cut off.
//! `fuzz/run.sh` goes on where this stops.

#[expect(unreachable_pub, reason = "the fuzz targets see them, in a crate of their own")]
#[path = "../../fuzz/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use proptest::sample::Index;

const CITYGML: &[u8] = include_bytes!("../../fuzz/seeds/citygml/house.gml");
const CITYJSON: &[u8] = include_bytes!("../../fuzz/seeds/cityjson/house.city.jsonl");

/// Readers of what has no text to be damaged here: any bytes behind the signature of the format.
const OTHERS: [fn(&[u8]); 10] = [
    bodies::geopackage,
    bodies::shapefile,
    bodies::flatgeobuf,
    bodies::geoparquet,
    bodies::osm_xml,
    bodies::geojson_seq,
    bodies::gtfs,
    bodies::gtfs_realtime,
    bodies::adsb,
    bodies::terrain,
];

/// What may happen to a file.
fn damage() -> impl Strategy<Value = (Vec<(Index, u8)>, Index, usize, Index, Option<Index>)> {
    let changes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..4);
    (changes, any::<Index>(), 0_usize..120, any::<Index>(), prop::option::weighted(0.2, any::<Index>()))
}

fn damaged(
    seed: &[u8],
    (changes, from, length, to, cut): (Vec<(Index, u8)>, Index, usize, Index, Option<Index>),
) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let from = from.index(bytes.len());
    let piece = bytes[from..bytes.len().min(from + length)].to_vec();
    let to = to.index(bytes.len());
    bytes.splice(to..to, piece);
    for (at, byte) in changes {
        let at = at.index(bytes.len());
        bytes[at] = byte;
    }
    bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
    bytes
}

#[test]
fn the_seeds_themselves_are_taken_in() {
    for (name, seed, entities) in [("house.gml", CITYGML, 2), ("house.city.jsonl", CITYJSON, 2)] {
        let (_, kept) = crate::support::read_bytes(name, seed, &connectors_files::Options::default()).unwrap();
        assert_eq!((kept.entities().count(), kept.refused.len()), (entities, 0), "{name}: {:?}", kept.refused);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_damage_breaks_a_law_of_citygml(damage in damage()) {
        bodies::citygml(&damaged(CITYGML, damage));
    }

    #[test]
    fn no_damage_breaks_a_law_of_cityjson(damage in damage()) {
        bodies::cityjson(&damaged(CITYJSON, damage));
    }

    #[test]
    fn no_bytes_break_a_law_of_another_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for body in OTHERS {
            body(&bytes);
        }
    }
}
