//! Holds estimates of defers against services that know the truth (tests/services); `tests/bench/estimates/run` starts them.
//!
//! - `estimates pending ADDRESS RUNS`: piles of a service, from heap profiles alone
//! - `estimates executed ADDRESS RUNS [KIND=PER_SECOND]…`: defers that run at a pace, from one CPU profile each
//! - `estimates pooled LINGER SECONDS ADDRESS…`: a load that comes in bursts, from all CPU profiles of an agent; a run for
//!   each service, side by side
//!
//! Each prints a line for each figure: how often its 95 % interval held the truth or it was rightly said to be below the
//! floor. Ends with 1 when that was in fewer than 18 of 20 of any figure; 2 when asked wrongly. (An interval that
//! is right in 95 of 100 misses three of 20 in one figure of thirteen: then more runs tell chance from fault.)

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)] // a bench that cannot go on ends

use linger::report::{Defers, TargetDefers};
use linger_config::{Config, Target};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Share of a figure's runs that have to be right.
const RIGHT_MIN: f64 = 18.0 / 20.0;
/// Piles of each run: kind and how many. Those of the last are below the floor of the default rate, 32,721.
const PILES: [&str; 4] = ["heap&n=1000000", "closure&n=300000", "stack&n=100001", "return&n=15000"];
/// Longest wait for two garbage collections, an answer, a figure.
const WITHIN: Duration = Duration::from_secs(60);
/// A minute of the agent's time takes a second.
const TIME_SCALE: f64 = 60.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let table = match words.as_slice() {
        ["pending", address, runs] => pending(address, runs.parse().unwrap()),
        ["executed", address, runs, paces @ ..] => executed(address, runs.parse().unwrap(), paces),
        ["pooled", linger, seconds, addresses @ ..] => pooled(linger, seconds.parse().unwrap(), addresses),
        _ => {
            eprintln!("error: usage: estimates pending|executed|pooled … (see its first lines)");
            return ExitCode::from(2);
        }
    };
    for (what, row) in &table {
        println!("{what:<34} {row}");
    }
    let of_all = |count: fn(&Row) -> u32| f64::from(table.values().map(count).sum::<u32>());
    let (right, runs) = (of_all(|row| row.held + row.below_floor), of_all(|row| row.runs));
    println!("right in {right} of {runs}");
    if table.values().all(Row::is_right) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One figure over all runs.
#[derive(Default)]
struct Row {
    runs: u32,
    held: u32,
    below_floor: u32,
    /// What was said where it was wrong.
    wrong: Vec<String>,
    /// Widths of intervals as shares of the truth.
    widths: Vec<f64>,
    floor: f64,
    /// What was true, over all runs.
    truths: f64,
}

impl Row {
    /// What was said of one run: an interval, or that it is at most `floor`.
    fn add(&mut self, truth: f64, said: Option<[f64; 2]>, floor: f64) {
        self.runs += 1;
        self.floor = floor;
        self.truths += truth;
        match said {
            Some([low, high]) => {
                self.widths.push((high - low) / truth);
                if low <= truth && truth <= high {
                    self.held += 1;
                } else {
                    self.wrong.push(format!("[{low:.0} {high:.0}] for {truth:.0}"));
                }
            }
            None if truth <= floor => self.below_floor += 1,
            None => self.wrong.push(format!("below {floor:.0} for {truth:.0}")),
        }
    }

    fn is_right(&self) -> bool {
        f64::from(self.held + self.below_floor) >= RIGHT_MIN * f64::from(self.runs)
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut widths = self.widths.clone();
        widths.sort_by(f64::total_cmp);
        let width = widths.get(widths.len() / 2).map_or("-".into(), |width| format!("{:.0}%", width * 100.0));
        let verdict = if self.is_right() { "" } else { "  WRONG" };
        write!(
            f,
            "true {:>8.0}  runs {:>3}  held {:>3}  below the floor {:>3}  median width {width:>5}  floor {:>8.0}{verdict}",
            self.truths / f64::from(self.runs),
            self.runs,
            self.held,
            self.below_floor,
            self.floor
        )?;
        if self.wrong.is_empty() { Ok(()) } else { write!(f, "  missed: {}", self.wrong.join(", ")) }
    }
}

type Table = BTreeMap<String, Row>;

fn pending(address: &str, runs: u32) -> Table {
    let mut table = Table::new();
    ask(address, "/garbage?seconds=600");
    for _ in 0..runs {
        for pile in PILES {
            ask(address, &format!("/pile?kind={pile}"));
        }
        collected_twice(address);
        let truth = truth(address);
        let defers = scrape(address, 1);
        let floor = defers.floor.expect("a heap profile");
        for statement in truth["statements"].as_array().unwrap() {
            let pending = statement["pending"].as_f64().unwrap();
            if statement["kind"] != "heap" || pending == 0.0 {
                continue;
            }
            let found = defers.sites.iter().find(|site| {
                site.kind == "heap"
                    && site.function == statement["function"]
                    && statement["line"] == site.line
            });
            let what = format!("{pending:>7} {}", statement["function"].as_str().unwrap());
            table.entry(what).or_default().add(
                pending,
                found.map(|s| s.interval.expect("an estimate")),
                floor,
            );
        }
        ask(address, "/release");
        collected_twice(address);
    }
    table
}

