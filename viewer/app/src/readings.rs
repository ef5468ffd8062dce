//! What sensors say: the latest value of each property, a colour for it, and the legend that explains the colour.
//! A value older than the one held is ignored; a property nobody knows gets a ramp over what has been seen.

use std::collections::BTreeMap;

use serde::Serialize;
use viewer_render::rgb8;

use crate::{EntityId, palette};

/// Properties and sensors beyond these are not followed.
const MOST_PROPERTIES: usize = 64;
const MOST_SENSORS: usize = 500_000;

/// The latest word of one sensor on one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// UTC microseconds.
    pub time_us: i64,
    /// The figure, in the property's unit.
    pub value: f64,
    /// In which telling it came.
    told: u32,
}

#[derive(Debug, Clone, Default)]
struct Property {
    unit: String,
    low: f64,
    high: f64,
    latest: BTreeMap<EntityId, Reading>,
}

/// All readings, by property.
#[derive(Debug, Default)]
pub struct Readings {
    properties: BTreeMap<String, Property>,
    shown: Option<String>,
    /// How often everything has been told anew.
    telling: u32,
}

/// The ramp of one property, for the page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Legend {
    /// The property's name.
    pub property: String,
    /// Its unit as told; may be empty.
    pub unit: String,
    /// The ramp's lower end.
    pub min: f64,
    /// The ramp's upper end.
    pub max: f64,
    /// Values and their colours (`#rrggbb`), rising.
    pub stops: Vec<(f64, String)>,
    /// How many sensors have told it.
    pub count: usize,
    /// Whether sensors are coloured by it now.
    pub shown: bool,
}

type Ramp = &'static [[u8; 3]];
const HEALTH: Ramp = &[[56, 168, 110], [150, 196, 84], [240, 206, 76], [238, 140, 58], [214, 62, 60], [134, 48, 104]];
const HEAT: Ramp = &[[52, 96, 186], [90, 172, 206], [226, 226, 190], [240, 160, 72], [206, 52, 50]];
const WATER: Ramp = &[[214, 234, 240], [126, 190, 218], [52, 132, 192], [30, 74, 146]];
const PLAIN: Ramp = &[[70, 50, 128], [52, 110, 150], [42, 164, 130], [136, 206, 76], [248, 222, 56]];

fn known(property: &str) -> (Ramp, Option<[f64; 2]>) {
    let name = property.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["pm25", "pm2_5", "pm2.5"]) {
        (HEALTH, Some([0.0, 150.0]))
    } else if has(&["pm10", "no2", "o3"]) {
        (HEALTH, Some([0.0, 200.0]))
    } else if has(&["noise", "sound"]) {
        (HEALTH, Some([35.0, 85.0]))
    } else if has(&["temperature"]) {
        (HEAT, None)
    } else if has(&["water", "level", "flow", "rain"]) {
        (WATER, None)
    } else if has(&["occup", "parking", "load"]) {
        (HEALTH, None)
    } else {
        (PLAIN, None)
    }
}

fn on_ramp(ramp: Ramp, t: f64) -> [u8; 3] {
    let at = t.clamp(0.0, 1.0) * (ramp.len() - 1) as f64;
    let below = (at as usize).min(ramp.len() - 2);
    let part = at - below as f64;
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * part).round() as u8;
    std::array::from_fn(|i| mix(ramp[below][i], ramp[below + 1][i]))
}

impl Property {
    fn range(&self, fixed: Option<[f64; 2]>) -> [f64; 2] {
        fixed.unwrap_or(if self.high > self.low { [self.low, self.high] } else { [self.low - 0.5, self.low + 0.5] })
    }

    fn colour(&self, name: &str, value: f64) -> [u8; 3] {
        let (ramp, fixed) = known(name);
        let [low, high] = self.range(fixed);
        on_ramp(ramp, (value - low) / (high - low))
    }
}

impl Readings {
    /// From now on everything is told anew, as of another time perhaps: what comes holds, whatever was told before.
    pub fn begin_snapshot(&mut self) {
        self.telling += 1;
    }

    /// Everything was told: what was not told again is not measured then.
    pub fn end_snapshot(&mut self) {
        for property in self.properties.values_mut() {
            property.latest.retain(|_, reading| reading.told == self.telling);
        }
    }

