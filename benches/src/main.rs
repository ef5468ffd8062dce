//! `figures URBIS [NAME...]`: measures the built program from outside, as its users see it, and writes one line of JSON
//! a figure: name, median and worst of the runs, unit, the bound it has to keep. Nothing is timed inside a test.

#![expect(clippy::print_stdout, reason = "figures go to standard output")]

mod beside;
mod codes;
mod figure;
mod files;
mod latency;
mod messages;
mod millions;
mod program;
mod questions;

use std::path::PathBuf;

use anyhow::Context;

use crate::figure::Figure;
use crate::program::Program;

type Measure = fn(&Program) -> anyhow::Result<Vec<Figure>>;

/// All figures by name.
const ALL: [(&str, Measure); 8] = [
    ("import", files::import),
    ("observations", files::observations),
    ("sql", questions::box_count),
    ("mqtt", messages::rate),
    ("latency", latency::publish_to_client),
    ("codes", codes::columns),
    ("beside", beside::reader),
    ("millions", millions::observations),
];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let program = Program::new(PathBuf::from(arguments.next().context("usage: figures URBIS [NAME...]")?))?;
    let wanted: Vec<String> = arguments.collect();
    for (name, measure) in ALL {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            for figure in measure(&program).with_context(|| name.to_owned())? {
                println!("{}", figure.json());
            }
        }
    }
    Ok(())
}
