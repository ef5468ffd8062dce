//! What the store has after a commit, commit by commit: rows in memory and in files come in, in the order of places and times in
//! which they lie; commits go out in the order of their numbers, each whole. So what a crash left is looked at as if it came
//! only now. Files are read only where a row of them can be newer than what was looked at, column by column, and what is held
//! in memory is bounded: of commits that together are larger than [`HELD`] rows a part at a time, each part by a pass of its own.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::UInt64Type;
use kernel_model::Sequence;
use kernel_model::schema::Table;
use kernel_store::{Part, Snapshot, entity_rows_after};

use crate::commit::{Commit, MANY, read_fixes, read_readings, streams};
use crate::error::Error;

/// Rows that are held at once, about.
const HELD: u64 = 2 * MANY as u64;
/// Where the number of its commit stands in a row, of both tables.
const COMMIT: usize = 7;

/// How many fixes and readings a commit has.
type Rows = [u64; 2];

/// Hands every commit of a snapshot after another one to `take`, in order; those without anything to look at are left out.
///
/// # Errors
/// Where a file cannot be read, and what `take` says.
pub fn replay(
    snapshot: &Snapshot,
    after: Sequence,
    mut take: impl FnMut(Commit) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut commits: BTreeMap<u64, Rows> = BTreeMap::new();
    for (n, table) in [Table::Positions, Table::Observations].into_iter().enumerate() {
        for part in parts(snapshot, table, after) {
            for chunk in 0..part.chunks() {
                let numbers = part.column(chunk, COMMIT)?;
                for number in numbers.as_primitive::<UInt64Type>().values().iter().filter(|number| **number > after.0) {
                    commits.entry(*number).or_default()[n] += 1;
                }
            }
        }
    }
    for batch in entity_rows_after(snapshot, after) {
        for number in batch.column(1).as_primitive::<UInt64Type>().values() {
            commits.entry(*number).or_default();
        }
    }
    for batch in snapshot.batches(Table::Datastreams) {
        let numbers = batch.column(1).as_primitive::<UInt64Type>().values();
        for number in numbers.iter().filter(|number| **number > after.0) {
            commits.entry(*number).or_default();
        }
    }
    while !commits.is_empty() {
        let last = last_to_hold(&commits);
        let rest = commits.split_off(&(last + 1));
        for commit in read(snapshot, after, &commits)? {
            take(commit)?;
        }
        commits = rest;
    }
    Ok(())
}

/// Parts that may have rows of later commits.
fn parts(snapshot: &Snapshot, table: Table, after: Sequence) -> impl Iterator<Item = &Part> {
    let also_sealed = after < snapshot.sealed_through();
    snapshot.parts(table).iter().filter(move |part| also_sealed || part.batch().is_some())
}

/// The last of the first commits that are held together.
fn last_to_hold(commits: &BTreeMap<u64, Rows>) -> u64 {
    let (mut held, mut last) = (0, 0);
    for (number, rows) in commits {
        // Of more than so many the newest of each thing are held.
        held += rows.iter().map(|rows| *rows.min(&(MANY as u64))).sum::<u64>();
        if last != 0 && held > HELD {
            break;
        }
        last = *number;
    }
    last
}

fn read(snapshot: &Snapshot, after: Sequence, wanted: &BTreeMap<u64, Rows>) -> Result<Vec<Commit>, Error> {
    let mut commits: BTreeMap<u64, Commit> = wanted
        .iter()
        .map(|(n, [fixes, readings])| (*n, Commit::with_room(Sequence(*n), *fixes as usize, *readings as usize)))
        .collect();
    each_chunk(snapshot, Table::Positions, after, 7, |columns, numbers| {
        let is_wanted = |row: usize| wanted.contains_key(&numbers[row]);
        read_fixes(columns, is_wanted, |row, fix| {
            if let Some(commit) = commits.get_mut(&numbers[row]) {
                commit.fixes.push(fix);
            }
        });
    })?;
    each_chunk(snapshot, Table::Observations, after, 5, |columns, numbers| {
        let is_wanted = |row: usize| wanted.contains_key(&numbers[row]);
        read_readings(columns, is_wanted, |row, reading| {
            if let Some(commit) = commits.get_mut(&numbers[row]) {
                commit.readings.push(reading);
            }
        });
    })?;
    for batch in entity_rows_after(snapshot, after) {
        let numbers = batch.column(1).as_primitive::<UInt64Type>().values();
        for (number, commit) in &mut commits {
            let (from, to) = (numbers.partition_point(|n| n < number), numbers.partition_point(|n| n <= number));
            if from < to {
                commit.described.push(batch.slice(from, to - from));
            }
        }
    }
    for batch in snapshot.batches(Table::Datastreams) {
        let numbers = batch.column(1).as_primitive::<UInt64Type>().values();
        for (number, stream) in numbers.iter().zip(streams(&batch)) {
            if let Some(commit) = commits.get_mut(number) {
                commit.streams.push(stream);
            }
        }
    }
    Ok(commits.into_values().collect())
}

/// Calls `take` with the first columns of every chunk that has a row of a later commit, and with the numbers of the commits.
fn each_chunk(
    snapshot: &Snapshot,
    table: Table,
    after: Sequence,
    columns: usize,
    mut take: impl FnMut(&[ArrayRef], &[u64]),
) -> Result<(), Error> {
    for part in parts(snapshot, table, after) {
        for chunk in 0..part.chunks() {
            let numbers = part.column(chunk, COMMIT)?;
            let numbers = numbers.as_primitive::<UInt64Type>().values();
            if numbers.iter().any(|number| *number > after.0) {
                let first: Vec<ArrayRef> = (0..columns).map(|n| part.column(chunk, n)).collect::<Result<_, _>>()?;
                take(&first, numbers);
            }
        }
    }
    Ok(())
}
