//! What may listen where a service was expected: raw sockets that answer, or do not, in ways no Go service does.
//! Loopback; each stops accepting when dropped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What it does with each connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Sends this once something has come in, and hangs up.
    Says(&'static [u8]),
    /// Accepts and never answers.
    Silent,
    /// Hangs up at once, with a reset where a request was under way.
    HangsUp,
    /// Half an answer, then a reset: closing a socket with bytes unread sends one (RFC 9293, 3.6.1).
    ResetsMidBody,
}

/// The banner of an SSH server.
pub(crate) const SSH: Manner = Manner::Says(b"SSH-2.0-OpenSSH_9.2p1\r\n");
/// The SETTINGS frame with which grpc-go answers whoever connects.
pub(crate) const GRPC: Manner = Manner::Says(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x40\0");
/// A TLS alert: decode error.
pub(crate) const TLS_ALERT: Manner = Manner::Says(b"\x15\x03\x01\0\x02\x02\x32");

/// How long a silent connection is held: beyond any timeout of these tests.
const HELD: Duration = Duration::from_secs(90);

/// A listener with bad manners.
#[derive(Debug)]
pub(crate) struct Stranger {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Stranger {
    /// Listens on a free port.
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if seen.load(Ordering::Relaxed) {
                    return;
                }
                // A caller that hangs up early is no fault of the test.
                std::thread::spawn(move || drop(behave(stream, manner)));
            }
        });
        Self { address, stopped }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener up; that it may be gone already is fine.
        let _ = TcpStream::connect(self.address);
    }
}

fn behave(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let mut first = [0; 4096];
    match manner {
        Manner::Says(words) => {
            let _ = stream.read(&mut first)?;
            stream.write_all(words)
        }
        Manner::Silent => {
            std::thread::sleep(HELD);
            Ok(())
        }
        Manner::HangsUp => Ok(()),
        Manner::ResetsMidBody => {
            // Until there is a request to leave unread.
            stream.peek(&mut first)?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\nhalf of it")?;
            // The reset discards what the peer has not read yet: time to read the half.
            std::thread::sleep(Duration::from_millis(300));
            Ok(())
        }
    }
}
