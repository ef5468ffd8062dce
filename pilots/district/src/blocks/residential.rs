//! Housing estates: slabs that look south, point towers, courts closed by their houses, shops on the street.

use super::{Builder, Side, centrality, hipped, house, named, parapet, with_attic};
use crate::plan::Rect;
use crate::solid::{cross, rect};

const ESTATES: [(&str, &str); 11] = [
    ("银杏园", "Yinxing Court"),
    ("芳华里", "Fanghua Estate"),
    ("望山居", "Wangshan Residence"),
    ("学府家园", "Xuefu Homes"),
    ("听雨轩", "Tingyu Court"),
    ("海清苑", "Haiqing Gardens"),
    ("书香庭", "Shuxiang Court"),
    ("柳岸小区", "Liu'an Estate"),
    ("启明新村", "Qiming New Village"),
    ("云帆公寓", "Yunfan Apartments"),
    ("丹青里", "Danqing Estate"),
];

/// Numbers the houses of an estate.
struct Estate {
    name: (&'static str, &'static str),
    houses: u32,
}

impl Estate {
    fn next(&mut self) -> (String, String) {
        self.houses += 1;
        (format!("{}{}号楼", self.name.0, self.houses), format!("{} No. {}", self.name.1, self.houses))
    }
}

pub(super) fn build(b: &mut Builder<'_>) {
    let mut estate = Estate { name: ESTATES[b.block.number % ESTATES.len()], houses: 0 };
    let (zh, en) = estate.name;
    b.city.ground("residential", Some((zh, en)), &b.block.net.clone());
    for plot in b.block.plots.clone() {
        let side = b.street_side(&plot);
        let mut rest = b.shops(&plot, side);
        if plot.width() > 100.0 && side != Side::South && b.random.chance(0.6) {
            rest = b.shops(&rest, Side::South);
        }
        let rest = rest.inset(2.5);
        let middle = centrality(rest.centre());
        match b.random.unit() {
            style if style < 0.15 + 0.5 * middle => towers(b, &mut estate, &rest, middle),
            style if style < 0.55 && rest.width() < 100.0 && rest.width() > 48.0 && rest.depth() > 48.0 => {
                court(b, &mut estate, &rest);
            }
            _ => slabs(b, &mut estate, &rest, middle),
        }
    }
}

/// Rows of slabs, far enough apart for the winter sun on the lower floors.
fn slabs(b: &mut Builder<'_>, estate: &mut Estate, plot: &Rect, middle: f64) {
    let storeys = b.random.whole(5, 7) + (6.0 * middle) as u32;
    let depth = b.random.between(11.5, 13.5);
    let pitch = depth + (f64::from(storeys) * 2.9 * 0.62).max(9.5);
    let count = ((plot.depth() - depth) / pitch).floor() as u32 + 1;
    let columns = (plot.width() / 48.0).round().max(1.0) as u32;
    let year = b.year(1988, 2012);
    let width = plot.width() / f64::from(columns) - 5.0;
    let is_pitched = storeys <= 6 && b.random.chance(0.6);
    for row in 0..count {
        for column in 0..columns {
            let u = plot.west + plot.width() * (f64::from(column) + 0.5) / f64::from(columns);
            let v = plot.north - depth / 2.0 - f64::from(row) * pitch - b.random.between(0.0, 1.5);
            let shift = if row % 2 == 0 { 1.5 } else { -1.5 };
            let draft = if is_pitched {
                hipped("residential", width, depth, storeys, 2.9, year)
            } else {
                let attic = rect(width * 0.3, depth * 0.45).to_vec();
                with_attic("residential", rect(width, depth).to_vec(), attic, storeys, 2.9, year)
            };
            let (zh, en) = estate.next();
            b.put((u + shift, v), 0, named(draft, &zh, &en));
        }
    }
}

/// Point towers with notched corners and low houses for bicycles and post between them.
fn towers(b: &mut Builder<'_>, estate: &mut Estate, plot: &Rect, middle: f64) {
    let columns = (plot.width() / 34.0).floor().max(1.0) as u32;
    let rows = (plot.depth() / 40.0).floor().max(1.0) as u32;
    let year = b.year(2001, 2018);
    let share = |from: f64, length: f64, i: u32, of: u32| from + length * (f64::from(i) + 0.5) / f64::from(of);
    let grid = |i: u32| {
        (share(plot.west, plot.width(), i % columns, columns), share(plot.south, plot.depth(), i / columns, rows))
    };
    let mut places: Vec<(f64, f64)> = (0..columns * rows).map(grid).collect();
    if let [(u, v)] = places[..] {
        // Room for one in the middle is room for two across the corners.
        let (x, y) = (plot.width() / 2.0 - 13.0, plot.depth() / 2.0 - 12.0);
        places = vec![(u - x, v + y), (u + x, v - y)];
    }
    for (u, v) in places {
        let storeys = b.random.whole(14, 18) + (12.0 * middle) as u32;
        let plan = cross(b.random.between(21.0, 24.0), b.random.between(19.0, 22.0), 5.0);
        let draft = with_attic("residential", plan, rect(8.0, 7.0).to_vec(), storeys, 2.9, year);
        let (zh, en) = estate.next();
        b.put((u, v), 0, named(draft, &zh, &en));
        let shed = parapet("service", 9.0, 5.0, 1, 3.4, year);
        b.put((u, v - 17.0), 0, shed);
    }
}

/// Houses around a green court, a kindergarten in it.
fn court(b: &mut Builder<'_>, estate: &mut Estate, plot: &Rect) {
    let depth = 11.5;
    let year = b.year(1998, 2016);
    let storeys = b.random.whole(5, 8);
    let (u, v) = plot.centre();
    let (width, length) = (plot.width() - 2.0 * depth - 8.0, plot.depth() - 2.0 * depth - 8.0);
    let half = |b: &mut Builder<'_>, estate: &mut Estate, at: (f64, f64), turn: u32, length: f64| {
        let draft = with_attic(
            "residential",
            rect(length, depth).to_vec(),
            rect(length * 0.4, 5.0).to_vec(),
            storeys,
            2.9,
            year,
        );
        let (zh, en) = estate.next();
        b.put(at, turn, named(draft, &zh, &en));
    };
    half(b, estate, (u, plot.north - depth / 2.0), 0, width);
    half(b, estate, (u - width / 4.0 - 1.0, plot.south + depth / 2.0), 0, width / 2.0 - 5.0);
    half(b, estate, (u + width / 4.0 + 1.0, plot.south + depth / 2.0), 0, width / 2.0 - 5.0);
    half(b, estate, (plot.west + depth / 2.0, v), 1, length);
    half(b, estate, (plot.east - depth / 2.0, v), 1, length);
    let yard = Rect {
        west: plot.west + depth + 5.0,
        east: plot.east - depth - 5.0,
        south: plot.south + depth + 5.0,
        north: plot.north - depth - 5.0,
    };
    b.city.ground("garden", None, &yard);
    if b.random.chance(0.7) {
        let kindergarten = hipped("kindergarten", 15.0, 9.0, 1, 3.8, year);
        b.put((u, v + 2.0), 0, kindergarten);
    } else {
        let pavilion = house("pavilion", 7.0, 5.0, 3.0, 1.6, year);
        b.put((u, v), 0, pavilion);
    }
}
