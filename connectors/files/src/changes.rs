//! Changes of things as people write them ([`kernel_model::read_changes`]): descriptions, retirements, splits and merges in
//! one JSON document. It is taken whole or refused whole, since one change may build on another; the frame is GeoJSON's own,
//! so `--crs` does not fit.

use serde::Deserialize;

use crate::Used;
use crate::error::Error;
use crate::intake::Intake;
use crate::options::Options;

#[derive(Debug, Deserialize)]
struct Head {
    #[serde(default)]
    dataset: Option<String>,
}

/// Reads one document. Names without a dataset are of the document's, or of the caller's where it states none.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    if options.crs.is_some() {
        let reason = "a document of changes is in degrees, longitude first; leave it out".to_owned();
        return Err(Error::Option { option: "--crs", reason });
    }
    let bytes = intake.input.whole()?;
    let malformed = |place: &str, reason: String| Error::Malformed {
        file: intake.file().to_owned(),
        place: place.to_owned(),
        reason,
    };
    let changes = match kernel_model::read_changes(&bytes, options.dataset.as_deref()) {
        Ok(changes) => changes,
        Err(kernel_model::WrittenError::Json(error)) => return Err(Error::from_json(intake.file(), "", error)),
        Err(error) => return Err(malformed("document", error.to_string())),
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| malformed("document", error.to_string()))?;
    if let Some(dataset) = head.dataset {
        intake.rename_dataset(&dataset);
    }
    for change in changes {
        intake.count_record();
        intake.put(change)?;
    }
    Ok(Used { crs: "OGC:CRS84".to_owned(), lineage: "OGC:CRS84".to_owned() })
}
