//! Polygons as OGC Simple Features has them: a face is what lies in its outer ring and in none of its holes, a place is in
//! several faces where it is in any. Rings come in; points and boxes are located, with the border or without it.

use crate::{
    area::{Area, Location},
    bounds::LonLatBox,
    error::Error,
    region::{Region, Relation},
};

/// One polygon or many, which may overlap or touch (a building's walls and roofs, a district and its exclaves).
#[derive(Debug, Clone, PartialEq)]
pub struct Faces {
    each: Vec<Face>,
    bounds: LonLatBox,
    with_border: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Face {
    outer: Area,
    holes: Vec<Area>,
}

impl Faces {
    /// From polygons: of each its outer ring and then its holes, closed or not, in any direction. The border belongs to it.
    ///
    /// # Errors
    /// As [`Area::new`]; also where there is no polygon.
    pub fn new<R: AsRef<[[f64; 2]]>>(polygons: &[Vec<R>]) -> Result<Self, Error> {
        let none = Error::Shape { shape: "area", what: "it has no polygon; give one" };
        let mut faces = Vec::with_capacity(polygons.len());
        for rings in polygons {
            let mut areas = rings.iter().map(|ring| Area::new(std::slice::from_ref(ring)));
            let outer = areas.next().ok_or(none.clone())??;
            faces.push(Face { outer, holes: areas.collect::<Result<_, _>>()? });
        }
        let boxes = faces.iter().map(|face| face.outer.bounds());
        let bounds = boxes.reduce(|a, b| LonLatBox {
            min: [a.min[0].min(b.min[0]), a.min[1].min(b.min[1])],
            max: [a.max[0].max(b.max[0]), a.max[1].max(b.max[1])],
        });
        Ok(Self { each: faces, bounds: bounds.ok_or(none)?, with_border: true })
    }

    /// The same without its border.
    #[must_use]
    pub fn without_border(self) -> Self {
        Self { with_border: false, ..self }
    }

    /// Bytes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let area = |area: &Area| size_of::<Area>() + area.memory_bytes();
        self.each.iter().map(|face| area(&face.outer) + face.holes.iter().map(area).sum::<usize>()).sum()
    }

    /// Where a point lies; on the border of one face and inside another it is inside.
    pub fn locate(&self, at: &[f64; 2]) -> Location {
        let mut location = Location::Outside;
        for face in &self.each {
            location = location.max(face.locate(at));
            if location == Location::Inside {
                break;
            }
        }
        location
    }
}

impl Face {
    fn locate(&self, at: &[f64; 2]) -> Location {
        let mut location = self.outer.locate(at);
        for hole in &self.holes {
            if location == Location::Outside {
                break;
            }
            location = match hole.locate(at) {
                Location::Outside => location,
                Location::Border => Location::Border,
                Location::Inside => Location::Outside,
            };
        }
        location
    }

    /// Covers: no edge touches the box, which lies inside.
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        let mut relation = self.outer.relate(lo, hi);
        for hole in &self.holes {
            if relation == Relation::Apart {
                break;
            }
            relation = match hole.relate(lo, hi) {
                Relation::Apart => relation,
                Relation::Meets => Relation::Meets,
                Relation::Covers => Relation::Apart,
            };
        }
        relation
    }
}

impl Region<2> for Faces {
    fn relate(&self, lo: &[f64; 2], hi: &[f64; 2]) -> Relation {
        let mut relation = Relation::Apart;
        for face in &self.each {
            match face.relate(lo, hi) {
                Relation::Covers => return Relation::Covers,
                Relation::Meets => relation = Relation::Meets,
                Relation::Apart => {}
            }
        }
        relation
    }

    fn holds(&self, at: &[f64; 2]) -> bool {
        match self.locate(at) {
            Location::Outside => false,
            Location::Border => self.with_border,
            Location::Inside => true,
        }
    }

    fn bounds(&self) -> LonLatBox {
        self.bounds
    }
}

#[cfg(test)]
mod tests {
    use geo::{Contains, Intersects, LineString, MultiPolygon, Polygon};
    use proptest::prelude::*;

    use super::*;

    /// A box of lattice steps with a smaller one as its hole, where there is room.
    fn face(at: (i32, i32), size: (i32, i32)) -> Vec<Vec<[f64; 2]>> {
        let ring = |x: i32, y: i32, w: i32, h: i32| {
            [(x, y), (x + w, y), (x + w, y + h), (x, y + h)].map(|(x, y)| [f64::from(x), f64::from(y)]).to_vec()
        };
        let outer = ring(at.0, at.1, size.0, size.1);
        let hole = ring(at.0 + 1, at.1 + 1, size.0 - 2, size.1 - 2);
        if size.0 > 2 && size.1 > 2 { vec![outer, hole] } else { vec![outer] }
    }

    fn polygon(face: &[Vec<[f64; 2]>]) -> Polygon {
        let line = |ring: &Vec<[f64; 2]>| ring.iter().map(|[x, y]| geo::coord!(x: *x, y: *y)).collect::<LineString>();
        Polygon::new(line(&face[0]), face[1..].iter().map(line).collect())
    }

    proptest! {
        /// Faces in rows that do not overlap but may touch at corners.
        #[test]
        fn points_and_boxes_are_where_geo_says(
            faces in prop::collection::vec((0..6_i32, 1..6_i32, 1..4_i32), 1..4),
            points in prop::collection::vec((-2..20_i32, -2..16_i32, 0..3_i32), 60),
        ) {
            let rows: Vec<_> =
                faces.iter().enumerate().map(|(n, (x, w, h))| face((*x, n as i32 * 5), (*w, *h))).collect();
            let whole = MultiPolygon::new(rows.iter().map(|face| polygon(face)).collect());
            let with = Faces::new(&rows).unwrap();
            let without = with.clone().without_border();
            for (x, y, size) in points {
                let at = [f64::from(x) / 2.0, f64::from(y) / 2.0];
                let point = geo::Point::new(at[0], at[1]);
                prop_assert_eq!(with.holds(&at), whole.intersects(&point), "{:?}", at);
                prop_assert_eq!(without.holds(&at), whole.contains(&point), "{:?}", at);
                let to = at.map(|value| value + f64::from(size));
                let rect = geo::Rect::new(at, to);
                match with.relate(&at, &to) {
                    Relation::Apart => prop_assert!(!whole.intersects(&rect)),
                    Relation::Covers => prop_assert!(whole.0.iter().any(|face| face.contains(&rect.to_polygon()))
                        || whole.contains(&point)),
                    Relation::Meets => {}
                }
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Faces::new::<Vec<[f64; 2]>>(&[]).is_err());
        assert!(Faces::new::<Vec<[f64; 2]>>(&[vec![]]).is_err());
        assert!(Faces::new(&[vec![vec![[0.0, 0.0], [1.0, 1.0]]]]).is_err());
    }
}
