//! Statements that a team knows and has a reason for, in a file that is read in review:
//!
//! ```text
//! heap  github.com/acme/shop/cart.(*Cart).drain+12  # the lines of one order, 50 at most
//! ```
//!
//! The place is the function and the line counted from its start, so that an edit above does not make an old
//! statement new. One entry covers all statements of its kind at that place.

use linger_gobin::audit::DeferKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most bytes of a file: a thousand times the largest list there is reason for.
pub const FILE_BYTES_MAX: u64 = 8 << 20;

const KINDS: [DeferKind; 4] = [DeferKind::Heap, DeferKind::Range, DeferKind::Stack, DeferKind::Open];

const HEAD: &str = "\
# Defer statements that are known, each with the reason why it is right: kind, place, # reason.
# Written by `linger audit --write-baseline`, which keeps the reasons. A place is its function and the line counted
# from the function's start.
";

/// A baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    file: String,
    /// Reasons by kind and place.
    entries: BTreeMap<(DeferKind, String), String>,
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineError {
    /// From 1.
    pub line: usize,
    /// What is there.
    pub found: String,
}

impl fmt::Display for BaselineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, found } = self;
        write!(
            f,
            "line {line}: expected `KIND PLACE # REASON` with a kind of heap, range, stack or open, found `{found}`"
        )
    }
}

impl std::error::Error for BaselineError {}

impl Baseline {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// The first line that is neither an entry, nor a comment, nor blank.
    pub fn parse(file: &str, text: &str) -> Result<Self, BaselineError> {
        let mut entries = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (entry, reason) = line.split_once(" #").unwrap_or((line, ""));
            let parts = entry.trim().split_once(char::is_whitespace);
            let parsed = parts.and_then(|(kind, place)| {
                let kind = KINDS.into_iter().find(|k| k.name() == kind)?;
                Some((kind, place.trim().to_owned()))
            });
            let error = || BaselineError { line: number, found: line.to_owned() };
            entries.insert(parsed.ok_or_else(error)?, reason.trim().to_owned());
        }
        Ok(Self { file: file.to_owned(), entries })
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Entries in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries without a reason.
    #[must_use]
    pub fn without_reason(&self) -> usize {
        self.entries.values().filter(|reason| reason.is_empty()).count()
    }

    /// The reason for a statement; empty where none is given, `None` for a new statement.
    #[must_use]
    pub fn reason(&self, kind: DeferKind, place: &str) -> Option<&str> {
        self.entries.get(&(kind, place.to_owned())).map(String::as_str)
    }

    /// Entries that none of these statements is.
    #[must_use]
    pub fn unmatched(&self, statements: &BTreeSet<(DeferKind, String)>) -> Vec<String> {
        let entries = self.entries.keys().filter(|entry| !statements.contains(*entry));
        entries.map(|(kind, place)| format!("{kind} {place}")).collect()
    }

    /// Adds statements that are not in it yet, without a reason; says how many. A name that would be more than one
    /// line, which no compiler writes, is left out: it goes on failing.
    pub fn add(&mut self, statements: impl IntoIterator<Item = (DeferKind, String)>) -> usize {
        let before = self.len();
        for statement in statements.into_iter().filter(|(_, place)| !place.contains(char::is_control)) {
            self.entries.entry(statement).or_default();
        }
        self.len() - before
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for ((kind, place), reason) in &self.entries {
            text += format!("{kind:<5}  {place}  # {reason}").trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, Baseline, BaselineError};
    use linger_gobin::audit::DeferKind::{Heap, Open, Range};

    const TEXT: &str = "\
# ours
heap  a/b.(*T).F+12  # closes five files

range  a/b.G[...]+3
";

    #[test]
    fn entries_have_a_kind_a_place_and_perhaps_a_reason() {
        let baseline = Baseline::parse("f", TEXT).unwrap();
        assert_eq!((baseline.len(), baseline.without_reason()), (2, 1));
        assert_eq!(baseline.reason(Heap, "a/b.(*T).F+12"), Some("closes five files"));
        assert_eq!(baseline.reason(Range, "a/b.G[...]+3"), Some(""));
        assert_eq!(baseline.reason(Open, "a/b.(*T).F+12"), None);
    }

    #[test]
    fn what_was_written_reads_back_with_its_reasons() {
        let mut baseline = Baseline::parse("f", TEXT).unwrap();
        let new = [(Heap, "a/b.(*T).F+12".to_owned()), (Heap, "c.H+1".to_owned())];
        assert_eq!(baseline.add(new.clone()), 1);
        assert_eq!(baseline.add([(Heap, "c.H+1 # fine\nheap  d.J+1".to_owned())]), 0, "forged");
        assert_eq!(Baseline::parse("f", &baseline.text()), Ok(baseline.clone()));
        assert_eq!(baseline.reason(Heap, "a/b.(*T).F+12"), Some("closes five files"));
        assert_eq!(baseline.unmatched(&BTreeSet::from(new)), ["range a/b.G[...]+3"]);
        assert!(baseline.text().lines().all(|line| line == line.trim_end()));
    }

    #[track_caller]
    fn check(text: &str, line: usize) {
        let error = Baseline::parse("f", text).expect_err(text);
        assert_eq!(error.line, line, "{text}");
    }

    #[test]
    fn another_file_is_no_baseline() {
        check("heap", 1);
        check("# head\nopen-coded a.F+1", 2);
        check("{\"version\": 1}", 1);
        let error = BaselineError { line: 2, found: "x y".into() };
        assert!(error.to_string().starts_with("line 2: expected `KIND PLACE # REASON`"));
    }
}
