//! Tables, of separated values or Parquet, into observations, positions or entities, by a [`Mapping`]. Rows are read one by one; held
//! are only one batch for each series and what tells the things apart. A field that cannot be read refuses its value, a
//! row without a time or place refuses the row, and the rest goes in.

mod clock;
mod columns;
mod entities;
mod mapping;
mod observations;
mod parquet;
mod positions;
mod rows;

use std::sync::Arc;

use kernel_model::{EntityDraft, Geometry, HeightReference, Shape, SourceKey};

pub use mapping::{Mapping, MappingError};

use crate::Used;
use crate::error::Error;
use crate::intake::{Intake, Refusal};
use crate::options::Options;
use clock::Clock;
use columns::Fields;
use mapping::{Id, Layout, Mode, PlaceColumns};
use rows::Rows;

/// Rows of one series that are handed on together.
const BATCH_ROWS: usize = 8192;
/// Rows held over all series before all are handed on.
const HELD_ROWS: usize = 1 << 18;
/// Different things one table may hold.
const MAX_THINGS: usize = 1 << 20;

/// Reads one table.
pub(crate) fn read(intake: &mut Intake<'_>, options: &Options) -> Result<Used, Error> {
    let Some(mapping) = &options.mapping else { return Err(Error::NoMapping { file: intake.file().to_owned() }) };
    if options.crs.is_some() {
        return Err(Error::Option {
            option: "--crs",
            reason: "a table's mapping states the datum; leave it out".to_owned(),
        });
    }
    if options.dataset.is_none()
        && let Some(dataset) = &mapping.dataset
    {
        intake.rename_dataset(dataset);
    }
    let misfit = |reason: String| {
        let file = intake.input.name.clone();
        Error::Mapping(MappingError::Misfit { name: mapping.name.clone(), file, reason })
    };
    let mut layout = fitting(intake, mapping)?.clone();
    if parquet::is_parquet(intake.input)? {
        layout.missing.push(String::new());
    }
    let layout = &layout;
    let mut rows = Rows::open(intake.input, layout)?;
    let frame = Frame::new(intake, layout, options, &rows).map_err(misfit)?;
    match layout.mode {
        Mode::Observations => observations::read(intake, layout, &frame, &mut rows),
        Mode::Positions => positions::read(intake, layout, &frame, &mut rows),
        Mode::Entities => {
            // Rows with times are a history, of which a file may hold the newest part only.
            intake.lists_things = frame.clock.is_none();
            entities::read(intake, layout, &frame, &mut rows)
        }
    }?;
    Ok(Used { crs: "OGC:CRS84".to_owned(), lineage: frame.lineage.to_string() })
}

/// The first layout whose first line is the file's.
fn fitting<'m>(intake: &Intake<'_>, mapping: &'m Mapping) -> Result<&'m Layout, Error> {
    let mut head = intake.input.head(4096)?;
    if parquet::is_parquet(intake.input)? {
        head = parquet::names(intake.input)?.join(",").into_bytes();
    }
    let text = String::from_utf8_lossy(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head)).into_owned();
    let fits = |layout: &&Layout| layout.first_line.as_ref().is_none_or(|start| text.starts_with(start.as_str()));
    mapping.layouts.iter().find(fits).ok_or_else(|| {
        let wanted: Vec<&str> = mapping.layouts.iter().filter_map(|l| l.first_line.as_deref()).collect();
        let reason = format!("its first line should begin with one of: {}", wanted.join(" | "));
        Error::Mapping(MappingError::Misfit { name: mapping.name.clone(), file: intake.file().to_owned(), reason })
    })
}

/// What every mode needs: ids, places, times, in column numbers.
struct Frame {
    id: RowId,
    name: Option<usize>,
    place: Option<RowPlace>,
    clock: Option<Clock>,
    height_reference: HeightReference,
    lineage: Arc<str>,
}

enum RowId {
    Column(usize),
    Fixed(String),
    Row,
}

struct RowPlace {
    lon: usize,
    lat: usize,
    height: Option<(usize, f64)>,
    height_missing: Vec<String>,
}

