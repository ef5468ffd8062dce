//! The park: a lake with an island, paths around it and from its gates, pavilions, a pagoda, groves. Drawn on the board
//! first, so that its paths join the road network; planted and built once that stands.

use crate::blocks::{self, CROSSING};
use crate::city::{City, Draft, Ground, Tree};
use crate::frame::{Site, bend};
use crate::plan::{Block, Rect};
use crate::plane::{P, Ring, contains, p};
use crate::random::Random;
use crate::roads::{RoadClass, Street};
use crate::solid::{Roof, Solid, chamfered, rect, round};

/// Corners of the lake's shore.
const SHORE: usize = 96;

/// The park on the board.
#[derive(Debug, Clone)]
pub(crate) struct Park {
    gross: Rect,
    net: Rect,
    number: usize,
    centre: P,
}

impl Park {
    pub(crate) fn new(block: &Block) -> Self {
        let (u, v) = block.net.centre();
        Self { gross: block.gross, net: block.net, number: block.number, centre: p(u - 4.0, v + 8.0) }
    }

    /// A curve at a distance outside the shore, on the board.
    fn shore(&self, outside: f64, count: usize) -> Ring {
        let (long, deep) = (self.net.width() * 0.325, self.net.depth() * 0.30);
        (0..count)
            .map(|i| {
                let a = std::f64::consts::TAU * i as f64 / count as f64;
                let wobble = 1.0 + 0.14 * (2.0 * a + 0.9).sin() + 0.09 * (3.0 * a - 0.5).sin() + 0.03 * (5.0 * a).cos();
                let way = p(a.cos(), a.sin());
                p(self.centre.x + way.x * (long * wobble + outside), self.centre.y + way.y * (deep * wobble + outside))
            })
            .collect()
    }

    /// The path around the lake and those to the gates; each gate lies on the street outside.
    pub(crate) fn paths(&self) -> Vec<Street> {
        let around = self.shore(13.0, 48);
        let path = |name: &str, name_en: &str, points: Vec<P>| Street {
            class: RoadClass::Footway,
            name: name.to_owned(),
            name_en: name_en.to_owned(),
            points,
        };
        let mut ring = around.clone();
        ring.push(around[0]);
        let mut out = vec![path("环湖路", "Lake Walk", ring)];
        let g = &self.gross;
        let gates = [
            (0, p(g.east, self.centre.y + 12.0), "东门", "East Gate"),
            (7, p(g.east, g.north - 66.0), "东北门", "Northeast Gate"),
            (13, p(self.centre.x - 24.0, g.north), "北门", "North Gate"),
            (19, p(g.west, g.north - 90.0), "西北门", "Northwest Gate"),
            (25, p(g.west, self.centre.y - 28.0), "西门", "West Gate"),
            (33, p(self.centre.x - 70.0, g.south), "西南门", "Southwest Gate"),
            (38, p(self.centre.x + 36.0, g.south), "南门", "South Gate"),
            (43, p(g.east, g.south + 62.0), "东南门", "Southeast Gate"),
        ];
        for (from, gate, name, name_en) in gates {
            out.push(path(&format!("{name}小径"), &format!("{name_en} Path"), curve(around[from], gate)));
        }
        out
    }

    /// Water, meadows and the park's own ground.
    pub(crate) fn lay_out(&self, city: &mut City) {
        city.ground("park", Some(("听雨公园", "Tingyu Park")), &self.net);
        let on_ground = |ring: Ring| ring.into_iter().map(|at| bend(at.x, at.y)).collect::<Ring>();
        let island: Ring = round(1.0, 28)
            .into_iter()
            .enumerate()
            .map(|(i, at)| {
                let swell = 17.0 + 3.0 * (i as f64 * 0.9).sin();
                p(self.centre.x - 34.0 + at.x * swell * 1.25, self.centre.y + 16.0 + at.y * swell)
            })
            .collect();
        let name = Some(("听雨湖".to_owned(), "Tingyu Lake".to_owned()));
        let (outline, hole) = (on_ground(self.shore(0.0, SHORE)), on_ground(island));
        city.grounds.push(Ground { class: "lawn", name: None, outline: hole.clone(), hole: None });
        city.waters.push(Ground { class: "lake", name, outline, hole: Some(hole) });
    }

