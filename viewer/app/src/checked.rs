//! A look over an Arrow IPC stream before it is read: every length and offset in it must lie within it. The reader takes
//! them at their word and ends the program where they lie, and in a page nothing could catch that.
//! Layout: Arrow columnar format 1.5, "Encapsulated message format".

use std::collections::BTreeMap;

use arrow_ipc::{Field, Int, Precision, RecordBatch, Schema, TimeUnit, Type, root_as_message};
use arrow_schema::ArrowError;

const CONTINUATION: u32 = u32::MAX;
/// More columns than this no message of ours has.
const MOST_COLUMNS: usize = 256;
/// More buffers than this no text column has.
const MOST_BUFFERS: usize = 100_000;

fn damaged(what: &str) -> ArrowError {
    ArrowError::IpcError(format!("the stream is damaged: {what}"))
}

/// Whether every message of a stream keeps within its bounds.
///
/// # Errors
/// When one does not.
pub(crate) fn stream(bytes: &[u8]) -> Result<(), ArrowError> {
    let mut rest = bytes;
    let mut known = Columns::default();
    while let Some((length, after)) = next_length(rest)? {
        let metadata = after.get(..length).ok_or_else(|| damaged("its metadata is cut off"))?;
        let message = root_as_message(metadata).map_err(|_| damaged("its metadata is no message"))?;
        let body_length = usize::try_from(message.bodyLength()).map_err(|_| damaged("a body has a negative length"))?;
        let after = after.get(length..).unwrap_or_default();
        if after.len() < body_length {
            return Err(damaged("a body is cut off"));
        }
        if let Some(schema) = message.header_as_schema() {
            known = columns(&schema)?;
        } else if let Some(batch) = message.header_as_record_batch() {
            record_batch(&batch, &known.rows, body_length)?;
        } else if let Some(dictionary) = message.header_as_dictionary_batch() {
            let values =
                known.dictionaries.get(&dictionary.id()).ok_or_else(|| damaged("a dictionary has no column"))?;
            let batch = dictionary.data().ok_or_else(|| damaged("a dictionary is empty"))?;
            record_batch(&batch, std::slice::from_ref(values), body_length)?;
        } else {
            return Err(damaged("a message is of a kind that streams do not have"));
        }
        rest = &after[body_length..];
    }
    Ok(())
}

/// How the buffers of one column follow each other after the one that marks nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// No buffer at all, not even for nulls.
    Nothing,
    /// One buffer of a bit a row.
    Bits,
    /// One buffer of entries this many bytes wide.
    Fixed(usize),
    /// Offsets this many bytes wide, then bytes.
    Offsets(usize),
    /// Views of 16 bytes, then as many buffers as the batch says.
    Views,
}

/// What the schema says of the buffers to come.
#[derive(Default)]
struct Columns {
    rows: Vec<Layout>,
    dictionaries: BTreeMap<i64, Layout>,
}

/// The length of the next message's metadata and what follows it; `None` at the end of the stream.
fn next_length(bytes: &[u8]) -> Result<Option<(usize, &[u8])>, ArrowError> {
    let Some((first, mut after)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let mut length = u32::from_le_bytes(*first);
    if length == CONTINUATION {
        let (second, more) = after.split_first_chunk::<4>().ok_or_else(|| damaged("a length is cut off"))?;
        (length, after) = (u32::from_le_bytes(*second), more);
    }
    Ok((length != 0).then_some((length as usize, after)))
}

fn record_batch(batch: &RecordBatch<'_>, columns: &[Layout], body_length: usize) -> Result<(), ArrowError> {
    let rows = batch.length();
    // A row takes at least a bit of a column; more rows than bits is no batch.
    if rows < 0 || usize::try_from(rows).map_or(true, |rows| rows / 8 > body_length) {
        return Err(damaged("a batch has an impossible number of rows"));
    }
    if batch.compression().is_some() {
        return Err(damaged("it is compressed, which no message of ours is"));
    }
    let nodes = batch.nodes().map_or(0, |nodes| nodes.len());
    let fit = |length: i64, nulls: i64| length == rows && (0..=rows).contains(&nulls);
    let all_fit = batch.nodes().into_iter().flatten().all(|node| fit(node.length(), node.null_count()));
    if nodes != columns.len() || !all_fit {
        return Err(damaged("a column does not have the batch's rows"));
    }
    let rows = rows as usize;
    let mut variadic = batch.variadicBufferCounts().into_iter().flatten();
    let mut buffers = batch.buffers().into_iter().flatten();
    let nulls = batch.nodes().into_iter().flatten().map(|node| node.null_count() > 0);
    for (layout, has_nulls) in columns.iter().zip(nulls) {
        let more = if *layout == Layout::Views { variadic.next().unwrap_or(0) } else { 0 };
        for wanted in wanted(*layout, rows, has_nulls, more)? {
            let buffer = buffers.next().ok_or_else(|| damaged("a column lacks a buffer"))?;
            within(buffer.offset(), buffer.length(), wanted, body_length)
                .ok_or_else(|| damaged("a buffer lies outside its body, is too short or of odd size"))?;
        }
    }
    Ok(())
}

/// What a buffer has to be: a multiple of its entries' width, and long enough for the rows; in bytes.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    width: usize,
    least: usize,
}

