//! Rows that are things: a point where the mapping has a place, the other columns as properties. Numbers stay numbers,
//! everything else is text.

use csv::ByteRecord;
use serde_json::Value;

use super::Frame;
use super::columns::Fields;
use super::mapping::Layout;
use super::rows::{Row, Rows};
use crate::error::Error;
use crate::intake::{Intake, Refusal};

pub(super) fn read(intake: &mut Intake<'_>, layout: &Layout, frame: &Frame, rows: &mut Rows) -> Result<(), Error> {
    let file = intake.file().to_owned();
    let misfit = |reason| Error::Malformed { file: file.clone(), place: "header".to_owned(), reason };
    let chosen = layout.properties.as_ref();
    let chosen = chosen.map(|columns| columns.iter().map(|c| rows.header.find(c)).collect::<Result<Vec<_>, _>>());
    let chosen = chosen.transpose().map_err(misfit)?;
    let mut record = ByteRecord::new();
    loop {
        let row = rows.next(&mut record)?;
        let fields = Fields::new(&record);
        let line = rows.line(&record);
        let draft = match row {
            Row::End => return Ok(()),
            Row::Refused(reason) => Err(reason),
            Row::Sound => draft(intake, layout, frame, fields, line),
        };
        let draft = draft.map(|mut draft| {
            let all: Vec<usize> = (0..record.len()).collect();
            for at in chosen.as_ref().unwrap_or(&all) {
                let text = fields.text(*at);
                if !text.is_empty() && !layout.missing.iter().any(|m| m == text) {
                    draft.properties.insert(rows.header.name(*at), value(text));
                }
            }
            draft
        });
        let sample = if draft.is_err() { fields.sample() } else { String::new() };
        let id = frame.id(fields, line).ok();
        intake.settle(id.as_deref(), format!("line {line}"), &sample, draft)?;
    }
}

fn draft(
    intake: &Intake<'_>,
    layout: &Layout,
    frame: &Frame,
    fields: Fields<'_>,
    line: u64,
) -> Result<kernel_model::EntityDraft, Refusal> {
    let id = frame.id(fields, line)?;
    let place = match &frame.place {
        Some(columns) => Some(columns.read(fields, &layout.missing)?.ok_or("its place is missing")?),
        None => None,
    };
    let mut draft = frame.draft(layout, intake.key(&*id), fields, place);
    if let Some(clock) = &frame.clock {
        draft.valid_from = Some(clock.read(fields)?);
    }
    Ok(draft)
}

/// A number where the text is one that prints back as it was (`007` is a text).
fn value(text: &str) -> Value {
    let number = text.parse::<f64>().ok().filter(|_| !text.starts_with('+'));
    let padded = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    match number.and_then(serde_json::Number::from_f64) {
        Some(number) if !padded => text.parse::<i64>().map_or(Value::Number(number), Value::from),
        _ => text.into(),
    }
}
