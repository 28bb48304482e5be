//! Execution traces of real services, taken by the agent: births and deaths in the proportions that the service has,
//! blocked time of known numbers of goroutines at the sites that profiles name, and the traces themselves, kept within
//! their bounds and served.

use crate::agent::{Agent, TIME_SCALE};
use crate::environment::Go;
use crate::service::{Service, get};
use crate::wait;
use linger::report::{Query, Traces};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

/// An agent that takes a trace of a second every two seconds and keeps two, with a configuration of this rest.
pub(crate) fn agent(service: &Service, more: &str) -> (Agent, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("linger.yaml");
    let text = format!(
        "retention: {{traces_per_target: 2}}\ncollectors: {{trace: {{every: 2m{more}}}}}\n\
         targets: [{{url: '{}', name: watched}}]\n",
        service.url()
    );
    std::fs::write(&file, text).unwrap();
    let agent = Agent::with(TIME_SCALE, &[], &["--config", &file.display().to_string()]);
    (agent, folder)
}

/// Values by a label.
type Rows = Vec<(String, f64)>;

/// The newest points of a metric, all of one trace, by a label; and when it was taken.
fn newest_at(agent: &Agent, metric: &str, label: &str) -> (Option<i64>, Rows) {
    let query: Query = agent.ask(&["query", metric, "--from", "now-10m"]);
    let newest = query.series.iter().filter_map(|s| s.points.last()).map(|p| p.0).max();
    let of_it = |s: &&linger::report::QuerySeries| s.points.last().map(|p| p.0) == newest;
    let rows = query
        .series
        .iter()
        .filter(of_it)
        .map(|s| (s.labels.get(label).cloned().unwrap_or_default(), s.points.last().unwrap().1));
    (newest, rows.collect())
}

fn newest(agent: &Agent, metric: &str, label: &str) -> Rows {
    newest_at(agent, metric, label).1
}

/// Several metrics of one trace; `None` while there is none, or when another came between.
fn of_one_trace<const N: usize>(agent: &Agent, metrics: [(&str, &str); N]) -> Option<[Rows; N]> {
    let told = metrics.map(|(metric, label)| newest_at(agent, metric, label));
    let at = told[0].0?;
    told.iter().all(|(t, _)| *t == Some(at)).then(|| told.map(|(_, rows)| rows))
}

fn value(rows: &[(String, f64)], name: &str) -> Option<f64> {
    rows.iter().find(|(of, _)| of == name).map(|(_, v)| *v)
}

#[test]
fn births_and_deaths_are_in_proportion_on_the_oldest_go() {
    births(Go::Oldest);
}

#[test]
fn births_and_deaths_are_in_proportion_on_the_newest_go() {
    births(Go::Newest);
}

