//! A proxy in front of a real Go service that spoils one endpoint and passes everything else through, so that a
//! fault meets real bytes and its neighbours stay healthy. Loopback, HTTP/1.1 without keep-alive.

use crate::service;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What is done to the endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Another status with a text body, as Go's `http.Error` sends it.
    Status(u16, &'static str),
    /// A page where a profile is expected.
    Html,
    /// Half of the body, then silence.
    HangsMidBody,
    /// No answer at all.
    Silent,
    /// A `Content-Length` ten bytes above what is sent before the connection ends.
    LyingLength,
    /// Half of the real gzip stream, with a length that agrees.
    TruncatedGzip,
    /// A body beyond every limit, announced.
    Huge,
    /// The same without an announcement.
    HugeUnannounced,
    /// `Location` on another origin.
    RedirectsAway,
    /// The connection ends where the answer should start.
    Closes,
    /// One byte of the body a second.
    Trickles,
    /// A small gzip stream that inflates to a gigabyte.
    GzipBomb,
    /// The real body of another endpoint.
    OtherProfile(&'static str),
    /// JSON where a profile is expected.
    Json,
    /// Headers without end.
    EndlessHeaders,
    /// Interim answers (1xx) without end.
    EndlessInterim,
}

/// How long a silent or hanging connection is held: beyond any timeout of these tests.
const HELD: Duration = Duration::from_secs(90);
/// Far more than any limit of linger on a profile's body.
const HUGE_BYTES: usize = 1 << 30;

/// The running proxy. It stops accepting when dropped.
#[derive(Debug)]
pub(crate) struct Spoiled {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Spoiled {
    /// Spoils `path` of the service at `behind`.
    pub(crate) fn start(behind: SocketAddr, path: &'static str, fault: Fault) -> Self {
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
                std::thread::spawn(move || drop(answer(stream, behind, path, fault)));
            }
        });
        Self { address, stopped }
    }

    /// What linger is told to watch.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Spoiled {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener up; that it may be gone already is fine.
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(mut to: TcpStream, behind: SocketAddr, spoiled: &str, fault: Fault) -> std::io::Result<()> {
    let mut request = BufReader::new(to.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut content_length = 0;
    loop {
        let mut line = String::new();
        if request.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            content_length = length.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; content_length];
    request.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
    if path.split('?').next() == Some(spoiled) {
        return spoil(&mut to, behind, path, fault);
    }
    let real = service::request(behind, method, path, &body)?;
    to.write_all(real.head.as_bytes())?;
    to.write_all(&real.body)
}

fn spoil(to: &mut TcpStream, behind: SocketAddr, path: &str, fault: Fault) -> std::io::Result<()> {
    let real = |to: &mut TcpStream, cut: fn(&[u8]) -> usize, announced: fn(&[u8]) -> usize| {
        let body = service::get(behind, path)?.body;
        send(to, 200, announced(&body), &body[..cut(&body)])
    };
    match fault {
        // The headers of net/http/pprof's serveError.
        Fault::Status(code, text) => write!(
            to,
            "HTTP/1.1 {code} Status\r\nContent-Type: text/plain; charset=utf-8\r\nX-Go-Pprof: 1\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        ),
        Fault::Html => {
            let page = b"<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>";
            send(to, 200, page.len(), page)
        }
        Fault::HangsMidBody => {
            real(to, |b| b.len() / 2, <[u8]>::len)?;
            to.flush()?;
            std::thread::sleep(HELD);
            Ok(())
        }
        Fault::Silent => {
            std::thread::sleep(HELD);
            Ok(())
        }
        Fault::LyingLength => real(to, <[u8]>::len, |b| b.len() + 10),
        Fault::TruncatedGzip => real(to, |b| b.len() / 2, |b| b.len() / 2),
        Fault::Huge => send(to, 200, HUGE_BYTES, &[]).and_then(|()| pour(to)),
        Fault::HugeUnannounced => {
            to.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            pour(to)
        }
        Fault::RedirectsAway => to.write_all(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        Fault::Closes => Ok(()),
        Fault::Trickles => {
            to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\nConnection: close\r\n\r\n")?;
            for _ in 0..HELD.as_secs() {
                to.write_all(b"x")?;
                std::thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }
        Fault::GzipBomb => {
            let bomb = bomb();
            send(to, 200, bomb.len(), bomb)
        }
        Fault::OtherProfile(other) => {
            let body = service::get(behind, other)?.body;
            send(to, 200, body.len(), &body)
        }
        Fault::Json => {
            let page = br#"{"status":"ok"}"#;
            send(to, 200, page.len(), page)
        }
        Fault::EndlessHeaders => {
            to.write_all(b"HTTP/1.1 200 OK\r\n")?;
            flood(to, "X-More: of the same\r\n")
        }
        Fault::EndlessInterim => flood(to, "HTTP/1.1 102 Processing\r\n\r\n"),
    }
}

/// Writes the same until the peer hangs up.
fn flood(to: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let block = text.repeat(1000);
    loop {
        to.write_all(block.as_bytes())?;
    }
}

/// A gigabyte of zeros as gzip, made once by the system's own program: 4 MB.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let made = Command::new("sh").args(["-c", "head -c 1073741824 /dev/zero | gzip -1"]).output();
        made.expect("gzip can be run").stdout
    })
}

fn pour(to: &mut TcpStream) -> std::io::Result<()> {
    let block = [0x1f; 1 << 16];
    for _ in 0..HUGE_BYTES / block.len() {
        to.write_all(&block)?;
    }
    Ok(())
}

fn send(to: &mut TcpStream, status: u16, announced: usize, body: &[u8]) -> std::io::Result<()> {
    write!(to, "HTTP/1.1 {status} Status\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n")?;
    to.write_all(body)
}
