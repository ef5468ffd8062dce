//! Units of UCUM that city sensors send, as factors and offsets to one unit of their kind. Factors are those of UCUM 2.1,
//! exact where it gives exact ones. What is not here is not converted.

/// value in this unit * factor + offset = value in the kind's base unit.
struct Unit {
    ucum: &'static str,
    kind: u8,
    factor: f64,
    offset: f64,
}

const fn unit(ucum: &'static str, kind: u8, factor: f64) -> Unit {
    Unit { ucum, kind, factor, offset: 0.0 }
}

const TEMPERATURE: u8 = 0;
const LENGTH: u8 = 1;
const PRESSURE: u8 = 2;
const SPEED: u8 = 3;
const CONCENTRATION: u8 = 4;
const POWER: u8 = 5;
const ENERGY: u8 = 6;
const RATIO: u8 = 7;
const MASS: u8 = 8;
const VOLUME: u8 = 9;
const TIME: u8 = 10;
const ANGLE: u8 = 11;
const FLOW: u8 = 12;

const UNITS: [Unit; 54] = [
    unit("K", TEMPERATURE, 1.0),
    Unit { ucum: "Cel", kind: TEMPERATURE, factor: 1.0, offset: 273.15 },
    Unit { ucum: "[degF]", kind: TEMPERATURE, factor: 5.0 / 9.0, offset: 459.67 * 5.0 / 9.0 },
    unit("m", LENGTH, 1.0),
    unit("km", LENGTH, 1e3),
    unit("dm", LENGTH, 0.1),
    unit("cm", LENGTH, 0.01),
    unit("mm", LENGTH, 1e-3),
    unit("[in_i]", LENGTH, 0.0254),
    unit("[ft_i]", LENGTH, 0.3048),
    unit("[mi_i]", LENGTH, 1_609.344),
    unit("Pa", PRESSURE, 1.0),
    unit("hPa", PRESSURE, 100.0),
    unit("kPa", PRESSURE, 1e3),
    unit("mbar", PRESSURE, 100.0),
    unit("bar", PRESSURE, 1e5),
    unit("atm", PRESSURE, 101_325.0),
    unit("m/s", SPEED, 1.0),
    unit("km/h", SPEED, 1.0 / 3.6),
    unit("[kn_i]", SPEED, 1_852.0 / 3_600.0),
    unit("[mi_i]/h", SPEED, 0.447_04),
    unit("ug/m3", CONCENTRATION, 1.0),
    unit("mg/m3", CONCENTRATION, 1e3),
    unit("g/m3", CONCENTRATION, 1e6),
    unit("W", POWER, 1.0),
    unit("mW", POWER, 1e-3),
    unit("kW", POWER, 1e3),
    unit("MW", POWER, 1e6),
    unit("J", ENERGY, 1.0),
    unit("kJ", ENERGY, 1e3),
    unit("MJ", ENERGY, 1e6),
    unit("W.h", ENERGY, 3.6e3),
    unit("kW.h", ENERGY, 3.6e6),
    unit("MW.h", ENERGY, 3.6e9),
    unit("1", RATIO, 1.0),
    unit("%", RATIO, 0.01),
    unit("[ppth]", RATIO, 1e-3),
    unit("[ppm]", RATIO, 1e-6),
    unit("[ppb]", RATIO, 1e-9),
    unit("kg", MASS, 1.0),
    unit("g", MASS, 1e-3),
    unit("t", MASS, 1e3),
    unit("m3", VOLUME, 1.0),
    unit("L", VOLUME, 1e-3),
    unit("mL", VOLUME, 1e-6),
    unit("s", TIME, 1.0),
    unit("ms", TIME, 1e-3),
    unit("min", TIME, 60.0),
    unit("h", TIME, 3.6e3),
    unit("d", TIME, 86.4e3),
    unit("rad", ANGLE, 1.0),
    unit("deg", ANGLE, std::f64::consts::PI / 180.0),
    unit("m3/s", FLOW, 1.0),
    unit("L/s", FLOW, 1e-3),
];

/// value * factor + offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Conversion {
    factor: f64,
    offset: f64,
}

impl Conversion {
    pub(super) fn of(self, value: f64) -> f64 {
        value * self.factor + self.offset
    }
}

fn find(ucum: &str) -> Option<&'static Unit> {
    UNITS.iter().find(|unit| unit.ucum == ucum)
}

pub(super) fn is_known(ucum: &str) -> bool {
    find(ucum).is_some()
}

pub(super) fn known() -> String {
    UNITS.iter().map(|unit| unit.ucum).collect::<Vec<_>>().join(", ")
}

/// From one unit to another of the same kind.
pub(super) fn conversion(from: &str, to: &str) -> Option<Conversion> {
    let (from, to) = (find(from)?, find(to)?);
    let (factor, offset) = (from.factor / to.factor, (from.offset - to.offset) / to.factor);
    (from.kind == to.kind).then_some(Conversion { factor, offset })
}
