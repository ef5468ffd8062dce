//! The old quarter: alleys from east to west, between them walled courts, each with its main house in the north, its
//! gatehouse in the south and wings east and west; all on one storey, under grey pitched roofs.

use super::{Builder, house, named};
use crate::plan::Rect;
use crate::solid::rect;

pub(super) fn build(b: &mut Builder<'_>) {
    b.city.ground("hutong", Some(("老街坊", "Old Quarter")), &b.block.net.clone());
    let plots = b.block.plots.clone();
    for (row, plot) in plots.iter().enumerate() {
        let mut west = plot.west + 1.0;
        let mut number = 0;
        while west < plot.east - 13.0 {
            let width = b.random.between(14.5, 18.5).min(plot.east - 1.0 - west);
            let lot = Rect { west, east: west + width, south: plot.south + 0.5, north: plot.north - 0.5 };
            number += 1;
            let address =
                (format!("老街坊{}排{number}号院", row + 1), format!("Old Quarter Row {} No. {number}", row + 1));
            match b.random.unit() {
                kind if kind < 0.06 => workshop(b, &lot),
                kind if kind < 0.50 => one_court(b, &lot, &address),
                _ => two_courts(b, &lot, &address),
            }
            west += width + b.random.between(0.3, 1.0);
        }
    }
}

fn main_house(b: &mut Builder<'_>, lot: &Rect, v: f64, depth: f64, eaves: f64, address: &(String, String)) {
    let year = b.year(1880, 1955);
    let draft = house("hutong", lot.width() - 1.2, depth, eaves, depth * 0.3, year);
    b.put((lot.centre().0, v), 0, named(draft, &address.0, &address.1));
}

/// Two wings facing each other between two heights of the board.
fn wings(b: &mut Builder<'_>, lot: &Rect, south: f64, north: f64) {
    if north - south < 3.2 {
        return;
    }
    let (depth, year) = (b.random.between(4.2, 5.0), b.year(1890, 1960));
    for u in [lot.west + depth / 2.0 + 0.6, lot.east - depth / 2.0 - 0.6] {
        // The one or other wing has fallen down long ago, or never was.
        if b.random.chance(0.9) {
            let draft = house("hutong", depth, north - south, 3.1, 1.3, year);
            b.put((u, f64::midpoint(south, north)), 0, draft);
        }
    }
}

fn one_court(b: &mut Builder<'_>, lot: &Rect, address: &(String, String)) {
    let (north, south) = (b.random.between(7.0, 8.2), b.random.between(5.0, 5.8));
    main_house(b, lot, lot.north - north / 2.0, north, 3.9, address);
    wings(b, lot, lot.south + south + 2.2, lot.north - north - 2.2);
    gatehouse(b, lot, south);
}

fn two_courts(b: &mut Builder<'_>, lot: &Rect, address: &(String, String)) {
    let (north, hall, south) = (b.random.between(6.6, 7.4), b.random.between(5.0, 5.6), b.random.between(4.6, 5.2));
    main_house(b, lot, lot.north - north / 2.0, north, 3.9, address);
    let free = lot.depth() - north - hall - south;
    let middle = lot.north - north - free / 2.0 - hall / 2.0;
    let year = b.year(1890, 1960);
    let draft = house("hutong", lot.width() - 1.4, hall, 3.5, 1.5, year);
    b.put((lot.centre().0, middle), 0, draft);
    wings(b, lot, middle + hall / 2.0 + 1.0, lot.north - north - 1.0);
    wings(b, lot, lot.south + south + 1.0, middle - hall / 2.0 - 1.0);
    gatehouse(b, lot, south);
}

/// The south house, with the gate in its eastern end.
fn gatehouse(b: &mut Builder<'_>, lot: &Rect, depth: f64) {
    let year = b.year(1890, 1960);
    let width = lot.width() - 1.2;
    let draft = house("hutong", width - 3.4, depth, 3.0, 1.4, year);
    b.put((lot.west + 0.6 + (width - 3.4) / 2.0, lot.south + depth / 2.0), 0, draft);
    let gate = house("hutong", 2.6, depth - 0.6, 3.5, 1.0, year);
    b.put((lot.east - 0.6 - 1.3, lot.south + depth / 2.0), 0, gate);
}

/// A later flat-roofed house in place of a court.
fn workshop(b: &mut Builder<'_>, lot: &Rect) {
    let year = b.year(1970, 1998);
    let (width, depth) = (lot.width() - 1.6, lot.depth() * 0.5);
    let draft = super::with_attic("hutong", rect(width, depth).to_vec(), rect(5.0, 4.0).to_vec(), 2, 3.3, year);
    b.put((lot.centre().0, lot.north - depth / 2.0), 0, draft);
    gatehouse(b, lot, 5.0);
}
