//! The zone map: runs and the rows tested in them are the brute-force answer, in space, time and series; what is said to be
//! certain is; the nearest are among the zones that come first; bytes come back.

use std::convert::Infallible;
use std::ops::ControlFlow;

use proptest::prelude::*;
use spatial_index::{
    All, Both, BytesError, Columns, Extruded, FromAbove, Near, Ranking, Region, Run, Spans, TimeBand, Windows, Zones,
    ZonesBuilder, distance_m,
};

use crate::make::{in_scene, lon_lat_box, place, point, shape, solid, volume};

/// Rows as columns of their own.
#[derive(Debug, Clone, Default)]
struct Rows {
    lon: Vec<f64>,
    lat: Vec<f64>,
    height_m: Vec<f64>,
    time_us: Vec<i64>,
    series: Vec<u64>,
    placed: usize,
}

impl Rows {
    /// Points in the order of their longitude, then `unplaced` rows without a place; every fifth has no height.
    fn new(mut points: Vec<[f64; 3]>, unplaced: usize, times: &[i64]) -> Self {
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let placed = points.len();
        points.extend(std::iter::repeat_n([0.0; 3], unplaced));
        let height = |(n, at): (usize, &[f64; 3])| if n % 5 == 1 && n > 80 { f64::NAN } else { at[2] };
        Self {
            lon: points.iter().map(|at| at[0]).collect(),
            lat: points.iter().map(|at| at[1]).collect(),
            height_m: points.iter().enumerate().map(height).collect(),
            time_us: (0..points.len()).map(|n| times[n % times.len()]).collect(),
            series: (0..points.len() as u64).map(|n| n * n % 7).collect(),
            placed,
        }
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            lon: &self.lon,
            lat: &self.lat,
            placed: self.placed,
            height_m: Some(&self.height_m),
            time_us: Some(&self.time_us),
            series: Some(&self.series),
        }
    }

    fn in_spans(&self, row: usize, spans: &Spans) -> bool {
        let of_series = spans.series.is_none_or(|(least, greatest)| (least..=greatest).contains(&self.series[row]));
        of_series && spans.band.from_us <= self.time_us[row] && self.time_us[row] <= spans.band.to_us
    }

    fn holds<const D: usize>(&self, row: usize, region: &impl Region<D>) -> bool {
        let at = [self.lon[row], self.lat[row], self.height_m[row]];
        let height = D == 2 || !at[2].is_nan();
        row < self.placed && height && region.holds(at.first_chunk().unwrap())
    }
}

/// Rows of the runs after the test of what is not certain; panics where a run is not as it should be.
fn tested(runs: &[Run], held: impl Fn(&Run) -> u64) -> Vec<usize> {
    let mut rows: Vec<usize> = Vec::new();
    for run in runs {
        assert!(rows.last().is_none_or(|last| *last < run.rows.start), "runs are ascending");
        assert!(!run.rows.is_empty() && (run.certain.all() || run.rows.len() <= 64), "{run:?}");
        match run.certain.all() {
            true => rows.extend(run.rows.clone()),
            false => {
                rows.extend(run.rows.clone().zip(0..).filter(|(_, bit)| held(run) >> bit & 1 == 1).map(|(row, _)| row));
            }
        }
    }
    rows
}

fn in_region<const D: usize>(zones: &Zones, rows: &Rows, region: &impl Region<D>, spans: &Spans) -> Vec<usize> {
    let mut runs = Vec::new();
    let _ = zones.search::<D, Infallible>(region, spans, &mut |run| {
        runs.push(run);
        ControlFlow::Continue(())
    });
    let columns = rows.columns();
    tested(&runs, |run| columns.held(run, 0, region, spans))
}

fn in_spans(zones: &Zones, rows: &Rows, spans: &Spans) -> Vec<usize> {
    let mut runs = Vec::new();
    let _ = zones.search_spans::<Infallible>(spans, &mut |run| {
        runs.push(run);
        ControlFlow::Continue(())
    });
    let columns = rows.columns();
    tested(&runs, |run| columns.held_in_spans(run, 0, spans))
}

