//! The columns of the table `entities` that tiles are made of, typed.

use arrow::array::{
    Array, AsArray, BinaryArray, FixedSizeBinaryArray, Float64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{Float64Type, UInt64Type};
use kernel_model::Region;

/// Typed columns of one batch in the schema of `entities` (`kernel_model::schema`).
pub(crate) struct Columns<'a> {
    pub(crate) id: &'a FixedSizeBinaryArray,
    pub(crate) sequence: &'a UInt64Array,
    pub(crate) kind: &'a StringArray,
    pub(crate) class: &'a StringArray,
    pub(crate) name: &'a StringArray,
    pub(crate) geometry: &'a BinaryArray,
    pub(crate) height_reference: &'a StringArray,
    /// The lowest vertex, metres.
    pub(crate) low_m: &'a Float64Array,
    /// The highest vertex, metres.
    pub(crate) top_m: &'a Float64Array,
    pub(crate) properties: &'a StringArray,
    sides: [&'a Float64Array; 4],
}

impl<'a> Columns<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let real = |column: usize| batch.column(column).as_primitive::<Float64Type>();
        Self {
            id: batch.column(0).as_fixed_size_binary(),
            sequence: batch.column(1).as_primitive::<UInt64Type>(),
            kind: text(3),
            class: text(4),
            name: text(5),
            geometry: batch.column(9).as_binary::<i32>(),
            height_reference: text(10),
            low_m: real(13),
            top_m: real(18),
            properties: text(19),
            sides: [real(14), real(15), real(16), real(17)],
        }
    }

    /// The box of the geometry; `None` where there is none.
    pub(crate) fn region(&self, row: usize) -> Option<Region> {
        let [west, south, east, north] = self.sides;
        let there = self.sides.iter().all(|side| side.is_valid(row));
        there.then(|| Region {
            west: west.value(row),
            south: south.value(row),
            east: east.value(row),
            north: north.value(row),
        })
    }

    /// Lowest and highest vertex, metres, where heights mean anything.
    pub(crate) fn heights_m(&self, row: usize) -> Option<(f64, f64)> {
        let there = self.low_m.is_valid(row) && self.top_m.is_valid(row);
        there.then(|| (self.low_m.value(row), self.top_m.value(row)))
    }

    /// The height above ground that the source states of a footprint, metres.
    pub(crate) fn stated_height_m(&self, row: usize) -> Option<f64> {
        number_in(self.properties.value(row), "height_m").filter(|height| height.is_finite() && *height > 0.0)
    }
}

/// A number at the top of a JSON object, found without reading the rest of it into a tree: there are millions of them.
fn number_in(object: &str, key: &str) -> Option<f64> {
    let bytes = object.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = end_of_text(bytes, at + 1)?;
                let behind = object.get(end + 1..)?.trim_start();
                if depth == 1
                    && object.get(at + 1..end)? == key
                    && let Some(value) = behind.strip_prefix(':')
                {
                    let value = value.trim_start();
                    let length = value.find([',', '}', ' ', '\n', '\r', '\t']).unwrap_or(value.len());
                    return value[..length].parse().ok();
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the quote stands that ends a text.
fn end_of_text(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_that_of_the_object_itself() {
        let height = |text: &str| number_in(text, "height_m");
        assert_eq!(height(r#"{"a":"height_m","roof":{"height_m":3},"height_m":12.5}"#), Some(12.5));
        assert_eq!(height(r#"{"height_m" : 1e1 }"#), Some(10.0));
        assert_eq!(height(r#"{"b\"":"x\\","height_m":7,"c":[{"height_m":1}]}"#), Some(7.0));
        for none in
            ["{}", "", r#"{"height_m":"9"}"#, r#"{"height_m":null}"#, r#"{"x":{"height_m":3}}"#, r#"{"height_m"#]
        {
            assert_eq!(height(none), None, "{none}");
        }
    }
}
