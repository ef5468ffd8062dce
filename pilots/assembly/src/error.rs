//! What can go wrong, and what to do about it.

/// Why an assembly could not be read, placed or taken apart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no glTF that can be taken.
    #[error("{name}: {source}")]
    Gltf {
        /// Which file.
        name: String,
        /// What the reader says.
        source: gltf::Error,
    },
    /// It is glTF, and something in it is wrong or not supported.
    #[error("{name}: {place}: {what}")]
    Model {
        /// Which file.
        name: String,
        /// Where in it.
        place: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// The unit was not stated.
    #[error(
        "the unit of the model is not stated: its numbers span {span:.0} units (glTF means metres, exporters often write millimetres); say it with --unit mm, cm, m or in"
    )]
    NoUnit {
        /// The longest side of the box around everything, in the file's numbers.
        span: f64,
    },
    /// The text is no unit.
    #[error("`{0}` is not a unit: give mm, cm, m or in")]
    Unit(String),
    /// A part that is not there.
    #[error("there is no part `{0}`")]
    Part(String),
    /// A number that cannot be.
    #[error("{what} is {value}: {wanted}")]
    Number {
        /// What it is.
        what: &'static str,
        /// As given.
        value: f64,
        /// What would do.
        wanted: &'static str,
    },
    /// A place that is not on the earth, or of which no code can be made.
    #[error("the place of the assembly: {0}")]
    Place(String),
    /// The picture could not be encoded.
    #[error("picture: {0}")]
    Picture(#[from] png::EncodingError),
    /// Something could not be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}
