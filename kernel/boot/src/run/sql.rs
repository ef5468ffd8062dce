//! `urbis sql`: a question to a data folder or a server, the answer on standard output.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Context;
use kernel_model::TimeUs;
use kernel_query::format::{Format, Writer};
use kernel_query::{Engine, Limits};
use kernel_server::asset_table;
use kernel_store::Reader;

use super::serve::runtime;
use crate::cli::SqlArgs;
use crate::config::Config;
use crate::remote::Remote;
use crate::say::warn;

pub(crate) fn sql(args: &SqlArgs) -> anyhow::Result<()> {
    let mut format: Format = args.format.parse()?;
    if let (Format::Table { width }, true) = (&mut format, std::io::stdout().is_terminal()) {
        *width = terminal_width();
    }
    match (&args.place.data, &args.place.server) {
        (Some(data), _) => runtime()?.block_on(ask_folder(data, args, format)),
        (None, Some(url)) => ask_server(url, args),
        (None, None) => Ok(()),
    }
}

fn terminal_width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(120)
}

async fn ask_folder(data: &Path, args: &SqlArgs, format: Format) -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let recorded = args.recorded.as_deref().map(TimeUs::parse).transpose().context("--recorded")?;
    let (reader, _) = Reader::open(data)?;
    let snapshot = reader.snapshot();
    let snapshot = recorded.map_or(snapshot.clone(), |at| snapshot.known_at(at));
    let engine = Engine::new(&config.questions(None)?)?;
    let settings = config.settings()?;
    let limits = Limits { deadline: settings.sql_deadline, max_rows: settings.sql_rows };
    let mut result = engine.query(&snapshot, &[asset_table(data)], &args.query, limits).await?;
    let mut writer = Writer::new(format, &result.schema(), std::io::stdout())?;
    while let Some(batch) = result.next().await {
        writer.write(&batch?).context("standard output")?;
    }
    writer.finish().context("standard output")?.flush().context("standard output")?;
    if let Some(cut) = result.truncated() {
        warn(format_args!("{cut}; ask for less, or raise sql_rows or sql_deadline_s in the configuration"));
    }
    Ok(())
}

fn ask_server(url: &str, args: &SqlArgs) -> anyhow::Result<()> {
    let mut body = serde_json::json!({ "sql": args.query, "format": args.format });
    if let Some(recorded) = &args.recorded {
        body["recorded"] = recorded.as_str().into();
    }
    let body = body.to_string();
    let reply = Remote::new(url, args.key.as_deref())?.post("/sql", "application/json", body.as_bytes())?;
    let rows = match args.format.as_str() {
        "json" => {
            let answer: serde_json::Value = serde_json::from_slice(&reply.body).context("the server's answer")?;
            serde_json::to_vec(&answer["rows"])?
        }
        _ => reply.body,
    };
    std::io::stdout().write_all(&rows).context("standard output")?;
    if let Some(cut) = reply.truncated {
        warn(format_args!("{cut}; ask for less, or raise the server's limits"));
    }
    Ok(())
}
