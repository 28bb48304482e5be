//! A fault on one endpoint has a name, and neither the other endpoints nor the other targets feel it.

use crate::agent::{Agent, free_address};
use crate::environment::Go;
use crate::service::Service;
use crate::spoiled::{Fault, Spoiled};
use crate::wait;
use linger::report::Status;

/// What Go's net/http/pprof answers while another CPU profile runs (Go 1.27 net/http/pprof/pprof.go, Profile).
const BUSY: &str = "Could not enable CPU profiling: cpu profiling already in use\n";

const HEAP: &str = "/debug/pprof/heap";

#[test]
fn each_fault_is_named_and_its_neighbours_are_well() {
    let table: &[(&str, &'static str, Fault, &[&str])] = &[
        ("heap", HEAP, Fault::Status(401, "who are you?\n"), &["unauthorized"]),
        ("heap", HEAP, Fault::Status(404, "404 page not found\n"), &["unsupported"]),
        ("heap", HEAP, Fault::Status(500, "out of order\n"), &["server error"]),
        ("heap", HEAP, Fault::Html, &["not pprof"]),
        ("heap", HEAP, Fault::HangsMidBody, &["timed out"]),
        ("heap", HEAP, Fault::Silent, &["timed out"]),
        ("heap", HEAP, Fault::LyingLength, &["truncated"]),
        ("heap", HEAP, Fault::Huge, &["too large"]),
        ("heap", HEAP, Fault::HugeUnannounced, &["too large"]),
        ("heap", HEAP, Fault::RedirectsAway, &["redirected"]),
        ("heap", HEAP, Fault::Closes, &["reset"]),
        ("goroutine", "/debug/pprof/goroutine", Fault::TruncatedGzip, &["truncated"]),
        ("cpu", "/debug/pprof/profile", Fault::Status(500, BUSY), &["busy"]),
    ];
    let service = Service::start(Go::Newest, "waits");
    let proxies: Vec<Spoiled> =
        table.iter().map(|&(_, path, fault, _)| Spoiled::start(service.address, path, fault)).collect();
    let nobody = format!("http://{}", free_address());
    let mut urls = vec![service.url(), nobody.clone()];
    urls.extend(proxies.iter().map(Spoiled::url));
    let agent = Agent::watching(&urls.iter().map(String::as_str).collect::<Vec<_>>());

    for (&(collector, _, fault, names), proxy) in table.iter().zip(&proxies) {
        let url = proxy.url();
        wait::until(&format!("{collector} under {fault:?} is one of {names:?}"), || {
            let target = agent.target(&url);
            let named = target.collectors.iter().any(|c| {
                c.collector == collector
                    && names.contains(&c.state.as_str())
                    && c.detail.is_some()
                    && c.next_step.is_some()
            });
            if named { Ok(()) } else { Err(target.collectors) }
        });
        wait::until(&format!("the neighbours of {collector} under {fault:?} are well"), || {
            let target = agent.target(&url);
            let well = |name: &str| {
                collector == name || target.collectors.iter().any(|c| c.collector == name && c.state == "ok")
            };
            let all = well("count") && well("goroutine") && well("heap") && target.up;
            if all { Ok(()) } else { Err(target) }
        });
    }
    for healthy in ["count", "goroutine", "heap"] {
        wait::until(&format!("{healthy} of the healthy target"), || {
            match agent.state(&service.url(), healthy).as_str() {
                "ok" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
    }
    let absent = agent.target(&nobody);
    assert!(!absent.up);
    assert!(
        absent
            .collectors
            .iter()
            .all(|c| ["waiting for target", "refused", "scheduled"].contains(&c.state.as_str())),
        "{absent:?}"
    );

    // Time goes on for the healthy one while the others fail.
    let newest = |agent: &Agent| agent.target(&service.url()).goroutines.map(|(at, _)| at);
    let before = newest(&agent);
    wait::until("the healthy target's count goes on", || {
        let now = newest(&agent);
        if now > before { Ok(()) } else { Err(now) }
    });
    let status: Status = agent.ask(&["status"]);
    assert_eq!(status.targets.len(), urls.len());
}
