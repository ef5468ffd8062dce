//! The SQL table `memory`: what the process uses memory for, and how much each part may have.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use kernel_query::ExtraTable;
use kernel_store::Snapshot;

use crate::state::AppState;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("part", DataType::Utf8, false),
        Field::new("used_bytes", DataType::UInt64, false),
        Field::new("budget_bytes", DataType::UInt64, true),
    ]))
});

/// The table as of a snapshot; read when a question names it.
pub(crate) fn table(snapshot: &Snapshot, state: &Arc<AppState>) -> ExtraTable {
    let (snapshot, state) = (snapshot.clone(), state.clone());
    ExtraTable::new("memory", SCHEMA.clone(), move || rows(&snapshot, &state).map(|rows| vec![rows]))
}

fn rows(snapshot: &Snapshot, state: &AppState) -> Result<RecordBatch, ArrowError> {
    let used = snapshot.memory();
    let questions = state.engine.memory();
    batch(&[
        ("rows not sealed yet", used.unsealed_rows, None),
        ("things and datastreams", used.resident_rows, None),
        ("zone maps", used.zone_maps, None),
        ("decoded columns", used.columns, Some(used.columns_budget)),
        ("questions", questions.reserved, Some(questions.budget)),
        ("the whole process", resident_bytes(), None),
    ])
}

fn batch(rows: &[(&str, u64, Option<u64>)]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(rows.iter().map(|row| row.2).collect::<UInt64Array>()),
    ];
    RecordBatch::try_new(SCHEMA.clone(), columns)
}

/// Memory of the process that is in the machine's.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}
