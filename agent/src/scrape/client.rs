//! One HTTP exchange with a target, bounded in time and bytes, every failure named.
//!
//! Refuses to follow redirects (but for an added slash on the same origin), to use a proxy from the
//! environment (a pod's HTTP_PROXY would divert loopback), and to ask for compression of its own.

use super::outcome::{Failure, State};
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, LOCATION};
use reqwest::{Response, StatusCode, Url};
use std::error::Error as _;
use std::time::{Duration, Instant};

/// Time to connect: loopback answers in microseconds, a pod's neighbour in milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes kept of the body of a failed request: Go's messages are one line.
const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;
/// Largest first allocation for a body: what the peer announces is not believed beyond it.
const FIRST_ALLOCATION_BYTES_MAX: usize = 256 * 1024;

/// An HTTP client for targets.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Full URL.
    pub url: Url,
    /// From request to last byte.
    pub timeout: Duration,
    /// Largest body accepted.
    pub body_bytes_max: usize,
}

/// A complete answer with status 200.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body.
    pub body: Bytes,
    /// From request to last byte.
    pub took: Duration,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// When the system gives it no resolver or socket configuration.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .user_agent(concat!("linger/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http })
    }

    /// Makes the exchange.
    ///
    /// # Errors
    /// A [`Failure`] with its named state.
    pub async fn fetch(&self, request: &Request) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut received = 0;
        match tokio::time::timeout(request.timeout, self.exchange(request, &mut received)).await {
            Ok(Ok(body)) => Ok(Answer { body, took: started.elapsed() }),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(Failure::new(
                State::TimedOut,
                format!("no complete answer within {}, {received} bytes came in", seconds(request.timeout)),
            )),
        }
    }

    async fn exchange(&self, request: &Request, received: &mut usize) -> Result<Bytes, Failure> {
        let mut response = match self.send(request.url.clone()).await {
            // The service may have closed the idle connection just when it was used again: once more, afresh.
            Err(f) if f.state == State::Reset => self.send(request.url.clone()).await.map_err(|_| f)?,
            sent => sent?,
        };
        if let Some(slashed) = added_slash(&request.url, &response) {
            response = self.send(slashed).await?;
        }
        if response.status() != StatusCode::OK {
            return Err(refused_by_status(response).await);
        }
        read_body(&mut response, request.body_bytes_max, received).await
    }

    async fn send(&self, url: Url) -> Result<Response, Failure> {
        let request = self.http.get(url).header(ACCEPT_ENCODING, "identity");
        request.send().await.map_err(|e| not_connected(&e))
    }
}

fn seconds(d: Duration) -> String {
    format!("{} s", (d.as_secs_f64() * 10.0).round() / 10.0)
}

/// The one redirect that is followed: the same URL with a slash at the end of its path.
fn added_slash(url: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let there = url.join(location).ok()?;
    let same = there.origin() == url.origin() && there.path() == format!("{}/", url.path());
    same.then(|| {
        let mut slashed = url.clone();
        slashed.set_path(there.path());
        slashed
    })
}

async fn read_body(response: &mut Response, limit: usize, received: &mut usize) -> Result<Bytes, Failure> {
    let announced = response.content_length().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
    if announced > limit {
        let detail = format!("the answer announces {announced} bytes, the limit is {limit}");
        return Err(Failure::new(State::TooLarge, detail));
    }
    let mut body = BytesMut::with_capacity(announced.min(FIRST_ALLOCATION_BYTES_MAX));
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                *received += chunk.len();
                if *received > limit {
                    let detail = format!("the answer goes on beyond the limit of {limit} bytes");
                    return Err(Failure::new(State::TooLarge, detail));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body.freeze()),
            Err(e) => {
                let detail = format!("the answer broke off after {received} bytes: {}", root_cause(&e));
                return Err(Failure::new(State::Truncated, detail));
            }
        }
    }
}

/// Names an answer whose status is not 200. Go's own messages are those of net/http/pprof `serveError`
/// (Go 1.22 to 1.27, net/http/pprof/pprof.go: Profile, Trace, durationExceedsWriteTimeout).
async fn refused_by_status(mut response: Response) -> Failure {
    let status = response.status();
    if status.is_redirection() {
        let to = response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).unwrap_or("nowhere");
        return Failure::new(State::Redirected, format!("status {} to {to}", status.as_u16()));
    }
    let mut text = String::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
        if text.len() >= ERROR_BODY_BYTES_MAX {
            break;
        }
    }
    let message = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    let detail = format!("status {}: {message}", status.as_u16());
    Failure::new(state_of_status(status, &text), detail)
}

