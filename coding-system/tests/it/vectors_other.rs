//! H3, RSLC, Spatial ID and the time segment integer against the vectors in `tests/vectors`.

use coding_system::time::{Civil, TimeCell};
use coding_system::{Datum, GridCell, Position, h3, rslc, s2, spatialid};

use crate::vectors::rows;

#[test]
fn h3_cells() {
    for row in rows("h3.csv", 515) {
        let p = row.position_2d();
        let cell = h3::Cell::of(&p, row.number("res")).unwrap();
        assert_eq!(cell.text(), row.text("cell"));
        assert_eq!(row.text("cell").parse::<h3::Cell>().unwrap(), cell);
        assert!(cell.area().contains(&p), "{cell} {:?} {p:?}", cell.area());
    }
}

#[test]
fn s2_cells() {
    for row in rows("s2.csv", 310) {
        let p = row.position_2d();
        let cell = s2::Cell::of(&p, row.number("level")).unwrap();
        assert_eq!((cell.to_u64(), cell.text().as_str()), (row.number::<u64>("id_u64"), row.text("token")), "{p:?}");
        assert_eq!(row.text("token").parse::<s2::Cell>().unwrap(), cell);
    }
}

#[test]
fn rslc_codes() {
    for row in rows("rslc.csv", 295) {
        let p = row.position_3d();
        let level = row.number("level");
        assert_eq!(rslc::encode(&p.without_height(), level).unwrap(), row.text("code2d"), "{p:?}");
        assert_eq!(rslc::encode(&p, level).unwrap(), row.text("code3d"), "{p:?}");
        for column in ["code2d", "code3d"] {
            let cell: rslc::Cell = row.text(column).parse().unwrap();
            assert_eq!(cell.to_string(), row.text(column));
            assert_eq!(cell.level(), level);
        }
    }
}

#[test]
fn spatial_ids() {
    for row in rows("spatialid.csv", 430) {
        // The two programs take the height as it is, so the geoid height is 0 here.
        let cell = spatialid::encode(&row.position_3d(), 0.0, row.number("zoom")).unwrap();
        assert_eq!(cell.text(), row.text("zfxy"));
        assert_eq!(row.text("zfxy").parse::<spatialid::Cell>().unwrap(), cell);
    }
}

#[test]
fn the_geoid_moves_the_floor() {
    let p = Position::new(139.7, 35.7, Some(37.0)).unwrap();
    assert_eq!(spatialid::encode(&p, 36.5, 25).unwrap().numbers().0, 0);
    assert_eq!(spatialid::encode(&p, 37.5, 25).unwrap().numbers().0, -1);
}

#[test]
fn time_cells() {
    for row in rows("timecell.csv", 200) {
        let level: u8 = row.number("level");
        // Fields finer than the level are written as 0 in the file.
        let time_us = Civil {
            year: row.number("year"),
            month: row.number::<u8>("month").max(1),
            day: row.number::<u8>("day").max(1),
            hour: row.number("hour"),
            minute: row.number("minute"),
            second: row.number("second"),
            us: row.number::<u32>("ms") * 1000 + row.number::<u32>("us"),
        }
        .to_us()
        .unwrap();
        let cell = TimeCell::of_us(time_us, level).unwrap();
        assert_eq!(cell.bits(), row.number::<u64>("code63"), "level {level}");
        assert_eq!(TimeCell::from_bits(cell.bits(), level).unwrap(), cell);
        assert_eq!(cell.interval().unwrap().start_us(), time_us);
    }
}

#[test]
fn shifted_coordinates() {
    for row in rows("datum.csv", 300) {
        let p = row.position_2d();
        for (datum, lon, lat) in [(Datum::Gcj02, "gcj_lon", "gcj_lat"), (Datum::Bd09, "bd_lon", "bd_lat")] {
            let seen = p.in_datum(datum);
            let (lon, lat) = (row.number::<f64>(lon), row.number::<f64>(lat));
            // Their formulas round otherwise; a hair is 0.01 mm.
            assert!((seen.0 - lon).abs() < 1e-10 && (seen.1 - lat).abs() < 1e-10, "{datum:?} {p:?}: {seen:?}");
            let back = Position::from_datum(datum, lon, lat, None).unwrap();
            assert!((back.lon_deg() - p.lon_deg()).abs() < 1e-9 && (back.lat_deg() - p.lat_deg()).abs() < 1e-9);
        }
    }
}
