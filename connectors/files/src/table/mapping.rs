//! How to read a table: a TOML text in, checked layouts out. What a table does not say about itself (zone, unit, datum)
//! has to stand here; nothing of it has a default.

use std::path::{Path, PathBuf};

use kernel_model::Kind;
use serde::Deserialize;

/// A mapping that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// Neither one of the built-in names nor a file.
    #[error("`{0}` is neither beijing-air nor geolife nor a file that can be read: {1}")]
    Unknown(String, String),
    /// The TOML is broken or has other fields.
    #[error("{name}: {reason}")]
    Toml {
        /// Name or path.
        name: String,
        /// What the parser said, on one line.
        reason: String,
    },
    /// It contradicts itself or leaves something open.
    #[error("{name}: {reason}")]
    Incomplete {
        /// Name or path.
        name: String,
        /// What is missing and what to write.
        reason: String,
    },
    /// No layout of it fits the file.
    #[error("{name}: none of its layouts fits {file}: {reason}")]
    Misfit {
        /// Name or path.
        name: String,
        /// The file.
        file: String,
        /// What was looked for.
        reason: String,
    },
}

/// One or more layouts of tables that hold the same sort of thing.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(super) name: String,
    pub(super) dataset: Option<String>,
    pub(super) layouts: Vec<Layout>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Toml {
    #[serde(default)]
    dataset: Option<String>,
    layout: Vec<Layout>,
}

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Observations,
    Positions,
    Entities,
}

/// A column by its name in the header or its number from 0.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Column {
    Index(usize),
    Name(String),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    /// The file's first line begins so; without it the layout fits every file.
    #[serde(default)]
    pub(super) first_line: Option<String>,
    pub(super) mode: Mode,
    #[serde(default = "comma")]
    pub(super) delimiter: char,
    /// Lines before the header or the first row.
    #[serde(default)]
    pub(super) skip_lines: usize,
    #[serde(default = "yes")]
    pub(super) header: bool,
    /// Texts that stand for "no value" in any column.
    #[serde(default)]
    pub(super) missing: Vec<String>,
    #[serde(default)]
    pub(super) datum: Option<String>,
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) class: String,
    pub(super) id: Id,
    #[serde(default)]
    pub(super) name: Option<Column>,
    #[serde(default)]
    pub(super) place: Option<PlaceColumns>,
    #[serde(default)]
    pub(super) time: Option<Time>,
    #[serde(default)]
    pub(super) values: Vec<ValueColumn>,
    /// Pairs of columns: where the first is less than the second, both are suspect.
    #[serde(default)]
    pub(super) suspect_where_less: Vec<(Column, Column)>,
    #[serde(default)]
    pub(super) stations: Option<Stations>,
    /// Columns kept as properties of entities; without it all of them.
    #[serde(default)]
    pub(super) properties: Option<Vec<Column>>,
    /// Direction of travel, degrees clockwise from north.
    #[serde(default)]
    pub(super) heading: Option<Column>,
    #[serde(default)]
    pub(super) speed: Option<Speed>,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

