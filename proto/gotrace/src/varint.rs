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
///
/// How long a number is decides branches, and is not calculated with: where the next thing starts would have to wait
/// for that, while a branch is guessed, mostly right.
#[inline(always)]
pub(crate) fn read(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let word = word(bytes, at);
    if word & 0x80 == 0 {
        return Some((word & 0x7f, at + 1));
    }
    if word & 0x8000 == 0 {
        return Some(((word & 0x7f) | (word >> 1 & 0x3f80), at + 2));
    }
    if word & 0x80_0000 == 0 {
        return Some((squeeze_three(word), at + 3));
    }
    let ends = !word & MORE;
    if ends == 0 {
        return read_bytewise(bytes, at);
    }
    let bits = ends.trailing_zeros() + 1;
    Some((squeeze(word & (u64::MAX >> (64 - bits))), at + (bits / 8) as usize))
}

/// A byte and the number after it, as events start.
#[inline(always)]
pub(crate) fn read_tagged(bytes: &[u8], at: usize) -> Option<(u8, u64, usize)> {
    let word = word(bytes, at);
    let tag = word.to_le_bytes()[0];
    if word & 0x8000 == 0 {
        return Some((tag, word >> 8 & 0x7f, at + 2));
    }
    if word & 0x80_0000 == 0 {
        return Some((tag, (word >> 8 & 0x7f) | (word >> 9 & 0x3f80), at + 3));
    }
    let (number, after) = read(bytes, at.checked_add(1)?)?;
    Some((*bytes.get(at)?, number, after))
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

/// `N` numbers in a row.
#[inline(always)]
pub(crate) fn read_all<const N: usize>(bytes: &[u8], mut at: usize) -> Option<([u64; N], usize)> {
    let mut values = [0; N];
    for value in &mut values {
        (*value, at) = read(bytes, at)?;
    }
    Some((values, at))
}

#[cfg(test)]
mod tests {
    use super::{read, read_all, read_tagged};
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
            assert_eq!(read_tagged(&[&[7], bytes].concat(), 0), None);
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
                let tagged = [&[0x8f], &bytes[at..]].concat();
                prop_assert_eq!(read_tagged(&tagged, 0), Some((0x8f, value, next - at + 1)));
                at = next;
            }
            prop_assert_eq!(at, end);
        }
    }
}
