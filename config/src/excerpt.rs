//! What of a text is shown beside a fault: a piece of its line, cleaned, and where the caret goes under it.
//!
//! These messages end up in logs, so what a secret may be is replaced by `***`, which tells not even its length.
//! Better a masked word than a shown password: a rule that is in doubt masks. Control characters cannot steer a
//! terminal.

use std::ops::Range;

/// Where something stands: byte offsets in the text.
pub(crate) type Span = Range<usize>;

/// Most characters of a source line shown: a line of generated text must not fill the screen.
const EXCERPT_CHARS_MAX: usize = 120;

/// Most characters of a name from the file repeated in a message, for the same reason.
const QUOTED_CHARS_MAX: usize = 60;

/// Stands for whatever is not shown.
const MASK: &str = "***";

/// The spellings of `@` in a URL or in a quoted YAML text.
const ATS: [&str; 5] = ["@", "%40", "\\x40", "\\u0040", "\\U00000040"];

/// The piece of a line that is shown, and where the caret goes under it, in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    pub(crate) caret: usize,
    pub(crate) width: usize,
}

impl Excerpt {
    /// The column of `span`, from 1, and what is shown of the line that starts at `line_start`, without what
    /// `hidden` covers.
    pub(crate) fn new(text: &str, line_start: usize, span: &Span, hidden: &[Span]) -> (usize, Self) {
        let start = floor_char(text, span.start);
        let line = text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
        let line_end = line_start + line.len();
        let column = text.get(line_start..start).unwrap_or("").chars().count();

        // A quoted text may go on in the next lines, with the `@` that makes a password of what is in this one.
        let region = text.get(line_start..floor_char(text, span.end).max(line_end)).unwrap_or(line);
        let hidden =
            hidden.iter().map(|h| h.start.saturating_sub(line_start)..h.end.saturating_sub(line_start));
        let masks: Vec<Span> = user_parts(region).into_iter().chain(hidden).collect();
        let cells = cells(line, &masks);

        let (from, to) = (start - line_start, span.end.saturating_sub(line_start));
        let caret = cells.iter().take_while(|cell| cell.to <= from).count();
        let width = cells.iter().skip(caret).take_while(|cell| cell.from < to).count().max(1);
        // A line that fits is shown whole; of a longer one, what surrounds the caret.
        let left_out =
            if cells.len() <= EXCERPT_CHARS_MAX { 0 } else { caret.saturating_sub(EXCERPT_CHARS_MAX / 2) };
        let shown: String =
            cells.iter().skip(left_out).take(EXCERPT_CHARS_MAX).map(|cell| cell.shown).collect();
        let caret = caret - left_out;
        let width = width.min(EXCERPT_CHARS_MAX.saturating_sub(caret)).max(1);
        (column + 1, Self { text: shown.trim_end().to_owned(), caret, width })
    }
}

/// A name from the file, in backticks, cleaned and cut for a message.
pub(crate) fn quoted(name: &str) -> String {
    let clean: String = cells(name, &user_parts(name)).iter().map(|cell| cell.shown).collect();
    match clean.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((cut, _)) => format!("`{}…`", clean.get(..cut).unwrap_or("")),
        None => format!("`{clean}`"),
    }
}

/// The largest place in `text` up to `at` where a character begins.
fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// One character that is shown, and the bytes of the line it stands for.
struct Cell {
    shown: char,
    from: usize,
    to: usize,
}

fn cells(line: &str, masks: &[Span]) -> Vec<Cell> {
    // Marked first: a long line with many masks is walked once.
    let mut hidden = vec![false; line.len()];
    for mask in masks {
        let end = mask.end.min(line.len());
        hidden.get_mut(mask.start.min(end)..end).into_iter().flatten().for_each(|byte| *byte = true);
    }
    let mut cells: Vec<Cell> = Vec::new();
    let mut masked = false;
    for (from, c) in line.char_indices() {
        let to = from + c.len_utf8();
        let hide = hidden.get(from).copied().unwrap_or(false);
        match (hide, masked) {
            (true, false) => cells.extend(MASK.chars().map(|shown| Cell { shown, from, to })),
            // The three stars stand for all of it.
            (true, true) => cells.iter_mut().rev().take(MASK.len()).for_each(|cell| cell.to = to),
            (false, _) => {
                let shown = match c {
                    '\t' => ' ',
                    c if c.is_control() => '\u{fffd}',
                    c => c,
                };
                cells.push(Cell { shown, from, to });
            }
        }
        masked = hide;
    }
    cells
}

