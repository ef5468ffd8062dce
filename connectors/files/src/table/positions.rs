//! Rows of fixes: each new moving thing is declared before its first fix, and fixes go on in batches by thing.

use csv::ByteRecord;
use kernel_model::PositionFix;

use super::Frame;
use super::columns::{Fields, metres_a_second};
use super::mapping::Layout;
use super::rows::{Row, Rows};
use crate::error::Error;
use crate::fixes::Fixes;
use crate::intake::{Intake, Refusal};

struct Reader<'a> {
    layout: &'a Layout,
    frame: &'a Frame,
    heading: Option<usize>,
    /// The column and metres a second of its unit.
    speed: Option<(usize, f64)>,
}

pub(super) fn read(intake: &mut Intake<'_>, layout: &Layout, frame: &Frame, rows: &mut Rows) -> Result<(), Error> {
    let file = intake.file().to_owned();
    let misfit = |reason| Error::Malformed { file: file.clone(), place: "header".to_owned(), reason };
    let heading = layout.heading.as_ref().map(|c| rows.header.find(c)).transpose().map_err(misfit)?;
    let speed = layout.speed.as_ref();
    let speed = speed.map(|s| Ok((rows.header.find(&s.column)?, metres_a_second(&s.unit).unwrap_or(1.0)))).transpose();
    let speed = speed.map_err(misfit)?;
    let reader = Reader { layout, frame, heading, speed };
    let mut fixes = Fixes::new(frame.height_reference.clone());
    let mut record = ByteRecord::new();
    loop {
        let row = rows.next(&mut record)?;
        let fields = Fields::new(&record);
        let line = rows.line(&record);
        let fix = match row {
            Row::End => break,
            Row::Refused(reason) => Err(reason),
            Row::Sound => reader.fix(fields, line),
        };
        intake.count_record();
        match fix {
            Ok((id, fix)) => fixes.keep(intake, &id, fix, |key| frame.draft(layout, key, fields, None))?,
            Err(reason) => intake.refuse(format!("line {line}"), reason, &fields.sample()),
        }
    }
    fixes.flush(intake)
}

impl<'a> Reader<'a> {
    fn fix<'r>(&self, fields: Fields<'r>, line: u64) -> Result<(std::borrow::Cow<'r, str>, PositionFix), Refusal>
    where
        'a: 'r,
    {
        let frame = self.frame;
        let id = frame.id(fields, line)?;
        let time = frame.clock.as_ref().ok_or("the mapping has no time")?.read(fields)?;
        let place = frame.place.as_ref().ok_or("the mapping has no place")?.read(fields, &self.layout.missing)?;
        let place = place.ok_or("its place is missing")?;
        let optional = |at: Option<usize>| at.map_or(Ok(None), |at| fields.number(at, &self.layout.missing));
        let heading_deg = optional(self.heading)?.map(|h| h.rem_euclid(360.0) as f32);
        let speed_m_s = optional(self.speed.map(|s| s.0))?.zip(self.speed).map(|(v, (_, factor))| (v * factor) as f32);
        Ok((id, PositionFix { time, place, heading_deg, speed_m_s }))
    }
}
