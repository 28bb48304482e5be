//! The client against real sockets on loopback that answer whatever a test wants.

use super::{Client, Request};
use crate::scrape::outcome::{Failure, State};
use linger_config::{Collectors, Target};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What a connection does once a request has come in.
#[derive(Clone)]
enum Does {
    /// Sends this and hangs up.
    Says(Vec<u8>),
    /// Sends this as often as the peer takes it.
    Repeats(&'static str),
    /// Sends this and waits longer than any test.
    SaysAndWaits(&'static str),
    /// Waits longer than any test.
    Nothing,
    /// Answers two requests on the same connection, then hangs up before the third.
    Twice(&'static str),
}

/// Serves one connection after the other in these ways; tells the request heads that came.
fn serve(ways: Vec<Does>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heads) = channel();
    std::thread::spawn(move || {
        for way in ways {
            let Ok((mut peer, _)) = listener.accept() else { return };
            let hear = |peer: &mut std::net::TcpStream| {
                let mut head = [0; 4096];
                let n = peer.read(&mut head).unwrap_or(0);
                let _ = tell.send(String::from_utf8_lossy(&head[..n]).into_owned());
            };
            hear(&mut peer);
            match way {
                Does::Says(answer) => drop(peer.write_all(&answer)),
                Does::Repeats(text) => while peer.write_all(text.as_bytes()).is_ok() {},
                Does::SaysAndWaits(text) => {
                    let _ = peer.write_all(text.as_bytes());
                    drop(peer.read(&mut [0; 1]));
                }
                Does::Nothing => drop(peer.read(&mut [0; 1])),
                Does::Twice(answer) => {
                    let _ = peer.write_all(answer.as_bytes());
                    hear(&mut peer);
                    let _ = peer.write_all(answer.as_bytes());
                }
            }
        }
    });
    (format!("http://{address}"), heads)
}

fn target(url: &str) -> Target {
    Target::new(url.parse().unwrap(), Collectors::default())
}

fn request() -> Request {
    Request::get("/debug/pprof/heap".parse().unwrap(), Duration::from_millis(500), 64)
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn fetch(url: &str) -> Result<String, Failure> {
    let answer = run(Client::new(&target(url)).fetch(&request()))?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

fn says(text: &str) -> Does {
    Does::Says(text.as_bytes().to_vec())
}

#[track_caller]
fn check(ways: Vec<Does>, expected: Result<&str, (State, &str)>) {
    let (url, _heads) = serve(ways);
    match (fetch(&url), expected) {
        (Ok(body), Ok(expected)) => assert_eq!(body, expected),
        (Err(got), Err((state, part))) => {
            assert!(got.state == state && got.detail.contains(part), "{got:?}, not {state} with {part:?}");
        }
        (got, expected) => panic!("{got:?}, not {expected:?}"),
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn a_body_is_what_it_says_or_the_fault_has_a_name() {
    check(vec![says(OK)], Ok("hi"));
    check(vec![says("HTTP/1.0 200 OK\r\n\r\nhi")], Ok("hi"));
    check(
        vec![says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n")],
        Ok("hi"),
    );
    let broke = |detail| Err((State::Truncated, detail));
    check(vec![says("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi")], broke("broke off after 2 bytes"));
    check(
        vec![says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")],
        broke("broke off after 5 bytes"),
    );
    let large = |detail| Err((State::TooLarge, detail));
    check(
        vec![says("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhi")],
        large("announces 99999999999"),
    );
    check(vec![says(&format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100)))], large("limit of 64 bytes"));
    check(vec![Does::Repeats("HTTP/1.1 200 OK\r\n\r\n")], large("limit of 64 bytes"));
}

/// What comes of a body of which a part is worth something.
#[track_caller]
fn check_part(way: Does, expected: Result<(&str, Option<State>), State>) {
    let (url, _heads) = serve(vec![way]);
    let asked = Request { takes_part: true, ..request() };
    let got = run(Client::new(&target(&url)).fetch(&asked));
    let got =
        got.map(|answer| (String::from_utf8(answer.body.to_vec()).unwrap(), answer.cut.map(|f| f.state)));
    assert_eq!(got.map_err(|f| f.state), expected.map(|(body, cut)| (body.to_owned(), cut)));
}

#[test]
fn a_part_of_a_body_is_taken_where_it_is_worth_something() {
    check_part(says(OK), Ok(("hi", None)));
    let length =
        |n: usize, body: &str| says(&format!("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n{body}"));
    check_part(length(20, "hi"), Ok(("hi", Some(State::Truncated))));
    check_part(length(20, ""), Err(State::Truncated));
    check_part(length(70, "hi"), Ok(("hi", Some(State::Truncated))));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    check_part(says(chunked), Ok(("hello", Some(State::Truncated))));
    let later = format!("{chunked}50\r\n{}\r\n", "x".repeat(80));
    check_part(says(&later), Ok(("hello", Some(State::TooLarge))));
    check_part(Does::SaysAndWaits(chunked), Ok(("hello", Some(State::TimedOut))));
    check_part(Does::Nothing, Err(State::TimedOut));
    check_part(says("HTTP/1.1 503 No\r\nContent-Length: 10\r\n\r\nno\n"), Err(State::ServerError));
    // The body of a redirect is no part of a trace.
    let slash = "HTTP/1.1 301 M\r\nLocation: /debug/pprof/heap/\r\nContent-Length: 9\r\n\r\nhi";
    check_part(says(slash), Err(State::Truncated));
}

#[test]
fn a_request_has_its_own_method_and_headers() {
    let (url, heads) = serve(vec![says(OK)]);
    let headers = vec![
        ("X-Why".to_owned(), linger_config::HeaderValue::Text("linger".into())),
        ("x-tenant".to_owned(), linger_config::HeaderValue::Text("own".into())),
    ];
    let asked = Request { method: linger_config::Method::Post, headers, ..request() };
    let mut target = target(&url);
    target.access.headers = vec![("X-Tenant".to_owned(), linger_config::HeaderValue::Text("targets".into()))];
    run(Client::new(&target).fetch(&asked)).unwrap();
    let head = heads.recv().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /debug/pprof/heap http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nx-why: linger\r\n") && head.contains("\r\nx-tenant: own\r\n"), "{head}");
    assert!(!head.contains("targets") && head.contains("\r\ncontent-length: 0\r\n"), "{head}");
}

#[test]
fn statuses_that_say_no_have_their_names() {
    let status = |line: &str| vec![says(&format!("HTTP/1.1 {line}\r\nContent-Length: 3\r\n\r\nno\n"))];
    check(status("404 Not Found"), Err((State::Unsupported, "status 404: no")));
    check(status("401 No"), Err((State::Unauthorized, "no credentials were sent")));
    check(status("403 No"), Err((State::Forbidden, "status 403: no")));
    check(status("503 No"), Err((State::ServerError, "status 503: no")));
    // A body that does not come does not take the status with it, nor the scrape's time.
    let stuck = "HTTP/1.1 503 No\r\nContent-Length: 10\r\n\r\nno\n";
    check(vec![says(stuck)], Err((State::ServerError, "status 503: no")));
}

#[test]
fn who_speaks_no_http_is_told_from_what_it_says() {
    // A stranger is looked at once more.
    let check = |way: Does, expected| check(vec![way.clone(), way], expected);
    check(says("SSH-2.0-OpenSSH_9.2\r\n"), Err((State::NotHttp, "an SSH server answers there")));
    check(Does::Says(b"\x15\x03\x01\0\x02\x02\x46".to_vec()), Err((State::SpeaksTls, "TLS")));
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0".to_vec();
    check(Does::Says(settings), Err((State::NotHttp, "gRPC")));
    check(says("220 mail ESMTP\r\n"), Err((State::NotHttp, "begins \"220 mail ESMTP\"")));
    let go = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    check(says(go), Err((State::SpeaksTls, "HTTPS server")));
}

#[test]
fn heads_without_end_are_given_up() {
    // Interim answers are no part of the head, and are read for as long as the request may take.
    check(vec![Does::Repeats("HTTP/1.1 102 Processing\r\n\r\n")], Err((State::TimedOut, "no answer")));
    let many: String = (0..200).map(|i| format!("X-{i}: y\r\n")).collect();
    check(vec![says(&format!("HTTP/1.1 200 OK\r\n{many}\r\nhi"))], Err((State::HeadTooLarge, "headers")));
    // hyper buffers some hundred KB of a head before it gives up.
    let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\nhi", "y".repeat(4_000_000));
    check(vec![says(&long)], Err((State::HeadTooLarge, "headers")));
}

#[test]
fn silence_says_how_far_it_came() {
    check(vec![Does::Nothing], Err((State::TimedOut, "no answer within 0.5 s")));
    check(vec![says("")], Err((State::Reset, "closed without an answer")));
    check(vec![says("HTTP/1.1 200 O")], Err((State::Reset, "or within its head")));
}

#[test]
fn only_an_added_slash_is_followed() {
    let to = |l: &str| {
        says(&format!(
            "HTTP/1.1 301 Moved\r\nLocation: {l}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    };
    check(vec![to("/debug/pprof/heap/"), says(OK)], Ok("hi"));
    check(vec![to("/elsewhere"), says(OK)], Err((State::Redirected, "status 301 to /elsewhere")));
    check(vec![to("http://127.0.0.1:1/debug/pprof/heap/")], Err((State::Redirected, "http://127.0.0.1:1/")));
}

#[test]
fn an_idle_connection_is_used_again_and_its_end_is_no_fault() {
    let (url, heads) = serve(vec![Does::Twice(OK), says(OK)]);
    run(async {
        let client = Client::new(&target(&url));
        for _ in 0..3 {
            assert_eq!(client.fetch(&request()).await.unwrap().body, "hi");
        }
    });
    let heads: Vec<String> = heads.iter().collect();
    assert_eq!(heads.len(), 3);
    let host = url.trim_start_matches("http://");
    for head in heads {
        let head = head.to_lowercase();
        assert!(head.starts_with("get /debug/pprof/heap http/1.1\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nhost: {host}\r\n")), "{head}");
        assert!(head.contains("\r\naccept-encoding: identity\r\n"), "{head}");
    }
}

#[test]
fn a_closed_port_and_an_unknown_name_are_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = fetch(&format!("http://{free}")).unwrap_err();
    assert_eq!((refused.state, refused.detail), (State::Refused, format!("{free}: connection refused")));
    let refused = fetch(&format!("http://localhost:{}", free.port())).unwrap_err();
    assert_eq!(refused.state, State::Refused);
}

#[test]
fn a_unix_socket_that_is_not_there_or_deserted_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let url = format!("unix://{}", path.display());
    let missing = fetch(&url).unwrap_err();
    assert_eq!(
        (missing.state, missing.detail),
        (State::SocketMissing, format!("{}: no such socket", path.display()))
    );
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(fetch(&url).unwrap_err().state, State::Refused);
}

#[cfg(feature = "tls")]
#[test]
fn tls_to_who_speaks_none_says_what_it_speaks() {
    let https = |way: Does| {
        let (url, _heads) = serve(vec![way.clone(), way]);
        let mut target = target(&url.replace("http://", "https://"));
        target.access.tls.insecure_skip_verify = true;
        run(Client::new(&target).fetch(&request())).unwrap_err()
    };
    let plain = https(says("HTTP/1.1 400 Bad Request\r\n\r\n400 Bad Request"));
    assert_eq!(
        (plain.state, plain.detail.as_str()),
        (State::SpeaksPlain, "the answer to a TLS handshake is plain HTTP")
    );
    assert_eq!(https(says("SSH-2.0-OpenSSH_9.2\r\n")).state, State::NotHttp);
    assert_eq!(https(says("")).state, State::HandshakeFailed);
    // Its handshake has a limit beyond this request's.
    assert_eq!(https(Does::Nothing).state, State::TimedOut);
}

#[cfg(feature = "tls")]
#[test]
fn a_ca_file_that_cannot_be_used_is_named_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END").unwrap();
    let (url, _heads) = serve(vec![Does::Nothing]);
    let mut target = target(&url.replace("http://", "https://"));
    target.access.tls.ca_file = Some(path.clone());
    let failure = run(Client::new(&target).fetch(&request())).unwrap_err();
    let detail = format!("{}: no PEM certificate in it", path.display());
    assert_eq!((failure.state, failure.detail), (State::CredentialsUnreadable, detail));
}

#[cfg(feature = "tls")]
#[test]
fn a_server_name_that_is_an_address_leads_nowhere() {
    for name in ["127.0.0.2", "127.2", "[::1]", "api@127.0.0.2", "api/x"] {
        let (url, heads) = serve(vec![Does::Nothing]);
        let mut target = target(&url.replace("http://", "https://"));
        target.access.tls.insecure_skip_verify = true;
        target.access.tls.server_name = Some(name.into());
        assert_eq!(run(Client::new(&target).fetch(&request())).unwrap_err().state, State::CertificateName);
        assert!(heads.try_recv().is_err(), "{name}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_an_https_target_is_refused_by_name() {
    let (url, _heads) = serve(vec![Does::Nothing]);
    assert_eq!(fetch(&url.replace("http://", "https://")).unwrap_err().state, State::NoTls);
}
