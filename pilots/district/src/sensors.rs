//! The 500 fixed sensors: where they stand and what they read at an instant. A reading follows from seed, sensor and
//! instant alone: daily curves in Beijing time, slow weather, quick noise.

use kernel_model::{Change, DatastreamDraft, Geometry, Kind, Shape, SourceKey, TimeUs};

use crate::changes::{coord, draft};
use crate::plane::{P, along, distance_to_line};
use crate::random::{Random, mix};
use crate::roads::{Network, RoadClass};
use crate::{DATASET, District};

/// How many of each there are; 500 in all.
const COUNTS: [(SensorClass, usize); 4] =
    [(SensorClass::Air, 140), (SensorClass::Noise, 160), (SensorClass::Parking, 150), (SensorClass::Water, 50)];
/// Of the water sensors, those in the lake; the others hang in drains.
const IN_LAKE: usize = 12;

/// What a sensor observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SensorClass {
    /// Fine dust, `pm25` in `ug/m3`.
    Air,
    /// Sound level, `noise` in `dB`.
    Noise,
    /// Taken share of the spaces, `occupancy` in `%`.
    Parking,
    /// Depth of water, `water_level` in `m`.
    Water,
}

impl SensorClass {
    /// The word that stands as the entity's class.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Air => "air",
            Self::Noise => "noise",
            Self::Parking => "parking",
            Self::Water => "water",
        }
    }

    /// The observed property.
    pub const fn property(self) -> &'static str {
        match self {
            Self::Air => "pm25",
            Self::Noise => "noise",
            Self::Parking => "occupancy",
            Self::Water => "water_level",
        }
    }

    /// The unit (UCUM).
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Air => "ug/m3",
            Self::Noise => "dB",
            Self::Parking => "%",
            Self::Water => "m",
        }
    }

    const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::Air => ("空气监测点", "Air Station"),
            Self::Noise => ("噪声监测点", "Noise Station"),
            Self::Parking => ("停车监测点", "Parking Counter"),
            Self::Water => ("水位监测点", "Water Gauge"),
        }
    }

    /// Metres above the ground.
    const fn up_m(self) -> f64 {
        match self {
            Self::Air => 4.0,
            Self::Noise => 3.5,
            Self::Parking => 2.5,
            Self::Water => 0.2,
        }
    }
}

/// A fixed sensor with one datastream.
#[derive(Debug, Clone)]
pub struct Sensor {
    id: String,
    class: SensorClass,
    number: usize,
    at: P,
    /// From 0 in a quiet yard to 1 on an avenue.
    traffic: f64,
    /// Whether it hangs in the lake.
    in_lake: bool,
    seed: u64,
}

impl Sensor {
    /// The id inside the dataset, such as `air-001`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it observes.
    pub fn class(&self) -> SensorClass {
        self.class
    }

    /// Its value at an instant, in [`SensorClass::unit`], as finely as such a device tells.
    pub fn value(&self, at: TimeUs) -> f64 {
        let s = at.0 as f64 / 1e6;
        // Beijing time is UTC+8 all year.
        let hour = (s / 3_600.0 + 8.0).rem_euclid(24.0);
        let peak = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let rush = peak(8.2, 1.5) + peak(18.3, 1.9);
        let own = |seconds: f64, part: u64| wave(self.seed ^ part, s / seconds);
        let (value, steps) = match self.class {
            SensorClass::Air => {
                // The same weather for all, so its noise does not depend on the sensor.
                let weather = 34.0 + 26.0 * wave(0x5eed, s / 40_000.0) + 9.0 * wave(0xa1b, s / 9_000.0);
                let local = 11.0 * rush * self.traffic + 5.0 * own(900.0, 1) + 1.6 * own(20.0, 2);
                ((weather + local).max(3.0), 10.0)
            }
            SensorClass::Noise => {
                let awake = 1.0 - peak(3.0, 3.2);
                let level = 38.0 + 17.0 * self.traffic + 9.0 * awake + 4.0 * rush * self.traffic;
                (level + 2.6 * own(25.0, 1) + 1.5 * own(7.0, 2), 10.0)
            }
            SensorClass::Parking => {
                // On busy roads people park by day, in the yards by night.
                let day = peak(14.0, 5.0);
                let share = self.traffic * day + (1.0 - self.traffic) * (1.0 - 0.75 * day);
                ((100.0 * (0.12 + 0.8 * share) + 9.0 * own(1_500.0, 1)).clamp(0.0, 100.0), 1.0)
            }
            SensorClass::Water if self.in_lake => (1.92 + 0.05 * own(50_000.0, 1) + 0.008 * own(60.0, 2), 1_000.0),
            SensorClass::Water => (
                (0.16 + 0.07 * wave(0xd1a, s / 20_000.0) + 0.04 * own(2_000.0, 1) + 0.006 * own(30.0, 2)).max(0.0),
                1_000.0,
            ),
        };
        (value * steps).round() / steps
    }

