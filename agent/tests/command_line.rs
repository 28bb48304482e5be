//! The binary as people and monitors run it: exit codes, and what goes to which stream.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // what cannot be set up has failed

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

/// Nothing listens on port 1 of loopback.
const NOBODY: &str = "--server http://127.0.0.1:1";

fn linger(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linger"));
    for variable in ["SERVER", "TOKEN_FILE", "CONFIG", "LISTEN", "METRICS_LISTEN", "DATA", "TARGETS"] {
        command.env_remove(format!("LINGER_{variable}"));
    }
    command.args(line.split_whitespace()).stdin(Stdio::null());
    command
}

fn run(line: &str) -> (i32, String, String) {
    let Output { status, stdout, stderr } = linger(line).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A failure says nothing on standard output, and `says` on standard error.
#[track_caller]
fn check(line: &str, code: i32, says: &str) {
    let (got, stdout, stderr) = run(line);
    assert_eq!((got, stdout.as_str()), (code, ""), "{line}: {stderr}");
    assert!(stderr.contains(says), "{line}: {stderr}");
    assert!(!stderr.contains('\x1b'), "colour without a terminal: {stderr:?}");
}

#[test]
fn failure_is_1_and_usage_is_2() {
    check(&format!("status {NOBODY}"), 1, "error: no agent answers at http://127.0.0.1:1\nhint: start one");
    check("status --data /nonexistent/linger", 1, "error: /nonexistent/linger: no such folder\nhint: --data");
    check("", 2, "Usage: linger <COMMAND>");
    check("nonsense", 2, "unrecognized subcommand");
    check("status --nonsense", 2, "unexpected argument");
    check("status --server http://x --data /x", 2, "cannot be used with");
    check("status --server ftp://127.0.0.1:1", 2, "http, https and unix are spoken");
    check("status --server https://127.0.0.1:1", 1, "no agent answers at https://127.0.0.1:1");
    check("status --token-file t --user u --password-file p", 2, "cannot be used with");
    check("scrape http://127.0.0.1:1 --ca-file ca.pem", 2, "speaks no TLS");
    check("scrape http://127.0.0.1:1 --header-file X", 2, "write NAME=FILE");
    check("trend --limit 0", 2, "0 is not in 1..=1000");
    check("trend --from now --to now-1h", 2, "--from \"now\" is after --to \"now-1h\"");
    check("trend --from -1h", 2, "did you mean now-1h?");
    check("query rate(x[5m])", 2, "expected the end at column 5");
    check("scrape http://127.0.0.1:1 --for 0s", 2, "must be 1s to 24h");
    check("agent --time-scale 0.5", 2, "must be 1 to");
    check("agent http://u:hunter2@a:1", 2, "found `http://***@a:1`");
    check("agent --listen 0.0.0.0:1", 2, "the API is not offered to a network without `auth` and `tls`");
    check("agent --config /nonexistent/linger.yaml", 1, "cannot read /nonexistent/linger.yaml");
    check("config show a --config b", 2, "cannot be used with");
    check("audit", 2, "<BINARY>");
    check("audit x --only leaky", 2, "possible values: loop, heap, range, stack, open");
    check("audit x --baseline a --write-baseline b", 2, "cannot be used with");
    check("trace", 2, "Usage: linger trace <COMMAND>");
    check("trace summary", 2, "<FILE|URL|TARGET>");
    check("trace summary http://127.0.0.1:1 --seconds 61", 2, "61 is not in 1..=60");
    check("trace summary http://u:hunter2@a:1", 2, "error: a:1: ");
    check("trace summary http://127.0.0.1:1 --ca-file ca.pem", 2, "speaks no TLS");
    check("trace list --server ftp://127.0.0.1:1", 2, "http, https and unix are spoken");
    check(
        &format!("trace list {NOBODY}"),
        1,
        "error: no agent answers at http://127.0.0.1:1\nhint: start one",
    );
    check(&format!("trace summary api {NOBODY}"), 1, "error: no agent answers at http://127.0.0.1:1\nhint: ");
    check("trace export x --format svg", 2, "possible values: chrome, raw");
}

#[test]
fn what_cannot_be_audited_is_named_with_the_next_step() {
    let us = env!("CARGO_BIN_EXE_linger");
    check(&format!("audit {us}"), 1, "not a Go program\nhint: name the service's own program");
    check("audit /nonexistent/shop", 1, "error: /nonexistent/shop: No such file");
    check("audit /", 1, "error: /: a folder\nhint: name the program in it");
    check("audit /dev/null", 1, "/dev/null: not a file");
    let folder = tempfile::tempdir().unwrap();
    let head = |name: &str, head: &[u8], says: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, head).unwrap();
        check(&format!("audit {}", file.display()), 1, says);
    };
    head(
        "script",
        b"#!/bin/sh\nexec shop\n",
        "not a Linux program but a script\nhint: audit the program that",
    );
    head("mach-o", b"\xcf\xfa\xed\xfe", "but a Mach-O file (macOS)\nhint: build it for Linux");
    head("pe", b"MZ\x90\0", "but a PE file (Windows)\nhint: build it for Linux");
    head("gzip", b"\x1f\x8b\x08", "but a compressed file\nhint: unpack it");
    head("empty", b"", "but an empty file");
}

