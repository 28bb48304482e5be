//! The Go examples of the runbook on defers: each compiles, passes `go vet`, and its statements are of the kinds that
//! their comments claim.

use super::programs::{command, gos, release};
use linger_gobin::Binary;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const RUNBOOK: &str = "deploy/runbooks/defers.md";

/// An example, with the line of its first line in the runbook.
struct Example {
    first_line: usize,
    text: String,
}

fn examples() -> Vec<Example> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(RUNBOOK);
    let text = fs::read_to_string(file).unwrap();
    let mut examples: Vec<Example> = Vec::new();
    let mut is_inside = false;
    for (i, line) in text.lines().enumerate() {
        match line {
            "```go" => {
                is_inside = true;
                examples.push(Example { first_line: i + 2, text: String::new() });
            }
            "```" => is_inside = false,
            _ if is_inside => {
                let example = examples.last_mut().unwrap();
                example.text.push_str(line);
                example.text.push('\n');
            }
            _ => {}
        }
    }
    examples
}

impl Example {
    /// Line and kind of each statement, as its comment claims.
    fn claimed(&self) -> BTreeSet<(u32, String)> {
        let lines = (1..).zip(self.text.lines());
        let defers = lines.filter(|(_, line)| line.trim_start().starts_with("defer "));
        defers
            .map(|(number, line)| {
                let (_, kind) = line.split_once(" // ").unwrap_or_else(|| panic!("{line}: of which kind?"));
                (number, kind.to_owned())
            })
            .collect()
    }

    /// A program that refers to each of its functions, so that the linker keeps them.
    fn main(&self) -> String {
        let functions = self.text.lines().filter_map(|line| line.strip_prefix("func ")?.split('(').next());
        let functions: Vec<&str> = functions.filter(|name| !name.is_empty()).collect();
        assert!(!functions.is_empty(), "line {}: no function", self.first_line);
        format!(
            "package main\n\nvar kept = []any{{{}}}\n\nfunc main() {{\n\tprintln(len(kept))\n}}\n",
            functions.join(", ")
        )
    }

    fn needs_1_23(&self) -> bool {
        self.text.starts_with("//go:build go1.23\n")
    }
}

#[test]
fn examples_compile_and_their_statements_are_of_the_kinds_they_claim() {
    let examples = examples();
    let claimed: BTreeSet<String> =
        examples.iter().flat_map(Example::claimed).map(|(_, kind)| kind).collect();
    assert_eq!(claimed.iter().map(String::as_str).collect::<Vec<_>>(), ["heap", "open", "range", "stack"]);
    for go in gos() {
        let release = release(&go).unwrap();
        for example in examples.iter().filter(|example| release >= 23 || !example.needs_1_23()) {
            check(&go, release, example);
        }
    }
}

#[track_caller]
fn check(go: &str, release: u16, example: &Example) {
    let at = format!("{RUNBOOK}:{} by Go 1.{release}", example.first_line);
    let name = format!("runbook-{release}-{}-{}", example.first_line, std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in [
        ("go.mod", format!("module example.com/runbook\n\ngo 1.{release}\n")),
        ("example.go", example.text.clone()),
        ("main.go", example.main()),
    ] {
        fs::write(folder.join(file), text).unwrap();
    }
    for words in [&["vet", "."][..], &["build", "-o", "program", "."]] {
        let output = command(go).current_dir(&folder).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{at}: go {words:?}: {said}");
    }
    let bytes = fs::read(folder.join("program")).unwrap();
    let audit = Binary::read(&bytes).unwrap().audit().unwrap();
    let own = audit.defers.iter().filter(|defer| defer.file.ends_with("/example.go"));
    let found: BTreeSet<(u32, String)> = own.map(|d| (d.line, d.kind.name().to_owned())).collect();
    assert_eq!(found, example.claimed(), "{at}");
    fs::remove_dir_all(&folder).unwrap();
}
