//! `urbis export`: a collection or a question in, one file out: GeoParquet, GeoJSON, FlatGeobuf, CSV, Arrow IPC, CityJSONSeq.
//! Rows are written as they come, and the file takes its name when it is whole; where anything fails there is none.

mod cityjson;

use std::fs::File;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use kernel_model::{Kind, TimeUs};
use kernel_query::format::{Format, Writer};
use kernel_query::{Engine, Limits};
use kernel_server::asset_table;
use kernel_store::Reader;
use tempfile::NamedTempFile;

use super::serve::runtime;
use crate::cli::ExportArgs;
use crate::config::Config;
use crate::remote::Remote;
use crate::say::say;

/// A file may take its time.
const DEADLINE: Duration = Duration::from_hours(24);
/// More rows than any file has.
const MOST_ROWS: usize = 1 << 40;
/// Columns of a collection, in the words of SQL.
const COLUMNS: &str = "id, kind, class, name, parent, dataset, source_id, height_reference, valid_from, valid_to, \
                       recorded_at, lineage, properties, geometry";

pub(crate) fn export(args: &ExportArgs) -> anyhow::Result<()> {
    let form = Form::of(args)?;
    let sql = question(args)?;
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = NamedTempFile::new_in(folder).with_context(|| folder.display().to_string())?;
    let bar = ProgressBar::new_spinner().with_style(
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let output = Output { form, file: part.reopen()?, writer: None, rows: 0, bar };
    let written = match (&args.place.data, &args.place.server) {
        (Some(data), _) => runtime()?.block_on(from_folder(data, args, &sql, output))?,
        (None, Some(url)) => from_server(url, args, &sql, output)?,
        (None, None) => return Ok(()),
    };
    part.as_file().sync_all()?;
    let bytes = part.as_file().metadata()?.len();
    part.persist(&args.out).with_context(|| args.out.display().to_string())?;
    say(format_args!("{}: {} rows, {bytes} bytes{}", args.out.display(), written.rows, written.beside));
    Ok(())
}

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Rows(Format),
    CityJsonSeq,
}

impl Form {
    /// By `--format`, else by the ending of the file's name.
    fn of(args: &ExportArgs) -> anyhow::Result<Self> {
        let name = args.out.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let ends = |ending: &str| name.ends_with(ending);
        let by_name = match () {
            () if ends(".city.jsonl") => "cityjsonseq",
            () if ends(".parquet") || ends(".geoparquet") => "geoparquet",
            () if ends(".geojson") || ends(".json") => "geojson",
            () if ends(".fgb") => "fgb",
            () if ends(".csv") => "csv",
            () if ends(".arrow") || ends(".arrows") => "arrow",
            () => "",
        };
        Ok(match args.format.as_deref().unwrap_or(by_name) {
            "cityjsonseq" => Self::CityJsonSeq,
            "geoparquet" | "parquet" => Self::Rows(Format::Parquet),
            "geojson" => Self::Rows(Format::GeoJson),
            "fgb" => Self::Rows(Format::FlatGeobuf),
            "csv" => Self::Rows(Format::Csv),
            "arrow" => Self::Rows(Format::ArrowIpc),
            _ => bail!(
                "{name}: say with --format which of geoparquet, geojson, fgb, csv, arrow, cityjsonseq it is to be"
            ),
        })
    }
}

/// The question that gives the rows.
fn question(args: &ExportArgs) -> anyhow::Result<String> {
    if let Some(sql) = &args.what.sql {
        if args.r#where.is_some() || args.datetime.is_some() {
            bail!("--where and --datetime are for --collection: a question says them itself");
        }
        return Ok(sql.clone());
    }
    let name = args.what.collection.as_deref().unwrap_or_default();
    let kind: Kind = name.parse().map_err(|_| {
        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        anyhow!("there is no collection `{name}`: give one of {}", all.join(", "))
    })?;
    let table = match &args.datetime {
        None => "entities".to_owned(),
        Some(at) => format!("entities_as_of('{}')", TimeUs::parse(at).context("--datetime")?),
    };
    let condition = args.r#where.as_ref().map(|condition| format!(" AND ({condition})")).unwrap_or_default();
    // Parts stand behind what they are part of.
    let order =
        if Form::of(args)? == Form::CityJsonSeq { "coalesce(parent, id), parent IS NOT NULL, id" } else { "id" };
    Ok(format!("SELECT {COLUMNS} FROM {table} WHERE kind IN ({}){condition} ORDER BY {order}", kinds(kind, args)?))
}

