//! What a body is when it is not what was asked for: the wrong port, a login page, a debug=1 page.
//!
//! Guesses from the first bytes only, for people to read. No decoder decides anything on it but "not a profile".

use std::fmt;

/// Bytes of the body looked at, and shown.
const PREFIX_BYTES_MAX: usize = 64;

/// A guess at what a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Looks {
    /// Nothing at all.
    Empty,
    /// An HTML page.
    Html,
    /// JSON.
    Json,
    /// `heap?debug=1`.
    HeapText,
    /// Another profile with `debug=1`, such as `goroutine profile: total 5`.
    ProfileText,
    /// `goroutine?debug=2`.
    GoroutineDump,
    /// An execution trace.
    Trace,
    /// Gzip.
    Gzip,
    /// Some other text.
    Text,
    /// None of these.
    Binary,
}

impl Looks {
    /// The guess for a body that starts with `head`.
    #[must_use]
    pub fn at(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Empty;
        }
        if head.starts_with(&[0x1f, 0x8b]) {
            return Self::Gzip;
        }
        if head.starts_with(b"go 1.") && head.get(7..13) == Some(b" trace") {
            return Self::Trace;
        }
        let Some(text) = text_prefix(head) else { return Self::Binary };
        let text = text.trim_start_matches('\u{feff}').trim_start();
        match text.as_bytes().first() {
            Some(b'<') => Self::Html,
            Some(b'{' | b'[') => Self::Json,
            _ if text.starts_with("heap profile:") => Self::HeapText,
            _ if text.starts_with("--- ") => Self::ProfileText,
            _ if text.lines().next().is_some_and(|line| line.contains(" profile: total ")) => {
                Self::ProfileText
            }
            _ if text.starts_with("goroutine ") => Self::GoroutineDump,
            _ => Self::Text,
        }
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Html => "an HTML page",
            Self::Json => "JSON",
            Self::HeapText => "a heap profile as text (debug=1)",
            Self::ProfileText => "a profile as text (debug=1)",
            Self::GoroutineDump => "a goroutine dump (debug=2)",
            Self::Trace => "an execution trace",
            Self::Gzip => "gzip",
            Self::Text => "text",
            Self::Binary => "binary",
        })
    }
}

/// The start of a body in a form that is safe to show on a terminal: control characters become `.`.
pub(crate) fn printable_prefix(body: &[u8]) -> String {
    let head = body.get(..PREFIX_BYTES_MAX).unwrap_or(body);
    String::from_utf8_lossy(head)
        .trim()
        .chars()
        .map(|c| if c.is_control() || c == char::REPLACEMENT_CHARACTER { '.' } else { c })
        .collect()
}

/// The first bytes as text, or `None` where they hold what text does not. A character cut by the end is fine.
fn text_prefix(body: &[u8]) -> Option<&str> {
    let head = body.get(..PREFIX_BYTES_MAX).unwrap_or(body);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(head.get(..e.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    let is_text = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Looks, printable_prefix};

    #[track_caller]
    fn check(body: &[u8], expected: Looks) {
        assert_eq!(Looks::at(body), expected, "{}", printable_prefix(body));
    }

    #[test]
    fn usual_strangers_are_told_apart() {
        check(b"", Looks::Empty);
        check(b"<!DOCTYPE html><title>login</title>", Looks::Html);
        check(b"\xef\xbb\xbf \r\n<html>", Looks::Html);
        check(b"{\"error\":\"no\"}", Looks::Json);
        check(b"heap profile: 1: 2 [3: 4] @ heap/1048576\n", Looks::HeapText);
        check(b"goroutine profile: total 7\n1 @ 0x1\n", Looks::ProfileText);
        check(b"--- mutex:\ncycles/second=1\n", Looks::ProfileText);
        check(b"goroutine 1 [running]:\n", Looks::GoroutineDump);
        check(b"go 1.26 trace\0\0\0\x01", Looks::Trace);
        check(b"\x1f\x8b\x08", Looks::Gzip);
        check(b"404 page not found\n", Looks::Text);
        check("Zug\u{e4}nge".as_bytes(), Looks::Text);
        check(b"\x0a\x04\x08\x01\x10\x02", Looks::Binary);
        check(b"\xff\xfe", Looks::Binary);
    }

    #[test]
    fn a_character_cut_by_the_prefix_is_still_text() {
        let mut body = vec![b'a'; 63];
        body.extend_from_slice("\u{e4}".as_bytes());
        check(&body, Looks::Text);
    }

    #[test]
    fn the_shown_prefix_is_short_and_has_no_control_characters() {
        let shown = printable_prefix(&[b"\x1b[31mred\x07\xff".as_slice(), &[b'x'; 100]].concat());
        assert!(shown.starts_with(".[31mred.."), "{shown}");
        assert!(shown.len() <= 64);
    }
}
