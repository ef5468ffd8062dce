//! The bodies of the fuzz targets on a bounded number of inputs: codes of every scheme with a few bytes changed, and noise. The same seeds and
//! the same inputs every time; `cargo fuzz` goes on where this stops.

#[expect(unreachable_pub, reason = "the fuzz targets see them, in a crate of their own")]
#[path = "../../fuzz/bodies.rs"]
mod bodies;

use coding_system::{Position, Scheme, SpaceTimeCode, encode_with_geoid, time::Interval};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Right codes of all shapes: what noise alone would take for ever to find.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<String> = [
        "N50J4754909-DA-01-55-34-61-52",
        "N000",
        "S00012",
        "N",
        "N0",
        "G",
        "GZ",
        "G001310322-230230",
        "GZ00262064446046062063523002211204",
        "NE104J2525334328231134615231010100001",
        "20/85263/65423/23/-2",
        "25/-1/0/0",
        "2026-11-22T07:00:00Z/2026-11-22T08:00:00Z",
        "2026-11-22T07:00:00.123456+08:00",
        "+010000-01-01T00:00Z",
        "-000001-12-31T23:59:59Z",
        "DA-01",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    for (lon, lat) in [(116.312_602_8, 39.993_161_1), (-74.0, -33.5), (180.0, 0.0), (-0.000_1, 84.9)] {
        for height in [None, Some(-8.0), Some(25_125.0)] {
            let p = Position::new(lon, lat, height).unwrap();
            for scheme in Scheme::ALL {
                for level in [1, 5, 10, 15] {
                    if let Ok(code) = encode_with_geoid(scheme, level, &p, None, Some(0.0)) {
                        seeds.push(SpaceTimeCode::new(&code, Interval::hour_of(1 << 50)).unwrap().to_string());
                        seeds.push(code);
                    }
                }
            }
        }
    }
    let numbers = [
        0u64,
        1,
        1 << 63,
        0x3074_eacb_34d9_4128,
        f64::NAN.to_bits(),
        (-0.0f64).to_bits(),
        90f64.to_bits(),
        180f64.to_bits(),
        u64::MAX,
    ];
    let binary = numbers
        .iter()
        .flat_map(|a| numbers.map(|b| [a.to_le_bytes(), b.to_le_bytes(), 9f64.to_le_bytes(), [9; 8]].concat()));
    seeds.into_iter().map(String::into_bytes).chain(binary).collect()
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Double(prop::sample::Index),
    Wide(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = || any::<prop::sample::Index>();
    let byte =
        || prop_oneof![4 => prop::sample::select(b"0123456789ABCDEFGHJNSWZabcdef/-@*.:+".to_vec()), 1 => any::<u8>()];
    let change = prop_oneof![
        4 => (at(), byte()).prop_map(|(at, to)| Change::Set(at, to)),
        2 => (at(), byte()).prop_map(|(at, new)| Change::Insert(at, new)),
        2 => at().prop_map(Change::Cut),
        1 => at().prop_map(Change::Double),
        1 => at().prop_map(Change::Wide),
    ];
    prop::collection::vec(change, 0..4)
}

fn changed(mut data: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let end = data.len();
        match change {
            Change::Set(at, to) if end > 0 => data[at.index(end)] = *to,
            Change::Insert(at, new) => data.insert(at.index(end + 1), *new),
            Change::Cut(at) => data.truncate(at.index(end + 1)),
            Change::Double(at) => data.extend_from_within(at.index(end + 1)..),
            Change::Wide(at) => data.splice(at.index(end + 1)..at.index(end + 1), "é".bytes()).for_each(drop),
            Change::Set(..) => {}
        }
    }
    data
}

#[test]
fn any_input_is_answered() {
    let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let noise = prop::collection::vec(any::<u8>(), 0..64);
    let input = prop_oneof![8 => (prop::sample::select(seeds()), changes()).prop_map(|(seed, changes)| changed(seed, &changes)), 1 => noise];
    runner
        .run(&input, |data| {
            for (_, body) in bodies::BODIES {
                body(&data);
            }
            Ok(())
        })
        .unwrap();
}

/// Every body has its target and every target its body.
#[test]
fn every_body_is_a_target() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets");
    let mut targets: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    targets.sort_unstable();
    let mut names = bodies::BODIES.map(|(name, _)| name);
    names.sort_unstable();
    assert_eq!(targets, names);
}
