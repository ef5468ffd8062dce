//! FlatBuffers tables out of untrusted bytes (the format's "Internals"): every offset and length is looked up with a bounds
//! check when it is followed, so nothing has to be verified before. What lies outside the buffer is an error; what a table
//! does not have is `None`.

/// An offset or length points out of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outside;

/// A table in a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    at: usize,
    vtable: usize,
    vtable_bytes: usize,
}

/// Little-endian bytes of a scalar.
pub(super) trait Scalar: Sized {
    const BYTES: usize;
    fn of(bytes: &[u8]) -> Self;
}

macro_rules! scalar {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            const BYTES: usize = size_of::<$number>();
            fn of(bytes: &[u8]) -> Self {
                bytes.first_chunk().map(|raw| Self::from_le_bytes(*raw)).unwrap_or_default()
            }
        }
    )*};
}
scalar!(u8, u16, i32, u32, u64, f64);

fn scalar<T: Scalar>(buffer: &[u8], at: usize) -> Result<T, Outside> {
    let end = at.checked_add(T::BYTES).ok_or(Outside)?;
    buffer.get(at..end).map(T::of).ok_or(Outside)
}

impl<'a> Table<'a> {
    /// The buffer's root.
    pub(super) fn root(buffer: &'a [u8]) -> Result<Self, Outside> {
        Self::at(buffer, scalar::<u32>(buffer, 0)? as usize)
    }

    fn at(buffer: &'a [u8], at: usize) -> Result<Self, Outside> {
        let back = scalar::<i32>(buffer, at)?;
        let vtable = usize::try_from(at as i64 - i64::from(back)).map_err(|_| Outside)?;
        let vtable_bytes = usize::from(scalar::<u16>(buffer, vtable)?);
        if vtable_bytes < 4 || vtable + vtable_bytes > buffer.len() {
            return Err(Outside);
        }
        Ok(Self { buffer, at, vtable, vtable_bytes })
    }

    /// Where a field stands.
    fn field(self, field: usize) -> Result<Option<usize>, Outside> {
        let entry = 4 + 2 * field;
        if entry + 2 > self.vtable_bytes {
            return Ok(None);
        }
        let offset = usize::from(scalar::<u16>(self.buffer, self.vtable + entry)?);
        Ok((offset > 0).then_some(self.at + offset))
    }

    pub(super) fn scalar<T: Scalar>(self, field: usize, default: T) -> Result<T, Outside> {
        self.field(field)?.map_or(Ok(default), |at| scalar(self.buffer, at))
    }

    /// Follows the offset that a field holds.
    fn followed(self, field: usize) -> Result<Option<usize>, Outside> {
        let Some(at) = self.field(field)? else { return Ok(None) };
        at.checked_add(scalar::<u32>(self.buffer, at)? as usize).map(Some).ok_or(Outside)
    }

    pub(super) fn table(self, field: usize) -> Result<Option<Self>, Outside> {
        self.followed(field)?.map(|at| Self::at(self.buffer, at)).transpose()
    }

    /// The bytes of a vector of members of so many bytes, empty where there is none.
    fn members(self, field: usize, size: usize) -> Result<(usize, &'a [u8]), Outside> {
        let Some(at) = self.followed(field)? else { return Ok((0, &[])) };
        let count = scalar::<u32>(self.buffer, at)? as usize;
        let end = count.checked_mul(size).and_then(|bytes| bytes.checked_add(at + 4)).ok_or(Outside)?;
        Ok((at + 4, self.buffer.get(at + 4..end).ok_or(Outside)?))
    }

    pub(super) fn bytes(self, field: usize) -> Result<&'a [u8], Outside> {
        Ok(self.members(field, 1)?.1)
    }

    pub(super) fn text(self, field: usize) -> Result<String, Outside> {
        Ok(String::from_utf8_lossy(self.bytes(field)?).into_owned())
    }

    /// A vector of scalars.
    pub(super) fn scalars<T: Scalar>(
        self,
        field: usize,
    ) -> Result<impl ExactSizeIterator<Item = T> + use<'a, T>, Outside> {
        Ok(self.members(field, T::BYTES)?.1.chunks_exact(T::BYTES).map(T::of))
    }

    /// A vector of tables.
    pub(super) fn tables(self, field: usize) -> Result<impl Iterator<Item = Result<Self, Outside>> + use<'a>, Outside> {
        let (begin, bytes) = self.members(field, 4)?;
        let buffer = self.buffer;
        Ok(bytes.chunks_exact(4).enumerate().map(move |(index, offset)| {
            let at = (begin + 4 * index).checked_add(u32::of(offset) as usize).ok_or(Outside)?;
            Self::at(buffer, at)
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table with one u16 field of 7 and a missing one; the vtable stands behind it.
    const SMALL: [u8; 18] = [4, 0, 0, 0, 0xf8, 0xff, 0xff, 0xff, 7, 0, 0, 0, 6, 0, 6, 0, 4, 0];

    #[test]
    fn fields_are_found_by_the_vtable() {
        let root = Table::root(&SMALL).unwrap();
        assert_eq!(root.scalar::<u16>(0, 1), Ok(7));
        assert_eq!(root.scalar::<u16>(1, 5), Ok(5));
        assert!(root.table(1).unwrap().is_none());
        for cut in 0..SMALL.len() {
            assert!(Table::root(&SMALL[..cut]).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), field in 0_usize..40) {
            if let Ok(root) = Table::root(&bytes) {
                let _ = (root.table(field), root.text(field), root.scalar::<f64>(field, 0.0));
                let _ = root.scalars::<f64>(field).map(Iterator::count);
                let _ = root.tables(field).map(Iterator::count);
            }
        }
    }
}