/// A column's buffers, the one of nulls first.
fn wanted(layout: Layout, rows: usize, has_nulls: bool, variadic: i64) -> Result<Vec<Wanted>, ArrowError> {
    let bits = rows.div_ceil(8);
    let nulls = Wanted { width: 1, least: if has_nulls { bits } else { 0 } };
    let entries = |width: usize, count: usize| Wanted { width, least: count.saturating_mul(width) };
    let bytes = Wanted { width: 1, least: 0 };
    Ok(match layout {
        Layout::Nothing => vec![],
        Layout::Bits => vec![nulls, entries(1, bits)],
        Layout::Fixed(width) => vec![nulls, entries(width, rows)],
        // A column without rows may leave its one offset out.
        Layout::Offsets(width) => vec![nulls, entries(width, if rows == 0 { 0 } else { rows + 1 }), bytes],
        Layout::Views => {
            let count = usize::try_from(variadic).ok().filter(|count| *count <= MOST_BUFFERS);
            let count = count.ok_or_else(|| damaged("a column has an impossible number of buffers"))?;
            let mut all = vec![nulls, entries(16, rows)];
            all.resize(2 + count, bytes);
            all
        }
    })
}

fn within(offset: i64, length: i64, wanted: Wanted, body_length: usize) -> Option<()> {
    let (offset, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    let inside = offset.checked_add(length)? <= body_length && offset.is_multiple_of(8);
    (inside && length.is_multiple_of(wanted.width) && length >= wanted.least).then_some(())
}

/// Text, bytes, figures, flags and instants: what our messages are made of. The reader ends the program at types that it
/// does not know, so others are refused here.
fn columns(schema: &Schema<'_>) -> Result<Columns, ArrowError> {
    let fields = schema.fields().ok_or_else(|| damaged("its schema has no columns"))?;
    if fields.len() > MOST_COLUMNS {
        return Err(damaged("it has more columns than any message of ours"));
    }
    let mut known = Columns::default();
    for field in fields {
        let layout = layout_of(&field).ok_or_else(|| {
            let name: String = field.name().unwrap_or("?").chars().take(60).collect();
            ArrowError::SchemaError(format!("column {name:?} is of a type that no message of ours has"))
        })?;
        let Some(dictionary) = field.dictionary() else {
            known.rows.push(layout);
            continue;
        };
        known.dictionaries.insert(dictionary.id(), layout);
        // The format allows to leave the type of the keys out; the reader ends the program there.
        let keys = dictionary.indexType().and_then(|keys| whole(&keys));
        known.rows.push(Layout::Fixed(keys.ok_or_else(|| damaged("a dictionary has keys of no or odd width"))?));
    }
    Ok(known)
}

fn whole(int: &Int<'_>) -> Option<usize> {
    matches!(int.bitWidth(), 8 | 16 | 32 | 64).then(|| int.bitWidth() as usize / 8)
}

fn layout_of(field: &Field<'_>) -> Option<Layout> {
    match field.type_type() {
        Type::Null => Some(Layout::Nothing),
        Type::Bool => Some(Layout::Bits),
        Type::Utf8 | Type::Binary => Some(Layout::Offsets(4)),
        Type::LargeUtf8 | Type::LargeBinary => Some(Layout::Offsets(8)),
        Type::Utf8View | Type::BinaryView => Some(Layout::Views),
        Type::FixedSizeBinary => {
            let width = field.type_as_fixed_size_binary()?.byteWidth();
            (1..=4096).contains(&width).then_some(Layout::Fixed(width as usize))
        }
        Type::Int => whole(&field.type_as_int()?).map(Layout::Fixed),
        Type::FloatingPoint => match field.type_as_floating_point()?.precision() {
            Precision::SINGLE => Some(Layout::Fixed(4)),
            Precision::DOUBLE => Some(Layout::Fixed(8)),
            _ => None,
        },
        Type::Timestamp => (field.type_as_timestamp()?.unit() == TimeUnit::MICROSECOND).then_some(Layout::Fixed(8)),
        _ => None,
    }
}
