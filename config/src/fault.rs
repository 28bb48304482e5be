//! What is wrong in a configuration, said so that it can be mended: place, source line, caret, key, help.
//!
//! A fault keeps its own excerpt, so it outlives the text. How faults are found is in `report`, what of a line is
//! shown in `excerpt`.

use crate::excerpt::Excerpt;
use std::fmt;
use std::path::Path;

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// File name as given, `environment` or `command line`.
    pub file: String,
    /// Line, from 1; 0 where the file as a whole is meant, as when it cannot be read.
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
    pub(crate) excerpt: Excerpt,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let Excerpt { text, caret, width } = &self.excerpt;
        writeln!(f, "error: {}", self.message)?;
        if self.line == 0 {
            writeln!(f, "{gutter}--> {}", self.file)?;
            return self.notes.iter().try_for_each(|note| writeln!(f, "{gutter} = {note}"));
        }
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

/// All that is wrong, file after file, each in its order. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    left_out: usize,
}

impl Faults {
    /// These faults; `None` where there are none.
    pub(crate) fn new(faults: Vec<Fault>, left_out: usize) -> Option<Self> {
        (!faults.is_empty()).then_some(Self { faults, left_out })
    }

    /// A file that as a whole is of no use.
    pub(crate) fn of_file(file: &Path, message: String) -> Self {
        let fault = Fault { file: file.display().to_string(), message, ..Fault::default() };
        Self { faults: vec![fault], left_out: 0 }
    }

    /// All faults of several files as one list.
    pub(crate) fn joined(lists: impl IntoIterator<Item = Self>) -> Option<Self> {
        lists.into_iter().reduce(|mut all, list| {
            all.faults.extend(list.faults);
            all.left_out += list.left_out;
            all
        })
    }

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
        let first = self.faults.first().map_or("", |fault| &*fault.file);
        let others = self.faults.iter().any(|fault| fault.file != first);
        let file = if others { "several places" } else { first };
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
