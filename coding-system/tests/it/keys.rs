//! The 128-bit key: the bytes it is stored as, and the laws of its order.

use coding_system::time::Interval;
use coding_system::{Error, GridCell, Key, Position, Profile, geosot};
use proptest::prelude::*;

use crate::laws::position;

/// Stored bytes are for ever: these must never change.
#[test]
fn the_bytes_of_keys() {
    let solid = Position::new(116.315_222, 39.910_278, Some(100.0)).unwrap();
    let flat = solid.without_height();
    let time = Some(1_795_330_800_000_000);
    let keys = [
        (&solid, time, Profile::SpaceFirst),
        (&solid, time, Profile::TimeFirst),
        (&flat, time, Profile::SpaceFirst),
        (&flat, time, Profile::TimeFirst),
        (&flat, None, Profile::SpaceFirst),
    ];
    let printed = keys.map(|(p, t, profile)| Key::new(p, t, profile).unwrap().to_string());
    assert_eq!(printed, GOLDEN);
    // By hand: tag 3, the GeoSOT code of the place, the sentinel, zeros, and hour 498,703 + 2^26.
    let by_hand = 3u128 << 124 | u128::from(geosot::morton_2d(&flat)) << 60 | 1 << 59 | (498_703 + (1 << 26));
    assert_eq!(Key::new(&flat, time, Profile::SpaceFirst).unwrap().to_u128(), by_hand);
}

/// Computed outside this crate from the printed code GZ00262064446046062063523002211204 of the place.
const GOLDEN: [&str; 5] = [
    "1016434930986433a98091284c079c0f",
    "280f381e02c86926130c867530122509",
    "3074eacb34d941412800000004079c0f",
    "480f381e0e9d59669b28282500000000",
    "3074eacb34d941412800000000000000",
];

#[test]
fn malformed_keys_are_refused() {
    let good = Key::new_2d(&Position::new_2d(116.3, 39.9).unwrap(), None, Profile::SpaceFirst).unwrap().to_u128();
    for bad in [0, good & !(15 << 124), good | 15 << 124, good & !(1 << 59), good | 1 << 58, 3 << 124] {
        assert!(matches!(Key::from_u128(bad), Err(Error::Key { .. })), "{bad:032x}");
    }
    assert!(Key::from_u128(good).is_ok());
    let far_us = 300_000_000_000_000_000;
    assert!(matches!(
        Key::new_2d(&Position::new_2d(0.0, 0.0).unwrap(), Some(far_us), Profile::TimeFirst),
        Err(Error::Time { .. })
    ));
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::SpaceFirst), Just(Profile::TimeFirst)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn keys_come_back_and_sort_as_bytes(a in position(90.0), b in position(90.0), t in prop::option::of(-60_000_000_000_000_000i64..60_000_000_000_000_000), profile in profile(), level in 0u8..=32) {
        let (ka, kb) = (Key::new(&a, t, profile).unwrap(), Key::new(&b, t, profile).unwrap());
        prop_assert_eq!(ka.cmp(&kb), ka.to_be_bytes().cmp(&kb.to_be_bytes()));
        prop_assert_eq!(Key::from_be_bytes(ka.to_be_bytes()).unwrap(), ka);
        prop_assert_eq!((ka.level(), ka.profile(), ka.is_3d()), (32, profile, a.height_m().is_some()));
        prop_assert_eq!(ka.cell().unwrap(), geosot::Cell::of(&a, 32).unwrap());
        prop_assert_eq!(ka.hour(), t.map(Interval::hour_of));
        let cell = geosot::Cell::of(&a, level).unwrap();
        let coarse = Key::of_cell(&cell, t, profile).unwrap();
        prop_assert_eq!(ka.parent(level), Some(coarse));
        prop_assert_eq!((coarse.level(), coarse.cell().unwrap()), (level, cell));
        let kb_cell = geosot::Cell::of(&b, 32).unwrap();
        let inside = a.height_m().is_some() == b.height_m().is_some() && cell.contains(&kb_cell);
        prop_assert_eq!(coarse.contains(kb), inside);
        prop_assert!(coarse.contains(ka) && coarse.prefix_range().contains(&ka.to_u128()));
        prop_assert_eq!(coarse.prefix_range().contains(&kb.to_u128()), inside);
    }

    #[test]
    fn any_number_is_answered_as_a_key(key: u128, tag in 0u128..8) {
        let key = key >> 4 | tag << 124;
        if let Ok(key) = Key::from_u128(key) {
            prop_assert_eq!(Key::from_u128(key.to_u128()).unwrap(), key);
            prop_assert!(key.contains(key) && key.prefix_range().contains(&key.to_u128()));
        }
    }

    #[test]
    fn earlier_hours_sort_first_in_time_first_keys(a in position(90.0), b in position(90.0), t in -4_000_000_000_000_000i64..4_000_000_000_000_000, hours in 1i64..100_000) {
        let (a, b) = (a.without_height(), b.without_height());
        let (early, late) = (Key::new(&a, Some(t), Profile::TimeFirst).unwrap(), Key::new(&b, Some(t + hours * 3_600_000_000), Profile::TimeFirst).unwrap());
        prop_assert!(early < late && Key::new(&a, None, Profile::TimeFirst).unwrap() < early);
        prop_assert!(!early.contains(late));
    }
}
