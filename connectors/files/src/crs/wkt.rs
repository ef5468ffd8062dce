//! Well-known text of a reference system into a [`Crs`]: WKT 1 (OGC 01-009, with the spellings of ESRI) by its
//! projection's parameters, WKT 2 (ISO 19162) by the EPSG codes in it. A text that is broken, too deep or of an unknown
//! projection is refused.

use std::fmt::Write as _;

use kernel_model::HeightReference;

use super::{AxisOrder, Crs, CrsError};

const MAX_DEPTH: usize = 16;
const MAX_BYTES: usize = 1 << 16;

pub(super) fn read(text: &str, order: AxisOrder) -> Result<Crs, CrsError> {
    let text = text.trim_matches(['\0', ' ', '\n', '\r', '\t']);
    if text.len() > MAX_BYTES {
        return Err(CrsError::Wkt("longer than 64 KiB".to_owned()));
    }
    let mut parser = Parser { rest: text };
    let root = parser.node(0).ok_or_else(|| CrsError::Wkt(format!("broken near `{}`", start_of(parser.rest))))?;
    system(&root, order)
}

fn start_of(text: &str) -> String {
    text.chars().take(24).collect()
}

fn system(node: &Node, order: AxisOrder) -> Result<Crs, CrsError> {
    match node.keyword.as_str() {
        "COMPD_CS" | "COMPOUNDCRS" => {
            let mut parts = node.children();
            let horizontal = parts.next().ok_or_else(|| CrsError::Wkt("a compound without parts".to_owned()))?;
            let mut crs = system(horizontal, order)?;
            if let Some(vertical) = parts.next() {
                let unit = vertical.child(&["UNIT", "LENGTHUNIT"]).and_then(|u| u.number(1));
                crs.metres_per_height_unit = unit;
                crs.height = match vertical.epsg() {
                    Some(code) => HeightReference::Vertical(format!("EPSG:{code}")),
                    None => HeightReference::Unknown,
                };
                if let HeightReference::Vertical(code) = &crs.height {
                    crs.name = format!("{}+{}", crs.name, code.trim_start_matches("EPSG:"));
                }
            }
            Ok(crs)
        }
        "PROJCS" => match node.epsg() {
            Some(code) => Crs::from_epsg(code, None, order).or_else(|_| projected(node)),
            None => projected(node),
        },
        "GEOGCS" => {
            let ellipsoid = datum(node)?;
            Crs::from_proj(&node.name(), &format!("+proj=longlat {ellipsoid}"), Some(1.0))
        }
        "GEOCCS" => {
            let ellipsoid = datum(node)?;
            Crs::from_proj("geocentric WGS 84", &format!("+proj=geocent {ellipsoid} +units=m"), Some(1.0))
        }
        "PROJCRS" | "GEOGCRS" | "GEODCRS" => match node.epsg() {
            Some(code) => Crs::from_epsg(code, None, order),
            None => Err(CrsError::Wkt(format!("{} without an EPSG code", node.keyword))),
        },
        other => Err(CrsError::Wkt(format!("`{other}` is no reference system"))),
    }
}

fn projected(node: &Node) -> Result<Crs, CrsError> {
    let missing = |what: &str| CrsError::Wkt(format!("{} has no {what}", node.name()));
    let geographic = node.child(&["GEOGCS"]).ok_or_else(|| missing("GEOGCS"))?;
    let ellipsoid = datum(geographic)?;
    if geographic.child(&["PRIMEM"]).and_then(|p| p.number(1)).is_some_and(|lon| lon != 0.0) {
        return Err(CrsError::Wkt("a prime meridian other than Greenwich".to_owned()));
    }
    let metres = node.child(&["UNIT"]).and_then(|u| u.number(1)).ok_or_else(|| missing("UNIT"))?;
    let projection = node.child(&["PROJECTION"]).map(Node::name).ok_or_else(|| missing("PROJECTION"))?;
    let parameter = |names: &[&str]| {
        let of = |p: &&Node| names.iter().any(|name| p.name().eq_ignore_ascii_case(name));
        node.children().filter(|c| c.keyword == "PARAMETER").find(of).and_then(|p| p.number(1))
    };
    let mut proj = match projection.to_ascii_lowercase().as_str() {
        "transverse_mercator" | "gauss_kruger" => "+proj=tmerc".to_owned(),
        "lambert_conformal_conic_2sp" | "lambert_conformal_conic" | "lambert_conformal_conic_1sp" => {
            "+proj=lcc".to_owned()
        }
        "oblique_stereographic" | "double_stereographic" => "+proj=sterea".to_owned(),
        "albers_conic_equal_area" | "albers" => "+proj=aea".to_owned(),
        "cassini_soldner" | "cassini" => "+proj=cass".to_owned(),
        other => return Err(CrsError::Wkt(format!("projection {other} is not read from WKT"))),
    };
    let latitude = parameter(&["latitude_of_origin", "latitude_of_center"]);
    let fields = [
        ("lat_0", latitude),
        ("lon_0", parameter(&["central_meridian", "longitude_of_center"])),
        ("lat_1", parameter(&["standard_parallel_1"]).or(latitude)),
        ("lat_2", parameter(&["standard_parallel_2"])),
        ("k", parameter(&["scale_factor"])),
        ("x_0", parameter(&["false_easting"]).map(|v| v * metres)),
        ("y_0", parameter(&["false_northing"]).map(|v| v * metres)),
        ("to_meter", Some(metres)),
    ];
    for (key, value) in fields {
        if let Some(value) = value {
            let _ = write!(proj, " +{key}={value}");
        }
    }
    let heights = ((metres - 1.0).abs() < 1e-9).then_some(1.0);
    Crs::from_proj(&node.name(), &format!("{proj} {ellipsoid}"), heights)
}

