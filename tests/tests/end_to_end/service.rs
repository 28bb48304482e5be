//! A Go service under test, and the plain HTTP that talks to it.

use crate::environment::{self, Go};
use crate::program::Program;
use crate::wait;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Longest single answer waited for: piling up a million defers takes well under a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// When a service ends by itself, should the test that started it be killed.
const LIFETIME: Duration = Duration::from_secs(20 * 60);

/// A running service of tests/services.
#[derive(Debug)]
pub(crate) struct Service {
    program: Program,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    // Holds the log.
    _folder: TempDir,
}

impl Service {
    /// Starts it on a free port.
    pub(crate) fn start(go: Go, name: &str) -> Self {
        Self::start_on(go, name, "127.0.0.1:0".parse().unwrap())
    }

    /// Starts it on this address: where one was before, for a restart.
    pub(crate) fn start_on(go: Go, name: &str, listen: SocketAddr) -> Self {
        Self::start_as(&environment::service(go, name), listen, LIFETIME)
    }

    /// Starts this build of one on a free port, to end by itself after `lifetime`.
    pub(crate) fn start_program(program: &Path, lifetime: Duration) -> Self {
        Self::start_as(program, "127.0.0.1:0".parse().unwrap(), lifetime)
    }

    fn start_as(program: &Path, listen: SocketAddr, lifetime: Duration) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(program);
        command.args(["-listen", &listen.to_string(), "-for", &format!("{}s", lifetime.as_secs())]);
        let mut program = Program::start(&mut command, &folder.path().join("log"));
        let address = wait::until("the service listens", || {
            program.assert_runs();
            let log = program.log();
            log.lines().find_map(|l| l.strip_prefix("listening on ")?.parse().ok()).ok_or(log)
        });
        Self { program, address, _folder: folder }
    }

    /// What linger is told to watch.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the service to do something.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str) {
        let answer = get(self.address, path).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }

    /// What it knows of itself.
    #[track_caller]
    pub(crate) fn truth(&self) -> Value {
        let answer = get(self.address, "/truth").expect("the service answers");
        serde_json::from_slice(&answer.body).expect("/truth is JSON")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Status line and headers, with the empty line.
    pub(crate) head: String,
    /// Body as sent.
    pub(crate) body: Vec<u8>,
}

/// GET by HTTP/1.0, so that the body ends with the connection and is not chunked.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<Answer> {
    request(address, "GET", path, &[])
}

/// Any request, by HTTP/1.0.
pub(crate) fn request(address: SocketAddr, method: &str, path: &str, body: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    let body = all.split_off(end);
    let head = String::from_utf8_lossy(&all).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head, body })
}
