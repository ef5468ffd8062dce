//! What every region can say of a box and of a point, and with that every index can be asked by every region. Boxes and
//! points with longitudes between -180 and 180 come in; apart, meeting or covered comes out. A region may say "meets" of a
//! box that it does not meet; it never says "apart" of one that holds a point of it, nor "covers" of one that does not.

use crate::bounds::Bounds;

/// How a region lies to a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// No point of the box is in the region.
    Apart,
    /// Some points may be, some may not.
    Meets,
    /// Every point of the box is in the region.
    Covers,
}

/// How many boxes or points are looked at together: the children of a node.
pub(crate) const LANES: usize = 16;

/// A set of points that can be asked for.
pub trait Region<const D: usize> {
    /// How the region lies to the box from `lo` to `hi`.
    fn relate(&self, lo: &[f64; D], hi: &[f64; D]) -> Relation;

    /// Whether the point is in the region, exactly.
    fn holds(&self, at: &[f64; D]) -> bool;

    /// A box around the region; it may go over the antimeridian.
    fn bounds(&self) -> Bounds<D>;

    /// [`Region::relate`] for sixteen boxes at once: `lo[axis][lane]`; bit sets of the lanes that it meets or covers and,
    /// among these, of those that it covers. No box runs on beyond 180 degrees. A lane without a box is upside down.
    fn relate_lanes(&self, lo: &[[f32; LANES]; D], hi: &[[f32; LANES]; D]) -> (u32, u32) {
        let (mut meets, mut covers) = (0, 0);
        for lane in 0..LANES {
            let corner = |side: &[[f32; LANES]; D]| std::array::from_fn(|axis| f64::from(side[axis][lane]));
            let (lo, hi) = (corner(lo), corner(hi));
            if lo[0] > hi[0] {
                continue;
            }
            match self.relate(&lo, &hi) {
                Relation::Apart => {}
                Relation::Meets => meets |= 1 << lane,
                Relation::Covers => {
                    meets |= 1 << lane;
                    covers |= 1 << lane;
                }
            }
        }
        (meets, covers)
    }

    /// Which of sixteen boxes the region may meet: `lo[axis][lane]`; a bit set. No box runs on beyond 180 degrees. A lane
    /// without a box is upside down.
    fn meets_lanes(&self, lo: &[[f64; LANES]; D], hi: &[[f64; LANES]; D]) -> u32 {
        (0..LANES).filter(|lane| lo[0][*lane] <= hi[0][*lane]).fold(0, |met, lane| {
            let corner = |side: &[[f64; LANES]; D]| std::array::from_fn(|axis| side[axis][lane]);
            met | u32::from(self.relate(&corner(lo), &corner(hi)) != Relation::Apart) << lane
        })
    }

    /// [`Region::holds`] for the first `count` of sixteen points: `at[axis][lane]`; a bit set.
    fn holds_lanes(&self, at: &[[f64; LANES]; D], count: usize) -> u32 {
        (0..count.min(LANES))
            .fold(0, |held, lane| held | u32::from(self.holds(&std::array::from_fn(|axis| at[axis][lane]))) << lane)
    }
}

impl<const D: usize, R: Region<D> + ?Sized> Region<D> for &R {
    fn relate(&self, lo: &[f64; D], hi: &[f64; D]) -> Relation {
        (**self).relate(lo, hi)
    }

    fn holds(&self, at: &[f64; D]) -> bool {
        (**self).holds(at)
    }

    fn bounds(&self) -> Bounds<D> {
        (**self).bounds()
    }

    fn relate_lanes(&self, lo: &[[f32; LANES]; D], hi: &[[f32; LANES]; D]) -> (u32, u32) {
        (**self).relate_lanes(lo, hi)
    }

    fn meets_lanes(&self, lo: &[[f64; LANES]; D], hi: &[[f64; LANES]; D]) -> u32 {
        (**self).meets_lanes(lo, hi)
    }

    fn holds_lanes(&self, at: &[[f64; LANES]; D], count: usize) -> u32 {
        (**self).holds_lanes(at, count)
    }
}

/// [`Region::relate`] for a box as it is kept, which may run on beyond 180 degrees.
#[inline]
pub(crate) fn relate_kept<const D: usize>(
    region: &(impl Region<D> + ?Sized),
    lo: &[f64; D],
    hi: &[f64; D],
) -> Relation {
    if hi[0] <= 180.0 {
        return region.relate(lo, hi);
    }
    let (mut east_end, mut west_begin) = (*hi, *lo);
    east_end[0] = 180.0;
    west_begin[0] = -180.0;
    let mut rest = *hi;
    rest[0] = (hi[0] - 360.0).clamp(-180.0, 180.0);
    match (region.relate(lo, &east_end), region.relate(&west_begin, &rest)) {
        (Relation::Apart, Relation::Apart) => Relation::Apart,
        (Relation::Covers, Relation::Covers) => Relation::Covers,
        _ => Relation::Meets,
    }
}

