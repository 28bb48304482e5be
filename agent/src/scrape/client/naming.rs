//! From errors to named states: of the system, of HTTP, of TLS. What a peer speaks instead is told from the first
//! bytes it sent.

use super::connection::Broken;
use super::seen::Seen;
use crate::scrape::outcome::{Failure, State};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Seconds as people write them.
pub(super) fn seconds(d: Duration) -> String {
    format!("{} s", (d.as_secs_f64() * 10.0).round() / 10.0)
}

/// A TCP connection that does not come up.
pub(super) fn of_tcp(address: SocketAddr, error: &io::Error) -> Failure {
    let state = match error.kind() {
        ErrorKind::ConnectionRefused => State::Refused,
        ErrorKind::TimedOut => State::TimedOut,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => State::Reset,
        // A firewall or a network policy of this machine says "permission denied".
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied => State::NoRoute,
        _ => State::Internal,
    };
    Failure::new(state, format!("{address}: {}", in_words(error)))
}

/// A unix socket that does not connect.
pub(super) fn of_unix(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
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

/// An exchange that broke before the head of an answer was whole.
pub(super) fn before_the_body(broken: &Broken, seen: &Seen) -> Failure {
    let first = seen.first();
    let error = match broken {
        Broken::HeadTooLarge if is_interim(&first) => {
            let detail = format!("{} bytes of interim answers (1xx) and no end", seen.bytes());
            return Failure::new(State::HeadTooLarge, detail);
        }
        Broken::HeadTooLarge => {
            return Failure::new(
                State::HeadTooLarge,
                format!("{} bytes of headers and no end", seen.bytes()),
            );
        }
        Broken::Failed(error) => error,
    };
    if let Some(named) = of_tls(error, &first) {
        return named;
    }
    if error.is_parse_too_large() {
        return Failure::new(State::HeadTooLarge, "more or longer headers than any service needs");
    }
    if error.is_parse() {
        return stranger(&first);
    }
    let detail = match (root(error).downcast_ref::<io::Error>(), seen.bytes()) {
        (_, 1..) if !first.starts_with(b"HTTP/") => return stranger(&first),
        (Some(io), 0) => format!("connected, then: {}", in_words(io)),
        (None, 0) => "connected, then the connection was closed without an answer".into(),
        (_, n) => format!("the connection ended after {n} bytes, within the head of the answer"),
    };
    Failure::new(State::Reset, detail)
}

/// A body that broke off after `received` bytes.
pub(super) fn within_the_body(error: &hyper::Error, received: usize) -> Failure {
    let why = match root(error).downcast_ref::<io::Error>() {
        Some(io) => in_words(io),
        None if error.is_incomplete_message() => "the connection ended before the announced end".into(),
        None => root(error).to_string(),
    };
    Failure::new(State::Truncated, format!("the answer broke off after {received} bytes: {why}"))
}

/// A peer that speaks something else than HTTP/1.
fn stranger(first: &[u8]) -> Failure {
    match Protocol::of(first) {
        Protocol::Tls => Failure::new(State::SpeaksTls, "the answer to an http request is a TLS alert"),
        other => Failure::new(State::NotHttp, other.described(first)),
    }
}

/// What a peer speaks, from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    /// A SETTINGS frame (RFC 9113, 6.5) comes first from a server that speaks nothing else: gRPC.
    Http2,
    /// An alert or handshake record (RFC 8446, 5.1).
    Tls,
    Ssh,
    Other,
}

impl Protocol {
    pub(super) fn of(first: &[u8]) -> Self {
        match first {
            [b'H', b'T', b'T', b'P', b'/', ..] => Self::Http1,
            [b'S', b'S', b'H', b'-', ..] => Self::Ssh,
            [0x15 | 0x16, 3, ..] => Self::Tls,
            [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => Self::Http2,
            _ => Self::Other,
        }
    }

    pub(super) fn described(self, first: &[u8]) -> String {
        let quoted =
            || String::from_utf8_lossy(first).lines().next().unwrap_or("").escape_debug().to_string();
        match self {
            Self::Http1 => format!("the answer begins as HTTP but does not go on so: \"{}\"", quoted()),
            Self::Http2 => "HTTP/2 without TLS answers there, as on a gRPC port".into(),
            Self::Ssh => format!("an SSH server answers there: \"{}\"", quoted()),
            Self::Tls => "TLS answers there".into(),
            Self::Other => format!("the answer is no HTTP; it begins \"{}\"", quoted()),
        }
    }
}

fn is_interim(first: &[u8]) -> bool {
    first.starts_with(b"HTTP/1.") && first.get(9) == Some(&b'1')
}

/// The names of TLS faults, where that is what `error` is.
fn of_tls(error: &hyper::Error, first: &[u8]) -> Option<Failure> {
    let io = root_io(error)?;
    super::tls::named(io, first)
}

fn root_io(error: &hyper::Error) -> Option<&io::Error> {
    let mut next = error.source();
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            return Some(io);
        }
        next = e.source();
    }
    None
}

/// The innermost error, which says most.
fn root<'a>(error: &'a hyper::Error) -> &'a (dyn Error + 'static) {
    let mut innermost: &'a (dyn Error + 'static) = error;
    while let Some(deeper) = innermost.source() {
        innermost = deeper;
    }
    innermost
}

/// The system's words without its number.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn usual_strangers_are_told_from_their_first_bytes() {
        let of = Protocol::of;
        assert_eq!(of(b"HTTP/1.1 200 OK\r\n"), Protocol::Http1);
        assert_eq!(of(b"SSH-2.0-OpenSSH_9.2\r\n"), Protocol::Ssh);
        assert_eq!(of(b"\x15\x03\x01\0\x02\x02\x0a"), Protocol::Tls);
        // What grpc-go sends first: its SETTINGS frame.
        assert_eq!(of(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0"), Protocol::Http2);
        assert_eq!(of(b"-ERR unknown command\r\n"), Protocol::Other);
        assert_eq!(of(b""), Protocol::Other);
        assert_eq!(
            Protocol::Ssh.described(b"SSH-2.0-x\x1b[0m\r\n"),
            "an SSH server answers there: \"SSH-2.0-x\\u{1b}[0m\""
        );
    }
}
