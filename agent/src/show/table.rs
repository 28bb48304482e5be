//! Tables. On a terminal a record may take several short lines and one column takes what room is left; in a
//! pipe every record is one line of columns two spaces apart, nothing cut, nothing drawn, `-` for nothing.

use super::{Layout, Screen, text};
use comfy_table::{CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, TableStyle};
use unicode_width::UnicodeWidthStr;

/// A header with a thin line below, and nothing else drawn.
const TERMINAL: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

const PIPE: TableStyle = TableStyle::new();

/// The widening column is never narrower than this; a narrower terminal wraps by itself.
const REST_CELLS_MIN: usize = 24;

/// Blanks between two columns.
const GUTTER: u16 = 2;

/// Before every line of a table on a terminal.
pub(super) const INDENT: &str = "  ";

/// How a column is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// As wide as its content, words start at the left.
    Left,
    /// As wide as its content, digits line up at the right.
    Right,
    /// What room the terminal leaves; wraps.
    Rest,
}

/// A column of the terminal, and the columns a pipe gets instead of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Title on a terminal; with an empty one the column is for pipes only.
    title: &'static str,
    /// Titles in a pipe; without one the column is for terminals only.
    pipe: &'static [&'static str],
    fit: Fit,
}

impl Column {
    pub(super) const fn new(title: &'static str, pipe: &'static [&'static str], fit: Fit) -> Self {
        Self { title, pipe, fit }
    }
}

/// What stands in one column of one record.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Lines on a terminal; empty ones are left out.
    lines: Vec<String>,
    /// One text for each title of the pipe.
    fields: Vec<String>,
}

impl Cell {
    /// The same in both layouts.
    pub(super) fn one(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { lines: vec![text.clone()], fields: vec![text] }
    }

    /// Each field a column in a pipe, a line on a terminal.
    pub(super) fn stacked<const N: usize>(fields: [String; N]) -> Self {
        Self { lines: fields.to_vec(), fields: fields.into() }
    }

    /// Nothing in a pipe.
    pub(super) fn terminal(text: impl Into<String>) -> Self {
        Self { lines: vec![text.into()], fields: Vec::new() }
    }

    /// Nothing on a terminal.
    pub(super) fn pipe(text: impl Into<String>) -> Self {
        Self { lines: Vec::new(), fields: vec![text.into()] }
    }

    /// Different in the two layouts.
    pub(super) fn both(lines: Vec<String>, fields: Vec<String>) -> Self {
        Self { lines, fields }
    }

    fn on_terminal(&self) -> Vec<&str> {
        self.lines.iter().filter(|line| !line.is_empty()).map(String::as_str).collect()
    }

    /// Lines of at most `cells`; what a line began with as blanks, its continuation begins with too.
    fn wrapped(&self, cells: usize) -> Vec<String> {
        let mut out = Vec::new();
        for line in self.on_terminal() {
            let text = line.trim_start();
            let indent = line.strip_suffix(text).unwrap_or("");
            let room = cells.saturating_sub(indent.len());
            out.extend(text::wrap_hard(text, room).into_iter().map(|part| format!("{indent}{part}")));
        }
        out
    }
}

