//! Readings and fixes as somebody sees them, row by row. A row's thing or datastream and its own place come in; how it is told
//! goes out, or nothing. What was found once is remembered as long as the eye is.

use std::collections::HashMap;
use std::sync::Arc;

use kernel_model::{DatastreamId, EntityId, Traits, View};

use super::Seen;

/// Things that are remembered at most.
const REMEMBERED: usize = 1 << 20;

/// A thing, and the district of its row.
type Seat = (EntityId, Option<Arc<str>>);

/// Looks at rows for one question.
#[derive(Debug)]
pub struct Eye {
    seen: Arc<Seen>,
    traits: HashMap<EntityId, Option<Traits>>,
    views: HashMap<Seat, Option<Arc<View>>>,
}

impl Eye {
    pub(crate) fn new(seen: Arc<Seen>) -> Self {
        Self { seen, traits: HashMap::new(), views: HashMap::new() }
    }

    /// How a thing is told.
    pub fn thing(&mut self, thing: &EntityId) -> Option<Arc<View>> {
        self.of(thing, None)
    }

    /// How a fix of a thing is told, longitude and latitude in degrees.
    pub fn fix(&mut self, thing: &EntityId, lon_lat_deg: [f64; 2]) -> Option<Arc<View>> {
        self.of(thing, Some(lon_lat_deg))
    }

    /// How a reading of a datastream is told; its own place, where it says one.
    pub fn reading(&mut self, datastream: DatastreamId, lon_lat_deg: Option<[f64; 2]>) -> Option<Arc<View>> {
        let thing = *self.seen.streams.get(&datastream)?;
        self.of(&thing, lon_lat_deg)
    }

    fn of(&mut self, thing: &EntityId, place: Option<[f64; 2]>) -> Option<Arc<View>> {
        if self.traits.len() > REMEMBERED || self.views.len() > REMEMBERED {
            self.traits.clear();
            self.views.clear();
        }
        let seen = &self.seen;
        let traits = self.traits.entry(*thing).or_insert_with(|| seen.things.traits(thing, &seen.sight)).as_ref()?;
        let district = match place {
            Some([lon, lat]) => Some(seen.sight.district(lon, lat)),
            None => traits.district.clone(),
        };
        let judge = || seen.sight.of(&Traits { district: district.clone(), ..traits.clone() });
        self.views.entry((*thing, district.clone())).or_insert_with(judge).clone()
    }
}
