//! What can be typed. Every command's help ends with an example.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A spatial operating system for city digital twins.
#[derive(Debug, Parser)]
#[command(name = "urbis", version, about, max_term_width = 110, after_help = "Example:\n  urbis demo")]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the synthetic district pilot (once), run it live and serve it
    #[command(after_help = "Example:\n  urbis demo --data ./demo --listen 127.0.0.1:8080")]
    Demo(DemoArgs),
    /// Serve a data folder: page, SQL, OGC API, live stream, MQTT broker
    #[command(after_help = "Example:\n  urbis serve --data ./city --config urbis.toml --mqtt 127.0.0.1:1883")]
    Serve(ServeArgs),
    /// Take in files: CityJSON, CityJSONSeq, OSM PBF, GeoJSON, CSV, LAS/LAZ (also .gz)
    #[command(after_help = "Examples:\n  urbis import denhaag_01.city.json.gz --data ./city\n  \
        urbis import PRSA_Data_Dongsi.csv.gz --mapping beijing-air --server http://127.0.0.1:8080 --key urbis_...")]
    Import(ImportArgs),
    /// Ask a question in SQL
    #[command(after_help = "Example:\n  urbis sql \"SELECT kind, count(*) FROM entities GROUP BY kind\" --data ./city")]
    Sql(SqlArgs),
    /// Turn positions into space-time codes and back
    #[command(after_help = "Example:\n  urbis code encode --scheme bd --level 8 116.3126 39.9932")]
    Code {
        /// Which way.
        #[command(subcommand)]
        command: CodeCommand,
    },
    /// Check a receipt offline
    #[command(after_help = "Example:\n  urbis verify building.receipt --key ./city/log.pub")]
    Verify(VerifyArgs),
    /// Read every byte of a data folder and compare it with its checksums and its ledger
    #[command(after_help = "Example:\n  urbis check --data ./city")]
    Check(CheckArgs),
    /// Make a picture of the city without a window
    #[command(after_help = "Example:\n  urbis render --data ./city --out city.png --size 1600x900")]
    Render(RenderArgs),
}

/// `urbis demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Data folder of the demo; a second start goes on with it
    #[arg(long, value_name = "DIR", default_value = "urbis-demo")]
    pub(crate) data: PathBuf,
    /// Address of the page and the APIs [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Address of the MQTT broker [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR")]
    pub(crate) mqtt: Option<String>,
    /// Seed of the synthetic district: the same seed makes the same district
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
}

/// `urbis serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Data folder; made where there is none [default: ./urbis-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file (TOML); see urbis.example.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address of the page and the APIs [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Address of the MQTT broker [default: 127.0.0.1:1883]; "off" for none
    #[arg(long, value_name = "ADDR")]
    pub(crate) mqtt: Option<String>,
}

/// Where the city is: a folder or a server.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address of a running urbis, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
}

/// `urbis import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files to take in
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to
    #[command(flatten)]
    pub(crate) place: Place,
    /// Coordinate reference system of files that do not say theirs, such as EPSG:28992
    #[arg(long, value_name = "CRS")]
    pub(crate) crs: Option<String>,
    /// What heights are measured from, where the file does not say: ellipsoid, ground, or a vertical CRS (EPSG:5709)
    #[arg(long, value_name = "REF")]
    pub(crate) height_reference: Option<String>,
    /// Meaning of CSV columns: a TOML file, or beijing-air, geolife
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<String>,
    /// Class for things that have none in the file, as kind or kind/class (poi/school)
    #[arg(long, value_name = "NAME")]
    pub(crate) class: Option<String>,
    /// Name of the dataset [default: the file's stem]; the same dataset and id is the same thing
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// `urbis sql`.
#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The question: one SELECT over entities, observations, positions, assets, ...
    pub(crate) query: String,
    /// Of what
    #[command(flatten)]
    pub(crate) place: Place,
    /// How to answer
    #[arg(long, default_value = "table", value_parser = ["table", "csv", "json", "arrow", "parquet"])]
    pub(crate) format: String,
}

/// `urbis code`.
#[derive(Debug, Subcommand)]
pub(crate) enum CodeCommand {
    /// Position to code; without a position: CSV lon,lat[,height[,time]] on standard input, one code a line out
    #[command(
        allow_negative_numbers = true,
        after_help = "Examples:\n  urbis code encode --scheme bd --level 10 116.3126 39.9932 25\n  \
            urbis code encode --scheme h3 --level 9 < points.csv"
    )]
    Encode {
        /// bd (BeiDou), gs (GeoSOT), rs (RSLC), h3, si (Spatial ID), stc (with time)
        #[arg(long)]
        scheme: String,
        /// Level (BeiDou 1-10, GeoSOT 0-32, H3 0-15, Spatial ID zoom, ...)
        #[arg(long)]
        level: u8,
        /// Height of the geoid above the ellipsoid in metres, which Spatial ID needs
        #[arg(long, value_name = "M")]
        geoid: Option<f64>,
        /// LON LAT [HEIGHT [TIME]]: degrees, metres above the ellipsoid, RFC 3339
        #[arg(num_args = 0..=4, value_name = "LON LAT [HEIGHT [TIME]]")]
        position: Vec<String>,
    },
    /// Code to cell: centre, box, height band, time
    #[command(after_help = "Example:\n  urbis code decode N50J47539B825534")]
    Decode {
        /// Codes of any scheme
        #[arg(required = true)]
        codes: Vec<String>,
    },
}

/// `urbis verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The receipt
    pub(crate) receipt: PathBuf,
    /// The log's public key (DATA/log.pub)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
}

/// `urbis check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis render`.
#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// Of what
    #[command(flatten)]
    pub(crate) place: Place,
    /// The picture
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: PathBuf,
    /// Width and height in pixels
    #[arg(long, value_name = "WxH", default_value = "1280x720")]
    pub(crate) size: String,
    /// Where the camera stands and looks: degrees, metres above ground, degrees [default: the whole city]
    #[arg(long, value_name = "LON,LAT,HEIGHT,HEADING,PITCH", allow_hyphen_values = true)]
    pub(crate) camera: Option<String>,
}
