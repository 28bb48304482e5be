//! The binary as people and monitors run it: exit codes, and what goes to which stream.

#![allow(clippy::unwrap_used)] // what cannot be set up has failed

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
