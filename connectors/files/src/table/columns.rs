//! A row's fields by number, and the columns' numbers by name. Texts that mean "no value" are told apart from texts that
//! are wrong.

use csv::ByteRecord;

use super::mapping::Column;

/// The names in a table's first row.
#[derive(Debug, Default)]
pub(super) struct Header {
    names: Option<Vec<String>>,
}

impl Header {
    pub(super) fn none() -> Self {
        Self::default()
    }

    pub(super) fn new(record: &ByteRecord) -> Self {
        let name = |field: &[u8]| String::from_utf8_lossy(field.trim_ascii()).trim_start_matches('\u{feff}').to_owned();
        Self { names: Some(record.iter().map(name).collect()) }
    }

    /// The column's number.
    pub(super) fn find(&self, column: &Column) -> Result<usize, String> {
        match (column, &self.names) {
            (Column::Index(at), _) => Ok(*at),
            (Column::Name(name), Some(names)) => names.iter().position(|n| n == name).ok_or_else(|| {
                let there: String = names.join(",").chars().take(200).collect();
                format!("it names a column `{name}` that is not in the header {there}")
            }),
            (Column::Name(name), None) => {
                Err(format!("it names a column `{name}` but says header = false: give the column's number from 0"))
            }
        }
    }

    /// What properties call the column.
    pub(super) fn name(&self, at: usize) -> String {
        let name = self.names.as_ref().and_then(|names| names.get(at)).filter(|n| !n.is_empty());
        name.cloned().unwrap_or_else(|| format!("column_{at}"))
    }

    /// Fields a row must have; `None` where there is no header.
    pub(super) fn width(&self) -> Option<usize> {
        self.names.as_ref().map(Vec::len)
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    record: &'a ByteRecord,
}

impl<'a> Fields<'a> {
    pub(super) fn new(record: &'a ByteRecord) -> Self {
        Self { record }
    }

    /// The field's text without blanks around it; empty where it is not there or is not UTF-8.
    pub(super) fn text(self, at: usize) -> &'a str {
        self.record.get(at).and_then(|field| std::str::from_utf8(field.trim_ascii()).ok()).unwrap_or_default()
    }

    /// A number; `None` where the text is one of `missing`.
    pub(super) fn number(self, at: usize, missing: &[String]) -> Result<Option<f64>, String> {
        let text = self.text(at);
        if let Ok(number) = text.parse::<f64>()
            && number.is_finite()
        {
            return Ok(if is_missing(text, missing) { None } else { Some(number) });
        }
        if is_missing(text, missing) {
            Ok(None)
        } else {
            Err(format!("`{text}` is no number, nor one of the mapping's words for a missing one"))
        }
    }

    /// The row as text.
    pub(super) fn sample(self) -> String {
        let fields: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        fields.join(",")
    }
}

fn is_missing(text: &str, missing: &[String]) -> bool {
    missing.iter().any(|m| m == text)
}

/// What a speed is to be multiplied with.
pub(super) fn metres_a_second(unit: &str) -> Option<f64> {
    match unit {
        "m/s" => Some(1.0),
        "km/h" => Some(1.0 / 3.6),
        "kn" => Some(1852.0 / 3600.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_is_not_wrong() {
        let record = ByteRecord::from(vec!["4", " NA ", "x", "-777", "inf"]);
        let fields = Fields::new(&record);
        let missing = ["NA".to_owned(), "-777".to_owned()];
        assert_eq!(fields.number(0, &missing), Ok(Some(4.0)));
        assert_eq!(fields.number(1, &missing), Ok(None));
        assert_eq!(fields.number(3, &missing), Ok(None));
        assert!(fields.number(2, &missing).is_err() && fields.number(4, &missing).is_err());
        assert!(fields.number(9, &missing).is_err());
    }
}
