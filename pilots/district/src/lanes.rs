//! Where on a road each sort of traveller keeps: a road, a direction and a traveller come in; the line it follows goes
//! out, to the right of the centre, cut back at the junctions so that a turn has room.

use crate::plane::{P, piece};
use crate::roads::{Network, RoadClass};

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traveller {
    /// A passenger car.
    Car,
    /// A city bus.
    Bus,
    /// A lorry.
    Truck,
    /// A bicycle.
    Bicycle,
    /// A walker.
    Pedestrian,
}

impl Traveller {
    /// The word that stands as the entity's class.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Bus => "bus",
            Self::Truck => "truck",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
        }
    }

    /// Nobody of this sort is ever faster, metres a second.
    pub const fn top_speed_m_s(self) -> f64 {
        match self {
            Self::Car => 15.3,
            Self::Bus | Self::Truck => 12.5,
            Self::Bicycle => 6.0,
            Self::Pedestrian => 1.8,
        }
    }

    pub(crate) const fn may_use(self, class: RoadClass) -> bool {
        use RoadClass::{Alley, Footway, Primary, Residential, Secondary, Service};
        match self {
            Self::Car => matches!(class, Primary | Secondary | Residential | Service),
            Self::Bus => matches!(class, Primary | Secondary),
            Self::Truck => matches!(class, Primary | Secondary | Residential),
            Self::Bicycle => matches!(class, Primary | Secondary | Residential | Service | Alley),
            Self::Pedestrian => matches!(class, Primary | Secondary | Residential | Service | Alley | Footway),
        }
    }

    /// The speed of an average one on the open road, metres a second.
    pub(crate) const fn cruise_m_s(self, class: RoadClass) -> f64 {
        match (self, class) {
            (Self::Pedestrian, _) => 1.3,
            (Self::Bicycle, RoadClass::Alley | RoadClass::Service) => 3.0,
            (Self::Bicycle, _) => 4.6,
            (Self::Car, RoadClass::Primary) => 13.3,
            (Self::Car, RoadClass::Secondary) => 11.0,
            (Self::Bus | Self::Truck, RoadClass::Primary) => 10.8,
            (Self::Bus | Self::Truck, RoadClass::Secondary) => 9.0,
            (_, RoadClass::Residential) => 7.6,
            _ => 4.2,
        }
    }

    /// Metres to the right of the centre line; `lane` 0 is the innermost.
    pub(crate) fn offset_m(self, class: RoadClass, lane: u32) -> f64 {
        let half = class.width_m() / 2.0;
        match (self, class) {
            (Self::Pedestrian, RoadClass::Alley) => 1.2,
            (Self::Pedestrian, RoadClass::Footway) => 0.6,
            (Self::Pedestrian, _) => half + class.sidewalk_m() * 0.62,
            (Self::Bicycle, RoadClass::Alley) => 0.7,
            (Self::Bicycle, _) => half - 0.9,
            (_, RoadClass::Primary) => 2.4 + 3.1 * f64::from(lane.min(2)),
            (_, RoadClass::Secondary) => 1.8 + 3.0 * f64::from(lane.min(1)),
            (_, RoadClass::Residential) => 1.9,
            _ => 1.4,
        }
    }
}

/// A road in one of its directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane {
    pub(crate) road: usize,
    pub(crate) forward: bool,
}

impl Network {
    pub(crate) fn end(&self, lane: Lane) -> usize {
        let road = &self.roads[lane.road];
        if lane.forward { road.to } else { road.from }
    }

    /// The lanes a traveller may go on to: never back where it came from, unless there is no other way.
    pub(crate) fn onward(&self, lane: Lane, traveller: Traveller) -> Vec<Lane> {
        let exits = self.exits[self.end(lane)].iter().map(|(road, forward)| Lane { road: *road, forward: *forward });
        let open: Vec<Lane> = exits.filter(|exit| traveller.may_use(self.roads[exit.road].class)).collect();
        let ahead: Vec<Lane> = open.iter().filter(|exit| exit.road != lane.road).copied().collect();
        if ahead.is_empty() { open } else { ahead }
    }

    /// The line the traveller follows between the two junctions.
    pub(crate) fn path(&self, lane: Lane, traveller: Traveller, number: u32) -> Vec<P> {
        let road = &self.roads[lane.road];
        let longest = road.length_m * 0.42;
        let room = |junction: usize| {
            let others = self.exits[junction].iter().filter(|(other, _)| *other != lane.road);
            let reach = |class: RoadClass| match traveller {
                Traveller::Pedestrian => class.reach_m(),
                _ => class.width_m() / 2.0,
            };
            let widest = others.map(|(other, _)| reach(self.roads[*other].class)).fold(0.0, f64::max);
            (widest + 1.0).min(longest)
        };
        let mut centre = piece(&road.line, room(road.from), road.length_m - room(road.to));
        if !lane.forward {
            centre.reverse();
        }
        shifted(&centre, traveller.offset_m(road.class, number))
    }
}

/// The line moved to the right of its own direction.
fn shifted(line: &[P], by: f64) -> Vec<P> {
    let last = line.len() - 1;
    (0..line.len())
        .map(|i| {
            let way = line[(i + 1).min(last)].minus(line[i.saturating_sub(1)]).unit();
            line[i].plus(way.right().times(by))
        })
        .collect()
}
