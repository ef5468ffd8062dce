//! Covers in space and time: every key of a moment on the way lies in the ranges, and of an area only those of its hours.

use coding_system::cover::{CodeRange, Limits, Sample, Shape, cover, cover_keys, cover_solid, cover_trajectory};
use coding_system::{Error, HeightBand, Key, LonLatBox, Position, Profile};
use proptest::prelude::*;

const HOUR_US: i64 = 3_600_000_000;

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::SpaceFirst), Just(Profile::TimeFirst)]
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let start =
        (prop_oneof![-180.0..180.0f64, 179.9..180.0f64], -85.0..85.0f64, 0i64..4_000_000_000_000_000, any::<bool>());
    let step =
        (-0.4..0.4f64, -0.4..0.4f64, -400.0..9000.0f64, prop_oneof![Just(0i64), 0i64..HOUR_US, 0i64..5 * HOUR_US]);
    (start, prop::collection::vec(step, 0..6)).prop_map(|((mut lon, mut lat, mut time_us, solid), steps)| {
        let place = |lon: f64, lat: f64, h: f64| Position::new(lon, lat, solid.then_some(h)).unwrap();
        let mut samples = vec![Sample { place: place(lon, lat, 50.0), time_us }];
        for (dx, dy, h, dt) in steps {
            (lon, lat, time_us) = (lon + dx, lat + dy, time_us + dt);
            lon = if lon > 180.0 {
                lon - 360.0
            } else if lon < -180.0 {
                lon + 360.0
            } else {
                lon
            };
            samples.push(Sample { place: place(lon, lat, h), time_us });
        }
        samples
    })
}

/// Where the way is at a share of the time between two samples.
fn moment(a: &Sample, b: &Sample, share: f64) -> Sample {
    let time_us = a.time_us + ((b.time_us - a.time_us) as f64 * share) as i64;
    let share =
        if a.time_us == b.time_us { share } else { (time_us - a.time_us) as f64 / (b.time_us - a.time_us) as f64 };
    let between = |a: f64, b: f64| a + (b - a) * share;
    let step = b.place.lon_deg() - a.place.lon_deg();
    let to = b.place.lon_deg() - if step.abs() > 180.0 { 360.0 * step.signum() } else { 0.0 };
    let lon = between(a.place.lon_deg(), to);
    let lon = if lon > 180.0 {
        lon - 360.0
    } else if lon < -180.0 {
        lon + 360.0
    } else {
        lon
    };
    let height = a.place.height_m().zip(b.place.height_m()).map(|(a, b)| between(a, b));
    Sample { place: Position::new(lon, between(a.place.lat_deg(), b.place.lat_deg()), height).unwrap(), time_us }
}

fn holds(ranges: &[CodeRange<u128>], key: Key) -> bool {
    ranges.iter().any(|range| range.contains(key.to_u128()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_moment_of_a_way_is_in_its_keys(samples in samples(), profile in profile(), max in 30usize..600, finest in 0u8..=32, shares in prop::collection::vec(0.0..=1.0f64, 20)) {
        let ranges = cover_trajectory(&samples, Limits { max_cells: max, finest_level: finest }, profile).unwrap();
        prop_assert!(ranges.len() <= max && ranges.windows(2).all(|w| w[0].last < w[1].first));
        prop_assert!(ranges.iter().all(|range| !range.inner));
        for pair in samples.windows(2) {
            for share in &shares {
                let m = moment(&pair[0], &pair[1], *share);
                let key = Key::new(&m.place, Some(m.time_us), profile).unwrap();
                prop_assert!(holds(&ranges, key), "{m:?}");
            }
        }
        let first = samples[0];
        prop_assert!(holds(&ranges, Key::new(&first.place, Some(first.time_us), profile).unwrap()));
        let late = Key::new(&first.place, Some(samples[samples.len() - 1].time_us + HOUR_US), profile).unwrap();
        prop_assert!(profile == Profile::SpaceFirst || !holds(&ranges, late));
    }

    #[test]
    fn keys_of_an_area_and_a_time(lon in -170.0..170.0f64, lat in -80.0..80.0f64, from in 0i64..4_000_000_000_000_000, last in 0i64..30 * HOUR_US, profile in profile(), solid: bool, u in -0.5..1.5f64, v in -0.5..1.5f64, w in -0.5..1.5f64, t in -0.5..1.5f64) {
        let b = LonLatBox::new(lon, lat, lon + 0.2, lat + 0.1).unwrap();
        let band = HeightBand { low_m: 0.0, high_m: 300.0 };
        let limits = Limits { max_cells: 200, finest_level: 32 };
        let times = (from, from + last);
        let keys = if solid {
            cover_keys(&cover_solid(&Shape::of_box(&b), &band, limits).unwrap(), times, profile, 10_000).unwrap()
        } else {
            cover_keys(&cover(&Shape::of_box(&b), limits).unwrap(), times, profile, 10_000).unwrap()
        };
        prop_assert!(keys.windows(2).all(|w| w[0].last < w[1].first));
        let height = 300.0 * w;
        let p = Position::new(lon + 0.2 * u, lat + 0.1 * v, solid.then_some(height)).unwrap();
        let time_us = from + (last as f64 * t) as i64;
        let within = b.contains(&p) && (!solid || band.contains(height)) && (times.0..=times.1).contains(&time_us);
        let key = Key::new(&p, Some(time_us), profile).unwrap();
        prop_assert!(!within || holds(&keys, key));
        let inner: Vec<_> = keys.iter().copied().filter(|range| range.inner).collect();
        prop_assert!(within || !holds(&inner, key));
    }
}

#[test]
fn trajectories_that_are_none_are_refused() {
    let limits = Limits { max_cells: 10, finest_level: 21 };
    let flat = Position::new_2d(116.3, 39.9).unwrap();
    let high = Position::new(116.4, 39.9, Some(10.0)).unwrap();
    let sample = |place, time_us| Sample { place, time_us };
    let refuse = |samples: &[Sample]| cover_trajectory(samples, limits, Profile::TimeFirst).unwrap_err();
    assert!(matches!(refuse(&[]), Error::Cover { .. }));
    assert!(matches!(refuse(&[sample(flat, 0), sample(high, 1)]), Error::Cover { .. }));
    assert!(matches!(refuse(&[sample(flat, 1), sample(flat, 0)]), Error::Time { .. }));
    assert!(matches!(refuse(&[sample(flat, 0), sample(flat, 20 * HOUR_US)]), Error::Cover { .. }));
    assert!(matches!(refuse(&[sample(flat, i64::MIN), sample(flat, i64::MAX)]), Error::Cover { .. }));
    assert!(matches!(refuse(&[sample(flat, i64::MAX)]), Error::Time { .. }));
}