fn state_of_status(status: StatusCode, text: &str) -> State {
    match status.as_u16() {
        401 | 403 | 407 => State::Unauthorized,
        404 | 405 | 410 | 501 => State::Unsupported,
        400 if text.contains("WriteTimeout") => State::WindowTooLong,
        500 if text.contains("Could not enable") => State::Busy,
        _ => State::ServerError,
    }
}

/// Names a failure before the first byte of an answer.
fn not_connected(error: &reqwest::Error) -> Failure {
    let cause = root_cause(error);
    let kind = io_kind(error);
    let state = match kind {
        Some(std::io::ErrorKind::ConnectionRefused) => State::Refused,
        _ if cause.contains("failed to lookup address") || cause.contains("dns error") => State::Unresolved,
        Some(std::io::ErrorKind::TimedOut) => State::TimedOut,
        _ if error.is_timeout() => State::TimedOut,
        _ if error.is_connect() => State::Refused,
        _ => State::Reset,
    };
    Failure::new(state, cause)
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut next = error.source();
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        next = e.source();
    }
    None
}

/// The innermost message, which says most and names no URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    let mut text = String::from("no answer");
    while let Some(e) = cause {
        text = e.to_string();
        cause = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Client, Request, state_of_status};
    use crate::scrape::outcome::State;
    use reqwest::StatusCode;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    /// Serves each of `answers` to one connection, in turn, then stops.
    fn fake(answers: Vec<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut peer, _)) = listener.accept() else { return };
                let mut head = [0; 2048];
                let _ = peer.read(&mut head);
                let _ = peer.write_all(&answer);
                if answer.is_empty() {
                    std::thread::sleep(Duration::from_millis(600));
                }
            }
        });
        format!("http://{address}/debug/pprof/heap")
    }

    #[track_caller]
    fn check(answers: &[&str], expected: Result<&str, State>) {
        let url = fake(answers.iter().map(|a| a.as_bytes().to_vec()).collect());
        let request =
            Request { url: url.parse().unwrap(), timeout: Duration::from_millis(300), body_bytes_max: 64 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let got = runtime.block_on(async { Client::new().unwrap().fetch(&request).await });
        let got = got.map(|a| String::from_utf8(a.body.to_vec()).unwrap()).map_err(|f| f.state);
        assert_eq!(got, expected.map(str::to_owned), "{answers:?}");
    }

    #[test]
    fn each_way_an_answer_goes_wrong_has_its_name() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        check(&[ok], Ok("hi"));
        check(&["HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"], Err(State::Truncated));
        check(&["HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhi"], Err(State::TooLarge));
        check(
            &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
            Err(State::Truncated),
        );
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(100));
        check(&[&long], Err(State::TooLarge));
        check(&["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"], Err(State::Unsupported));
        check(&["HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"], Err(State::Unauthorized));
        check(&["HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"], Err(State::ServerError));
        check(&["SSH-2.0-OpenSSH\r\n"], Err(State::Reset));
        check(&[""], Err(State::TimedOut));
    }

    #[test]
    fn only_an_added_slash_is_followed() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        let to = |l: &str| {
            format!("HTTP/1.1 301 Moved\r\nLocation: {l}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        };
        check(&[&to("/debug/pprof/heap/"), ok], Ok("hi"));
        check(&[&to("/elsewhere"), ok], Err(State::Redirected));
        check(&[&to("http://127.0.0.1:1/debug/pprof/heap/"), ok], Err(State::Redirected));
    }

    #[test]
    fn a_closed_port_is_refused() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}/").parse().unwrap();
        let request = Request { url, timeout: Duration::from_secs(2), body_bytes_max: 64 };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let got = runtime.block_on(async { Client::new().unwrap().fetch(&request).await });
        assert_eq!(got.unwrap_err().state, State::Refused);
    }

    #[test]
    fn go_says_busy_with_a_500_and_too_long_with_a_400() {
        let status = |s: u16, t: &str| state_of_status(StatusCode::from_u16(s).unwrap(), t);
        let busy = "Could not enable CPU profiling: cpu profiling already in use\n";
        assert_eq!(status(500, busy), State::Busy);
        assert_eq!(status(500, "Could not enable tracing: tracing is already enabled"), State::Busy);
        assert_eq!(status(400, "profile duration exceeds server's WriteTimeout"), State::WindowTooLong);
        assert_eq!(status(500, "oops"), State::ServerError);
    }
}
