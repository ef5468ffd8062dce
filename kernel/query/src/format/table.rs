//! Batches in, aligned columns for a terminal out. Columns share the width that there is: narrow ones stay whole, wide
//! ones (geometry, JSON) are cut with an ellipsis. Characters that take two places count as two.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Failure;
use super::csv::texts;

/// Longest cell kept for alignment: no terminal shows more.
const LONGEST: usize = 1_000;
/// What a column is not narrowed below.
const NARROWEST: usize = 6;
const GAP: &str = "  ";

#[derive(Debug)]
pub(super) struct Writer<W: Write> {
    out: W,
    schema: SchemaRef,
    width: usize,
    rows: Vec<Vec<String>>,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(schema: &SchemaRef, out: W, width: usize) -> Self {
        Self { out, schema: schema.clone(), width, rows: Vec::new() }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let columns = texts(&self.schema, batch)?;
        for row in 0..batch.num_rows() {
            self.rows.push(columns.iter().map(|column| plain(&column[row])).collect());
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<W, Failure> {
        let header: Vec<String> = self.schema.fields().iter().map(|field| plain(field.name())).collect();
        let mut widths: Vec<usize> = header.iter().map(|name| name.width()).collect();
        for row in &self.rows {
            widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.width()));
        }
        share(&mut widths, self.width);
        let right: Vec<bool> = self.schema.fields().iter().map(|field| field.data_type().is_numeric()).collect();
        line(&mut self.out, &header, &widths, &right)?;
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        line(&mut self.out, &rule, &widths, &right)?;
        for row in &self.rows {
            line(&mut self.out, row, &widths, &right)?;
        }
        writeln!(self.out, "({} {})", self.rows.len(), if self.rows.len() == 1 { "row" } else { "rows" })?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// One line without control characters, which could move the cursor.
fn plain(text: &str) -> String {
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Narrows the widest columns until all fit.
fn share(widths: &mut [usize], total: usize) {
    let room = total.saturating_sub(GAP.len() * widths.len().saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max() else { return };
        if *widest <= NARROWEST {
            return;
        }
        *widest -= 1;
    }
}

fn line(out: &mut impl Write, cells: &[String], widths: &[usize], right: &[bool]) -> std::io::Result<()> {
    let mut text = String::new();
    for ((cell, width), right) in cells.iter().zip(widths).zip(right) {
        let cell = fit(cell, *width);
        let space = " ".repeat(width.saturating_sub(cell.width()));
        if !text.is_empty() {
            text.push_str(GAP);
        }
        if *right {
            text.push_str(&space);
            text.push_str(&cell);
        } else {
            text.push_str(&cell);
            text.push_str(&space);
        }
    }
    writeln!(out, "{}", text.trim_end())
}

/// The beginning of `cell` that takes `width` places, with an ellipsis where something is missing.
fn fit(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut text = String::new();
    let mut used = 1;
    for character in cell.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        text.push(character);
    }
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_columns_give_way_and_double_width_counts() {
        let mut widths = [4, 200, 36];
        share(&mut widths, 80);
        assert_eq!(widths, [4, 36, 36]);
        assert_eq!(fit("北京市海淀区", 7), "北京市…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(plain("a\u{1b}[2Jb"), "a [2Jb");
    }
}
