//! The text of one code, held inline. Digits go in, a `&str` comes out; it never allocates and never holds more than 55 ASCII
//! characters, which is more than the longest code of any scheme here.

use std::fmt;
use std::ops::Deref;

const CAPACITY: usize = 55;

/// An ASCII code text of at most 55 characters, without allocation; use it as a `&str`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodeText {
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
        // What is not text is zero, so that equality of bytes is equality of texts. All N bytes are looked at, because a loop of known
        // length is a few wide instructions and a copy of unknown length is a call.
        let len = len.min(N) as u8;
        for (index, (byte, from)) in (0u8..).zip(bytes.iter_mut().zip(buffer)) {
            *byte = if index < len { *from } else { 0 };
        }
        Self { bytes, len }
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

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever pushed, so the conversion does not fail.
        std::str::from_utf8(&self.bytes[..self.len as usize]).unwrap_or_default()
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
