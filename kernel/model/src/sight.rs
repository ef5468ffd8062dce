//! What somebody may see, in plain words. Whoever decides gives a judge of traits; whoever reads the city asks it of each thing,
//! once for each set of traits. Nothing here knows who asks, or why a thing is hidden.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kind::Kind;

/// Sets of traits of which an answer is kept; beyond that all are asked anew.
const KEPT: usize = 100_000;
/// In place of the names of properties.
const ALL: &str = "*";
/// A thing that says nothing of its grade is public.
const PUBLIC: u8 = 0;
/// A grade that cannot be read is the greatest.
const GREATEST: u8 = 9;

/// What a thing is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Traits {
    /// The sort of thing.
    pub kind: Kind,
    /// Its finer word.
    pub class: String,
    /// Who told of it.
    pub dataset: String,
    /// How far it is secret, 0 (public) to 9: its property `grade`.
    pub grade: u8,
    /// The district in which it is, empty where it is in none; nothing where it has no place of its own.
    pub district: Option<Arc<str>>,
}

/// How a thing is seen by somebody who may see it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// Places are the centres of their `BeiDou` cells of this level, without heights; `None`: exact.
    pub cell_level: Option<u8>,
    /// Properties that are not told, sorted: keys of what a source says, `name`, and what is measured at the thing; `*` is all of them.
    pub hidden: Vec<String>,
}

impl View {
    /// Whether everything is told as it is.
    pub fn is_exact(&self) -> bool {
        self.cell_level.is_none() && self.hidden.is_empty()
    }

    /// Whether a property is not told.
    pub fn hides(&self, property: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden == property || hidden == ALL)
    }
}

/// A part of the city with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct District {
    /// Its name.
    pub name: Arc<str>,
    /// Its outline, longitude and latitude in degrees; the last corner is joined to the first.
    pub outline: Vec<[f64; 2]>,
}

impl District {
    /// Whether a place lies in it (even-odd rule; of its border either may be said).
    pub fn holds(&self, lon_deg: f64, lat_deg: f64) -> bool {
        let ends = self.outline.iter().zip(self.outline.iter().cycle().skip(1));
        let crossings = ends.filter(|(a, b)| {
            (a[1] > lat_deg) != (b[1] > lat_deg) && lon_deg < a[0] + (lat_deg - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        });
        crossings.count() % 2 == 1
    }
}

/// How the places of what is seen are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// As they are, of everything: no view has a cell level, and an index may be asked for them.
    Exact,
    /// Of some things as cells.
    Cells,
}

type Judge = dyn Fn(&Traits) -> Option<View> + Send + Sync;

struct Judged {
    districts: Arc<[District]>,
    judge: Box<Judge>,
    places: Places,
    kept: Mutex<HashMap<Traits, Option<Arc<View>>>>,
}

/// What somebody may see. Cheap to clone; the default is everything.
#[derive(Clone, Default)]
pub struct Sight(Option<Arc<Judged>>);

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_whole() { "Sight(whole)" } else { "Sight(..)" })
    }
}

impl Sight {
    /// Everything, as it is.
    pub const WHOLE: Self = Self(None);

    /// What a judge says: `None` of what is not seen at all. Of the same traits it must always say the same.
    pub fn new(
        districts: Arc<[District]>,
        places: Places,
        judge: impl Fn(&Traits) -> Option<View> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(Judged { districts, judge: Box::new(judge), places, kept: Mutex::default() })))
    }

    /// How places are told.
    pub fn places(&self) -> Places {
        self.0.as_ref().map_or(Places::Exact, |judged| judged.places)
    }

    /// Whether it is everything, as it is.
    pub fn is_whole(&self) -> bool {
        self.0.is_none()
    }

    /// How a thing with these traits is seen.
    pub fn of(&self, traits: &Traits) -> Option<Arc<View>> {
        let Some(judged) = &self.0 else { return Some(Arc::default()) };
        let mut kept = judged.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(traits) {
            return known.clone();
        }
        let view = (judged.judge)(traits).map(Arc::new);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(traits.clone(), view.clone());
        view
    }

    /// The district of a place: the first that holds it, or the empty name.
    pub fn district(&self, lon_deg: f64, lat_deg: f64) -> Arc<str> {
        let held = self.0.iter().flat_map(|judged| judged.districts.iter()).find(|held| held.holds(lon_deg, lat_deg));
        held.map_or_else(|| Arc::from(""), |district| district.name.clone())
    }
}

/// The grade that the properties of a thing say, which are a JSON object: a whole number from 0 to 9. What is no such number is
/// taken for the greatest.
pub fn grade_of(properties: &str) -> u8 {
    // Parsing every description would cost more than all else that is asked of it.
    if !properties.contains("\"grade\"") {
        return PUBLIC;
    }
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(properties) {
        Ok(all) => match all.get("grade") {
            None => PUBLIC,
            Some(grade) => {
                grade.as_u64().filter(|grade| *grade <= GREATEST.into()).map_or(GREATEST, |grade| grade as u8)
            }
        },
        Err(_) => GREATEST,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_judge_is_asked_once_of_the_same_traits() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let sight = Sight::new(Arc::from([]), Places::Exact, move |traits| {
            count.fetch_add(1, Ordering::Relaxed);
            (traits.grade < 3).then(View::default)
        });
        let with = |grade| Traits {
            kind: Kind::Building,
            class: String::new(),
            dataset: "a".to_owned(),
            grade,
            district: None,
        };
        for _ in 0..3 {
            assert!(sight.of(&with(2)).is_some() && sight.of(&with(3)).is_none());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(Sight::WHOLE.of(&with(9)).unwrap().is_exact());
    }

    #[test]
    fn a_grade_that_cannot_be_read_is_the_greatest() {
        for (properties, grade) in [
            ("{}", 0),
            (r#"{"grade":4}"#, 4),
            (r#"{"grade":0,"a":{"grade":7}}"#, 0),
            (r#"{"a":{"grade":7}}"#, 0),
            (r#"{"grade":"secret"}"#, 9),
            (r#"{"grade":-1}"#, 9),
            (r#"{"grade":12}"#, 9),
            (r#"{"grade""#, 9),
        ] {
            assert_eq!(grade_of(properties), grade, "{properties}");
        }
    }

    #[test]
    fn a_place_is_in_the_first_district_that_holds_it() {
        let square = |name: &str, west: f64| District {
            name: Arc::from(name),
            outline: vec![[west, 0.0], [west + 2.0, 0.0], [west + 2.0, 2.0], [west, 2.0]],
        };
        let sight = Sight::new(Arc::from([square("a", 0.0), square("b", 1.0)]), Places::Exact, |_| None);
        for (lon, name) in [(0.5, "a"), (1.5, "a"), (2.5, "b"), (3.5, "")] {
            assert_eq!(&*sight.district(lon, 1.0), name, "{lon}");
        }
    }
}
