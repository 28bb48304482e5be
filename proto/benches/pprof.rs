//! Decoding of the files named in `LINGER_BENCH_FILES` (separated by blanks), or of the newest recordings:
//!
//!     cargo bench -p linger-proto
//!
//! For the comparison with Go's own reader see `tests/bench/pprof/run`.

use std::path::PathBuf;
use std::{env, fs};

use divan::Bencher;
use divan::counter::BytesCount;
use linger_proto::Limits;
use linger_proto::heap_text;
use linger_proto::pprof::decode;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/go1.27");

fn main() {
    divan::main();
}

fn files() -> Vec<String> {
    if let Ok(files) = env::var("LINGER_BENCH_FILES") {
        return files.split_whitespace().map(str::to_owned).collect();
    }
    ["goroutine", "heap", "cpu", "mutex", "block"].map(|kind| format!("{kind}.pb.gz")).to_vec()
}

fn read(file: &str) -> Vec<u8> {
    fs::read(PathBuf::from(RECORDINGS).join(file)).expect("a file that can be read")
}

#[divan::bench(args = files())]
fn profile(bencher: Bencher<'_, '_>, file: &str) {
    let body = read(file);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| decode(&body, &Limits::default()));
}

/// Decoding and a look at every frame, as the rules for goroutines take it.
#[divan::bench(args = files())]
fn profile_and_frames(bencher: Bencher<'_, '_>, file: &str) {
    let body = read(file);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        let profile = decode(&body, &Limits::default())?;
        let frames = profile.samples().flat_map(|sample| sample.frames());
        Ok::<usize, linger_proto::Error>(frames.map(|f| f.function.len()).sum())
    });
}

#[divan::bench]
fn heap_page(bencher: Bencher<'_, '_>) {
    let body = read("heap1.txt");
    bencher.counter(BytesCount::of_slice(&body)).bench(|| heap_text::parse(&body, &Limits::default()));
}
