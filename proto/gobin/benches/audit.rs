//! Reading and auditing the programs named in `LINGER_BENCH_FILES` (separated by blanks), or the `go` on the path:
//!
//!     cargo bench -p linger-gobin

use std::path::PathBuf;
use std::{env, fs};

use divan::Bencher;
use divan::counter::BytesCount;
use linger_gobin::Binary;

fn main() {
    divan::main();
}

fn files() -> Vec<String> {
    if let Ok(files) = env::var("LINGER_BENCH_FILES") {
        return files.split_whitespace().map(str::to_owned).collect();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let go = env::split_paths(&path).map(|folder| folder.join("go")).find(|file| file.is_file());
    // What stands on the path may be a link into a Go installation.
    let go = go.and_then(|file| fs::canonicalize(file).ok());
    go.map(|file: PathBuf| file.display().to_string()).into_iter().collect()
}

fn read(file: &str) -> Vec<u8> {
    fs::read(file).expect("a file that can be read")
}

/// Headers, build info, function table, module data.
#[divan::bench(args = files())]
fn binary(bencher: Bencher<'_, '_>, file: &str) {
    let bytes = read(file);
    bencher.counter(BytesCount::of_slice(&bytes)).bench(|| Binary::read(&bytes).map(|b| b.functions().len()));
}

/// The same, and every defer statement.
#[divan::bench(args = files())]
fn audit(bencher: Bencher<'_, '_>, file: &str) {
    let bytes = read(file);
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| Binary::read(&bytes)?.audit().map(|audit| audit.defers.len()));
}

/// The same, and offsets from debug information, inflated.
#[divan::bench(args = files())]
fn layout(bencher: Bencher<'_, '_>, file: &str) {
    let bytes = read(file);
    bencher.counter(BytesCount::of_slice(&bytes)).bench(|| Binary::read(&bytes)?.layout());
}
