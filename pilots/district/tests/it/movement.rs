//! Movers keep to their roads and move no faster than they may, at every junction too.

use geo::{Distance, Euclidean, LineString, Point};
use kernel_model::TimeUs;
use pilots_district::{RoadClass, Simulation, Traveller};

use crate::{AGAIN, DISTRICT, metres};

/// 2026-11-22T00:00:00Z.
const START: TimeUs = TimeUs(1_795_305_600_000_000);

#[test]
fn nobody_jumps() {
    for (dt_s, steps) in [(0.05, 30), (1.0, 60)] {
        let mut simulation = Simulation::at(&DISTRICT, START);
        let mut before = simulation.step(dt_s);
        let mut moved = 0.0;
        for _ in 0..steps {
            let now = simulation.step(dt_s);
            for (a, b) in before.iter().zip(&now) {
                let (ax, ay) = metres(a.place.lon_deg, a.place.lat_deg);
                let (bx, by) = metres(b.place.lon_deg, b.place.lat_deg);
                let distance = (bx - ax).hypot(by - ay);
                let mover = &DISTRICT.movers()[b.mover];
                let top = mover.traveller().top_speed_m_s();
                assert!(b.speed_m_s > 0.1 && b.speed_m_s <= top, "{} at {} m/s", mover.id(), b.speed_m_s);
                assert!(distance <= top * dt_s * 1.002 + 1e-3, "{} went {distance} m in {dt_s} s", mover.id());
                if dt_s < 0.1 {
                    let turn = (b.heading_deg - a.heading_deg + 540.0).rem_euclid(360.0) - 180.0;
                    assert!(turn.abs() < 40.0, "{} turned {turn} degrees in {dt_s} s", mover.id());
                }
                moved += distance;
            }
            before = now;
        }
        let mean = moved / (2_000.0 * f64::from(steps) * dt_s);
        assert!((2.0..9.0).contains(&mean), "the mean speed is {mean} m/s");
    }
}

#[test]
fn everyone_keeps_to_the_roads_that_are_theirs() {
    let roads: Vec<(RoadClass, LineString)> = DISTRICT
        .road_lines()
        .into_iter()
        .map(|(class, line)| (class, line.into_iter().map(|(lon, lat)| metres(lon, lat)).collect()))
        .collect();
    let mut simulation = Simulation::at(&DISTRICT, START);
    for _ in 0..2 {
        for state in simulation.step(17.0) {
            let mover = &DISTRICT.movers()[state.mover];
            let on_foot = mover.traveller() == Traveller::Pedestrian;
            let (x, y) = metres(state.place.lon_deg, state.place.lat_deg);
            let is_on = |(class, line): &(RoadClass, LineString)| {
                let is_theirs = on_foot || *class != RoadClass::Footway;
                let reach = class.width_m() / 2.0 + if on_foot { class.sidewalk_m() } else { 0.0 };
                is_theirs && Euclidean.distance(&Point::new(x, y), line) <= reach + 0.8
            };
            assert!(roads.iter().any(is_on), "{} left the roads at {x:.1}, {y:.1}", mover.id());
        }
    }
}

#[test]
fn traffic_keeps_right() {
    let roads = DISTRICT.road_lines();
    let mut simulation = Simulation::at(&DISTRICT, START);
    let (mut right, mut wrong) = (0, 0);
    for state in simulation.step(1.0) {
        if DISTRICT.movers()[state.mover].traveller() == Traveller::Pedestrian {
            continue;
        }
        let (x, y) = metres(state.place.lon_deg, state.place.lat_deg);
        let (east, north) = state.heading_deg.to_radians().sin_cos();
        for (class, line) in roads.iter().filter(|(class, _)| *class == RoadClass::Primary) {
            for w in line.windows(2) {
                let ((ax, ay), (bx, by)) = (metres(w[0].0, w[0].1), metres(w[1].0, w[1].1));
                let length = (bx - ax).hypot(by - ay);
                let (ux, uy) = ((bx - ax) / length, (by - ay) / length);
                let (along, left) = ((x - ax) * ux + (y - ay) * uy, ux * (y - ay) - uy * (x - ax));
                let way = east * ux + north * uy;
                if (0.0..length).contains(&along) && left.abs() < class.width_m() / 2.0 && way.abs() > 0.98 {
                    if (left < 0.0) == (way > 0.0) { right += 1 } else { wrong += 1 }
                }
            }
        }
    }
    assert!(right > 300 && wrong == 0, "{right} keep right, {wrong} do not");
}

#[test]
fn a_second_start_goes_on_where_the_first_would_be() {
    let mut first = Simulation::at(&DISTRICT, START);
    for _ in 0..10 {
        first.step(0.7);
    }
    let mut second = Simulation::at(&AGAIN, START);
    assert_eq!(first.step(1.0), second.step(8.0));
    let later = TimeUs(START.0 + 3_600_000_000);
    for (a, b) in DISTRICT.sensors().iter().zip(AGAIN.sensors()) {
        assert!((a.value(later) - b.value(later)).abs() < 1e-12);
    }
}

#[test]
fn readings_are_plausible_and_have_a_daily_curve() {
    use pilots_district::SensorClass;
    let mean = |class: SensorClass, hour: i64| {
        let sensors = || DISTRICT.sensors().iter().filter(|s| s.class() == class);
        let at = |minute: i64| TimeUs(START.0 + ((hour - 8) * 60 + minute) * 60_000_000);
        let values = sensors().flat_map(|s| (0..60).step_by(10).map(move |m| s.value(at(m))));
        values.sum::<f64>() / (sensors().count() * 6) as f64
    };
    assert!(mean(SensorClass::Noise, 18) > mean(SensorClass::Noise, 3) + 5.0, "nights are quieter");
    for sensor in DISTRICT.sensors() {
        for minute in (0..2_880).step_by(37) {
            let value = sensor.value(TimeUs(START.0 + minute * 60_000_000));
            let range = match sensor.class() {
                SensorClass::Air => 3.0..=140.0,
                SensorClass::Noise => 30.0..=85.0,
                SensorClass::Parking => 0.0..=100.0,
                SensorClass::Water => 0.0..=2.2,
            };
            assert!(range.contains(&value), "{} reads {value}", sensor.id());
        }
    }
}