/// Where a row's thing has its id.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum Id {
    Column(Column),
    /// The name of the folder so many levels above the file; the file's stem where there is none.
    Folder(usize),
    /// The same for every row.
    Fixed(String),
    /// The row's number.
    Row(bool),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceColumns {
    pub(super) lon: Column,
    pub(super) lat: Column,
    #[serde(default)]
    pub(super) height: Option<Column>,
    /// `m` or `ft`; to be stated where there is a height.
    #[serde(default)]
    pub(super) height_unit: Option<String>,
    /// `ellipsoid`, `ground`, a vertical system; without it unknown.
    #[serde(default)]
    pub(super) height_reference: Option<String>,
    #[serde(default)]
    pub(super) height_missing: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Time {
    /// IANA name of the zone of the clock; not for formats with an offset.
    #[serde(default)]
    pub(super) zone: Option<String>,
    /// Columns whose texts, joined by a blank, are read with `format`.
    #[serde(default)]
    pub(super) columns: Vec<Column>,
    /// As in strftime (chrono's set).
    #[serde(default)]
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) year: Option<Column>,
    #[serde(default)]
    pub(super) month: Option<Column>,
    #[serde(default)]
    pub(super) day: Option<Column>,
    #[serde(default)]
    pub(super) hour: Option<Column>,
    #[serde(default)]
    pub(super) minute: Option<Column>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueColumn {
    pub(super) column: Column,
    pub(super) property: String,
    /// UCUM.
    pub(super) unit: String,
    /// The most the sensor can say: a value there is suspect.
    #[serde(default)]
    pub(super) ceiling: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Speed {
    pub(super) column: Column,
    /// `m/s`, `km/h` or `kn`.
    pub(super) unit: String,
}

/// Where things without coordinates in the table are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stations {
    /// What the lineage says of the places.
    #[serde(default)]
    pub(super) note: String,
    #[serde(default)]
    pub(super) places: Vec<Station>,
    /// A table with the columns id (or station), lon, lat; beside the mapping's file.
    #[serde(default)]
    pub(super) file: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Station {
    #[serde(alias = "station")]
    pub(super) id: String,
    pub(super) lon: f64,
    pub(super) lat: f64,
}

impl Mapping {
    /// One of the built-in mappings (`beijing-air`, `geolife`) or a TOML file.
    ///
    /// # Errors
    /// [`MappingError`] where it is neither, is broken, or leaves a zone, a unit or a datum open.
    pub fn load(name_or_path: &str) -> Result<Self, MappingError> {
        match name_or_path {
            "beijing-air" => Self::parse(name_or_path, include_str!("../../mappings/beijing-air.toml"), None),
            "geolife" => Self::parse(name_or_path, include_str!("../../mappings/geolife.toml"), None),
            path => {
                let unknown = |e: std::io::Error| MappingError::Unknown(path.to_owned(), e.to_string());
                let text = std::fs::read_to_string(path).map_err(unknown)?;
                Self::parse(path, &text, Path::new(path).parent())
            }
        }
    }

    /// Reads a mapping's TOML; files that it names lie in `folder`.
    pub(super) fn parse(name: &str, text: &str, folder: Option<&Path>) -> Result<Self, MappingError> {
        let toml: Toml = toml::from_str(text).map_err(|e| MappingError::Toml {
            name: name.to_owned(),
            reason: format!("{} {}", e.message().replace('\n', " "), place(text, e.span())),
        })?;
        let mut mapping = Self { name: name.to_owned(), dataset: toml.dataset, layouts: toml.layout };
        let incomplete = |reason: String| MappingError::Incomplete { name: name.to_owned(), reason };
        for layout in &mut mapping.layouts {
            layout.check().map_err(incomplete)?;
            if let Some(stations) = &mut layout.stations {
                stations.load(folder).map_err(incomplete)?;
            }
        }
        Ok(mapping)
    }

    /// The mapping's name or path.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn place(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let line = span.and_then(|s| text.get(..s.start)).map(|before| before.matches('\n').count() + 1);
    line.map_or_else(String::new, |line| format!("(line {line})"))
}

impl Layout {
    fn check(&self) -> Result<(), String> {
        if !self.delimiter.is_ascii() {
            return Err("`delimiter` has to be one ASCII character".to_owned());
        }
        if let Some(datum) = &self.datum {
            check_datum(datum)?;
        } else if self.place.is_some() || self.stations.is_some() {
            return Err("say which datum its coordinates are on: datum = \"WGS84\" or \"CGCS2000\"".to_owned());
        }
        if let Some(place) = self.place.as_ref().filter(|p| p.height.is_some()) {
            match place.height_unit.as_deref() {
                Some("m" | "ft") => {}
                _ => return Err("say the height's unit: height_unit = \"m\" or \"ft\"".to_owned()),
            }
        }
        if let Some(speed) = &self.speed {
            super::columns::metres_a_second(&speed.unit)
                .ok_or_else(|| format!("speed unit `{}` is none of m/s, km/h, kn", speed.unit))?;
        }
        if let Some(value) = self.values.iter().find(|v| v.unit.trim().is_empty()) {
            return Err(format!("`{}` needs its unit in UCUM, `1` for a plain number", value.property));
        }
        if matches!(self.id, Id::Row(false)) {
            return Err("row = false is no id".to_owned());
        }
        match self.mode {
            Mode::Observations if self.values.is_empty() => Err("observations need `values`".to_owned()),
            Mode::Positions if self.place.is_none() => Err("positions need `place`".to_owned()),
            Mode::Observations | Mode::Positions if self.time.is_none() => Err("its rows need a `time`".to_owned()),
            _ => Ok(()),
        }
    }
}

fn check_datum(datum: &str) -> Result<(), String> {
    match datum.to_ascii_uppercase().replace([' ', '-'], "").as_str() {
        "WGS84" | "CGCS2000" => Ok(()),
        "GCJ02" | "BD09" => Err(format!(
            "coordinates on {datum} are shifted on purpose by up to 1 km and are refused for now: give them on WGS84"
        )),
        _ => Err(format!("datum `{datum}` is neither WGS84 nor CGCS2000")),
    }
}

impl Stations {
    fn load(&mut self, folder: Option<&Path>) -> Result<(), String> {
        if let Some(file) = &self.file {
            let path = folder.map_or_else(|| PathBuf::from(file), |folder| folder.join(file));
            let broken = |e: csv::Error| format!("its stations file {file}: {e}");
            let mut table = csv::Reader::from_path(path).map_err(broken)?;
            for station in table.deserialize() {
                self.places.push(station.map_err(broken)?);
            }
        }
        for station in &self.places {
            kernel_model::Place::new(station.lon, station.lat, None)
                .map_err(|e| format!("station {}: {e}", station.id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        [[layout]]
        mode = "positions"
        datum = "WGS84"
        kind = "vehicle"
        id = { column = "id" }
        place = { lon = "lon", lat = "lat" }
        time = { zone = "UTC", columns = ["t"], format = "%s" }
    "#;

    fn refused(text: &str) -> String {
        Mapping::parse("m", text, None).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_mappings_are_whole() {
        assert_eq!(Mapping::load("beijing-air").unwrap().layouts[0].values.len(), 11);
        assert_eq!(Mapping::load("geolife").unwrap().layouts.len(), 2);
        assert!(Mapping::parse("m", WHOLE, None).is_ok());
    }

    #[test]
    fn what_is_left_open_is_asked_for() {
        assert!(refused(&WHOLE.replace("datum = \"WGS84\"", "")).contains("datum = \"WGS84\""));
        assert!(refused(&WHOLE.replace("WGS84", "GCJ02")).contains("shifted on purpose"));
        assert!(refused(&WHOLE.replace("WGS84", "BD-09")).contains("shifted on purpose"));
        assert!(refused(&WHOLE.replace("WGS84", "NAD27")).contains("neither WGS84 nor"));
        assert!(refused(&WHOLE.replace("lat = \"lat\"", "lat = \"lat\", height = \"h\"")).contains("height's unit"));
        assert!(refused(&WHOLE.replace("kind =", "kin =")).contains("kin"));
        assert!(matches!(Mapping::load("no such"), Err(MappingError::Unknown(..))));
    }
}