#[test]
fn help_is_no_failure_and_documents_its_exit_codes() {
    for command in [
        "",
        "agent",
        "scrape",
        "status",
        "trend",
        "defers",
        "query",
        "check",
        "audit",
        "trace summary",
        "trace export",
        "trace list",
        "config check",
        "config show",
        "config schema",
    ] {
        for flag in ["-h", "--help"] {
            let (code, stdout, stderr) = run(&format!("{command} {flag}"));
            assert_eq!((code, stderr.as_str()), (0, ""), "{command}");
            assert!(stdout.contains("Exit codes") && stdout.contains("linger "), "{command}: {stdout}");
        }
    }
    assert_eq!(run("--version").1, format!("linger {}\n", env!("CARGO_PKG_VERSION")));
}

#[track_caller]
fn check_verdict(line: &str, code: i32, first_line: &str) {
    let (got, stdout, _) = run(line);
    assert_eq!((got, stdout.lines().next()), (code, Some(first_line)), "{line}");
}

#[test]
fn check_always_says_a_verdict() {
    check_verdict("check --nonsense", 3, "LINGER UNKNOWN - usage: unexpected argument '--nonsense' found");
    check_verdict("check nonsense", 3, "LINGER UNKNOWN - usage: invalid value 'nonsense' for '[SUBJECT]'");
    let gone = "no agent answers at http://127.0.0.1:1";
    check_verdict(&format!("check {NOBODY}"), 3, &format!("LINGER UNKNOWN - {gone}"));
    check_verdict(&format!("check agent {NOBODY}"), 2, &format!("LINGER CRITICAL - {gone}"));
    let (code, stdout, _) = run(&format!("check --output json {NOBODY}"));
    assert_eq!(code, 3);
    assert!(stdout.starts_with(r#"{"version":1,"code":3,"summary":"no agent answers"#), "{stdout}");
}

/// One connection, answered with `body`.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        socket.write_all((head + &body).as_bytes()).unwrap();
    });
    address
}

