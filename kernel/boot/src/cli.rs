//! What can be typed. Every command's help ends with an example.

pub(crate) mod assembly;
mod trust;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use trust::{
    AssetArgs, AuditArgs, Deed, IdentityArgs, ProveAreaArgs, ProveCommand, RotateKeyArgs, VerifyArgs,
};

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
    /// Take in files: CityJSON, CityJSONSeq, OSM PBF, GeoJSON, CSV, LAS/LAZ, changes (splits, merges; docs/changes.md); also .gz
    #[command(after_help = "Examples:\n  urbis import denhaag_01.city.json.gz --data ./city\n  \
        urbis import PRSA_Data_Dongsi.csv.gz --mapping beijing-air --server http://127.0.0.1:8080 --key urbis_...\n  \
        urbis import split.json --data ./city")]
    Import(ImportArgs),
    /// Ask a question in SQL
    #[command(after_help = "Example:\n  urbis sql \"SELECT kind, count(*) FROM entities GROUP BY kind\" --data ./city")]
    Sql(SqlArgs),
    /// Write a collection, or the answer to a question, into a file: GeoParquet, GeoJSON, FlatGeobuf, CSV, Arrow, CityJSONSeq
    #[command(after_help = "Examples:\n  urbis export --collection building --out buildings.parquet --data ./city\n  \
        urbis export --collection building --out city.city.jsonl --data ./city\n  \
        urbis export --sql \"SELECT * FROM entities WHERE class = 'air'\" --out air.geojson --data ./city")]
    Export(ExportArgs),
    /// Turn positions into space-time codes and back
    #[command(after_help = "Example:\n  urbis code encode --scheme bd --level 8 116.3126 39.9932")]
    Code {
        /// Which way.
        #[command(subcommand)]
        command: CodeCommand,
    },
    /// Parts of a glTF model: clashes and clearances, the order in which they come apart, parts as things
    #[command(after_help = "Example:\n  urbis assembly clash engine.glb --unit mm --tolerance 0.1")]
    Assembly {
        /// What to do with it.
        #[command(subcommand)]
        command: assembly::AssemblyCommand,
    },
    /// Make, list and revoke API keys; docs/access.md says what they may
    #[command(after_help = "Examples:\n  urbis key add --name gate --role reader --expires 90d --data ./city\n  \
        urbis key list --data ./city\n  urbis key revoke 3f0c9a51be --data ./city")]
    Key {
        /// What to do.
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Prove what the ledger has
    Prove {
        /// Of what.
        #[command(subcommand)]
        command: ProveCommand,
    },
    /// Check a receipt, an area proof, a ledger or a credential offline
    #[command(after_help = "Examples:\n  urbis verify building.receipt --key ./city/log.pub\n  \
        urbis verify area haidian.area --key log.pub --receipt building.receipt\n  \
        urbis verify credential ownership.json --key log.pub")]
    Verify(VerifyArgs),
    /// Make state and maps of the ledger anew from its leaves, and compare with what was signed and kept
    #[command(after_help = "Example:\n  urbis audit --data ./city")]
    Audit(AuditArgs),
    /// State something of an asset, signed by you: register, transfer, custody, evaluate, grade, retire, ...
    #[command(
        after_help = "Examples:\n  urbis asset register 0193... --identity me.key --server http://127.0.0.1:8080 --key urbis_...\n  \
        urbis asset transfer 0193... --to did:key:z6Mk... --identity me.key --server http://127.0.0.1:8080 --key urbis_..."
    )]
    Asset(AssetArgs),
    /// Show who a secret key is, and make one where there is none
    #[command(after_help = "Example:\n  urbis identity me.key")]
    Identity(IdentityArgs),
    /// Give the ledger a new signing key, which the old one vouches for
    #[command(after_help = "Example:\n  urbis rotate-key --data ./city")]
    RotateKey(RotateKeyArgs),
    /// Read every byte of a data folder and compare it with its checksums and its ledger
    #[command(after_help = "Example:\n  urbis check --data ./city")]
    Check(CheckArgs),
    /// Copy a data folder, also while it is served; a second copy to the same place copies only what is new
    #[command(after_help = "Example:\n  urbis backup /backups/city --data ./city")]
    Backup(BackupArgs),
    /// Make a data folder of a backup
    #[command(after_help = "Example:\n  urbis restore /backups/city --data ./city-again")]
    Restore(RestoreArgs),
    /// Write what is in the log into segments and merge small segments; not while the folder is served, which does it too
    #[command(after_help = "Example:\n  urbis compact --data ./city")]
    Compact(CompactArgs),
    /// Remove what is older than it is kept, and keep summaries of readings; a served folder does it by itself
    #[command(after_help = "Examples:\n  urbis retain --data ./city --config urbis.toml --dry-run\n  \
        urbis retain --data ./city --config urbis.toml")]
    Retain(RetainArgs),
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
    /// Address of Arrow Flight SQL [default: off]
    #[arg(long, value_name = "ADDR")]
    pub(crate) flight: Option<String>,
    /// Address of the PostgreSQL wire [default: off]
    #[arg(long, value_name = "ADDR")]
    pub(crate) pg: Option<String>,
    /// Memory of the process in MiB [default: half of the machine's]
    #[arg(long, value_name = "MIB")]
    pub(crate) memory: Option<u64>,
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
    /// Property that holds the ids of features, where the file's own ids are not those to keep
    #[arg(long, value_name = "NAME")]
    pub(crate) id: Option<String>,
    /// The one layer to take of a file of several (GeoPackage, zipped shapefiles)
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<String>,
    /// Encoding of a shapefile's texts, where no .cpg says it, such as gbk
    #[arg(long, value_name = "LABEL")]
    pub(crate) encoding: Option<String>,
    /// Days of a GTFS timetable to write out as positions, first and last: 2026-12-01/2026-12-07
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<String>,
    /// How heights are in a picture's colours: terrarium or terrain-rgb
    #[arg(long, value_name = "NAME")]
    pub(crate) heights: Option<String>,
    /// Where such a picture is: zoom/column/row
    #[arg(long, value_name = "TILE")]
    pub(crate) tile: Option<String>,
    /// The file is a part of what there is: nothing is removed that it does not list [default: what the same file of the same
    /// dataset listed before and lists no more is removed, where it is a city model, a file of features or OSM]
    #[arg(long, visible_alias = "no-removal", conflicts_with = "complete")]
    pub(crate) partial: bool,
    /// The file is all of its dataset: whatever else the dataset has is removed
    #[arg(long)]
    pub(crate) complete: bool,
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
    #[arg(long, default_value = "table", value_parser = ["table", "csv", "json", "arrow", "parquet", "fgb", "geojson"])]
    pub(crate) format: String,
    /// Of what had been recorded by this instant, such as 2026-11-22T08:00:00+08:00
    #[arg(long, value_name = "TIME")]
    pub(crate) recorded: Option<String>,
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// What is exported.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct What {
    /// All things of a kind: building, road, poi, ...
    #[arg(long, value_name = "KIND")]
    pub(crate) collection: Option<String>,
    /// A question in SQL; its rows become the file
    #[arg(long, value_name = "QUERY")]
    pub(crate) sql: Option<String>,
}