impl Frame {
    fn new(intake: &Intake<'_>, layout: &Layout, options: &Options, rows: &Rows) -> Result<Self, String> {
        let header = &rows.header;
        let place = layout.place.as_ref();
        let stated = options.stated_height().map_err(|e| e.to_string())?;
        let of_mapping = place.and_then(|p| p.height_reference.as_deref()).map(str::parse).transpose();
        let of_mapping = of_mapping.map_err(|e: kernel_model::PlaceError| e.to_string())?;
        let has_height = place.is_some_and(|p| p.height.is_some());
        let datum = layout.datum.as_deref().unwrap_or("no");
        let note = layout.stations.as_ref().map(|s| s.note.as_str()).filter(|n| !n.is_empty());
        let note = note.map_or_else(String::new, |note| format!("; places {note}"));
        Ok(Self {
            id: match &layout.id {
                Id::Column(column) => RowId::Column(header.find(column)?),
                Id::Fixed(id) => RowId::Fixed(id.clone()),
                Id::Folder(levels) => RowId::Fixed(intake.input.folder(*levels)),
                Id::Row(_) => RowId::Row,
            },
            name: layout.name.as_ref().map(|c| header.find(c)).transpose()?,
            place: place.map(|p| RowPlace::new(p, rows)).transpose()?,
            clock: layout.time.as_ref().map(|t| Clock::new(t, header)).transpose()?,
            height_reference: if has_height {
                stated.or(of_mapping).unwrap_or(HeightReference::Unknown)
            } else {
                HeightReference::None
            },
            lineage: format!("{datum} coordinates as given{note}").into(),
        })
    }

    fn id<'r>(&'r self, fields: Fields<'r>, number: u64) -> Result<std::borrow::Cow<'r, str>, Refusal> {
        match &self.id {
            RowId::Column(at) => match fields.text(*at) {
                "" => Err("its id is empty".to_owned()),
                id => Ok(id.into()),
            },
            RowId::Fixed(id) => Ok(id.into()),
            RowId::Row => Ok(number.to_string().into()),
        }
    }

    /// A draft of the row's thing at the place.
    fn draft(
        &self,
        layout: &Layout,
        key: SourceKey,
        fields: Fields<'_>,
        place: Option<kernel_model::Place>,
    ) -> EntityDraft {
        let mut draft = EntityDraft::new(key, layout.kind, layout.class.clone());
        draft.name = self.name.map(|at| fields.text(at)).filter(|n| !n.is_empty()).map(str::to_owned);
        draft.lineage = Arc::clone(&self.lineage);
        if let Some(place) = place {
            let coord = kernel_model::Coord::new(place.lon_deg, place.lat_deg, place.height_m.unwrap_or(0.0));
            let geometry = Geometry { has_height: place.height_m.is_some(), shape: Shape::Point(coord) };
            draft.height_reference =
                if geometry.has_height { self.height_reference.clone() } else { HeightReference::None };
            draft.geometry = Some(geometry);
        }
        draft
    }
}

impl RowPlace {
    fn new(place: &PlaceColumns, rows: &Rows) -> Result<Self, String> {
        let metres = if place.height_unit.as_deref() == Some("ft") { 0.3048 } else { 1.0 };
        let height = place.height.as_ref().map(|c| rows.header.find(c)).transpose()?;
        Ok(Self {
            lon: rows.header.find(&place.lon)?,
            lat: rows.header.find(&place.lat)?,
            height: height.map(|at| (at, metres)),
            height_missing: place.height_missing.clone(),
        })
    }

    /// The row's place; `None` where its coordinates are said to be missing.
    fn read(&self, fields: Fields<'_>, missing: &[String]) -> Result<Option<kernel_model::Place>, Refusal> {
        let Some((lon, lat)) = fields.number(self.lon, missing)?.zip(fields.number(self.lat, missing)?) else {
            return Ok(None);
        };
        let height_m = match self.height {
            None => None,
            Some((at, _)) if self.height_missing.iter().any(|m| m == fields.text(at)) => None,
            Some((at, metres)) => fields.number(at, missing)?.map(|h| h * metres),
        };
        kernel_model::Place::new(lon, lat, height_m).map(Some).map_err(|e| e.to_string())
    }
}

/// Too many different things for one table.
fn too_many(intake: &Intake<'_>) -> Error {
    Error::Malformed {
        file: intake.file().to_owned(),
        place: "id column".to_owned(),
        reason: format!("more than {MAX_THINGS} different ids: is it the right column?"),
    }
}
