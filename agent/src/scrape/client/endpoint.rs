//! Where a target is and how one connects to it: TCP, TCP with TLS, or a unix socket. Each step has its own time and
//! its own faults. Refuses proxies: a pod's HTTP_PROXY would divert loopback.

use super::connection::{Connection, Stream};
use super::naming;
use super::resolve;
use super::tls::Tls;
use crate::scrape::outcome::{Failure, State};
use linger_config::{Scheme, TargetUrl, TlsClient};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Time to connect to all addresses of a name: loopback answers in microseconds, a pod's neighbour in milliseconds.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Time of a TLS handshake, which costs a busy service some milliseconds.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);

/// The place of a target.
pub(super) enum Endpoint {
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16, tls: Tls },
    Unix(PathBuf),
}

impl Endpoint {
    pub(super) fn new(url: &TargetUrl, tls: &TlsClient) -> Self {
        let (host, port) = (url.host().to_owned(), url.port());
        match url.scheme() {
            Scheme::Http => Self::Tcp { host, port },
            Scheme::Https => Self::Tls { tls: Tls::new(&host, tls), host, port },
            Scheme::Unix => Self::Unix(url.socket().map(PathBuf::from).unwrap_or_default()),
        }
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let stream: Box<dyn Stream> = match self {
            Self::Tcp { host, port } => Box::new(tcp(host, *port).await?),
            Self::Tls { host, port, tls } => {
                let plain = tcp(host, *port).await?;
                let secured = tokio::time::timeout(HANDSHAKE_TIME_MAX, tls.handshake(plain)).await;
                secured
                    .unwrap_or_else(|_| Err(late("connected, but no TLS handshake", HANDSHAKE_TIME_MAX)))?
            }
            Self::Unix(path) => {
                let connected = tokio::time::timeout(CONNECT_TIME_MAX, UnixStream::connect(path)).await;
                let connected = connected.map_err(|_| late("no connection", CONNECT_TIME_MAX))?;
                Box::new(connected.map_err(|e| naming::of_unix(path, &e))?)
            }
        };
        Connection::new(stream).await.map_err(|e| Failure::new(State::Internal, e.to_string()))
    }
}

/// The first address that accepts.
async fn tcp(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let found = resolve::addresses(host).await.map_err(|why| Failure::new(State::Unresolved, why))?;
    let time_each = CONNECT_TIME_MAX.div_f64(found.len().max(1) as f64);
    let mut failures = Vec::new();
    for ip in found {
        match tokio::time::timeout(time_each, one(ip, port)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(failure)) => failures.push(failure),
            Err(_) => failures.push(late(&format!("no connection to {ip}"), time_each)),
        }
    }
    // `localhost` has two addresses, and services listen on one: the first one's failure says most.
    Err(failures.into_iter().next().unwrap_or_else(|| Failure::new(State::Unresolved, "no address")))
}

async fn one(ip: IpAddr, port: u16) -> Result<TcpStream, Failure> {
    let address = SocketAddr::new(ip, port);
    let stream = TcpStream::connect(address).await.map_err(|e| naming::of_tcp(address, &e))?;
    // A request is one small segment that must not wait for an answer to an earlier one.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn late(what: &str, time: Duration) -> Failure {
    Failure::new(State::TimedOut, format!("{what} within {}", naming::seconds(time)))
}
