use connectors_files::{Format, Options};
use kernel_model::Change;

use crate::support::{one_line, read_bytes};

const SPLIT: &str = r#"{"type":"Changes","dataset":"land","changes":[
    {"describe":{"id":"17","kind":"landuse"}},
    {"succession":{"at":"2026-05-01T00:00:00Z","predecessors":["17"],"successors":[{"id":"18","kind":"landuse"}]}}]}"#;

#[test]
fn a_document_of_changes_is_taken_in_its_order() {
    let (summary, kept) = read_bytes("split.json", SPLIT.as_bytes(), &Options::default()).unwrap();
    assert_eq!((summary.format, summary.dataset.as_str(), summary.records_read), (Format::Changes, "land", 2));
    assert!(matches!(&kept.changes[..], [Change::Entity(_), Change::Succession(_)]), "{:?}", kept.changes);
    let unnamed = SPLIT.replace(r#""dataset":"land","#, "");
    let named = Options { dataset: Some("town".to_owned()), ..Options::default() };
    let (summary, kept) = read_bytes("split.json", unnamed.as_bytes(), &named).unwrap();
    assert_eq!((summary.dataset.as_str(), &*kept.entity("17").source.dataset), ("town", "town"));
}

#[test]
fn one_wrong_change_refuses_the_document() {
    let refusal =
        |text: &str, options: &Options| one_line(&read_bytes("split.json", text.as_bytes(), options).unwrap_err());
    let plain = Options::default();
    assert!(refusal(&SPLIT.replace("2026-05-01T00:00:00Z", "May"), &plain).contains("changes/1: `May` is not"));
    assert!(refusal(&SPLIT.replace(r#""dataset":"land","#, ""), &plain).contains("`17` is of no dataset"));
    assert!(refusal(&SPLIT.replace("landuse", "castle"), &plain).contains("line 2"));
    assert!(refusal(&SPLIT[..120], &plain).contains("ends too early"));
    assert!(refusal(SPLIT, &Options { crs: Some("EPSG:28992".to_owned()), ..plain }).contains("--crs"));
}
