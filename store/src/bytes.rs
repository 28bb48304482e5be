//! Reading and writing the small pieces every format here is made of: varints, zigzag, fixed little-endian words.
//!
//! The cursor never reads past its end and says at which byte it stopped.

/// Stored bytes that do not decode: where and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset in the decoded piece.
    pub at: usize,
    /// What was wrong there.
    pub why: &'static str,
}

/// A position in bytes not to be trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn fail<T>(&self, why: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, why })
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(length);
        match end.and_then(|end| self.bytes.get(self.at..end)) {
            Some(piece) => {
                self.at += length;
                Ok(piece)
            }
            None => self.fail("ends too early"),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let piece = self.take(N)?;
        Ok(piece.try_into().expect("take returned exactly N bytes"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (i, &byte) in self.bytes.get(self.at..).unwrap_or_default().iter().take(10).enumerate() {
            let low = u64::from(byte & 0x7f);
            if i == 9 && low > 1 {
                return self.fail("varint above 64 bits");
            }
            value |= low << (7 * i);
            if byte < 0x80 {
                self.at += i + 1;
                return Ok(value);
            }
        }
        self.fail("varint without an end")
    }

    #[inline]
    pub(crate) fn zigzag(&mut self) -> Result<i64, Malformed> {
        self.varint().map(unzigzag)
    }

    /// A count or length that must not exceed `max`, checked before anything is allocated for it.
    pub(crate) fn count(&mut self, max: usize, why: &'static str) -> Result<usize, Malformed> {
        let before = self.at;
        match usize::try_from(self.varint()?) {
            Ok(count) if count <= max => Ok(count),
            _ => Err(Malformed { at: before, why }),
        }
    }

    /// A varint of at most 32 bits.
    pub(crate) fn number(&mut self) -> Result<u32, Malformed> {
        let before = self.at;
        u32::try_from(self.varint()?).map_err(|_| Malformed { at: before, why: "number above 32 bits" })
    }

    /// A length-prefixed text of at most `max` bytes.
    pub(crate) fn text(&mut self, max: usize) -> Result<&'a str, Malformed> {
        let length = self.count(max, "text longer than its limit")?;
        let at = self.at;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed { at, why: "text is not UTF-8" })
    }

    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.remaining() == 0 { Ok(()) } else { self.fail("bytes after the end") }
    }
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

#[inline]
pub(crate) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    put_varint(out, count as u64);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Small magnitudes of either sign become small unsigned numbers.
#[inline]
pub(crate) fn zigzag(value: i64) -> u64 {
    value.wrapping_shl(1).cast_unsigned() ^ (value >> 63).cast_unsigned()
}

#[inline]
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{Cursor, put_varint, put_zigzag, unzigzag, zigzag};

    #[test]
    fn every_magnitude_comes_back() {
        for shift in 0..64 {
            for value in [1_i64 << shift, (1_i64 << shift).wrapping_sub(1), (1_i64 << shift).wrapping_neg()] {
                assert_eq!(unzigzag(zigzag(value)), value);
                let mut out = Vec::new();
                put_zigzag(&mut out, value);
                put_varint(&mut out, value.cast_unsigned());
                let mut cursor = Cursor::new(&out);
                assert_eq!(cursor.zigzag(), Ok(value));
                assert_eq!(cursor.varint(), Ok(value.cast_unsigned()));
                assert_eq!(cursor.end(), Ok(()));
            }
        }
    }

    #[test]
    fn varints_too_long_or_cut_are_refused() {
        assert!(Cursor::new(&[0xff; 9]).varint().is_err());
        assert!(Cursor::new(&[0xff; 11]).varint().is_err());
        assert!(Cursor::new(&[]).varint().is_err());
        let mut top = [0xff; 10];
        top[9] = 1;
        assert_eq!(Cursor::new(&top).varint(), Ok(u64::MAX));
        top[9] = 2;
        assert!(Cursor::new(&top).varint().is_err());
    }
}
