//! One budget for the process: what is given, or half of what the machine or its container has. Half of it is for questions,
//! which spill to the disk beyond it; a quarter for decoded columns; the rest is left to the city and to rows that are not
//! sealed yet, whose number is bounded.

use std::fs;

/// The least that can be worked with, MiB.
const LEAST_MB: u64 = 256;

/// How the budget is split, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) questions: usize,
    pub(crate) columns: u64,
    pub(crate) loads: usize,
}

impl Budget {
    /// Of so many MiB; 0 is half of what there is.
    pub(crate) fn of(memory_mb: u64) -> anyhow::Result<Self> {
        let all = match memory_mb {
            0 => (machine_bytes() / 2).max(LEAST_MB << 20),
            less if less < LEAST_MB => {
                anyhow::bail!(
                    "{less} MiB of memory are too few: give {LEAST_MB} or more, or 0 for half of the machine's"
                )
            }
            megabytes => megabytes << 20,
        };
        Ok(Self { questions: (all / 2) as usize, columns: all / 4, loads: (all / 4) as usize })
    }
}

/// Memory of the machine, or of the container where that has less.
fn machine_bytes() -> u64 {
    let number = |text: String| text.trim().parse::<u64>().ok();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
    });
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(number);
    [machine, container].into_iter().flatten().min().unwrap_or(4 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_split_and_too_little_is_refused() {
        let budget = Budget::of(1024).unwrap();
        assert_eq!((budget.questions, budget.columns), (512 << 20, 256 << 20));
        assert!(Budget::of(0).unwrap().questions >= 128 << 20);
        assert!(Budget::of(100).unwrap_err().to_string().contains("give 256 or more"));
    }
}
