//! The SQL table `memory`, which `SHOW MEMORY` shows: what the process uses memory for, and how much each part may have.

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
        Field::new("spilled_bytes", DataType::UInt64, true),
        Field::new("question", DataType::Utf8, true),
    ]))
});

/// The table as of a snapshot; read when a question names it.
pub(crate) fn table(snapshot: &Snapshot, state: &Arc<AppState>) -> ExtraTable {
    let (snapshot, state) = (snapshot.clone(), state.clone());
    ExtraTable::new("memory", SCHEMA.clone(), move || rows(&snapshot, &state).map(|rows| vec![rows]))
}

/// One part.
#[derive(Debug, Default)]
struct Row {
    part: &'static str,
    used: u64,
    budget: Option<u64>,
    spilled: Option<u64>,
    question: Option<String>,
}

fn rows(snapshot: &Snapshot, state: &AppState) -> Result<RecordBatch, ArrowError> {
    let used = snapshot.memory();
    let questions = state.engine.memory();
    let part = |part, used, budget| Row { part, used, budget, ..Row::default() };
    // The writer's own latest values; while it is changing them they are as many as those of the snapshot.
    let live = state.reader.glance().map_or(used.latest_values, |live| live.latest_bytes());
    let mut rows = vec![
        part("rows not sealed yet", used.unsealed_rows, None),
        part("things and datastreams, with their history", used.resident_rows, None),
        part("zone maps and trees of boxes", used.zone_maps, None),
        part("latest values", used.latest_values + live, None),
        part("decoded columns", used.columns, Some(used.columns_budget)),
        part("questions together", questions.reserved, Some(questions.budget)),
    ];
    rows.extend(state.engine.running().into_iter().map(|running| Row {
        part: "a question",
        used: running.reserved,
        budget: None,
        spilled: Some(running.spilled),
        question: Some(running.sql),
    }));
    rows.push(part("the whole process", resident_bytes(), None));
    batch(&rows)
}

fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.part))),
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.used))),
        Arc::new(rows.iter().map(|row| row.budget).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|row| row.spilled).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|row| row.question.as_deref()).collect::<StringArray>()),
    ];
    RecordBatch::try_new(SCHEMA.clone(), columns)
}

/// Memory of the process that is in the machine's.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}
