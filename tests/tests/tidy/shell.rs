//! Shell scripts: they stop at the first failure, and they parse.

use crate::repository::File;
use std::path::Path;
use std::process::Command;

/// Whether a file is a script: by its first line, or by its name.
fn is_script(file: &File) -> bool {
    is_run(file) || file.path.ends_with(".sh") || file.path.ends_with(".bash")
}

/// Whether it is run by itself; a file without a first line `#!` is read by another.
fn is_run(file: &File) -> bool {
    let first = file.text().lines().next().unwrap_or("");
    first.starts_with("#!") && first.ends_with("sh")
}

/// Scripts whose first command is not `set -eu` or more.
pub(crate) fn stops_at_failure(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|f| is_run(f))
        .filter(|f| {
            let mut lines = f.text().lines().map(str::trim);
            let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
            !first.is_some_and(|line| line.starts_with("set -eu"))
        })
        .map(|f| format!("{}: start with `set -eu`", f.path))
        .collect()
}

/// Scripts that bash cannot parse, and what it says.
pub(crate) fn parses(root: &Path, files: &[File]) -> Vec<String> {
    files.iter().filter(|f| is_script(f)).filter_map(|f| parse(root, &f.path)).collect()
}

fn parse(root: &Path, path: &str) -> Option<String> {
    let run = Command::new("bash").arg("-n").arg(path).current_dir(root).output();
    let run = run.expect("bash is installed where scripts are run");
    (!run.status.success()).then(|| format!("{path}: {}", String::from_utf8_lossy(&run.stderr).trim()))
}

#[test]
fn a_script_that_goes_on_after_a_failure_is_seen() {
    let files = [
        File::sample("a", "#!/usr/bin/env bash\n# what it does\n\nset -euo pipefail\n"),
        File::sample("b", "#!/bin/sh\necho hello\nset -eu\n"),
        File::sample("c.bash", "read_by_another() { :; }\n"),
        File::sample("d.py", "#!/usr/bin/env python3\n"),
    ];
    assert_eq!(stops_at_failure(&files), ["b: start with `set -eu`"]);
    assert!(is_script(&files[2]) && !is_script(&files[3]));
}

#[test]
fn a_script_that_does_not_parse_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.sh"), "if true; then\n").unwrap();
    std::fs::write(dir.path().join("b.sh"), "true\n").unwrap();
    let files = [File::sample("a.sh", ""), File::sample("b.sh", "")];
    let broken = parses(dir.path(), &files);
    assert!(broken.len() == 1 && broken[0].starts_with("a.sh: "), "{broken:?}");
}
