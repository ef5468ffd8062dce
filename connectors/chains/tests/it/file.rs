//! The anchor `file`.

use std::fs;

use connectors_chains::FileAnchor;
use kernel_model::{Anchor, AnchorError};

use super::{law, point};

#[test]
fn a_file_keeps_the_laws() {
    let dir = tempfile::tempdir().unwrap();
    law(|| FileAnchor::open(&dir.path().join("anchors")).unwrap());
}

#[test]
fn a_line_that_was_altered_dropped_or_moved_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anchors");
    let mut anchor = FileAnchor::open(&path).unwrap();
    for size in 1..6 {
        anchor.anchor(&point("a.example/log", size, size as u8)).unwrap();
    }
    let right = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = right.lines().collect();
    let mut dropped = lines.clone();
    dropped.remove(2);
    let mut moved = lines.clone();
    moved.swap(1, 2);
    let altered: Vec<String> = lines.iter().map(|line| line.replace("\"size\":3", "\"size\":2")).collect();
    let altered: Vec<&str> = altered.iter().map(String::as_str).collect();
    for wrong in [dropped, moved, altered] {
        fs::write(&path, wrong.join("\n") + "\n").unwrap();
        let opened = FileAnchor::open(&path);
        assert!(matches!(opened, Err(AnchorError::Damaged { .. } | AnchorError::Refused { .. })), "{opened:?}");
    }
    for bit in (0..right.len() * 8).step_by(97) {
        let mut turned = right.clone().into_bytes();
        turned[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &turned).unwrap();
        // In the last line nothing follows that could tell; there it is another anchor, or none.
        let is_last = bit / 8 >= right.len() - lines[4].len() - 1;
        assert!(FileAnchor::open(&path).is_err() || is_last, "bit {bit}");
    }
}

#[test]
fn a_line_that_was_cut_off_while_it_was_written_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("anchors");
    FileAnchor::open(&path).unwrap().anchor(&point("a.example/log", 1, 1)).unwrap();
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
    let mut anchor = FileAnchor::open(&path).unwrap();
    anchor.anchor(&point("a.example/log", 2, 2)).unwrap();
    drop(anchor);
    let mut anchor = FileAnchor::open(&path).unwrap();
    assert_eq!(anchor.newest("a.example/log").unwrap().unwrap().point.size, 2);
}