fn spans() -> impl Strategy<Value = Spans> {
    let band = prop_oneof![
        Just(TimeBand::ALWAYS),
        (0..30_i64, 0..20_i64).prop_map(|(from_us, lasts)| TimeBand { from_us, to_us: from_us + lasts })
    ];
    (band, prop::option::of((0..7_u64, 0..4_u64).prop_map(|(a, b)| (a, a + b))))
        .prop_map(|(band, series)| Spans { band, series })
}

fn times() -> impl Strategy<Value = Vec<i64>> {
    prop_oneof![prop::collection::vec(0..40_i64, 1..300), Just((0..40).flat_map(|n| [n; 90]).collect())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_in_a_region_are_the_brute_force_answer(
        (points, region, window, body, room) in in_scene(|s| (
            prop::collection::vec(point(s), 0..1800), shape(s), lon_lat_box(s), solid(s), volume(s),
        )),
        unplaced in 0..200_usize, times in times(), spans in spans(),
    ) {
        let rows = Rows::new(points, unplaced, &times);
        let zones = Zones::over(&rows.columns());
        prop_assert_eq!(zones.len(), rows.lon.len());
        let all = || 0..rows.lon.len();
        let wanted = |spans: &Spans, test: &dyn Fn(usize) -> bool| -> Vec<usize> {
            all().filter(|row| rows.in_spans(*row, spans) && test(*row)).collect()
        };
        for spans in [Spans::ALL, spans] {
            prop_assert_eq!(in_region(&zones, &rows, &region, &spans), wanted(&spans, &|row| rows.holds(row, &region)));
            let window = window.region();
            prop_assert_eq!(in_region(&zones, &rows, &window, &spans), wanted(&spans, &|row| rows.holds(row, &window)));
            prop_assert_eq!(in_region(&zones, &rows, &body, &spans), wanted(&spans, &|row| rows.holds(row, &body)));
            let both = Both(&region, &window);
            prop_assert_eq!(in_region(&zones, &rows, &both, &spans), wanted(&spans, &|row| rows.holds(row, &both)));
            for regions in [&[][..], &[&region as &dyn Region<2>, &window]] {
                let all = All(regions);
                prop_assert_eq!(in_region(&zones, &rows, &all, &spans), wanted(&spans, &|row| rows.holds(row, &all)));
                let storey = Extruded { base: all, bottom_m: room.min[2], top_m: room.max[2] };
                prop_assert_eq!(in_region(&zones, &rows, &storey, &spans), wanted(&spans, &|row| rows.holds(row, &storey)));
            }
            let room = room.region();
            prop_assert_eq!(in_region(&zones, &rows, &room, &spans), wanted(&spans, &|row| rows.holds(row, &room)));
            prop_assert_eq!(in_spans(&zones, &rows, &spans), wanted(&spans, &|_| true));
        }
        let band = zones.time_band().map(|band| (band.from_us, band.to_us));
        prop_assert_eq!(band, rows.time_us.iter().min().copied().zip(rows.time_us.iter().max().copied()));
        prop_assert_eq!(Zones::from_bytes(&zones.to_bytes()), Ok(zones));
    }

    #[test]
    fn the_nearest_are_in_the_zones_that_come_first(
        (points, from) in in_scene(|s| (prop::collection::vec(point(s), 1..2000), place(s))),
        unplaced in 0..100_usize, k in 1..20_usize,
    ) {
        let rows = Rows::new(points, unplaced, &[0]);
        let zones = Zones::over(&rows.columns());
        let near = Near::new(from, f64::INFINITY).unwrap();
        let rank = |row: usize| Ranking::<2>::at(&near, &[rows.lon[row], rows.lat[row]]);
        let mut best: Vec<f64> = Vec::new();
        let mut last = 0.0;
        for (bound, zone) in zones.nearest::<2, _>(near, None::<&Windows<2>>, &Spans::ALL) {
            prop_assert!(bound >= last);
            last = bound;
            if best.len() == k && best[k - 1] <= bound {
                break;
            }
            for row in zone.rows {
                prop_assert!(rank(row) >= bound);
                best.push(rank(row));
            }
            best.sort_by(f64::total_cmp);
            best.truncate(k);
        }
        let mut wanted: Vec<f64> = (0..rows.placed).map(rank).collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(k);
        prop_assert_eq!(&best, &wanted);
        let nearest = (0..rows.placed).map(|row| distance_m(from, [rows.lon[row], rows.lat[row]])).fold(f64::INFINITY, f64::min);
        prop_assert!((Ranking::<2>::distance(&near, best[0]) - nearest).abs() <= 1e-6);
    }

    /// The nearest of those between two heights, and no zone of others.
    #[test]
    fn the_nearest_between_two_heights_are_in_the_zones_that_come(
        (points, from, room) in in_scene(|s| (prop::collection::vec(point(s), 1..1500), place(s), volume(s))),
    ) {
        let rows = Rows::new(points, 0, &[0]);
        let zones = Zones::over(&rows.columns());
        let near = FromAbove(Near::new(from, f64::INFINITY).unwrap());
        let storey = Extruded { base: All(&[]), bottom_m: room.min[2], top_m: room.max[2] };
        let rank = |row: usize| near.at(&[rows.lon[row], rows.lat[row], f64::NAN]);
        let mut found = Vec::new();
        for (bound, zone) in zones.nearest::<3, _>(near, Some(&storey), &Spans::ALL) {
            let held = rows.columns().held(&zone, 0, &storey, &Spans::ALL);
            let zone_rows = zone.rows;
            prop_assert!(zone_rows.clone().all(|row| rank(row) >= bound));
            found.extend(zone_rows.zip(0..).filter(|(_, bit)| held >> bit & 1 == 1).map(|(row, _)| row));
        }
        found.sort_unstable();
        let wanted: Vec<usize> = (0..rows.placed).filter(|row| rows.holds(*row, &storey)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn rows_that_come_by_and_by_make_the_same_map(
        points in in_scene(|s| prop::collection::vec(point(s), 0..700)), unplaced in 0..100_usize, cuts in prop::collection::vec(1..200_usize, 1..12),
    ) {
        let rows = Rows::new(points, unplaced, &[3, 1, 2]);
        let all = rows.columns();
        let (mut builder, mut from) = (ZonesBuilder::default(), 0);
        for length in cuts.into_iter().cycle() {
            let to = all.len().min(from + length);
            builder.push(&Columns {
                lon: &all.lon[from..to],
                lat: &all.lat[from..to],
                placed: all.placed.saturating_sub(from),
                height_m: all.height_m.map(|values| &values[from..to]),
                time_us: all.time_us.map(|values| &values[from..to]),
                series: all.series.map(|values| &values[from..to]),
            });
            from = to;
            if from == all.len() {
                break;
            }
        }
        prop_assert_eq!(builder.build(), Zones::over(&all));
    }

    #[test]
    fn any_bytes_are_a_named_error(bytes in prop::collection::vec(any::<u8>(), 0..200), whole in any::<bool>()) {
        let mut damaged = if whole { b"URBIZONE\x01".to_vec() } else { Vec::new() };
        damaged.extend(bytes);
        prop_assert!(Zones::from_bytes(&damaged).is_err());
    }
}

#[test]
fn every_changed_byte_and_every_cut_is_found() {
    let points = (0..200).map(|n| [f64::from(n) / 10.0, f64::from(n) / 20.0, f64::from(n)]).collect();
    let bytes = Zones::over(&Rows::new(points, 30, &[1, 2, 3]).columns()).to_bytes();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(Zones::from_bytes(&damaged).is_err(), "byte {at}");
        assert!(Zones::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
    let mut newer = bytes.clone();
    newer[8] = 2;
    assert_eq!(Zones::from_bytes(&newer), Err(BytesError::Version { found: 2, known: 1 }));
    assert_eq!(Zones::from_bytes(&Zones::over(&Columns::default()).to_bytes()).map(|zones| zones.len()), Ok(0));
}