    fn changes(&self) -> [Change; 2] {
        let (zh, en) = self.class.title();
        let name = (format!("{zh} {:03}", self.number), format!("{en} {:03}", self.number));
        let mut entity = draft(self.id.clone(), Kind::Sensor, self.class.name(), Some(&name));
        entity.geometry = Some(Geometry::with_height(Shape::Point(coord(self.at, self.class.up_m()))));
        let datastream = DatastreamDraft {
            source: SourceKey::new(DATASET, format!("{}/{}", self.id, self.class.property())),
            entity: entity.source.clone(),
            property: self.class.property().to_owned(),
            unit: self.class.unit().to_owned(),
            name: format!("{} {}", name.1, self.class.property()),
        };
        [Change::Entity(entity), Change::Datastream(datastream)]
    }
}

impl District {
    /// The sensors as changes, each with its datastream behind it.
    pub(crate) fn sensor_changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.sensors().iter().flat_map(Sensor::changes)
    }
}

/// Smooth noise between -1 and 1 that wanders over about one unit of `x`.
fn wave(seed: u64, x: f64) -> f64 {
    let at = |i: f64| {
        (mix(seed ^ (i as i64 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let (whole, part) = (x.floor(), x - x.floor());
    let smooth = part * part * (3.0 - 2.0 * part);
    at(whole) + (at(whole + 1.0) - at(whole)) * smooth
}

/// Places all sensors.
pub(crate) fn place(network: &Network, lake: &[P], seed: u64) -> Vec<Sensor> {
    let mut out = Vec::new();
    for (class, count) in COUNTS {
        let mut places = match class {
            SensorClass::Water => in_lake(lake),
            _ => Vec::new(),
        };
        let in_lake = places.len();
        let mut random = Random::fork(seed, class.name(), 0);
        places.extend(beside_roads(network, class, count - in_lake, &mut random));
        for (i, at) in places.into_iter().enumerate() {
            let id = format!("{}-{:03}", class.name(), i + 1);
            let own = Random::fork(seed, class.name(), i as u64 + 1).next();
            let traffic = traffic(network, at);
            out.push(Sensor { id, class, number: i + 1, at, traffic, in_lake: i < in_lake, seed: own });
        }
    }
    out
}

/// Evenly along all roads of the sorts that suit the class, at the kerb, now on the one side and now on the other.
fn beside_roads(network: &Network, class: SensorClass, count: usize, random: &mut Random) -> Vec<P> {
    use RoadClass::{Alley, Footway, Primary, Residential, Secondary, Service};
    let suits = |road: RoadClass| match class {
        SensorClass::Parking => matches!(road, Residential | Service),
        SensorClass::Water => matches!(road, Primary | Secondary | Residential),
        SensorClass::Noise => matches!(road, Primary | Secondary | Residential | Service | Alley),
        SensorClass::Air => matches!(road, Primary | Secondary | Residential | Footway),
    };
    let roads: Vec<_> = network.roads.iter().filter(|road| suits(road.class)).collect();
    let total: f64 = roads.iter().map(|road| road.length_m).sum();
    let pitch = total / count as f64;
    let mut next = random.unit() * pitch;
    let mut out = Vec::new();
    for road in roads {
        while next < road.length_m {
            let (at, way) = along(&road.line, next);
            let side = if out.len() % 2 == 0 { 1.0 } else { -1.0 };
            // In alleys the houses stand at the kerb: the sensor hangs on the wall.
            let kerb = road.class.width_m() / 2.0 + if road.class == Alley { -0.3 } else { 0.5 };
            out.push(at.plus(way.right().times(side * kerb)));
            next += pitch;
        }
        next -= road.length_m;
    }
    while out.len() < count {
        let again = out.first().copied().unwrap_or(P { x: 0.0, y: 0.0 });
        out.push(again.plus(P { x: 0.5, y: 0.5 }));
    }
    out.truncate(count);
    out
}

/// Just off the shore, all around.
fn in_lake(shore: &[P]) -> Vec<P> {
    let count = shore.len().max(1) as f64;
    let middle = shore.iter().fold(P { x: 0.0, y: 0.0 }, |sum, at| sum.plus(*at)).times(1.0 / count);
    let each = (shore.len() / IN_LAKE).max(1);
    shore.iter().step_by(each).take(IN_LAKE).map(|at| at.lerp(middle, 0.06)).collect()
}

fn traffic(network: &Network, at: P) -> f64 {
    let felt = |road: &crate::roads::Road| {
        let loudness = match road.class {
            RoadClass::Primary => 1.0,
            RoadClass::Secondary => 0.8,
            RoadClass::Residential => 0.5,
            RoadClass::Service => 0.25,
            RoadClass::Alley | RoadClass::Footway => 0.05,
        };
        let beyond = (distance_to_line(at, &road.line) - road.class.width_m() / 2.0).max(0.0);
        loudness * (-beyond / 45.0).exp()
    };
    network.roads.iter().map(felt).fold(0.0, f64::max)
}
