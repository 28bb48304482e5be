//! What is wrong in a configuration, said so that it can be mended: place, source line, caret, key, help.
//!
//! A fault keeps its own excerpt, so it outlives the text. What it shows is cleaned first: control characters
//! cannot steer a terminal, and the user part of a URL is masked, because these messages end up in logs.

use std::fmt;
use std::ops::Range;

/// Most faults kept; a file with more has one cause, and nobody reads on.
const FAULTS_MAX: usize = 100;

/// Most characters of a source line shown: a line of generated text must not fill the screen.
const EXCERPT_CHARS_MAX: usize = 120;

/// Most characters of a name from the file repeated in a message, for the same reason.
const QUOTED_CHARS_MAX: usize = 60;

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// File name as given, or `command line`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Path of keys, such as `targets[0].collectors.trace.every`; empty where no key is meant.
    pub key: String,
    /// What is wrong, in one line.
    pub message: String,
    /// Said beside the caret: what to do. May be empty.
    pub label: String,
    /// What else helps, one line each.
    pub notes: Vec<String>,
    excerpt: Excerpt,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let Excerpt { text, caret, width } = &self.excerpt;
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{gutter}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number} | {text}")?;
        let pointer = format!("{}{} {}", " ".repeat(*caret), "^".repeat(*width), self.label);
        writeln!(f, "{gutter} | {}", pointer.trim_end())?;
        if !self.key.is_empty() {
            writeln!(f, "{gutter} = key: {}", self.key)?;
        }
        for note in &self.notes {
            writeln!(f, "{gutter} = {note}")?;
        }
        Ok(())
    }
}

/// All that is wrong, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    left_out: usize,
}

impl Faults {
    /// How many there are, those beyond the limit of 100 kept included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.faults.len() + self.left_out
    }

    /// The faults kept, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.faults {
            writeln!(f, "{fault}")?;
        }
        let file = self.faults.first().map_or("", |fault| &*fault.file);
        let kept = match self.left_out {
            0 => String::new(),
            n => format!(", {n} of them not shown"),
        };
        match self.count() {
            1 => write!(f, "1 fault in {file}"),
            n => write!(f, "{n} faults in {file}{kept}"),
        }
    }
}

impl std::error::Error for Faults {}

/// Where something stands: byte offsets in the text.
pub(crate) type Span = Range<usize>;

/// The faults found so far in one text.
pub(crate) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    /// Where each line starts, so that a place is found without reading the text again.
    line_starts: Vec<usize>,
    found: Vec<(Span, Fault)>,
    /// Faults beyond [`FAULTS_MAX`]: counted, and written over one another in `spare`.
    left_out: usize,
    spare: Fault,
}

impl<'a> Report<'a> {
    /// An empty report on `text`.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self { file, text, line_starts, found: Vec::new(), left_out: 0, spare: Fault::default() }
    }

    /// Adds a fault at `span`; label and notes are added to what comes back.
    pub(crate) fn add(&mut self, span: &Span, key: &str, message: impl Into<String>) -> &mut Fault {
        if self.found.len() >= FAULTS_MAX {
            self.left_out += 1;
            self.spare = Fault::default();
            return &mut self.spare;
        }
        let line = self.line_of(span.start);
        let line_start = line.checked_sub(1).and_then(|i| self.line_starts.get(i)).copied().unwrap_or(0);
        let (column, excerpt) = excerpt(self.text, line_start, span);
        let fault = Fault {
            file: self.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
            label: String::new(),
            notes: Vec::new(),
            excerpt,
        };
        self.found.push((span.clone(), fault));
        &mut self.found.last_mut().expect("one was just pushed").1
    }

    /// Line of a byte offset, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at.min(self.text.len()))
    }

    /// How many were found so far: what rises over a reading was faulty.
    pub(crate) fn len(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// `value`, unless something was found.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, Faults> {
        if self.found.is_empty() {
            return Ok(value);
        }
        // A value shared by several targets is judged once for each: the same place and words count once.
        self.found.sort_by_key(|(span, _)| span.start);
        self.found.dedup_by(|a, b| a.0 == b.0 && a.1.message == b.1.message);
        let faults = self.found.into_iter().map(|(_, fault)| fault).collect();
        Err(Faults { faults, left_out: self.left_out })
    }
}

impl Fault {
    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.notes.push(note.into());
        self
    }
}

/// The piece of a line that is shown, and where the caret goes under it, in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Excerpt {
    text: String,
    caret: usize,
    width: usize,
}

