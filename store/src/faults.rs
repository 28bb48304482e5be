//! Tests: an engine that fails the n-th operation, over real sled folders, for every n.
//!
//! A failure comes before the operation is done or after (done, but reported as failed), once or from then on. Then
//! the store is opened again without faults: everything acknowledged must be there, and nothing that was never
//! appended.

use crate::kv::sled::SledEngine;
use crate::kv::{Batch, Engine, Kv, KvOptions, Visit};
use crate::store::{Scrape, Store};
use crate::{Error, Options, SelectLimits};
use linger_series::{Labels, Selector, SeriesKey, Stream, TimeMs, Window};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
struct Fault {
    at: i64,
    done_first: bool,
    from_then_on: bool,
}

struct Faults {
    fault: Fault,
    operations: AtomicI64,
}

impl Faults {
    fn run<T>(&self, operation: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let n = self.operations.fetch_add(1, Ordering::SeqCst);
        let fails = n == self.fault.at || (self.fault.from_then_on && n > self.fault.at);
        if !fails {
            return operation();
        }
        if self.fault.done_first {
            operation()?;
        }
        Err(Error::Engine { part: "test".into(), why: format!("injected at operation {n}") })
    }
}

struct FaultyEngine(Arc<Faults>);

impl Engine for FaultyEngine {
    fn open(&self, dir: &Path, part: &str, options: KvOptions) -> Result<Arc<dyn Kv>, Error> {
        let kv = self.0.run(|| SledEngine.open(dir, part, options))?;
        Ok(Arc::new(FaultyKv(kv, self.0.clone())))
    }
}

struct FaultyKv(Arc<dyn Kv>, Arc<Faults>);

impl Kv for FaultyKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.1.run(|| self.0.get(key))
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: Visit<'_>) -> Result<(), Error> {
        self.1.run(|| self.0.scan(from, to, visit))
    }
    fn apply(&self, batch: Batch) -> Result<(), Error> {
        self.1.run(|| self.0.apply(batch))
    }
    fn flush(&self) -> Result<(), Error> {
        self.1.run(|| self.0.flush())
    }
    fn sync(&self) -> Result<(), Error> {
        self.1.run(|| self.0.sync())
    }
    fn bytes_on_disk(&self) -> u64 {
        self.0.bytes_on_disk()
    }
}

const DAY_MS: i64 = 86_400_000;
const FIRST_DAY: i64 = 20_000;
type Points = BTreeMap<(usize, i64), u64>;

fn options() -> Options {
    let retention_age = Duration::from_secs(3 * 86_400);
    Options { commit_every: Duration::ZERO, retention_age, ..Options::default() }
}

fn key(site: usize) -> SeriesKey {
    SeriesKey::new("m", Labels::new([("site", site.to_string())]))
}

/// A short life with everything in it: registration, seals at the end of a day, upkeep, retention. Returns what was
/// acknowledged and what was attempted.
fn live(store: &Store, acked: &mut Points, tried: &mut Points) -> Result<(), Error> {
    let stream = Stream::new("api", "goroutine");
    for (i, sites) in (0..20).zip([3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6]) {
        let at = (FIRST_DAY + i / 3) * DAY_MS + i * 1000;
        let mut samples = Vec::new();
        let mut points = Points::new();
        for site in 0..sites {
            let value = at as f64 + site as f64 / 7.0;
            // A registration that failed is left to the next scrape, as the agent does.
            let Ok(id) = store.register(&stream, &key(site)) else { continue };
            samples.push((id, value));
            points.insert((site, at), value.to_bits());
        }
        tried.extend(points.clone());
        let (answer, answered) = channel();
        let scrape = Scrape { stream: stream.clone(), at: TimeMs(at), samples };
        store.append(scrape, move |result| answer.send(result).unwrap())?;
        match answered.recv().unwrap() {
            Ok(()) => acked.extend(points),
            // A scrape that failed can be given again with the same time: it is not a duplicate.
            Err(Error::TimeNotAfter { .. }) => panic!("a failed scrape counted as written"),
            Err(_) => {}
        }
        if i % 4 == 3 {
            store.maintain(TimeMs(at))?;
        }
    }
    store.flush()
}

fn stored(store: &Store) -> Points {
    let found = store.select(&Selector::metric("m"), Window::ALL, SelectLimits::default()).unwrap();
    let points = found.iter().flat_map(|series| {
        let site: usize = series.key.labels.get("site").parse().unwrap();
        series.points.iter().map(move |point| ((site, point.t.0), point.v.to_bits()))
    });
    points.collect()
}

/// Runs a life with a fault and checks what is left of it; returns how many operations it took.
fn check(fault: Fault) -> i64 {
    let dir = tempfile::tempdir().unwrap();
    let faults = Arc::new(Faults { fault, operations: AtomicI64::new(0) });
    let (mut acked, mut tried) = (Points::new(), Points::new());
    if let Ok(store) = Store::open_on(dir.path(), options(), Arc::new(FaultyEngine(faults.clone()))) {
        let _ = live(&store, &mut acked, &mut tried);
    }
    for opened in ["once", "twice"] {
        let store = Store::open(dir.path(), options()).unwrap();
        let found = stored(&store);
        for (point, value) in &found {
            assert_eq!(
                tried.get(point),
                Some(value),
                "{point:?} was never appended: {fault:?}, opened {opened}"
            );
        }
        let newest = found.keys().map(|(_, t)| *t).max().unwrap_or(0);
        for (point, _) in acked.iter().filter(|((_, t), _)| *t >= newest - 3 * DAY_MS) {
            assert!(found.contains_key(point), "{point:?} was acknowledged: {fault:?}, opened {opened}");
        }
        let stats = store.stats();
        assert_eq!(
            (stats.quarantined, stats.wal_records_broken),
            (0, 0),
            "false alarm: {fault:?}, opened {opened}"
        );
        store.close().unwrap();
    }
    faults.operations.load(Ordering::SeqCst)
}

#[test]
fn nothing_acknowledged_is_lost_whichever_operation_fails() {
    let never = Fault { at: i64::MAX, done_first: false, from_then_on: false };
    let operations = check(never);
    assert!(operations > 100, "the life is too short to mean anything: {operations}");
    // Most of a life is waiting for the disk, so several at once.
    let next = AtomicI64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LIVES_AT_ONCE {
            scope.spawn(|| check_all(&next, operations));
        }
    });
}

const LIVES_AT_ONCE: usize = 4;

fn check_all(next: &AtomicI64, operations: i64) {
    loop {
        let at = next.fetch_add(1, Ordering::SeqCst);
        if at >= operations {
            return;
        }
        // All four kinds of failure in turn, each at every fourth operation and all of them at the seals.
        for (kind, (done_first, from_then_on)) in
            [(false, false), (true, false), (false, true), (true, true)].into_iter().enumerate()
        {
            if at % 4 == kind as i64 || at % 11 == 0 {
                check(Fault { at, done_first, from_then_on });
            }
        }
    }
}
