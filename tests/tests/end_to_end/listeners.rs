//! The agent's two listeners, asked as by anybody who gets there: what they tell, to whom, and what they refuse.

use crate::agent::{Agent, free_address, linger};
use crate::environment::{self, Go};
use crate::program::Program;
use crate::service::Service;
use crate::wait;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Longest wait for one answer, or for a connection to be ended: several times the agent's own limit of 10 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// Status, head and body of one HTTP/1.0 exchange.
fn exchange(mut stream: impl Read + Write, request: &str, headers: &[&str]) -> (u16, String, Vec<u8>) {
    let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
    write!(stream, "{request} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n").expect("a request can be sent");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an answer with an end");
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    let body = all.split_off(end);
    let head = String::from_utf8_lossy(&all).into_owned();
    (head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0), head, body)
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the agent listens");
    stream.set_read_timeout(Some(ANSWER_WITHIN)).expect("a timeout can be set");
    stream
}

/// Status and body of a request over TCP.
fn ask(address: &str, request: &str, headers: &[&str]) -> (u16, String) {
    let (status, _, body) = exchange(connect(address), request, headers);
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// An agent that the tests of this file start themselves: its API does not answer `linger status` as it is.
struct Bare {
    program: Program,
    folder: TempDir,
}

impl Bare {
    /// Starts one with these arguments and this configuration.
    fn start(arguments: &[&str], configuration: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("linger.yaml");
        std::fs::write(&file, configuration).expect("a configuration can be written");
        let mut command = Command::new(environment::agent());
        command.arg("agent").args(arguments).arg("--config").arg(&file);
        command.arg("--data").arg(folder.path().join("data"));
        let program = Program::start(&mut command, &folder.path().join("log"));
        Self { program, folder }
    }

    /// Waits until `/-/healthy` answers.
    fn wait_for(&mut self, connect: impl Fn() -> std::io::Result<()>) {
        wait::until("the agent listens", || {
            self.program.assert_runs();
            connect().map_err(|e| e.to_string())
        });
    }
}

#[test]
fn the_metrics_listener_tells_the_newest_values_and_nothing_else() {
    let service = Service::start(Go::Newest, "waits");
    let metrics = free_address();
    let agent = Agent::with(60, &[&service.url()], &["--metrics-listen", &metrics]);
    let page = wait::until("sites and their growth on the page", || {
        let (status, page) = ask(&metrics, "GET /metrics", &[]);
        let all = ["linger_up{", "linger_goroutine_growth_per_hour{", "linger_site_info{"];
        if status == 200 && all.iter().all(|name| page.contains(name)) { Ok(page) } else { Err(page) }
    });
    assert!(page.contains("\nlinger_agent_exposition_dropped_series 0\n"), "{page}");
    assert!(page.contains("\nlinger_agent_build_info{version=\""), "{page}");

    let (status, head, body) = exchange(connect(&metrics), "HEAD /metrics", &[]);
    assert_eq!((status, body.len()), (200, 0), "{head}");
    let (status, head, body) = exchange(connect(&metrics), "GET /metrics", &["Accept-Encoding: gzip"]);
    assert!(status == 200 && head.contains("content-encoding: gzip") && body.starts_with(&[0x1f, 0x8b]));
    let open = ["Accept: application/openmetrics-text;version=1.0.0"];
    let (status, head, body) = exchange(connect(&metrics), "GET /metrics", &open);
    assert!(status == 200 && head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with(b"# EOF\n"));

    assert_eq!(ask(&metrics, "GET /-/healthy", &[]).0, 200);
    assert_eq!(ask(&metrics, "POST /metrics", &[]).0, 405);
    for elsewhere in ["/linger/v1/status", "/linger/v1/query?selector=linger_up", "/debug/pprof/"] {
        assert_eq!(ask(&metrics, &format!("GET {elsewhere}"), &[]).0, 404, "{elsewhere}");
    }
    let own = ask(agent.address(), "GET /metrics", &[]);
    assert!(own.0 == 200 && own.1.contains("linger_up{"), "the API has the page too: {own:?}");
}

#[test]
fn a_client_that_says_nothing_is_sent_away() {
    let metrics = free_address();
    let _agent = Agent::with(1, &["http://127.0.0.1:9"], &["--metrics-listen", &metrics]);
    let mut silent = connect(&metrics);
    let mut slow = connect(&metrics);
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").expect("half a head can be sent");
    for stream in [&mut silent, &mut slow] {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).expect("the connection is ended, not merely kept open");
        assert!(!said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn an_api_with_credentials_asks_for_them_and_forgets_none_that_changed() {
    let folder = TempDir::new().expect("a temporary folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "first\n").expect("a token can be written");
    let listen = free_address();
    let configuration = format!(
        "targets: [{{url: \"http://127.0.0.1:9\"}}]\nauth: {{authorization: {{credentials_file: \"{}\"}}}}\n",
        token.display()
    );
    let mut agent = Bare::start(&["--listen", &listen], &configuration);
    agent.wait_for(|| TcpStream::connect(&listen).map(drop));
    let status = |token: &str| {
        let header = format!("Authorization: Bearer {token}");
        ask(&listen, "GET /linger/v1/status", &[header.as_str()])
    };
    let until = |token: &str, expected: u16| {
        wait::until("the credentials count", || {
            let answer = status(token);
            if answer.0 == expected { Ok(()) } else { Err(answer) }
        });
    };
    assert_eq!(status("first").0, 200);
    let (code, head, _) = exchange(connect(&listen), "GET /linger/v1/status", &[]);
    assert!(code == 401 && head.to_ascii_lowercase().contains("www-authenticate: bearer"), "{head}");
    assert_eq!(ask(&listen, "GET /metrics", &[]).0, 401);
    assert_eq!(ask(&listen, "GET /no-such-path", &[]).0, 401, "not even which paths there are");
    assert_eq!(ask(&listen, "GET /-/healthy", &[]).0, 200, "a probe has no credentials");
    std::fs::write(&token, "second").expect("a token can be written");
    until("second", 200);
    assert_eq!(status("first").0, 401);
    std::fs::remove_file(&token).expect("a token can be removed");
    until("second", 503);
    let log = agent.program.log();
    assert!(log.contains("the API refuses everybody"), "{log}");
    assert!(!log.contains("second") && !log.contains("first"), "{log}");
}

#[test]
fn an_api_on_a_network_is_refused_without_its_guards() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    let said = linger(&["agent", "http://127.0.0.1:9", "--listen", "0.0.0.0:0", "--data", &data]);
    assert!(said.code != 0 && said.err.contains("auth") && said.err.contains("tls"), "{said:?}");
}

#[test]
fn a_unix_socket_is_its_owners_and_outlives_no_dead_agent() {
    let folder = TempDir::new().expect("a temporary folder");
    let socket = folder.path().join("api.sock");
    let listen = format!("unix://{}", socket.display());
    let configuration = "targets: [{url: \"http://127.0.0.1:9\"}]\n";
    let status = |socket: &Path| {
        let stream = UnixStream::connect(socket).expect("the agent listens");
        exchange(stream, "GET /linger/v1/status", &[]).0
    };
    let mut first = Bare::start(&["--listen", &listen], configuration);
    first.wait_for(|| UnixStream::connect(&socket).map(drop));
    assert_eq!(status(&socket), 200);
    let mode = std::fs::metadata(&socket).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let second = folder.path().join("second").display().to_string();
    let said = linger(&["agent", "http://127.0.0.1:9", "--listen", &listen, "--data", &second]);
    assert!(said.code != 0 && said.err.contains("somebody answers on"), "{said:?}");
    assert_eq!(status(&socket), 200, "the first one is not disturbed");

    first.program.kill();
    assert!(socket.exists(), "a killed agent leaves its socket behind");
    let mut third = Bare::start(&["--listen", &listen], configuration);
    third.wait_for(|| UnixStream::connect(&socket).map(drop));
    assert_eq!(status(&socket), 200);
    assert!(third.program.terminate().success(), "{}", third.program.log());
    assert!(!socket.exists(), "a stopped agent takes its socket along");
    drop(third.folder);
}
