//! `urbis key`: makes, lists and revokes API keys of a data folder, also while it is served: the server looks at the file again.

use std::path::Path;

use anyhow::{Context, ensure};
use kernel_access::{FULL_CLEARANCE, Key, KeyRing, NewKey};
use kernel_model::TimeUs;

use crate::cli::{AddKeyArgs, KeyCommand};
use crate::config::interval;
use crate::say::say;

pub(crate) fn key(command: &KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Add(args) => add(args),
        KeyCommand::List { data } => {
            ring(data)?.list().iter().for_each(show);
            Ok(())
        }
        KeyCommand::Revoke { id, data } => {
            let key = ring(data)?.revoke(id)?;
            say(format_args!("revoked: {} {}", key.id, key.name));
            Ok(())
        }
    }
}

/// The keys of a folder that is one.
fn ring(data: &Path) -> anyhow::Result<KeyRing> {
    ensure!(data.join("log").exists(), "{} is no data folder; `urbis serve --data DIR` makes one", data.display());
    Ok(KeyRing::open(data)?)
}

fn add(args: &AddKeyArgs) -> anyhow::Result<()> {
    ensure!(args.clearance <= FULL_CLEARANCE, "--clearance is a number from 0 to {FULL_CLEARANCE}");
    let expires = match args.expires.as_deref() {
        None => None,
        Some(text) => Some(end(text).with_context(|| format!("--expires {text}"))?),
    };
    let scopes = args.scope.iter().map(|scope| scope.parse()).collect::<Result<_, _>>()?;
    let (key, secret) = ring(&args.data)?.add(NewKey {
        name: args.name.clone(),
        roles: args.role.iter().cloned().collect(),
        scopes,
        districts: args.district.iter().cloned().collect(),
        clearance: args.clearance,
        expires,
    })?;
    show(&key);
    say(format_args!("key: {}   (shown this once, kept only as a hash)", secret.reveal()));
    Ok(())
}

/// An instant, or a time from now.
fn end(text: &str) -> anyhow::Result<TimeUs> {
    if let Ok(at) = TimeUs::parse(text) {
        return Ok(at);
    }
    let after = interval(text, "it", 36_500)?;
    Ok(TimeUs(TimeUs::now().0.saturating_add(after.as_micros() as i64)))
}

fn show(key: &Key) {
    let words = |words: &mut dyn Iterator<Item = &str>| words.collect::<Vec<_>>().join(",");
    let state = match (key.revoked_us, key.expires_us) {
        (Some(at), _) => format!("revoked {}", TimeUs(at)),
        (None, Some(at)) if at <= TimeUs::now().0 => format!("expired {}", TimeUs(at)),
        (None, Some(at)) => format!("until {}", TimeUs(at)),
        (None, None) => "for ever".to_owned(),
    };
    say(format_args!(
        "{}  {}  roles={} scopes={} districts={} clearance={}  {state}",
        key.id,
        key.name,
        words(&mut key.roles.iter().map(String::as_str)),
        words(&mut key.scopes.iter().map(|scope| scope.name())),
        words(&mut key.districts.iter().map(String::as_str)),
        key.clearance,
    ));
}
