//! A page as it grows: headings, notes, tables.

use super::table::{INDENT, Table};
use super::{Layout, Screen, paint, text};

/// Lines of one page.
#[derive(Debug)]
pub(super) struct Page<'a> {
    screen: &'a Screen,
    out: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(screen: &'a Screen) -> Self {
        Self { screen, out: String::new() }
    }

    /// A line that starts at the left edge.
    pub(super) fn line(&mut self, line: &str) {
        self.facts_at("", &[line.to_owned()]);
    }

    /// A line of facts that starts at the left edge; what does not fit goes on below, indented.
    pub(super) fn line_of(&mut self, facts: &[String]) {
        self.facts_at("", facts);
    }

    /// A line below a heading.
    pub(super) fn note(&mut self, note: &str) {
        self.facts_at(self.indent(), &[note.to_owned()]);
    }

    /// A line of facts below a heading.
    pub(super) fn note_of(&mut self, facts: &[String]) {
        self.facts_at(self.indent(), facts);
    }

    /// A point of a list below a heading.
    pub(super) fn item(&mut self, mark: &str, item: &str) {
        let first = format!("{}{mark} ", self.indent());
        let next = " ".repeat(first.chars().count());
        self.wrapped(&first, &next, &[item.to_owned()]);
    }

    /// As is: blanks in a sparkline mean something.
    pub(super) fn sparkline(&mut self, spark: &str) {
        if !spark.is_empty() {
            self.push(&format!("{}{}", self.indent(), spark.trim_end()));
        }
    }

    pub(super) fn table(&mut self, table: &Table) {
        for line in table.lines(self.screen) {
            self.push(&line);
        }
    }

    /// An empty line, never two and never the first.
    pub(super) fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// The page with its colours, ending in one line end.
    pub(super) fn finish(self) -> String {
        let mut page = paint::finish(self.out.trim_end());
        page.push('\n');
        page
    }

    fn indent(&self) -> &'static str {
        if self.screen.layout == Layout::Pipe { "" } else { INDENT }
    }

    fn facts_at(&mut self, first: &str, facts: &[String]) {
        self.wrapped(first, &format!("{first}{INDENT}"), facts);
    }

    fn wrapped(&mut self, first: &str, next: &str, facts: &[String]) {
        let Layout::Terminal { width } = self.screen.layout else {
            return self.push(&format!("{first}{}", facts.join(", ")));
        };
        let lines = text::wrap_facts(facts, width.saturating_sub(next.chars().count()));
        for (i, line) in lines.iter().enumerate() {
            self.push(&format!("{}{line}", if i == 0 { first } else { next }));
        }
    }

    fn push(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }
}
