//! Where people learn: a university with its library and halls around lawns, and a school with its running track.

use super::{Builder, hipped, named, parapet, plain, tower, with_attic};
use crate::city::{Draft, Ground};
use crate::frame::Site;
use crate::plan::Rect;
use crate::plane::{Ring, p};
use crate::solid::{chamfered, l_shape, rect, u_shape};

const HALLS: [(&str, &str); 12] = [
    ("文史楼", "Humanities Hall"),
    ("理化楼", "Science Hall"),
    ("数学馆", "Mathematics Hall"),
    ("建筑馆", "Architecture Hall"),
    ("机械馆", "Engineering Hall"),
    ("生命楼", "Life Sciences Hall"),
    ("艺术楼", "Arts Hall"),
    ("外语楼", "Languages Hall"),
    ("信息楼", "Informatics Hall"),
    ("地学楼", "Earth Sciences Hall"),
    ("法学楼", "Law Hall"),
    ("讲堂", "Lecture Hall"),
];

pub(super) fn campus(b: &mut Builder<'_>) {
    b.city.ground("university", Some(("海清大学", "Haiqing University")), &b.block.net.clone());
    let plots = b.block.plots.clone();
    for (i, plot) in plots.iter().enumerate() {
        let rest = plot.inset(5.0);
        match i {
            0 => dormitories(b, &rest),
            1 => {
                let (u, v) = rest.centre();
                track(b, u, v, 30.0, rest.depth().min(95.0) / 2.0 - 2.0);
            }
            3 => library(b, &rest),
            _ => halls(b, &rest, i * 3),
        }
    }
}

/// Four halls around a lawn.
fn halls(b: &mut Builder<'_>, plot: &Rect, first: usize) {
    let (u, v) = plot.centre();
    let year = b.year(1935, 2008);
    let span = plot.width() - 4.0;
    let at = |i: usize| HALLS[(first + i) % HALLS.len()];
    let north = hipped("university", span, 15.0, 4, 3.9, year);
    b.put((u, plot.north - 8.0), 0, named(north, at(0).0, at(0).1));
    let south: Draft =
        with_attic("university", u_shape(span * 0.9, 26.0, 9.0), attic(span * 0.3, 8.0), 5, 3.9, year + 20);
    b.put((u, plot.south + 14.0), 2, named(south, at(1).0, at(1).1));
    let depth = plot.depth() - 15.0 - 28.0 - 14.0;
    if depth > 14.0 {
        for (side, i) in [(-1.0, 2), (1.0, 3)] {
            let wing = hipped("university", 12.0, depth, 3, 3.9, year);
            b.put((u + side * (span / 2.0 - 6.0), v + 5.0), 0, named(wing, at(i).0, at(i).1));
        }
        b.city.ground(
            "lawn",
            None,
            &Rect {
                west: u - span / 2.0 + 16.0,
                east: u + span / 2.0 - 16.0,
                south: plot.south + 32.0,
                north: plot.north - 20.0,
            },
        );
    }
}

fn attic(width: f64, wing: f64) -> Ring {
    rect(width, wing * 0.6).into_iter().map(|at| at.plus(p(0.0, 8.5))).collect()
}

fn library(b: &mut Builder<'_>, plot: &Rect) {
    let (u, v) = plot.centre();
    let draft = tower(
        "university",
        (chamfered(46.0, 40.0, 6.0), 16.0),
        &chamfered(26.0, 22.0, 3.0),
        p(0.0, 0.0),
        38.0,
        1,
        1991,
    );
    b.put((u, v + 8.0), 0, named(draft, "海清大学图书馆", "Haiqing University Library"));
    b.city.ground(
        "lawn",
        None,
        &Rect { south: plot.south, north: v - 16.0, west: plot.west + 4.0, east: plot.east - 4.0 },
    );
    let gate = plain("university", l_shape(12.0, 9.0, 4.5), None, 2, 4.0, 1991);
    b.put((plot.west + 8.0, plot.north - 8.0), 0, gate);
}

fn dormitories(b: &mut Builder<'_>, plot: &Rect) {
    let (u, _) = plot.centre();
    let year = b.year(1978, 2004);
    let rows = (plot.depth() / 25.0).floor() as u32;
    for row in 0..rows {
        let v = plot.north - 8.0 - f64::from(row) * 25.0;
        let draft = hipped("university", plot.width() - 4.0, 13.0, 5, 3.2, year);
        let number = row + 1;
        b.put(
            (u, v),
            0,
            named(draft, &format!("海清大学宿舍{number}号楼"), &format!("Haiqing University Dormitory {number}")),
        );
    }
}

pub(super) fn school(b: &mut Builder<'_>) {
    b.city.ground("school", Some(("启明中学", "Qiming School")), &b.block.net.clone());
    let plot = b.block.net.inset(6.0);
    let (u, _) = plot.centre();
    track(b, plot.west + 34.0, plot.centre().1, 28.0, plot.depth() / 2.0 - 10.0);
    let east = Rect { west: plot.west + 72.0, ..plot };
    let (eu, ev) = east.centre();
    let teaching = plain("school", u_shape(east.width() - 2.0, 40.0, 11.0), None, 4, 3.8, 1986);
    b.put((eu, east.north - 22.0), 0, named(teaching, "启明中学教学楼", "Qiming School Main Building"));
    let labs = hipped("school", east.width() - 8.0, 14.0, 4, 3.8, 1993);
    b.put((eu, ev - 6.0), 0, named(labs, "启明中学实验楼", "Qiming School Laboratories"));
    let gym = with_attic("school", chamfered(34.0, 26.0, 3.0), chamfered(26.0, 18.0, 2.0), 2, 5.0, 2006);
    b.put((eu, east.south + 18.0), 0, named(gym, "启明中学体育馆", "Qiming School Gymnasium"));
    let lodge = parapet("school", 7.0, 5.0, 1, 3.4, 1986);
    b.put((u - 2.0, plot.south + 4.0), 0, lodge);
}

/// A running track around a pitch, `straight` metres from the middle to where the bends begin.
fn track(b: &mut Builder<'_>, u: f64, v: f64, radius: f64, half: f64) {
    let site = Site::new(u, v, 0.0);
    let straight = (half - radius).max(5.0);
    let stadium = |radius: f64| -> Ring {
        let end = |from: f64, y: f64| {
            (0..=16).map(move |i| {
                let angle = from + std::f64::consts::PI * f64::from(i) / 16.0;
                p(radius * angle.cos(), y + radius * angle.sin())
            })
        };
        let local: Ring = end(0.0, straight).chain(end(std::f64::consts::PI, -straight)).collect();
        site.ring(&local)
    };
    let name = Some(("田径场".to_owned(), "Running Track".to_owned()));
    let (outer, inner) = (stadium(radius), stadium(radius - 8.0));
    b.city.grounds.push(Ground { class: "track", name, outline: outer, hole: Some(inner.clone()) });
    b.city.grounds.push(Ground { class: "pitch", name: None, outline: inner, hole: None });
}
