//! Batches of readings and fixes as changes. An Arrow batch and what is said of all its rows come in, changes go out, one for
//! each unit; a batch that lacks a column, or says too little of it, is refused whole.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use kernel_model::{Change, FixColumns, HeightReference, PlaceColumns, ReadingColumns};

use super::columns::Columns;
use super::said::{Parameters, Said};
use crate::error::ApiError;

const READINGS: [&str; 10] =
    ["datastream", "source_id", "phenomenon_time", "result_time", "value", "unit", "quality", "lon", "lat", "height_m"];
const FIXES: [&str; 8] = ["entity", "source_id", "time", "lon", "lat", "height_m", "heading_deg", "speed_m_s"];

/// Which table rows are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Observations,
    Positions,
}

impl Door {
    /// The changes that a batch is.
    pub(super) fn read(self, batch: &RecordBatch, parameters: &Parameters) -> Result<Vec<Change>, ApiError> {
        let schema = batch.schema();
        let said = Said::new(parameters, &schema);
        match self {
            Self::Observations => Ok(readings(batch, &said)?.into_iter().map(Change::Readings).collect()),
            Self::Positions => fixes(batch, &said).map(|fixes| vec![Change::Fixes(fixes)]),
        }
    }
}

/// The readings of a batch, those of each unit by themselves.
pub(super) fn readings(batch: &RecordBatch, said: &Said<'_>) -> Result<Vec<ReadingColumns>, ApiError> {
    let columns = Columns::new(batch, &READINGS)?;
    let Some((units, of)) = columns.units()? else { return Ok(vec![of_unit(&columns, said, said.unit()?)?]) };
    if said.has_unit() {
        return Err(ApiError::bad_request("the unit is said for all rows and in the column unit: say it once"));
    }
    let mut readings = Vec::new();
    for (number, unit) in (0..).zip(&units) {
        let mask: BooleanArray = of.iter().map(|at| Some(*at == number)).collect();
        let rows = filter_record_batch(batch, &mask).map_err(ApiError::internal)?;
        if rows.num_rows() > 0 {
            readings.push(of_unit(&Columns::new(&rows, &READINGS)?, said, unit)?);
        }
    }
    Ok(readings)
}

fn of_unit(columns: &Columns<'_>, said: &Said<'_>, unit: &str) -> Result<ReadingColumns, ApiError> {
    Ok(ReadingColumns {
        datastreams: columns.datastreams(said)?,
        unit: Some(Arc::from(unit)),
        phenomenon_us: columns.instants("phenomenon_time")?,
        result_us: columns.instants_or_none("result_time")?,
        value: columns.numbers("value")?,
        quality: columns.qualities()?,
        places: places(columns, said, |reference| match reference {
            HeightReference::Ellipsoid => Ok(()),
            other => Err(ApiError::bad_request(format!(
                "heights of readings are above the ellipsoid, these are above {other}: convert or leave them out"
            ))),
        })?
        .map(|(places, _)| places),
    })
}

/// The fixes of a batch.
pub(super) fn fixes(batch: &RecordBatch, said: &Said<'_>) -> Result<FixColumns, ApiError> {
    let columns = Columns::new(batch, &FIXES)?;
    let (places, height_reference) = places(&columns, said, |_| Ok(()))?
        .ok_or_else(|| ApiError::bad_request("a fix needs the columns lon and lat"))?;
    Ok(FixColumns {
        things: columns.things(said)?,
        height_reference,
        time_us: columns.instants("time")?,
        places,
        heading_deg: columns.singles_or_none("heading_deg")?,
        speed_m_s: columns.singles_or_none("speed_m_s")?,
    })
}

/// Places and what their heights are measured from, where there are places.
fn places(
    columns: &Columns<'_>,
    said: &Said<'_>,
    check: impl Fn(&HeightReference) -> Result<(), ApiError>,
) -> Result<Option<(PlaceColumns, HeightReference)>, ApiError> {
    match ["lon", "lat", "height_m"].map(|name| columns.has(name)) {
        [false, false, false] => return Ok(None),
        [true, true, _] => said.check_crs()?,
        _ => return Err(ApiError::bad_request("a place needs both columns, lon and lat")),
    }
    let reference = if columns.has("height_m") { said.height_reference()? } else { HeightReference::None };
    if columns.has("height_m") {
        check(&reference)?;
    }
    Ok(Some((columns.places()?, reference)))
}
