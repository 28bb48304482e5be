//! Unsigned LEB128 numbers, read a word at a time: how many bytes a number has shows in the high bits of eight bytes at
//! once. Padded numbers are legal. Refuses more than ten bytes and more than 64 bits, like Go's `binary.Uvarint`.

/// Bytes of the longest number.
pub(crate) const VARINT_BYTES_MAX: usize = 10;

/// The bit of each byte that says that another one follows.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Eight bytes from `at`; where there are fewer, a word in which no number ends.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => MORE,
    }
}

/// Squeezes the seven bits of each byte together.
#[inline(always)]
fn squeeze(word: u64) -> u64 {
    let word = word & !MORE;
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    (word & 0x0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4)
}

/// The same for three bytes, which most numbers fit.
#[inline(always)]
fn squeeze_three(word: u64) -> u64 {
    (word & 0x7f) | (word >> 1 & 0x3f80) | (word >> 2 & 0x1f_c000)
}

/// The number at `at`, and where the next thing starts. `None` when it does not end, or is too long.
#[inline(always)]
pub(crate) fn read(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let word = word(bytes, at);
    if word & 0x80 == 0 {
        return Some((word & 0x7f, at + 1));
    }
    if word & 0x8000 == 0 {
        return Some(((word & 0x7f) | (word >> 1 & 0x3f80), at + 2));
    }
    let ends = !word & MORE;
    if ends == 0 {
        return read_bytewise(bytes, at);
    }
    let bits = ends.trailing_zeros() + 1;
    Some((squeeze(word & (u64::MAX >> (64 - bits))), at + (bits / 8) as usize))
}

/// All ones: no thread, no proc. The only number that is often long.
const NONE: &[u8; VARINT_BYTES_MAX] = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";

#[cold]
#[inline(never)]
fn read_bytewise(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    if bytes.get(at..).is_some_and(|bytes| bytes.starts_with(NONE)) {
        return Some((u64::MAX, at + VARINT_BYTES_MAX));
    }
    let mut value = 0;
    for i in 0..VARINT_BYTES_MAX {
        let byte = *bytes.get(at.checked_add(i)?)?;
        if i == VARINT_BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, at + i + 1));
        }
    }
    None
}

/// `N` numbers in a row. Those of most events stand in one word.
#[inline(always)]
pub(crate) fn read_all<const N: usize>(bytes: &[u8], at: usize) -> Option<([u64; N], usize)> {
    let word = word(bytes, at);
    let mut values = [0; N];
    let mut ends = !word & MORE;
    let mut from = 0;
    for value in &mut values {
        if ends == 0 {
            return read_one_by_one(bytes, at);
        }
        let to = ends.trailing_zeros() + 1;
        ends &= ends.wrapping_sub(1);
        let spread = (word << (64 - to)) >> (64 - to + from);
        *value = if to - from <= 24 { squeeze_three(spread) } else { squeeze(spread) };
        from = to;
    }
    Some((values, at + (from / 8) as usize))
}

#[inline(never)]
fn read_one_by_one<const N: usize>(bytes: &[u8], mut at: usize) -> Option<([u64; N], usize)> {
    let mut values = [0; N];
    for value in &mut values {
        (*value, at) = read(bytes, at)?;
    }
    Some((values, at))
}

#[cfg(test)]
mod tests {
    use super::{read, read_all};
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    fn write(mut value: u64, padding: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while value >= 0x80 {
            out.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        out.push(value.to_le_bytes()[0]);
        for _ in 0..padding.min(10 - out.len()) {
            *out.last_mut().unwrap() |= 0x80;
            out.push(0);
        }
        out
    }

    #[test]
    fn numbers_that_are_too_long_or_do_not_end_are_refused() {
        for bytes in [&[][..], &[0x80], &[0xff; 7], &[0xff; 16]] {
            assert_eq!(read(bytes, 0), None);
            assert_eq!(read_all::<1>(bytes, 0), None);
        }
        let beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(read(&beyond, 0), None);
        assert_eq!(read(&[1], usize::MAX), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::vec((any::<u64>(), 0_u32..64, 0_usize..10), 4),
            room in 0_usize..12,
        ) {
            let numbers: Vec<(u64, usize)> = numbers.iter().map(|(v, s, p)| (v >> s, *p)).collect();
            let mut bytes: Vec<u8> = numbers.iter().flat_map(|(v, p)| write(*v, *p)).collect();
            let end = bytes.len();
            bytes.extend(vec![0xff; room]);
            let (values, after) = read_all::<4>(&bytes, 0).unwrap();
            prop_assert_eq!(values.to_vec(), numbers.iter().map(|(v, _)| *v).collect::<Vec<_>>());
            prop_assert_eq!(after, end);
            let mut at = 0;
            for (value, _) in numbers {
                let (read, next) = read(&bytes, at).unwrap();
                prop_assert_eq!(read, value);
                at = next;
            }
            prop_assert_eq!(at, end);
        }
    }
}
