//! What is asked of every parser with any input at all. Bytes come in, nothing goes out: a body panics when a law is broken and returns when
//! the input is refused. The fuzz targets and the bounded random test of the test suite run the same bodies.

use coding_system::batch::{self, Positions, Times};
use coding_system::rslc::identity::{Form, Mint};
use coding_system::time::{Bin, Interval, Offset, TimeCell, format_iso, parse_iso};
use coding_system::{
    Adjacency, Dimension, Grid, GridCell, Key, Position, Profile, SpaceTimeCode, beidou, check_character, decode,
    geosot, h3, rslc, scheme, spatialid,
};

/// A body: any bytes.
pub type Body = fn(&[u8]);

/// Every body by the name of its target.
pub const BODIES: [(&str, Body); 12] = [
    ("beidou", beidou),
    ("geosot", geosot),
    ("rslc", rslc),
    ("h3", h3),
    ("spatialid", spatialid),
    ("reference", reference),
    ("identity", identity),
    ("time", time),
    ("space_time", space_time),
    ("any_text", any_text),
    ("key", key),
    ("position", position),
];

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// The next number of the input; zeros after its end.
fn number(data: &mut &[u8]) -> u64 {
    let (head, tail) = data.split_at(data.len().min(8));
    *data = tail;
    let mut bytes = [0; 8];
    bytes[..head.len()].copy_from_slice(head);
    u64::from_le_bytes(bytes)
}

/// What holds for a cell read from any text.
fn cell<C: GridCell>(code: &str) {
    let Ok(cell) = code.parse::<C>() else { return };
    let text = cell.text();
    assert_eq!(text.parse::<C>().as_ref(), Ok(&cell), "{code} is printed as {text}");
    let area = cell.area();
    assert!(area.south_deg() <= area.north_deg(), "{text}");
    let ((lon, lat), (anchor_lon, anchor_lat)) = (cell.centre_deg(), cell.anchor_deg());
    assert!(Position::new_2d(lon, lat).is_ok() && Position::new_2d(anchor_lon, anchor_lat).is_ok(), "{text}");
    assert!(cell.height_band().is_none_or(|band| band.low_m <= band.high_m), "{text}");
    for level in 0..=cell.level() {
        assert!(cell.parent(level).is_none_or(|parent| parent.contains(&cell)), "{text} {level}");
    }
    assert!(cell.children().take(40).all(|child| child.parent(cell.level()) == Some(cell)), "{text}");
    let near = cell.neighbours(Adjacency::Corner);
    assert!(near.iter().all(|other| !other.intersects(&cell) && other.level() == cell.level()), "{text}");
    assert!(cell.disk(1).is_err() || cell.distance(&cell) == Ok(0), "{text}");
    let _ = (cell.ring(2), cell.ring(u32::MAX));
}

/// BeiDou codes.
pub fn beidou(data: &[u8]) {
    cell::<beidou::Cell>(&text(data));
}

/// GeoSOT texts, and numbers as codes of both widths.
pub fn geosot(data: &[u8]) {
    let code = text(data);
    cell::<geosot::Cell>(&code);
    if let Ok(cell) = geosot::Cell::parse(&code) {
        assert_eq!(geosot::Cell::parse(&cell.dashed()), Ok(cell));
    }
    let mut rest = data;
    let (level, low, high) = (number(&mut rest) as u8, number(&mut rest), number(&mut rest));
    if let Ok(cell) = geosot::Cell::from_u64(low, level) {
        assert_eq!((cell.to_u64(), cell.level()), (low, level));
    }
    let wide = u128::from(high) << 64 | u128::from(low);
    if let Ok(cell) = geosot::Cell::from_u96(wide, level) {
        assert_eq!((cell.to_u96(), cell.level()), (Some(wide), level));
    }
}

/// RSLC codes.
pub fn rslc(data: &[u8]) {
    cell::<rslc::Cell>(&text(data));
}

/// H3 texts and ids.
pub fn h3(data: &[u8]) {
    cell::<h3::Cell>(&text(data));
    let mut rest = data;
    if let Ok(cell) = h3::Cell::from_u64(number(&mut rest)) {
        assert_eq!(h3::Cell::parse(&cell.text()), Ok(cell));
    }
}

/// Spatial IDs.
pub fn spatialid(data: &[u8]) {
    let code = text(data);
    cell::<spatialid::Cell>(&code);
    if let Ok(cell) = spatialid::Cell::parse(&code) {
        assert_eq!(cell.text(), code.as_str(), "one text for a voxel");
    }
}

/// BeiDou reference and short codes.
pub fn reference(data: &[u8]) {
    let code = text(data);
    if let Ok(target) = beidou::at_reference(&code) {
        let base: beidou::Cell = code.split('-').next().unwrap_or_default().parse().expect("a base that was read");
        assert_eq!(beidou::at_short(&base, &code[base.text().len() + 1..]), Ok(target));
        if let Ok(again) = beidou::reference(&base, &target) {
            assert_eq!(beidou::at_reference(&again), Ok(target));
        }
    }
    let base: beidou::Cell = "N50J475492E".parse().expect("a cell");
    let _ = beidou::at_short(&base, &code);
}

