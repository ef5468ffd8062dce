//! BeiDou and GeoSOT against the vectors in `tests/vectors` (the first line of each file names its source).

use coding_system::{GridCell, Position, beidou, geosot, quantum::UNITS_PER_DEGREE};

/// One row by column name.
pub(crate) struct Row(std::collections::BTreeMap<String, String>);

impl Row {
    pub(crate) fn text(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column}"))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, column: &str) -> T {
        self.text(column).parse().unwrap_or_else(|_| panic!("{column} is '{}'", self.text(column)))
    }

    pub(crate) fn position_2d(&self) -> Position {
        Position::new_2d(self.number("lon"), self.number("lat")).unwrap()
    }

    pub(crate) fn position_3d(&self) -> Position {
        Position::new(self.number("lon"), self.number("lat"), Some(self.number("height"))).unwrap()
    }
}

/// All rows of a vector file; at least `least`, so that an emptied file fails.
pub(crate) fn rows(file: &str, least: usize) -> Vec<Row> {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let rows: Vec<Row> = reader
        .records()
        .map(|r| Row(names.iter().map(str::to_owned).zip(r.unwrap().iter().map(str::to_owned)).collect()))
        .collect();
    assert!(rows.len() >= least, "{file} has only {} rows", rows.len());
    rows
}

/// The mapped position of a decoded cell must hold the position it was coded from.
fn assert_holds(area: &coding_system::LonLatBox, p: &Position, code: &str) {
    // One unit in the last place of the division: an anchor is units/U and the position was floored after a rounded product.
    let slack = 1e-13;
    let near = Position::new_2d(p.lon_deg(), p.lat_deg()).unwrap();
    let wider = coding_system::LonLatBox::new(
        (area.west_deg() - slack).max(-180.0),
        (area.south_deg() - slack).max(-90.0),
        (area.east_deg() + slack).min(180.0),
        (area.north_deg() + slack).min(90.0),
    );
    assert!(wider.unwrap().contains(&near), "{code} {area:?} does not hold {p:?}");
}

#[test]
fn beidou_2d() {
    for row in rows("beidou2d.csv", 430) {
        let (p, level, code) = (row.position_2d(), row.number("level"), row.text("code"));
        assert_eq!(beidou::encode_2d(&p, level).unwrap(), code);
        let cell: beidou::Cell = code.parse().unwrap();
        assert_eq!((cell.level(), cell.to_string().as_str()), (level, code));
        assert_holds(&cell.area(), &p, code);
    }
}

#[test]
fn beidou_3d() {
    for row in rows("beidou3d.csv", 360) {
        let (p, level, code) = (row.position_3d(), row.number("level"), row.text("code_mixed_trunc"));
        assert_eq!(beidou::encode_3d(&p, level).unwrap(), code, "{p:?}");
        let cell: beidou::Cell = code.parse().unwrap();
        assert_eq!((cell.level(), cell.to_string().as_str()), (level, code));
        assert_holds(&cell.area(), &p, code);
        let band = cell.height_band().unwrap();
        let height_m = p.height_m().unwrap();
        assert!(
            height_m >= band.low_m - 1e-9 * height_m.abs() && height_m <= band.high_m + 1e-9 * height_m.abs(),
            "{code} {band:?}"
        );
    }
}

#[test]
fn beidou_polar_caps() {
    for row in rows("beidou_polar_l2.csv", 105) {
        let (p, code) = (row.position_2d(), row.text("code_level2"));
        assert_eq!(beidou::encode_2d(&p, 2).unwrap(), code, "{p:?}");
        assert_eq!(beidou::encode_2d(&p, 1).unwrap(), code[..4]);
        assert!(matches!(beidou::encode_2d(&p, 3), Err(coding_system::Error::PolarDetail)));
        let cell: beidou::Cell = code.parse().unwrap();
        assert_eq!(cell.to_string(), code);
        assert!(cell.area().contains(&p), "{code} {:?} {p:?}", cell.area());
    }
}

#[test]
fn geosot_2d() {
    for row in rows("geosot2d.csv", 580) {
        let (p, level, code) = (row.position_2d(), row.number("level"), row.text("code"));
        let cell = geosot::Cell::of(&p, level).unwrap();
        assert_eq!(cell.text(), code);
        assert_eq!(cell.dashed(), row.text("code_dashed"));
        assert_eq!(cell.to_u64(), row.number::<u64>("u64_left_aligned"));
        assert_eq!(geosot::Cell::parse(code).unwrap(), cell);
        assert_eq!(geosot::Cell::parse(row.text("code_dashed")).unwrap(), cell);
        assert_eq!(geosot::Cell::from_u64(cell.to_u64(), level).unwrap(), cell);
        assert_holds(&cell.area(), &p, code);
    }
}

/// Degrees, minutes and seconds such as `42°28′40.44″ N` as exact hundredths of a second and the sign.
fn dms(text: &str) -> (bool, u64) {
    let cut: Vec<&str> = text.split(['°', '′', '″']).collect();
    let (second, hundredths) = cut[2].split_once('.').unwrap();
    let hundredths: u64 = format!("{hundredths:0<2}").parse().unwrap();
    let whole = |t: &str| t.parse::<u64>().unwrap();
    let negative = matches!(cut[3].trim(), "W" | "S");
    (negative, (whole(cut[0]) * 3600 + whole(cut[1]) * 60 + whole(second)) * 100 + hundredths)
}

/// The middle of the 1/2048 second that exact hundredths of a second fall in, degrees.
fn degrees_of((negative, hundredths): (bool, u64)) -> f64 {
    let units = hundredths * 2048 / 100;
    let deg = (units as f64 + 0.5) / f64::from(UNITS_PER_DEGREE);
    if negative { -deg } else { deg }
}

#[test]
fn geosot_2d_from_degrees_minutes_seconds() {
    for row in rows("geosot2d_dms.csv", 315) {
        let p = Position::new_2d(degrees_of(dms(row.text("lon_dms"))), degrees_of(dms(row.text("lat_dms")))).unwrap();
        let cell = geosot::Cell::of(&p, row.number("level")).unwrap();
        // The file writes level 32 without dashes and the others with them.
        let text = if row.text("code").contains('-') { cell.dashed() } else { cell.text() };
        assert_eq!(text, row.text("code"), "{} {}", row.text("lon_dms"), row.text("lat_dms"));
    }
}

#[test]
fn geosot_3d() {
    for row in rows("geosot3d.csv", 580) {
        let (p, level, code) = (row.position_3d(), row.number("level"), row.text("code_gz"));
        let cell = geosot::Cell::of(&p, level).unwrap();
        assert_eq!(cell.text(), code, "{p:?}");
        assert_eq!(geosot::Cell::parse(code).unwrap(), cell);
        assert_eq!(geosot::Cell::parse(&cell.dashed()).unwrap(), cell);
        assert_eq!(geosot::Cell::from_u96(cell.to_u96().unwrap(), level).unwrap(), cell);
        assert_holds(&cell.area(), &p, code);
    }
}

#[test]
fn geosot_heights() {
    for row in rows("geosot_height.csv", 310) {
        assert_eq!(geosot::height_layer(row.number("height")), row.number::<u32>("z_u32"), "{} m", row.text("height"));
    }
}
