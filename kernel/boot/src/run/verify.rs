//! `urbis verify`: a receipt and a public key in, yes or why not out. Nothing else is read, nobody is asked.

use std::fs;

use anyhow::{Context, anyhow};

use crate::cli::VerifyArgs;

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let receipt = fs::read_to_string(&args.receipt).with_context(|| args.receipt.display().to_string())?;
    let key = fs::read_to_string(&args.key).with_context(|| args.key.display().to_string())?;
    let proof = kernel_ledger::verify(&receipt, key.trim())
        .map_err(|error| anyhow!("{} does not verify: {error}", args.receipt.display()))?;
    let record = &proof.record;
    println!("verified: leaf {} of {} in log {}", proof.index, proof.log_size, proof.origin);
    println!("asset:    {} ({} {})", record.asset, record.kind, record.class);
    println!("source:   {}", record.source);
    println!("recorded: {} as sequence {}", record.recorded, record.sequence);
    println!("cells:    {}", record.cells.join(" "));
    for content in &record.content {
        println!("content:  {} {} {} bytes, {}", content.alg, content.digest, content.size, content.media_type);
    }
    Ok(())
}
