//! `urbis demo`: the synthetic district on disk (once), its sensors and movers on MQTT, everything served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use kernel_model::Change;
use pilots_district::{District, Rates};
use tokio::sync::watch;

use super::serve::{Kernel, runtime};
use crate::cli::DemoArgs;
use crate::config::Config;
use crate::logging;
use crate::say::say;

pub(crate) fn demo(args: DemoArgs) -> anyhow::Result<()> {
    let mut config = Config::load(None)?;
    config.data = args.data;
    config.listen = args.listen.unwrap_or(config.listen);
    config.mqtt = args.mqtt.unwrap_or(config.mqtt);
    config.alarms = toml::from_str(pilots_district::ALARMS).context("the district's alarm rules")?;
    if std::env::var_os("URBIS_LOG").is_none() {
        config.log = "warn".to_owned();
    }
    logging::start(&config.log, &config.log_format)?;
    runtime()?.block_on(async {
        let mut kernel = Kernel::start(&config).await?;
        let district = Arc::new(District::generate(args.seed));
        fill(&kernel, &district).await?;
        let broker = kernel.broker.as_ref().context("the demo needs its MQTT broker: leave --mqtt off away")?.address();
        let (stop, stopped) = watch::channel(false);
        let publishing = tokio::spawn(publish(broker, district, stopped));
        kernel.announce();
        say(format_args!("        synthetic district pilot, live; stop with Ctrl-C"));
        let ended = kernel.until_stopped().await;
        stop.send_replace(true);
        publishing.abort();
        kernel.stop().await?;
        ended
    })
}

/// Runs the district's sensors and movers over MQTT until told to stop.
async fn publish(broker: SocketAddr, district: Arc<District>, stopped: watch::Receiver<bool>) {
    if let Err(error) = pilots_district::publish(broker, &district, Rates::default(), stopped).await {
        tracing::error!("the synthetic sensors stopped: {error}");
    }
}

/// Writes the district where it is not there yet; what is there already changes nothing.
async fn fill(kernel: &Kernel, district: &District) -> anyhow::Result<()> {
    let begun = Instant::now();
    let changes: Vec<Change> = district.changes();
    let receipt = kernel.state.ingest.commit(changes).await?;
    let mut reached = kernel.state.registrar.reached();
    reached.wait_for(|reached| *reached >= receipt.sequence).await.context("registration ended")?;
    let outcome = &receipt.outcome;
    match outcome.created + outcome.revised {
        0 => say(format_args!("demo:   going on with {} known things", outcome.unchanged)),
        n => say(format_args!("demo:   made {n} things and registered them in {:.1} s", begun.elapsed().as_secs_f64())),
    }
    Ok(())
}
