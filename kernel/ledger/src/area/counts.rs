//! How many assets there are, by grade: the numbers that every node of the map commits to.

/// Grades of data, GB/T 43697-2024: not graded, general 1 to 4, important, core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Grade {
    /// Nobody has graded it.
    #[default]
    Ungraded,
    /// General data, first of four.
    General1,
    /// General data, second of four.
    General2,
    /// General data, third of four.
    General3,
    /// General data, fourth of four.
    General4,
    /// Important data.
    Important,
    /// Core data.
    Core,
}

impl Grade {
    /// All of them, from the lowest.
    pub const ALL: [Self; 7] =
        [Self::Ungraded, Self::General1, Self::General2, Self::General3, Self::General4, Self::Important, Self::Core];

    /// Its name in records and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ungraded => "ungraded",
            Self::General1 => "general-1",
            Self::General2 => "general-2",
            Self::General3 => "general-3",
            Self::General4 => "general-4",
            Self::Important => "important",
            Self::Core => "core",
        }
    }

    /// The grade of a name; nothing where there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.name() == name)
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Assets by grade.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts(pub(super) [u32; Grade::ALL.len()]);

impl Counts {
    /// One asset.
    pub(super) fn one(grade: Grade) -> Self {
        let mut counts = Self::default();
        counts.0[grade as usize] = 1;
        counts
    }

    /// Both together; a number that would be larger than any map's stays at the largest.
    pub(super) fn plus(self, other: Self) -> Self {
        let mut sum = self;
        sum.0.iter_mut().zip(other.0).for_each(|(sum, other)| *sum = sum.saturating_add(other));
        sum
    }

    /// Assets of all grades.
    pub fn total(&self) -> u64 {
        self.0.iter().copied().map(u64::from).sum()
    }

    /// Assets of one grade.
    pub fn of(&self, grade: Grade) -> u32 {
        self.0[grade as usize]
    }

    /// Each grade that there is, with its number.
    pub fn by_grade(&self) -> impl Iterator<Item = (Grade, u32)> {
        Grade::ALL.into_iter().map(move |grade| (grade, self.of(grade))).filter(|(_, count)| *count > 0)
    }

    /// A byte that says which grades there are, then their numbers.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let there = self.by_grade().fold(0_u8, |bits, (grade, _)| bits | 1 << grade as u8);
        out.push(there);
        self.by_grade().for_each(|(_, count)| super::bytes::write_number(out, count.into()));
    }

    pub(super) fn read(bytes: &mut super::bytes::Bytes<'_>) -> Option<Self> {
        let there = bytes.byte()?;
        let mut counts = Self::default();
        for grade in Grade::ALL.into_iter().filter(|grade| there >> *grade as u8 & 1 == 1) {
            counts.0[grade as usize] = u32::try_from(bytes.number()?).ok().filter(|count| *count > 0)?;
        }
        (there < 1 << Grade::ALL.len()).then_some(counts)
    }
}
