//! Messages: strict about types, tolerant about order, absence and text layout; garbage is an error.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array, StringViewArray,
};
use arrow_schema::{DataType, Field};
use proptest::prelude::*;
use viewer_app::Error;
use viewer_app::message::{Message, read};

use crate::town;

fn ids() -> ArrayRef {
    Arc::new(FixedSizeBinaryArray::try_from_iter([[7u8; 16], [8u8; 16]].into_iter()).unwrap())
}

fn id_field() -> Field {
    Field::new("id", DataType::FixedSizeBinary(16), false)
}

#[test]
fn the_towns_own_rows_come_back() {
    let things = town::things();
    let Message::Entities(rows) = read(&town::entities(&things)).unwrap() else { panic!("entities were sent") };
    assert_eq!(rows.len(), things.len());
    for (row, thing) in rows.iter().zip(&things) {
        assert_eq!((row.id, row.kind.as_str(), row.class.as_str()), (thing.id, thing.kind, thing.class));
        assert_eq!((row.extrude_m, &row.geometry, &row.name), (thing.extrude, &thing.geometry, &thing.name));
    }
    let Message::States(rows) = read(&town::states_message(&town::states(3.0))).unwrap() else {
        panic!("states were sent")
    };
    assert_eq!(rows.len(), (town::SENSORS + town::CARS) as usize);
    assert!(rows.iter().filter(|row| row.value.is_some()).all(|row| row.unit.as_deref() == Some("ug/m3")));
}

#[test]
fn order_absence_and_text_layout_do_not_matter() {
    let kind: DictionaryArray<Int32Type> = ["vehicle", "vehicle"].into_iter().collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from(vec![Some("a rather long name, kept out of line"), None])),
        Arc::new(Float64Array::from(vec![39.9, f64::NAN])),
        Arc::new(kind),
        ids(),
        Arc::new(Float64Array::from(vec![116.4, 116.4])),
    ];
    let fields = vec![
        Field::new("name", DataType::Utf8View, true),
        Field::new("lat", DataType::Float64, true),
        Field::new("kind", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), true),
        id_field(),
        Field::new("lon", DataType::Float64, true),
    ];
    let Message::Entities(rows) = read(&town::stream(town::named("entities", fields), columns)).unwrap() else {
        panic!("entities were sent")
    };
    assert_eq!((rows[0].kind.as_str(), rows[0].anchor_deg), ("vehicle", Some([116.4, 39.9])));
    assert_eq!(rows[0].name.as_deref(), Some("a rather long name, kept out of line"));
    assert_eq!((rows[1].anchor_deg, rows[1].height_m, rows[1].removed), (None, None, false));
}

#[test]
fn another_type_a_missing_id_and_another_message_are_refused() {
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![1.0, 2.0]));
    let fields = vec![id_field(), Field::new("lon", DataType::Float32, true)];
    let refused = read(&town::stream(town::named("entities", fields), vec![ids(), narrow]));
    assert!(matches!(refused, Err(Error::ColumnType { column: "lon", .. })), "{refused:?}");

    let time: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let fields = vec![Field::new("time_us", DataType::Int64, false)];
    let refused = read(&town::stream(town::named("states", fields.clone()), vec![time.clone()]));
    assert!(matches!(refused, Err(Error::MissingColumn { message: "states", column: "id" })));

    let refused = read(&town::stream(town::named("weather", fields), vec![time]));
    assert!(matches!(refused, Err(Error::UnknownMessage { .. })));
    assert!(matches!(read(b"not arrow"), Err(Error::NotArrow(_))));
}

/// Every byte of a message changed in turn; the law below found one that says "dictionary" and not of what.
#[test]
fn every_changed_byte_is_an_error_or_other_rows() {
    let mut bytes = town::states_message(&town::states(0.0)[..6]);
    for at in 0..bytes.len() {
        for byte in [0, 1, 4, 88, 255] {
            let kept = std::mem::replace(&mut bytes[at], byte);
            let _ = read(&bytes);
            bytes[at] = kept;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Bytes that were damaged on the way are an error or other rows; never the end of the program.
    #[test]
    fn damaged_messages_never_panic(at in 0usize..4000, byte in any::<u8>(), cut in 0usize..8000) {
        let mut bytes = town::states_message(&town::states(0.0)[..6]);
        let index = at % bytes.len();
        bytes[index] = byte;
        bytes.truncate(cut.max(40));
        let _ = read(&bytes);
    }
}
