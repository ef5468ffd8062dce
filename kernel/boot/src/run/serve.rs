//! `urbis serve`: store, ledger, broker, query engine and HTTP put together, until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use connectors_streams::{
    Acknowledgement, Batch, Broker, BrokerLimits, Decoder, DecoderSettings, FlowSettings, Streams,
};
use kernel_model::DatastreamDraft;
use kernel_query::Engine;
use kernel_server::live::Hub;
use kernel_server::{AppState, Gauge, Gauges, Ingest, Server};
use kernel_store::Reader;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::folder::{self, Folder, Registering};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::logging;
use crate::say::say;

/// Batches of changes from streams that may wait for the writer.
const STREAM_QUEUE: usize = 8;
/// The writer is woken as often, where rows grow old.
const WAKE: Duration = Duration::from_secs(10);

pub(crate) fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let mut config = Config::load(args.config.as_deref())?;
    config.data = args.data.unwrap_or(config.data);
    config.listen = args.listen.unwrap_or(config.listen);
    config.mqtt = args.mqtt.unwrap_or(config.mqtt);
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
    streams: Option<Arc<Streams>>,
    bridge: Option<JoinHandle<()>>,
    registering: Registering,
    ageing: JoinHandle<()>,
    writer: Option<std::thread::JoinHandle<()>>,
    first_key: Option<kernel_server::FirstKey>,
    data: std::path::PathBuf,
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

impl Kernel {
    /// Opens the data folder and starts every part.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        let hub = Arc::new(Hub::default());
        let Folder { reader, ingest, writer, registrar, registering, access, first_key, spill } =
            folder::open(config, hub.clone()).await?;
        let engine = Engine::new(&config.questions(spill)?)?;
        let retention = config.store()?.retention;
        let wake = retention.removes().then(|| retention.every.min(WAKE));
        let ageing = tokio::spawn(wake_the_writer(ingest.clone(), wake));
        let gauges = Gauges::default();
        let settings = config.settings();
        let state = Arc::new(AppState {
            reader: reader.clone(),
            ingest: ingest.clone(),
            hub,
            registrar,
            engine,
            access,
            sql_places: Semaphore::new(settings.sql_at_once),
            settings,
            gauges: gauges.clone(),
            started: Instant::now(),
        });
        let (broker, streams, bridge) = match config.mqtt.as_str() {
            "off" => (None, None, None),
            // A publisher that nobody can acknowledge does better to find nobody.
            _ if ingest.may_write().is_err() => (None, None, None),
            address => {
                let (broker, streams, bridge) = start_streams(address, &reader, ingest, &gauges).await?;
                (Some(broker), Some(streams), Some(bridge))
            }
        };
        let server = kernel_server::serve(&config.listen, state.clone()).await?;
        let data = config.data.clone();
        Ok(Self { state, broker, server, streams, bridge, registering, ageing, writer, first_key, data })
    }

    /// Says where everything is.
    pub(crate) fn announce(&self) {
        say(format_args!("data:   {}", self.data.display()));
        if let Err(error) = self.state.ingest.may_write() {
            say(format_args!("writes: none, {error}"));
        }
        if let Some(broker) = &self.broker {
            say(format_args!("mqtt:   mqtt://{}", broker.address()));
        }
        if let Some(key) = &self.first_key {
            say(format_args!(
                "key:    {}   (for writes over HTTP; shown this once, kept only as a hash)",
                key.reveal()
            ));
        }
        say(format_args!("page:   http://{}/", self.server.address));
    }

    /// Waits for Ctrl-C, a termination signal, or a part that fails.
    pub(crate) async fn until_stopped(&mut self) -> anyhow::Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("wait for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
            ended = self.server.wait() => ended.context("the HTTP server ended"),
            failed = &mut self.registering => match failed {
                Ok(Err(error)) => Err(error.into()),
                Ok(Ok(())) => bail!("the writer ended"),
                Err(panic) => bail!("registration ended: {panic}"),
            },
        }
    }

    /// Stops every part in the order of the data's way; what was acknowledged is on disk.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self { state, broker, server, streams, bridge, registering, ageing, writer, .. } = self;
        ageing.abort();
        drop(broker);
        if let Some(bridge) = bridge {
            bridge.abort();
        }
        drop(streams);
        server.stop().await;
        registering.abort();
        drop(state);
        // The writer ends with its last sender; handlers of open connections may still hold one.
        for _ in 0..100 {
            if writer.as_ref().is_none_or(std::thread::JoinHandle::is_finished) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

type Running = (Arc<Broker>, Arc<Streams>, JoinHandle<()>);

async fn start_streams(address: &str, reader: &Reader, ingest: Ingest, gauges: &Gauges) -> anyhow::Result<Running> {
    let listen: SocketAddr =
        address.parse().with_context(|| format!("--mqtt wants an address such as 127.0.0.1:1883, not `{address}`"))?;
    let broker = Arc::new(Broker::start(listen, BrokerLimits::default()).await?);
    let (out, mut batches) = mpsc::channel::<Batch>(STREAM_QUEUE);
    let flow = FlowSettings::default();
    let streams = Arc::new(Streams::start(broker.messages(), decoder(reader), out, flow));
    let bridge = tokio::spawn(async move {
        while let Some(batch) = batches.recv().await {
            let Batch { changes, acknowledgements } = batch;
            let durable = || acknowledgements.into_iter().for_each(Acknowledgement::give);
            if let Err(error) = ingest.stream(changes, durable).await {
                tracing::error!("streams stop: {error}");
                return;
            }
        }
    });
    add_gauges(gauges, &broker, &streams);
    Ok((broker, streams, bridge))
}

/// A decoder that knows the datastreams of the store.
fn decoder(reader: &Reader) -> Decoder {
    let mut decoder = Decoder::new(DecoderSettings::default());
    let live = reader.live();
    for entity in live.entities() {
        for info in live.datastreams_of(&entity.id).iter().filter_map(|id| live.datastream(*id)) {
            decoder.know(&DatastreamDraft {
                source: info.source.clone(),
                entity: info.source.clone(),
                property: info.property.clone(),
                unit: info.unit.clone(),
                name: info.name.clone(),
            });
        }
    }
    decoder
}

fn add_gauges(gauges: &Gauges, broker: &Arc<Broker>, streams: &Arc<Streams>) {
    let (broker, streams) = (Arc::downgrade(broker), Arc::downgrade(streams));
    gauges.add(move || {
        let (Some(broker), Some(streams)) = (broker.upgrade(), streams.upgrade()) else { return Vec::new() };
        let (b, s) = (broker.counters(), streams.counters());
        let gauge = |name, help, value: u64| Gauge { name, help, value: value as f64 };
        vec![
            gauge("mqtt_connections", "MQTT clients connected.", b.connected),
            gauge("mqtt_received_total", "MQTT messages received.", b.received),
            gauge("mqtt_sent_total", "MQTT messages sent to subscribers.", b.sent),
            gauge("mqtt_dropped_total", "MQTT messages dropped for slow subscribers.", b.dropped),
            gauge("mqtt_waits_total", "Times a publisher was slowed by a full queue.", b.waits),
            gauge("mqtt_waited_ms_total", "How long publishers were slowed, milliseconds.", b.waited_ms),
            gauge("mqtt_decoded_total", "MQTT messages that became changes.", s.decoded),
            gauge("mqtt_malformed_total", "MQTT messages refused as malformed.", s.rejected),
            gauge("stream_waited_ms_total", "How long streams waited for the writer, milliseconds.", s.waited_ms),
        ]
    });
}