#[test]
fn the_variable_stands_for_the_option_and_not_against_data() {
    let body = r#"{"version":1,"code":1,"summary":"one pending","details":["d"],"alerts":[]}"#;
    let server = serve(body.to_owned());
    let output = linger("check").env("LINGER_SERVER", &server).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let expected = "LINGER WARNING - one pending | firing=0 pending=0 stale=0\nd\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let mut command = linger("status --data /nonexistent/linger");
    let output = command.env("LINGER_SERVER", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let series: Vec<String> =
        (0..5_000).map(|i| format!(r#"{{"name":"m","labels":{{"i":"{i}"}},"points":[[1,2.0]]}}"#)).collect();
    let range = r#"{"from_ms":0,"to_ms":9}"#;
    let body = format!(r#"{{"version":1,"range":{range},"series":[{}]}}"#, series.join(","));
    for output in ["table", "json"] {
        let mut command = linger(&format!("query m --output {output} --server {}", serve(body.clone())));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // More than a pipe holds is to come; the reader leaves after one byte.
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }
}

#[test]
fn config_show_tells_what_is_in_effect_and_where_it_comes_from() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("linger.yaml");
    let text = "sites_max: 7\ntargets: [{url: 'http://a:1', headers: {X: hunter2, Y: {file: gone}}}]\n";
    std::fs::write(&file, text).unwrap();
    let shown = |output: &str| {
        let mut command = linger(&format!("config show --listen 127.0.0.1:7 {output}"));
        let run = command.arg(&file).env("LINGER_TARGETS", "http://b:2").output().unwrap();
        assert!(run.status.success(), "{run:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    let yaml = shown("");
    let file_name = file.display();
    for (value, origin) in [
        ("listen: 127.0.0.1:7", "flag --listen".to_owned()),
        ("sites_max: 7", format!("{file_name}:1")),
        ("  - url: http://a:1", format!("{file_name}:2")),
        ("      X: <hidden>", format!("{file_name}:2")),
        ("  - url: http://b:2", "env LINGER_TARGETS".to_owned()),
        ("duty_cycle_max: 0.5%", "default".to_owned()),
    ] {
        let line =
            yaml.lines().find(|line| line.starts_with(value)).unwrap_or_else(|| panic!("{value}: {yaml}"));
        assert!(line.ends_with(&format!("  # {origin}")), "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&shown("-o json")).unwrap();
    assert_eq!(json["origins"]["targets[1].url"], "env LINGER_TARGETS");
    assert!(!json.to_string().contains("hunter2"));

    // What is shown is a configuration again, and means the same.
    let again = dir.path().join("again.yaml");
    std::fs::write(&again, &yaml).unwrap();
    let run = linger("config show -o json").arg(&again).output().unwrap();
    let again: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(again["config"], json["config"]);

    // The check looks at the files that are named, unless it is told not to.
    let run = |options: &str| linger(&format!("config check {options}")).arg(&file).output().unwrap();
    let (text_only, whole) = (run("--text-only"), run(""));
    assert!(text_only.status.success(), "{text_only:?}");
    let said = String::from_utf8(whole.stderr).unwrap();
    assert!(whole.status.code() == Some(1) && said.contains("linger.yaml:2:63"), "{said}");
}

#[test]
fn config_schema_is_a_json_schema() {
    let (code, stdout, stderr) = run("config schema");
    let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["targets"].is_object());
}

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings");

fn recorded() -> String {
    format!("{RECORDINGS}/go1.27/short.trace")
}

/// The summary of a trace as JSON, and the exit code.
#[track_caller]
fn summary_of(source: &str) -> (i32, serde_json::Value) {
    let (code, stdout, stderr) = run(&format!("trace summary {source} --output json"));
    let json = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{source}: {e}: {stderr}"));
    (code, json)
}

#[test]
fn what_is_no_trace_is_named_with_the_next_step() {
    check(
        "trace summary /nonexistent/x.trace",
        1,
        "No such file or directory (os error 2)\nhint: name a file",
    );
    check("trace summary /", 1, "error: /: a folder\nhint: name the trace in it");
    check("trace summary /dev/null", 1, "not an execution trace: \"\"\nhint: record one with");
    check("trace export /dev/null", 1, "not an execution trace: \"\"\nhint: record one with");
    check("trace export /dev/null --format raw", 1, "hint: record one with");
    check("trace summary http://127.0.0.1:1", 1, "error: http://127.0.0.1:1: refused: ");
    let folder = tempfile::tempdir().unwrap();
    let head = |text: &[u8], says: &str| {
        let file = folder.path().join("x.trace");
        std::fs::write(&file, text).unwrap();
        check(&format!("trace summary {}", file.display()), 1, says);
    };
    head(b"<html>\x1b[2J", "not an execution trace: \"<html>\\x1b[2J\"\nhint: record one");
    head(b"go 1.21 trace\0\0\0", "\"go 1.21\": the format before go 1.22 is not read\nhint: `go tool trace`");
    head(b"go 1.99 trace\0\0\0", "unknown version \"go 1.99\"");
    head(b"\x1f\x8bnothing", "inflating it: ");
}

#[test]
fn a_trace_is_told_from_a_file_a_gzip_a_pipe_and_cut() {
    let (code, whole) = summary_of(&recorded());
    assert_eq!((code, &whole["version"], &whole["truncated"]), (0, &1.into(), &false.into()));
    assert_eq!(whole["trace"]["go"], "Go 1.26 or 1.27");
    let goroutines = &whole["goroutines"];
    let number = |name: &str| goroutines[name].as_u64().unwrap();
    assert_eq!(number("at_start") + number("created") - number("ended"), number("alive"));
    assert!(whole["window_ns"].as_u64().unwrap() > 50_000_000 && number("created") > 50);
    let kinds = whole["events"].as_object().unwrap();
    let sum: u64 = kinds.values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(Some(sum), whole["events_total"].as_u64());
    assert!(whole["suspects"].as_array().unwrap().iter().any(|s| s["function"] == "main.park.func2"));
    assert!(whole["defers"].as_array().unwrap().iter().any(|d| d["name"] == "unlock"));

    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(recorded()).unwrap();
    let same = |mut other: serde_json::Value| {
        other["trace"]["source"] = whole["trace"]["source"].clone();
        assert_eq!(other, whole);
    };
    let packed = folder.path().join("packed");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    std::fs::write(&packed, gzip.finish().unwrap()).unwrap();
    same(summary_of(&packed.display().to_string()).1);
    let mut command = linger("trace summary - -o json");
    let piped = command.stdin(std::fs::File::open(recorded()).unwrap()).output().unwrap();
    same(serde_json::from_slice(&piped.stdout).unwrap());

    let cut = folder.path().join("cut.trace");
    std::fs::write(&cut, &bytes[..bytes.len() - 2_000]).unwrap();
    let (code, told) = summary_of(&cut.display().to_string());
    assert_eq!((code, &told["truncated"], &told["trace"]["end"]), (0, &true.into(), &"cut".into()));
    assert!(told["missing"][0].as_str().unwrap().contains("ends within"), "{}", told["missing"]);
    let limited = summary_of(&format!("{} --limit 2", recorded())).1;
    assert_eq!(limited["waits"].as_array().unwrap().len(), 2);
    assert!(limited["left_out"]["waits"].as_u64().unwrap() > 2);
    // A pipe has room for its size; what goes beyond is cut, and that is said.
    let (code, told) = summary_of(&format!("{} --max-bytes 20000", packed.display()));
    assert_eq!((code, &told["truncated"]), (0, &true.into()));
    assert!(told["missing"][0].as_str().unwrap().contains("--max-bytes"), "{}", told["missing"]);
}

#[test]
fn a_broken_trace_is_told_as_far_as_it_goes_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.trace");
    let mut bytes = std::fs::read(recorded()).unwrap();
    let place = bytes.len() * 7 / 8;
    bytes[place..place + 64].fill(0xff);
    std::fs::write(&file, &bytes).unwrap();
    let (code, told) = summary_of(&file.display().to_string());
    assert_eq!((code, &told["trace"]["end"]), (1, &"broken".into()));
    assert!(told["events_total"].as_u64().unwrap() > 0);
    let (code, stdout, stderr) = run(&format!("trace export {}", file.display()));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("error: ") && stderr.contains("broken trace"), "{stderr}");
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["otherData"]["truncated"], true);
}

#[test]
fn an_export_opens_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let export = |options: &str| run(&format!("trace export {} {options} -o {}", recorded(), out.display()));
    let (code, stdout, stderr) = export("");
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("open it in https://ui.perfetto.dev"), "{stderr}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert!(json["traceEvents"].as_array().unwrap().len() > 5_000);
    let (code, _, stderr) = export("--format raw");
    assert!(code == 0 && stderr.contains("go tool trace"), "{stderr}");
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(recorded()).unwrap());
    // Only the file is left, and a failure leaves the old one.
    let (code, _, _) = run(&format!("trace export /dev/null -o {}", out.display()));
    assert_eq!((code, std::fs::read_dir(folder.path()).unwrap().count()), (1, 1));
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(recorded()).unwrap());
    let packed = folder.path().join("out.json.gz");
    let (code, _, _) = run(&format!("trace export {} -o {}", recorded(), packed.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&packed).unwrap()).read_to_string(&mut text).unwrap();
    let (_, stdout, _) = run(&format!("trace export {}", recorded()));
    assert!(code == 0 && text == stdout);
    let (code, stdout, _) = run(&format!("trace export {}", recorded()));
    assert!(code == 0 && stdout.ends_with("}\n") && stdout.len() as u64 > 500_000);
}

