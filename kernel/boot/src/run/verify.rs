//! `urbis verify`: a receipt, an area proof, a ledger or a credential and a public key in, yes or why not out. Nothing else
//! is read, nobody is asked.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use kernel_ledger::area::{Counts, Shows, contradiction, verify_area};
use kernel_ledger::{KeyRing, Leaf, Verified, Witness, check_revocation, check_witnesses, verify_credential};
use kernel_model::TimeUs;

use super::audit;
use crate::cli::VerifyArgs;
use crate::say::say;

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let key = text(&args.key)?;
    match args.what.as_slice() {
        [file] => receipt(Path::new(file), &key, args),
        [what, file] => {
            let file = Path::new(file);
            match what.as_str() {
                "receipt" => receipt(file, &key, args),
                "area" => area(file, &key, args),
                "audit" => audit::ledger(file, &args.key),
                "credential" => credential(file, &key, args),
                other => bail!("`{other}` cannot be verified: say receipt, area, audit or credential before the file"),
            }
        }
        _ => bail!("give a file"),
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn refusal<E: std::error::Error + Send + Sync + 'static>(file: &Path) -> impl FnOnce(E) -> anyhow::Error {
    let file: PathBuf = file.to_owned();
    move |error| anyhow!("{} does not verify: {error}", file.display())
}

fn receipt(file: &Path, key: &str, args: &VerifyArgs) -> anyhow::Result<()> {
    let receipt = text(file)?;
    let proof = kernel_ledger::verify(&receipt, key.trim()).map_err(refusal(file))?;
    let witnesses: Vec<_> = args.witness.iter().map(|vkey| Witness::parse(vkey)).collect::<Result<_, _>>()?;
    check_witnesses(&receipt, &witnesses, witnesses.len()).map_err(refusal(file))?;
    say(format_args!("verified: leaf {} of {} in log {}", proof.index, proof.log_size, proof.origin));
    tell(&proof);
    for witness in &witnesses {
        say(format_args!("witness:  {}", witness.vkey()));
    }
    Ok(())
}

fn tell(proof: &Verified) {
    match &proof.leaf {
        Leaf::Record(record) => {
            say(format_args!("asset:    {} ({} {})", record.asset, record.kind, record.class));
            say(format_args!("source:   {}", record.source));
            say(format_args!("recorded: {} as sequence {}", record.recorded, record.sequence));
            say(format_args!("cells:    {}", record.cells.join(" ")));
            for content in &record.content {
                say(format_args!(
                    "content:  {} {} {} bytes, {}",
                    content.alg, content.digest, content.size, content.media_type
                ));
            }
        }
        Leaf::Event(event) => {
            let stated = &event.statement;
            say(format_args!("asset:    {}", stated.asset));
            say(format_args!("stated:   {:?} at {}, by {}", stated.operation, stated.issued, stated.actor));
            say(format_args!("recorded: {} after sequence {}", event.recorded, event.sequence));
            for (name, who) in [("owner", &stated.owner), ("custodian", &stated.custodian)] {
                if let Some(who) = who {
                    say(format_args!("{name}: {who}"));
                }
            }
        }
    }
}

fn area(file: &Path, key: &str, args: &VerifyArgs) -> anyhow::Result<()> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let area = verify_area(&bytes, &KeyRing::parse(key)?).map_err(refusal(file))?;
    if let Some(path) = &args.receipt {
        let receipt = kernel_ledger::verify(&text(path)?, key.trim()).map_err(refusal(path))?;
        contradiction(&receipt, &area)
            .map_err(|fraud| anyhow!("{} and {} convict the log: {fraud}", file.display(), path.display()))?;
    }
    let log = area.origin.trim_end_matches(kernel_ledger::area::AREA_LOG);
    say(format_args!("verified: as of {} leaves of log {log}", area.map.log_size));
    match area.shows {
        Shows::Count => say(format_args!("assets:   exactly {}", area.inside.total())),
        Shows::Assets => say(format_args!("assets:   these {} and no other", area.present().count())),
    }
    grades("inside", &area.inside);
    grades("on the border", &area.across);
    for asset in area.present() {
        say(format_args!("{} leaf {} {}", asset.asset, asset.index, asset.grade.name()));
    }
    Ok(())
}

fn grades(name: &str, counts: &Counts) {
    if counts.total() > 0 {
        let by_grade: Vec<_> = counts.by_grade().map(|(grade, count)| format!("{count} {}", grade.name())).collect();
        say(format_args!("{name}: {} ({})", counts.total(), by_grade.join(", ")));
    }
}

fn credential(file: &Path, key: &str, args: &VerifyArgs) -> anyhow::Result<()> {
    let document = args.document.as_deref().map(text).transpose()?;
    let document = document.as_deref().map(serde_json::from_str).transpose().context("the DID document is no JSON")?;
    let held = verify_credential(&text(file)?, key.trim(), document.as_ref(), TimeUs::now()).map_err(refusal(file))?;
    if let Some(path) = &args.revocation {
        check_revocation(&held, &text(path)?, key.trim()).map_err(refusal(file))?;
    }
    say(format_args!("verified: {} {}", held.kinds.join(" "), held.id));
    say(format_args!("issuer:   {}", held.issuer));
    say(format_args!("subject:  {}", held.subject));
    if let Some(evidence) = &held.evidence {
        say(format_args!("evidence: leaf {} of {} in log {}", evidence.index, evidence.log_size, evidence.origin));
        tell(evidence);
    }
    Ok(())
}
