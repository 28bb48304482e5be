//! Asking, against real sockets on loopback that answer whatever a test wants.

use super::{AGENT_FILE, AskError, Source, ask};
use crate::question::{
    Answer, CheckQuestion, CheckSubject, DefersQuestion, QueryQuestion, Question, SitesQuestion,
};
use linger_config::{Access, Credentials};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

/// Serves `answers` to as many connections, one each, and gives back the request lines.
fn serve(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let serve_one = |answer: Vec<u8>| {
            let (mut socket, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && socket.read(&mut byte).unwrap() == 1 {
                request.push(byte[0]);
            }
            // The asking side may have hung up by now: that is its business.
            let _ = socket.write_all(&answer);
            String::from_utf8(request).unwrap().lines().next().unwrap_or("").to_owned()
        };
        answers.into_iter().map(serve_one).collect()
    });
    (address, server)
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into()
}

const CHECK: &str = r#"{"version":1,"code":0,"summary":"all well","details":[],"alerts":[]}"#;

fn check_question() -> Question {
    Question::Check(CheckQuestion { subject: CheckSubject::Agent, target: None })
}

#[track_caller]
fn check_error(answer: Vec<u8>, message: &str, hint: Option<&str>) {
    let (address, server) = serve(vec![answer]);
    let error = ask(&Source::Server(address.clone()), &Access::default(), &check_question()).unwrap_err();
    assert_eq!(error.to_string().replace(&address, "HOST"), message);
    match (error.hint(), hint) {
        (got, None) => assert_eq!(got, None),
        (got, Some(part)) => assert!(got.clone().is_some_and(|h| h.contains(part)), "{got:?}"),
    }
    server.join().unwrap();
}

#[test]
fn an_answer_comes_back_as_its_type() {
    let (address, server) = serve(vec![http("200 OK", CHECK)]);
    let answer =
        ask(&Source::Server(format!("http://{address}/")), &Access::default(), &check_question()).unwrap();
    assert!(matches!(answer, Answer::Check(check) if check.summary == "all well"));
    assert_eq!(server.join().unwrap(), ["GET /linger/v1/check?subject=agent HTTP/1.1"]);
}

