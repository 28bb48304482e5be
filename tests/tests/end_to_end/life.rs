//! The agent's own life: it takes another configuration whole or not at all, shares its folder with nobody, and its
//! end adds a last look and nothing false.

use crate::agent::{Agent, linger_on};
use crate::environment::{self, Go};
use crate::program::Program;
use crate::service::Service;
use crate::wait;
use linger::report::{Query, Status};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
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
        self.agent.signal("HUP");
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
    assert_eq!(configured.agent.say(&["check"]).code, 1, "a monitor hears of it");
    assert_eq!(configured.agent.say(&["check", "agent"]).code, 0, "a restart would not mend it");

    let removed = configured.reload(&watching(&[("a", &a)]));
    assert_eq!(names(&removed), ["a"]);
    assert_eq!(configured.agent.say(&["check"]).code, 0);
}

#[test]
fn files_that_name_targets_are_read_again_and_a_broken_one_changes_nothing() {
    let (a, b) = (Service::start(Go::Newest, "waits"), Service::start(Go::Newest, "defers"));
    let configured = Configured::start("file_sd: [{files: [\"named-*.json\"], refresh: 1s}]\n");
    assert!(names(&configured.status()).is_empty(), "no file names any yet");
    let file = configured.file.with_file_name("named-1.json");
    let named = |services: &[&Service]| {
        let addresses: Vec<String> = services.iter().map(|s| format!("\"{}\"", s.address)).collect();
        format!("[{{\"targets\": [{}], \"labels\": {{\"job\": \"shop\"}}}}]", addresses.join(","))
    };
    let until_up = |n: usize| {
        wait::until("exactly the named targets are up", || {
            let status = configured.status();
            if status.targets.len() == n && status.targets.iter().all(|t| t.up) {
                Ok(status)
            } else {
                Err(status)
            }
        })
    };
    write(&file, &named(&[&a, &b]));
    let status = until_up(2);
    assert!(status.targets.iter().all(|t| t.labels.get("job").is_some_and(|job| job == "shop")));
    write(&file, "[{\"targets\": [\"127.0.0.1:");
    let refused = wait::until("the half-written file is said", || {
        let status = configured.status();
        if status.discovery.as_ref().is_some_and(|d| d.error.is_some()) { Ok(status) } else { Err(status) }
    });
    assert_eq!(refused.targets.len(), 2, "the former targets stay");
    write(&file, &named(&[&b]));
    assert_eq!(until_up(1).discovery.and_then(|d| d.error), None);
}

/// What the agent tells a service manager, until `enough` of it came.
fn told(socket: &UnixDatagram, enough: &str) -> String {
    let mut all = String::new();
    let mut message = [0; 4096];
    wait::until(&format!("{enough} is told"), || {
        let n = socket.recv(&mut message).unwrap_or(0);
        all.push_str(&String::from_utf8_lossy(&message[..n]));
        all.push('\n');
        if all.contains(enough) { Ok(()) } else { Err(all.clone()) }
    });
    all
}

#[test]
fn a_service_manager_hears_of_every_turn_of_its_life() {
    let service = Service::start(Go::Newest, "waits");
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be bound");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout can be set");
    let mut command = Command::new(environment::agent());
    command
        .args(["agent", &service.url(), "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path().join("data"));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "900000");
    let mut agent = Program::start(&mut command, &folder.path().join("log"));
    told(&socket, "READY=1");
    assert!(told(&socket, "WATCHDOG=1").contains("STATUS="), "and how it stands");
    told(&socket, "STATUS=1 of 1 targets up");
    agent.signal("HUP");
    let reloading = told(&socket, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told(&socket, "READY=1");
    assert!(agent.terminate().success());
    told(&socket, "STOPPING=1");
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
