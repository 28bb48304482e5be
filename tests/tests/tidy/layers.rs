//! Which crate may see which: the table of ARCHITECTURE.md as code.

use crate::repository::Crate;

/// What each crate may depend on, downwards only. A crate that is missing here has no place yet.
const ALLOWED: &[(&str, &[&str])] = &[
    ("linger-series", &[]),
    ("linger-gobin", &[]),
    ("linger-gotrace", &[]),
    ("linger-proto", &[]),
    ("linger-store", &["linger-series"]),
    ("linger-promql", &["linger-series"]),
    ("linger-config", &["linger-series"]),
    ("linger-derive", &["linger-series", "linger-proto", "linger-gotrace", "linger-gobin"]),
    ("linger-probe", &["linger-gobin"]),
    ("linger", &[ANY]),
    ("linger-tests", &[ANY]),
];

/// Any crate of the workspace.
const ANY: &str = "*";

/// Dependencies that decide what a crate is, and the only crate that may have each.
const HEAVY: &[(&str, &str)] = &[
    ("tokio", "linger"),
    ("reqwest", "linger"),
    ("hickory-resolver", "linger"),
    ("hyper", "linger"),
    ("tokio-rustls", "linger"),
    ("clap", "linger"),
    ("axum", "linger"),
    ("sled", "linger-store"),
    ("prost", "linger-proto"),
    ("granit-parser", "linger-config"),
    ("gimli", "linger-gobin"),
    ("object", "linger-gobin"),
];

/// Edges between crates of the workspace that the table does not allow.
pub(crate) fn edges(crates: &[Crate]) -> Vec<String> {
    let mut broken = Vec::new();
    for krate in crates {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == krate.name) else {
            broken.push(format!("{} has no place among the layers", krate.name));
            continue;
        };
        let ours = krate.dependencies.iter().filter(|d| crates.iter().any(|c| c.name == **d));
        for dependency in ours {
            if !allowed.contains(&ANY) && !allowed.contains(&dependency.as_str()) {
                broken.push(format!("{} must not depend on {dependency}", krate.name));
            }
        }
    }
    broken
}

/// Heavy dependencies outside their crate.
pub(crate) fn heavy(crates: &[Crate]) -> Vec<String> {
    let mut broken = Vec::new();
    for krate in crates {
        for dependency in &krate.dependencies {
            match HEAVY.iter().find(|(name, _)| name == dependency) {
                Some((_, home)) if *home != krate.name => {
                    broken.push(format!("{} has {dependency}, which lives in {home}", krate.name));
                }
                _ => {}
            }
        }
    }
    broken
}

#[test]
fn an_edge_upwards_and_a_crate_without_a_place_are_seen() {
    let crates = [
        Crate::sample("linger-series", &["linger-store", "serde"]),
        Crate::sample("linger-store", &["linger-series", "sled"]),
        Crate::sample("linger-attic", &[]),
    ];
    assert_eq!(
        edges(&crates),
        ["linger-series must not depend on linger-store", "linger-attic has no place among the layers"]
    );
}

#[test]
fn a_heavy_dependency_away_from_home_is_seen() {
    let crates =
        [Crate::sample("linger-store", &["sled", "tokio"]), Crate::sample("linger", &["tokio", "clap"])];
    assert_eq!(heavy(&crates), ["linger-store has tokio, which lives in linger"]);
}