fn births(go: Go) {
    let service = Service::start(go, "births");
    let (agent, _folder) = agent(&service, "");
    let truth = service.truth();
    let before = truth["staying"].as_f64().unwrap();
    let per_turn = |function: &str| truth["per_turn"][function].as_f64().unwrap();
    // A turn at each edge of the window may be there in part.
    let slack = 2.0 * per_turn("main.ends");
    wait::until("a trace tells births and deaths", || {
        let metrics = [
            ("linger_trace_window_seconds", "target"),
            ("linger_goroutines_created_per_second", "function"),
            ("linger_goroutines_ended_per_second", "function"),
            ("linger_defer_hold_calls_per_second", "name"),
            ("linger_defer_hold_seconds", "name"),
        ];
        let Some([window, created, ended, held, hold]) = of_one_trace(&agent, metrics) else {
            return Err((Vec::new(), Vec::new()));
        };
        let window = window[0].1;
        let (ends, stays) = (value(&created, "main.ends"), value(&created, "main.stays"));
        let (Some(ends), Some(stays)) = (ends, stays) else { return Err((created, ended)) };
        let (ends, stays) = (ends * window, stays * window);
        assert!(stays >= 3.0, "a turn takes 20 ms: {created:?}");
        let expected = stays * per_turn("main.ends") / per_turn("main.stays");
        assert!((ends - expected).abs() <= slack, "{ends} begin, {expected} expected: {created:?}");
        let gone = value(&ended, "main.ends").unwrap() * window;
        // Who began before the trace ends without a name.
        assert!(gone <= ends && gone >= ends - slack, "{gone} of {ends} end: {ended:?}");
        assert_eq!(value(&ended, "main.stays"), Some(0.0), "{ended:?}");

        assert!((value(&held, "release").unwrap() * window - gone).abs() <= slack, "{held:?}");
        let hold = value(&hold, "release").unwrap();
        assert!(hold >= 0.0005, "each is pending for the millisecond its goroutine sleeps: {hold}");
        Ok(())
    });

    let stays = &truth["stays"];
    let blocked = newest(&agent, "linger_blocked_seconds_per_second{reason=\"chan receive\"}", "site");
    let all: f64 = newest(&agent, "linger_blocked_seconds_per_second", "site").iter().map(|(_, v)| v).sum();
    let after = service.truth()["staying"].as_f64().unwrap();
    let name = |site: &str| site.rsplit_once('+').is_some_and(|(f, _)| stays["function"] == f);
    let here: f64 = blocked.iter().filter(|(site, _)| name(site)).map(|(_, v)| v).sum();
    // Of those that wait since before a trace, Go 1.22 does not tell where; they are not left out.
    let known = if go == Go::Oldest { 0.0 } else { before };
    assert!(here > known && here <= after, "{known} < {here} <= {after}: {blocked:?}");
    assert!(all >= before, "{before} wait at least: {all}");
}

