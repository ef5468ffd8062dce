//! The SQL table `datastream_health`: every datastream, when it last spoke, and, where a rule names it, what was expected and
//! what was counted. Last readings are the store's and outlive a restart; counts are since `counted_since`, the start of the
//! program.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use kernel_model::TimeUs;
use kernel_model::schema::timestamp;
use kernel_query::ExtraTable;

use super::judge::{Counts, Watched};
use crate::state::AppState;

/// Intervals without a reading after which a datastream is late, and after which it is dead.
const LATE: f64 = 1.5;
const DEAD: f64 = 5.0;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let count = |name: &str| Field::new(name, DataType::UInt64, true);
    Arc::new(Schema::new(vec![
        Field::new("datastream", DataType::UInt64, false),
        Field::new("source", DataType::Utf8, false),
        Field::new("property", DataType::Utf8, false),
        Field::new("unit", DataType::Utf8, false),
        Field::new("state", DataType::Utf8, false),
        Field::new("last_seen", timestamp(), true),
        Field::new("interval_s", DataType::Float64, true),
        count("gaps"),
        count("late"),
        count("out_of_order"),
        count("duplicates"),
        count("outside_range"),
        count("too_fast"),
        count("converted"),
        Field::new("counted_since", timestamp(), true),
    ]))
});

/// The table; read when a question names it.
pub(crate) fn table(state: &Arc<AppState>) -> ExtraTable {
    let state = state.clone();
    ExtraTable::new("datastream_health", SCHEMA.clone(), move || {
        rows(&state.reader, &state.ingest.watched(), state.started_us(), TimeUs::now()).map(|rows| vec![rows])
    })
    .read_as_seen()
}

struct Row {
    datastream: u64,
    source: String,
    property: String,
    unit: String,
    last_seen: Option<TimeUs>,
    interval_s: Option<f64>,
    counts: Option<Counts>,
}

fn rows(
    reader: &kernel_store::Reader,
    watched: &Watched,
    since: TimeUs,
    now: TimeUs,
) -> Result<RecordBatch, ArrowError> {
    let mut rows = Vec::new();
    {
        let (watched, live) = (watched.lock(), reader.live());
        let ids = live.entities().flat_map(|entity| live.datastreams_of(&entity.id).into_owned());
        for info in ids.filter_map(|id| live.datastream(id)) {
            let stream = watched.get(&info.source).and_then(Option::as_ref);
            rows.push(Row {
                datastream: info.id.0,
                source: info.source.to_string(),
                property: info.property.clone(),
                unit: info.unit.clone(),
                last_seen: live.reading(info.id).map(|reading| reading.phenomenon_time),
                interval_s: stream.and_then(|stream| stream.rule.interval_s),
                counts: stream.map(|stream| stream.counts),
            });
        }
    }
    rows.sort_by_key(|row| row.datastream);
    batch(&rows, since, now)
}

/// How a datastream is, by the age of its newest reading.
fn state(last_seen: Option<TimeUs>, interval_s: Option<f64>, now: TimeUs) -> &'static str {
    let (Some(interval_s), Some(last_seen)) = (interval_s, last_seen) else { return "unknown" };
    let intervals = now.0.saturating_sub(last_seen.0) as f64 / 1e6 / interval_s;
    if intervals > DEAD {
        return "dead";
    }
    if intervals > LATE { "late" } else { "ok" }
}

fn batch(rows: &[Row], since: TimeUs, now: TimeUs) -> Result<RecordBatch, ArrowError> {
    let text =
        |get: &dyn Fn(&Row) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(get))) };
    let count = |get: fn(&Counts) -> u64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| row.counts.as_ref().map(get)).collect::<UInt64Array>())
    };
    let instants = |get: &dyn Fn(&Row) -> Option<TimeUs>| -> ArrayRef {
        let instants: TimestampMicrosecondArray = rows.iter().map(|row| get(row).map(|time| time.0)).collect();
        Arc::new(instants.with_timezone("+00:00"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.datastream))),
        text(&|row| row.source.clone()),
        text(&|row| row.property.clone()),
        text(&|row| row.unit.clone()),
        text(&|row| state(row.last_seen, row.interval_s, now).to_owned()),
        instants(&|row| row.last_seen),
        Arc::new(rows.iter().map(|row| row.interval_s).collect::<Float64Array>()),
        count(|counts| counts.gaps),
        count(|counts| counts.late),
        count(|counts| counts.out_of_order),
        count(|counts| counts.duplicates),
        count(|counts| counts.outside_range),
        count(|counts| counts.too_fast),
        count(|counts| counts.converted),
        instants(&|row| row.counts.map(|_| since)),
    ];
    RecordBatch::try_new(SCHEMA.clone(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datastream_is_late_and_then_dead() {
        let at = |s: i64| TimeUs(s * 1_000_000);
        for (age_s, wanted) in [(0, "ok"), (15, "ok"), (16, "late"), (50, "late"), (51, "dead")] {
            assert_eq!(state(Some(at(0)), Some(10.0), at(age_s)), wanted, "{age_s} s");
        }
        assert_eq!(state(None, Some(10.0), at(0)), "unknown");
        assert_eq!(state(Some(at(0)), None, at(0)), "unknown");
    }
}
