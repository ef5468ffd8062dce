//! Regions of regions: between two heights, in two regions at once, in all of some. What the parts say of boxes and of points comes in; what
//! the whole says goes out, with the same word: never "apart" or "covers" where it is not so.

use crate::{
    bounds::{Bounds, LonLatBox, Volume},
    region::{LANES, Region, Relation, round_down, round_up},
};

/// A region of the plane between two heights: a storey, a block of airspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Extruded<R> {
    /// Where, seen from above.
    pub base: R,
    /// Lower end, metres above the ellipsoid; may be infinite.
    pub bottom_m: f64,
    /// Upper end, metres above the ellipsoid; may be infinite.
    pub top_m: f64,
}

impl<R: Region<2>> Region<3> for Extruded<R> {
    fn relate(&self, lo: &[f64; 3], hi: &[f64; 3]) -> Relation {
        if !(self.bottom_m <= hi[2] && lo[2] <= self.top_m) {
            return Relation::Apart;
        }
        match self.base.relate(&[lo[0], lo[1]], &[hi[0], hi[1]]) {
            Relation::Covers if !(self.bottom_m <= lo[2] && hi[2] <= self.top_m) => Relation::Meets,
            relation => relation,
        }
    }

    fn holds(&self, at: &[f64; 3]) -> bool {
        self.bottom_m <= at[2] && at[2] <= self.top_m && self.base.holds(&[at[0], at[1]])
    }

    fn bounds(&self) -> Volume {
        let LonLatBox { min, max } = self.base.bounds();
        LonLatBox { min, max }.between(self.bottom_m, self.top_m)
    }

    fn relate_lanes(&self, lo: &[[f32; LANES]; 3], hi: &[[f32; LANES]; 3]) -> (u32, u32) {
        let (mut meets, mut covers) = self.base.relate_lanes(&[lo[0], lo[1]], &[hi[0], hi[1]]);
        // Rounded inward: against heights that are f32 they compare as they are.
        let (bottom, top) = (round_up(self.bottom_m), round_down(self.top_m));
        for lane in 0..LANES {
            let (low, high) = (lo[2][lane], hi[2][lane]);
            meets &= !(u32::from(high < bottom || low > top) << lane);
            covers &= !(u32::from(low < bottom || high > top) << lane);
        }
        (meets, covers & meets)
    }

    fn holds_lanes(&self, at: &[[f64; LANES]; 3], count: usize) -> u32 {
        let within = |lane: &usize| self.bottom_m <= at[2][*lane] && at[2][*lane] <= self.top_m;
        let between = (0..count.min(LANES)).filter(within).fold(0, |bits, lane| bits | 1 << lane);
        if between == 0 { 0 } else { between & self.base.holds_lanes(&[at[0], at[1]], count) }
    }
}

/// What two regions share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Both<A, B>(pub A, pub B);

impl<const D: usize, A: Region<D>, B: Region<D>> Region<D> for Both<A, B> {
    fn relate(&self, lo: &[f64; D], hi: &[f64; D]) -> Relation {
        match self.0.relate(lo, hi) {
            Relation::Apart => Relation::Apart,
            Relation::Covers => self.1.relate(lo, hi),
            Relation::Meets => match self.1.relate(lo, hi) {
                Relation::Apart => Relation::Apart,
                _ => Relation::Meets,
            },
        }
    }

    fn holds(&self, at: &[f64; D]) -> bool {
        self.0.holds(at) && self.1.holds(at)
    }

    /// That of the first one.
    fn bounds(&self) -> Bounds<D> {
        self.0.bounds()
    }

    fn relate_lanes(&self, lo: &[[f32; LANES]; D], hi: &[[f32; LANES]; D]) -> (u32, u32) {
        let (meets, covers) = self.0.relate_lanes(lo, hi);
        if meets == 0 {
            return (0, 0);
        }
        let (other_meets, other_covers) = self.1.relate_lanes(lo, hi);
        (meets & other_meets, covers & other_covers)
    }

    fn meets_lanes(&self, lo: &[[f64; LANES]; D], hi: &[[f64; LANES]; D]) -> u32 {
        self.0.meets_lanes(lo, hi) & self.1.meets_lanes(lo, hi)
    }

    fn holds_lanes(&self, at: &[[f64; LANES]; D], count: usize) -> u32 {
        let held = self.0.holds_lanes(at, count);
        if held == 0 { 0 } else { held & self.1.holds_lanes(at, count) }
    }
}

/// What all of some regions share; of none it is everything.
#[derive(Clone, Copy)]
pub struct All<'a, const D: usize>(pub &'a [&'a dyn Region<D>]);

impl<const D: usize> std::fmt::Debug for All<'_, D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "All({} regions)", self.0.len())
    }
}

impl<const D: usize> Region<D> for All<'_, D> {
    fn relate(&self, lo: &[f64; D], hi: &[f64; D]) -> Relation {
        let mut relation = Relation::Covers;
        for region in self.0 {
            match region.relate(lo, hi) {
                Relation::Apart => return Relation::Apart,
                Relation::Meets => relation = Relation::Meets,
                Relation::Covers => {}
            }
        }
        relation
    }

    fn holds(&self, at: &[f64; D]) -> bool {
        self.0.iter().all(|region| region.holds(at))
    }

    /// Those of the first one.
    fn bounds(&self) -> Bounds<D> {
        let endless = Bounds { min: [f64::NEG_INFINITY; D], max: [f64::INFINITY; D] };
        self.0.first().map_or(endless, Region::bounds)
    }

    fn relate_lanes(&self, lo: &[[f32; LANES]; D], hi: &[[f32; LANES]; D]) -> (u32, u32) {
        // A lane without a box is upside down.
        let boxes = (0..LANES).fold(0, |bits, lane| bits | u32::from(lo[0][lane] <= hi[0][lane]) << lane);
        self.0.iter().fold((boxes, boxes), |(meets, covers), region| {
            if meets == 0 {
                return (0, 0);
            }
            let (met, covered) = region.relate_lanes(lo, hi);
            (meets & met, covers & covered)
        })
    }

    fn holds_lanes(&self, at: &[[f64; LANES]; D], count: usize) -> u32 {
        let all = ((1_u64 << count.min(LANES)) - 1) as u32;
        self.0.iter().fold(all, |held, region| if held == 0 { 0 } else { held & region.holds_lanes(at, count) })
    }
}