/// A box as a region: made by [`Bounds::region`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Windows<const D: usize> {
    asked: Bounds<D>,
    pieces: [Bounds<D>; 3],
    /// The pieces rounded inward to f32: against corners that are f32 they compare as the pieces themselves do.
    rounded: [[[f32; D]; 2]; 3],
    count: usize,
}

impl<const D: usize> Bounds<D> {
    /// The box as a region, borders included. What is not a box holds nothing.
    pub fn region(self) -> Windows<D> {
        let (pieces, count) = self.pieces();
        Windows::of(self, pieces, count)
    }

    /// The box as a region in which longitudes are plain numbers, as in SQL's comparisons: 180 and -180 are two, and a box
    /// whose west is east of its east holds nothing.
    pub fn as_numbers(self) -> Windows<D> {
        let upright = (0..D).all(|axis| self.min[axis] <= self.max[axis]);
        Windows::of(self, [self; 3], usize::from(upright))
    }
}

impl<const D: usize> Windows<D> {
    fn of(asked: Bounds<D>, pieces: [Bounds<D>; 3], count: usize) -> Self {
        let rounded = pieces.map(|piece| [piece.min.map(round_up), piece.max.map(round_down)]);
        Self { asked, pieces, rounded, count }
    }
}

/// The least f32 that is not below.
pub(crate) fn round_up(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) < value { near.next_up() } else { near }
}

/// The greatest f32 that is not above.
pub(crate) fn round_down(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

impl<const D: usize> Windows<D> {
    fn pieces(&self) -> &[Bounds<D>] {
        &self.pieces[..self.count]
    }
}

impl<const D: usize> Region<D> for Windows<D> {
    #[inline]
    fn relate(&self, lo: &[f64; D], hi: &[f64; D]) -> Relation {
        let mut relation = Relation::Apart;
        for piece in self.pieces() {
            if (0..D).all(|axis| piece.min[axis] <= lo[axis] && hi[axis] <= piece.max[axis]) {
                return Relation::Covers;
            }
            if (0..D).all(|axis| piece.min[axis] <= hi[axis] && lo[axis] <= piece.max[axis]) {
                relation = Relation::Meets;
            }
        }
        relation
    }

    #[inline]
    fn holds(&self, at: &[f64; D]) -> bool {
        self.pieces().iter().any(|piece| (0..D).all(|axis| piece.min[axis] <= at[axis] && at[axis] <= piece.max[axis]))
    }

    fn bounds(&self) -> Bounds<D> {
        self.asked
    }

    fn relate_lanes(&self, lo: &[[f32; LANES]; D], hi: &[[f32; LANES]; D]) -> (u32, u32) {
        let (mut meets, mut covers) = (0, 0);
        for [min, max] in &self.rounded[..self.count] {
            let (mut met, mut covered) = ([true; LANES], [true; LANES]);
            for axis in 0..D {
                for lane in 0..LANES {
                    met[lane] &= lo[axis][lane] <= max[axis];
                    met[lane] &= hi[axis][lane] >= min[axis];
                    covered[lane] &= lo[axis][lane] >= min[axis];
                    covered[lane] &= hi[axis][lane] <= max[axis];
                }
            }
            meets |= bits(&met);
            covers |= bits(&covered);
        }
        // A lane without a box is empty: upside down, and so within everything.
        (meets, covers & meets)
    }

    fn meets_lanes(&self, lo: &[[f64; LANES]; D], hi: &[[f64; LANES]; D]) -> u32 {
        let mut meets = 0;
        for piece in self.pieces() {
            let mut met = [true; LANES];
            for axis in 0..D {
                for lane in 0..LANES {
                    met[lane] &= lo[axis][lane] <= piece.max[axis];
                    met[lane] &= hi[axis][lane] >= piece.min[axis];
                }
            }
            meets |= bits(&met);
        }
        meets
    }

    fn holds_lanes(&self, at: &[[f64; LANES]; D], count: usize) -> u32 {
        let mut held = 0;
        for piece in self.pieces() {
            let mut inside = [true; LANES];
            for (values, (min, max)) in at.iter().zip(piece.min.iter().zip(&piece.max)) {
                for (inside, value) in inside.iter_mut().zip(values) {
                    *inside &= value >= min;
                    *inside &= value <= max;
                }
            }
            held |= bits(&inside);
        }
        held & (((1_u64 << count.min(LANES)) - 1) as u32)
    }
}

fn bits(lanes: &[bool; LANES]) -> u32 {
    lanes.iter().enumerate().fold(0, |bits, (lane, set)| bits | u32::from(*set) << lane)
}