/// What is allocated or freed shows in a heap profile after two collections.
fn collected_twice(address: &str) {
    let collections = || truth(address)["collections"].as_i64().unwrap();
    let before = collections();
    until("two collections", || (collections() >= before + 2).then_some(()));
}

fn executed(address: &str, runs: u32, paces: &[&str]) -> Table {
    for pace in paces {
        let (kind, per_second) = pace.split_once('=').expect("KIND=PER_SECOND");
        ask(address, &format!("/run?kind={kind}&per_second={per_second}&seconds=600"));
    }
    let mut table = Table::new();
    for _ in 0..runs {
        let (before, began) = (truth(address), Instant::now());
        let defers = scrape(address, 7);
        let (after, seconds) = (truth(address), began.elapsed().as_secs_f64());
        for pace in paces {
            let kind = pace.split_once('=').unwrap().0;
            let rate = ran(&before, &after, kind) / seconds;
            // Names of the service's runners end in their kinds.
            let found = defers.executed.iter().find(|e| e.kind == kind && is_runner(&e.function, kind));
            let floor = defers.executed_floor.get(kind).copied().unwrap_or(f64::INFINITY);
            let row = table.entry(format!("{kind} at {} /s", pace.split_once('=').unwrap().1)).or_default();
            row.add(rate, found.map(|e| e.calls_per_second_interval), floor);
        }
    }
    table
}

fn is_runner(function: &str, kind: &str) -> bool {
    function.to_ascii_lowercase().contains(&format!("run{}", if kind == "stack" { "nine" } else { "four" }))
        && function.to_ascii_lowercase().contains(kind)
}

fn pooled(linger: &str, seconds: u64, addresses: &[&str]) -> Table {
    let mut row = Row::default();
    let told: Vec<Watched> = std::thread::scope(|scope| {
        let watch = |address| move || watch_bursts(linger, seconds, address);
        let running: Vec<_> = addresses.iter().map(|a| scope.spawn(watch(*a))).collect();
        running.into_iter().map(|run| run.join().expect("a run")).collect()
    });
    for watched in &told {
        row.add(watched.truth, watched.rate, watched.floor);
    }
    let mut widths: Vec<f64> = told.iter().filter_map(|watched| watched.share_width).collect();
    widths.sort_by(f64::total_cmp);
    let width = widths.get(widths.len() / 2).map_or("-".into(), |w| format!("{:.0}%", w * 100.0));
    Table::from([(format!("heap (share of CPU: width {width})"), row)])
}

/// What an agent said of a service.
struct Watched {
    /// The mean rate over its life.
    truth: f64,
    rate: Option<[f64; 2]>,
    floor: f64,
    /// The width of the interval of the share of CPU, as a share of that.
    share_width: Option<f64>,
}

fn watch_bursts(linger: &str, seconds: u64, address: &str) -> Watched {
    ask(
        address,
        &format!("/run?kind=heap&per_second=30000000&seconds={}&on_ms=2500&off_ms=6300", seconds + 60),
    );
    let folder = tempfile::tempdir().unwrap();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new(linger);
    command.args(["agent", &format!("http://{address}"), "--listen", &listen, "--time-scale"]);
    command.arg(TIME_SCALE.to_string()).arg("--data").arg(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut agent = Agent(command.spawn().expect("linger runs"));
    let server = format!("http://{listen}");
    let defers = || {
        let mut command = Command::new(linger);
        let said = command.args(["defers", "--output", "json", "--server", &server]).output().unwrap();
        serde_json::from_slice::<Defers>(&said.stdout).ok().map(|d| d.targets[0].clone())
    };
    until("the agent's first CPU profile", || defers().filter(|d| d.cpu_window_s > 0.0));
    let (before, began) = (truth(address), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let (after, seconds) = (truth(address), began.elapsed().as_secs_f64());
    let told = defers().expect("an answer");
    agent.0.kill().unwrap();
    let found = told.executed.iter().find(|e| e.kind == "heap" && is_runner(&e.function, "heap"));
    Watched {
        truth: ran(&before, &after, "heap") / seconds,
        rate: found.map(|e| e.calls_per_second_interval),
        floor: told.executed_floor.get("heap").copied().unwrap_or(f64::INFINITY),
        share_width: found.map(|e| (e.cpu_ratio_interval[1] - e.cpu_ratio_interval[0]) / e.cpu_ratio),
    }
}

/// Ends with who started it.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ran(before: &Value, after: &Value, kind: &str) -> f64 {
    let at = |truth: &Value| truth["ran"][kind].as_f64().unwrap_or_else(|| panic!("no {kind} ran"));
    at(after) - at(before)
}

/// A look at a service whose memory is not read, which everybody may have who reaches it.
fn scrape(address: &str, seconds: u64) -> TargetDefers {
    let mut config = Config::default();
    config.collectors.defers.enabled = false;
    let url = format!("http://{address}").parse().expect("an address");
    config.targets.push(Target::new(url, config.collectors.clone()));
    linger::oneshot::scrape(&config, Duration::from_secs(seconds)).expect("a look").defers
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    while began.elapsed() < WITHIN {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{what} did not come within {} s", WITHIN.as_secs())
}

fn truth(address: &str) -> Value {
    serde_json::from_str(&ask(address, "/truth")).expect("JSON")
}

/// The body of an answer, by HTTP/1.0 so that it is not chunked.
fn ask(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the service listens");
    stream.set_read_timeout(Some(WITHIN)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_default();
    assert!(head.contains(" 200 "), "{path}: {all}");
    body.to_owned()
}
