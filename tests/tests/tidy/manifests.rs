//! What stands in `Cargo.toml` files and in the lock file.

use crate::repository::{Crate, File};

/// The only place locked dependencies may come from, as cargo writes it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Manifests of crates that give a version of their own, or do not take the lints of the workspace.
pub(crate) fn inherit(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files.iter().filter(|f| f.path == "Cargo.toml") {
        if !file.text().contains("unsafe_code = \"deny\"") {
            broken.push(format!("{}: the workspace must deny unsafe_code", file.path));
        }
    }
    // A fuzz crate is a workspace of its own: it is built by another compiler.
    let member = |f: &&File| f.path.ends_with("/Cargo.toml") && !f.text().contains("\n[workspace]");
    for file in files.iter().filter(member) {
        if !file.text().contains("[lints]\nworkspace = true") {
            broken.push(format!("{}: `[lints] workspace = true` is missing", file.path));
        }
        let mut section = "";
        for (number, line) in file.text().lines().enumerate() {
            if line.starts_with('[') {
                section = line;
            } else if section.ends_with("dependencies]")
                && line.contains('=')
                && !line.contains("workspace = true")
            {
                broken.push(format!("{}:{}: take it from the workspace table", file.path, number + 1));
            }
        }
    }
    broken
}

/// Entries of the workspace table that no crate uses.
pub(crate) fn unused(files: &[File], crates: &[Crate]) -> Vec<String> {
    table(files)
        .filter(|name| !crates.iter().any(|c| c.name == *name || c.dependencies.iter().any(|d| d == name)))
        .map(|name| format!("Cargo.toml: no crate uses {name}"))
        .collect()
}

/// Names in the workspace table, in order.
pub(crate) fn table(files: &[File]) -> impl Iterator<Item = &str> {
    files
        .iter()
        .filter(|f| f.path == "Cargo.toml")
        .flat_map(|f| f.text().lines())
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
}

/// Locked packages that come from elsewhere than the public registry: another host, a repository.
pub(crate) fn sources(files: &[File]) -> Vec<String> {
    let mut broken = Vec::new();
    for file in files.iter().filter(|f| f.path.ends_with("Cargo.lock")) {
        for (number, line) in file.text().lines().enumerate() {
            if line.strip_prefix("source = ").is_some_and(|source| source.trim_matches('"') != REGISTRY) {
                broken.push(format!("{}:{}: {line}", file.path, number + 1));
            }
        }
    }
    broken
}

#[test]
fn a_manifest_that_goes_its_own_way_is_seen() {
    let files = [
        File::sample("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"warn\"\n"),
        File::sample(
            "x/Cargo.toml",
            "[package]\nversion = \"1\"\n[dev-dependencies]\na.workspace = true\nb = \"1\"\n",
        ),
    ];
    assert_eq!(
        inherit(&files),
        [
            "Cargo.toml: the workspace must deny unsafe_code",
            "x/Cargo.toml: `[lints] workspace = true` is missing",
            "x/Cargo.toml:5: take it from the workspace table",
        ]
    );
}

#[test]
fn a_table_entry_nobody_uses_is_seen() {
    let manifest = "[workspace.dependencies]\nlinger = { path = \"agent\" }\n\na = \"1\"\nb = \"1\"\n\n[profile.dev]\nc = 1\n";
    let files = [File::sample("Cargo.toml", manifest)];
    assert_eq!(table(&files).collect::<Vec<_>>(), ["linger", "a", "b"]);
    assert_eq!(unused(&files, &[Crate::sample("linger", &["a"])]), ["Cargo.toml: no crate uses b"]);
}

#[test]
fn a_package_from_elsewhere_is_seen() {
    let lock = format!("source = \"{REGISTRY}\"\nsource = \"git+https://example.org/x\"\n");
    assert_eq!(
        sources(&[File::sample("Cargo.lock", &lock)]),
        ["Cargo.lock:2: source = \"git+https://example.org/x\""]
    );
}
