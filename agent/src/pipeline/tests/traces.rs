//! Execution traces on their way: what recorded ones tell, what cut ones tell less, how others are called, what is kept.

use super::{Scene, facts, recorded_by};
use crate::pipeline::{Fetched, Reply, Worker};
use crate::scrape::outcome::{Failure, State};
use crate::traces::{Limits, Traces};
use linger_config::CollectorKind;
use linger_series::{Series, metric};
use std::sync::Arc;

const VERSIONS: [&str; 6] = ["go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"];

impl Scene {
    fn trace(&mut self, body: Vec<u8>, cut: Option<Failure>) -> Reply {
        let mut job = self.job(CollectorKind::Trace, Ok(body));
        if let Ok(Fetched::Answer(answer)) = &mut job.fetched {
            answer.cut = cut;
        }
        self.worker.take(&job)
    }

    /// The last values of a metric by one of its labels.
    fn by(&self, name: &str, label: &str) -> Vec<(String, f64)> {
        let last = |s: Series| (s.key.labels.get(label).to_owned(), s.points.last().unwrap().v);
        self.read(name).into_iter().map(last).collect()
    }

    fn of(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        self.by(name, label).into_iter().find(|(v, _)| v == value).map(|(_, n)| n)
    }
}

#[test]
fn every_version_tells_births_deaths_and_blocked_time() {
    for version in VERSIONS {
        let mut scene = Scene::new();
        let reply = scene.trace(recorded_by(version, "short.trace"), None);
        assert_eq!(reply.state, State::Ok, "{version}: {:?}", reply.detail);
        assert!(
            reply.detail.is_some_and(|d| d.contains(" events in 0.") && d.contains("goroutines created"))
        );
        let window = scene.last(metric::TRACE_WINDOW);
        assert_eq!(scene.last(metric::TRACE_CUT), 0.0, "{version}");
        assert!(scene.last(metric::TRACE_EVENTS) > 1000.0);
        let created = scene.of(metric::GOROUTINES_CREATED, "function", "main.steps.func2").unwrap();
        let ended = scene.of(metric::GOROUTINES_ENDED, "function", "main.steps.func2").unwrap();
        assert!(created * window >= 50.0 && ended <= created, "{version}: {created} {ended}");
        let blocked = scene.by(metric::BLOCKED, "site");
        assert!(blocked.iter().map(|(_, v)| v).sum::<f64>() >= 12.0, "{version}: {blocked:?}");
        let held = scene.of(metric::DEFER_HOLD_CALLS, "name", "unlock").unwrap();
        assert!(held > 0.0 && scene.of(metric::DEFER_HOLD, "name", "unlock").is_some());
        assert!(scene.last(metric::GC_MARK) > 0.0 && scene.last(metric::SCHED_LATENCY_COUNT) > 100.0);
        let all = scene.of(metric::SCHED_LATENCY_BUCKET, "le", "+Inf").unwrap();
        assert_eq!(all, scene.last(metric::SCHED_LATENCY_COUNT));
        assert!(scene.read(metric::STW).len() >= 2);
    }
}

#[test]
fn sites_are_called_as_the_profiles_of_the_same_process_call_them() {
    let mut scene = Scene::new();
    scene.trace(recorded_by("go1.27", "short.trace"), None);
    let described: Vec<String> =
        scene.read(metric::SITE_INFO).iter().map(|s| s.key.labels.get("site").to_owned()).collect();
    for (site, _) in scene.by(metric::BLOCKED, "site") {
        assert!(described.contains(&site) || site == "unknown", "{site} is not described");
        assert!(!site.contains('+'), "{site}: nobody has told where a function starts");
    }
}

#[test]
fn latencies_add_up_over_traces_and_what_is_gone_ends_with_a_zero() {
    let mut scene = Scene::new();
    scene.trace(recorded_by("go1.27", "short.trace"), None);
    let first = scene.last(metric::SCHED_LATENCY_COUNT);
    scene.trace(recorded_by("go1.27", "idle.trace"), None);
    assert!(scene.last(metric::SCHED_LATENCY_COUNT) >= first);
    assert_eq!(scene.of(metric::GOROUTINES_CREATED, "function", "main.steps.func2"), Some(0.0));
    assert_eq!(scene.of(metric::DEFER_HOLD_CALLS, "name", "unlock"), Some(0.0));
    let points = |scene: &Scene| {
        let series = scene.read(metric::GOROUTINES_CREATED);
        let steps = series.into_iter().find(|s| s.key.labels.get("function") == "main.steps.func2");
        steps.unwrap().points.len()
    };
    assert_eq!(points(&scene), 2);
    scene.trace(recorded_by("go1.27", "idle.trace"), None);
    assert_eq!(points(&scene), 2, "an end is said once");
}