/// `urbis export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What
    #[command(flatten)]
    pub(crate) what: What,
    /// Of a collection only these: a condition in SQL
    #[arg(long, value_name = "CONDITION")]
    pub(crate) r#where: Option<String>,
    /// A collection as it was at this instant
    #[arg(long, value_name = "TIME")]
    pub(crate) datetime: Option<String>,
    /// By what had been recorded by this instant
    #[arg(long, value_name = "TIME")]
    pub(crate) recorded: Option<String>,
    /// The file; it is replaced when the new one is whole
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What the file is [default: by the ending of its name]
    #[arg(long, value_parser = ["geoparquet", "geojson", "fgb", "csv", "arrow", "cityjsonseq"])]
    pub(crate) format: Option<String>,
    /// Of what
    #[command(flatten)]
    pub(crate) place: Place,
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
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
    /// A code taken apart level by level, in words
    #[command(after_help = "Example:\n  urbis code explain N50J47539B825534")]
    Explain {
        /// Codes of any scheme
        #[arg(required = true)]
        codes: Vec<String>,
    },
    /// A code in another scheme: the equal cell, or a cover that says of each cell whether it is inner or outer
    #[command(after_help = "Examples:\n  urbis code convert N50J47539B825534 --to gs\n  \
            urbis code convert N50J475 --to h3 --level 8")]
    Convert(ConvertArgs),
    /// The cells around a code
    #[command(after_help = "Examples:\n  urbis code neighbours N50J475 --across face\n  \
            urbis code neighbours 8931aa50107ffff --disk 2")]
    Neighbours(NeighboursArgs),
    /// The cells that together hold the shapes of a GeoJSON file
    #[command(
        after_help = "Example:\n  urbis code cover district.geojson --scheme bd --level 6 --format geojson > cells.geojson"
    )]
    Cover(CoverArgs),
    /// A CSV or Parquet file again, with columns of codes added
    #[command(after_help = "Example:\n  urbis code columns trips.parquet --out coded.parquet --code bd:8 --code h3:9")]
    Columns(ColumnsArgs),
}

/// `urbis code convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Codes of any scheme
    #[arg(required = true)]
    pub(crate) codes: Vec<String>,
    /// The scheme wanted: bd, gs, rs, h3, si
    #[arg(long, value_name = "SCHEME")]
    pub(crate) to: String,
    /// Cover with cells down to this level instead of the equal cell
    #[arg(long)]
    pub(crate) level: Option<u8>,
    /// Most cells of a cover
    #[arg(long, default_value_t = 1_000)]
    pub(crate) max_cells: usize,
    /// Heights to cover in metres above the ellipsoid, for 3D cells
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub(crate) heights: Option<String>,
    /// Height of the geoid above the ellipsoid in metres, from and to Spatial ID
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub(crate) geoid: Option<f64>,
}

