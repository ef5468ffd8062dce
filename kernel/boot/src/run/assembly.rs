//! `urbis assembly`: clashes, sequences, parts as things, made assemblies.

use std::time::Instant;

use anyhow::{Context, bail};
use pilots_assembly::{
    Assembly, Checker, ClashReport, Limits, Order, Placement, SequenceReport, Unit, changes, check, instruction,
    make_glb, read_file, sequence,
};

use super::import::Target;
use crate::cli::assembly::{AssemblyCommand, AssemblyImportArgs, ClashArgs, MakeArgs, Model, SequenceArgs};
use crate::say::say;

/// Most parts that are made.
const MADE: usize = 200_000;

pub(crate) fn assembly(command: &AssemblyCommand) -> anyhow::Result<()> {
    match command {
        AssemblyCommand::Clash(args) => clash(args),
        AssemblyCommand::Sequence(args) => take_apart(args),
        AssemblyCommand::Import(args) => import(args),
        AssemblyCommand::Make(args) => make(args),
    }
}

fn read(model: &Model) -> anyhow::Result<Assembly> {
    let unit = model.unit.as_deref().map(str::parse::<Unit>).transpose()?;
    Ok(read_file(&model.file, unit)?)
}

fn clash(args: &ClashArgs) -> anyhow::Result<()> {
    let assembly = read(&args.model)?;
    let pairs = args.pairs.iter().map(|text| pair(text)).collect::<anyhow::Result<_>>()?;
    let limits = Limits { tolerance_mm: args.tolerance, clearance_mm: args.clearance, pairs };
    let found = Checker::new(&assembly, limits.clone())?.all();
    let report = ClashReport::new(&assembly, &limits, &found);
    tell(&match args.format.as_str() {
        "json" => serde_json::to_string_pretty(&report)?,
        "html" => report.html(),
        _ => report.table(),
    });
    Ok(())
}

/// `part,part,0.5`; ids with commas are not had.
fn pair(text: &str) -> anyhow::Result<(String, String, f64)> {
    let fields: Vec<&str> = text.split(',').collect();
    let [a, b, mm] = fields[..] else { bail!("`{text}` is not PART,PART,MM, such as piston,rod,0.5") };
    let mm = mm.trim().parse().with_context(|| format!("`{text}`: the tolerance is not a number"))?;
    Ok((a.to_owned(), b.to_owned(), mm))
}

fn take_apart(args: &SequenceArgs) -> anyhow::Result<()> {
    if args.stride.is_nan() || args.stride <= 0.0 {
        bail!("the stride is {}: give millimetres above 0", args.stride);
    }
    let assembly = read(&args.model)?;
    let plan = sequence(&assembly, args.tolerance)?;
    let report = SequenceReport::new(&assembly, &plan, &check(&assembly, &plan, args.stride));
    let order = if args.order == "assembly" { Order::Assembly } else { Order::Disassembly };
    tell(&match args.format.as_str() {
        "json" => serde_json::to_string_pretty(&report)?,
        "html" => instruction(&assembly, &plan, &report, order)?,
        _ => report.table(),
    });
    match report.not_free() {
        0 => Ok(()),
        n => bail!("the check found {n} steps not free of collision: they are marked"),
    }
}

fn tell(text: &str) {
    say(format_args!("{}", text.trim_end()));
}

fn import(args: &AssemblyImportArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let assembly = read(&args.model)?;
    let file = &args.model.file;
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let dataset = args.dataset.clone().or(stem).context("give --dataset")?;
    let placement = Placement {
        lon_deg: args.lon,
        lat_deg: args.lat,
        height_m: args.height,
        height_reference: args.height_reference.parse()?,
        heading_deg: args.heading,
    };
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let changes = changes(&assembly, &placement, &dataset, bytes)?;
    let written = Target::open(&args.place, args.key.as_deref())?.write(changes)?;
    say(format_args!(
        "{}: {} parts of dataset {dataset}; {written} in {:.2} s",
        file.display(),
        assembly.parts.len(),
        begun.elapsed().as_secs_f64()
    ));
    if let Some(first) = written.refused.first() {
        bail!("{} were refused, the first: {}: {}", written.refused.len(), first.place, first.reason);
    }
    Ok(())
}

fn make(args: &MakeArgs) -> anyhow::Result<()> {
    if !(1..=MADE).contains(&args.parts) {
        bail!("{} parts: give 1 to {MADE}", args.parts);
    }
    let bytes = make_glb(args.parts, args.seed)?;
    std::fs::write(&args.out, &bytes).with_context(|| args.out.display().to_string())?;
    say(format_args!("{}: {} parts, {} bytes, in mm", args.out.display(), args.parts, bytes.len()));
    Ok(())
}
