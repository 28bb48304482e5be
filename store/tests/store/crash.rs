//! kill -9 under load: a child process appends and says what was acknowledged; it is killed at a random moment, the
//! store is opened again, and nothing acknowledged may be missing or changed.

use crate::scene::{DAY_START, filled, key, open, options, points, read_only, register, value};
use linger_series::{Selector, TimeMs, Window};
use linger_store::{Scrape, SelectLimits, Store};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "LINGER_STORE_CRASH_FOLDER";
/// More than a group, so that a seal writes two blocks.
const SITES: usize = 66;
/// Short steps, so that seals come often and days change now and then.
const STEP_MS: i64 = 90_000;
const ROUNDS: u64 = 8;

fn at(scrape: i64) -> i64 {
    DAY_START + scrape * STEP_MS
}

/// The child: goes on where the store ends, until it is killed. Does nothing in an ordinary test run.
#[test]
fn child_that_is_killed() {
    let Ok(dir) = std::env::var(FOLDER) else { return };
    let store = Store::open(Path::new(&dir), options()).unwrap();
    let ids = register(&store, SITES);
    let next = store.stats().newest.map_or(0, |newest| (newest.0 - DAY_START) / STEP_MS + 1);
    // Bounded, should nobody kill it.
    for i in next..next + 100_000 {
        let samples = ids.iter().enumerate().map(|(s, id)| (*id, value(s, i))).collect();
        let scrape = Scrape { stream: crate::scene::stream(), at: TimeMs(at(i)), samples };
        let said = move |result: Result<(), linger_store::Error>| {
            if result.is_ok() {
                // One write call, so that a kill leaves no half line before the last.
                let _ = std::io::stdout().write_all(format!("ack {i}\n").as_bytes());
            }
        };
        while store.append(scrape.clone(), said).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if i % 200 == 0 {
            store.maintain(TimeMs(at(i))).unwrap();
        }
    }
}

/// Starts the child, kills it after a while, and returns the last scrape it said was acknowledged.
fn round(dir: &Path, millis: u64) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_that_is_killed", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (first, started) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut last = None;
        for line in lines.map_while(Result::ok) {
            // The harness writes on the same line as the first.
            if let Some(scrape) = line.rsplit_once("ack ").and_then(|(_, n)| n.parse::<i64>().ok()) {
                last = Some(scrape);
                let _ = first.send(());
            }
        }
        last
    });
    // A slow machine gets the time to start; a kill before the first acknowledgement would prove nothing.
    let _ = started.recv_timeout(Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn a_kill_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = None;
    for n in 0..ROUNDS {
        acknowledged = round(dir.path(), n * 37 % 300).max(acknowledged);
        let last = acknowledged.expect("a round acknowledges something");
        let store = match n % 2 {
            0 => read_only(dir.path()).unwrap(),
            _ => open(dir.path()),
        };
        let stats = store.stats();
        assert_eq!((stats.quarantined, stats.wal_records_broken), (0, 0), "round {n}");
        let limits = SelectLimits { points_max: 10_000_000, ..SelectLimits::default() };
        let all = store.select(&Selector::default(), Window::ALL, limits).unwrap();
        assert_eq!(all.len(), SITES, "round {n}");
        for site in [0, 1, 2, 3, 63, 64, 65] {
            let series = all.iter().find(|series| series.key == key(site)).unwrap();
            let found = points(series);
            let written = i64::try_from(found.len()).unwrap();
            assert!(written > last, "round {n}: {written} scrapes of {} acknowledged", last + 1);
            let expected: Vec<_> =
                filled(site, 0..written).into_iter().zip(0..).map(|((_, value), i)| (at(i), value)).collect();
            assert!(found == expected, "round {n}, site {site}");
        }
        store.close().unwrap();
    }
    assert!(acknowledged > Some(480), "no seal was under way: {acknowledged:?}");
}
