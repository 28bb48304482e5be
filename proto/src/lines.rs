//! Lines of a text body, each with its number and offset, for errors that say where.

use crate::Error;

/// Faults that a text decoder lives with: the first few are kept, which is enough to see what is wrong.
const WARNINGS_MAX: usize = 16;

/// Adds a warning, up to a bound.
pub(crate) fn warn(warnings: &mut Vec<Error>, warning: Error) {
    if warnings.len() < WARNINGS_MAX {
        warnings.push(warning);
    }
}

/// One line, without its line feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: usize,
    /// Where it starts in the body.
    pub(crate) offset: usize,
    /// Its text; `None` where it is no UTF-8.
    pub(crate) text: Option<&'a str>,
    /// Whether a line feed ends it. Go ends every line with one, so a line without was cut.
    pub(crate) ended: bool,
}

impl Line<'_> {
    /// The error for this line not being what its format says.
    pub(crate) fn expected(&self, expected: &'static str) -> Error {
        Error::Line { line: self.number, offset: self.offset, expected }
    }
}

/// Walks over the lines of `body`, refusing one longer than `bytes_max`.
pub(crate) fn lines(body: &[u8], bytes_max: usize) -> impl Iterator<Item = Result<Line<'_>, Error>> {
    let mut offset = 0;
    body.split_inclusive(|b| *b == b'\n').zip(1..).map(move |(bytes, number)| {
        let start = offset;
        offset += bytes.len();
        if bytes.len() > bytes_max {
            return Err(Error::TooLarge { limit: "line_bytes_max", bytes_max });
        }
        let (bytes, ended) = bytes.strip_suffix(b"\n").map_or((bytes, false), |line| (line, true));
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        Ok(Line { number, offset: start, text: std::str::from_utf8(bytes).ok(), ended })
    })
}

/// A number written as `0x1f`.
pub(crate) fn hex(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    // from_str_radix takes a sign, the format does not.
    digits.starts_with(|c: char| c.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// `file:line`, where the file may hold colons.
pub(crate) fn file_line(text: &str) -> Option<(&str, u32)> {
    let (file, line) = text.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}
