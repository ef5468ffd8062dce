//! `urbis verify`: a receipt and a public key in, yes or why not out. Nothing else is read, nobody is asked.

use std::fs;

use anyhow::{Context, anyhow};

use crate::cli::VerifyArgs;
use crate::say::say;

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let receipt = fs::read_to_string(&args.receipt).with_context(|| args.receipt.display().to_string())?;
    let key = fs::read_to_string(&args.key).with_context(|| args.key.display().to_string())?;
    let proof = kernel_ledger::verify(&receipt, key.trim())
        .map_err(|error| anyhow!("{} does not verify: {error}", args.receipt.display()))?;
    let record = &proof.record;
    say(format_args!("verified: leaf {} of {} in log {}", proof.index, proof.log_size, proof.origin));
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
    Ok(())
}
