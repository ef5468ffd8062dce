//! The latest fixes found by place, height or time, and the nearest of them: the parts of a snapshot that have them among their
//! rows come in, as a table like any other with an index goes out, of which only those rows are seen that say where their
//! things were last. What was sealed stands in one part, made when it is first asked; what came since lies in memory.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType, UInt64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, col,
};
use kernel_model::schema::Table;
use kernel_model::{EntityId, TimeUs};
use kernel_store::{LastFix, Snapshot};

use super::failed;
use crate::table::SnapshotTable;

/// The latest fixes with an index; `None` where it is asked what was known at an instant, of which there is none.
pub(crate) fn table(snapshot: &Snapshot) -> Result<Option<SnapshotTable>> {
    let Some(parts) = snapshot.latest_fix_parts().map_err(failed)? else { return Ok(None) };
    let columns = ["entity", "time", "lon", "lat", "seq"].map(col).to_vec();
    let is_latest = OfThing::new(IS_LATEST, snapshot).call(columns);
    Ok(Some(SnapshotTable::of_parts(Table::Positions.schema(), parts).always(Some(is_latest))))
}

/// The name of each thing, by the texts of their ids.
pub(super) fn names(snapshot: &Snapshot) -> Arc<ScalarUDF> {
    OfThing::new(NAME_OF, snapshot)
}

const IS_LATEST: &str = "is_latest_fix";
const NAME_OF: &str = "entity_name";

/// A function of things as a snapshot has them. No question can name it.
#[derive(Debug)]
struct OfThing {
    name: &'static str,
    snapshot: Snapshot,
    signature: Signature,
    /// The latest fixes of things with rows in memory that were asked so far: each is found once, however many its rows are.
    last: Mutex<HashMap<EntityId, Option<LastFix>>>,
}

// The same of two commits are two functions.
impl PartialEq for OfThing {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.snapshot.sequence() == other.snapshot.sequence()
    }
}

impl Eq for OfThing {}

impl Hash for OfThing {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name, self.snapshot.sequence().0).hash(state);
    }
}

impl OfThing {
    #[expect(clippy::new_ret_no_self, reason = "it is only ever used as the engine's function")]
    fn new(name: &'static str, snapshot: &Snapshot) -> Arc<ScalarUDF> {
        let signature = Signature::variadic_any(Volatility::Stable);
        Arc::new(Self { name, snapshot: snapshot.clone(), signature, last: Mutex::default() }.into())
    }
}

impl ScalarUDFImpl for OfThing {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(if self.name == IS_LATEST { DataType::Boolean } else { DataType::Utf8 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        match columns.as_slice() {
            [entity, time, lon, lat, told] => {
                let (ids, times) = (entity.as_fixed_size_binary(), time.as_primitive::<TimestampMicrosecondType>());
                let (lon, lat) = (lon.as_primitive::<Float64Type>(), lat.as_primitive::<Float64Type>());
                let told = told.as_primitive::<UInt64Type>();
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let truth = |row: usize| {
                    let Some(id) = EntityId::from_slice(ids.value(row)) else { return false };
                    let found = match told.value(row) {
                        // Of what was sealed each thing has one row.
                        0 => last.get(&id).copied().unwrap_or_else(|| self.snapshot.last_fix(&id)),
                        _ => *last.entry(id).or_insert_with(|| self.snapshot.last_fix(&id)),
                    };
                    let place = [lon.value(row), lat.value(row)];
                    found.is_some_and(|found| found.is(TimeUs(times.value(row)), place, told.value(row)))
                };
                let truths = BooleanArray::from((0..ids.len()).map(truth).collect::<Vec<_>>());
                Ok(ColumnarValue::Array(Arc::new(truths)))
            }
            [ids] => {
                let ids = ids.as_string::<i32>();
                let name = |id: Option<&str>| super::thing(&self.snapshot.entity(&id?.parse().ok()?, None)?, 0).0;
                Ok(ColumnarValue::Array(Arc::new(ids.iter().map(name).collect::<StringArray>())))
            }
            _ => Err(DataFusionError::Internal(format!("{} is not called so", self.name))),
        }
    }
}
