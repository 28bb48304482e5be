//! Every decoder over what real services said: `/tests/recordings`, one folder for each minor version of Go, made by
//! the script there. `truth.json` is what the service had planted.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this crate is a test"
)]

mod cuts;
mod dumps;
mod heaps;
mod pages;
mod profiles;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders of all recorded versions, oldest first: at least the first and the last supported one.
fn versions() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap());
    let is_version = |name: &str| name.starts_with("go1.");
    let mut folders: Vec<PathBuf> =
        entries.filter(|e| is_version(&e.file_name().to_string_lossy())).map(|e| e.path()).collect();
    folders.sort();
    assert!(folders.len() >= 7, "{folders:?}");
    folders
}

fn read(folder: &Path, file: &str) -> Vec<u8> {
    let path = folder.join(file);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The minor version of a folder: 27 for `go1.27`.
fn minor(folder: &Path) -> u32 {
    let name = folder.file_name().unwrap().to_str().unwrap();
    name.strip_prefix("go1.").unwrap().parse().unwrap()
}

/// One kind of goroutine that the service planted.
#[derive(Debug)]
struct Planted {
    class: String,
    function: String,
    line: i64,
    leaked: bool,
    count: i64,
}

fn truth(folder: &Path) -> Value {
    serde_json::from_slice(&read(folder, "truth.json")).unwrap()
}

fn planted(folder: &Path) -> Vec<Planted> {
    let truth = truth(folder);
    let planted = truth["goroutines"].as_array().unwrap().iter().map(|p| Planted {
        class: p["class"].as_str().unwrap().to_owned(),
        function: p["function"].as_str().unwrap().to_owned(),
        line: p["line"].as_i64().unwrap(),
        leaked: p["leaked"].as_bool().unwrap(),
        count: p["count"].as_i64().unwrap(),
    });
    let planted: Vec<Planted> = planted.collect();
    assert!(planted.len() >= 20);
    planted
}
