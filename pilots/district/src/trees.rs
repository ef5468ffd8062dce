//! Trees outside the park: rows along the streets, one kind to a street, and a few in every yard that has room.

use crate::city::{City, Tree};
use crate::frame::bend;
use crate::plan::{Plan, Zone};
use crate::plane::along;
use crate::random::Random;
use crate::roads::{Road, RoadClass};

/// Metres between two trees of a row.
const PITCH_M: f64 = 9.5;

pub(crate) fn along_streets(city: &mut City, random: &mut Random) {
    let roads: Vec<Road> = city.network.roads.clone();
    for road in &roads {
        let (offset, species) = match road.class {
            RoadClass::Primary => (road.class.width_m() / 2.0 + 1.4, "poplar"),
            RoadClass::Secondary => (road.class.width_m() / 2.0 + 1.1, "sophora"),
            RoadClass::Residential if road.name == "银杏街" => (road.class.width_m() / 2.0 + 0.9, "ginkgo"),
            RoadClass::Residential => (road.class.width_m() / 2.0 + 0.9, "sophora"),
            _ => continue,
        };
        // Crossings stay open to the eye.
        let (from, to) = (18.0, road.length_m - 18.0);
        let count = ((to - from) / PITCH_M).floor();
        for i in 0..=(count.max(-1.0) as i64) {
            let (at, way) = along(&road.line, from + PITCH_M * i as f64 + random.between(-0.6, 0.6));
            for side in [offset, -offset] {
                if random.chance(0.9) {
                    let height_m = random.between(7.0, 12.0);
                    let at = at.plus(way.right().times(side));
                    city.plant(Tree { at, species, height_m, crown_m: height_m * random.between(0.42, 0.55) });
                }
            }
        }
    }
}

pub(crate) fn in_yards(city: &mut City, plan: &Plan, random: &mut Random) {
    for block in &plan.blocks {
        let tries = match block.zone {
            Zone::Park => 0,
            Zone::Campus => 160,
            Zone::Hutong => 420,
            Zone::Residential | Zone::School => 210,
            _ => 70,
        };
        let inner = block.net.inset(2.0);
        for _ in 0..tries {
            let at = bend(random.between(inner.west, inner.east), random.between(inner.south, inner.north));
            let in_the_way = |ground: &crate::city::Ground| {
                matches!(ground.class, "track" | "pitch") && crate::plane::contains(&ground.outline, at)
            };
            if !city.grounds.iter().any(in_the_way) {
                let species = ["jujube", "sophora", "persimmon", "ginkgo"][random.index(4)];
                let height_m = random.between(4.5, 9.5);
                city.plant(Tree { at, species, height_m, crown_m: height_m * 0.5 });
            }
        }
    }
}
