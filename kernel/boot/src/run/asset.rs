//! `urbis asset`, `urbis identity`, `urbis rotate-key`: statements signed here and sent, and the keys that sign.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use kernel_ledger::{Identity, KeyRing, Ledger, sign, statement};
use kernel_model::{Operation, Right, Statement, TimeUs, Valuation};

use crate::cli::{AssetArgs, Deed, IdentityArgs, RotateKeyArgs};
use crate::remote::Remote;
use crate::say::say;

pub(crate) fn identity(args: &IdentityArgs) -> anyhow::Result<()> {
    if !args.file.exists() {
        write_identity(&args.file)?;
    }
    say(format_args!("{}", read(&args.file)?.did()));
    Ok(())
}

/// A new secret key in a file that its owner alone can read.
pub(crate) fn write_identity(path: &Path) -> anyhow::Result<()> {
    let identity = Identity::generate().map_err(|e| anyhow!("the system gives no random bits: {e}"))?;
    let mut options = fs::OpenOptions::new();
    let place = || path.display().to_string();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).with_context(place)?;
    writeln!(file, "{}", identity.secret()).and_then(|()| file.sync_all()).with_context(place)
}

fn read(path: &Path) -> anyhow::Result<Identity> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Identity::from_secret(&text).with_context(|| path.display().to_string())
}

pub(crate) fn rotate_key(args: &RotateKeyArgs) -> anyhow::Result<()> {
    let (folder, public) = (args.data.join("ledger"), args.data.join("log.pub"));
    let key = fs::read_to_string(&public).with_context(|| public.display().to_string())?;
    let (mut ledger, _) = Ledger::open(&folder, &public, KeyRing::parse(&key)?.origin())?;
    ledger.rotate_key(&public)?;
    say(format_args!(
        "from {} leaves on this key signs, which {} tells: {}",
        ledger.size(),
        public.display(),
        ledger.keys().newest()
    ));
    Ok(())
}

pub(crate) fn asset(args: &AssetArgs) -> anyhow::Result<()> {
    let (identity, remote) = (read(&args.identity)?, Remote::new(&args.server, args.key.as_deref())?);
    let mut stated = stated(args, &identity)?;
    let state: serde_json::Value = match remote.get(&format!("/assets/{}/state", args.asset)) {
        Ok(body) => serde_json::from_slice(&body).context("the state of the asset")?,
        // A thing that the log does not know yet has no leaf before this one.
        Err(error) if error.to_string().contains(": 404 ") => serde_json::Value::Null,
        Err(error) => return Err(error),
    };
    stated.previous = state["newest_leaf"].as_str().map(str::to_owned);
    let signature = sign(&stated, &identity)?;
    let body = serde_json::json!({ "statement": stated, "signature": signature });
    let path = format!("/assets/{}/statements", args.asset);
    let reply = remote.post(&path, "application/json", body.to_string().as_bytes())?;
    match &args.out {
        Some(out) => {
            fs::write(out, &reply.body).with_context(|| out.display().to_string())?;
            say(format_args!("registered; the receipt is in {}", out.display()));
        }
        None => say(format_args!("{}", String::from_utf8_lossy(&reply.body).trim_end())),
    }
    Ok(())
}

fn stated(args: &AssetArgs, identity: &Identity) -> anyhow::Result<Statement> {
    let operation = match args.deed {
        Deed::Register => Operation::Register,
        Deed::Update => Operation::Update,
        Deed::Transfer => Operation::Transfer,
        Deed::Custody => Operation::Custody,
        Deed::Evaluate => Operation::Evaluate,
        Deed::Grade => Operation::Grade,
        Deed::Retire => Operation::Retire,
        Deed::Revoke => Operation::Revoke,
    };
    let mut stated = statement(&args.asset, operation, &identity.did(), TimeUs::now());
    match args.deed {
        Deed::Transfer => stated.owner.clone_from(&args.to),
        Deed::Custody => stated.custodian.clone_from(&args.to),
        _ if args.to.is_some() => bail!("--to is for transfer and custody"),
        _ => {}
    }
    if !args.right.is_empty() {
        stated.rights = Some(args.right.iter().map(|text| right(text)).collect::<anyhow::Result<_>>()?);
    }
    stated.grade.clone_from(&args.grade);
    stated.basis.clone_from(&args.basis);
    stated.credential.clone_from(&args.credential);
    if let (Some(value), Some(method)) = (&args.value, &args.method) {
        let (amount, currency) = value
            .split_once(' ')
            .ok_or_else(|| anyhow!("--value is a number and a currency, such as \"120000 CNY\", not `{value}`"))?;
        let (amount, currency, method) = (amount.to_owned(), currency.to_owned(), method.clone());
        stated.value = Some(Valuation { amount, currency, method });
    }
    Ok(stated)
}

fn right(text: &str) -> anyhow::Result<Right> {
    let (kind, rest) = text.split_once('=').ok_or_else(|| {
        anyhow!("--right is a type and a holder, such as use=did:key:z6Mk...@2027-01-01T00:00:00Z, not `{text}`")
    })?;
    let (holder, until) = match rest.split_once('@') {
        Some((holder, until)) => (holder, Some(until.to_owned())),
        None => (rest, None),
    };
    Ok(Right { kind: kind.to_owned(), holder: holder.to_owned(), until, terms: None })
}