/// The ellipsoid and the shift as proj parameters. Without `TOWGS84` only the ellipsoids of today's global and
/// continental datums pass (GRS 1980, WGS 84): theirs are WGS 84 within about 2 m.
fn datum(geographic: &Node) -> Result<String, CrsError> {
    let missing = |what: &str| CrsError::Wkt(format!("{} has no {what}", geographic.name()));
    let datum = geographic.child(&["DATUM"]).ok_or_else(|| missing("DATUM"))?;
    let spheroid = datum.child(&["SPHEROID", "ELLIPSOID"]).ok_or_else(|| missing("SPHEROID"))?;
    let (Some(a), Some(rf)) = (spheroid.number(1), spheroid.number(2)) else {
        return Err(missing("axis or flattening"));
    };
    if let Some(shift) = datum.child(&["TOWGS84"]) {
        let values: Vec<String> = (0..7).filter_map(|i| shift.number(i)).map(|v| v.to_string()).collect();
        return Ok(format!("+a={a} +rf={rf} +towgs84={}", values.join(",")));
    }
    // GRS 1980 has 298.257222101, WGS 84 has 298.257223563: a tenth of a millimetre apart.
    let modern = (a - 6_378_137.0).abs() < 0.01 && (rf - 298.257_222).abs() < 0.000_01;
    if modern {
        Ok("+ellps=GRS80".to_owned())
    } else {
        Err(CrsError::Datum { name: geographic.name(), why: format!("datum {} without TOWGS84", datum.name()) })
    }
}

/// `KEYWORD["name",1,CHILD[...]]`
#[derive(Debug)]
struct Node {
    keyword: String,
    values: Vec<Value>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(f64),
    Word,
    Node(Node),
}

impl Node {
    fn name(&self) -> String {
        match self.values.first() {
            Some(Value::Text(name)) => name.clone(),
            _ => self.keyword.clone(),
        }
    }

    fn number(&self, at: usize) -> Option<f64> {
        match self.values.get(at)? {
            Value::Number(n) => Some(*n),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        self.values.iter().filter_map(|v| if let Value::Node(node) = v { Some(node) } else { None })
    }

    fn child(&self, keywords: &[&str]) -> Option<&Node> {
        self.children().find(|c| keywords.contains(&c.keyword.as_str()))
    }

    fn epsg(&self) -> Option<u32> {
        let id = self.child(&["AUTHORITY", "ID"])?;
        (id.name() == "EPSG").then(|| id.number(1)).flatten().map(|code| code as u32)
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn skip(&mut self, wanted: &[char]) -> Option<char> {
        self.rest = self.rest.trim_start();
        let c = self.rest.chars().next().filter(|c| wanted.contains(c))?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| "[](),\"".contains(c) || c.is_whitespace()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_ascii_uppercase())
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        let keyword = self.word()?;
        self.skip(&['[', '('])?;
        self.body(keyword, depth)
    }

    fn body(&mut self, keyword: String, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value(depth)?);
            match self.skip(&[',', ']', ')'])? {
                ',' => {}
                _ => return Some(Node { keyword, values }),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if self.skip(&['"']).is_some() {
            let (text, rest) = self.rest.split_once('"')?;
            self.rest = rest;
            return Some(Value::Text(text.to_owned()));
        }
        let word = self.word()?;
        if self.skip(&['[', '(']).is_some() {
            return self.body(word, depth + 1).map(Value::Node);
        }
        Some(word.parse().map_or(Value::Word, Value::Number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEET: &str = r#"PROJCS["NAD83 Nebraska ft",GEOGCS["NAD83(2011)",DATUM["NAD83_2011",
        SPHEROID["GRS_1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],
        PROJECTION["Lambert_Conformal_Conic"],PARAMETER["standard_parallel_1",40],PARAMETER["standard_parallel_2",43],
        PARAMETER["central_meridian",-100],PARAMETER["latitude_of_origin",39.8333333],
        PARAMETER["false_easting",1640416.666666667],PARAMETER["false_northing",0],UNIT["Foot_US",0.3048006096]]"#;

    #[test]
    fn a_projection_in_feet_is_read_by_its_parameters() {
        let crs = read(FEET, AxisOrder::LonLat).unwrap();
        let x_0: f64 = crate::crs::parameter(&crs.proj, "x_0").unwrap().parse().unwrap();
        assert!((x_0 - 500_000.0).abs() < 1e-4, "{}", crs.proj);
        assert_eq!(crs.metres_per_height_unit, None, "nothing says what the heights' unit is");
        let with_height = format!(
            r#"COMPD_CS["both",{FEET},VERT_CS["NAVD88 (ftUS)",VERT_DATUM["NAVD88",2005],
            UNIT["US survey foot",0.3048006096],AXIS["Up",UP],AUTHORITY["EPSG","6360"]]]"#
        );
        let crs = read(&with_height, AxisOrder::LonLat).unwrap();
        assert_eq!(crs.height, HeightReference::Vertical("EPSG:6360".to_owned()));
        assert!((crs.metres_per_height_unit.unwrap() - 0.3048).abs() < 1e-5);
    }

    #[test]
    fn broken_texts_are_refused() {
        let deep = format!("{}1{}", "A[".repeat(2000), "]".repeat(2000));
        for text in ["", "PROJCS", "PROJCS[", "PROJCS[\"x", "PROJCS[\"x\",]", "LOCAL_CS[\"x\"]", &FEET[..200], &deep] {
            assert!(read(text, AxisOrder::LonLat).is_err(), "{text}");
        }
        let bessel = FEET.replace("298.257222101", "299.1528128").replace("6378137", "6377397.155");
        assert!(matches!(read(&bessel, AxisOrder::LonLat), Err(CrsError::Datum { .. })));
    }
}