    /// Pavilions, a tea house, a boat house and the pagoda, each where the paths leave room.
    pub(crate) fn build(&self, city: &mut City) {
        let (c, g) = (self.centre, &self.net);
        let pavilion = || blocks::hipped("pavilion", 7.0, 6.4, 1, 3.4, 1984);
        let sites: [((f64, f64), f64, Draft); 12] = [
            ((g.east - 34.0, g.north - 34.0), 0.0, named(pagoda(), "望山塔", "Wangshan Pagoda")),
            (
                (g.west + 34.0, g.south + 36.0),
                0.3,
                named(blocks::hipped("teahouse", 24.0, 12.0, 2, 3.6, 1992), "听雨茶社", "Tingyu Tea House"),
            ),
            (
                (g.west + 30.0, g.north - 30.0),
                -0.4,
                named(blocks::hipped("museum", 30.0, 16.0, 2, 4.4, 2008), "园林博物馆", "Garden Museum"),
            ),
            (
                (g.east - 30.0, g.south + 26.0),
                0.0,
                named(blocks::hipped("greenhouse", 26.0, 13.0, 1, 5.0, 1999), "温室", "Glasshouse"),
            ),
            ((c.x + 92.0, g.south + 40.0), 0.2, pavilion()),
            ((c.x - 118.0, c.y + 98.0), 0.6, pavilion()),
            ((c.x + 30.0, g.north - 24.0), -0.2, pavilion()),
            ((g.west + 16.0, c.y + 14.0), 0.0, pavilion()),
            ((g.east - 14.0, c.y - 34.0), 0.0, pavilion()),
            ((c.x - 20.0, g.south + 20.0), 0.1, pavilion()),
            ((g.east - 24.0, c.y + 60.0), 0.0, blocks::hipped("service", 9.0, 5.0, 1, 3.2, 2001)),
            ((g.west + 18.0, c.y - 70.0), 0.0, blocks::hipped("service", 9.0, 5.0, 1, 3.2, 2001)),
        ];
        for ((u, v), turn, draft) in sites {
            city.build(self.number, Site::new(u, v, turn), draft);
        }
    }

    /// Groves, dense in some places and open in others; willows on the shore.
    pub(crate) fn plant(&self, city: &mut City, random: &mut Random) {
        for at in self.shore(4.5, 64) {
            let height_m = random.between(7.0, 11.0);
            let at = bend(at.x + random.between(-1.5, 1.5), at.y + random.between(-1.5, 1.5));
            city.plant(Tree { at, species: "willow", height_m, crown_m: height_m * 0.75 });
        }
        let lake: Ring = self.shore(2.0, SHORE);
        let mut planted: Vec<P> = Vec::new();
        for _ in 0..2_600 {
            let at = p(
                random.between(self.net.west + 3.0, self.net.east - 3.0),
                random.between(self.net.south + 3.0, self.net.north - 3.0),
            );
            let density =
                0.5 + 0.5 * ((at.x / 31.0).sin() * (at.y / 37.0 + 0.8).cos() + 0.5 * (at.x / 13.0 + at.y / 19.0).sin());
            let is_apart = planted.iter().all(|other| other.distance(at) > 5.2);
            if !is_apart || contains(&lake, at) || !random.chance(density.clamp(0.0, 1.0)) {
                continue;
            }
            planted.push(at);
            let species = ["pine", "ginkgo", "maple", "sophora"][random.index(4)];
            let height_m = random.between(6.0, 15.0);
            city.plant(Tree {
                at: bend(at.x, at.y),
                species,
                height_m,
                crown_m: height_m * random.between(0.45, 0.65),
            });
        }
    }
}

/// A path that leaves the lake walk and swings to its gate.
fn curve(from: P, to: P) -> Vec<P> {
    let side = to.minus(from).right().times(0.13);
    let sign = if (to.x + to.y - CROSSING.0) as i64 % 2 == 0 { 1.0 } else { -1.0 };
    (0..=8)
        .map(|i| {
            let share = f64::from(i) / 8.0;
            let swing = (share * std::f64::consts::PI).sin() * sign;
            if i == 8 { to } else { from.lerp(to, share).plus(side.times(swing)) }
        })
        .collect()
}

fn named(draft: Draft, name: &str, name_en: &str) -> Draft {
    Draft { name: Some((name.to_owned(), name_en.to_owned())), ..draft }
}

/// Seven storeys, each smaller than the one below.
fn pagoda() -> Draft {
    let mut tiers = vec![(chamfered(18.0, 18.0, 5.0), 1.6)];
    tiers.extend((0..7).map(|i| (round(5.6 - 0.55 * f64::from(i), 8), 1.6 + 5.0 * f64::from(i + 1))));
    tiers.push((rect(1.0, 1.0).to_vec(), 41.0));
    let outline = tiers[0].0.clone();
    Draft {
        class: "pagoda",
        name: None,
        storeys: 7,
        roof: Roof::Stepped,
        year: 1699,
        outline,
        solid: Solid::tiers(&tiers),
    }
}
