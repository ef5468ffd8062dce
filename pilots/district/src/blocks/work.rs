//! Where people work and buy: office towers on podiums, the landmarks at the crossing, malls and markets, and an old
//! works whose sheds are studios now.

use super::{
    Builder, CROSSING, Side, centrality, house, named, parapet, plain, podium, shift, tapered, tower, with_attic,
};
use crate::plan::Rect;
use crate::plane::P;
use crate::solid::{chamfered, l_shape, rect, round, u_shape};

const COMPANIES: [(&str, &str); 16] = [
    ("创世", "Genesis"),
    ("融智", "Rongzhi"),
    ("星河", "Galaxy"),
    ("方寸", "Fangcun"),
    ("数方", "Shufang"),
    ("远航", "Voyage"),
    ("北辰科技", "Beichen Tech"),
    ("格物", "Gewu"),
    ("致知", "Zhizhi"),
    ("凌云", "Lingyun"),
    ("鸿渐", "Hongjian"),
    ("晨曦", "Dawn"),
    ("天工", "Tiangong"),
    ("开物", "Kaiwu"),
    ("九章", "Jiuzhang"),
    ("算筹", "Suanchou"),
];

pub(super) fn offices(b: &mut Builder<'_>) {
    b.city.ground("commercial", Some(("中央商务区", "Central Business Quarter")), &b.block.net.clone());
    for (i, plot) in b.block.plots.clone().iter().enumerate() {
        if near_crossing(plot) {
            landmark(b, plot);
            continue;
        }
        let (zh, en) = COMPANIES[(b.block.number * 5 + i * 3) % COMPANIES.len()];
        match b.random.unit() {
            style if style < 0.60 => podium_tower(b, plot, zh, en),
            style if style < 0.82 => ring_office(b, plot, zh, en),
            _ => cluster(b, plot, zh, en),
        }
    }
}

fn near_crossing(plot: &Rect) -> bool {
    let (u, v) = plot.centre();
    (u - CROSSING.0).abs() < 75.0 && (v - CROSSING.1).abs() < 75.0
}

/// One landmark at each corner of the crossing, and a square before it.
fn landmark(b: &mut Builder<'_>, plot: &Rect) {
    let (u, v) = plot.centre();
    let (draft, zh, en) = match (u > CROSSING.0, v > CROSSING.1) {
        (true, true) => {
            let draft =
                tower("office", podium(50.0, 46.0, 18.0), &chamfered(34.0, 34.0, 4.0), shift(0.0, 0.0), 176.0, 4, 2016);
            (draft, "知行中心", "Zhixing Center")
        }
        (false, true) => {
            let base = chamfered(42.0, 42.0, 9.0);
            (tapered("office", base, 24.0, 148.0, 0.62, 2018), "启明塔", "Qiming Tower")
        }
        (true, false) => {
            let draft = tower("office", (round(27.0, 32), 14.0), &round(18.5, 32), shift(0.0, 0.0), 126.0, 2, 2009);
            (draft, "云帆大厦", "Yunfan Tower")
        }
        (false, false) => {
            let draft =
                tower("hotel", podium(52.0, 34.0, 16.0), &chamfered(40.0, 17.0, 2.0), shift(0.0, 3.0), 108.0, 1, 2004);
            (draft, "海清饭店", "Haiqing Hotel")
        }
    };
    b.city.ground("plaza", Some((zh, en)), &plot.inset(3.0));
    b.put((u, v), 0, named(draft, zh, en));
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        let pavilion = plain("retail", chamfered(7.0, 5.0, 1.2), None, 1, 4.2, 2018);
        b.put((u + x * (plot.width() / 2.0 - 6.0), v + y * (plot.depth() / 2.0 - 5.0)), 0, pavilion);
    }
}

