//! Stop times, by trip and sequence. A blank time between two stated ones is put between them, by the distance along the
//! shape where the feed has it for all, else by the number of stops, and marked; a trip that begins or ends with a blank, or
//! whose times go back, is refused as a whole, since the standard asks for these.

use super::stops::Stops;
use super::times::seconds;
use super::trips::Trips;
use super::{Feed, tables::Row};
use crate::error::Error;
use crate::intake::Refusal;

/// Stop times a feed may have: 32 bytes each.
const MAX_CALLS: usize = 20 << 20;

/// A trip at a stop. Times count from the beginning of the service day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Call {
    trip: u32,
    sequence: u32,
    pub(super) stop: u32,
    pub(super) arrival: i32,
    pub(super) departure: i32,
    /// Along the shape; NaN: not stated.
    distance: f32,
    pub(super) interpolated: bool,
}

/// A time that is not stated.
const BLANK: i32 = -1;

impl Feed<'_, '_> {
    /// Reads stop times; every trip gets its range of what is returned, every stop its routes.
    pub(super) fn timetable(&mut self, trips: &mut Trips, stops: &mut Stops) -> Result<Vec<Call>, Error> {
        let mut calls: Vec<Call> = Vec::new();
        self.each_row("stop_times.txt", |feed, row| {
            if calls.len() >= MAX_CALLS {
                return Err(feed.malformed("stop_times.txt", format!("more than {MAX_CALLS} rows; split the feed")));
            }
            Ok(call(row, trips, stops).map(|call| calls.push(call)))
        })?;
        calls.sort_by_key(|call| (call.trip, call.sequence));
        let mut kept = Vec::with_capacity(calls.len());
        for own in calls.chunk_by_mut(|a, b| a.trip == b.trip) {
            let Some(trip) = own.first().and_then(|call| trips.list.get_mut(call.trip as usize)) else { continue };
            if let Err(reason) = complete(own) {
                let place = format!("stop_times.txt trip {}", trip.id);
                self.intake.refuse(place, reason, "");
                continue;
            }
            trip.calls = kept.len()..kept.len() + own.len();
            for call in own.iter() {
                if let Some(stop) = stops.list.get_mut(call.stop as usize) {
                    stop.routes.insert(trip.route);
                }
            }
            kept.extend_from_slice(own);
        }
        Ok(kept)
    }
}

fn call(row: Row<'_>, trips: &Trips, stops: &Stops) -> Result<Call, Refusal> {
    let known = |ids: &std::collections::HashMap<String, u32>, column: &str, table: &str| {
        let id = row.get(column);
        ids.get(id).copied().ok_or_else(|| format!("its {column} `{id}` is not among those of {table}"))
    };
    let time = |column: &str| row.some(column).map(seconds).transpose();
    let (arrival, departure) = (time("arrival_time")?, time("departure_time")?);
    let sequence = row.get("stop_sequence");
    Ok(Call {
        trip: known(&trips.by_id, "trip_id", "trips.txt")?,
        stop: known(&stops.by_id, "stop_id", "stops.txt")?,
        sequence: sequence.parse().map_err(|_| format!("its stop_sequence `{sequence}` is no number"))?,
        // One of the two stands for both.
        arrival: arrival.or(departure).unwrap_or(BLANK),
        departure: departure.or(arrival).unwrap_or(BLANK),
        distance: row.get("shape_dist_traveled").parse().unwrap_or(f32::NAN),
        interpolated: false,
    })
}

/// Puts times where they are blank.
fn complete(calls: &mut [Call]) -> Result<(), Refusal> {
    let is_blank = |call: &Call| call.arrival == BLANK;
    if calls.first().is_none_or(is_blank) || calls.last().is_none_or(is_blank) {
        return Err("its first and its last stop have to have times".to_owned());
    }
    let mut stated = 0;
    for at in 1..calls.len() {
        if is_blank(&calls[at]) {
            continue;
        }
        let (from, to) = (calls[stated], calls[at]);
        if to.arrival < from.departure || to.departure < to.arrival {
            return Err(format!("its times go back at stop_sequence {}", to.sequence));
        }
        between(&mut calls[stated + 1..at], from, to);
        stated = at;
    }
    Ok(())
}

fn between(blanks: &mut [Call], from: Call, to: Call) {
    let span = f64::from(to.arrival - from.departure);
    let length = to.distance - from.distance;
    let ascends = |d: f32| d >= from.distance && d <= to.distance;
    let by_distance = length > 0.0 && blanks.iter().all(|call| ascends(call.distance));
    let parts = blanks.len() as f64 + 1.0;
    for (index, call) in blanks.iter_mut().enumerate() {
        let share = if by_distance {
            f64::from((call.distance - from.distance) / length)
        } else {
            (index as f64 + 1.0) / parts
        };
        call.arrival = from.departure + (span * share).round() as i32;
        call.departure = call.arrival;
        call.interpolated = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(times: &[(i32, f32)]) -> Vec<Call> {
        let call = |(at, (time, distance)): (usize, &(i32, f32))| Call {
            trip: 0,
            sequence: at as u32,
            stop: 0,
            arrival: *time,
            departure: *time,
            distance: *distance,
            interpolated: false,
        };
        times.iter().enumerate().map(call).collect()
    }

    #[test]
    fn blanks_lie_between_stated_times() {
        let mut even = calls(&[(100, f32::NAN), (BLANK, f32::NAN), (BLANK, f32::NAN), (400, f32::NAN)]);
        complete(&mut even).unwrap();
        assert_eq!(
            even.iter().map(|c| (c.arrival, c.interpolated)).collect::<Vec<_>>(),
            [(100, false), (200, true), (300, true), (400, false)]
        );
        let mut far = calls(&[(0, 0.0), (BLANK, 9.0), (100, 10.0)]);
        complete(&mut far).unwrap();
        assert_eq!(far[1].arrival, 90);
        for wrong in [calls(&[(BLANK, 0.0), (5, 1.0)]), calls(&[(5, 0.0), (BLANK, 1.0)]), calls(&[(5, 0.0), (4, 1.0)])]
        {
            assert!(complete(&mut wrong.clone()).is_err());
        }
    }
}
