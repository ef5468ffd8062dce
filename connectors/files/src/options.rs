//! What the caller states about a file that the file may not say itself. Nothing here has a default that guesses.

use std::str::FromStr;
use std::sync::Arc;

use kernel_model::{EntityDraft, HeightReference, Kind};

use crate::Used;
use crate::crs::{AxisOrder, Crs, Frame};
use crate::error::Error;
use crate::table::Mapping;

/// What the caller states; each field overrides what the file says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The coordinate reference system: `EPSG:n`, `EPSG:n+v`, an OGC urn or URL, or a proj string.
    pub crs: Option<String>,
    /// What heights are measured from: `ellipsoid`, `ground`, `unknown` or a vertical system such as `EPSG:5709`.
    pub height_reference: Option<String>,
    /// How to read a table.
    pub mapping: Option<Mapping>,
    /// `kind` or `kind/class` of records that state none (GeoJSON features, point clouds).
    pub class: Option<String>,
    /// The dataset's name; by default the file's stem.
    pub dataset: Option<String>,
    /// The property that holds the ids of features.
    pub id: Option<String>,
    /// The one layer to read of a file of several.
    pub layer: Option<String>,
    /// How texts are encoded that do not say it (dBASE): a label of the WHATWG's, such as `gbk`.
    pub encoding: Option<String>,
    /// How heights are written into a picture's colours: `terrarium` or `terrain-rgb`.
    pub heights: Option<String>,
    /// Where such a picture is: `zoom/column/row` of the Web Mercator pyramid, rows from the north.
    pub tile: Option<String>,
    /// The days for which a timetable is written out as positions: `2026-12-01/2026-12-07`, first and last.
    pub days: Option<String>,
}

/// A kind and a finer word: `building/residential`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// The kind.
    pub kind: Kind,
    /// The finer word, or empty.
    pub class: String,
}

impl FromStr for Class {
    type Err = kernel_model::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, class) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self { kind: kind.parse()?, class: class.to_owned() })
    }
}

impl Options {
    pub(crate) fn stated_class(&self) -> Result<Option<Class>, Error> {
        let option = |e: kernel_model::IdError| Error::Option { option: "--class", reason: e.to_string() };
        self.class.as_deref().map(str::parse).transpose().map_err(option)
    }

    pub(crate) fn stated_height(&self) -> Result<Option<HeightReference>, Error> {
        let option =
            |e: kernel_model::PlaceError| Error::Option { option: "--height-reference", reason: e.to_string() };
        self.height_reference.as_deref().map(str::parse).transpose().map_err(option)
    }

    /// The caller's system, else the file's.
    pub(crate) fn crs_or(&self, file: &str, stated: Option<&str>, order: AxisOrder) -> Result<Crs, Error> {
        let text = self.crs.as_deref().or(stated).ok_or_else(|| Error::NoCrs { file: file.to_owned() })?;
        Crs::parse(text, order).map_err(|source| Error::Crs { file: file.to_owned(), source })
    }
}

/// A frame with what the caller and the system say of its heights.
pub(crate) struct Ground {
    pub(crate) frame: Frame,
    pub(crate) height_reference: HeightReference,
    pub(crate) lineage: Arc<str>,
}

impl Ground {
    pub(crate) fn new(file: &str, crs: &Crs, options: &Options) -> Result<Self, Error> {
        let frame = Frame::new(crs).map_err(|source| Error::Crs { file: file.to_owned(), source })?;
        let height_reference = options.stated_height()?.unwrap_or_else(|| frame.height_reference().clone());
        Ok(Self { frame, height_reference, lineage: crs.lineage().into() })
    }

    /// Gives a draft its lineage and, where its geometry has heights, their reference.
    pub(crate) fn stamp(&self, draft: &mut EntityDraft) {
        draft.lineage = Arc::clone(&self.lineage);
        draft.height_reference = if draft.geometry.as_ref().is_some_and(|g| g.has_height) {
            self.height_reference.clone()
        } else {
            HeightReference::None
        };
    }

    pub(crate) fn used(&self) -> Used {
        Used { crs: self.frame.crs().name().to_owned(), lineage: self.lineage.to_string() }
    }
}
