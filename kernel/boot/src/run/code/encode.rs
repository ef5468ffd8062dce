//! One position to one code, and lines of CSV to lines of codes.

use std::io::{BufRead, Write};

use anyhow::{Context, anyhow};
use coding_system::{Position, Scheme, encode_with_geoid};
use kernel_model::TimeUs;

/// What codes are wanted.
pub(super) struct Encoder {
    pub(super) scheme: Scheme,
    pub(super) level: u8,
    pub(super) geoid: Option<f64>,
}

impl Encoder {
    /// Longitude, latitude and perhaps height and time, as text.
    pub(super) fn encode(&self, fields: &[&str]) -> anyhow::Result<String> {
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

    /// Standard input to standard output.
    pub(super) fn stream(&self) -> anyhow::Result<()> {
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