/// National spatial identity codes.
pub fn identity(data: &[u8]) {
    let code = text(data);
    for (dimension, class, sequence) in [(Dimension::Plane, 6, 4), (Dimension::Solid, 1, 19), (Dimension::Plane, 16, 1)]
    {
        let form = Form::new(dimension, class, sequence).expect("a form");
        if let Ok(identity) = form.parse(&code) {
            assert_eq!(identity.to_string(), code);
            Mint::new(form).notice(&identity);
        }
        let here = Position::new(116.3, 39.9, Some(50.0)).expect("a place");
        if let Ok(identity) = form.identity(&here, &code, data.len() as u64) {
            assert_eq!(form.parse(&identity.to_string()), Ok(identity));
        }
    }
}

/// Instants, intervals, offsets, bins and time cells.
pub fn time(data: &[u8]) {
    let code = text(data);
    if let Ok(us) = parse_iso(&code) {
        assert_eq!(parse_iso(&format_iso(us)), Ok(us));
    }
    if let Ok(interval) = code.parse::<Interval>() {
        assert_eq!(interval.to_string().parse(), Ok(interval));
    }
    let mut rest = data;
    let (bits, level) = (number(&mut rest), number(&mut rest) as u8);
    let us = bits as i64;
    if let Ok(cell) = TimeCell::from_bits(bits, level) {
        let interval = cell.interval().expect("a cell that was checked");
        assert_eq!(TimeCell::of_us(interval.start_us(), level), Ok(cell));
    }
    for bin in Bin::ALL {
        assert!(bin.of(us).contains(us) || us == i64::MAX);
        let _ = bin.interval(us);
    }
    if let Ok(text) = Offset::east(level.into()).and_then(|offset| offset.format_iso(us)) {
        assert_eq!(parse_iso(&text), Ok(us));
    }
}

/// Space-time codes, as they are and with the check character mended, so that what is behind it is reached.
pub fn space_time(data: &[u8]) {
    let code = text(data);
    let body = code.rsplit_once('*').map_or(code.as_str(), |(body, _)| body);
    for code in [code.clone(), format!("{body}*{}", check_character(body))] {
        if let Ok(read) = SpaceTimeCode::parse(&code) {
            assert_eq!(read.to_string(), code);
        }
    }
}

/// Whatever the door to all schemes reads.
pub fn any_text(data: &[u8]) {
    let code = text(data);
    let _ = scheme::recognise(&code);
    if let Ok(decoded) = decode(&code) {
        assert!(decoded.area.south_deg() <= decoded.area.north_deg());
    }
}

/// Keys from any bytes.
pub fn key(data: &[u8]) {
    let mut rest = data;
    let (a, b) = (number(&mut rest), number(&mut rest));
    let Ok(key) = Key::from_u128(u128::from(a) << 64 | u128::from(b)) else { return };
    assert_eq!(Key::from_be_bytes(key.to_be_bytes()), Ok(key));
    assert!(key.contains(key) && key.prefix_range().contains(&key.to_u128()));
    for level in 0..=key.level() {
        let parent = key.parent(level).expect("a coarser level");
        assert!(
            parent.contains(key)
                && parent.prefix_range().contains(&key.to_u128())
                && Key::from_u128(parent.to_u128()).is_ok()
        );
    }
}

/// Any three numbers as a place, with all bit patterns of floating point, through every grid and the batches.
pub fn position(data: &[u8]) {
    let mut rest = data;
    let [lon, lat, height] = [number(&mut rest), number(&mut rest), number(&mut rest)].map(f64::from_bits);
    let level = number(&mut rest) as u8;
    let mut key = [0];
    let one = [lon, lat, height];
    let columns = Positions::new_3d(&one[..1], &one[1..2], &one[2..]).expect("columns of one length");
    let batch = batch::keys_3d(&columns, Times::One(0), Profile::SpaceFirst, &mut key);
    let Ok(p) = Position::new(lon, lat, Some(height)) else {
        assert!(batch.is_err(), "{one:?}");
        return;
    };
    assert_eq!(Key::new(&p, Some(0), Profile::SpaceFirst).map(Key::to_u128), Ok(key[0]), "{one:?}");
    for dimension in [Dimension::Plane, Dimension::Solid] {
        coded(&beidou::Grid(dimension), &p, level);
        coded(&geosot::Grid(dimension), &p, level);
        coded(&rslc::Grid(dimension), &p, level);
    }
    coded(&h3::Grid, &p, level);
    coded(&spatialid::Grid { geoid_height_m: f64::from(level) }, &p, level);
    let _ = spatialid::encode(&p, height, level);
}

fn coded<G: Grid>(grid: &G, p: &Position, level: u8) {
    for level in [level, level % 36] {
        if let Ok(cell) = grid.encode(p, level) {
            assert_eq!(cell.text().parse::<G::Cell>(), Ok(cell), "{p:?}");
        }
    }
}