/// Records under columns.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Lines without trailing blanks.
    pub(super) fn lines(&self, screen: &Screen) -> Vec<String> {
        match screen.layout {
            Layout::Terminal { width } => self.terminal(width),
            Layout::Pipe => self.pipe(),
        }
    }

    fn terminal(&self, width: usize) -> Vec<String> {
        let shown: Vec<usize> = (0..self.columns.len()).filter(|&i| self.shows_on_terminal(i)).collect();
        let columns: Vec<Column> = shown.iter().filter_map(|&i| self.columns.get(i)).copied().collect();
        let rest = self.rest_cells(&shown, width);
        let mut table = comfy_table::Table::new();
        table.load_style(TERMINAL).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|c| c.title));
        for row in &self.rows {
            let cells = shown.iter().filter_map(|&i| row.get(i)).zip(&columns);
            table.add_row(cells.map(|(cell, column)| match column.fit {
                Fit::Rest => cell.wrapped(rest).join("\n"),
                Fit::Left | Fit::Right => cell.on_terminal().join("\n"),
            }));
        }
        for (column, laid_out) in columns.iter().zip(table.column_iter_mut()) {
            lay_out(laid_out, column.fit);
        }
        let mut lines: Vec<String> =
            table.lines().map(|line| format!("{INDENT}{}", line.trim_end())).collect();
        // The gutter of the last column is no part of the rule.
        let longest = lines.iter().enumerate().filter(|&(i, _)| i != 1).map(|(_, l)| l.width()).max();
        if let (Some(rule), Some(longest)) = (lines.get_mut(1), longest) {
            *rule = rule.chars().take(longest).collect();
        }
        lines
    }

    /// What the other columns shown leave of `width`.
    fn rest_cells(&self, shown: &[usize], width: usize) -> usize {
        let mut others = INDENT.len();
        for &i in shown {
            let Some(column) = self.columns.get(i).filter(|c| c.fit != Fit::Rest) else { continue };
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            let widest = cells.flat_map(Cell::on_terminal).map(UnicodeWidthStr::width).max().unwrap_or(0);
            others += widest.max(column.title.len()) + usize::from(GUTTER);
        }
        width.saturating_sub(others).max(REST_CELLS_MIN)
    }

    /// A column for pipes, or one in which no record has anything, takes no room.
    fn shows_on_terminal(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|c| !c.title.is_empty())
            && self.rows.iter().filter_map(|row| row.get(column)).any(|cell| !cell.on_terminal().is_empty())
    }

    fn pipe(&self) -> Vec<String> {
        let mut table = comfy_table::Table::new();
        table.load_style(PIPE).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().flat_map(|c| c.pipe));
        for row in &self.rows {
            let fields = row.iter().flat_map(|cell| &cell.fields);
            table.add_row(fields.map(|field| if field.is_empty() { "-" } else { field }));
        }
        let fits = self.columns.iter().flat_map(|c| c.pipe.iter().map(|_| c.fit));
        for (fit, laid_out) in fits.zip(table.column_iter_mut()) {
            lay_out(laid_out, fit);
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

fn lay_out(column: &mut comfy_table::Column, fit: Fit) {
    column.set_padding((0, GUTTER));
    if fit == Fit::Right {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Fit, Table};
    use crate::show::{Layout, Screen};

    fn table() -> Table {
        let mut table = Table::new(&[
            Column::new("", &["TARGET"], Fit::Left),
            Column::new("COUNT", &["COUNT"], Fit::Right),
            Column::new("NOTE", &["NOTE"], Fit::Left),
            Column::new("WHERE", &["FUNCTION", "AT"], Fit::Rest),
        ]);
        for (count, function) in [("7", "main.short"), ("1,200", "shop.(*Cart).aRatherLongMethodName")] {
            table.row(vec![
                Cell::pipe("api"),
                Cell::one(count),
                Cell::one(""),
                Cell::both(
                    vec![function.to_owned(), "  cart.go:88 and then some more words".to_owned()],
                    vec![function.to_owned(), "cart.go:88".to_owned()],
                ),
            ]);
        }
        table
    }

    #[track_caller]
    fn check(layout: Layout, expected: &[&str]) {
        assert_eq!(table().lines(&Screen::for_tests(layout)), expected);
    }

    #[test]
    fn a_terminal_stacks_wraps_and_leaves_empty_columns_out() {
        check(
            Layout::Terminal { width: 40 },
            &[
                "  COUNT  WHERE",
                "  ──────────────────────────────────────",
                "      7  main.short",
                "           cart.go:88 and then some more",
                "           words",
                "  1,200  shop.(*Cart).aRatherLongMethodN",
                "         ame",
                "           cart.go:88 and then some more",
                "           words",
            ],
        );
    }

    #[test]
    fn a_pipe_gets_one_line_each_and_nothing_cut() {
        check(
            Layout::Pipe,
            &[
                "TARGET  COUNT  NOTE  FUNCTION                            AT",
                "api         7  -     main.short                          cart.go:88",
                "api     1,200  -     shop.(*Cart).aRatherLongMethodName  cart.go:88",
            ],
        );
    }
}
