//! The whole live line on loopback: the district's client, TCP, the broker, the decoder, changes.

use std::collections::BTreeMap;
use std::time::Duration;

use connectors_streams::{Broker, BrokerLimits, Decoder, DecoderSettings, FlowSettings, Streams};
use kernel_model::{Change, HeightReference, TimeUs};
use pilots_district::{PublishError, Rates, publish};
use tokio::sync::{mpsc, watch};

use crate::DISTRICT;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readings_arrive_as_changes() {
    // Made before the clock runs: that takes a while without optimisation.
    assert_eq!(DISTRICT.movers().len(), 2_000);
    let broker = Broker::start(([127, 0, 0, 1], 0).into(), BrokerLimits::default()).await.unwrap();
    let (out, mut changes) = mpsc::channel(64);
    let flow =
        Streams::start(broker.messages(), Decoder::new(DecoderSettings::default()), out, FlowSettings::default());
    let (stop, stopped) = watch::channel(false);
    let address = broker.address();
    let publisher = tokio::spawn(async move { publish(address, &DISTRICT, Rates::default(), stopped).await });
    let collector = tokio::spawn(async move {
        let (mut positions, mut readings) = (BTreeMap::new(), BTreeMap::new());
        while let Some(batch) = changes.recv().await {
            for change in batch.changes {
                match change {
                    Change::Positions(batch) => {
                        assert_eq!(batch.height_reference, HeightReference::Ellipsoid);
                        positions.entry(batch.entity.id.to_string()).or_insert_with(Vec::new).extend(batch.rows);
                    }
                    Change::Observations(batch) => {
                        let claimed = batch.unit.unwrap().to_string();
                        readings
                            .entry(batch.datastream.id.to_string())
                            .or_insert((claimed, Vec::new()))
                            .1
                            .extend(batch.rows);
                    }
                    other => panic!("unexpected {other:?}"),
                }
            }
        }
        (positions, readings)
    });
    tokio::time::sleep(Duration::from_secs(7)).await;
    stop.send_replace(true);
    let published = publisher.await.unwrap().unwrap();
    // What was given to the client may still be on its way.
    for _ in 0..100 {
        if flow.counters().received >= published.positions + published.readings {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let counters = flow.counters();
    broker.stop().await;
    flow.finished().await;
    let (positions, readings) = collector.await.unwrap();

    assert_eq!((counters.rejected, published.skipped), (0, 0));
    assert_eq!(counters.received, published.positions + published.readings, "nothing is lost on the way");
    assert_eq!((positions.len(), readings.len()), (2_000, 500), "everyone was heard");
    for mover in DISTRICT.movers() {
        let rows = &positions[mover.id()];
        assert!(rows.len() >= 6, "{} was heard {} times", mover.id(), rows.len());
        let (row, wanted) = (&rows[0], mover.fix(rows[0].time).unwrap());
        assert!((row.place.lon_deg - wanted.place.lon_deg).abs() < 1e-7, "{} is where it should be", mover.id());
        assert!((TimeUs::now().0 - row.time.0).abs() < 60_000_000);
    }
    for sensor in DISTRICT.sensors() {
        let (unit, rows) = &readings[&format!("{}/{}", sensor.id(), sensor.class().property())];
        assert_eq!(unit, sensor.class().unit());
        assert!((rows[0].value - sensor.value(rows[0].phenomenon_time)).abs() < 1e-9);
    }
}

#[tokio::test]
async fn a_wrong_rate_is_refused_and_a_missing_broker_is_waited_for() {
    let (stop, stopped) = watch::channel(false);
    let nobody = ([127, 0, 0, 1], 1).into();
    let rates = Rates { mover_s: -1.0, ..Rates::default() };
    assert!(matches!(publish(nobody, &DISTRICT, rates, stopped.clone()).await, Err(PublishError::Rate(_))));
    let waiting = tokio::spawn(async move { publish(nobody, &DISTRICT, Rates::default(), stopped).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    drop(stop);
    waiting.await.unwrap().unwrap();
}
