//! GeoJSON text sequences (RFC 8142: a record separator before each text) and features a line, as they are commonly
//! written without it. A text that cannot be read is refused and the next one goes in (RFC 7464 section 2.3); a last text
//! that ends in the middle refuses the file.

use std::io::{BufRead, Read};

use serde_json::Value;

use super::{Features, ground};
use crate::Used;
use crate::error::Error;
use crate::features::Drafts;
use crate::intake::Intake;
use crate::options::Options;

/// The record separator of RFC 7464.
pub(crate) const SEPARATOR: u8 = 0x1e;
/// Bytes one text may have.
const MAX_TEXT_BYTES: u64 = 64 << 20;

/// Reads one sequence.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let drafts = Drafts::new(ground(intake, options, None)?, options)?;
    let mut reader = intake.input.open()?;
    let mut features = Features { intake, drafts, index: 0 };
    let end = if first(&mut reader, features.intake.file())? == SEPARATOR { SEPARATOR } else { b'\n' };
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = (&mut reader).take(MAX_TEXT_BYTES).read_until(end, &mut text);
        let read = read.map_err(|e| Error::from_io(features.intake.file(), e))?;
        if read == 0 {
            return Ok(features.drafts.ground.used());
        }
        let ended = text.last().is_some_and(|last| *last == end || *last == b'\n');
        if !ended && read as u64 == MAX_TEXT_BYTES {
            let reason = "a text of it is longer than 64 MiB".to_owned();
            let file = features.intake.file().to_owned();
            return Err(Error::Malformed { file, place: format!("text {}", features.index), reason });
        }
        let text = text.strip_suffix(&[SEPARATOR]).unwrap_or(&text).trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if !text.is_empty() {
            take(&mut features, text, ended)?;
        }
    }
}

fn first(reader: &mut impl BufRead, file: &str) -> Result<u8, Error> {
    Ok(reader.fill_buf().map_err(|e| Error::from_io(file, e))?.first().copied().unwrap_or(b'\n'))
}

fn take(features: &mut Features<'_, '_>, text: &[u8], ended: bool) -> Result<(), Error> {
    let place = format!("text {}", features.index);
    match serde_json::from_slice::<Value>(text) {
        // A collection in a sequence is taken apart.
        Ok(Value::Object(mut object)) if object.get("type").is_some_and(|t| t == "FeatureCollection") => {
            let members = object.remove("features").unwrap_or_default();
            members.as_array().into_iter().flatten().try_for_each(|feature| features.take(feature))
        }
        Ok(feature) => features.take(&feature),
        Err(error) if !ended && error.is_eof() => {
            Err(Error::Truncated { file: features.intake.file().to_owned(), detail: place })
        }
        Err(error) => {
            features.index += 1;
            features.intake.count_record();
            let sample = String::from_utf8_lossy(&text[..text.len().min(200)]).into_owned();
            features.intake.refuse(place, format!("it is no JSON: {error}"), &sample);
            Ok(())
        }
    }
}
