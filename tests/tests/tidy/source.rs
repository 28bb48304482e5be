//! What Rust source may look like, beyond what the compiler and clippy see.

use crate::code::code_of;
use crate::repository::File;

/// The one crate that may reach below the language: process memory needs it.
const UNSAFE_HOME: &str = "agent/probe/";

/// Most lines of code in a file, tests at its end not counted: beyond this there is a second subject in it.
const CODE_LINES_MAX: usize = 500;

/// Files that are longer, each with the reason.
const LONG: &[(&str, &str)] = &[];

/// File names that say nothing of what is inside.
const NAMELESS: &[&str] =
    &["mod.rs", "util.rs", "utils.rs", "helper.rs", "helpers.rs", "common.rs", "misc.rs", "shared.rs"];

/// What marks code as not done, not run or not used.
const UNFINISHED: &[&str] = &["todo!(", "unimplemented!(", "#[ignore", "allow(dead_code", "dbg!("];

fn rust(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|f| f.is_rust())
}

/// `unsafe` outside its crate.
pub(crate) fn unsafe_code(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in rust(files).filter(|f| !f.path.starts_with(UNSAFE_HOME)) {
        for (number, line) in code_of(file.text()).lines().enumerate() {
            if line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe") {
                broken.push(format!("{}:{}: unsafe outside {UNSAFE_HOME}", file.path, number + 1));
            }
        }
    }
    broken
}

/// Files with too many lines of code, and exceptions that are none any more.
pub(crate) fn long_files(files: &[File]) -> Vec<String> {
    longer_than(CODE_LINES_MAX, LONG, files)
}

fn longer_than(most: usize, allowed: &[(&str, &str)], files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in rust(files) {
        let lines = code_lines(file.text());
        let allowed = allowed.iter().any(|(path, _)| *path == file.path);
        match (lines > most, allowed) {
            (true, false) => broken.push(format!("{}: {lines} lines of code, most {most}", file.path)),
            (false, true) => broken.push(format!("{}: no longer long, take it off the list", file.path)),
            _ => {}
        }
    }
    for (path, _) in allowed.iter().filter(|(path, _)| !files.iter().any(|f| f.path == *path)) {
        broken.push(format!("{path}: gone, take it off the list"));
    }
    broken
}

/// Lines that are neither blank nor comment, up to a module of tests at the end.
fn code_lines(text: &str) -> usize {
    let code = code_of(text);
    let tests = code.find("#[cfg(test)]\nmod ").unwrap_or(code.len());
    code.get(..tests).unwrap_or("").lines().filter(|line| !line.trim().is_empty()).count()
}

/// Files whose name says nothing.
pub(crate) fn names(files: &[File]) -> Vec<String> {
    rust(files)
        .filter(|f| f.path.rsplit('/').next().is_some_and(|name| NAMELESS.contains(&name)))
        .map(|f| format!("{}: name it after the noun it holds", f.path))
        .collect()
}

/// Files that do not open with what they are for.
pub(crate) fn openings(files: &[File]) -> Vec<String> {
    rust(files)
        .filter(|f| !f.text().starts_with("//! "))
        .map(|f| format!("{}: open with `//!` and what it is for", f.path))
        .collect()
}

/// Code that is not done, not run or not used.
pub(crate) fn unfinished(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in rust(files) {
        for (number, line) in code_of(file.text()).lines().enumerate() {
            for mark in UNFINISHED.iter().filter(|mark| line.contains(*mark)) {
                broken.push(format!("{}:{}: {mark}", file.path, number + 1));
            }
        }
    }
    broken
}

#[test]
fn unsafe_code_is_seen_and_the_word_in_prose_is_not() {
    let text = "// unsafe\n#![deny(unsafe_code)]\nlet s = \"unsafe\";\nunsafe { x() }\n";
    let files = [File::sample("store/src/a.rs", text), File::sample("agent/probe/src/a.rs", text)];
    assert_eq!(unsafe_code(&files), ["store/src/a.rs:4: unsafe outside agent/probe/"]);
}

#[test]
fn a_long_file_is_seen_and_a_stale_exception_too() {
    let long = "let a = 1;\n// why\n\nlet b = 2;\nlet c = 3;\n#[cfg(test)]\nmod tests {\n}\n";
    let files =
        [File::sample("a.rs", long), File::sample("b.rs", "let a = 1;\n"), File::sample("c.rs", long)];
    let allowed = [("b.rs", "a table"), ("c.rs", "a table"), ("d.rs", "a table")];
    assert_eq!(
        longer_than(2, &allowed, &files),
        [
            "a.rs: 3 lines of code, most 2",
            "b.rs: no longer long, take it off the list",
            "d.rs: gone, take it off the list",
        ]
    );
}

#[test]
fn a_nameless_file_is_seen() {
    let files =
        [File::sample("a/src/util.rs", ""), File::sample("a/src/mod.rs", ""), File::sample("a/futil.rs", "")];
    assert_eq!(names(&files).len(), 2);
}

#[test]
fn a_file_without_an_opening_is_seen() {
    let files = [File::sample("a.rs", "use x;\n"), File::sample("b.rs", "//! What it is for.\n")];
    assert_eq!(openings(&files), ["a.rs: open with `//!` and what it is for"]);
}

#[test]
fn unfinished_code_is_seen_and_its_name_in_prose_is_not() {
    let text = "// no todo!() here\nlet s = \"todo!()\";\ntodo!();\n#[ignore = \"slow\"]\n";
    assert_eq!(unfinished(&[File::sample("a.rs", text)]), ["a.rs:3: todo!(", "a.rs:4: #[ignore"]);
}
