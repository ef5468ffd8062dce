//! The district's live side: movers' positions and sensors' readings go out through a real MQTT client over TCP, spread
//! evenly over time so that the load is smooth. While the broker is away nothing is made up later: what was due then is
//! skipped and counted.

use std::net::SocketAddr;
use std::time::Duration;

use kernel_model::TimeUs;
use rumqttc::{AsyncClient, EventLoop, MqttOptions, QoS};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{DATASET, District};

/// How often the schedule is looked at.
const TICK: Duration = Duration::from_millis(10);
/// What is overdue by more than this is skipped.
const LATE_S: f64 = 2.0;

/// How often each thing speaks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Seconds between two positions of a mover.
    pub mover_s: f64,
    /// Seconds between two readings of a sensor.
    pub sensor_s: f64,
    /// Ask the broker to acknowledge (QoS 1) instead of QoS 0.
    pub acknowledged: bool,
}

impl Default for Rates {
    fn default() -> Self {
        Self { mover_s: 1.0, sensor_s: 5.0, acknowledged: false }
    }
}

/// What a publisher did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Positions given to the client.
    pub positions: u64,
    /// Readings given to the client.
    pub readings: u64,
    /// Messages left out because they were due too long ago.
    pub skipped: u64,
}

/// Why publishing did not start or ended early.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A rate that is no time.
    #[error("{0} s between two messages is not possible: give a positive number")]
    Rate(f64),
    /// The client's own task is gone.
    #[error("the MQTT client ended: {0}")]
    Client(String),
}

/// Messages that are due one after the other: `count` things, each every `period_s`, at even distances.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    count: u64,
    period_s: f64,
    next: u64,
}

impl Schedule {
    fn new(count: usize, period_s: f64, now: TimeUs) -> Result<Self, PublishError> {
        if !(period_s > 0.0 && period_s.is_finite()) {
            return Err(PublishError::Rate(period_s));
        }
        let mut schedule = Self { count: count as u64, period_s, next: 0 };
        schedule.next = schedule.due(now);
        Ok(schedule)
    }

    /// The number of messages due from 1970 until now.
    fn due(&self, now: TimeUs) -> u64 {
        (now.0 as f64 / 1e6 / self.period_s * self.count as f64) as u64
    }

    /// The next due message: which thing and for which instant, in whole milliseconds.
    fn take(&mut self, now: TimeUs) -> Option<(usize, TimeUs)> {
        if self.count == 0 || self.next >= self.due(now) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let at_ms = (number as f64 * self.period_s * 1_000.0 / self.count as f64).round();
        Some(((number % self.count) as usize, TimeUs(at_ms as i64 * 1_000)))
    }

    /// Leaves out what is overdue; returns how many.
    fn skip(&mut self, now: TimeUs) -> u64 {
        let oldest = self.due(TimeUs(now.0 - (LATE_S * 1e6) as i64));
        let skipped = oldest.saturating_sub(self.next);
        self.next += skipped;
        skipped
    }
}