/// One connection, answered with what a service would send; the request line.
fn service(answer: Vec<u8>) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let length = socket.read(&mut request).unwrap();
        // Whoever has enough hangs up.
        let _ = socket.write_all(&answer);
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        request.lines().next().unwrap_or("").to_owned()
    });
    (format!("http://{address}"), served)
}

#[test]
fn a_service_records_and_what_came_of_a_broken_answer_is_told() {
    let trace = std::fs::read(recorded()).unwrap();
    let answer = |length: usize, body: &[u8]| {
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes(), body].concat()
    };
    let (url, served) = service(answer(trace.len(), &trace));
    let (code, told) = summary_of(&format!("{url} --seconds 3"));
    assert_eq!((code, &told["truncated"], &told["trace"]["source"]), (0, &false.into(), &url.into()));
    assert_eq!(served.join().unwrap(), "GET /debug/pprof/trace?seconds=3 HTTP/1.1");

    let (url, served) = service(answer(trace.len(), &trace[..30_000]));
    let (code, told) = summary_of(&format!("{url}/own/trace?x=1"));
    assert_eq!((code, &told["truncated"]), (0, &true.into()));
    assert!(
        told["missing"][0].as_str().unwrap().starts_with("the answer broke off: "),
        "{}",
        told["missing"]
    );
    assert_eq!(served.join().unwrap(), "GET /own/trace?x=1 HTTP/1.1");

    let (url, _) = service(answer(trace.len(), &trace));
    let (code, told) = summary_of(&format!("{url} --max-bytes 30000"));
    assert_eq!(code, 0);
    assert!(told["missing"][0].as_str().unwrap().contains("--max-bytes"), "{}", told["missing"]);

    let (url, _) = service(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
    check(&format!("trace summary {url}"), 1, "unsupported");
}
