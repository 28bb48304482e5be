//! The whole way of a scrape over what a known service really sent (tests/recordings), points read back.

mod counts;
mod traces;

use super::sink::ToMemory;
use super::{Facts, Fetched, Job, Reply, Shown, Worker};
use crate::reader::{Memory, Reader};
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use linger_config::CollectorKind;
use linger_proto::symbol;
use linger_series::{Labels, Selector, Series, TimeMs, Window, metric};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

fn recorded(name: &str) -> Vec<u8> {
    recorded_by("go1.27", name)
}

fn recorded_by(version: &str, name: &str) -> Vec<u8> {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings")).join(version).join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

struct Scene {
    worker: Worker<ToMemory>,
    memory: ToMemory,
    now: i64,
}

fn facts() -> Facts {
    Facts {
        name: "api".into(),
        labels: Labels::new([("job", "shop")]),
        sites_max: 200,
        goroutine_profiles: true,
        incarnation_note: None,
        shown: Shown::default(),
    }
}

impl Scene {
    fn new() -> Self {
        let memory = ToMemory::default();
        Self { worker: Worker::new([facts()], memory.clone(), None), memory, now: 0 }
    }

    fn job(&mut self, kind: CollectorKind, fetched: Result<Vec<u8>, Failure>) -> Job {
        self.now += 1_000;
        let took = Duration::from_millis(1);
        let answer = |body: Vec<u8>| Answer { body: body.into(), cut: None, body_bytes_max: 8 << 20, took };
        let fetched = fetched.map(|body| Fetched::Answer(answer(body)));
        Job {
            target: "api".into(),
            kind,
            at: TimeMs(self.now),
            window_s: 1,
            fetched,
            cost: Some(took),
            symbols: None,
            program: None,
        }
    }

    fn scrape(&mut self, kind: CollectorKind, file: &str) -> Reply {
        let mut job = self.job(kind, Ok(recorded(file)));
        let reply = self.worker.take(&job);
        if reply.unknown_pcs.is_empty() {
            return reply;
        }
        job.symbols = Some(Ok(vec![named(&reply.unknown_pcs)]));
        self.worker.take(&job)
    }

    fn fail(&mut self, kind: CollectorKind, state: State) -> Reply {
        let job = self.job(kind, Err(Failure::new(state, "as the test wants it")));
        self.worker.take(&job)
    }

    fn read(&self, name: &str) -> Vec<Series> {
        let memory: &Memory = &self.memory.0.lock().unwrap();
        memory.select(&Selector::metric(name), Window::ALL).unwrap()
    }

    fn last(&self, name: &str) -> f64 {
        let series = self.read(name);
        assert_eq!(series.len(), 1, "{name}: {series:?}");
        series[0].points.last().unwrap().v
    }
}

/// The service's answer for exactly these addresses, from the recorded names of all.
fn named(pcs: &[u64]) -> Answer {
    let all: BTreeMap<u64, String> = symbol::parse(&recorded("symbol.txt")).unwrap();
    let mut body = String::from("num_symbols: 1\n");
    for pc in pcs {
        // Recorded are return addresses; asked for are the calls before them.
        if let Some(name) = all.get(pc).or_else(|| all.get(&(pc + 1))) {
            body.push_str(&format!("{pc:#x} {name}\n"));
        }
    }
    Answer { body: body.into_bytes().into(), cut: None, body_bytes_max: 8 << 20, took: Duration::ZERO }
}

#[test]
fn goroutines_by_site_add_up_to_what_the_profile_holds() {
    let mut scene = Scene::new();
    let reply = scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    let sites = scene.read(metric::GOROUTINES_AT_SITE);
    let sum: f64 = sites.iter().map(|s| s.points[0].v).sum();
    assert_eq!((reply.state, reply.goroutines.map(|n| n as f64)), (State::Ok, Some(sum)));
    assert!(sites.iter().all(|s| s.key.labels.get("target") == "api" && s.key.labels.get("job") == "shop"));
    assert!(sites.iter().any(|s| s.key.labels.get("class") == "chan send"));
    assert_eq!(
        scene.read(metric::SITE_INFO).len(),
        sites.iter().filter(|s| s.key.labels.get("site") != "unknown").count()
    );
}

#[test]
fn pending_defers_wait_for_the_start_lines_and_then_hold_the_planted_piles() {
    let mut scene = Scene::new();
    let early = scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert!(early.detail.is_some() && scene.read(metric::DEFERS_PENDING).is_empty());
    assert_eq!(early.incarnation, Some((1, 1_000)));
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    let reply = scene.scrape(CollectorKind::Heap, "heap1.txt");
    assert_eq!((reply.state, reply.detail), (State::Ok, None));
    let piles = scene.read(metric::DEFERS_PENDING);
    let sum: f64 = piles.iter().map(|s| s.points[0].v).sum();
    // 400,000 and 100,000 are planted; together they are known to about 30 %.
    assert!((300_000.0..700_000.0).contains(&sum), "{piles:?}");
    let low: f64 = scene.read(metric::DEFERS_PENDING_LOW).iter().map(|s| s.points[0].v).sum();
    assert!(low < sum && scene.last(metric::DEFERS_FLOOR) > 30_000.0);
    assert_eq!(scene.last(metric::INCARNATION), 1.0);
}

#[test]
fn without_an_index_page_the_profile_gives_the_count() {
    let mut scene = Scene::new();
    scene.scrape(CollectorKind::Count, "index.html");
    let counted = scene.read(metric::GOROUTINES)[0].points.len();
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    assert_eq!(scene.read(metric::GOROUTINES)[0].points.len(), counted);
    scene.fail(CollectorKind::Count, State::Unsupported);
    let total = scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz").goroutines;
    assert_eq!(Some(scene.last(metric::GOROUTINES)), total.map(|n| n as f64));
    assert_eq!(scene.last(metric::UP), 0.0);
}

#[test]
fn a_failed_scrape_is_counted_by_reason_and_makes_no_zero() {
    let mut scene = Scene::new();
    scene.scrape(CollectorKind::Goroutine, "goroutine.pb.gz");
    let before = scene.read(metric::GOROUTINES_AT_SITE);
    let reply = scene.fail(CollectorKind::Goroutine, State::TimedOut);
    assert_eq!(reply.state, State::TimedOut);
    assert_eq!(scene.read(metric::GOROUTINES_AT_SITE), before);
    let failures = scene.read(metric::SCRAPE_FAILURES);
    assert_eq!((failures[0].key.labels.get("reason"), failures[0].points[0].v), ("timed out", 1.0));
}

#[test]
fn every_other_body_is_known_for_what_it_is() {
    let mut scene = Scene::new();
    for (kind, file, expected) in [
        (CollectorKind::Cpu, "cpu.pb.gz", State::Ok),
        (CollectorKind::Mutex, "mutex.pb.gz", State::Ok),
        (CollectorKind::Block, "block.pb.gz", State::Ok),
        (CollectorKind::Trace, "short.trace", State::Ok),
        (CollectorKind::Cpu, "heap.pb.gz", State::NotPprof),
        (CollectorKind::Goroutine, "cpu.pb.gz", State::NotPprof),
        (CollectorKind::Heap, "index.html", State::NotPprof),
        (CollectorKind::Count, "heap1.txt", State::NotPprof),
        (CollectorKind::Trace, "index.html", State::NotPprof),
    ] {
        let reply = scene.scrape(kind, file);
        assert_eq!(reply.state, expected, "{kind} from {file}: {:?}", reply.detail);
        assert!(expected == State::Ok || reply.detail.is_some());
    }
    assert!(scene.last(metric::CPU_WINDOW) > 0.0);
    assert!(!scene.read(metric::DEFER_CPU_SECONDS).is_empty());
    assert!(!scene.read(metric::CONTENTION).is_empty());
}