/// Publishes until `stop` becomes true or its sender is gone. The district's entities are not described over MQTT: they
/// come with [`District::changes`].
///
/// # Errors
/// [`PublishError`]; a broker that is away is none, the client connects again by itself.
pub async fn publish(
    broker: SocketAddr,
    district: &District,
    rates: Rates,
    mut stop: watch::Receiver<bool>,
) -> Result<Published, PublishError> {
    let mut movers = Schedule::new(district.movers().len(), rates.mover_s, TimeUs::now())?;
    let mut sensors = Schedule::new(district.sensors().len(), rates.sensor_s, TimeUs::now())?;
    let mut options = MqttOptions::new("urbis-district", broker.ip().to_string(), broker.port());
    options.set_keep_alive(Duration::from_secs(20));
    let (client, events) = AsyncClient::new(options, 4_096);
    let driver = Driver(tokio::spawn(drive(events)));
    let topics = Topics::new(district);
    let qos = if rates.acknowledged { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let mut published = Published::default();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let sending = async {
            ticks.tick().await;
            let now = TimeUs::now();
            published.skipped += movers.skip(now) + sensors.skip(now);
            while let Some((i, at)) = movers.take(now) {
                send(&client, &topics.movers[i], position(district, i, at), qos).await?;
                published.positions += 1;
            }
            while let Some((i, at)) = sensors.take(now) {
                send(&client, &topics.sensors[i], reading(district, i, at), qos).await?;
                published.readings += 1;
            }
            Ok::<(), PublishError>(())
        };
        tokio::select! {
            sent = sending => sent?,
            changed = stop.changed() => if changed.is_err() || *stop.borrow() { break },
        }
        if driver.0.is_finished() {
            return Err(PublishError::Client("its event loop stopped".to_owned()));
        }
    }
    // Says goodbye, so that the broker sends no last will; a broker that is away will not miss it.
    if client.try_disconnect().is_ok() {
        tokio::time::sleep(TICK * 5).await;
    }
    Ok(published)
}

/// The client's task; it ends with the publisher, however that ends.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn drive(mut events: EventLoop) {
    let mut is_away = false;
    loop {
        match events.poll().await {
            Ok(_) => is_away = false,
            Err(error) => {
                if !is_away {
                    tracing::warn!(%error, "the MQTT broker is away; the district tries again");
                }
                is_away = true;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn send(client: &AsyncClient, topic: &str, payload: String, qos: QoS) -> Result<(), PublishError> {
    client.publish(topic, qos, false, payload).await.map_err(|error| PublishError::Client(error.to_string()))
}

struct Topics {
    movers: Vec<String>,
    sensors: Vec<String>,
}

impl Topics {
    fn new(district: &District) -> Self {
        let movers = district.movers().iter().map(|m| format!("urbis/{DATASET}/{}/position", m.id())).collect();
        let sensors = district.sensors().iter();
        let sensors = sensors.map(|s| format!("urbis/{DATASET}/{}/{}", s.id(), s.class().property())).collect();
        Self { movers, sensors }
    }
}

fn position(district: &District, mover: usize, at: TimeUs) -> String {
    let (lon, lat, heading, speed) = district.movers()[mover].numbers(at);
    format!(
        "{{\"t\":{},\"lon\":{lon:.7},\"lat\":{lat:.7},\"h\":{:.1},\"height_reference\":\"ellipsoid\",\"heading\":{heading:.1},\"speed\":{speed:.2}}}",
        at.0 / 1_000,
        crate::GROUND_M,
    )
}

fn reading(district: &District, sensor: usize, at: TimeUs) -> String {
    let sensor = &district.sensors()[sensor];
    format!("{{\"t\":{},\"v\":{},\"unit\":\"{}\"}}", at.0 / 1_000, sensor.value(at), sensor.class().unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_speaks_once_a_period_and_never_all_at_once() {
        let start = TimeUs(1_795_305_600_000_000);
        let mut schedule = Schedule::new(2_000, 1.0, start).unwrap();
        let mut heard = vec![0; 2_000];
        for tick in 1..=300 {
            let mut at_once = 0;
            while let Some((i, at)) = schedule.take(TimeUs(start.0 + tick * 10_000)) {
                heard[i] += 1;
                at_once += 1;
                assert!(at.0 % 1_000 == 0 && (at.0 - start.0) <= tick * 10_000 + 1_000);
            }
            assert!(at_once <= 21, "{at_once}");
        }
        assert!(heard.iter().all(|n| *n == 3));
    }

    #[test]
    fn what_is_long_overdue_is_left_out() {
        let start = TimeUs(1_795_305_600_000_000);
        let mut schedule = Schedule::new(10, 1.0, start).unwrap();
        assert_eq!(schedule.skip(TimeUs(start.0 + 10_000_000)), 80);
        assert!(Schedule::new(10, 0.0, start).is_err());
    }
}
