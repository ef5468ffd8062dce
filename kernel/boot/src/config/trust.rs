//! `[trust]`: who witnesses the log, whose log this server witnesses, and where checkpoints are anchored, as people write it
//! in; doors, keys and anchors out. What cannot be is refused with its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use connectors_chains::{EvmAnchor, FileAnchor};
use kernel_ledger::{Cosigner, Identity, KeyRing, Witness, WitnessState};
use kernel_model::Anchor;
use kernel_server::{Trust as Witnessing, WitnessDoor};
use serde::{Deserialize, Serialize};

use super::retention::interval;

/// What holds the log to its word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Trust {
    /// Witnesses that are asked to sign, each the prefix of its address, a space and its vkey.
    witnesses: Vec<String>,
    /// The name under which this server witnesses other logs; empty where it does not.
    witness_name: String,
    /// Public keys of the logs that it witnesses: files, each a `log.pub`.
    witnessed: Vec<PathBuf>,
    /// The file where checkpoints are anchored; empty where they are not.
    anchor_file: PathBuf,
    /// The contract where they are anchored too: address of a node, of the contract and of the account; empty for none.
    anchor_evm: String,
    /// How often.
    anchor_every: String,
    /// How often the ends of chains of readings are registered; `0` for never.
    heads_every: String,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            witnesses: Vec::new(),
            witness_name: String::new(),
            witnessed: Vec::new(),
            anchor_file: PathBuf::new(),
            anchor_evm: String::new(),
            anchor_every: "10m".to_owned(),
            heads_every: "1m".to_owned(),
        }
    }
}

impl Trust {
    /// The witnesses that are asked.
    pub(crate) fn doors(&self) -> anyhow::Result<Vec<WitnessDoor>> {
        let door = |text: &String| {
            let (url, vkey) =
                text.split_once(' ').ok_or_else(|| anyhow!("`{text}` is not an address, a space and a key"))?;
            Ok(WitnessDoor { url: url.trim_end_matches('/').to_owned(), witness: Witness::parse(vkey)? })
        };
        self.witnesses.iter().map(door).collect::<anyhow::Result<_>>().context("trust.witnesses")
    }

    /// This server as a witness: its key and its memory are in the data folder.
    pub(crate) fn witnessing(&self, data: &Path) -> anyhow::Result<Witnessing> {
        if self.witness_name.is_empty() {
            return Ok(Witnessing::default());
        }
        let key = data.join("witness.key");
        if !key.exists() {
            crate::run::write_identity(&key)?;
        }
        let text = fs::read_to_string(&key).with_context(|| key.display().to_string())?;
        let identity = Identity::from_secret(&text).with_context(|| key.display().to_string())?;
        let cosigner = Cosigner::new(&self.witness_name, &identity.seed())
            .ok_or_else(|| anyhow!("trust.witness_name: `{}` cannot stand in a signed note", self.witness_name))?;
        let ring = |path: &PathBuf| {
            let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            KeyRing::parse(&text).with_context(|| path.display().to_string())
        };
        let logs: Vec<_> = self.witnessed.iter().map(ring).collect::<anyhow::Result<_>>().context("trust.witnessed")?;
        Ok(Witnessing::witnessing(WitnessState::open(&data.join("witness.json"), cosigner, logs)?))
    }

    /// How often the ends of chains of readings are registered.
    pub(crate) fn heads(&self) -> anyhow::Result<Option<Duration>> {
        match self.heads_every.as_str() {
            "0" => Ok(None),
            text => interval(text, "trust.heads_every", 1).map(Some),
        }
    }

    /// The anchors.
    pub(crate) fn anchors(&self) -> anyhow::Result<Vec<Box<dyn Anchor>>> {
        let mut anchors: Vec<Box<dyn Anchor>> = Vec::new();
        if !self.anchor_file.as_os_str().is_empty() {
            anchors.push(Box::new(FileAnchor::open(&self.anchor_file).context("trust.anchor_file")?));
        }
        match self.anchor_evm.split_whitespace().collect::<Vec<_>>()[..] {
            [] => {}
            [url, contract, account] => {
                anchors.push(Box::new(EvmAnchor::new(url, contract, account).context("trust.anchor_evm")?));
            }
            _ => bail!("trust.anchor_evm is the addresses of a node, a contract and an account, with spaces between"),
        }
        Ok(anchors)
    }

    /// How often checkpoints are anchored.
    pub(crate) fn anchor_every(&self) -> anyhow::Result<Duration> {
        interval(&self.anchor_every, "trust.anchor_every", 7)
    }
}
