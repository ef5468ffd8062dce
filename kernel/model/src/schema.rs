//! The Arrow shape of every stored table and of the two live messages. A column is added at the end or not at all:
//! files written with an older shape stay readable.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// A stored table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Revisions of things; the newest of each id is the present one.
    Entities,
    /// Series of readings.
    Datastreams,
    /// Readings.
    Observations,
    /// Fixes of moving things.
    Positions,
    /// Content objects kept by hash.
    Contents,
    /// Records that were refused.
    Rejected,
    /// Which things came of which.
    Lineage,
    /// What is kept of readings that have gone, minute by minute.
    ObservationsMinute,
    /// The same by hours.
    ObservationsHour,
    /// The same by days.
    ObservationsDay,
    /// Which files hold which things.
    Origins,
}

impl Table {
    /// All of them, in the order in which a commit applies them.
    pub const ALL: [Self; 11] = [
        Self::Entities,
        Self::Datastreams,
        Self::Observations,
        Self::Positions,
        Self::Contents,
        Self::Rejected,
        Self::Lineage,
        Self::ObservationsMinute,
        Self::ObservationsHour,
        Self::ObservationsDay,
        Self::Origins,
    ];

    /// Name in SQL and on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entities => "entities",
            Self::Datastreams => "datastreams",
            Self::Observations => "observations",
            Self::Positions => "positions",
            Self::Contents => "contents",
            Self::Rejected => "rejected",
            Self::Lineage => "lineage",
            Self::ObservationsMinute => "observations_minute",
            Self::ObservationsHour => "observations_hour",
            Self::ObservationsDay => "observations_day",
            Self::Origins => "origins",
        }
    }

    /// The number in the log format; never reused.
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The table of a log number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.code() == code)
    }

    /// The Arrow schema.
    pub fn schema(self) -> SchemaRef {
        match self {
            Self::Entities => ENTITIES.clone(),
            Self::Datastreams => DATASTREAMS.clone(),
            Self::Observations => OBSERVATIONS.clone(),
            Self::Positions => POSITIONS.clone(),
            Self::Contents => CONTENTS.clone(),
            Self::Rejected => REJECTED.clone(),
            Self::Lineage => LINEAGE.clone(),
            Self::ObservationsMinute | Self::ObservationsHour | Self::ObservationsDay => SUMMARIES.clone(),
            Self::Origins => ORIGINS.clone(),
        }
    }

    /// Where the instant stands at which a row was recorded; of observations and positions it is null in rows that are older
    /// than the column.
    pub const fn recorded_column(self) -> usize {
        match self {
            Self::Entities | Self::Datastreams => 2,
            Self::Observations => 10,
            Self::Positions => 8,
            Self::Contents => 6,
            Self::Rejected => 0,
            Self::Lineage | Self::Origins => 5,
            Self::ObservationsMinute | Self::ObservationsHour | Self::ObservationsDay => 18,
        }
    }
}

/// UTC microseconds.
pub fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

fn uuid(name: &str, nullable: bool) -> Field {
    extended(Field::new(name, DataType::FixedSizeBinary(16), nullable), "arrow.uuid", "")
}

/// Geometry as ISO WKB with the GeoArrow extension name, longitude first (OGC:CRS84).
pub fn geometry(name: &str) -> Field {
    extended(
        Field::new(name, DataType::Binary, true),
        "geoarrow.wkb",
        r#"{"crs":"OGC:CRS84","crs_type":"authority_code"}"#,
    )
}

fn extended(field: Field, name: &str, metadata: &str) -> Field {
    let pairs = [("ARROW:extension:name", name), ("ARROW:extension:metadata", metadata)];
    field.with_metadata(pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn real(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::UInt64, false)
}

fn instant(name: &str, nullable: bool) -> Field {
    Field::new(name, timestamp(), nullable)
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// Revisions of things. `lon`, `lat`, `height_m`: the anchor; `west`..`north`: the box; `top_m`: the highest vertex;
/// `stc`: the 128-bit space-time key, space first; `digest`: SHA-256 of the description.
static ENTITIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        uuid("id", false),
        number("seq"),
        instant("recorded_at", false),
        text("kind"),
        text("class"),
        Field::new("name", DataType::Utf8, true),
        uuid("parent", true),
        text("dataset"),
        text("source_id"),
        geometry("geometry"),
        text("height_reference"),
        real("lon"),
        real("lat"),
        real("height_m"),
        real("west"),
        real("south"),
        real("east"),
        real("north"),
        real("top_m"),
        text("properties"),
        instant("valid_from", true),
        instant("valid_to", true),
        Field::new("retired", DataType::Boolean, false),
        text("lineage"),
        Field::new("digest", DataType::FixedSizeBinary(32), false),
        Field::new("stc", DataType::FixedSizeBinary(16), true),
    ])
});

static DATASTREAMS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        number("id"),
        number("seq"),
        instant("recorded_at", false),
        uuid("entity", false),
        text("property"),
        text("unit"),
        text("name"),
        text("dataset"),
        text("source_id"),
    ])
});

