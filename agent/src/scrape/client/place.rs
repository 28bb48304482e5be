//! Where a target is and the reqwest client that goes there: TCP, TCP with TLS, or a unix socket. Refuses proxies (a
//! pod's HTTP_PROXY would divert loopback) and redirects.
//!
//! A client is built when it is first needed, and anew when a file of its TLS settings changed, so that certificates
//! may come late and rotate.

use super::names::{self, Names};
use super::narrow::Narrow;
use super::{stranger, tls};
use crate::scrape::outcome::{Failure, State};
use crate::small_file::{self, Stamp};
use http::HeaderValue;
use http::uri::PathAndQuery;
use linger_config::{Scheme, TargetUrl, TlsClient};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Url};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Time for a name's look-up, for connecting and for the TLS handshake together: loopback answers in microseconds, a
/// pod's neighbour in milliseconds.
pub(super) const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// The place of a target.
pub(super) struct Place {
    way: Way,
    /// As it stands in headers, without a port that is its scheme's own (RFC 9110, 7.2).
    authority: String,
    tls: TlsClient,
    ready: Mutex<Option<(Vec<Stamp>, reqwest::Client)>>,
}

enum Way {
    Tcp { host: String, port: u16 },
    Tls { host: String, port: u16 },
    Unix(PathBuf),
}

impl Place {
    pub(super) fn new(url: &TargetUrl, tls: &TlsClient) -> Self {
        let (host, port) = (url.host().to_owned(), url.port());
        let authority = match (url.scheme(), port) {
            (Scheme::Unix, _) => "localhost".to_owned(),
            (Scheme::Http, 80) | (Scheme::Https, 443) => host.clone(),
            _ => format!("{host}:{port}"),
        };
        let way = match url.scheme() {
            Scheme::Http => Way::Tcp { host, port },
            Scheme::Https => Way::Tls { host, port },
            Scheme::Unix => Way::Unix(url.socket().map(PathBuf::from).unwrap_or_default()),
        };
        Self { way, authority, tls: tls.clone(), ready: Mutex::new(None) }
    }

    pub(super) fn scheme(&self) -> http::uri::Scheme {
        if self.is_tls() { http::uri::Scheme::HTTPS } else { http::uri::Scheme::HTTP }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self.way, Way::Tls { .. })
    }

    /// Host and port as in an URL.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn is_unix(&self) -> bool {
        matches!(self.way, Way::Unix(_))
    }

    /// The `Host` header.
    pub(super) fn host(&self) -> Result<HeaderValue, Failure> {
        HeaderValue::from_str(&self.authority)
            .map_err(|_| Failure::new(State::Internal, "the host is no value of a header"))
    }

    /// The URL of `path` here. Its host is the certificate's name where that is another one: reqwest takes the name
    /// to verify from the URL, and [`Names`] leads that name to the real host. An address would not be looked up, and
    /// lead elsewhere: it is refused.
    pub(super) fn url(&self, path: &PathAndQuery) -> Result<Url, Failure> {
        let given = self.tls.server_name.as_deref().filter(|_| self.is_tls());
        let url = match (&self.way, given) {
            (Way::Tls { port, .. }, Some(name)) => format!("https://{name}:{port}{path}"),
            _ => format!("{}://{}{path}", self.scheme(), self.authority),
        };
        let url = Url::parse(&url)
            .map_err(|e| Failure::new(State::Internal, format!("{self} and {path} make no URL: {e}")))?;
        match given {
            Some(name) if url.domain().is_none() => {
                let detail = format!("server_name {name:?} is an address; it has to be a name");
                Err(Failure::new(State::CertificateName, detail))
            }
            _ => Ok(url),
        }
    }

    /// A client as the files have its settings now.
    pub(super) fn client(&self) -> Result<reqwest::Client, Failure> {
        let t = &self.tls;
        let stamps = [&t.ca_file, &t.cert_file, &t.key_file].map(|f| small_file::stamp(f.as_deref())).into();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = &*ready
            && *known == stamps
        {
            return Ok(client.clone());
        }
        let client = self.build()?;
        *ready = Some((stamps, client.clone()));
        Ok(client)
    }

    fn build(&self) -> Result<reqwest::Client, Failure> {
        let builder = ClientBuilder::new()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIME_MAX)
            .connector_layer(Narrow)
            // A request is one small segment that must not wait for an answer to an earlier one.
            .tcp_nodelay(true)
            // A connection is a goroutine there: one, kept as long as the service keeps it.
            .pool_max_idle_per_host(1)
            // The number of headers is not set: hyper's own limit is 100, and one that is set has it clear a table on
            // the heap for each head, so that a flood of interim answers took twice the time.
            .pool_idle_timeout(None);
        let builder = match &self.way {
            Way::Tcp { .. } => tls::without(builder.dns_resolver(Arc::new(Names::new(None)))),
            Way::Unix(path) => tls::without(builder.unix_socket(path.as_path())),
            Way::Tls { host, .. } => {
                let name = self.tls.server_name.as_deref();
                let meant = name.is_some().then(|| host.clone());
                let builder = builder.dns_resolver(Arc::new(Names::new(meant)));
                tls::with(builder, name.unwrap_or(host), &self.tls)?
            }
        };
        builder.build().map_err(|e| Failure::new(State::Internal, format!("building a client: {e}")))
    }

    /// The first bytes that whoever is here says to a plain connection.
    pub(super) async fn first_bytes(&self) -> Vec<u8> {
        let first = async {
            match &self.way {
                Way::Unix(path) => stranger::first_bytes(UnixStream::connect(path).await?).await,
                Way::Tcp { host, port } | Way::Tls { host, port } => {
                    let found = names::addresses(host).await.map_err(std::io::Error::other)?;
                    let all: Vec<_> = found.into_iter().map(|ip| SocketAddr::new(ip, *port)).collect();
                    stranger::first_bytes(TcpStream::connect(all.as_slice()).await?).await
                }
            }
        };
        tokio::time::timeout(stranger::LOOK_TIME_MAX, first)
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default()
    }
}

/// As failures name it: `host:port`, or the socket's path.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Tcp { host, port } | Way::Tls { host, port } => write!(f, "{host}:{port}"),
            Way::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
