//! What the documents must say: names that tables and text have to hold, so that they do not fall behind.

use crate::manifests::table;
use crate::repository::{Crate, File};
use linger_series::metric::Metric;

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// Rows of the Markdown tables of a text whose first cell starts with a name in backticks: the name, and what
/// the other cells say.
fn rows(text: &str) -> Vec<(&str, Vec<&str>)> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
        .filter_map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let name = cells.next()?.strip_prefix('`')?.split('`').next()?;
            Some((name, cells.collect()))
        })
        .collect()
}

fn architecture(files: &[File]) -> Result<&str, Vec<String>> {
    match files.iter().find(|f| f.path == ARCHITECTURE) {
        Some(file) => Ok(file.text()),
        None => Err(vec![format!("{ARCHITECTURE} is missing")]),
    }
}

/// Crates that no table of ARCHITECTURE.md names.
pub(crate) fn crates(files: &[File], crates: &[Crate]) -> Vec<String> {
    let text = match architecture(files) {
        Ok(text) => text,
        Err(missing) => return missing,
    };
    let rows = rows(text);
    crates
        .iter()
        .filter(|krate| !rows.iter().any(|(name, _)| *name == krate.name))
        .map(|krate| format!("{ARCHITECTURE}: no table has a row for `{}`", krate.name))
        .collect()
}

/// Dependencies of the workspace table without a row in ARCHITECTURE.md, or with one that gives no reason.
pub(crate) fn dependencies(files: &[File]) -> Vec<String> {
    let text = match architecture(files) {
        Ok(text) => text,
        Err(missing) => return missing,
    };
    let rows = rows(text);
    table(files)
        .filter(|name| *name != "linger" && !name.starts_with("linger-"))
        .filter_map(|name| match rows.iter().find(|(row, _)| *row == name) {
            None => Some(format!("{ARCHITECTURE}: no table has a row for `{name}`")),
            Some((_, cells)) if cells.iter().all(|cell| cell.is_empty()) => {
                Some(format!("{ARCHITECTURE}: `{name}` has no reason"))
            }
            Some(_) => None,
        })
        .collect()
}

/// Metrics that no Markdown file names. A longer metric that starts with the same words does not count.
pub(crate) fn metrics(files: &[File], metrics: &[Metric]) -> Vec<String> {
    let documents = || files.iter().filter(|f| f.path.ends_with(".md"));
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    metrics
        .iter()
        .filter(|metric| {
            !documents().any(|f| f.text().split(|c| !is_part(c)).any(|word| word == metric.name))
        })
        .map(|metric| format!("no document names {}", metric.name))
        .collect()
}

#[test]
fn a_crate_or_dependency_without_a_row_or_reason_is_seen() {
    let files = [
        File::sample(
            "Cargo.toml",
            "[workspace.dependencies]\nlinger = { path = \"agent\" }\na = \"1\"\nb = \"1\"\nc = \"1\"\n",
        ),
        File::sample(
            ARCHITECTURE,
            "| crate | for |\n|---|---|\n| `linger` in `agent/` | all |\n| `a` | speed |\n| `b` | |\n`c` | no row |\n",
        ),
    ];
    assert_eq!(
        crates(&files, &[Crate::sample("linger", &[]), Crate::sample("linger-store", &[])]),
        ["ARCHITECTURE.md: no table has a row for `linger-store`"]
    );
    assert_eq!(
        dependencies(&files),
        ["ARCHITECTURE.md: `b` has no reason", "ARCHITECTURE.md: no table has a row for `c`"]
    );
    assert_eq!(crates(&[], &[]), ["ARCHITECTURE.md is missing"]);
    assert_eq!(dependencies(&[]), ["ARCHITECTURE.md is missing"]);
}

#[test]
fn a_metric_without_a_word_in_the_documents_is_seen() {
    let metric = |name| Metric { name, kind: linger_series::metric::Kind::Gauge, labels: &[], help: "" };
    let files = [
        File::sample("README.md", "`linger_up`, `linger_goroutines_at_site{site}`"),
        File::sample("a.rs", "linger_x"),
    ];
    assert_eq!(
        metrics(
            &files,
            &[
                metric("linger_up"),
                metric("linger_goroutines_at_site"),
                metric("linger_goroutines"),
                metric("linger_x")
            ]
        ),
        ["no document names linger_goroutines", "no document names linger_x"]
    );
}
