//! `urbis code`: positions to codes and back, one at a time or a stream of CSV.

use std::fmt::Write as _;
use std::io::{BufRead, Write};

use anyhow::{Context, anyhow, bail};
use coding_system::{Decoded, Position, Scheme, decode, encode_with_geoid};
use kernel_model::TimeUs;

use crate::cli::CodeCommand;

pub(crate) fn code(command: &CodeCommand) -> anyhow::Result<()> {
    match command {
        CodeCommand::Encode { scheme, level, geoid, position } => {
            let scheme: Scheme = scheme.parse()?;
            let encoder = Encoder { scheme, level: *level, geoid: *geoid };
            match position.as_slice() {
                [] => encoder.stream(),
                [_] => bail!("a position is LON LAT [HEIGHT [TIME]]: the latitude is missing"),
                fields => {
                    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                    println!("{}", encoder.encode(&fields)?);
                    Ok(())
                }
            }
        }
        CodeCommand::Decode { codes } => {
            for code in codes {
                let decoded = decode(code).map_err(|e| anyhow!("{code}: {e}"))?;
                println!("{}", describe(code, &decoded));
            }
            Ok(())
        }
    }
}

struct Encoder {
    scheme: Scheme,
    level: u8,
    geoid: Option<f64>,
}

impl Encoder {
    fn encode(&self, fields: &[&str]) -> anyhow::Result<String> {
        let number = |at: usize, what: &str| -> anyhow::Result<Option<f64>> {
            match fields.get(at).map(|text| text.trim()).filter(|text| !text.is_empty()) {
                None => Ok(None),
                Some(text) => Ok(Some(text.parse().with_context(|| format!("{what} `{text}` is not a number"))?)),
            }
        };
        let missing = |what: &str| anyhow!("the {what} is missing: give lon,lat[,height[,time]]");
        let lon = number(0, "longitude")?.ok_or_else(|| missing("longitude"))?;
        let lat = number(1, "latitude")?.ok_or_else(|| missing("latitude"))?;
        let position = Position::new(lon, lat, number(2, "height")?)?;
        let time = fields.get(3).map(|text| text.trim()).filter(|text| !text.is_empty());
        let time = time.map(TimeUs::parse).transpose()?.map(|t| t.0);
        Ok(encode_with_geoid(self.scheme, self.level, &position, time, self.geoid)?)
    }

    fn stream(&self) -> anyhow::Result<()> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        for (n, line) in std::io::stdin().lock().lines().enumerate() {
            let line = line.context("standard input")?;
            let fields: Vec<&str> = line.split(',').collect();
            let header = n == 0 && fields[0].trim().parse::<f64>().is_err();
            if line.trim().is_empty() || header {
                continue;
            }
            let code = self.encode(&fields).with_context(|| format!("line {}", n + 1))?;
            writeln!(out, "{code}").context("standard output")?;
        }
        out.flush().context("standard output")
    }
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
