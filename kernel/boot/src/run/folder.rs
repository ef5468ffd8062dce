//! The data folder under a server: opened for writing, with its one writer and its registrar at work; or, where it cannot be
//! written (a read-only disk, no permission), for reading, so that everything in it is answered and every write is refused
//! with the reason. A folder that is damaged, in use or not there is an error either way.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::Context;
use kernel_access::KeyRing;
use kernel_alarms::Alarms;
use kernel_server::live::Hub;
use kernel_server::{Access, AlarmDoor, FirstKey, Ingest, QualityRules, Registrar, check_anchor, start_alarms};
use kernel_store::{Opened, Reader, Store};

use crate::config::Config;

/// Ends where registration does.
pub(crate) type Registering = tokio::task::JoinHandle<Result<(), kernel_server::Error>>;

/// What a server has of its data folder.
pub(crate) struct Folder {
    pub(crate) reader: Reader,
    pub(crate) ingest: Ingest,
    /// The one writer, where there is one.
    pub(crate) writer: Option<JoinHandle<()>>,
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) registering: Registering,
    /// The alarms and their thread, where there are rules.
    pub(crate) alarms: Option<(Arc<AlarmDoor>, JoinHandle<()>)>,
    pub(crate) access: Access,
    pub(crate) first_key: Option<FirstKey>,
    /// Where questions that outgrow their memory put things aside.
    pub(crate) spill: Option<PathBuf>,
}

/// Opens the data folder of a configuration.
pub(crate) async fn open(config: &Config, hub: Arc<Hub>) -> anyhow::Result<Folder> {
    match Store::open(&config.data, config.store()?) {
        Ok((store, opened)) => {
            tell_opened(&config.data, &opened);
            for_writing(config, store, hub).await
        }
        Err(error) if error.is_read_only() && config.data.join("log").exists() => {
            tracing::warn!(%error, "the data folder cannot be written: questions are answered, writes are refused");
            for_reading(config, &error.to_string())
        }
        Err(error) => Err(error.into()),
    }
}

async fn for_writing(config: &Config, store: Store, hub: Arc<Hub>) -> anyhow::Result<Folder> {
    let (data, reader) = (&config.data, store.reader());
    let (registrar, ledger) =
        Registrar::open(&data.join("ledger"), &data.join("log.pub"), &config.origin, reader.clone())?;
    tracing::info!(leaves = ledger.size, "ledger open");
    for mut anchor in config.trust.anchors()? {
        let checked = check_anchor(&registrar.ledger(), anchor.as_mut());
        if let Err(alarm) = checked {
            tracing::error!(alarm, "the ledger is not what was anchored: questions are answered, writes are refused");
            drop((registrar, store));
            return for_reading(config, &alarm);
        }
    }
    let (keys, first_key) = KeyRing::open_or_begin(data)?;
    let access = Access::new(config.access.guard(keys, &config.oidc)?);
    let access = match config.access.record(data)? {
        Some(audit) => access.recorded(audit),
        None => access,
    };
    let spill = Some(spill_folder(data)?);
    let quality = QualityRules::new(config.quality.clone())?;
    let (alarms, feed) = match config.alarms.rules() {
        rules if rules.is_empty() => (None, None),
        rules => {
            let alarms = Alarms::open(&data.join("alarms"), rules.check()?, &reader.snapshot())?;
            tracing::info!(fences = alarms.engine().fences(), "alarms open");
            let (door, feed, thread) = start_alarms(alarms, reader.clone());
            (Some((door, thread)), Some(feed))
        }
    };
    let (ingest, writer) = Ingest::start_watching(store, hub, quality, feed);
    let registrar = Arc::new(registrar);
    let caught_up = tokio::task::spawn_blocking({
        let registrar = registrar.clone();
        move || registrar.catch_up()
    });
    let registered = caught_up.await.context("registration")??;
    if registered > 0 {
        tracing::info!(registered, "registered what the last run left");
    }
    let registering = tokio::spawn(registrar.clone().run(ingest.committed()));
    Ok(Folder { reader, ingest, writer: Some(writer), registrar, registering, alarms, access, first_key, spill })
}

fn for_reading(config: &Config, why: &str) -> anyhow::Result<Folder> {
    let data = &config.data;
    let (reader, opened) = Reader::open(data)?;
    let registrar = Registrar::open_reading(&data.join("ledger"), &data.join("log.pub"), reader.clone())?;
    let ingest = Ingest::refusing(why, opened.sequence);
    // What is not registered stays so.
    let registering = tokio::spawn(std::future::pending());
    Ok(Folder {
        reader,
        ingest,
        writer: None,
        registrar: Arc::new(registrar),
        registering,
        alarms: None,
        access: Access::new(config.access.guard(KeyRing::read_only(data), &config.oidc)?),
        first_key: None,
        spill: None,
    })
}

/// An empty folder for questions that outgrow their memory.
fn spill_folder(data: &Path) -> anyhow::Result<PathBuf> {
    let folder = data.join("spill");
    // What the last run left there is nobody's any more.
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn tell_opened(data: &Path, opened: &Opened) {
    tracing::info!(data = %data.display(), created = opened.created, sequence = opened.sequence.0, replayed = opened.replayed, "store open");
    if let Some(torn) = &opened.torn {
        tracing::warn!(path = %torn.path.display(), bytes = torn.bytes, "cut unacknowledged bytes from the log");
    }
}
