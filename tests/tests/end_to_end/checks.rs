//! What monitoring and scripts rely on: exit codes, and the same answers from a stopped agent's folder.

use crate::agent::{Agent, free_address, linger, linger_on, read};
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Check, Query, Trend};

#[test]
fn check_exits_as_nagios_expects() {
    let service = Service::start(Go::Newest, "defers");
    let agent = Agent::watching(&[&service.url()]);
    let well = wait::until("a healthy service is ok", || {
        let said = agent.say(&["check"]);
        if said.code == 0 { Ok(said) } else { Err(said) }
    });
    assert_eq!(well.out.lines().count().min(1), 1, "one line for the operator: {well:?}");
    assert_eq!(agent.say(&["check", "agent"]).code, 0);
    // The threshold itself, exit 2, is in `defers`.

    let nobody = linger(&["check", "--server", &format!("http://{}", free_address())]);
    assert_eq!(nobody.code, 3, "an agent that does not answer is unknown: {nobody:?}");
    let usage = linger(&["check", "--no-such-flag"]);
    assert_eq!(usage.code, 3, "a usage error of check is unknown: {usage:?}");
    assert_eq!(linger(&["status", "--no-such-flag"]).code, 2, "elsewhere a usage error is 2");
    let failure = linger(&["status", "--server", &format!("http://{}", free_address())]);
    assert_eq!(failure.code, 1, "a failure is 1: {failure:?}");
    assert!(failure.out.is_empty() && failure.err.starts_with("error: "), "{failure:?}");
}

#[test]
fn stopped_agents_folder_answers_as_the_agent_did() {
    let service = Service::start(Go::Newest, "waits");
    let mut agent = Agent::watching(&[&service.url()]);
    wait::until("a slope", || {
        let trend: Trend = agent.ask(&["trend"]);
        if trend.targets[0].series.iter().any(|s| s.slope_per_hour.is_some()) { Ok(()) } else { Err(trend) }
    });

    // While it runs, its folder leads to it.
    let both = agent.say_from_folder(&["status", "--output", "json"]);
    assert_eq!(both.code, 0, "{both:?}");

    // A range that has passed, the same for both.
    let status: linger::report::Status = agent.ask(&["status"]);
    let to = status.store.newest_ms.expect("samples") - 500;
    let range = ["--from".to_owned(), (to - 60_000).to_string(), "--to".to_owned(), to.to_string()];
    let range: Vec<&str> = range.iter().map(String::as_str).collect();
    let ask = |command: &[&'static str]| [command, &range[..], &["--output", "json"]].concat();
    let questions =
        [ask(&["trend"]), ask(&["query", "linger_goroutines"]), ask(&["query", "linger_goroutines_at_site"])];
    let running: Vec<_> = questions.iter().map(|q| agent.say(q)).collect();
    let end = agent.stop();
    assert!(end.success(), "{end}:\n{}", agent.log());
    for (question, from_agent) in questions.iter().zip(&running) {
        let from_folder = linger_on(&agent.data(), question);
        assert_eq!((from_agent.code, from_folder.code), (0, 0), "{from_agent:?} {from_folder:?}");
        assert_eq!(from_folder.out, from_agent.out, "{question:?}");
    }
    let query: Query = read(&running[1]);
    assert!(query.series[0].points.len() >= 8, "{query:?}");
    let status: linger::report::Status = read(&linger_on(&agent.data(), &["status", "--output", "json"]));
    assert!(!status.agent.running);
    let check = linger_on(&agent.data(), &["check", "--output", "json"]);
    assert_eq!(check.code, 3, "a stopped agent watches nothing: {check:?}");
    let check: Check = read(&check);
    assert_eq!(check.code, 3);
}
