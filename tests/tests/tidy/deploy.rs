//! What the files to deploy with must say, as far as it shows without the programs they are for (those are asked by
//! the scripts of tests/deploy): each has its row in the table, names this version, and each proof is run.

use crate::repository::File;

const DEPLOY: &str = "deploy/";
const TABLE: &str = "deploy/README.md";
const MANIFEST: &str = "Cargo.toml";
const RUNNER: &str = "tests/run";
const PROOFS: &str = "tests/deploy/";

/// The demonstration is a service of its own, not a file to deploy with.
const DEMO: &str = "deploy/demo/";

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    files.iter().find(|f| f.path == path).map_or("", File::text)
}

/// Files that the table of deploy/README.md does not link, by themselves or by a folder above them.
pub(crate) fn rows(files: &[File]) -> Vec<String> {
    let table = text(files, TABLE);
    let linked = |path: &str| table.contains(&format!("]({path})"));
    files
        .iter()
        .filter(|f| f.path.starts_with(DEPLOY) && !f.path.starts_with(DEMO) && f.path != TABLE)
        .filter_map(|f| f.path.strip_prefix(DEPLOY))
        .filter(|path| {
            let mut folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
            !linked(path) && !folders.any(linked)
        })
        .map(|path| format!("{TABLE}: no row links {path}"))
        .collect()
}

/// Places that name an image of linger by another version than the workspace's.
pub(crate) fn versions(files: &[File]) -> Vec<String> {
    let version = text(files, MANIFEST)
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap_or("");
    let mut broken = Vec::new();
    for file in files.iter().filter(|f| f.path.starts_with(DEPLOY)) {
        for (number, line) in file.text().lines().enumerate() {
            for (_, named) in
                line.match_indices("linger:").filter_map(|(at, word)| line.split_at_checked(at + word.len()))
            {
                let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                let named = named.split(|c| !is_part(c)).next().unwrap_or("");
                if !named.is_empty() && named != version {
                    broken.push(format!("{}:{}: linger:{named}, version {version}", file.path, number + 1));
                }
            }
        }
    }
    broken
}

/// Scripts of tests/deploy that tests/run does not run.
pub(crate) fn proofs(files: &[File]) -> Vec<String> {
    let runner = text(files, RUNNER);
    files
        .iter()
        .filter(|f| f.path.starts_with(PROOFS) && f.text().starts_with("#!"))
        .filter(|f| {
            !runner.lines().any(|line| line.trim_start().starts_with("proof ") && line.ends_with(&f.path))
        })
        .map(|f| format!("{RUNNER}: does not run {}", f.path))
        .collect()
}

#[test]
fn a_file_without_a_row_is_seen_and_one_below_a_linked_folder_is_not() {
    let files = [
        File::sample(TABLE, "| [a](a.yaml) | [k](kubernetes/example) |\n"),
        File::sample("deploy/a.yaml", ""),
        File::sample("deploy/kubernetes/example/x.yaml", ""),
        File::sample("deploy/kubernetes/b.yaml", ""),
        File::sample("deploy/demo/run", ""),
        File::sample("elsewhere.yaml", ""),
    ];
    assert_eq!(rows(&files), ["deploy/README.md: no row links kubernetes/b.yaml"]);
}

#[test]
fn an_image_of_another_version_is_seen() {
    let files = [
        File::sample(MANIFEST, "[workspace.package]\nversion = \"0.2.0\"\n"),
        File::sample(
            "deploy/a.yaml",
            "image: linger:0.2.0\nimage: r/linger:0.1.0@sha\nlinger: watch\nlinger:latest\n",
        ),
        File::sample("a.md", "linger:0.1.0"),
    ];
    assert_eq!(
        versions(&files),
        ["deploy/a.yaml:2: linger:0.1.0, version 0.2.0", "deploy/a.yaml:4: linger:latest, version 0.2.0"]
    );
}

#[test]
fn a_proof_that_nothing_runs_is_seen() {
    let files = [
        File::sample(RUNNER, "  proof \"a\" tests/deploy/a\n# proof tests/deploy/b\n"),
        File::sample("tests/deploy/a", "#!/usr/bin/env bash\n"),
        File::sample("tests/deploy/b", "#!/usr/bin/env bash\n"),
        File::sample("tests/deploy/rules.py", "\"\"\"read by a\"\"\"\n"),
    ];
    assert_eq!(proofs(&files), ["tests/run: does not run tests/deploy/b"]);
}
