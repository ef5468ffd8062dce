//! `urbis code`: positions to codes and back, one scheme to another, areas to cells, and files with code columns added.

mod around;
mod columns;
mod convert;
mod cover;
mod encode;
mod explain;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context, anyhow, bail};
use coding_system::{Decoded, Scheme, decode};

use crate::cli::CodeCommand;
use crate::say::say;

pub(crate) fn code(command: &CodeCommand) -> anyhow::Result<()> {
    match command {
        CodeCommand::Encode { scheme, level, geoid, position } => {
            let scheme: Scheme = scheme.parse()?;
            let encoder = encode::Encoder { scheme, level: *level, geoid: *geoid };
            match position.as_slice() {
                [] => encoder.stream(),
                [_] => bail!("a position is LON LAT [HEIGHT [TIME]]: the latitude is missing"),
                fields => {
                    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                    say(format_args!("{}", encoder.encode(&fields)?));
                    Ok(())
                }
            }
        }
        CodeCommand::Decode { codes } => each(codes, |code| {
            say(format_args!("{}", describe(code, &decode(code)?)));
            Ok(())
        }),
        CodeCommand::Explain { codes } => each(codes, |code| {
            say(format_args!("{}", explain::explain(code)?.trim_end()));
            Ok(())
        }),
        CodeCommand::Convert(args) => each(&args.codes, |code| convert::convert(code, args)),
        CodeCommand::Neighbours(args) => around::around(args),
        CodeCommand::Cover(args) => cover::cover(args),
        CodeCommand::Columns(args) => columns::add(args),
    }
}

fn each(codes: &[String], act: impl Fn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    codes.iter().try_for_each(|code| act(code).map_err(|e| anyhow!("{code}: {e}")))
}

fn describe(code: &str, decoded: &Decoded) -> String {
    let (lon, lat) = decoded.centre_deg;
    let area = &decoded.area;
    let mut text = format!(
        "{code}\n  scheme {} level {}\n  centre {lon:.9} {lat:.9}\n  box    {:.9} {:.9} {:.9} {:.9} (west south east north)",
        decoded.scheme,
        decoded.level,
        area.west_deg(),
        area.south_deg(),
        area.east_deg(),
        area.north_deg(),
    );
    if let Some(band) = &decoded.height_band {
        let _ = write!(text, "\n  height around {:.3} m", band.centre_m());
    }
    if let Some(interval) = &decoded.interval {
        let _ = write!(text, "\n  time   {interval}");
    }
    text
}

/// Lines to standard output.
fn lines(lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in lines {
        writeln!(out, "{line}").context("standard output")?;
    }
    out.flush().context("standard output")
}
