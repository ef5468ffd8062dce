//! What can go wrong with what the viewer is given, and what to do about it.

/// A failure of the viewer. Nothing that arrives from outside ends the program: it ends here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are not an Arrow IPC stream.
    #[error("the message is not an Arrow IPC stream: {0}. Send one whole stream a message")]
    NotArrow(#[from] arrow_schema::ArrowError),
    /// The stream does not say which of the two messages it is.
    #[error(
        "the message names itself {found:?} under the schema key urbis.message: it must be \"entities\" or \"states\""
    )]
    UnknownMessage {
        /// What stood there.
        found: Option<String>,
    },
    /// A column that is needed is missing.
    #[error("the {message} message has no column {column}")]
    MissingColumn {
        /// "entities" or "states".
        message: &'static str,
        /// The column's name.
        column: &'static str,
    },
    /// A column is of another type than agreed.
    #[error("column {column} is {found}, but {wanted} is needed")]
    ColumnType {
        /// The column's name.
        column: &'static str,
        /// The type that came.
        found: String,
        /// The type that is needed.
        wanted: &'static str,
    },
    /// The city would not fit.
    #[error("the viewer holds {most} entities at most; show a smaller region")]
    TooMany {
        /// The limit.
        most: usize,
    },
    /// A text is not an entity's id.
    #[error("{0:?} is not an entity id: 32 hexadecimal digits, with or without hyphens")]
    BadId(String),
    /// There is no layer of this name.
    #[error("there is no layer {0:?}; layers() lists them")]
    UnknownLayer(String),
    /// A place or an angle is out of range.
    #[error("{what} is {value}: it must be {range}")]
    OutOfRange {
        /// Which figure.
        what: &'static str,
        /// The figure.
        value: f64,
        /// What is allowed.
        range: &'static str,
    },
    /// The renderer failed.
    #[error(transparent)]
    Render(#[from] viewer_render::Error),
}

/// A well-known binary that cannot be read; the entity is then shown at its anchor point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WkbError {
    /// The bytes end early.
    #[error("the geometry ends early, at byte {at}")]
    Short {
        /// Where reading stopped.
        at: usize,
    },
    /// A type code that is not a geometry we know.
    #[error("geometry type {code} at byte {at} is not known")]
    Type {
        /// The code.
        code: u32,
        /// Where it stands.
        at: usize,
    },
    /// Collections within collections within collections.
    #[error("the geometry is nested more than {most} deep")]
    Nested {
        /// The limit.
        most: u8,
    },
    /// A coordinate is not a finite number of degrees or metres in range.
    #[error("a coordinate at byte {at} is out of range")]
    Coordinate {
        /// Where it stands.
        at: usize,
    },
}
