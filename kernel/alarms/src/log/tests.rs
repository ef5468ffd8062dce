use kernel_model::EntityId;

use super::*;
use crate::alert::Event;

fn alert(n: u64) -> Alert {
    Alert {
        rule: "zone".to_owned(),
        event: Event::Enter,
        thing: EntityId(uuid::Uuid::from_u128(u128::from(n))),
        fence: None,
        datastream: None,
        time: TimeUs(n as i64),
        sequence: Sequence(n),
        value: None,
        lon_lat_deg: Some([116.0, 39.5]),
        height_m: None,
    }
}

fn numbers(log: &AlertLog) -> Vec<u64> {
    log.reader().after(0, usize::MAX).unwrap().iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_log_that_is_cut_anywhere_has_whole_frames_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = AlertLog::open(dir.path()).unwrap();
    let mut ends = vec![(log.bytes, 0, Sequence(0))];
    for n in 1..=2_u64 {
        log.alerts(Sequence(n * 10), (0..n).map(alert).collect()).unwrap();
        ends.push((log.bytes, log.last(), log.through()));
    }
    assert_eq!(log.acknowledge(2, "ann", TimeUs(5)).unwrap(), 4);
    ends.push((log.bytes, log.last(), log.through()));
    let bytes = std::fs::read(&log.path).unwrap();
    let name = file_name(1);
    for cut in (0..=bytes.len()).step_by(3).chain(ends.iter().map(|(end, ..)| *end as usize)) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(&name), &bytes[..cut]).unwrap();
        let mut log = AlertLog::open(dir.path()).unwrap();
        let (_, last, through) =
            *ends.iter().rev().find(|(end, ..)| *end <= cut as u64).unwrap_or(&(0, 0, Sequence(0)));
        assert_eq!((log.last(), log.through()), (last, through), "cut at {cut}");
        log.alerts(Sequence(99), vec![alert(7)]).unwrap();
        drop(log);
        let log = AlertLog::open(dir.path()).unwrap();
        assert_eq!((numbers(&log), log.through()), ((1..=last + 1).collect(), Sequence(99)), "cut at {cut}");
    }
}

#[test]
fn damage_before_the_end_is_said_and_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = AlertLog::open(dir.path()).unwrap();
    let first = log.bytes as usize;
    log.alerts(Sequence(1), vec![alert(1)]).unwrap();
    let second = log.bytes as usize;
    log.alerts(Sequence(2), vec![alert(2)]).unwrap();
    let (path, bytes) = (log.path.clone(), std::fs::read(&log.path).unwrap());
    drop(log);
    for at in first..second {
        // A length that grew by a turned bit is found by the checksum of the head.
        let mut turned = bytes.clone();
        turned[at] ^= 0x40;
        std::fs::write(&path, &turned).unwrap();
        let error = AlertLog::open(dir.path()).unwrap_err();
        assert!(matches!(error, Error::Damaged { at, .. } if at == first as u64), "byte {at}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), turned);
    }
}

#[test]
fn records_are_found_in_memory_and_in_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = AlertLog::open(dir.path()).unwrap();
    log.alerts(Sequence(1), (0..10).map(alert).collect()).unwrap();
    // A second file, as if the first one were full.
    log.begin_file().unwrap();
    log.alerts(Sequence(2), (10..20).map(alert).collect()).unwrap();
    let all = log.reader().after(0, usize::MAX).unwrap();
    drop(log);
    // Of the records before the last file none are in memory now.
    let log = AlertLog::open(dir.path()).unwrap();
    assert_eq!((log.last(), log.through(), log.reader().last()), (20, Sequence(2), 20));
    for (since, limit) in [(0, 100), (0, 3), (5, 10), (9, 1), (10, 100), (19, 5), (20, 5), (99, 5)] {
        let wanted: Vec<_> = all.iter().filter(|(number, _)| *number > since).take(limit).cloned().collect();
        assert_eq!(log.reader().after(since, limit).unwrap(), wanted, "{since} {limit}");
    }
    assert!(matches!(AlertLog::open(dir.path()).unwrap().acknowledge(21, "ann", TimeUs(0)), Err(Error::NoAlert(21))));
    assert!(AlertLog::open(dir.path()).unwrap().acknowledge(0, "ann", TimeUs(0)).is_err());
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = AlertLog::open(dir.path()).unwrap();
    log.alerts(Sequence(258), Vec::new()).unwrap();
    let bytes = std::fs::read(&log.path).unwrap();
    assert_eq!(&bytes[..8], b"URBALRT1");
    // A map of one: "Alerts" to a map of "through" and "alerts" (RFC 8949).
    let body = b"\xa1\x66Alerts\xa2\x67through\x19\x01\x02\x66alerts\x80";
    let sum = crc32c::crc32c(body).to_le_bytes();
    let head = [&(body.len() as u32).to_le_bytes()[..], &sum].concat();
    let frame = [&head[..], &crc32c::crc32c(&head).to_le_bytes(), body].concat();
    assert!(bytes.ends_with(&frame), "{bytes:02x?}");
    assert_eq!(check(dir.path()).unwrap(), 0);
}
