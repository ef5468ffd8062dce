//! The 2,000 things that move: who they are, and where they are at an instant. No clock is read here: the caller says
//! which instant it is.

use kernel_model::{Change, EntityDraft, HeightReference, Kind, Place, PlaceError, PositionFix, TimeUs};
use serde_json::json;

use crate::District;
use crate::changes::draft;
use crate::frame::{GROUND_M, lon_lat};
use crate::lanes::Traveller;
use crate::random::Random;
use crate::roads::Network;
use crate::route::Route;

/// How many of each there are; 2,000 in all.
const COUNTS: [(Traveller, usize); 5] = [
    (Traveller::Car, 920),
    (Traveller::Bus, 60),
    (Traveller::Truck, 80),
    (Traveller::Bicycle, 340),
    (Traveller::Pedestrian, 600),
];

/// Something that moves.
#[derive(Debug, Clone)]
pub struct Mover {
    id: String,
    traveller: Traveller,
    route: Route,
}

/// Where a mover is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MoverState {
    /// Its place in [`District::movers`].
    pub mover: usize,
    /// Longitude and latitude in degrees, height in metres above the ellipsoid.
    pub place: Place,
    /// Direction of travel, degrees clockwise from north, from 0 up to 360.
    pub heading_deg: f64,
    /// Metres a second.
    pub speed_m_s: f64,
}

impl Mover {
    /// The id inside the dataset, such as `car-0001`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is.
    pub fn traveller(&self) -> Traveller {
        self.traveller
    }

    /// Where it is at an instant; a pure function of the district's seed and the instant.
    ///
    /// # Errors
    /// Never for a generated district; the place is checked like any other.
    pub fn fix(&self, at: TimeUs) -> Result<PositionFix, PlaceError> {
        let (lon_deg, lat_deg, heading_deg, speed_m_s) = self.numbers(at);
        Ok(PositionFix {
            time: at,
            place: Place::new(lon_deg, lat_deg, Some(GROUND_M))?,
            heading_deg: Some(heading_deg as f32),
            speed_m_s: Some(speed_m_s as f32),
        })
    }

    /// Longitude, latitude, heading (degrees), speed (metres a second).
    pub(crate) fn numbers(&self, at: TimeUs) -> (f64, f64, f64, f64) {
        let fix = self.route.at(at.0 as f64 / 1e6);
        let (lon_deg, lat_deg) = lon_lat(fix.at);
        (lon_deg, lat_deg, fix.way.x.atan2(fix.way.y).to_degrees().rem_euclid(360.0), fix.speed_m_s)
    }

    pub(crate) fn entity(&self) -> EntityDraft {
        let (kind, length_m, width_m, height_m) = match self.traveller {
            Traveller::Car => (Kind::Vehicle, 4.6, 1.85, 1.5),
            Traveller::Bus => (Kind::Vehicle, 12.0, 2.55, 3.2),
            Traveller::Truck => (Kind::Vehicle, 7.6, 2.4, 3.0),
            Traveller::Bicycle => (Kind::Vehicle, 1.8, 0.6, 1.7),
            Traveller::Pedestrian => (Kind::Pedestrian, 0.4, 0.5, 1.7),
        };
        let mut out = draft(self.id.clone(), kind, self.traveller.name(), None);
        out.height_reference = HeightReference::Ellipsoid;
        for (name, value) in [("length_m", length_m), ("width_m", width_m), ("height_m", height_m)] {
            out.properties.insert(name.to_owned(), json!(value));
        }
        out
    }
}

/// Draws everyone's round.
pub(crate) fn draw(network: &Network, seed: u64) -> Vec<Mover> {
    let mut out = Vec::new();
    for (traveller, count) in COUNTS {
        for i in 1..=count {
            let mut random = Random::fork(seed, traveller.name(), i as u64);
            if let Some(route) = Route::draw(network, traveller, &mut random) {
                out.push(Mover { id: format!("{}-{i:04}", traveller.name()), traveller, route });
            }
        }
    }
    out
}

/// All movers going through time together.
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    district: &'a District,
    time: TimeUs,
}

impl<'a> Simulation<'a> {
    /// Begins at 1970-01-01T00:00:00Z.
    pub fn new(district: &'a District) -> Self {
        Self::at(district, TimeUs(0))
    }

    /// Begins at an instant.
    pub fn at(district: &'a District, time: TimeUs) -> Self {
        Self { district, time }
    }

    /// The present instant.
    pub fn time(&self) -> TimeUs {
        self.time
    }

    /// Lets `dt_s` seconds go by and says where everyone is then, in the order of [`District::movers`].
    pub fn step(&mut self, dt_s: f64) -> Vec<MoverState> {
        self.time = TimeUs(self.time.0 + (dt_s * 1e6).round() as i64);
        let state = |(mover, it): (usize, &Mover)| {
            let (lon_deg, lat_deg, heading_deg, speed_m_s) = it.numbers(self.time);
            MoverState { mover, place: Place { lon_deg, lat_deg, height_m: Some(GROUND_M) }, heading_deg, speed_m_s }
        };
        self.district.movers().iter().enumerate().map(state).collect()
    }
}

impl District {
    /// The movers as changes, in the order of [`District::movers`].
    pub(crate) fn mover_changes(&self) -> impl Iterator<Item = Change> + '_ {
        self.movers().iter().map(|mover| Change::Entity(mover.entity()))
    }
}
