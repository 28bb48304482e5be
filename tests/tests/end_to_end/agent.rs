//! The agent under test, started, asked, stopped and killed as a user would: through its command line.

use crate::environment;
use crate::program::Program;
use crate::wait;
use linger::report::{Status, TargetStatus};
use serde::de::DeserializeOwned;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitStatus};
use tempfile::TempDir;

/// A minute of the agent's time takes a second of ours: a ten-minute window passes in ten seconds.
pub(crate) const TIME_SCALE: u32 = 60;

/// An agent with a data folder of its own.
#[derive(Debug)]
pub(crate) struct Agent {
    program: Option<Program>,
    folder: TempDir,
    arguments: Vec<String>,
    server: String,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Said {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Agent {
    /// An agent that watches these URLs, up and answering.
    pub(crate) fn watching(urls: &[&str]) -> Self {
        Self::with(TIME_SCALE, urls, &[])
    }

    /// The same with another time scale and more arguments.
    pub(crate) fn with(time_scale: u32, urls: &[&str], more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let listen = free_address();
        let mut arguments: Vec<String> = vec!["agent".into()];
        arguments.extend(urls.iter().map(|u| (*u).to_owned()));
        arguments.extend(["--listen".into(), listen.clone(), "--time-scale".into(), time_scale.to_string()]);
        arguments.extend(more.iter().map(|m| (*m).to_owned()));
        let mut agent = Self { program: None, folder, arguments, server: format!("http://{listen}") };
        agent.start();
        agent
    }

    /// Starts it, on the same folder and address as before.
    pub(crate) fn start(&mut self) {
        self.spawn();
        self.wait_for_answer();
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&mut self) {
        let mut command = Command::new(environment::agent());
        command.args(&self.arguments).arg("--data").arg(self.data());
        self.program = Some(Program::start(&mut command, &self.folder.path().join("log")));
    }

    /// Waits until it answers.
    pub(crate) fn wait_for_answer(&mut self) {
        wait::until("the agent answers", || {
            self.program.as_mut().expect("an agent that was started").assert_runs();
            let said = self.say(&["status"]);
            if said.code == 0 { Ok(()) } else { Err(said) }
        });
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.program.as_ref().expect("an agent that runs").pid()
    }

    /// Sends it a signal, by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        self.program.as_ref().expect("an agent that runs").signal(name);
    }

    /// Where its API listens.
    pub(crate) fn address(&self) -> &str {
        self.server.trim_start_matches("http://")
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.program.take().expect("an agent that runs").kill();
    }

    /// The most memory it has had resident so far: `VmHWM` of proc(5).
    #[track_caller]
    pub(crate) fn peak_rss_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("an agent that runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("a kernel that tells VmHWM");
        line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
    }

    /// SIGTERM, and waits.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.program.take().expect("an agent that runs").terminate()
    }

    /// Runs a command against the running agent.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        run(Command::new(environment::agent()).args(arguments).args(["--server", &self.server]))
    }

    /// Runs a command on its folder.
    pub(crate) fn say_from_folder(&self, arguments: &[&str]) -> Said {
        run(Command::new(environment::agent()).args(arguments).arg("--data").arg(self.data()))
    }

    /// Runs a command against the running agent and reads its JSON.
    #[track_caller]
    pub(crate) fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> T {
        read(&self.say(&[arguments, &["--output", "json"]].concat()))
    }

    /// One target's status, by its URL.
    #[track_caller]
    pub(crate) fn target(&self, url: &str) -> TargetStatus {
        let status: Status = self.ask(&["status"]);
        let found = status.targets.into_iter().find(|t| t.url.trim_end_matches('/') == url);
        found.unwrap_or_else(|| panic!("status does not list {url}"))
    }

    /// The state of one collector of one target.
    #[track_caller]
    pub(crate) fn state(&self, url: &str, collector: &str) -> String {
        let target = self.target(url);
        let found = target.collectors.into_iter().find(|c| c.collector == collector);
        found.unwrap_or_else(|| panic!("{url} has no collector {collector}")).state
    }
}

/// Reads the JSON a command printed.
#[track_caller]
pub(crate) fn read<T: DeserializeOwned>(said: &Said) -> T {
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e} in {said:?}"))
}

/// Runs `linger` with these arguments alone.
pub(crate) fn linger(arguments: &[&str]) -> Said {
    run(Command::new(environment::agent()).args(arguments))
}

/// Runs `linger` on a folder.
pub(crate) fn linger_on(folder: &Path, arguments: &[&str]) -> Said {
    run(Command::new(environment::agent()).args(arguments).arg("--data").arg(folder))
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    // No setting of whoever runs the tests may reach the command.
    let output = command
        .env_remove("LINGER_SERVER")
        .env_remove("LINGER_TOKEN_FILE")
        .env("NO_COLOR", "1")
        .output()
        .expect("linger can be run");
    Said {
        code: output.status.code().expect("linger ends by itself"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A loopback address nobody listens on now. The listener is closed before the agent takes the port; the kernel
/// does not hand the same one out again soon.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").to_string()
}