/// The column of `span`, from 1, and what is shown of the line that starts at `line_start`.
fn excerpt(text: &str, line_start: usize, span: &Span) -> (usize, Excerpt) {
    let start = floor_char(text, span.start);
    let line_text = text.get(line_start..).unwrap_or("").lines().next().unwrap_or("");
    let end = floor_char(text, span.end).min(line_start + line_text.len());
    let column = text.get(line_start..start).unwrap_or("").chars().count();
    let width = text.get(start..end).map_or(0, |s| s.chars().count()).max(1);

    let shown = clean(line_text);
    // A line that fits is shown whole; of a longer one, what surrounds the caret.
    let fits = line_text.chars().count() <= EXCERPT_CHARS_MAX;
    let from = if fits { 0 } else { column.saturating_sub(EXCERPT_CHARS_MAX / 2) };
    let mut piece: String = shown.chars().skip(from).take(EXCERPT_CHARS_MAX).collect();
    piece.truncate(piece.trim_end().len());
    let width = width.min(EXCERPT_CHARS_MAX.saturating_sub(column - from)).max(1);
    let excerpt = Excerpt { text: piece, caret: column - from, width };
    (column + 1, excerpt)
}

fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The text with as many characters, none of which is a control character or belongs to the user part of a URL.
fn clean(line: &str) -> String {
    let secrets = user_parts(line);
    line.char_indices()
        .map(|(i, c)| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            _ if secrets.iter().any(|s| s.contains(&i)) => '*',
            c => c,
        })
        .collect()
}

/// Byte ranges of what stands before the last `@` of a word, after `//` where there is one. A password may hold
/// a slash and the scheme may be missing, so no finer rule is safe: better a masked word than a shown password.
fn user_parts(line: &str) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut start = 0;
    for word in line.split_inclusive(char::is_whitespace) {
        if let Some(at) = word.rfind('@') {
            let user = word.get(..at).and_then(|before| before.find("//")).map_or(0, |i| i + 2);
            parts.push(start + user..start + at);
        }
        start += word.len();
    }
    parts
}

/// A name from the file, in backticks, cleaned and cut for a message.
pub(crate) fn quoted(name: &str) -> String {
    let clean = clean(name);
    match clean.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((cut, _)) => format!("`{}…`", clean.get(..cut).unwrap_or("")),
        None => format!("`{clean}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{FAULTS_MAX, Report, Span};

    #[track_caller]
    fn check(text: &str, span: Span, expected: &str) {
        let mut report = Report::new("f.yaml", text);
        report.add(&span, "a.b", "wrong").label("mend it").note("help: so");
        let got = report.finish(()).unwrap_err().iter().next().unwrap().to_string();
        assert_eq!(got, expected);
    }

    #[test]
    fn a_fault_points_with_a_caret() {
        check(
            "x: 1\ny: twö\n",
            8..12,
            "error: wrong\n --> f.yaml:2:4\n  |\n2 | y: twö\n  |    ^^^ mend it\n  = key: a.b\n  = help: so\n",
        );
    }

    #[test]
    fn a_place_beyond_the_text_and_one_inside_a_character_are_shown_not_a_panic() {
        check(
            "",
            7..9,
            "error: wrong\n --> f.yaml:1:1\n  |\n1 | \n  | ^ mend it\n  = key: a.b\n  = help: so\n",
        );
        check(
            "ö\n",
            1..9,
            "error: wrong\n --> f.yaml:1:1\n  |\n1 | ö\n  | ^ mend it\n  = key: a.b\n  = help: so\n",
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let text = format!("{}bad{}", "x".repeat(5000), "y".repeat(5000));
        let mut report = Report::new("f", &text);
        report.add(&(5000..5003), "", "wrong");
        let shown = report.finish(()).unwrap_err().to_string();
        assert!(shown.contains("1:5001") && shown.contains("xbady") && shown.len() < 500, "{shown}");
        assert!(shown.lines().all(|l| l.chars().count() <= 130), "{shown}");
    }

    #[test]
    fn secrets_and_control_characters_are_not_repeated() {
        let text = "url: \"http://user:p/@ss@host/x\"  \u{1b}[31m";
        let mut report = Report::new("f", text);
        report.add(&(5..9), "", "wrong");
        let shown = report.finish(()).unwrap_err().to_string();
        assert!(!shown.contains("p/@ss") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("http://**********@host/x"), "{shown}");
    }

    #[test]
    fn the_same_fault_twice_counts_once_and_many_are_cut() {
        let mut report = Report::new("f", "a");
        report.add(&(0..1), "k", "wrong");
        report.add(&(0..1), "k", "wrong");
        assert_eq!(report.finish(()).unwrap_err().count(), 1);

        let mut report = Report::new("f", "a");
        for i in 0..FAULTS_MAX + 5 {
            report.add(&(0..1), "k", format!("wrong {i}"));
        }
        let faults = report.finish(()).unwrap_err();
        assert_eq!((faults.iter().count(), faults.count()), (FAULTS_MAX, FAULTS_MAX + 5));
        assert!(faults.to_string().ends_with("105 faults in f, 5 of them not shown"));
    }
}
