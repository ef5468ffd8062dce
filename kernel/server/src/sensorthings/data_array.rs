//! Observations as rows of values (OGC 18-088, clause 12): a page comes in, one list for each Datastream in it goes out.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::filter::ID;
use super::item::Item;
use super::options::Options;
use super::set::Set;
use super::world::World;
use crate::error::ApiError;

/// The page as `value`.
pub(super) fn written(world: &World<'_>, items: &[Item], options: &Options) -> Result<Json, ApiError> {
    let names = [ID].into_iter().chain(Set::Observations.properties().iter().copied());
    let names: Vec<_> = match &options.select {
        Some(_) => names.filter(|name| options.selects(name)).collect(),
        None => vec![ID, "phenomenonTime", "resultTime", "result"],
    };
    let mut lists: BTreeMap<u64, Vec<Json>> = BTreeMap::new();
    for item in items {
        let Item::Observation(row) = item else { continue };
        let values = names.iter().map(|name| world.property(item, name)).collect::<Result<Json, _>>()?;
        lists.entry(row.0.id.datastream.0).or_default().push(values);
    }
    let list = |(datastream, rows): (u64, Vec<Json>)| {
        json!({
            "Datastream@iot.navigationLink": format!("{}/Datastreams({datastream})", world.root),
            "components": names,
            "dataArray@iot.count": rows.len(),
            "dataArray": rows,
        })
    };
    Ok(lists.into_iter().map(list).collect())
}
