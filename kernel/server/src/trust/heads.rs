//! Evidence for streams: every so often the end of each datastream's chain of readings is a leaf of the log, stated by the
//! log's own key. Readings are chained in the order of their numbers, as the store took them. Afterwards anyone with the
//! store and the log can chain them again and compare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType, UInt8Type, UInt64Type};
use kernel_ledger::{Chain, Identity, Link, sign, statement};
use kernel_model::{AssetEvent, ChainHead, ChainHeads, Operation, TimeUs};
use kernel_query::{Engine, Limits};
use kernel_store::Snapshot;

use super::{blocking, refused};
use crate::error::ApiError;
use crate::registrar::Registrar;
use crate::state::AppState;

/// Datastreams whose chains are stated together, so that a leaf holds them.
const GROUP: u64 = 400;
/// Time for reading what came since the last heads.
const DEADLINE: Duration = Duration::from_mins(10);

/// Registers the ends of all chains that have grown every `every`, for ever.
pub async fn keep_heads(state: Arc<AppState>, every: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        ticks.tick().await;
        if let Err(error) = register_heads(&state).await {
            tracing::warn!(error = error.description, "the ends of chains of readings were not registered and will be");
        }
    }
}

/// Registers the ends of all chains that have grown; how many comes back.
///
/// # Errors
/// Where readings cannot be read or the ledger cannot be written.
pub async fn register_heads(state: &Arc<AppState>) -> Result<usize, ApiError> {
    let snapshot = state.reader.snapshot();
    let through = snapshot.sequence().0;
    let Some((identity, since, known)) = known(&state.registrar) else { return Ok(0) };
    if through <= since {
        return Ok(0);
    }
    let mut chains = known.clone();
    let wanted = format!("seq > {since} AND seq <= {through}");
    follow(&state.engine, &snapshot, &wanted, &mut chains).await?;
    chains.retain(|number, chain| known.get(number) != Some(chain));
    let count = chains.len();
    let registrar = state.registrar.clone();
    blocking(move || append(&registrar, &identity, &chains, through)).await?;
    Ok(count)
}

/// The log's own identity, up to which commit chains are registered, and the chains; nothing where nothing can be registered
/// now.
fn known(registrar: &Registrar) -> Option<(Identity, u64, BTreeMap<u64, Chain>)> {
    let areas = registrar.areas();
    let view = areas.as_ref()?.view();
    let since = view.heads().map(|(_, through)| through).max().unwrap_or(0);
    let chains = view.heads().filter_map(|(head, _)| Some((head.datastream, Chain::from_head(head)?))).collect();
    Some((registrar.ledger().identity()?, since, chains))
}

/// Chains the readings of a condition onto what is there.
async fn follow(
    engine: &Engine,
    snapshot: &Snapshot,
    wanted: &str,
    chains: &mut BTreeMap<u64, Chain>,
) -> Result<(), ApiError> {
    let sql = format!(
        "SELECT datastream, phenomenon_time, result_time, value, quality FROM observations WHERE {wanted} ORDER BY datastream, id"
    );
    let limits = Limits { deadline: DEADLINE, max_rows: usize::MAX - 1 };
    let mut rows = engine.query(snapshot, &[], &sql, limits).await.map_err(ApiError::internal)?;
    while let Some(batch) = rows.next().await {
        push(&batch.map_err(ApiError::internal)?, chains);
    }
    match rows.truncated() {
        None => Ok(()),
        Some(cut) => Err(ApiError::internal(format!("readings were left out: {cut}"))),
    }
}

fn push(batch: &RecordBatch, chains: &mut BTreeMap<u64, Chain>) {
    let streams = batch.column(0).as_primitive::<UInt64Type>();
    let [phenomenon, result] = [1, 2].map(|column| batch.column(column).as_primitive::<TimestampMicrosecondType>());
    let values = batch.column(3).as_primitive::<Float64Type>();
    let qualities = batch.column(4).as_primitive::<UInt8Type>();
    for row in 0..batch.num_rows() {
        let phenomenon_us = phenomenon.value(row);
        let result_us = if result.is_valid(row) { result.value(row) } else { phenomenon_us };
        let link = Link { phenomenon_us, result_us, value: values.value(row), quality: qualities.value(row) };
        chains.entry(streams.value(row)).or_default().push(&link);
    }
}

/// One leaf for each group of chains, all of them or none.
fn append(
    registrar: &Registrar,
    identity: &Identity,
    chains: &BTreeMap<u64, Chain>,
    through: u64,
) -> Result<(), ApiError> {
    let mut areas = registrar.areas();
    let Some(areas) = areas.as_mut() else { return Ok(()) };
    let mut ledger = registrar.ledger();
    let now = TimeUs::now();
    let mut events = Vec::with_capacity(chains.len());
    let mut groups: BTreeMap<u64, Vec<ChainHead>> = BTreeMap::new();
    for (number, chain) in chains {
        groups.entry(number / GROUP).or_default().push(chain.head(*number));
    }
    for (group, chains) in groups {
        let asset = format!("urn:urbis:datastreams:{}", group * GROUP);
        let mut stated = statement(&asset, Operation::Head, &identity.did(), now);
        stated.previous = ledger.newest_leaf_hash(&asset).map_err(refused)?;
        stated.heads = Some(ChainHeads { through, chains });
        let signature = sign(&stated, identity).map_err(ApiError::internal)?;
        let (sequence, recorded) = (ledger.last_sequence(), now.to_string());
        events.push(AssetEvent { version: 2, sequence, recorded, statement: stated, signature });
    }
    ledger.append_events(&events).map_err(refused)?;
    areas.follow(&ledger.tip()).map_err(refused)
}

/// Chains the readings of a store again and compares with what is registered; what differs comes back in words. Of a
/// datastream whose oldest readings have gone by retention nothing can be said, and nothing is.
///
/// # Errors
/// Where readings cannot be read.
pub async fn check_heads<'a>(
    engine: &Engine,
    snapshot: &Snapshot,
    heads: impl Iterator<Item = (&'a ChainHead, u64)>,
) -> Result<(usize, Vec<String>), ApiError> {
    let (mut checked, mut problems) = (0, Vec::new());
    for (head, through) in heads {
        let number = head.datastream;
        let mut chains = BTreeMap::new();
        let wanted = format!("datastream = {number} AND seq <= {through}");
        follow(engine, snapshot, &wanted, &mut chains).await?;
        let found = chains.get(&number).copied().unwrap_or_default();
        if found.count() < head.count && snapshot.row_count(kernel_model::schema::Table::ObservationsMinute) > 0 {
            continue;
        }
        checked += 1;
        if found.head(number) != *head {
            problems.push(format!(
                "the readings of datastream {number} are not those that were registered: {} of {}, another chain",
                found.count(),
                head.count
            ));
        }
    }
    Ok((checked, problems))
}
