//! Covers in space and time, as ranges of the 128-bit key. A trajectory (positions with instants) or a cover and an interval come in, sorted
//! key ranges go out: every key of a moment on the way, or of a position and instant in the area, lies in one of them. Keys hold hours,
//! so nothing finer than an hour is told apart, and nothing is marked inner that holds a moment off the way.

use super::descend::descend;
use super::path::{Leg, Path};
use super::shape::{copies, unroll};
use super::tree::GeoSot;
use super::{Code, CodeRange, Cover, Limits, sorted};
use crate::error::Error;
use crate::geosot::{FINEST_LEVEL, SCHEME};
use crate::key::{Key, Profile, hour_field};
use crate::time::{HOUR_US, Interval};
use crate::{Position, time};

/// One moment of a trajectory. Between two of them the way is straight in longitude, latitude, height and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Where; with a height in all samples (3D keys) or in none (2D keys).
    pub place: Position,
    /// When, UTC microseconds since 1970.
    pub time_us: i64,
}

/// The keys of a trajectory: for each UTC hour it lasts, the cells it passes in that hour (time-first profile), or the cells of the whole way
/// with all its hours (space-first profile). No range is inner, because a way fills no cell.
///
/// # Errors
/// [`Error::Cover`] without samples, for a height in some samples only, or for more hours than the limit of cells; [`Error::Time`] for samples
/// out of order or beyond what keys hold; [`Error::Level`] beyond level 32.
pub fn cover_trajectory(samples: &[Sample], limits: Limits, profile: Profile) -> Result<Vec<CodeRange<u128>>, Error> {
    let limits = limits.check(SCHEME, 0, FINEST_LEVEL)?;
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Err(Error::Cover { why: "a trajectory has a sample or more" });
    };
    if let Some(pair) = samples.windows(2).find(|pair| pair[0].time_us > pair[1].time_us) {
        let why = "it is before the sample it follows: sort the samples by time";
        return Err(Error::Time { text: time::format_iso(pair[1].time_us), why });
    }
    let solid = first.place.height_m().is_some();
    if samples.iter().any(|sample| sample.place.height_m().is_some() != solid) {
        return Err(Error::Cover {
            why: "some samples have a height and some have none: give all of them one, or none",
        });
    }
    if solid {
        ranges::<u128>(samples, (first.time_us, last.time_us), limits, profile)
    } else {
        ranges::<u64>(samples, (first.time_us, last.time_us), limits, profile)
    }
}

fn ranges<C: Code>(
    samples: &[Sample],
    (from_us, to_us): (i64, i64),
    limits: Limits,
    profile: Profile,
) -> Result<Vec<CodeRange<u128>>, Error> {
    if profile == Profile::SpaceFirst {
        let cover = cover_part::<C>(samples, None, limits)?;
        return cover_keys(&cover, (from_us, to_us), profile, usize::MAX).map(outer);
    }
    let hours = from_us.div_euclid(HOUR_US)..=to_us.div_euclid(HOUR_US);
    let count = hours.end().abs_diff(*hours.start()) + 1;
    let each = Limits { max_cells: (limits.max_cells as u64 / count) as usize, ..limits };
    if each.max_cells == 0 {
        return Err(Error::Cover {
            why: "the trajectory lasts more hours than the limit of cells: give a greater limit",
        });
    }
    let mut keys = Vec::new();
    for hour in hours {
        let start_us = hour.saturating_mul(HOUR_US);
        let cover = cover_part::<C>(samples, Some(Interval::hour_of(start_us)), each)?;
        keys.extend(cover_keys(&cover, (start_us, start_us), profile, usize::MAX)?);
    }
    Ok(outer(keys))
}

fn outer(mut ranges: Vec<CodeRange<u128>>) -> Vec<CodeRange<u128>> {
    for range in &mut ranges {
        range.inner = false;
    }
    ranges
}