fn podium_tower(b: &mut Builder<'_>, plot: &Rect, zh: &str, en: &str) {
    let (u, v) = plot.centre();
    let middle = centrality((u, v));
    let height = 38.0 + 78.0 * middle + b.random.between(-8.0, 14.0);
    let (width, depth) = (b.random.between(36.0, 44.0), b.random.between(30.0, 36.0));
    let shaft = match b.random.whole(0, 2) {
        0 => chamfered(width * 0.62, depth * 0.68, 2.5),
        1 => rect(width * 0.7, depth * 0.56).to_vec(),
        _ => round(depth * 0.36, 24),
    };
    let steps = b.random.whole(0, 2);
    let year = b.year(1999, 2022);
    let levels = podium(width, depth, f64::from(b.random.whole(2, 4)) * 5.0);
    let up = v - plot.south > plot.north - v || b.random.chance(0.5);
    let shifted = if up { plot.depth() / 2.0 - depth / 2.0 - 3.0 } else { depth / 2.0 - plot.depth() / 2.0 + 3.0 };
    let draft = tower("office", levels, &shaft, shift(0.0, 0.0), height, steps, year);
    b.put((u, v + shifted), 0, named(draft, &format!("{zh}大厦"), &format!("{en} Tower")));
    // A lower wing across the court.
    let wing = with_attic("office", rect(plot.width() - 14.0, 14.0).to_vec(), rect(12.0, 6.0).to_vec(), 7, 4.0, year);
    let other = if up { plot.south + 10.0 } else { plot.north - 10.0 };
    b.put((u, other), 0, named(wing, &format!("{zh}大厦附楼"), &format!("{en} Tower Annex")));
}

/// Offices around an inner court.
fn ring_office(b: &mut Builder<'_>, plot: &Rect, zh: &str, en: &str) {
    let (u, v) = plot.centre();
    let (width, depth) = (plot.width() - 14.0, plot.depth() - 16.0);
    let hole = rect(width - 30.0, depth - 30.0);
    let storeys = 6 + (8.0 * centrality((u, v))) as u32;
    let year = b.year(2003, 2021);
    let draft = plain("office", rect(width, depth).to_vec(), Some(&hole), storeys, 4.0, year);
    b.put((u, v), 0, named(draft, &format!("{zh}科技园"), &format!("{en} Science Park")));
}

/// Four houses of different heights.
fn cluster(b: &mut Builder<'_>, plot: &Rect, zh: &str, en: &str) {
    let (u, v) = plot.centre();
    let (width, depth) = (plot.width() / 2.0 - 9.0, plot.depth() / 2.0 - 9.0);
    let base = 5.0 + 14.0 * centrality((u, v));
    let year = b.year(1995, 2015);
    for (i, (x, y)) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].into_iter().enumerate() {
        let storeys = (base * b.random.between(0.6, 1.5)) as u32 + 3;
        let draft = with_attic("office", chamfered(width, depth, 2.0), rect(9.0, 7.0).to_vec(), storeys, 4.0, year);
        let letter = ["A", "B", "C", "D"][i];
        let at = (u + x * (width / 2.0 + 4.5), v + y * (depth / 2.0 + 4.5));
        b.put(at, 0, named(draft, &format!("{zh}广场{letter}座"), &format!("{en} Plaza {letter}")));
    }
}

pub(super) fn commercial(b: &mut Builder<'_>) {
    const MALLS: [(&str, &str); 4] = [
        ("云帆广场", "Yunfan Mall"),
        ("新中街商场", "Xinzhong Arcade"),
        ("数码城", "Digital City"),
        ("四季荟", "Four Seasons Mall"),
    ];
    b.city.ground("retail", None, &b.block.net.clone());
    for (i, plot) in b.block.plots.clone().iter().enumerate() {
        let rest = b.shops(plot, Side::North);
        let rest = b.shops(&rest, Side::South);
        let (u, v) = rest.centre();
        let (zh, en) = MALLS[(b.block.number + i) % MALLS.len()];
        let year = b.year(2002, 2020);
        match (b.block.number + i) % 3 {
            0 => mall(b, &rest, zh, en, year),
            1 => {
                let (width, depth) = (rest.width() - 10.0, rest.depth() * 0.52);
                let draft = with_attic("commercial", u_shape(width, depth, 17.0), roof_box(width, depth), 5, 5.0, year);
                b.put((u, rest.north - depth / 2.0 - 3.0), 0, named(draft, zh, en));
                market(b, &Rect { north: rest.north - depth - 8.0, ..rest });
            }
            _ => {
                let tower = tower(
                    "commercial",
                    podium(rest.width() - 12.0, rest.depth() * 0.45, 20.0),
                    &rect(26.0, 17.0).to_vec(),
                    shift(rest.width() * 0.12, 0.0),
                    46.0 + 40.0 * centrality((u, v)),
                    0,
                    year,
                );
                b.put((u, rest.south + rest.depth() * 0.225 + 3.0), 0, named(tower, zh, en));
                market(b, &Rect { south: rest.south + rest.depth() * 0.45 + 8.0, ..rest });
            }
        }
    }
}

