//! The ledger over HTTP: `GET /assets/{id}/receipt`, the log's own files under `/log` (C2SP tlog-tiles), and the SQL
//! table `assets`, which grows with the log.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use kernel_ledger::{Entries, Entry, Ledger, Which};
use kernel_model::EntityId;
use kernel_query::ExtraTable;
use serde::Deserialize;

use crate::error::{ApiError, Error};
use crate::parameters::{Parameters, Path};
use crate::state::AppState;

#[derive(Debug, Deserialize)]
pub(crate) struct WhichLeaf {
    leaf: Option<u64>,
    /// Under a checkpoint that a witness has signed.
    #[serde(default)]
    witnessed: bool,
}

/// The receipt of an asset: a c2sp.org/tlog-proof text that `urbis verify` checks offline.
pub(crate) async fn receipt(
    State(state): State<Arc<AppState>>,
    Path(id): Path<String>,
    Parameters(which): Parameters<WhichLeaf>,
) -> Result<impl IntoResponse, ApiError> {
    let id: EntityId = id.parse().map_err(ApiError::bad_request)?;
    // It says where the thing is, and what its description hashes to.
    let is_told =
        state.reader.snapshot().eye().is_none_or(|mut eye| eye.thing(&id).is_some_and(|view| view.is_exact()));
    if !is_told {
        return Err(ApiError::not_found(kernel_ledger::Error::NoAsset(id.to_string())));
    }
    let (is_witnessed, which) = (which.witnessed, which.leaf.map_or(Which::Latest, Which::Leaf));
    let ledger = state.registrar.ledger();
    let receipt = match is_witnessed {
        true => ledger.witnessed_receipt(&id.to_string(), which),
        false => ledger.receipt(&id.to_string(), which),
    };
    let text = receipt.map_err(ApiError::not_found)?.to_string();
    let name = format!("attachment; filename=\"{id}.receipt\"");
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], text))
}

/// The signed checkpoint.
pub(crate) async fn checkpoint(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let note = state.registrar.ledger().checkpoint().to_owned();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], note)
}

/// The public key in signed-note form.
pub(crate) async fn public_key(State(state): State<Arc<AppState>>) -> impl IntoResponse {
    let key = state.registrar.ledger().public_key().to_owned();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], key + "\n")
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    Arc::new(Schema::new(vec![
        number("leaf_index"),
        Field::new("leaf_hash", DataType::FixedSizeBinary(32), false),
        text("asset"),
        text("operation"),
        number("sequence"),
        text("kind"),
        text("class"),
        text("source"),
        text("recorded"),
        text("cells"),
    ]))
});

/// Rows of the log as the SQL table `assets`, read once each.
#[derive(Debug, Default)]
pub(crate) struct AssetTable {
    read: Mutex<(u64, Vec<RecordBatch>)>,
}

impl AssetTable {
    /// The table as of the log's present size; only leaves that were not read before are read.
    pub(crate) fn upto(&self, ledger: &Ledger) -> Result<Vec<RecordBatch>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let size = ledger.size();
        if size > read.0 {
            let entries: Vec<Entry> = ledger.entries(read.0..size).collect::<Result<_, _>>()?;
            read.1.push(rows(&entries)?);
            read.0 = size;
        }
        Ok(read.1.clone())
    }
}

/// The SQL table `assets` of the log in a data folder, beside whoever writes it. A question that names it is refused
/// where leaves cannot be read or the folder's key did not sign the log.
pub fn asset_table(data: &std::path::Path) -> ExtraTable {
    let data = data.to_owned();
    table(move || {
        let path = data.join("log.pub");
        let key = std::fs::read_to_string(&path).map_err(|source| Error::PublicKey { path, source })?;
        let entries: Vec<Entry> = Entries::open(&data.join("ledger"), &key)?.collect::<Result<_, _>>()?;
        Ok(vec![rows(&entries)?])
    })
}

/// The SQL table `assets`, its rows read as this says.
pub(crate) fn table(read: impl Fn() -> Result<Vec<RecordBatch>, Error> + Send + Sync + 'static) -> ExtraTable {
    ExtraTable::new("assets", SCHEMA.clone(), read).of_things(&["asset"])
}

fn rows(entries: &[Entry]) -> Result<RecordBatch, Error> {
    columns(entries).map_err(Error::Assets)
}

fn columns(entries: &[Entry]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut hash = FixedSizeBinaryBuilder::new(32);
    for entry in entries {
        hash.append_value(entry.leaf_hash)?;
    }
    let text =
        |get: fn(&Entry) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(entries.iter().map(get))) };
    let number =
        |get: fn(&Entry) -> u64| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(entries.iter().map(get))) };
    let operation = |entry: &Entry| {
        serde_json::to_value(entry.leaf.operation())
            .ok()
            .and_then(|v| v.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let columns: Vec<ArrayRef> = vec![
        number(|entry| entry.index),
        Arc::new(hash.finish()),
        text(|entry| entry.leaf.asset().to_owned()),
        text(operation),
        number(|entry| entry.leaf.sequence()),
        text(|entry| entry.leaf.record().map(|record| record.kind.clone()).unwrap_or_default()),
        text(|entry| entry.leaf.record().map(|record| record.class.clone()).unwrap_or_default()),
        text(|entry| entry.leaf.record().map(|record| record.source.clone()).unwrap_or_default()),
        text(|entry| entry.leaf.recorded().to_owned()),
        text(|entry| entry.leaf.record().map(|record| record.cells.join(" ")).unwrap_or_default()),
    ];
    RecordBatch::try_new(SCHEMA.clone(), columns)
}
