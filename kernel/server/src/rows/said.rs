//! What a sender says of all rows at once: unit, reference system, height reference, dataset. It stands in the parameters of
//! the address or in the metadata of the Arrow schema; what neither says is never guessed.

use arrow::datatypes::Schema;
use kernel_model::HeightReference;
use serde::Deserialize;

use crate::error::ApiError;

/// Longitude and latitude on these are taken as they are (WGS 84, CGCS2000).
const REFERENCE_SYSTEMS: [&str; 6] = ["OGC:CRS84", "OGC:CRS84h", "EPSG:4326", "EPSG:4979", "EPSG:4490", "EPSG:4480"];

/// Parameters of the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    unit: Option<String>,
    crs: Option<String>,
    height_reference: Option<String>,
    dataset: Option<String>,
    #[serde(default)]
    pub(super) bulk: bool,
}

/// What is said.
#[derive(Debug, Clone)]
pub(super) struct Said<'a> {
    parameters: &'a Parameters,
    schema: &'a Schema,
}

impl<'a> Said<'a> {
    pub(super) fn new(parameters: &'a Parameters, schema: &'a Schema) -> Self {
        Self { parameters, schema }
    }

    /// A word, where it is said; in both places it must be the same.
    fn word(&self, name: &str, given: Option<&'a String>) -> Result<Option<&'a str>, ApiError> {
        match (given, self.schema.metadata.get(name)) {
            (Some(a), Some(b)) if a != b => {
                Err(ApiError::bad_request(format!("the address says {name}={a}, the schema says {b}: say one of them")))
            }
            (a, b) => Ok(a.or(b).map(String::as_str)),
        }
    }

    fn needed(&self, name: &str, given: Option<&'a String>, what: &str) -> Result<&'a str, ApiError> {
        self.word(name, given)?.ok_or_else(|| {
            ApiError::bad_request(format!("say {what}: ?{name}=... or metadata `{name}` of the Arrow schema"))
        })
    }

    /// The unit of all values.
    pub(super) fn unit(&self) -> Result<&'a str, ApiError> {
        self.needed("unit", self.parameters.unit.as_ref(), "the unit of the values (UCUM), here or in a column `unit`")
    }

    /// Whether a unit is said for all rows.
    pub(super) fn has_unit(&self) -> bool {
        self.parameters.unit.is_some() || self.schema.metadata.contains_key("unit")
    }

    /// The dataset of all names.
    pub(super) fn dataset(&self) -> Result<&'a str, ApiError> {
        self.needed("dataset", self.parameters.dataset.as_ref(), "the dataset that `source_id` is of")
    }

    /// Refuses places that are on another datum than ours.
    pub(super) fn check_crs(&self) -> Result<(), ApiError> {
        let what = "what `lon` and `lat` are on, such as OGC:CRS84 or EPSG:4490";
        let crs = self.needed("crs", self.parameters.crs.as_ref(), what)?;
        if REFERENCE_SYSTEMS.contains(&crs) {
            return Ok(());
        }
        let known = REFERENCE_SYSTEMS.join(", ");
        Err(ApiError::bad_request(format!(
            "crs {crs}: degrees on WGS 84 or CGCS2000 are taken here ({known}); convert first"
        )))
    }

    /// What heights are measured from.
    pub(super) fn height_reference(&self) -> Result<HeightReference, ApiError> {
        let what = "what `height_m` is measured from (ellipsoid, ground, unknown, or such as EPSG:5709)";
        let word = self.needed("height_reference", self.parameters.height_reference.as_ref(), what)?;
        word.parse().map_err(ApiError::bad_request)
    }
}