/// Byte ranges of what may be the user part of a URL.
///
/// From the first `//` to the last `@`, whatever stands between: a password may hold slashes, spaces and quotes.
/// Without `//`, the word before an `@`. And the authority after a `//` whose port is no number, as
/// `//user:password` without its `@` is.
fn user_parts(text: &str) -> Vec<Span> {
    let mut parts = Vec::new();
    let last_at = ATS.iter().filter_map(|at| text.rfind(at)).max();
    if let Some(at) = last_at {
        let before = text.get(..at).unwrap_or("");
        match before.find("//") {
            Some(slashes) => parts.push(slashes + 2..at),
            None => {
                let mut start = 0;
                for word in text.split_inclusive(char::is_whitespace) {
                    parts
                        .extend(ATS.iter().filter_map(|at| word.rfind(at)).max().map(|at| start..start + at));
                    start += word.len();
                }
            }
        }
    }
    for (i, slashes) in text.match_indices("//").filter(|(i, _)| *i > last_at.unwrap_or(0)) {
        let start = i + slashes.len();
        let rest = text.get(start..).unwrap_or("");
        let end = rest.find(|c: char| c.is_whitespace() || "/\"',}]".contains(c)).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or("");
        let port = authority.split_once(':').map_or("", |(_, port)| port);
        if !authority.starts_with('[') && port.chars().any(|c| !c.is_ascii_digit()) {
            parts.push(start..start + end);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, quoted};

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let whole = 0..text.len();
        let (_, Excerpt { text, .. }) = Excerpt::new(text, 0, &whole, &[]);
        assert_eq!(text, expected);
    }

    #[test]
    fn the_user_part_of_an_address_is_masked_however_it_is_written() {
        check("url: http://u:p@a:1", "url: http://***@a:1");
        check("url: http://u:p/@ss@a:1/x", "url: http://***@a:1/x");
        check("url: 'http://u:p ss@a:1'", "url: 'http://***@a:1'");
        check("url: u:p@a:1", "url: ***@a:1");
        check("url: \"http://u:p\\x40a:1\"", "url: \"http://***\\x40a:1\"");
        check("url: http://u:p%40a:1", "url: http://***%40a:1");
        check("url: \"http://u:hun\n  ter2@a:1\"", "url: \"http://***");
        check("{nme: x, url: \"http://u:hunter2", "{nme: x, url: \"http://***");
        check("[{url: http://a:1}, {url: http://u:p@b:1}]", "[{url: http://***@b:1}]");
        check("url: http://a:1/x # http://[::1]:1", "url: http://a:1/x # http://[::1]:1");
    }

    #[test]
    fn the_caret_stands_under_what_is_shown() {
        let text = "{url: 'http://u:password@a:1', nme: x}";
        let at = text.find("nme").unwrap();
        let (column, excerpt) = Excerpt::new(text, 0, &(at..at + 3), &[]);
        assert_eq!((column, excerpt.width), (at + 1, 3));
        assert_eq!(excerpt.text.find("nme"), Some(excerpt.caret));
        let hidden = 7..28;
        let (_, excerpt) = Excerpt::new(text, 0, &(7..28), &[hidden]);
        assert_eq!((&*excerpt.text, excerpt.caret, excerpt.width), ("{url: '***', nme: x}", 7, 3));
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(quoted("http://u:p@a\u{1b}"), "`http://***@a\u{fffd}`");
        assert_eq!(quoted(&"x".repeat(100)).chars().count(), 63);
    }
}
