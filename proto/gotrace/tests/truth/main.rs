//! A program that knows what it did (`program/`), traced by every Go there is: what its traces tell must be what it says
//! of itself. Every count must be exact, every duration within a hundredth or a thousandth of a second.
//!
//! `go` on the path builds it, or each of `LINGER_TEST_GOS` (paths of `go` commands with colons between; that is how
//! `tests/run` asks for the oldest and the newest). Without any the test says so and passes, but not where CI=true.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up has failed")]

mod account;
mod compare;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::{env, process};

use linger_gotrace::summary::{Summarizer, Summary};
use linger_gotrace::{Options, Spooled, read};

use account::Window;
use compare::Faults;

/// Runs of the program, at most. Whatever else the machine does meanwhile makes one or the other duration differ from
/// what the program measured, now and then; what the decoder does wrong is wrong in each run. Counts must be right in all.
const RUNS_MAX: usize = 8;

/// Milliseconds of a generation: the runtime's own second, and so few that all that lasts crosses some.
const GENERATIONS_MS: [u32; 2] = [1000, 50];

#[test]
fn traces_tell_what_the_program_did() {
    let gos = env::var("LINGER_TEST_GOS").unwrap_or_else(|_| "go".into());
    for go in gos.split(':').filter(|go| !go.is_empty()) {
        let Some(minor) = minor_version(go) else {
            assert!(env::var("CI").as_deref() != Ok("true"), "{go} does not run");
            eprintln!("not run: {go} does not run (set LINGER_TEST_GOS, or install Go 1.22 or newer)");
            continue;
        };
        if minor < 22 {
            eprintln!("not run with Go 1.{minor}: its traces are of the older format");
            continue;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("truth-{}-{minor}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        build(go, &folder);
        for ms in GENERATIONS_MS {
            check(minor, ms, &folder);
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

/// Runs the program until each duration was right once.
#[track_caller]
fn check(minor: u16, generation_ms: u32, folder: &Path) {
    let at = format!("Go 1.{minor}, generations of {generation_ms} ms");
    let mut never_right: Option<BTreeMap<String, String>> = None;
    for run in 1..=RUNS_MAX {
        let windows = traced(generation_ms, folder);
        let summaries = windows.iter().map(|window| summary(Path::new(&window.file)));
        let mut faults = Faults::default();
        for (window, summary) in windows.iter().zip(summaries.clone()) {
            faults.window(minor, window, &summary);
        }
        let mut confused = Faults::default();
        for (window, summary) in windows.iter().rev().zip(summaries) {
            confused.window(minor, window, &summary);
        }
        let seen = !confused.counts.is_empty() && !confused.durations.is_empty();
        assert!(seen, "{at}: traces taken for one another are not noticed");
        assert!(faults.counts.is_empty(), "{at}, run {run}:\n{}", faults.counts.join("\n"));
        assert!(faults.compared >= 100, "{at}, run {run}: only {} figures compared", faults.compared);
        eprintln!("{at}, run {run}: {} figures, {} durations off", faults.compared, faults.durations.len());
        let off = faults.durations;
        let mut left = never_right.unwrap_or_else(|| off.clone());
        left.retain(|place, _| off.contains_key(place));
        if left.is_empty() {
            return;
        }
        never_right = Some(left);
    }
    panic!("{at}, in each of {RUNS_MAX} runs: {never_right:#?}");
}

fn command(go: &str) -> Command {
    let mut command = Command::new(go);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/truth/program"));
    command.envs([("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOPROXY", "off"), ("GOFLAGS", "-mod=mod")]);
    command.env("CGO_ENABLED", "0");
    command
}

/// The 22 of Go 1.22.10; none when it does not run.
fn minor_version(go: &str) -> Option<u16> {
    let output = command(go).args(["env", "GOVERSION"]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.trim().strip_prefix("go1.")?.split('.').next()?.parse().ok()
}

fn build(go: &str, folder: &Path) {
    let output = command(go).args(["build", "-o"]).arg(folder.join("program")).arg(".").output().unwrap();
    assert!(output.status.success(), "{go}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The program's account of a run.
fn traced(generation_ms: u32, folder: &Path) -> Vec<Window> {
    let period = format!("traceadvanceperiod={}", u64::from(generation_ms) * 1_000_000);
    let output = Command::new(folder.join("program")).arg(folder).env("GODEBUG", period).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&fs::read(folder.join("truth.json")).unwrap()).unwrap()
}

fn summary(file: &Path) -> Summary {
    let mut summarizer = Summarizer::new();
    let trace = Spooled::new(File::open(file).unwrap()).unwrap();
    let read = read(&trace, &Options::default(), &mut summarizer).unwrap();
    assert!(!read.end.is_cut(), "{}: {read:?}", file.display());
    summarizer.finish(Some(read.end))
}