#[test]
fn questions_travel_whole() {
    let sites = SitesQuestion { target: Some("a b&c".into()), from_ms: -1, to_ms: 2, limit: 20 };
    let defers = DefersQuestion {
        target: None,
        from_ms: 1,
        to_ms: 2,
        limit: 20,
        site: Some("cart.(*Cart).drain".into()),
    };
    let query = QueryQuestion { selector: r#"m{a="+é"}"#.into(), from_ms: 1, to_ms: 2 };
    let expected = [
        (Question::Trend(sites), "GET /linger/v1/trend?target=a+b%26c&from_ms=-1&to_ms=2&limit=20 HTTP/1.1"),
        (
            Question::Defers(defers),
            "GET /linger/v1/defers?from_ms=1&to_ms=2&limit=20&site=cart.%28*Cart%29.drain HTTP/1.1",
        ),
        (
            Question::Query(query),
            "GET /linger/v1/query?selector=m%7Ba%3D%22%2B%C3%A9%22%7D&from_ms=1&to_ms=2 HTTP/1.1",
        ),
        (Question::Status, "GET /linger/v1/status HTTP/1.1"),
    ];
    for (question, line) in expected {
        let (address, server) = serve(vec![http("404 Not Found", "")]);
        ask(&Source::Server(address), &Access::default(), &question).unwrap_err();
        assert_eq!(server.join().unwrap(), [line]);
    }
}

#[test]
fn refusals_keep_the_words_of_the_agent() {
    let body = r#"{"version":1,"error":"no target `x`","hint":"there are: api, worker"}"#;
    check_error(http("404 Not Found", body), "no target `x`", Some("there are: api, worker"));
    check_error(http("400 Bad Request", r#"{"version":1,"error":"bad selector"}"#), "bad selector", None);
    check_error(
        http("422 Unprocessable", r#"{"version":1,"error":"too much","hint":null}"#),
        "too much",
        None,
    );
    check_error(http("500 Oops", r#"{"version":1,"error":"store: torn"}"#), "store: torn", None);
}

#[test]
fn what_is_no_agent_is_said_to_be_none() {
    let not = "http://HOST is not an agent this linger can read: ";
    let hint = Some("--server takes the address of `linger agent`");
    check_error(http("404 Not Found", "404 page not found"), &format!("{not}it answered HTTP 404"), hint);
    check_error(http("302 Found", ""), &format!("{not}it answered HTTP 302"), hint);
    check_error(http("200 OK", "<html>"), &format!("{not}its answer is not linger's JSON"), hint);
    let newer = http("200 OK", r#"{"version":2}"#);
    check_error(newer, &format!("{not}it speaks version 2 of the JSON, this is version 1"), hint);
    let other = http("200 OK", r#"{"version":1}"#);
    let error = format!("{not}unexpected JSON: missing field `code` at line 1 column 13");
    check_error(other, &error, hint);
}

#[test]
fn a_connection_that_breaks_is_no_answer() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"version\":1".to_vec();
    let (address, server) = serve(vec![cut]);
    let error = ask(&Source::Server(address), &Access::default(), &check_question()).unwrap_err();
    assert!(matches!(error, AskError::Connection { .. }), "{error:?}");
    server.join().unwrap();
}

#[test]
fn a_closed_port_says_what_to_do_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = ask(&Source::Server(server.clone()), &Access::default(), &Question::Status).unwrap_err();
    assert_eq!(error.to_string(), format!("no agent answers at {server}"));
    assert!(error.hint().unwrap().contains("`linger agent URL`"));
}

#[test]
fn addresses_that_cannot_be_an_agent_are_refused_and_passwords_not_repeated() {
    for (server, part) in [
        ("ftp://127.0.0.1:6262", "http, https and unix are spoken"),
        ("http://", "the host is missing"),
        ("http://me:secret@127.0.0.1:6262", "no user or password here"),
    ] {
        let error = ask(&Source::Server(server.into()), &Access::default(), &Question::Status).unwrap_err();
        assert!(matches!(error, AskError::Address { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(part) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn a_token_is_sent_and_its_refusal_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let access = Access { credentials: Some(Credentials::BearerFile(token)), ..Access::default() };
    for (access, says) in [(Access::default(), "asks for credentials"), (access, "refuses these credentials")]
    {
        let (address, server) = serve(vec![http("401 Unauthorized", "no")]);
        let error = ask(&Source::Server(address), &access, &Question::Status).unwrap_err();
        assert!(
            error.to_string().contains(says) && error.hint().unwrap().contains("--token-file"),
            "{error}"
        );
        server.join().unwrap();
    }
}

#[test]
fn an_agent_on_a_unix_socket_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("linger.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut request = [0; 2048];
        let n = socket.read(&mut request).unwrap();
        socket.write_all(&http("200 OK", CHECK)).unwrap();
        String::from_utf8_lossy(&request[..n]).to_lowercase()
    });
    let source = Source::Server(format!("unix:{}", path.display()));
    let answer = ask(&source, &Access::default(), &check_question()).unwrap();
    assert!(matches!(answer, Answer::Check(_)));
    assert!(server.join().unwrap().contains("\r\nhost: localhost\r\n"));
    let missing = Source::Server(format!("unix:{}/missing", folder.path().display()));
    let error = ask(&missing, &Access::default(), &Question::Status).unwrap_err();
    assert!(matches!(error, AskError::NoAgent { .. }), "{error:?}");
}

fn status(pid: u32) -> String {
    let agent = crate::report::AgentStatus { running: true, pid: Some(pid), ..Default::default() };
    let status = crate::report::Status { version: 1, agent, ..Default::default() };
    serde_json::to_string(&status).unwrap()
}

#[test]
fn the_agent_that_holds_a_folder_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (address, server) = serve(vec![http("200 OK", &status(77)), http("200 OK", CHECK)]);
    std::fs::write(dir.path().join(AGENT_FILE), format!(r#"{{"pid":77,"listen":"{address}"}}"#)).unwrap();
    let answer = ask(&Source::Data(dir.path().into()), &Access::default(), &check_question()).unwrap();
    assert!(matches!(answer, Answer::Check(_)));
    assert_eq!(server.join().unwrap().len(), 2);
}

#[test]
fn another_agent_on_the_port_of_a_killed_one_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (address, server) = serve(vec![http("200 OK", &status(78))]);
    std::fs::write(dir.path().join(AGENT_FILE), format!(r#"{{"pid":77,"listen":"{address}"}}"#)).unwrap();
    // Never an answer of the other agent: the folder itself is opened, and holds no store here.
    let answer = ask(&Source::Data(dir.path().into()), &Access::default(), &check_question());
    assert_eq!(server.join().unwrap(), ["GET /linger/v1/status HTTP/1.1"]);
    assert!(matches!(answer, Err(AskError::Folder { .. })), "{answer:?}");
}

#[test]
fn a_folder_that_is_not_there_stays_away() {
    let dir = tempfile::tempdir().unwrap().path().join("misspelt");
    let error = ask(&Source::Data(dir.clone()), &Access::default(), &Question::Status).unwrap_err();
    assert!(error.to_string().ends_with("misspelt: no such folder") && error.hint().is_some());
    assert!(!dir.exists());
}
