//! What a row of the left side reaches: its geometry and how the other one has to lie to it come in, a region goes out that
//! holds every geometry that fulfils the condition, and whether what lies in it is certain to fulfil it.

use datafusion::error::Result;
use kernel_model::Geometry;
use spatial_index::{Bounds, Circle, Faces, LonLatBox, Region, Relation, Windows};

use super::condition::Lie;
use crate::places::{faces, holding};

/// The region of a left row.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// No geometry: nothing fulfils the condition.
    Nothing,
    /// Anything may.
    Everything,
    /// What meets a box may; longitudes are plain numbers.
    Box(Windows<2>),
    /// What lies within a radius may.
    Circle(Circle),
    /// A point in the area does, and what lies inside it.
    Area(Faces),
}

impl Reach {
    /// Of the WKB of a left row; null has none.
    pub(super) fn of(wkb: Option<&[u8]>, lie: Lie) -> Self {
        let Some(wkb) = wkb else { return Self::Nothing };
        // What the kernel's own geometry cannot say (a collection, an arc) is left to the condition.
        let Ok(geometry) = Geometry::from_wkb(wkb) else { return Self::Everything };
        let Some(bounds) = bounds(&geometry) else { return Self::Everything };
        match lie {
            Lie::Meet { predicate, left_first } => holding(predicate, left_first)
                .zip(faces(&geometry))
                .map_or_else(|| Self::boxed(bounds, 0.0), |(border, faces)| Self::Area(border.of(faces))),
            Lie::WithinDegrees(degrees) => Self::boxed(bounds, degrees),
            // Measured between points: what is none is told by the function itself.
            Lie::WithinMetres(metres) if bounds.min == bounds.max => {
                Circle::new(bounds.min, metres.max(0.0) * (1.0 + 1e-9) + 0.01).map_or(Self::Everything, Self::Circle)
            }
            Lie::WithinMetres(_) => Self::Everything,
        }
    }

    fn boxed(bounds: LonLatBox, margin: f64) -> Self {
        // Rounding in the exact predicate must not lose a row at the rim.
        let margin = if margin > 0.0 { margin * 1.000_001 + 1e-9 } else { 0.0 };
        let wide = Bounds { min: bounds.min.map(|side| side - margin), max: bounds.max.map(|side| side + margin) };
        if wide.min.iter().chain(&wide.max).all(|side| side.is_finite()) {
            Self::Box(wide.as_numbers())
        } else {
            Self::Everything
        }
    }

    /// The region to look in, where it is less than everything and more than nothing.
    pub(super) fn region(&self) -> Option<&dyn Region<2>> {
        match self {
            Self::Nothing | Self::Everything => None,
            Self::Box(windows) => Some(windows),
            Self::Circle(circle) => Some(circle),
            Self::Area(faces) => Some(faces),
        }
    }

    /// Whether every point in the region fulfils the condition.
    pub(super) fn settles_points(&self) -> bool {
        matches!(self, Self::Area(_) | Self::Nothing)
    }

    /// Whether a point fulfils the condition; `None`: it may.
    pub(super) fn settle_point(&self, at: &[f64; 2]) -> Option<bool> {
        match self {
            Self::Nothing => Some(false),
            Self::Everything => None,
            Self::Area(faces) => Some(faces.holds(at)),
            other => other.region().filter(|region| !region.holds(at)).map(|_| false),
        }
    }

    /// Whether a geometry fulfils the condition of which only the box is known; `None`: it may.
    pub(super) fn settle_box(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Option<bool> {
        match (self.region()?.relate(lo, hi), self) {
            (Relation::Apart, _) => Some(false),
            (Relation::Covers, Self::Area(_)) => Some(true),
            _ => None,
        }
    }
}

/// The box around a geometry; none where it has no vertex or one that is not a number.
pub(super) fn bounds(geometry: &Geometry) -> Option<LonLatBox> {
    let region = geometry.region();
    let bounds = Bounds { min: [region.west, region.south], max: [region.east, region.north] };
    (!region.is_empty() && bounds.min.iter().chain(&bounds.max).all(|side| side.is_finite())).then_some(bounds)
}

/// Boxes of geometries on the globe; what lies elsewhere has none, and is not to be found by a tree that knows the globe.
pub(super) fn on_the_globe(bounds: &LonLatBox) -> bool {
    let sides = bounds.min.iter().zip(&bounds.max);
    sides.zip([180.0, 90.0]).all(|((lo, hi), end)| -end <= *lo && lo <= hi && *hi <= end)
}

/// Errors of what is not reachable by a bug are the engine's.
pub(super) fn failed<T>(what: std::result::Result<T, spatial_index::Error>) -> Result<T> {
    what.map_err(|error| datafusion::error::DataFusionError::External(Box::new(error)))
}
