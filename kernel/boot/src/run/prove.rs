//! `urbis prove area`: an area and a folder or a server in, a file out that proves what is in it.

use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use kernel_ledger::area::{Query, Shows, verify_area};
use kernel_ledger::{Areas, Error, KeyRing, Ledger};

use crate::cli::ProveAreaArgs;
use crate::remote::Remote;
use crate::say::say;

pub(crate) fn area(args: &ProveAreaArgs) -> anyhow::Result<()> {
    let query = query(args)?;
    let shows = if args.count { Shows::Count } else { Shows::Assets };
    let (proof, key) = match (&args.place.data, &args.place.server) {
        (Some(data), _) => of_folder(data, &query, shows)?,
        (None, Some(url)) => of_server(url, args)?,
        (None, None) => return Ok(()),
    };
    let shown = verify_area(&proof, &KeyRing::parse(&key)?).context("the proof that was made does not verify")?;
    fs::write(&args.out, &proof).with_context(|| args.out.display().to_string())?;
    let count = if args.count { shown.inside.total() + shown.across.total() } else { shown.present().count() as u64 };
    say(format_args!(
        "proven: {count} assets as of {} leaves, {} bytes in {}",
        shown.map.log_size,
        proof.len(),
        args.out.display()
    ));
    Ok(())
}

fn query(args: &ProveAreaArgs) -> anyhow::Result<Query> {
    let Some(text) = &args.bbox else { return Ok(Query::of_cells(args.cell.iter().map(String::as_str))?) };
    let sides: Option<Vec<f64>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
    let sides: Option<[f64; 4]> = sides.and_then(|sides| sides.try_into().ok());
    let sides = sides.ok_or_else(|| anyhow!("--bbox is four numbers, west, south, east, north, not `{text}`"))?;
    Ok(Query::of_box(sides)?)
}

/// Of a folder: as its log stands, or, where it is being served, as the server signed last.
fn of_folder(data: &Path, query: &Query, shows: Shows) -> anyhow::Result<(Vec<u8>, String)> {
    let (folder, public) = (data.join("ledger"), data.join("log.pub"));
    let key = fs::read_to_string(&public).with_context(|| public.display().to_string())?;
    let ledger = match Ledger::open(&folder, &public, KeyRing::parse(&key)?.origin()) {
        Ok((ledger, _)) => ledger,
        Err(Error::Locked(_) | Error::Io { .. }) => Ledger::open_reading(&folder, &public)?,
        Err(error) => return Err(error.into()),
    };
    let (mut areas, _) = Areas::open(ledger.tip()).context("the map of areas; `urbis serve` makes it")?;
    Ok((areas.prove(query, shows)?, key))
}

fn of_server(url: &str, args: &ProveAreaArgs) -> anyhow::Result<(Vec<u8>, String)> {
    let remote = Remote::new(url, args.key.as_deref())?;
    let asked = match &args.bbox {
        Some(bbox) => format!("bbox={}", bbox.replace(' ', "")),
        None => format!("cells={}", args.cell.join(",")),
    };
    let proof = remote.get(&format!("/assets/area?{asked}&count={}", args.count))?;
    let key = String::from_utf8(remote.get("/log/key")?).context("the server's public key")?;
    if proof.is_empty() {
        bail!("{url} gave an empty proof");
    }
    Ok((proof, key))
}
