//! The text of one code, held inline. Digits go in, a `&str` comes out; it never allocates and never holds more than 55 ASCII
//! characters, which is more than the longest code of any scheme here.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

const CAPACITY: usize = 55;

/// An ASCII code text of at most 55 characters, without allocation; use it as a `&str`.
#[derive(Clone, Copy)]
pub struct CodeText {
    /// The text and then anything: what is after it is never looked at, so nobody needs to clear it.
    bytes: [u8; CAPACITY],
    len: u8,
}

impl CodeText {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; CAPACITY], len: 0 }
    }

    /// The first `len` bytes of an ASCII buffer.
    #[inline]
    pub(crate) fn from_prefix<const N: usize>(buffer: &[u8; N], len: usize) -> Self {
        const { assert!(N <= CAPACITY) };
        let mut bytes = [0; CAPACITY];
        bytes[..N].copy_from_slice(buffer);
        Self { bytes, len: len.min(N) as u8 }
    }

    /// Appends one ASCII byte; what would not fit is left out (no scheme writes that much).
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len as usize) {
            *place = byte;
            self.len += 1;
        }
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        text.bytes().for_each(|b| self.push(b));
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever pushed, so the conversion does not fail.
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }
}

impl PartialEq for CodeText {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for CodeText {}

impl PartialOrd for CodeText {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CodeText {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for CodeText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Deref for CodeText {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for CodeText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Write for CodeText {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if s.is_ascii() && s.len() + self.len as usize <= CAPACITY {
            self.push_str(s);
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

impl PartialEq<str> for CodeText {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for CodeText {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<CodeText> for String {
    fn from(text: CodeText) -> Self {
        text.as_str().to_owned()
    }
}
