//! Numbers in a slice, little-endian as on every machine read here. Out of range is `None`, never a panic.

/// The byte at `at`.
pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The 32-bit number that starts at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The 64-bit number that starts at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// A 32-bit variable-length number as Go's linker writes them (Go 1.27, runtime/symtab.go, `readvarint`), and the
/// bytes it takes. One that does not end within five bytes is none.
pub(crate) fn varint_at(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut value = 0_u32;
    for (i, shift) in (0..35).step_by(7).enumerate() {
        let byte = u8_at(bytes, at.checked_add(i)?)?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{u32_at, u64_at, varint_at};

    #[test]
    fn numbers_beyond_the_end_are_none() {
        let bytes = [1, 0, 0, 0, 0, 0, 0, 1];
        assert_eq!((u32_at(&bytes, 0), u32_at(&bytes, 5), u32_at(&bytes, usize::MAX)), (Some(1), None, None));
        assert_eq!((u64_at(&bytes, 0), u64_at(&bytes, 1)), (Some(0x0100_0000_0000_0001), None));
    }

    #[test]
    fn varints_end_or_are_none() {
        assert_eq!(varint_at(&[0x05], 0), Some((5, 1)));
        assert_eq!(varint_at(&[0xe5, 0x8e, 0x26], 0), Some((624_485, 3)));
        assert_eq!(varint_at(&[0x80, 0x80], 0), None);
        assert_eq!(varint_at(&[0x80; 9], 0), None);
        assert_eq!(varint_at(&[0x05], usize::MAX), None);
    }
}
