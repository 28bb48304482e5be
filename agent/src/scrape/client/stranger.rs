//! Who answers where HTTP was expected. A parser only says that the answer is none, so one more connection is made
//! and the first bytes on it are looked at.
//!
//! Refuses to carry anything of ours there: no credentials, and no path that a handler might serve.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a stranger is looked at: who speaks at all spoke a moment ago.
pub(super) const LOOK_TIME_MAX: Duration = Duration::from_secs(1);
/// Bytes of an answer looked at: a banner, or a status line.
const FIRST_BYTES_MAX: u64 = 64;
/// What is said to hear an answer. Go's server answers it itself and asks no handler (net/http/server.go,
/// serverHandler.ServeHTTP and globalOptionsHandler, Go 1.26).
const KNOCK: &[u8] = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The first bytes that come over `stream`.
pub(super) async fn first_bytes(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    // Who speaks first may have hung up by now, and has said enough.
    let _ = stream.write_all(KNOCK).await;
    let mut first = Vec::new();
    // One line is enough; a byte alone is not.
    let mut limited = stream.take(FIRST_BYTES_MAX);
    while first.len() < 9 && limited.read_buf(&mut first).await.is_ok_and(|n| n > 0) {}
    Ok(first)
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
            Self::Other if first.is_empty() => "the answer is no HTTP".into(),
            Self::Other => format!("the answer is no HTTP; it begins \"{}\"", quoted()),
        }
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