#[test]
fn blocked_time_is_exact_and_at_the_sites_of_profiles_on_the_newest_go() {
    let service = Service::start(Go::Newest, "waits");
    let (agent, _folder) = agent(&service, "");
    let truth = service.truth();
    let planted: Vec<(&str, &Value)> = planted(&truth);
    let reasons = |class: &str| -> &[&str] {
        match class {
            "mutex" | "rwmutex" | "waitgroup" => &["sync"],
            "cond" => &["sync.(*Cond).Wait"],
            "io" => &["network"],
            "select" => &["select", "forever"],
            "chan send" => &["chan send"],
            "chan receive" => &["chan receive"],
            "sleep" => &["sleep"],
            "syscall" => &["syscall"],
            other => panic!("no reason is known for {other}"),
        }
    };
    wait::until("a trace tells every planted place", || {
        let sites: BTreeSet<String> =
            newest(&agent, "linger_goroutines_at_site", "site").into_iter().map(|(site, _)| site).collect();
        let mut missing = Vec::new();
        for (class, place) in &planted {
            let here: Vec<(String, f64)> = reasons(class)
                .iter()
                .flat_map(|reason| {
                    let selector = format!("linger_blocked_seconds_per_second{{reason=\"{reason}\"}}");
                    newest(&agent, &selector, "site")
                })
                .filter(|(site, _)| site.rsplit_once('+').is_some_and(|(f, _)| place["function"] == f))
                .collect();
            match here.as_slice() {
                [(site, seconds)] if sites.contains(site) => {
                    let count = place["count"].as_f64().unwrap();
                    assert!((seconds - count).abs() < 1e-6, "{class} at {site}: {seconds}, not {count}");
                }
                other => missing.push(format!("{class} at {place}: {other:?}")),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    });
}

#[test]
fn blocked_time_is_conserved_where_the_oldest_go_does_not_tell_places() {
    let service = Service::start(Go::Oldest, "waits");
    let (agent, _folder) = agent(&service, "");
    let truth = service.truth();
    let count: f64 = planted(&truth).iter().map(|(_, place)| place["count"].as_f64().unwrap()).sum();
    wait::until("a trace tells those of which nothing is known", || {
        let unknown = newest(&agent, "linger_blocked_seconds_per_second{site=\"unknown\"}", "reason");
        let sum: f64 = unknown.iter().map(|(_, v)| v).sum();
        if sum >= count && sum < count + 20.0 { Ok(()) } else { Err(unknown) }
    });
}

fn planted(truth: &Value) -> Vec<(&str, &Value)> {
    let classes = truth["classes"].as_object().unwrap();
    let places = classes.iter().flat_map(|(c, p)| p.as_array().unwrap().iter().map(move |p| (c.as_str(), p)));
    let places: Vec<_> = places.collect();
    assert!(places.len() >= 15, "{places:?}");
    places
}

#[test]
fn the_last_traces_are_kept_within_their_bounds_and_served_as_they_came() {
    let service = Service::start(Go::Newest, "births");
    let (mut agent, _folder) = agent(&service, "");
    let address: SocketAddr = agent.address().parse().unwrap();
    let list = |address| -> Traces {
        let answer = get(address, "/linger/v1/traces?target=watched").unwrap();
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).unwrap()
    };
    let mut seen = BTreeSet::new();
    wait::until("four traces came", || {
        let traces = list(address).traces;
        assert!(traces.len() <= 2, "{traces:?}");
        seen.extend(traces.into_iter().map(|t| t.id));
        if seen.len() >= 4 { Ok(()) } else { Err(seen.clone()) }
    });
    let folder = agent.data().join("trace");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let raw = |id: &str| get(address, &format!("/linger/v1/traces/raw?target=watched&id={id}")).unwrap();
    // The newest may make room for another one meanwhile.
    wait::until("a listed trace is served", || {
        let Some(newest) = list(address).traces.into_iter().next() else { return Err("none".to_owned()) };
        let answer = raw(&newest.id);
        if answer.status != 200 {
            return Err(String::from_utf8_lossy(&answer.body).into_owned());
        }
        assert!(answer.head.to_ascii_lowercase().contains("content-type: application/octet-stream"));
        assert!(answer.body.starts_with(b"go 1.26 trace\0\0\0") && newest.go == "go 1.26");
        assert_eq!((answer.body.len() as u64, newest.cut), (newest.bytes, None));
        assert!(newest.events > 100 && newest.window_s > 0.5, "{}", newest.events);
        Ok(())
    });
    assert_eq!(raw("0-00000000").status, 404);
    assert_eq!(get(address, "/linger/v1/traces/raw").unwrap().status, 400);
    assert_eq!(get(address, "/linger/v1/traces?target=nobody").unwrap().status, 404);
    let target = agent.target(&service.url());
    let trace = target.collectors.iter().find(|c| c.collector == "trace").unwrap();
    assert!(trace.detail.as_ref().is_some_and(|d| d.contains(" events in ")), "{:?}", trace.detail);

    agent.kill();
    std::fs::write(folder.join("7-00000000.trace.new"), "half").unwrap();
    agent.start();
    let files = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let files: Vec<String> = files.collect();
    assert!(!files.contains(&"7-00000000.trace.new".to_owned()) && files.len() <= 4, "{files:?}");
    assert!(!list(address).traces.is_empty(), "what was kept is kept still");
}

#[test]
fn a_trace_larger_than_allowed_is_used_as_far_as_it_comes_and_said_to_be_cut() {
    let service = Service::start(Go::Newest, "births");
    let (agent, _folder) = agent(&service, ", body_bytes_max: 64KiB");
    wait::until("a cut trace is told", || {
        let cut = newest(&agent, "linger_trace_cut", "target");
        let target = agent.target(&service.url());
        let trace = target.collectors.iter().find(|c| c.collector == "trace").unwrap();
        if cut.first().map(|c| c.1) != Some(1.0) {
            return Err((trace.state.clone(), trace.detail.clone()));
        }
        let said = trace.detail.clone().unwrap_or_default();
        assert!(trace.state == "ok" && said.contains("not whole: the answer goes on beyond"), "{said}");
        assert!(newest(&agent, "linger_trace_events", "target")[0].1 > 100.0);
        Ok(())
    });
}
