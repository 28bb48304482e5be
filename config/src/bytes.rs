//! Amounts of memory and disk as people write them: `256MiB`, `8MB`, `4096`.

use crate::key::Json;
use crate::read::{NotThis, written_as_text};
use std::fmt;
use std::str::FromStr;

/// A number of bytes, read and shown as `256MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(u64);

const EXPECTED: &str = "an amount of bytes such as `256MiB`, `8MB` or `4096`";

/// How it is written, roughly: what it takes in detail is told by reading it.
const FORM: Json = Json::FormOrNumber(r"^[0-9]+ *([KMGT]i?)?B?$");

/// Units from the largest to the smallest; the binary one of a size comes first, as it is shown first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1000),
    ("B", 1),
];

impl Bytes {
    /// `n` bytes.
    #[must_use]
    pub const fn new(n: u64) -> Self {
        Self(n)
    }

    /// `n` times 1,048,576 bytes.
    #[must_use]
    pub const fn mib(n: u64) -> Self {
        Self(n.saturating_mul(1 << 20))
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// As a length in memory; where memory is addressed with fewer bits, the largest there is.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)) {
            Some((unit, size)) if *size > 1 => write!(f, "{}{unit}", self.0 / size),
            _ => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Bytes {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| NotThis::new(EXPECTED, hint);
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(wrong(""));
        }
        let unit = unit.trim_start();
        let size = match unit {
            "" => 1,
            _ => match UNITS.iter().find(|(name, _)| *name == unit) {
                Some((_, size)) => *size,
                None if unit.starts_with('.') => return Err(wrong("whole numbers only: `1536MiB`")),
                None => return Err(wrong("units are B, KB, KiB, MB, MiB, GB, GiB, TB and TiB")),
            },
        };
        let n = number.parse::<u64>().ok().and_then(|n| n.checked_mul(size));
        n.map(Self).ok_or_else(|| wrong("too large for a file system"))
    }
}

written_as_text!(Bytes, EXPECTED, FORM);

#[cfg(test)]
mod tests {
    use super::Bytes;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        let got = text.parse::<Bytes>().map(Bytes::get).map_err(|e| e.hint);
        assert_eq!(got, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn units_are_decimal_or_binary_as_written() {
        check("256MiB", Ok(256 << 20));
        check("8MB", Ok(8_000_000));
        check("8 MB", Ok(8_000_000));
        check("4096", Ok(4096));
        check("0", Ok(0));
        check("1TiB", Ok(1 << 40));
        check("", Err(""));
        check("-1", Err(""));
        check("many", Err(""));
        check("256Mi", Err("units are B, KB, KiB, MB, MiB, GB, GiB, TB and TiB"));
        check("256mib", Err("units are B, KB, KiB, MB, MiB, GB, GiB, TB and TiB"));
        check("1.5GiB", Err("whole numbers only: `1536MiB`"));
        check("99999999TiB", Err("too large for a file system"));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(n: u64, shift in 0u32..64) {
            let b = Bytes::new(n >> shift << (shift / 2));
            prop_assert_eq!(b.to_string().parse::<Bytes>(), Ok(b));
        }
    }
}
