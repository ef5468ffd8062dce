//! `urbis assembly`: what can be typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Place;

/// What to do with an assembly.
#[derive(Debug, Subcommand)]
pub(crate) enum AssemblyCommand {
    /// Which parts go into each other, touch, or come near each other
    #[command(
        after_help = "Example:\n  urbis assembly clash engine.glb --unit mm --tolerance 0.1 --format html > clash.html"
    )]
    Clash(ClashArgs),
    /// An order in which the parts come apart, with their ways, each step checked; backwards it is the order of assembly
    #[command(after_help = "Examples:\n  urbis assembly sequence engine.glb --unit mm --format json > steps.json\n  \
            urbis assembly sequence engine.glb --unit mm --format html --order assembly > instruction.html")]
    Sequence(SequenceArgs),
    /// Take the parts in as things, at a place on the earth
    #[command(after_help = "Example:\n  urbis assembly import engine.glb --unit mm --lon 116.31 --lat 39.99 \
        --height 51.2 --height-reference ellipsoid --heading 90 --data ./site")]
    Import(AssemblyImportArgs),
    /// Make a synthetic assembly (GLB, millimetres)
    #[command(after_help = "Example:\n  urbis assembly make --parts 5000 --out stations.glb")]
    Make(MakeArgs),
}

/// A model and its unit.
#[derive(Debug, Args)]
pub(crate) struct Model {
    /// A .glb or .gltf file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Unit of the file's numbers: mm, cm, m, in. glTF means metres, exporters often write millimetres: it is not guessed
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
}

/// `urbis assembly clash`.
#[derive(Debug, Args)]
pub(crate) struct ClashArgs {
    #[command(flatten)]
    pub(crate) model: Model,
    /// Parts that go into each other no deeper, or are no farther apart, touch; millimetres
    #[arg(long, value_name = "MM", default_value_t = 0.1)]
    pub(crate) tolerance: f64,
    /// Pairs nearer than this are told with their distance; millimetres
    #[arg(long, value_name = "MM", default_value_t = 1.0)]
    pub(crate) clearance: f64,
    /// Another tolerance for one pair of parts; several times for several
    #[arg(long = "pair", value_name = "PART,PART,MM")]
    pub(crate) pairs: Vec<String>,
    /// How to answer
    #[arg(long, default_value = "table", value_parser = ["table", "json", "html"])]
    pub(crate) format: String,
}

/// `urbis assembly sequence`.
#[derive(Debug, Args)]
pub(crate) struct SequenceArgs {
    #[command(flatten)]
    pub(crate) model: Model,
    /// How deep parts may be in each other on their way; what is deeper in the model already is told pair by pair. Millimetres
    #[arg(long, value_name = "MM", default_value_t = 0.1)]
    pub(crate) tolerance: f64,
    /// Length of the strides in which every step is walked again; millimetres
    #[arg(long, value_name = "MM", default_value_t = 0.5)]
    pub(crate) stride: f64,
    /// How to answer; html is a work instruction with a picture of each step
    #[arg(long, default_value = "table", value_parser = ["table", "json", "html"])]
    pub(crate) format: String,
    /// Which way the work instruction goes
    #[arg(long, default_value = "disassembly", value_parser = ["disassembly", "assembly"])]
    pub(crate) order: String,
}

/// `urbis assembly import`.
#[derive(Debug, Args)]
pub(crate) struct AssemblyImportArgs {
    #[command(flatten)]
    pub(crate) model: Model,
    /// Where to
    #[command(flatten)]
    pub(crate) place: Place,
    /// Longitude of the model's origin, degrees east
    #[arg(long, value_name = "DEG", allow_hyphen_values = true)]
    pub(crate) lon: f64,
    /// Latitude of the model's origin, degrees north
    #[arg(long, value_name = "DEG", allow_hyphen_values = true)]
    pub(crate) lat: f64,
    /// Height of the model's origin, metres
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub(crate) height: f64,
    /// What that height is measured from: ellipsoid, ground, or a vertical CRS (EPSG:5709)
    #[arg(long, value_name = "REF")]
    pub(crate) height_reference: String,
    /// Where the model's -z axis points, degrees clockwise from north (its y axis is up)
    #[arg(long, value_name = "DEG", allow_hyphen_values = true)]
    pub(crate) heading: f64,
    /// Name of the dataset [default: the file's stem]
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// `urbis assembly make`.
#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    /// How many parts
    #[arg(long, default_value_t = 115)]
    pub(crate) parts: usize,
    /// The same seed makes the same file
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
