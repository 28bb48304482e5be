//! A clock that is set while the agent runs, as a suspended machine or a late NTP answer sets it: Debian's libfaketime
//! between the agent and the system's clock. The monotonic clock goes on.

use crate::agent::{free_address, read};
use crate::environment::{self, Go};
use crate::program::Program;
use crate::service::Service;
use crate::wait;
use linger::report::{Status, Trend};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// How far the clock is set.
const AHEAD_S: f64 = 7_200.0;

struct Scene {
    folder: TempDir,
    server: String,
}

impl Scene {
    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Sets the agent's clock, relative to the machine's.
    fn set(&self, offset: &str) {
        std::fs::write(self.clock(), offset).expect("the clock can be set");
    }

    /// A command of linger that lives by the same clock.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(environment::agent());
        command.args(arguments);
        command.env("LD_PRELOAD", environment::peer("libfaketimeMT.so.1"));
        command.env("FAKETIME_TIMESTAMP_FILE", self.clock()).env("FAKETIME_NO_CACHE", "1");
        // Both names: releases differ.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        command
    }

    fn ask<T: DeserializeOwned>(&self, question: &str) -> T {
        read(&crate::agent::run(&mut self.command(&[question, "--server", &self.server, "--output", "json"])))
    }

    fn start(&self, url: &str, data: &Path) -> Program {
        let listen = self.server.trim_start_matches("http://");
        let mut command = self.command(&["agent", url, "--listen", listen, "--time-scale", "60", "--data"]);
        Program::start(command.arg(data), &self.folder.path().join("log"))
    }
}

#[test]
fn a_clock_that_is_set_makes_a_gap_and_no_wild_rates() {
    let service = Service::start(Go::Newest, "waits");
    let scene = Scene {
        folder: TempDir::new().expect("a temporary folder"),
        server: format!("http://{}", free_address()),
    };
    scene.set("+0");
    let mut agent = scene.start(&service.url(), &scene.folder.path().join("data"));
    let points =
        |trend: &Trend| trend.targets.first().and_then(|t| t.total.as_ref()).map_or(0, |t| t.points.len());
    wait::until("the count has points before the jump", || {
        agent.assert_runs();
        let said = crate::agent::run(&mut scene.command(&["status", "--server", &scene.server]));
        if said.code != 0 {
            return Err(said.err);
        }
        let trend: Trend = scene.ask("trend");
        if points(&trend) >= 20 { Ok(()) } else { Err(format!("{trend:?}")) }
    });

    scene.set("+2h");
    let jumped = wait::until("the jump is noticed", || {
        let status: Status = scene.ask("status");
        status.clock_jump.ok_or(status.targets)
    });
    assert!((jumped.by_s - AHEAD_S).abs() < 10.0, "{jumped:?}");
    let trend = wait::until("the count has points after the jump", || {
        let said = crate::agent::run(&mut scene.command(&[
            "trend",
            "--from",
            "now-3h",
            "--server",
            &scene.server,
            "--output",
            "json",
        ]));
        let trend: Trend = read(&said);
        let gap =
            trend.targets[0].gaps_ms.iter().any(|[from, to]| (to - from) as f64 > 0.9 * AHEAD_S * 1000.0);
        if gap { Ok(trend) } else { Err(trend) }
    });
    let target = &trend.targets[0];
    assert!(target.restarts_ms.is_empty(), "no restart is claimed");
    let slopes = target.total.iter().chain(&target.series).filter_map(|s| s.slope_per_hour);
    let wildest = slopes.map(f64::abs).fold(0.0, f64::max);
    assert!(wildest < 100.0, "{wildest} an hour in a service that stands still");

    scene.set("+0");
    let status = wait::until("points from the past are refused, and that is said", || {
        let status: Status = scene.ask("status");
        let back = status.clock_jump.is_some_and(|jump| jump.by_s < -0.9 * AHEAD_S);
        if back && status.store.scrapes_refused > 0 {
            Ok(status)
        } else {
            Err((status.clock_jump, status.store))
        }
    });
    assert!(status.targets[0].up, "the service is watched all the same");
    assert!(status.store.last_refusal.is_some_and(|why| why.contains("not later than the last one")));
    assert!(agent.terminate().success());
}