#[test]
fn a_trace_that_breaks_off_is_used_as_far_as_it_goes() {
    for version in VERSIONS {
        let whole = recorded_by(version, "short.trace");
        let cut = |parts: usize| whole[..whole.len() / 10 * parts].to_vec();
        let mut scene = Scene::new();
        scene.trace(whole.clone(), None);
        let (events, window) = (scene.last(metric::TRACE_EVENTS), scene.last(metric::TRACE_WINDOW));
        let broke = Failure::new(State::TooLarge, "the answer goes on beyond the limit of 64 bytes");
        let reply = scene.trace(cut(7), Some(broke.clone()));
        assert_eq!(reply.state, State::Ok, "{version}: {:?}", reply.detail);
        assert!(reply.detail.unwrap().starts_with("not whole: the answer goes on beyond the limit"));
        assert_eq!(scene.last(metric::TRACE_CUT), 1.0);
        assert!(scene.last(metric::TRACE_EVENTS) < events && scene.last(metric::TRACE_WINDOW) < window);
        // What is told are whole generations: their stacks are there.
        assert!(scene.of(metric::GOROUTINES_CREATED, "function", "main.steps.func2").unwrap() > 0.0);
        assert_eq!(scene.of(metric::GOROUTINES_CREATED, "function", "unknown").unwrap_or(0.0), 0.0);

        // Cut on the way, with an answer that says it is complete (no length, HTTP/1.0).
        let reply = scene.trace(cut(7), None);
        let said = reply.detail.unwrap();
        assert!(said.starts_with("not whole: "), "{version}: {said}");
        // Within the header nothing is there to use.
        let reply = scene.trace(whole[..10].to_vec(), Some(broke.clone()));
        assert_eq!((reply.state, reply.detail), (State::TooLarge, Some(broke.detail.clone())));
        let reply = scene.trace(whole[..16].to_vec(), None);
        assert_eq!(reply.state, State::Truncated, "{version}: {:?}", reply.detail);
    }
}

#[test]
fn a_cut_trace_closes_no_series() {
    let mut scene = Scene::new();
    scene.trace(recorded_by("go1.27", "short.trace"), None);
    let before = scene.of(metric::GOROUTINES_CREATED, "function", "main.steps.func2");
    let idle = recorded_by("go1.27", "idle.trace");
    let reply = scene.trace(idle[..idle.len() - 100].to_vec(), None);
    assert!(reply.detail.unwrap().starts_with("not whole: "));
    assert_eq!(scene.of(metric::GOROUTINES_CREATED, "function", "main.steps.func2"), before);
}

#[test]
fn what_is_no_trace_we_read_is_called_by_name() {
    #[track_caller]
    fn check(body: &[u8], state: State, detail: &str) {
        let mut scene = Scene::new();
        let reply = scene.trace(body.to_vec(), None);
        assert_eq!(reply.state, state, "{:?}", reply.detail);
        assert!(reply.detail.as_ref().is_some_and(|d| d.contains(detail)), "{:?}", reply.detail);
        assert!(scene.read(metric::TRACE_WINDOW).is_empty(), "nothing is told");
    }
    check(&recorded_by("go1.21", "trace.head"), State::Unsupported, "the format before go 1.22 is not read");
    check(b"go 1.99 trace\0\0\0", State::Unsupported, "unknown version \"go 1.99\"");
    check(b"<html>", State::NotPprof, "not an execution trace");
    check(b"", State::NotPprof, "not an execution trace");
    let mut broken = recorded_by("go1.27", "short.trace");
    broken[16] = 9;
    check(&broken, State::NotPprof, "broken trace at byte 16");
}

#[test]
fn the_last_traces_are_kept_as_they_came() {
    let data = tempfile::tempdir().unwrap();
    let traces = Arc::new(Traces::open(data.path(), Limits { per_target: 2, bytes: 1 << 20 }));
    let mut scene = Scene::new();
    scene.worker = Worker::new([facts()], scene.memory.clone(), Some(traces.clone()));
    for version in ["go1.22", "go1.26", "go1.27"] {
        scene.trace(recorded_by(version, "short.trace"), None);
    }
    scene.trace(b"<html>".to_vec(), None);
    let kept = traces.list(Some("api"));
    let told: Vec<(&str, i64, bool)> =
        kept.iter().map(|t| (t.go.as_str(), t.at_ms, t.cut.is_some())).collect();
    assert_eq!(told, [("go 1.26", 3_000, false), ("go 1.26", 2_000, false)]);
    assert!(kept.iter().all(|t| t.events > 1000 && t.window_s > 0.0));
    let (about, mut file) = traces.open_raw("api", None).unwrap().unwrap();
    let mut body = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut body).unwrap();
    assert!(body == recorded_by("go1.27", "short.trace") && about == kept[0]);
    traces.set_limits(Limits { per_target: 2, bytes: 10 });
    let reply = scene.trace(recorded_by("go1.27", "short.trace"), None);
    assert!(reply.state == State::Ok && reply.detail.unwrap().ends_with("raise retention.traces_bytes"));
}
