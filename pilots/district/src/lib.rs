//! The district pilot: a seed comes in; about one square kilometre of city in Haidian goes out, the same to the byte for
//! the same seed: buildings as closed solids, roads, a park, trees, 500 sensors and 2,000 things that move. Everything
//! here is invented, every entity says so (`synthetic: true`), and nothing of it was surveyed.
//!
//! (The bytes rest on the platform's sine and exponential: another machine may differ in the last tenth of a
//! millimetre.)
//!
//! The standing city goes to the importer as [`Change`](kernel_model::Change)s ([`District::changes`]); readings and
//! positions go over a real MQTT connection ([`publish`]) and nowhere else.

mod blocks;
mod changes;
mod city;
mod frame;
mod lanes;
mod movers;
mod park;
mod plan;
mod plane;
mod publish;
mod random;
mod roads;
mod route;
mod sensors;
mod solid;
mod trees;

use city::City;
pub use frame::{CENTRE_LAT_DEG, CENTRE_LON_DEG, GROUND_M};
pub use lanes::Traveller;
pub use movers::{Mover, MoverState, Simulation};
use park::Park;
use plan::{Plan, Zone};
pub use publish::{PublishError, Published, Rates, publish};
use random::Random;
use roads::Network;
pub use roads::RoadClass;
pub use sensors::{Sensor, SensorClass};

/// What the district is watched for, as the table `[alarms]` of a configuration has it.
pub const ALARMS: &str = include_str!("../alarms.toml");

/// The dataset's name, in source keys and topics.
pub const DATASET: &str = "district";

/// The district as generated.
#[derive(Debug, Clone)]
pub struct District {
    seed: u64,
    city: City,
    sensors: Vec<Sensor>,
    movers: Vec<Mover>,
}

impl District {
    /// Generates the district; the same seed gives the same one.
    pub fn generate(seed: u64) -> Self {
        let mut plan = Plan::draw();
        let parks: Vec<Park> = plan.blocks.iter().filter(|block| block.zone == Zone::Park).map(Park::new).collect();
        plan.streets.extend(parks.iter().flat_map(Park::paths));
        let mut city = City::new(Network::build(&plan.streets));
        for park in &parks {
            park.lay_out(&mut city);
            park.build(&mut city);
        }
        blocks::build(&mut city, &plan, seed);
        let mut random = Random::fork(seed, "trees", 0);
        for park in &parks {
            park.plant(&mut city, &mut random);
        }
        trees::along_streets(&mut city, &mut random);
        trees::in_yards(&mut city, &plan, &mut random);
        let shore = city.waters.first().map(|lake| lake.outline.clone()).unwrap_or_default();
        let sensors = sensors::place(&city.network, &shore, seed);
        let movers = movers::draw(&city.network, seed);
        Self { seed, city, sensors, movers }
    }

    /// The seed it was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The fixed sensors.
    pub fn sensors(&self) -> &[Sensor] {
        &self.sensors
    }

    /// The things that move.
    pub fn movers(&self) -> &[Mover] {
        &self.movers
    }

    /// Where all centre lines of roads run: class and points (longitude, latitude in degrees).
    pub fn road_lines(&self) -> Vec<(RoadClass, Vec<(f64, f64)>)> {
        let line = |road: &roads::Road| (road.class, road.line.iter().map(|at| frame::lon_lat(*at)).collect());
        self.city.network.roads.iter().map(line).collect()
    }
}