/// `result_time`: null where it is the phenomenon's; `lon`, `lat`, `height_m`: where it was so, of itself or of the thing;
/// `quality`: 0 good, 1 suspect, 2 missing; `id`: its number, unique in the store.
static OBSERVATIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        number("datastream"),
        instant("phenomenon_time", false),
        instant("result_time", true),
        Field::new("value", DataType::Float64, false),
        Field::new("quality", DataType::UInt8, false),
        real("lon"),
        real("lat"),
        number("seq"),
        real("height_m"),
        Field::new("id", DataType::UInt64, true),
        instant("recorded_at", true),
    ])
});

/// Readings of a datastream within a minute, hour or day of UTC that begins at `time`. `count` of them are measurements, some
/// of these `suspect`: the figures are of these; `missing` are none. `first` and `last` are values, with their instants.
/// `lon`, `lat`, `height_m`: where the last one was that says so; `fingerprint`: of all of them, whatever their order;
/// `seq`, `recorded_at`: of the one that was told last.
static SUMMARIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        number("datastream"),
        instant("time", false),
        number("count"),
        real("mean"),
        real("min"),
        real("max"),
        real("sum"),
        real("first"),
        instant("first_time", true),
        real("last"),
        instant("last_time", true),
        number("suspect"),
        number("missing"),
        real("lon"),
        real("lat"),
        real("height_m"),
        number("fingerprint"),
        number("seq"),
        instant("recorded_at", true),
    ])
});

static POSITIONS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        uuid("entity", false),
        instant("time", false),
        Field::new("lon", DataType::Float64, false),
        Field::new("lat", DataType::Float64, false),
        real("height_m"),
        Field::new("heading_deg", DataType::Float32, true),
        Field::new("speed_m_s", DataType::Float32, true),
        number("seq"),
        instant("recorded_at", true),
    ])
});

static CONTENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        Field::new("digest", DataType::FixedSizeBinary(32), false),
        uuid("entity", false),
        text("media_type"),
        text("name"),
        number("size"),
        number("seq"),
        instant("recorded_at", false),
    ])
});

static REJECTED: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![instant("time", false), text("source"), text("place"), text("reason"), text("sample"), number("seq")])
});

/// A row for each pair of a thing and one that came of it at `valid_time`; `kind`: [`crate::Descent`].
static LINEAGE: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        uuid("predecessor", false),
        uuid("successor", false),
        text("kind"),
        instant("valid_time", false),
        number("seq"),
        instant("recorded_at", false),
    ])
});

/// A row where a file has a thing for the first time, and one where it has it no more (`there`).
static ORIGINS: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        uuid("entity", false),
        text("dataset"),
        text("file"),
        Field::new("there", DataType::Boolean, false),
        number("seq"),
        instant("recorded_at", false),
    ])
});

/// Schema metadata key that says which live message a stream of record batches is.
pub const MESSAGE_KEY: &str = "urbis.message";

fn message(name: &str, fields: Vec<Field>) -> SchemaRef {
    let metadata = HashMap::from([(MESSAGE_KEY.to_owned(), name.to_owned())]);
    Arc::new(Schema::new(fields).with_metadata(metadata))
}

/// Live message `entities`: what things there are and their shapes. `height_m` null: on the ground; `extrude_m`:
/// height above ground of a 2D footprint; `geometry`: ISO WKB; `removed`: forget the id.
pub static LIVE_ENTITIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    message(
        "entities",
        vec![
            uuid("id", false),
            text("kind"),
            text("class"),
            Field::new("name", DataType::Utf8, true),
            Field::new("lon", DataType::Float64, false),
            Field::new("lat", DataType::Float64, false),
            real("height_m"),
            Field::new("extrude_m", DataType::Float32, true),
            geometry("geometry"),
            number("recorded_seq"),
            Field::new("removed", DataType::Boolean, false),
        ],
    )
});

/// Live message `states`: the latest fix or reading of each thing. A fix has `lon`/`lat`, a reading has `property`,
/// `value` and `unit`.
pub static LIVE_STATES: LazyLock<SchemaRef> = LazyLock::new(|| {
    message(
        "states",
        vec![
            uuid("id", false),
            Field::new("datastream", DataType::UInt64, true),
            Field::new("time_us", DataType::Int64, false),
            real("lon"),
            real("lat"),
            real("height_m"),
            Field::new("heading_deg", DataType::Float32, true),
            Field::new("speed_m_s", DataType::Float32, true),
            Field::new("property", DataType::Utf8, true),
            real("value"),
            Field::new("unit", DataType::Utf8, true),
        ],
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_numbers_are_for_ever() {
        let codes: Vec<_> = Table::ALL.iter().map(|table| (table.name(), table.code())).collect();
        assert_eq!(
            codes,
            [
                ("entities", 1),
                ("datastreams", 2),
                ("observations", 3),
                ("positions", 4),
                ("contents", 5),
                ("rejected", 6),
                ("lineage", 7),
                ("observations_minute", 8),
                ("observations_hour", 9),
                ("observations_day", 10),
                ("origins", 11)
            ]
        );
        assert!(Table::ALL.iter().all(|table| Table::from_code(table.code()) == Some(*table)));
        for table in Table::ALL {
            let schema = table.schema();
            let recorded = schema.field(table.recorded_column());
            assert!(matches!(recorded.name().as_str(), "recorded_at" | "time"), "{table:?}: {recorded}");
            assert_eq!(*recorded.data_type(), timestamp());
        }
    }
}