/// Of a city model a building comes with its parts.
fn kinds(kind: Kind, args: &ExportArgs) -> anyhow::Result<String> {
    let with_parts = kind == Kind::Building && Form::of(args)? == Form::CityJsonSeq;
    Ok(if with_parts { "'building', 'building_part'".to_owned() } else { format!("'{kind}'") })
}

/// The file on its way.
struct Output {
    form: Form,
    file: File,
    writer: Option<Rows>,
    rows: u64,
    bar: ProgressBar,
}

enum Rows {
    Plain(Box<Writer<BufWriter<File>>>),
    City(Box<cityjson::Writer<BufWriter<File>>>),
}

/// What was written.
struct Written {
    rows: u64,
    /// What else is to be said.
    beside: String,
}

impl Output {
    fn begin(&mut self, schema: &SchemaRef) -> anyhow::Result<()> {
        let file = BufWriter::with_capacity(1 << 20, self.file.try_clone()?);
        self.writer = Some(match self.form {
            Form::Rows(format) => Rows::Plain(Box::new(Writer::new(format, schema, file)?)),
            Form::CityJsonSeq => Rows::City(Box::new(cityjson::Writer::new(file))),
        });
        Ok(())
    }

    fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        self.rows += batch.num_rows() as u64;
        self.bar.set_message(format!("{} rows", HumanCount(self.rows)));
        self.bar.tick();
        match &mut self.writer {
            None => Ok(()),
            Some(Rows::Plain(writer)) => Ok(writer.write(batch)?),
            Some(Rows::City(writer)) => writer.write(batch),
        }
    }

    fn finish(self) -> anyhow::Result<Written> {
        self.bar.finish_and_clear();
        let beside = match self.writer {
            None => String::new(),
            Some(Rows::Plain(writer)) => {
                writer.finish()?.flush()?;
                String::new()
            }
            Some(Rows::City(writer)) => writer.finish()?,
        };
        Ok(Written { rows: self.rows, beside })
    }
}

async fn from_folder(data: &Path, args: &ExportArgs, sql: &str, mut output: Output) -> anyhow::Result<Written> {
    let config = Config::load(None)?;
    let recorded = args.recorded.as_deref().map(TimeUs::parse).transpose().context("--recorded")?;
    let (reader, _) = Reader::open(data)?;
    let snapshot = reader.snapshot();
    let snapshot = recorded.map_or(snapshot.clone(), |at| snapshot.known_at(at));
    // A sort that outgrows its memory goes through files.
    let spill = tempfile::tempdir()?;
    let engine = Engine::new(&config.questions(Some(spill.path().to_owned()))?)?;
    let limits = Limits { deadline: DEADLINE, max_rows: MOST_ROWS };
    let mut rows = engine.query(&snapshot, &[asset_table(data)], sql, limits).await?;
    output.begin(&rows.schema())?;
    while let Some(batch) = rows.next().await {
        output.write(&batch?)?;
    }
    if let Some(cut) = rows.truncated() {
        bail!("{cut}: nothing was written");
    }
    output.finish()
}

/// A server answers so many rows and no more: what it cuts is no export.
fn from_server(url: &str, args: &ExportArgs, sql: &str, mut output: Output) -> anyhow::Result<Written> {
    let mut body = serde_json::json!({ "sql": sql, "format": "arrow" });
    if let Some(recorded) = &args.recorded {
        body["recorded"] = recorded.as_str().into();
    }
    let reply = Remote::new(url, args.key.as_deref())?.post("/sql", "application/json", body.to_string().as_bytes())?;
    if let Some(cut) = reply.truncated {
        bail!("the server's answer was {cut}: export from its folder with --data, or raise its limits");
    }
    let batches = StreamReader::try_new(Cursor::new(reply.body), None).context("the server's answer")?;
    output.begin(&batches.schema())?;
    for batch in batches {
        output.write(&batch.context("the server's answer")?)?;
    }
    output.finish()
}
