//! `urbis serve`: store, ledger, broker, query engine and HTTP put together, until told to stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use connectors_streams::Broker;
use kernel_query::Engine;
use kernel_server::live::Hub;
use kernel_server::{AlarmDoor, AppState, Gauges, Ingest, Server, Tls, publish_sensorthings};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::folder::{self, Folder, Registering};
use super::streams::Sources;
use super::wires::Wires;
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::logging;
use crate::say::say;

/// The writer is woken as often, where rows grow old.
const WAKE: Duration = Duration::from_secs(10);

pub(crate) fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let mut config = Config::load(args.config.as_deref())?;
    config.data = args.data.unwrap_or(config.data);
    config.listen = args.listen.unwrap_or(config.listen);
    config.mqtt = args.mqtt.unwrap_or(config.mqtt);
    config.flight = args.flight.unwrap_or(config.flight);
    config.pg = args.pg.unwrap_or(config.pg);
    config.memory_mb = args.memory.unwrap_or(config.memory_mb);
    logging::start(&config.log, &config.log_format)?;
    runtime()?.block_on(async {
        let mut kernel = Kernel::start(&config).await?;
        kernel.announce();
        kernel.until_stopped().await?;
        kernel.stop().await
    })
}

/// The runtime of the servers.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")
}

/// Everything that runs.
pub(crate) struct Kernel {
    pub(crate) state: Arc<AppState>,
    pub(crate) broker: Option<Arc<Broker>>,
    pub(crate) server: Server,
    wires: Wires,
    sources: Option<Sources>,
    is_encrypted: bool,
    registering: Registering,
    ageing: JoinHandle<()>,
    /// Those who tell of alerts.
    telling: Vec<JoinHandle<()>>,
    writer: Option<std::thread::JoinHandle<()>>,
    /// Who looks at commits for alarms.
    looking: Option<std::thread::JoinHandle<()>>,
    first_key: Option<kernel_server::FirstKey>,
    data: std::path::PathBuf,
    speaks_tls: bool,
}

/// Publishes every alert that comes under `urbis/alerts/<rule>`.
async fn publish(door: Arc<AlarmDoor>, broker: Arc<Broker>) {
    let mut told = door.told();
    let mut since = *told.borrow_and_update();
    while told.changed().await.is_ok() {
        told.borrow_and_update();
        while let Ok(records) = door.reader().after(since, 1_000) {
            let Some((last, _)) = records.last() else { break };
            since = *last;
            for (number, record) in &records {
                let topic = format!("urbis/alerts/{}", record.rule().unwrap_or("acknowledged"));
                broker.tell(topic, record.json(*number).to_string().into_bytes());
            }
        }
    }
}

/// Those who tell of alerts to web addresses.
fn tell(config: &Config, alarms: Option<&Arc<AlarmDoor>>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let webhooks = config.alarms.webhooks()?;
    let Some(door) = alarms else { return Ok(Vec::new()) };
    let dir = config.data.join("alarms").join("webhooks");
    let telling = webhooks.into_iter().map(|webhook| {
        let (door, dir, name) = (door.clone(), dir.clone(), webhook.name.clone());
        tokio::spawn(async move {
            if let Err(error) = kernel_server::deliver(door, webhook, dir).await {
                tracing::error!(%error, name, "a web address is told of no more alerts until the next start");
            }
        })
    });
    Ok(telling.collect())
}

/// Reads the certificate again at every SIGHUP.
async fn exchange_when_told(tls: Tls) {
    let Ok(mut told) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) else { return };
    while told.recv().await.is_some() {
        match tls.read_again() {
            Ok(()) => tracing::info!("the certificate was read again"),
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
}

/// Rows grow old also where nothing comes in: the writer looks after them when it is woken, every so often.
async fn wake_the_writer(ingest: Ingest, every: Option<Duration>) {
    let Some(every) = every else { return };
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        if ingest.stream(Vec::new(), || {}).await.is_err() {
            return;
        }
    }
}

/// Those who have checkpoints signed by witnesses, and anchored.
fn hold_to_its_word(config: &Config, state: &Arc<AppState>) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let asking = config.trust.doors()?.into_iter();
    let mut tasks: Vec<_> =
        asking.map(|door| tokio::spawn(kernel_server::ask_witness(state.registrar.clone(), door))).collect();
    if let Some(every) = config.trust.heads()? {
        tasks.push(tokio::spawn(kernel_server::keep_heads(state.clone(), every)));
    }
    let every = config.trust.anchor_every()?;
    for anchor in config.trust.anchors()? {
        tasks.push(tokio::spawn(kernel_server::keep_anchored(state.registrar.clone(), anchor, every)));
    }
    Ok(tasks)
}

