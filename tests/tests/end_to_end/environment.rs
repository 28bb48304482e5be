//! Where `tests/run` put what it built. A missing variable is a failure, not a skip: whoever turned the feature on
//! asked for these tests.

use std::path::{Path, PathBuf};

/// Which Go the services are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    /// The oldest release these tests cover.
    Oldest,
    /// The newest one.
    Newest,
}

impl Go {
    fn folder(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
        }
    }
}

/// The release build of `linger`.
pub(crate) fn agent() -> PathBuf {
    existing(&folder("LINGER_TEST_AGENT"))
}

/// A service of tests/services, built with one Go.
pub(crate) fn service(go: Go, name: &str) -> PathBuf {
    existing(&folder("LINGER_TEST_SERVICES").join(go.folder()).join(name))
}

/// Every service that was built for the soak of twenty, `VERSION/NAME`; outside of a soak those of the other tests.
pub(crate) fn services_of_all_versions() -> Vec<PathBuf> {
    let root = match std::env::var_os("LINGER_SOAK_SERVICES") {
        Some(root) => PathBuf::from(root),
        None => folder("LINGER_TEST_SERVICES"),
    };
    let versions = std::fs::read_dir(&root).unwrap_or_else(|e| panic!("{}: {e}", root.display()));
    let mut versions: Vec<PathBuf> = versions.flatten().map(|entry| entry.path()).collect();
    versions.sort();
    ["waits", "defers"]
        .iter()
        .flat_map(|name| versions.iter().map(move |v| existing(&v.join(name))))
        .collect()
}

/// A Go program from Debian.
pub(crate) fn peer(program: &str) -> PathBuf {
    existing(&folder("LINGER_TEST_PEERS").join(program))
}

/// The longest stretch, in minutes, that the soak of the Debian programs may take; absent outside of a soak.
pub(crate) fn soak_minutes() -> Option<u64> {
    std::env::var("LINGER_SOAK_MINUTES").ok().map(|m| m.parse().expect("LINGER_SOAK_MINUTES is a number"))
}

fn folder(variable: &str) -> PathBuf {
    PathBuf::from(
        std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set: use tests/run")),
    )
}

fn existing(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