    /// Takes one value; true when it changed what is known.
    pub fn take(&mut self, id: EntityId, property: &str, value: f64, unit: Option<&str>, time_us: i64) -> bool {
        if !value.is_finite() || (self.properties.len() >= MOST_PROPERTIES && !self.properties.contains_key(property)) {
            return false;
        }
        let entry = self.properties.entry(property.to_owned()).or_default();
        if entry.latest.len() >= MOST_SENSORS && !entry.latest.contains_key(&id) {
            return false;
        }
        let told = self.telling;
        if entry.latest.get(&id).is_some_and(|held| held.told == told && held.time_us > time_us) {
            return false;
        }
        let first = entry.latest.is_empty();
        entry.low = if first { value } else { entry.low.min(value) };
        entry.high = if first { value } else { entry.high.max(value) };
        if let Some(unit) = unit {
            unit.clone_into(&mut entry.unit);
        }
        entry.latest.insert(id, Reading { time_us, value, told });
        true
    }

    /// Which property colours the sensors; `None` lets each sensor show the first one it has.
    pub fn show(&mut self, property: Option<&str>) {
        self.shown = property.map(str::to_owned);
    }

    /// Forgets a sensor.
    pub fn forget(&mut self, id: &EntityId) {
        for property in self.properties.values_mut() {
            property.latest.remove(id);
        }
    }

    /// The sensor's colour, packed.
    pub fn colour(&self, id: &EntityId) -> u32 {
        let of = |name: &String, property: &Property| {
            property.latest.get(id).map(|reading| property.colour(name, reading.value))
        };
        let found = match &self.shown {
            Some(name) => self.properties.get(name).and_then(|property| of(name, property)),
            None => self.properties.iter().find_map(|(name, property)| of(name, property)),
        };
        found.map_or(palette::SILENT, |[r, g, b]| rgb8(r, g, b))
    }

    /// Every property's ramp, by name.
    pub fn legend(&self) -> Vec<Legend> {
        self.properties.iter().map(|(name, property)| property.legend(name, self.shown.as_deref())).collect()
    }
}

impl Property {
    fn legend(&self, name: &str, shown: Option<&str>) -> Legend {
        let (ramp, fixed) = known(name);
        let [min, max] = self.range(fixed);
        let steps = (ramp.len() - 1) as f64;
        let stop = |(i, [r, g, b]): (usize, &[u8; 3])| {
            (min + (max - min) * i as f64 / steps, format!("#{r:02x}{g:02x}{b:02x}"))
        };
        Legend {
            property: name.to_owned(),
            unit: self.unit.clone(),
            min,
            max,
            stops: ramp.iter().enumerate().map(stop).collect(),
            count: self.latest.len(),
            shown: shown.is_none_or(|shown| shown == name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_colours_and_an_older_one_does_not() {
        let (mut readings, id) = (Readings::default(), EntityId([3; 16]));
        assert_eq!(readings.colour(&id), palette::SILENT);
        assert!(readings.take(id, "pm25", 10.0, Some("ug/m3"), 5));
        let clean = readings.colour(&id);
        assert!(!readings.take(id, "pm25", 150.0, None, 4));
        assert_eq!(readings.colour(&id), clean);
        assert!(readings.take(id, "pm25", 150.0, None, 6));
        assert_eq!(readings.colour(&id), rgb8(134, 48, 104));
        readings.show(Some("noise"));
        assert_eq!(readings.colour(&id), palette::SILENT);
    }

    #[test]
    fn what_is_told_anew_holds_and_what_is_not_told_again_is_gone() {
        let (mut readings, id, silent) = (Readings::default(), EntityId([3; 16]), EntityId([4; 16]));
        readings.take(id, "pm25", 10.0, None, 5);
        readings.take(silent, "pm25", 10.0, None, 5);
        readings.begin_snapshot();
        assert!(readings.take(id, "pm25", 20.0, None, 3), "as of another time");
        assert!(!readings.take(id, "pm25", 30.0, None, 2), "an older one of the same telling");
        assert_ne!(readings.colour(&silent), palette::SILENT, "until everything is told, nothing is taken away");
        readings.end_snapshot();
        assert_eq!(readings.colour(&silent), palette::SILENT);
        assert_eq!(readings.legend()[0].count, 1);
        assert!(readings.take(id, "pm25", 40.0, None, 4), "and the line goes on from there");
    }

    #[test]
    fn the_legend_rises_and_agrees_with_the_colours() {
        let mut readings = Readings::default();
        for (n, value) in [2.0, 8.0, 5.0].into_iter().enumerate() {
            readings.take(EntityId([n as u8; 16]), "water_level", value, Some("m"), 1);
        }
        let legend = &readings.legend()[0];
        assert_eq!((legend.min, legend.max, legend.count, legend.unit.as_str()), (2.0, 8.0, 3, "m"));
        assert!(legend.stops.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(readings.colour(&EntityId([1; 16])), rgb8(30, 74, 146));
        assert_eq!(legend.stops.last().unwrap().1, "#1e4a92");
        assert!(!readings.take(EntityId([9; 16]), "x", f64::NAN, None, 1));
    }
}
