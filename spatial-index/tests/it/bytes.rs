//! A packed tree as bytes: what comes back is what went out, and every damage has a name.

use proptest::prelude::*;
use spatial_index::{BytesError, LonLatBox, Packed, PackedBuilder, TimeBand};

use crate::{
    make::{in_scene, lon_lat_box, place, point, volume},
    packed::{band, of_boxes, of_points},
};

proptest! {
    #[test]
    fn what_comes_back_is_what_went_out(
        (points, high, boxes, volumes) in in_scene(|s| (
            prop::collection::vec(place(s), 0..300), prop::collection::vec(point(s), 0..300),
            prop::collection::vec(lon_lat_box(s), 0..300), prop::collection::vec(volume(s), 0..300),
        )),
        bands in prop::collection::vec(band(), 0..300),
    ) {
        let tree = of_points(&points, &bands);
        prop_assert_eq!(Packed::from_bytes(&tree.to_bytes()), Ok(tree));
        let tree = of_points(&high, &[]);
        prop_assert_eq!(Packed::from_bytes(&tree.to_bytes()), Ok(tree));
        let tree = of_boxes(&boxes);
        prop_assert_eq!(Packed::from_bytes(&tree.to_bytes()), Ok(tree));
        let tree = of_boxes(&volumes);
        prop_assert_eq!(Packed::from_bytes(&tree.to_bytes()), Ok(tree));
    }

    #[test]
    fn any_bytes_are_a_named_error(bytes in prop::collection::vec(any::<u8>(), 0..200), whole in any::<bool>()) {
        let mut damaged = if whole { b"URBIPACK".to_vec() } else { Vec::new() };
        damaged.extend(bytes);
        prop_assert!(Packed::<2>::from_bytes(&damaged).is_err());
        prop_assert!(Packed::<3>::from_bytes(&damaged).is_err());
    }

    #[test]
    fn a_true_checksum_over_nonsense_does_no_harm(values in prop::collection::vec(any::<f64>(), 8), query in in_scene(lon_lat_box)) {
        let mut bytes = of_boxes(&[LonLatBox { min: [0.0; 2], max: [1.0; 2] }; 2]).to_bytes();
        bytes.truncate(bytes.len() - 4);
        let first = bytes.len() - 64;
        for (n, value) in values.iter().enumerate() {
            bytes[first + n * 8..first + n * 8 + 8].copy_from_slice(&value.to_le_bytes());
        }
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend(checksum.to_le_bytes());
        let tree = Packed::<2>::from_bytes(&bytes).unwrap();
        prop_assert!(tree.count(&query.region()) <= 2);
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_found() {
    let bands: Vec<_> = (0..40).map(|n| TimeBand { from_us: n, to_us: n + 1 }).collect();
    let points: Vec<_> = (0..40).map(|n| [f64::from(n), f64::from(n)]).collect();
    let bytes = of_points(&points, &bands).to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Packed::<2>::from_bytes(&damaged).is_err(), "byte {at}, bit {bit}");
        }
        assert!(Packed::<2>::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(Packed::<2>::from_bytes(&longer), Err(BytesError::Length { .. })));
}

#[test]
fn damage_has_a_name() {
    let bytes = of_points(&[[1.0, 2.0]], &[]).to_bytes();
    let with = |at: usize, value: u8| {
        let mut damaged = bytes.clone();
        damaged[at] = value;
        Packed::<2>::from_bytes(&damaged).unwrap_err()
    };
    assert_eq!(with(0, b'X'), BytesError::Magic);
    assert_eq!(with(8, 2), BytesError::Version { found: 2, known: 1 });
    assert_eq!(with(9, 3), BytesError::Axes { found: 3, wanted: 2 });
    assert_eq!(with(10, 0x80), BytesError::Marks { found: 0x80 });
    assert_eq!(with(16, 2), BytesError::Length { found: 48, wanted: 68 });
    assert_eq!(with(23, 0xFF), BytesError::Length { found: 48, wanted: u64::MAX });
    assert_eq!(with(30, 9), BytesError::Checksum);
}

#[test]
fn the_bytes_of_version_1_stay() {
    let mut builder = PackedBuilder::default();
    builder.point([116.5, 39.5], 7).unwrap().during(TimeBand { from_us: 1, to_us: 2 }).unwrap();
    let bytes = builder.build().unwrap().to_bytes();
    let mut golden = b"URBIPACK\x01\x02\x02\0\0\0\0\0\x01\0\0\0\0\0\0\0\x07\0\0\0".to_vec();
    golden.extend(b"\0\0\0\0\0\x20\x5D\x40\0\0\0\0\0\xC0\x43\x40");
    golden.extend(b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0");
    assert_eq!(bytes[..bytes.len() - 4], golden);
    assert_eq!(bytes[bytes.len() - 4..], crc32c::crc32c(&golden).to_le_bytes());
}
