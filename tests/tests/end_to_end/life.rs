//! The agent's own life: it takes another configuration whole or not at all, shares its folder with nobody, and its
//! end adds a last look and nothing false.

use crate::agent::{Agent, linger_on};
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{Query, Status};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// An agent that reads its targets from a file.
struct Configured {
    agent: Agent,
    file: PathBuf,
    _folder: TempDir,
}

impl Configured {
    fn start(text: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("linger.yaml");
        write(&file, text);
        let path = file.display().to_string();
        Self { agent: Agent::with(1, &[], &["--config", &path]), file, _folder: folder }
    }

    fn reload(&self, text: &str) -> Status {
        let before = self.status().reload.map(|r| r.at_ms);
        write(&self.file, text);
        let status =
            Command::new("sh").args(["-c", "kill -HUP \"$0\"", &self.agent.pid().to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "SIGHUP could not be sent");
        wait::until("the configuration is loaded again, or refused", || {
            let status = self.status();
            if status.reload.as_ref().map(|r| r.at_ms) > before { Ok(status) } else { Err(status.reload) }
        })
    }

    fn status(&self) -> Status {
        self.agent.ask(&["status"])
    }
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).expect("a configuration can be written");
}

fn watching(services: &[(&str, &Service)]) -> String {
    let lines: Vec<String> =
        services.iter().map(|(name, s)| format!("  - {{url: \"{}\", name: {name}}}\n", s.url())).collect();
    format!("targets:\n{}", lines.concat())
}

fn names(status: &Status) -> Vec<&str> {
    status.targets.iter().map(|t| t.target.as_str()).collect()
}

#[test]
fn a_reload_takes_all_or_nothing_and_disturbs_nobody_else() {
    let (a, b) = (Service::start(Go::Newest, "waits"), Service::start(Go::Newest, "defers"));
    let configured = Configured::start(&watching(&[("a", &a)]));
    let counted = |status: &Status, name: &str| {
        let target = status.targets.iter().find(|t| t.target == name);
        target.and_then(|t| t.collectors.iter().find(|c| c.collector == "count").map(|c| c.successes))
    };
    let before = wait::until("a was counted twice", || {
        let status = configured.status();
        if counted(&status, "a") >= Some(2) { Ok(status) } else { Err(status) }
    });

    let after = configured.reload(&watching(&[("b", &b), ("a", &a)]));
    assert_eq!(after.reload.as_ref().and_then(|r| r.error.clone()), None);
    assert_eq!(names(&after), ["b", "a"], "in the order of the file");
    assert!(counted(&after, "a") >= counted(&before, "a"), "a went on");
    wait::until("b is watched too", || {
        let status = configured.status();
        if status.targets.iter().all(|t| t.up) { Ok(()) } else { Err(status) }
    });

    let faulty = format!("{}alertz: []\nsites_max: many\n", watching(&[("a", &a)]));
    let refused = configured.reload(&faulty);
    let why = refused.reload.as_ref().and_then(|r| r.error.clone()).expect("it is refused");
    assert!(why.contains("alertz") && why.contains("sites_max"), "all faults are said: {why}");
    assert_eq!(names(&refused), ["b", "a"], "the former one is in force");
    assert_eq!(configured.agent.say(&["check", "agent"]).code, 1, "a monitor hears of it");

    let removed = configured.reload(&watching(&[("a", &a)]));
    assert_eq!(names(&removed), ["a"]);
    assert_eq!(configured.agent.say(&["check", "agent"]).code, 0);
}

#[test]
fn a_second_agent_on_a_folder_is_refused_and_told_who_is_there() {
    let service = Service::start(Go::Newest, "waits");
    let agent = Agent::watching(&[&service.url()]);
    let second = linger_on(&agent.data(), &["agent", &service.url(), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1, "{second:?}");
    let pid = agent.pid().to_string();
    assert!(second.err.contains("open elsewhere") && second.err.contains(&pid), "{second:?}");
    assert_eq!(agent.say(&["status"]).code, 0, "the first is well");
}

fn points(agent: &Agent, selector: &str) -> Vec<(i64, f64)> {
    let said = agent.say_from_folder(&["query", selector, "--output", "json"]);
    let query: Query = crate::agent::read(&said);
    query.series.into_iter().flat_map(|s| s.points).collect()
}

#[test]
fn the_end_adds_a_last_look_at_who_is_still_there() {
    let service = Service::start(Go::Newest, "defers");
    let mut agent = Agent::with(1, &[&service.url()], &[]);
    wait::until("the sites are known", || match agent.state(&service.url(), "goroutine").as_str() {
        "ok" => Ok(()),
        other => Err(other.to_owned()),
    });
    // Less than an interval before the end: no turn of the goroutine collector sees it.
    service.ask("/leak?n=77");
    assert!(agent.stop().success());
    let at_site = points(&agent, "linger_goroutines_at_site{class=\"chan receive\"}");
    assert!(at_site.iter().any(|(_, n)| (*n - 77.0).abs() < 0.5), "{at_site:?}");
}

#[test]
fn the_end_says_nothing_of_who_is_gone() {
    let mut service = Service::start(Go::Newest, "defers");
    let mut agent = Agent::with(1, &[&service.url()], &[]);
    wait::until("the target is up", || {
        let target = agent.target(&service.url());
        if target.up { Ok(()) } else { Err(target) }
    });
    service.kill();
    assert!(agent.stop().success());
    let count = points(&agent, "linger_goroutines");
    assert!(!count.is_empty() && count.iter().all(|(_, n)| *n > 0.0), "no zero: {count:?}");
    assert!(points(&agent, "linger_target_incarnation").len() <= 1, "no restart is claimed");
}
