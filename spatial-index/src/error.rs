//! What can be wrong with what comes in, said so that the caller can mend it.

use thiserror::Error;

/// What was asked cannot be done with the values given.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Error {
    /// A box or point with a number that is not one, a longitude or latitude that is infinite, or its south above its north.
    #[error("number {number}: not a box in degrees and metres; leave it out, or mend its coordinates")]
    NotABox {
        /// The caller's number.
        number: u32,
    },
    /// A time band that ends before it begins.
    #[error("number {number}: its time band ends before it begins; swap its ends")]
    NotABand {
        /// The caller's number.
        number: u32,
    },
    /// More items than a tree can hold.
    #[error("{count} items: a tree holds at most {}; make two", u32::MAX)]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// A shape that has no meaning.
    #[error("{shape}: {what}")]
    Shape {
        /// Which shape.
        shape: &'static str,
        /// What is wrong and what to give.
        what: &'static str,
    },
}

/// Bytes that are not an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BytesError {
    /// The first bytes are not those of such an index.
    #[error("not such an index: it does not begin with its magic; is it another file?")]
    Magic,
    /// A version this program does not know.
    #[error("an index of version {found}; this program reads version {known}: use a newer program")]
    Version {
        /// What the bytes say.
        found: u8,
        /// What is known here.
        known: u8,
    },
    /// An index of another number of axes.
    #[error("an index of {found} axes where {wanted} were asked for")]
    Axes {
        /// What the bytes say.
        found: u8,
        /// What was asked for.
        wanted: u8,
    },
    /// Marks this version does not have.
    #[error("an index with unknown marks {found:#04x}: damaged; build it again from its data")]
    Marks {
        /// What the bytes say.
        found: u8,
    },
    /// More or fewer bytes than the head says.
    #[error("an index of {found} bytes where its head says {wanted}: cut or damaged; build it again from its data")]
    Length {
        /// How many there are.
        found: u64,
        /// How many there should be.
        wanted: u64,
    },
    /// The checksum is another one.
    #[error("an index whose checksum does not fit: damaged; build it again from its data")]
    Checksum,
}
