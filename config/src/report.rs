//! The faults found so far in one text, and what has to be known of the text to say them.

use crate::excerpt::{Excerpt, Span};
use crate::fault::{Fault, Faults};
use std::path::{Path, PathBuf};

/// Most faults kept; a file with more has one cause, and nobody reads on.
const FAULTS_MAX: usize = 100;

/// The faults found so far in one text.
pub(crate) struct Report<'a> {
    file: &'a str,
    text: &'a str,
    /// What file names in the text are relative to: empty for the working folder.
    folder: PathBuf,
    /// Where each line starts, so that a place is found without reading the text again.
    line_starts: Vec<usize>,
    found: Vec<(Span, Fault)>,
    /// Faults beyond [`FAULTS_MAX`]: counted, and written over one another in `spare`.
    left_out: usize,
    spare: Fault,
    /// What no excerpt may show.
    hidden: Vec<Span>,
    /// Files the text refers to.
    files: Vec<FileAt>,
}

/// A file that a text refers to, and where.
struct FileAt {
    path: PathBuf,
    span: Span,
    key: String,
}

/// A file the configuration refers to, with what is to be said should it be missing.
#[derive(Clone, Debug)]
pub(crate) struct Referred {
    pub(crate) path: PathBuf,
    pub(crate) fault: Fault,
}

impl<'a> Report<'a> {
    /// An empty report on `text`.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Self {
            file,
            text,
            folder: PathBuf::new(),
            line_starts,
            found: Vec::new(),
            left_out: 0,
            spare: Fault::default(),
            hidden: Vec::new(),
            files: Vec::new(),
        }
    }

    /// The name of the text.
    pub(crate) fn file(&self) -> &str {
        self.file
    }

    /// File names in the text are relative to `folder`.
    pub(crate) fn relative_to(self, folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..self }
    }

    /// Adds a fault at `span`; label and notes are added to what comes back.
    pub(crate) fn add(&mut self, span: &Span, key: &str, message: impl Into<String>) -> &mut Fault {
        if self.found.len() >= FAULTS_MAX {
            self.left_out += 1;
            self.spare = Fault::default();
            return &mut self.spare;
        }
        let fault = Fault {
            file: self.file.to_owned(),
            key: key.to_owned(),
            message: message.into(),
            ..Fault::default()
        };
        self.found.push((span.clone(), fault));
        &mut self.found.last_mut().expect("one was just pushed").1
    }

    /// Line of a byte offset, from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at.min(self.text.len()))
    }

    /// Where the line of a byte offset starts.
    pub(crate) fn line_start(&self, at: usize) -> usize {
        self.line_of(at).checked_sub(1).and_then(|i| self.line_starts.get(i)).copied().unwrap_or(0)
    }

    /// No excerpt shows what stands at `span`.
    pub(crate) fn hide(&mut self, span: &Span) {
        self.hidden.push(span.clone());
    }

    /// Whether something at `span` is hidden.
    pub(crate) fn hides(&self, span: &Span) -> bool {
        self.hidden.iter().any(|h| h.start < span.end && span.start < h.end)
    }

    /// The path of a file or folder named in the text.
    pub(crate) fn path(&self, name: &Path) -> PathBuf {
        self.folder.join(name)
    }

    /// Remembers that the text refers to a file, which must be there in the end.
    pub(crate) fn refers(&mut self, path: &Path, span: &Span, key: &str) {
        self.files.push(FileAt { path: path.to_owned(), span: span.clone(), key: key.to_owned() });
    }

    /// How many were found so far: what rises over a reading was faulty.
    pub(crate) fn len(&self) -> usize {
        self.found.len() + self.left_out
    }

    /// What was found, in the order of the text.
    pub(crate) fn into_faults(mut self) -> Option<Faults> {
        let mut found = std::mem::take(&mut self.found);
        // A value shared by several targets is judged once for each: the same place and words count once.
        found.sort_by_key(|(span, _)| span.start);
        found.dedup_by(|a, b| a.0 == b.0 && a.1.message == b.1.message);
        let faults = found.into_iter().map(|(span, fault)| self.placed(&span, fault)).collect();
        Faults::new(faults, self.left_out)
    }

    /// The files the text refers to.
    pub(crate) fn referred(&self) -> Vec<Referred> {
        let of = |file: &FileAt| {
            let fault = Fault { file: self.file.to_owned(), key: file.key.clone(), ..Fault::default() };
            Referred { path: file.path.clone(), fault: self.placed(&file.span, fault) }
        };
        self.files.iter().map(of).collect()
    }

    /// The fault with its line and excerpt. Only now is known what no excerpt may show.
    fn placed(&self, span: &Span, fault: Fault) -> Fault {
        let (column, excerpt) = Excerpt::new(self.text, self.line_start(span.start), span, &self.hidden);
        Fault { line: self.line_of(span.start), column, excerpt, ..fault }
    }
}

#[cfg(test)]
mod tests {
    use super::{FAULTS_MAX, Report};
    use crate::excerpt::Span;

    #[track_caller]
    fn check(text: &str, span: Span, expected: &str) {
        let mut report = Report::new("f.yaml", text);
        report.add(&span, "a.b", "wrong").label("mend it").note("help: so");
        let got = report.into_faults().unwrap().iter().next().unwrap().to_string();
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
        let shown = report.into_faults().unwrap().to_string();
        assert!(shown.contains("1:5001") && shown.contains("xbady") && shown.len() < 500, "{shown}");
        assert!(shown.lines().all(|l| l.chars().count() <= 130), "{shown}");
    }

    #[test]
    fn secrets_and_control_characters_are_not_repeated() {
        let text = "url: \"http://user:p/@ss@host/x\"  \u{1b}[31m";
        let mut report = Report::new("f", text);
        report.add(&(5..9), "", "wrong");
        let shown = report.into_faults().unwrap().to_string();
        assert!(!shown.contains("p/@ss") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("http://***@host/x"), "{shown}");
    }

    #[test]
    fn the_same_fault_twice_counts_once_and_many_are_cut() {
        let mut report = Report::new("f", "a");
        report.add(&(0..1), "k", "wrong");
        report.add(&(0..1), "k", "wrong");
        assert_eq!(report.into_faults().unwrap().count(), 1);

        let mut report = Report::new("f", "a");
        for i in 0..FAULTS_MAX + 5 {
            report.add(&(0..1), "k", format!("wrong {i}"));
        }
        let faults = report.into_faults().unwrap();
        assert_eq!((faults.iter().count(), faults.count()), (FAULTS_MAX, FAULTS_MAX + 5));
        assert!(faults.to_string().ends_with("105 faults in f, 5 of them not shown"));
    }

    #[test]
    fn what_is_hidden_after_a_fault_was_found_is_not_shown_either() {
        let mut report = Report::new("f", "x: hunter2, y: 1");
        report.add(&(12..13), "y", "wrong");
        report.hide(&(3..10));
        let shown = report.into_faults().unwrap().to_string();
        assert!(shown.contains("x: ***, y: 1") && !shown.contains("hunter2"), "{shown}");
    }
}
