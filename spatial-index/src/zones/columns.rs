//! The rows of a zone map, or some of them, as columns; and the exact test of a zone's rows.

use super::{Certain, Run, Spans};
use crate::region::{LANES, Region};

/// Rows of one zone: as many as a word has bits.
pub const ROWS: usize = 64;

/// Columns of rows in their order. All are of one length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns<'a> {
    /// Degrees, from -180 to 180.
    pub lon: &'a [f64],
    /// Degrees.
    pub lat: &'a [f64],
    /// So many of the first rows have a place; what stands in the coordinates of the others means nothing.
    pub placed: usize,
    /// Metres above the ellipsoid; NaN where a row has none.
    pub height_m: Option<&'a [f64]>,
    /// Microseconds of UTC since 1970.
    pub time_us: Option<&'a [i64]>,
    /// What the row belongs to, by number.
    pub series: Option<&'a [u64]>,
}

impl Columns<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lon.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lon.is_empty()
    }

    /// Which rows of a run of at most [`ROWS`] rows are in the region and the spans, exactly: bit 0 is the first. What is
    /// certain of the run is not tested again. These columns begin with row `first` of the zone map.
    pub fn held<const D: usize>(&self, run: &Run, first: usize, region: &impl Region<D>, spans: &Spans) -> u64 {
        let (from, count) = (run.rows.start - first, run.rows.len().min(ROWS));
        let mut held = if count == ROWS { u64::MAX } else { (1 << count) - 1 };
        if !run.certain.in_region {
            held &= self.in_region(from, count, region);
        }
        self.in_spans(from, count, run.certain, spans, held)
    }

    /// The same without a region: rows without a place count.
    pub fn held_in_spans(&self, run: &Run, first: usize, spans: &Spans) -> u64 {
        let (from, count) = (run.rows.start - first, run.rows.len().min(ROWS));
        let held = if count == ROWS { u64::MAX } else { (1 << count) - 1 };
        self.in_spans(from, count, run.certain, spans, held)
    }

    fn in_region<const D: usize>(&self, from: usize, count: usize, region: &impl Region<D>) -> u64 {
        let count = count.min(self.placed.saturating_sub(from));
        let mut held = 0;
        for lanes in (0..count).step_by(LANES) {
            let some = LANES.min(count - lanes);
            let at = from + lanes;
            let side = |values: &[f64]| {
                if let Some(side) = values[at..].first_chunk::<LANES>() {
                    return *side;
                }
                let mut side = [f64::INFINITY; LANES];
                side[..some].copy_from_slice(&values[at..at + some]);
                side
            };
            let block: [[f64; LANES]; D] = std::array::from_fn(|axis| match axis {
                0 => side(self.lon),
                1 => side(self.lat),
                _ => self.height_m.map_or([f64::NAN; LANES], side),
            });
            let mut lanes_held = region.holds_lanes(&block, some);
            if D > 2 {
                lanes_held &= (0..some).fold(0, |bits, lane| bits | u32::from(!block[D - 1][lane].is_nan()) << lane);
            }
            held |= u64::from(lanes_held) << lanes;
        }
        held
    }

    fn in_spans(&self, from: usize, count: usize, certain: Certain, spans: &Spans, mut held: u64) -> u64 {
        let bits = |test: &dyn Fn(usize) -> bool| (0..count).fold(0, |bits, n| bits | u64::from(test(from + n)) << n);
        if let Some(times) = self.time_us.filter(|_| !certain.in_band) {
            let band = spans.band;
            held &= bits(&|row| band.from_us <= times[row] && times[row] <= band.to_us);
        }
        if let (Some(series), Some((least, greatest))) = (self.series.filter(|_| !certain.of_series), spans.series) {
            held &= bits(&|row| least <= series[row] && series[row] <= greatest);
        }
        held
    }
}
