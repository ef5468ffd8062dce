//! Everything that comes in by itself, put together: the embedded broker, clients of brokers outside, consumers of NATS; a flow
//! of each reads messages by the same rules, and one bridge hands their batches to the writer, whose word that they are durable
//! goes back to whoever sent them.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use connectors_streams::{
    Acknowledgement, Batch, Broker, BrokerLimits, Client, Decoder, DecoderSettings, Door, FlowSettings, Known,
    Messages, Nats, Rules, Streams,
};
use kernel_model::DatastreamDraft;
use kernel_server::{Gauge, Gauges, Hooks, Ingest};
use kernel_store::Reader;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::config::streams::hooks;

/// Batches of changes from streams that may wait for the writer.
const STREAM_QUEUE: usize = 8;

/// How messages become changes.
#[derive(Clone)]
pub(crate) struct Reading {
    rules: Rules,
    reader: Reader,
}

impl Reading {
    pub(crate) fn new(config: &Config, reader: &Reader) -> anyhow::Result<Self> {
        Ok(Self { rules: Rules::new(&config.rules)?, reader: reader.clone() })
    }

    /// A decoder that knows nothing but what it is told, and asks the store.
    fn fresh(&self) -> Decoder {
        let (entities, datastreams) = (self.reader.clone(), self.reader.clone());
        let known = Known::new(
            move |source| entities.live().entity_of(source).is_some(),
            move |source| datastreams.live().datastream_of(source).is_some(),
        );
        Decoder::with_rules(DecoderSettings::default(), self.rules.clone(), known)
    }

    /// A decoder that knows the datastreams of the store.
    fn decoder(&self) -> Decoder {
        let mut decoder = self.fresh();
        let live = self.reader.live();
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

    /// The webhooks of the configuration.
    pub(crate) fn hooks(&self, config: &Config) -> anyhow::Result<Hooks> {
        let reading = self.clone();
        hooks(&config.hooks, move |topic, body| {
            let mut decoder = reading.fresh();
            decoder.decode(topic, body);
            decoder.finish()
        })
    }
}

/// What runs; dropping it stops it.
pub(crate) struct Sources {
    pub(crate) broker: Option<Arc<Broker>>,
    /// Held, so that they run.
    _clients: Vec<Arc<Client>>,
    _nats: Vec<Arc<Nats>>,
    _flows: Vec<Arc<Streams>>,
    bridge: JoinHandle<()>,
}

impl Drop for Sources {
    fn drop(&mut self) {
        self.bridge.abort();
    }
}

impl Sources {
    pub(crate) async fn start(
        config: &Config,
        reading: &Reading,
        door: Door,
        ingest: Ingest,
        gauges: &Gauges,
    ) -> anyhow::Result<Self> {
        let (out, batches) = mpsc::channel::<Batch>(STREAM_QUEUE);
        let bridge = tokio::spawn(bridge(batches, ingest));
        let mut flows = Vec::new();
        let mut flow = |messages: Messages| {
            let flow = Streams::start(messages, reading.decoder(), out.clone(), FlowSettings::default());
            flows.push(Arc::new(flow));
        };
        let broker = match config.mqtt.as_str() {
            "off" => None,
            address => {
                let wanted = || format!("--mqtt wants an address such as 127.0.0.1:1883, not `{address}`");
                let listen: SocketAddr = address.parse().with_context(wanted)?;
                let broker = Broker::start_behind(listen, BrokerLimits::default(), door).await?;
                flow(broker.messages());
                Some(Arc::new(broker))
            }
        };
        let mut clients = Vec::new();
        for outside in &config.brokers {
            let (client, messages) = Client::start(outside.read(&reading.rules)?)?;
            flow(messages);
            clients.push(Arc::new(client));
        }
        let mut nats = Vec::new();
        for outside in &config.nats {
            let (consumer, messages) = Nats::start(outside.read()?);
            flow(messages);
            nats.push(Arc::new(consumer));
        }
        if let Some(broker) = &broker {
            add_broker(gauges, broker);
        }
        add_flows(gauges, &flows);
        add_outside(gauges, &clients, &nats);
        Ok(Self { broker, _clients: clients, _nats: nats, _flows: flows, bridge })
    }
}

async fn bridge(mut batches: mpsc::Receiver<Batch>, ingest: Ingest) {
    while let Some(batch) = batches.recv().await {
        let Batch { changes, acknowledgements } = batch;
        let durable = || acknowledgements.into_iter().for_each(Acknowledgement::give);
        if let Err(error) = ingest.stream(changes, durable).await {
            tracing::error!("streams stop: {error}");
            return;
        }
    }
}

fn gauge(name: &'static str, help: &'static str, value: u64) -> Gauge {
    Gauge { name, help, value: value as f64 }
}

fn add_broker(gauges: &Gauges, broker: &Arc<Broker>) {
    let broker = Arc::downgrade(broker);
    gauges.add(move || {
        let Some(broker) = broker.upgrade() else { return Vec::new() };
        let b = broker.counters();
        vec![
            gauge("mqtt_connections", "MQTT clients connected.", b.connected),
            gauge("mqtt_received_total", "MQTT messages received.", b.received),
            gauge("mqtt_sent_total", "MQTT messages sent to subscribers.", b.sent),
            gauge("mqtt_dropped_total", "MQTT messages dropped for slow subscribers.", b.dropped),
            gauge("mqtt_waits_total", "Times a publisher was slowed by a full queue.", b.waits),
            gauge("mqtt_waited_ms_total", "How long publishers were slowed, milliseconds.", b.waited_ms),
        ]
    });
}

fn add_flows(gauges: &Gauges, flows: &[Arc<Streams>]) {
    let flows: Vec<_> = flows.iter().map(Arc::downgrade).collect();
    gauges.add(move || {
        let counters: Vec<_> = flows.iter().filter_map(|flow| Some(flow.upgrade()?.counters())).collect();
        let sum = |get: fn(&connectors_streams::FlowCounters) -> u64| counters.iter().map(get).sum();
        vec![
            gauge("mqtt_decoded_total", "Messages of streams that became changes.", sum(|s| s.decoded)),
            gauge("mqtt_malformed_total", "Messages of streams refused as malformed.", sum(|s| s.rejected)),
            gauge(
                "stream_waited_ms_total",
                "How long streams waited for the writer, milliseconds.",
                sum(|s| s.waited_ms),
            ),
        ]
    });
}

fn add_outside(gauges: &Gauges, clients: &[Arc<Client>], nats: &[Arc<Nats>]) {
    let clients: Vec<_> = clients.iter().map(Arc::downgrade).collect();
    let nats: Vec<_> = nats.iter().map(Arc::downgrade).collect();
    gauges.add(move || {
        let clients: Vec<_> = clients.iter().filter_map(std::sync::Weak::upgrade).collect();
        let nats: Vec<_> = nats.iter().filter_map(std::sync::Weak::upgrade).collect();
        let connected = clients.iter().filter(|client| client.is_connected()).count()
            + nats.iter().filter(|consumer| consumer.is_connected()).count();
        let received = clients.iter().map(|client| client.received()).sum::<u64>()
            + nats.iter().map(|consumer| consumer.received()).sum::<u64>();
        vec![
            gauge("outside_connected", "Brokers outside and NATS streams that are connected.", connected as u64),
            gauge("outside_received_total", "Messages received from them, those that came again too.", received),
        ]
    });
}
