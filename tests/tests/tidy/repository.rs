//! The repository as the rules see it: its files and its crates.

use cargo_metadata::MetadataCommand;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file: its path from the top, with `/`, and what it holds.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    /// The text, or `""` for a file that is none.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or("")
    }

    /// Whether it is Rust source.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// A file for a test of a rule.
    pub(crate) fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }
}

/// A crate of the workspace and all it depends on, for building and testing too.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<String>,
}

impl Crate {
    /// A crate for a test of a rule.
    pub(crate) fn sample(name: &str, dependencies: &[&str]) -> Self {
        Self { name: name.to_owned(), dependencies: dependencies.iter().map(|&d| d.to_owned()).collect() }
    }
}

/// The repository this test is part of.
pub(crate) struct Repository {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<File>,
    pub(crate) crates: Vec<Crate>,
}

impl Repository {
    /// Reads it.
    pub(crate) fn here() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate has a folder above it");
        Self { root: root.to_owned(), files: files(root), crates: crates(root) }
    }
}

/// All files git knows or would add; one that is deleted and not yet committed is none.
fn files(root: &Path) -> Vec<File> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git is installed where this is developed");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("paths in this repository are UTF-8");
    let files: Vec<File> = listed
        .split_terminator('\0')
        .filter(|path| root.join(path).is_file())
        .map(|path| File {
            path: path.to_owned(),
            bytes: fs::read(root.join(path)).expect("a listed file can be read"),
        })
        .collect();
    assert!(files.iter().any(|f| f.path == "Cargo.toml"), "git lists no Cargo.toml at {}", root.display());
    files
}

fn crates(root: &Path) -> Vec<Crate> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned(), "--locked".to_owned()])
        .exec()
        .expect("cargo metadata works offline on a locked workspace");
    metadata
        .packages
        .iter()
        .map(|package| Crate {
            name: package.name.to_string(),
            dependencies: package.dependencies.iter().map(|d| d.name.to_string()).collect(),
        })
        .collect()
}
