//! The texts of cells in mixed radix. A table of steps and a cell come in, characters go out, level after level; characters come in, a cell goes
//! out, and every character is checked against what its place allows.

use super::{Cell, Form, Step};
use crate::error::{Error, bad_character, bad_length};
use crate::text::CodeText;

const DIGITS: &[u8; 15] = b"0123456789ABCDE";

/// The character of a digit below 15.
#[inline]
fn digit(value: u32) -> u8 {
    DIGITS[(value % 15) as usize]
}

/// Writes the levels of `steps` for a cell, each level's plane part followed by its height part when the cell has one.
pub(crate) fn write(steps: &[Step], cell: &Cell, out: &mut CodeText) {
    for step in steps.iter().take(cell.level as usize) {
        let (col, row) = (cell.x / step.lon % step.cols, cell.y / step.lat % step.rows);
        match step.form {
            Form::Zone => write_band(out, if cell.west { 30 - col } else { 31 + col }, row),
            Form::Band => write_band(out, col, row),
            Form::Single => out.push(digit(row * step.cols + col)),
            Form::Pair => {
                out.push(digit(col));
                out.push(digit(row));
            }
        }
        if let Some((_, z)) = cell.z {
            let floor = z / step.height % step.floors;
            if step.height_characters() == 2 {
                out.push(digit(floor / 10));
                out.push(digit(floor % 10));
            } else {
                out.push(digit(floor));
            }
        }
    }
}

fn write_band(out: &mut CodeText, number: u32, row: u32) {
    out.push(digit(number / 10));
    out.push(digit(number % 10));
    out.push(b'A' + row as u8);
}

/// Reads a code from left to right and says which character is wrong and what was allowed there.
pub(crate) struct Reader<'a> {
    scheme: &'static str,
    lengths: &'static str,
    code: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(scheme: &'static str, lengths: &'static str, code: &'a str) -> Self {
        Self { scheme, lengths, code, at: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at == self.code.len()
    }

    /// The next byte's place in `choices`.
    pub(crate) fn one_of(&mut self, choices: &str, allowed: &'static str) -> Result<u32, Error> {
        let Some(byte) = self.code.as_bytes().get(self.at) else {
            return Err(bad_length(self.scheme, self.code, self.lengths));
        };
        let Some(place) = choices.bytes().position(|c| c == *byte) else {
            return Err(bad_character(self.scheme, self.code, self.at, allowed));
        };
        self.at += 1;
        Ok(place as u32)
    }

    /// One digit below `limit`: 0-9, A-E.
    pub(crate) fn digit(&mut self, limit: u32) -> Result<u32, Error> {
        let Some(&byte) = self.code.as_bytes().get(self.at) else {
            return Err(bad_length(self.scheme, self.code, self.lengths));
        };
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'E' => byte - b'A' + 10,
            _ => u8::MAX,
        };
        if u32::from(value) >= limit {
            return Err(bad_character(self.scheme, self.code, self.at, digits_below(limit)));
        }
        self.at += 1;
        Ok(u32::from(value))
    }

    /// Two decimal digits in `low..=high`; a number out of range is blamed on its second digit.
    pub(crate) fn number(&mut self, low: u32, high: u32, allowed: &'static str) -> Result<u32, Error> {
        let tens = self.one_of(&"0123456789"[..=(high / 10) as usize], allowed)?;
        let number = tens * 10 + self.one_of("0123456789", allowed)?;
        if (low..=high).contains(&number) {
            Ok(number)
        } else {
            Err(bad_character(self.scheme, self.code, self.at - 1, allowed))
        }
    }

    /// All the levels until the end of the text, into `cell`; a zone decides east or west.
    pub(crate) fn levels(&mut self, steps: &[Step], cell: &mut Cell) -> Result<(), Error> {
        for (index, step) in steps.iter().enumerate() {
            if self.is_done() {
                return Ok(());
            }
            let (col, row) = self.plane(step, cell)?;
            cell.x += col * step.lon;
            cell.y += row * step.lat;
            if let Some((_, z)) = cell.z.as_mut() {
                let floor = match step.height_characters() {
                    2 if step.floors == 64 => self.number(0, 63, "00-63 (height, 4 degrees each)")?,
                    2 => self.number(0, 31, "00-31 (height, 4 degrees each)")?,
                    _ => self.digit(step.floors)?,
                };
                *z += floor * step.height;
            }
            cell.level = index as u8 + 1;
        }
        if self.is_done() { Ok(()) } else { Err(bad_length(self.scheme, self.code, self.lengths)) }
    }

    fn plane(&mut self, step: &Step, cell: &mut Cell) -> Result<(u32, u32), Error> {
        match step.form {
            Form::Zone => {
                let zone = self.number(1, 60, "01-60 (zone, 6 degrees each)")?;
                cell.west = zone <= 30;
                let col = if cell.west { 30 - zone } else { zone - 31 };
                Ok((col, self.one_of("ABCDEFGHIJKLMNOPQRSTUV", "A-V (row, 4 degrees each)")?))
            }
            Form::Band => {
                let col = self.number(0, 14, "00-14 (column, 6 degrees each)")?;
                Ok((col, self.one_of("ABCDEFGHIJK", "A-K (row, 4 degrees each)")?))
            }
            Form::Single => {
                let both = self.digit(step.cols * step.rows)?;
                Ok((both % step.cols, both / step.cols))
            }
            Form::Pair => Ok((self.digit(step.cols)?, self.digit(step.rows)?)),
        }
    }
}

/// The digits below a limit, for a refusal.
fn digits_below(limit: u32) -> &'static str {
    match limit {
        2 => "0 or 1",
        3 => "0-2",
        4 => "0-3",
        5 => "0-4",
        6 => "0-5",
        7 => "0-6",
        8 => "0-7",
        9 => "0-8",
        10 => "0-9",
        12 => "0-9, A or B",
        _ => "0-9 or A-E",
    }
}
