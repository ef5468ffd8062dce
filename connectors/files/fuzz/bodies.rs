//! What is asked of every reader with any file at all. Bytes come in, nothing goes out: a body panics when a law is broken
//! and returns when the file is refused.

use std::path::PathBuf;

use connectors_files::{Options, read_file};
use kernel_model::{Change, Rejection, Sink, SinkError};

/// Holds every change against what must be true of it.
#[derive(Debug, Default)]
struct Judge {
    refused: u64,
}

impl Sink for Judge {
    fn change(&mut self, change: Change) -> Result<(), SinkError> {
        if let Change::Entity(draft) = &change {
            if let Some(geometry) = &draft.geometry {
                assert!(geometry.coord_count() > 0, "{}", draft.source);
                geometry.for_each_coord(|c| {
                    let on_globe = c.lon_deg.abs() <= 180.0 && c.lat_deg.abs() <= 90.0 && c.height_m.is_finite();
                    assert!(on_globe, "{c:?} of {}", draft.source);
                });
            }
            assert!(!draft.source.id.is_empty());
        }
        Ok(())
    }

    fn refused(&mut self, rejection: Rejection) {
        assert!(!rejection.reason.is_empty() && rejection.sample.len() <= 200, "{rejection:?}");
        self.refused += 1;
    }
}

/// Reads the bytes as a file of this name.
fn read(name: &str, data: &[u8]) {
    let path: PathBuf = std::env::temp_dir().join(format!("urbis-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, data).expect("the temporary folder can be written");
    let mut judge = Judge::default();
    match read_file(&path, &Options::default(), &mut judge) {
        Ok(summary) => {
            assert_eq!(summary.records_refused, judge.refused);
            assert!(summary.records_refused <= summary.records_read);
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

/// CityGML.
pub fn citygml(data: &[u8]) {
    read("x.gml", data);
}

/// CityJSON, one document or a sequence.
pub fn cityjson(data: &[u8]) {
    read("x.city.jsonl", data);
}
