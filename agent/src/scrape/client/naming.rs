//! From reqwest's errors to named states, by what stands in their chain of causes: TLS, the look-up of a name, the
//! system, HTTP.

use super::place::{CONNECT_TIME_MAX, Place};
use super::stranger::Protocol;
use super::tls;
use crate::scrape::outcome::{Failure, State};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// Seconds as people write them.
pub(super) fn seconds(d: Duration) -> String {
    format!("{} s", (d.as_secs_f64() * 10.0).round() / 10.0)
}

/// Whether what answered is no HTTP or no TLS, so that its first bytes would say more.
pub(super) fn is_of_a_stranger(error: &reqwest::Error) -> bool {
    tls::is_of_a_stranger(error)
        || found::<hyper::Error>(error)
            .is_some_and(|e| !e.is_parse_too_large() && (e.is_parse() || spoke_unasked(e)))
}

/// Whether the connection ended before an answer: what happens when a service closes an idle one just as it is used.
pub(super) fn is_hung_up(error: &reqwest::Error) -> bool {
    let broken = |e: &io::Error| {
        matches!(
            e.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        )
    };
    let ended = |e: &hyper::Error| e.is_incomplete_message() || e.is_canceled() || e.is_closed();
    !error.is_connect()
        && (found::<hyper::Error>(error).is_some_and(ended) || found::<io::Error>(error).is_some_and(broken))
}

/// An exchange with `place` that broke before the head of an answer was whole. `first` are the first bytes of a
/// stranger, where it is one.
pub(super) fn before_the_body(error: &reqwest::Error, place: &Place, first: &[u8]) -> Failure {
    if let Some(named) = tls::named(error, first) {
        return named;
    }
    if error.is_dns() {
        return Failure::new(State::Unresolved, innermost(error).to_string());
    }
    let io = found::<io::Error>(error);
    if error.is_connect() {
        return match io {
            Some(io) if place.is_unix() => of_unix(place, io),
            Some(io) if place.is_tls() && is_of_a_handshake(io) => {
                let detail = format!("the connection broke within the handshake: {}", in_words(io));
                Failure::new(State::HandshakeFailed, detail)
            }
            Some(io) if io.raw_os_error().is_some() => of_tcp(place, io),
            _ if error.is_timeout() => {
                let what = if place.is_tls() { "no connection and TLS handshake" } else { "no connection" };
                Failure::new(State::TimedOut, format!("{what} within {}", seconds(CONNECT_TIME_MAX)))
            }
            Some(io) => of_tcp(place, io),
            None => Failure::new(State::Internal, innermost(error).to_string()),
        };
    }
    match (found::<hyper::Error>(error), io) {
        (Some(http), _) if http.is_parse_too_large() => {
            Failure::new(State::HeadTooLarge, "more or longer headers than any service needs")
        }
        (Some(http), _) if http.is_parse() || spoke_unasked(http) => of_stranger(first),
        (_, Some(io)) => Failure::new(State::Reset, format!("connected, then: {}", in_words(io))),
        (Some(_), None) if is_hung_up(error) => Failure::new(
            State::Reset,
            "connected, then the connection was closed without an answer, or within its head",
        ),
        _ => Failure::new(State::Internal, innermost(error).to_string()),
    }
}

/// A body that broke off after `received` bytes.
pub(super) fn within_the_body(error: &reqwest::Error, received: usize) -> Failure {
    let why = match (found::<io::Error>(error), found::<hyper::Error>(error)) {
        (Some(io), _) => in_words(io),
        (None, Some(http)) if http.is_incomplete_message() => {
            "the connection ended before the announced end".into()
        }
        _ => innermost(error).to_string(),
    };
    Failure::new(State::Truncated, format!("the answer broke off after {received} bytes: {why}"))
}

/// A TCP connection that does not come up.
fn of_tcp(place: &Place, error: &io::Error) -> Failure {
    let state = match error.kind() {
        ErrorKind::ConnectionRefused => State::Refused,
        ErrorKind::TimedOut => State::TimedOut,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => State::Reset,
        // A firewall or a network policy of this machine says "permission denied".
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::NotConnected
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied => State::NoRoute,
        _ => State::Internal,
    };
    Failure::new(state, format!("{place}: {}", in_words(error)))
}

/// A unix socket that does not connect.
fn of_unix(path: &Place, error: &io::Error) -> Failure {
    let (state, detail) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            (State::SocketMissing, format!("{path}: no such socket"))
        }
        ErrorKind::PermissionDenied => (State::SocketDenied, format!("{path}: permission denied")),
        ErrorKind::ConnectionRefused => (State::Refused, format!("{path}: nobody listens on it")),
        ErrorKind::WouldBlock => (State::Refused, format!("{path}: too many wait to be accepted")),
        _ => (State::Internal, format!("{path}: {}", in_words(error))),
    };
    Failure::new(state, detail)
}

/// Connecting itself ends otherwise: refused, unreachable, too late.
fn is_of_a_handshake(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}

/// A peer that speaks something else than HTTP/1.
fn of_stranger(first: &[u8]) -> Failure {
    match Protocol::of(first) {
        Protocol::Tls => Failure::new(State::SpeaksTls, "the answer to an http request is a TLS alert"),
        other => Failure::new(State::NotHttp, other.described(first)),
    }
}

/// Bytes before the request was sent, as of a server that greets first. hyper has no predicate for it (hyper 1.12,
/// error.rs, `Kind::UnexpectedMessage`).
fn spoke_unasked(error: &hyper::Error) -> bool {
    error.to_string().contains("unexpected message")
}

/// The innermost error of type `T` in the chain of causes.
pub(super) fn found<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).filter_map(|e| e.downcast_ref()).last()
}

/// The innermost error, which says most.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    chain(error).last().unwrap_or(error)
}

/// An error and its causes. `io::Error::source` skips the error it carries and begins with that one's cause.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&e| {
        let carried = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match carried {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => e.source(),
        }
    })
}

/// The system's words without its number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}
