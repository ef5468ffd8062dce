//! The SQL table `alerts`: a row for every record of the log, the newest million of them. A row that acknowledges an alert names
//! it in `alert` and says who in `by`.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::array::{
    ArrayRef, FixedSizeBinaryBuilder, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use kernel_alarms::{Alert, LogReader, Record};
use kernel_model::EntityId;
use kernel_model::schema::timestamp;

use crate::error::Error;

/// Rows that are kept.
const ROWS: usize = 1_000_000;
/// Records read at once, which become a batch.
const BATCH: usize = 50_000;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let uuid = |name: &str| {
        let field = Field::new(name, DataType::FixedSizeBinary(16), true);
        field.with_metadata([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())].into())
    };
    let number = |name: &str, nullable| Field::new(name, DataType::UInt64, nullable);
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let real = |name: &str| Field::new(name, DataType::Float64, true);
    Arc::new(Schema::new(vec![
        number("number", false),
        text("id", true),
        text("rule", true),
        text("event", false),
        uuid("thing"),
        uuid("fence"),
        number("datastream", true),
        Field::new("time", timestamp(), false),
        number("sequence", true),
        real("value"),
        real("lon"),
        real("lat"),
        real("height_m"),
        number("alert", true),
        text("by", true),
    ]))
});

pub(super) fn schema() -> SchemaRef {
    SCHEMA.clone()
}

/// Rows that were read before.
#[derive(Debug, Default)]
pub(super) struct AlertTable {
    read: Mutex<(u64, VecDeque<RecordBatch>)>,
}

impl AlertTable {
    /// The table as of now; only records that were not read before are read.
    pub(super) fn read(&self, log: &LogReader) -> Result<Vec<RecordBatch>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, batches) = &mut *read;
        *since = (*since).max(log.last().saturating_sub(ROWS as u64));
        loop {
            let records = log.after(*since, BATCH)?;
            let Some((last, _)) = records.last() else { break };
            *since = *last;
            batches.push_back(rows(&records).map_err(Error::Assets)?);
        }
        let mut held: usize = batches.iter().map(RecordBatch::num_rows).sum();
        while let Some(oldest) = batches.front().map(RecordBatch::num_rows).filter(|rows| held - rows >= ROWS) {
            held -= oldest;
            batches.pop_front();
        }
        Ok(batches.iter().cloned().collect())
    }
}

fn rows(records: &[(u64, Arc<Record>)]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let alert = |record: &'_ Record| match record {
        Record::Alert(alert) => Some(alert.clone()),
        Record::Acknowledged { .. } => None,
    };
    let alerts: Vec<Option<Alert>> = records.iter().map(|(_, record)| alert(record)).collect();
    let of = |get: fn(&Alert) -> Option<f64>| -> ArrayRef {
        Arc::new(alerts.iter().map(|alert| alert.as_ref().and_then(get)).collect::<Float64Array>())
    };
    let number = |get: fn(&Alert) -> Option<u64>| -> ArrayRef {
        Arc::new(alerts.iter().map(|alert| alert.as_ref().and_then(get)).collect::<UInt64Array>())
    };
    let text = |get: fn(&Alert) -> String| -> ArrayRef {
        Arc::new(alerts.iter().map(|alert| alert.as_ref().map(get)).collect::<StringArray>())
    };
    let uuid = |get: fn(&Alert) -> Option<EntityId>| -> Result<ArrayRef, arrow::error::ArrowError> {
        let mut builder = FixedSizeBinaryBuilder::new(16);
        for alert in &alerts {
            match alert.as_ref().and_then(get) {
                Some(id) => builder.append_value(id.bytes())?,
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    };
    let said = |record: &Record| match record {
        Record::Alert(alert) => (alert.event.name(), alert.time.0, None, None),
        Record::Acknowledged { alert, by, time } => ("acknowledged", time.0, Some(*alert), Some(by.clone())),
    };
    let said: Vec<_> = records.iter().map(|(_, record)| said(record)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(records.iter().map(|(number, _)| *number))),
        text(Alert::id),
        text(|alert| alert.rule.clone()),
        Arc::new(StringArray::from_iter_values(said.iter().map(|said| said.0))),
        uuid(|alert| Some(alert.thing))?,
        uuid(|alert| alert.fence)?,
        number(|alert| alert.datastream),
        Arc::new(TimestampMicrosecondArray::from_iter_values(said.iter().map(|said| said.1)).with_timezone("+00:00")),
        number(|alert| Some(alert.sequence.0)),
        of(|alert| alert.value),
        of(|alert| alert.lon_lat_deg.map(|at| at[0])),
        of(|alert| alert.lon_lat_deg.map(|at| at[1])),
        of(|alert| alert.height_m),
        Arc::new(said.iter().map(|said| said.2).collect::<UInt64Array>()),
        Arc::new(said.iter().map(|said| said.3.as_deref()).collect::<StringArray>()),
    ];
    RecordBatch::try_new(schema(), columns)
}