/// A box for the machines on the closed side of a U.
fn roof_box(width: f64, depth: f64) -> Vec<P> {
    rect(width * 0.3, 8.0).into_iter().map(|at| at.plus(shift(0.0, depth / 2.0 - 8.5))).collect()
}

/// A large hall that steps back, with a court of light.
fn mall(b: &mut Builder<'_>, plot: &Rect, zh: &str, en: &str, year: u32) {
    let (width, depth) = (plot.width() - 12.0, plot.depth() - 26.0);
    let tiers = [
        (chamfered(width, depth, 7.0), 15.0),
        (chamfered(width - 9.0, depth - 12.0, 6.0), 22.0),
        (round(width * 0.2, 24), 29.0),
    ];
    let outline = tiers[0].0.clone();
    let draft =
        super::draft("commercial", 5, crate::solid::Roof::Stepped, year, outline, crate::solid::Solid::tiers(&tiers));
    let (u, _) = plot.centre();
    b.put((u, plot.north - depth / 2.0 - 4.0), 0, named(draft, zh, en));
    b.city.ground("plaza", None, &Rect { north: plot.south + 20.0, ..*plot }.inset(2.0));
}

/// Market halls in two rows.
fn market(b: &mut Builder<'_>, plot: &Rect) {
    let year = b.year(1994, 2012);
    let (count, rows) = ((plot.width() / 13.0) as u32, (plot.depth() / 16.0).floor().max(1.0) as u32);
    for row in 0..rows {
        for i in 0..count {
            let u = plot.west + plot.width() * (f64::from(i) + 0.5) / f64::from(count);
            let v = plot.south + plot.depth() * (f64::from(row) + 0.5) / f64::from(rows);
            let draft = match (i + row) % 3 {
                0 => parapet("retail", 11.0, 10.0, 2, 4.0, year),
                _ => house("retail", 11.0, 10.0, 5.0, 2.6, year),
            };
            b.put((u, v), 0, draft);
        }
    }
}

pub(super) fn industrial(b: &mut Builder<'_>) {
    b.city.ground("industrial", Some(("751车间艺术区", "Workshop 751 Art Zone")), &b.block.net.clone());
    for (i, plot) in b.block.plots.clone().iter().enumerate() {
        let rest = if i == 0 { b.shops(plot, Side::South) } else { *plot };
        let rest = rest.inset(2.0);
        let mut west = rest.west;
        while west < rest.east - 15.0 {
            let width = b.random.between(14.0, 24.0).min(rest.east - west);
            let u = west + width / 2.0;
            let year = b.year(1954, 1985);
            match b.random.unit() {
                kind if kind < 0.62 => {
                    // A row of narrow sheds, gable by gable.
                    let depth = rest.depth() / 2.0 - 2.5;
                    for v in [rest.south + depth / 2.0, rest.north - depth / 2.0] {
                        b.put((u, v), 0, house("industrial", width - 2.2, depth, 7.5, 3.6, year));
                    }
                }
                kind if kind < 0.82 => {
                    let draft =
                        plain("industrial", l_shape(width - 2.0, rest.depth() - 2.0, width * 0.45), None, 3, 4.4, year);
                    b.put((u, rest.centre().1), 0, draft);
                }
                _ => {
                    b.put((u, rest.north - 9.0), 0, plain("industrial", round(6.2, 24), None, 4, 5.0, year));
                    b.put((u, rest.south + 10.0), 0, parapet("industrial", width - 3.0, 14.0, 2, 4.6, year));
                }
            }
            west += width;
        }
    }
}