/// The cover of the way, or of the part of it in one hour.
fn cover_part<C: Code>(samples: &[Sample], hour: Option<Interval>, limits: Limits) -> Result<Cover<C>, Error> {
    let mut path = Path::default();
    // A single sample is a way of no length.
    let still = [samples[0], samples[0]];
    let ways = if samples.len() == 1 { &still } else { samples };
    for pair in ways.windows(2) {
        let Some(part) = part_in(pair[0].time_us, pair[1].time_us, hour) else { continue };
        let ends = [pair[0].place, pair[1].place];
        let corners = unroll(&ends.map(|end| (end.lon_deg(), end.lat_deg())))?;
        let heights_m = (ends[0].height_m().unwrap_or(0.0), ends[1].height_m().unwrap_or(0.0));
        let copied = copies(&corners, 0).into_iter();
        path.legs.extend(copied.map(|ends| Leg { from: ends[0], to: ends[1], heights_m, part }));
    }
    let cells = sorted(descend(&GeoSot { solid: C::IS_3D }, &path, limits.max_cells, limits.finest_level));
    Ok(Cover::from_cells(cells.iter().map(|(cell, inner)| (cell, *inner))))
}

/// From where to where on the way between two instants the hour lasts, as shares of the way; nothing outside it.
fn part_in(from_us: i64, to_us: i64, hour: Option<Interval>) -> Option<(f64, f64)> {
    let Some(hour) = hour else { return Some((0.0, 1.0)) };
    let last_us = hour.end_us() - 1;
    if to_us < hour.start_us() || from_us > last_us {
        return None;
    }
    let length = to_us.abs_diff(from_us).max(1) as f64;
    let share = |at: i64| if at <= from_us { 0.0 } else { at.abs_diff(from_us) as f64 / length };
    Some((share(hour.start_us()), share(last_us).min(1.0)))
}

/// The keys of a cover's codes at the instants from one to another, both inside: in the time-first profile a range for each code range and
/// hour, in the space-first profile one for each code range, which holds its keys of other hours too and is never inner.
///
/// # Errors
/// [`Error::Time`] for instants no key holds or in the wrong order; [`Error::Cover`] for more than `max_ranges` ranges.
pub fn cover_keys<C: Code>(
    cover: &Cover<C>,
    (from_us, to_us): (i64, i64),
    profile: Profile,
    max_ranges: usize,
) -> Result<Vec<CodeRange<u128>>, Error> {
    if from_us > to_us {
        let why = "the interval ends before it begins: swap the instants";
        return Err(Error::Time { text: time::format_iso(to_us), why });
    }
    let (first, last) = (hour_field(Some(from_us))?, hour_field(Some(to_us))?);
    let times = if profile == Profile::TimeFirst { last - first + 1 } else { 1 };
    if times.saturating_mul(cover.ranges().len() as u128) > max_ranges as u128 {
        return Err(Error::Cover {
            why: "there are more key ranges than the limit: take a coarser cover or a shorter time",
        });
    }
    let mut keys = Vec::with_capacity(times as usize * cover.ranges().len());
    for hour in (first..=last).take(times as usize) {
        let hours = if profile == Profile::TimeFirst { (hour, hour) } else { (first, last) };
        // Whole hours only: the first and the last one may begin before or end after the interval.
        let whole = is_whole(hour, (first, last), (from_us, to_us)) && profile == Profile::TimeFirst;
        for range in cover.ranges() {
            let (first, last) = Key::range_between(range, hours, profile);
            keys.push(CodeRange { first, last, inner: range.inner && whole });
        }
    }
    Ok(keys)
}

/// Does the interval last all of an hour of its?
fn is_whole(hour: u128, (first, last): (u128, u128), (from_us, to_us): (i64, i64)) -> bool {
    (hour > first || from_us.rem_euclid(HOUR_US) == 0) && (hour < last || to_us.rem_euclid(HOUR_US) == HOUR_US - 1)
}