impl Kernel {
    /// Opens the data folder and starts every part.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        config.alarms.rules().check()?;
        config.alarms.webhooks()?;
        let hub = Arc::new(Hub::default());
        let Folder { reader, ingest, writer, registrar, registering, alarms, access, first_key, spill } =
            folder::open(config, hub.clone()).await?;
        let engine = Engine::new(&config.questions(spill)?)?;
        let retention = config.store()?.retention;
        let wake = retention.removes().then(|| retention.every.min(WAKE));
        let ageing = tokio::spawn(wake_the_writer(ingest.clone(), wake));
        let (alarms, looking) = alarms.unzip();
        let mut telling = tell(config, alarms.as_ref())?;
        let gauges = Gauges::default();
        let reading = super::streams::Reading::new(config, &reader)?;
        let hooks = reading.hooks(config)?;
        let door = config.mqtt_door.read(&access)?;
        let settings = config.settings()?;
        let tls = settings.tls.clone();
        let state = Arc::new(AppState {
            reader: reader.clone(),
            ingest: ingest.clone(),
            hub,
            registrar,
            trust: config.trust.witnessing(&config.data)?.into(),
            alarms,
            engine: Arc::new(engine),
            access,
            hooks: Arc::new(hooks),
            sql_places: Arc::new(Semaphore::new(settings.sql_at_once)),
            settings,
            gauges: gauges.clone(),
            started: Instant::now(),
        });
        // A publisher that nobody can acknowledge does better to find nobody.
        let sources = match ingest.may_write() {
            Ok(()) => Some(Sources::start(config, &reading, door, ingest, &gauges).await?),
            Err(_) => None,
        };
        let broker = sources.as_ref().and_then(|sources| sources.broker.clone());
        if let (Some(door), Some(broker)) = (&state.alarms, &broker) {
            telling.push(tokio::spawn(publish(door.clone(), broker.clone())));
        }
        if let Some(broker) = &broker {
            let (asked, told) = (broker.clone(), broker.clone());
            let tell = move |topic, payload| told.tell(topic, payload);
            telling.push(tokio::spawn(publish_sensorthings(state.clone(), move || asked.filters(), tell)));
        }
        if state.ingest.may_write().is_ok() {
            telling.extend(hold_to_its_word(config, &state)?);
        }
        let server = kernel_server::serve(&config.listen, state.clone()).await?;
        if let Some(tls) = &tls {
            telling.push(tokio::spawn(tls.clone().follow()));
            telling.push(tokio::spawn(exchange_when_told(tls.clone())));
        }
        let wires = Wires::start(config, &state).await?;
        let data = config.data.clone();
        let is_encrypted = config.mqtt_door.is_encrypted();
        Ok(Self {
            state,
            broker,
            server,
            wires,
            sources,
            is_encrypted,
            registering,
            ageing,
            telling,
            writer,
            looking,
            first_key,
            data,
            speaks_tls: tls.is_some(),
        })
    }

    /// Says where everything is.
    pub(crate) fn announce(&self) {
        say(format_args!("data:   {}", self.data.display()));
        if let Err(error) = self.state.ingest.may_write() {
            say(format_args!("writes: none, {error}"));
        }
        if let Some(broker) = &self.broker {
            let scheme = if self.is_encrypted { "mqtts" } else { "mqtt" };
            say(format_args!("mqtt:   {scheme}://{}", broker.address()));
        }
        if let Some(key) = &self.first_key {
            say(format_args!(
                "key:    {}   (for writes over HTTP; shown this once, kept only as a hash)",
                key.reveal()
            ));
        }
        if let Some(wire) = &self.wires.flight {
            let scheme = if self.wires.is_encrypted { "grpc+tls" } else { "grpc" };
            say(format_args!("flight: {scheme}://{}", wire.address));
        }
        if let Some(wire) = &self.wires.pg {
            say(format_args!("pg:     postgresql://{}/urbis", wire.address));
        }
        let scheme = if self.speaks_tls { "https" } else { "http" };
        say(format_args!("page:   {scheme}://{}/", self.server.address));
    }

    /// Waits for Ctrl-C, a termination signal, or a part that fails.
    pub(crate) async fn until_stopped(&mut self) -> anyhow::Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("wait for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
            ended = self.server.wait() => ended.context("the HTTP server ended"),
            ended = self.wires.wait() => Ok(ended?),
            failed = &mut self.registering => match failed {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) => bail!("the writer ended"),
                Err(panic) => bail!("registration ended: {panic}"),
            },
        }
    }

    /// Stops every part in the order of the data's way; what was acknowledged is on disk.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { state, broker, server, wires, sources, registering, ageing, telling, writer, looking, .. } = self;
        ageing.abort();
        telling.iter().for_each(JoinHandle::abort);
        drop(broker);
        drop(sources);
        server.stop().await;
        wires.stop().await;
        registering.abort();
        drop(state);
        // The writer ends with its last sender; handlers of open connections may still hold one.
        for _ in 0..100 {
            if [&writer, &looking].into_iter().flatten().all(std::thread::JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