/// `urbis code neighbours`.
#[derive(Debug, Args)]
pub(crate) struct NeighboursArgs {
    /// A code of any scheme
    pub(crate) code: String,
    /// Across what: face (4 in 2D, 6 in 3D), edge (8, 18) or corner (8, 26)
    #[arg(long, default_value = "corner", value_parser = ["face", "edge", "corner"])]
    pub(crate) across: String,
    /// All cells at most so many steps away instead
    #[arg(long, value_name = "STEPS", conflicts_with = "ring")]
    pub(crate) disk: Option<u32>,
    /// All cells exactly so many steps away instead
    #[arg(long, value_name = "STEPS")]
    pub(crate) ring: Option<u32>,
}

/// `urbis code cover`.
#[derive(Debug, Args)]
pub(crate) struct CoverArgs {
    /// GeoJSON: a geometry, a feature or a collection of features
    #[arg(value_name = "FILE.geojson")]
    pub(crate) file: PathBuf,
    /// The scheme of the cells: bd, gs, rs, h3, si
    #[arg(long, default_value = "gs")]
    pub(crate) scheme: String,
    /// Finest level (of H3 the one resolution)
    #[arg(long)]
    pub(crate) level: u8,
    /// Most cells of each shape
    #[arg(long, default_value_t = 10_000)]
    pub(crate) max_cells: usize,
    /// Width of the corridor around lines and points in metres
    #[arg(long, value_name = "M", default_value_t = 0.0)]
    pub(crate) width: f64,
    /// Heights to cover in metres above the ellipsoid, for 3D cells
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub(crate) heights: Option<String>,
    /// Height of the geoid above the ellipsoid in metres, which Spatial ID needs
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub(crate) geoid: Option<f64>,
    /// csv: shape, code, inner; geojson: the cells as boxes, for a map
    #[arg(long, default_value = "csv", value_parser = ["csv", "geojson"])]
    pub(crate) format: String,
}

/// `urbis code columns`.
#[derive(Debug, Args)]
pub(crate) struct ColumnsArgs {
    /// A .csv or .parquet file with a header
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file to write, of the same kind; must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A column to add, as SCHEME:LEVEL (bd:8, gs:21, rs:12, h3:9, si:20); several times for several
    #[arg(long = "code", required = true, value_name = "SCHEME:LEVEL")]
    pub(crate) codes: Vec<String>,
    /// Column of longitudes, degrees
    #[arg(long, default_value = "lon", value_name = "NAME")]
    pub(crate) lon: String,
    /// Column of latitudes, degrees
    #[arg(long, default_value = "lat", value_name = "NAME")]
    pub(crate) lat: String,
    /// Column of heights in metres above the ellipsoid: makes 3D codes of bd, gs, rs
    #[arg(long, value_name = "NAME")]
    pub(crate) height: Option<String>,
    /// What the coordinates are counted in: wgs84, cgcs2000, gcj02, bd09
    #[arg(long, default_value = "wgs84", value_parser = ["wgs84", "cgcs2000", "gcj02", "bd09"])]
    pub(crate) datum: String,
    /// Height of the geoid above the ellipsoid in metres, which Spatial ID needs
    #[arg(long, value_name = "M", allow_hyphen_values = true)]
    pub(crate) geoid: Option<f64>,
}

/// `urbis key`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and show it, once
    Add(AddKeyArgs),
    /// Show what is kept of all keys
    List {
        /// Data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Take a key back
    Revoke {
        /// Its id, as `urbis key list` shows it
        id: String,
        /// Data folder
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

/// `urbis key add`.
#[derive(Debug, Args)]
pub(crate) struct AddKeyArgs {
    /// What it is for
    #[arg(long)]
    pub(crate) name: String,
    /// Role, may be given again: reader, writer, operator, administrator, or one of your own policies
    #[arg(long, required = true)]
    pub(crate) role: Vec<String>,
    /// What it may be used for at most, may be given again: read, write, administer
    #[arg(long, default_values = ["read", "write", "administer"])]
    pub(crate) scope: Vec<String>,
    /// District it is of, may be given again; without any it is of none in particular
    #[arg(long)]
    pub(crate) district: Vec<String>,
    /// Up to which grade it sees, 0 to 9
    #[arg(long, default_value_t = 0)]
    pub(crate) clearance: u8,
    /// From when on it is worth nothing: an instant, or a time from now such as 90d
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Where to: a folder that is empty, not there yet, or holds an earlier backup of the same data
    #[arg(value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Data folder to make; must not be there yet, or be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis compact`.
#[derive(Debug, Args)]
pub(crate) struct CompactArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// `urbis retain`.
#[derive(Debug, Args)]
pub(crate) struct RetainArgs {
    /// Data folder
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Configuration file (TOML) with [retention]; see urbis.example.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only say what would go and which summaries would come, also while the folder is served
    #[arg(long)]
    pub(crate) dry_run: bool,
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
    /// API key for --server
    #[arg(long, env = "URBIS_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}
