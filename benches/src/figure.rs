//! One measured figure: several runs, their median and worst.

use serde_json::json;

/// Which side of the bound is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// At most.
    Below(f64),
    /// At least.
    Above(f64),
    /// Measured for comparison.
    None,
}

impl Bound {
    fn kept(self, value: f64) -> bool {
        match self {
            Self::Below(most) => value <= most,
            Self::Above(least) => value >= least,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Below(most) => format!("<= {most}"),
            Self::Above(least) => format!(">= {least}"),
            Self::None => String::new(),
        }
    }
}

/// A figure.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Unit of the runs.
    pub(crate) unit: &'static str,
    /// Every run.
    pub(crate) runs: Vec<f64>,
    /// What it has to keep.
    pub(crate) bound: Bound,
}

impl Figure {
    /// The value in the middle, or at another place of the sorted runs (0.99: the 99th percentile).
    pub(crate) fn at(runs: &[f64], place: f64) -> f64 {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * place).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// One line of JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        let median = Self::at(&self.runs, 0.5);
        json!({
            "figure": self.name,
            "median": median,
            "min": Self::at(&self.runs, 0.0),
            "max": Self::at(&self.runs, 1.0),
            "unit": self.unit,
            "runs": self.runs.len(),
            "bound": self.bound.text(),
            "kept": self.bound.kept(median),
        })
    }
}
