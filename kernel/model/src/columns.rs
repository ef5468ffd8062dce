//! Readings and fixes column by column: what a sender with Arrow batches hands over, many datastreams or things in one
//! change. Columns come in whole, and nothing is allocated, looked up or counted by row that can be done by column. Every
//! column has as many values as there are rows, or none where that is allowed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{DatastreamId, EntityId, SourceKey};
use crate::observation::Quality;
use crate::place::HeightReference;

/// Columns that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the column {column} has {values} values for {rows} rows: give one for each row{}", if *.may_be_empty { ", or none" } else { "" })]
pub struct ColumnsError {
    /// Which column.
    pub column: &'static str,
    /// How many values it has.
    pub values: usize,
    /// How many rows there are.
    pub rows: usize,
    /// Whether it may be left out.
    pub may_be_empty: bool,
}

/// What each row is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Names<Id> {
    /// Ids of the store's own.
    Ids(Vec<Id>),
    /// What the source calls them.
    Sources {
        /// The names, each once.
        names: Vec<SourceKey>,
        /// For each row the place of its name in `names`.
        of: Vec<u32>,
    },
}

impl<Id> Names<Id> {
    /// How many rows are named.
    pub fn len(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::Sources { of, .. } => of.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check(&self, column: &'static str) -> Result<(), ColumnsError> {
        let Self::Sources { names, of } = self else { return Ok(()) };
        let known = of.iter().filter(|place| (**place as usize) < names.len()).count();
        whole(column, known, of.len())
    }
}

/// Places of rows. Degrees on WGS 84 / CGCS2000.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceColumns {
    /// Longitudes, degrees east.
    pub lon_deg: Vec<f64>,
    /// Latitudes, degrees north.
    pub lat_deg: Vec<f64>,
    /// Heights in metres, not a number where one is not known; empty: none is known.
    pub height_m: Vec<f64>,
}

impl PlaceColumns {
    fn check(&self, rows: usize) -> Result<(), ColumnsError> {
        whole("lon_deg", self.lon_deg.len(), rows)?;
        whole("lat_deg", self.lat_deg.len(), rows)?;
        whole_or_none("height_m", self.height_m.len(), rows)
    }
}

/// Readings of any datastreams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadingColumns {
    /// The datastream of each row.
    pub datastreams: Names<DatastreamId>,
    /// The unit that the sender claims for all rows; those of datastreams with another unit are refused.
    pub unit: Option<Arc<str>>,
    /// When it was so, microseconds of UTC since 1970.
    pub phenomenon_us: Vec<i64>,
    /// When the results were produced, where that is another instant; empty: never.
    pub result_us: Vec<Option<i64>>,
    /// The values in the units of their datastreams.
    pub value: Vec<f64>,
    /// How far to trust them; empty: all are good.
    pub quality: Vec<Quality>,
    /// Where they were measured, heights above the ellipsoid; a longitude that is not a number, or `None`: where the thing
    /// stands.
    pub places: Option<PlaceColumns>,
}

impl ReadingColumns {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.datastreams.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.datastreams.is_empty()
    }

    /// Checks that the columns belong together.
    ///
    /// # Errors
    /// The first column that does not have as many values as there are rows.
    pub fn check(&self) -> Result<(), ColumnsError> {
        let rows = self.len();
        self.datastreams.check("datastreams")?;
        whole("phenomenon_us", self.phenomenon_us.len(), rows)?;
        whole_or_none("result_us", self.result_us.len(), rows)?;
        whole("value", self.value.len(), rows)?;
        whole_or_none("quality", self.quality.len(), rows)?;
        self.places.as_ref().map_or(Ok(()), |places| places.check(rows))
    }
}

/// Fixes of any moving things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixColumns {
    /// The thing of each row.
    pub things: Names<EntityId>,
    /// What the heights are measured from.
    pub height_reference: HeightReference,
    /// When, microseconds of UTC since 1970.
    pub time_us: Vec<i64>,
    /// Where.
    pub places: PlaceColumns,
    /// Directions of travel, degrees clockwise from north, not a number where one is not known; empty: none is.
    pub heading_deg: Vec<f32>,
    /// Speeds over ground, metres a second, not a number where one is not known; empty: none is.
    pub speed_m_s: Vec<f32>,
}

impl FixColumns {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// Checks that the columns belong together.
    ///
    /// # Errors
    /// The first column that does not have as many values as there are rows.
    pub fn check(&self) -> Result<(), ColumnsError> {
        let rows = self.len();
        self.things.check("things")?;
        whole("time_us", self.time_us.len(), rows)?;
        self.places.check(rows)?;
        whole_or_none("heading_deg", self.heading_deg.len(), rows)?;
        whole_or_none("speed_m_s", self.speed_m_s.len(), rows)
    }
}

fn whole(column: &'static str, values: usize, rows: usize) -> Result<(), ColumnsError> {
    if values == rows { Ok(()) } else { Err(ColumnsError { column, values, rows, may_be_empty: false }) }
}

fn whole_or_none(column: &'static str, values: usize, rows: usize) -> Result<(), ColumnsError> {
    if values == 0 || values == rows { Ok(()) } else { Err(ColumnsError { column, values, rows, may_be_empty: true }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings() -> ReadingColumns {
        let names = vec![SourceKey::new("a", "x"), SourceKey::new("a", "y")];
        ReadingColumns {
            datastreams: Names::Sources { names, of: vec![0, 1, 1] },
            unit: None,
            phenomenon_us: vec![1, 2, 3],
            result_us: Vec::new(),
            value: vec![0.5; 3],
            quality: Vec::new(),
            places: None,
        }
    }

    #[test]
    fn a_column_that_is_too_short_is_named() {
        assert_eq!((readings().len(), readings().check()), (3, Ok(())));
        let short = ReadingColumns { value: vec![0.5; 2], ..readings() };
        let line = short.check().unwrap_err().to_string();
        assert_eq!(line, "the column value has 2 values for 3 rows: give one for each row");
        let long = ReadingColumns { quality: vec![Quality::Good; 4], ..readings() };
        assert!(long.check().unwrap_err().to_string().ends_with("or none"));
        let places = Some(PlaceColumns { lon_deg: vec![1.0; 3], lat_deg: vec![1.0; 3], height_m: vec![1.0] });
        assert_eq!(ReadingColumns { places, ..readings() }.check().unwrap_err().column, "height_m");
    }

    #[test]
    fn a_row_of_a_name_that_is_not_there_is_found() {
        let datastreams = Names::Sources { names: vec![SourceKey::new("a", "x")], of: vec![0, 1, 0] };
        assert_eq!(ReadingColumns { datastreams, ..readings() }.check().unwrap_err().column, "datastreams");
    }
}
