//! One bounded exchange with one target, in steps: connect, secure, prove who asks, ask, read. Each step's failure has
//! a name, and nothing a target sends makes an exchange longer or larger than its request allows.
//!
//! Refuses to follow redirects (but for an added slash on the same origin), so credentials go nowhere else; to use a
//! proxy; to ask for compression of its own; to keep more than one idle connection, each being a goroutine there.

mod connection;
mod credentials;
mod endpoint;
pub(crate) mod memory;
mod naming;
mod refusal;
mod resolve;
mod seen;
mod small_file;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "client/tls_absent.rs"]
mod tls;

use super::outcome::{Failure, State};
use bytes::Bytes;
use connection::Connection;
use endpoint::Endpoint;
use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use linger_config::{Access, Target, TargetUrl};
use memory::Body;
use seen::Seen;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes kept of the body of a failed request: Go's messages are one line.
const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;
/// How long the body of a failed request is waited for: the status has said most.
const ERROR_BODY_TIME_MAX: Duration = Duration::from_secs(1);

/// A client of one target. Copies share their idle connection.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    scheme: Scheme,
    host: Result<HeaderValue, Failure>,
    access: Access,
    idle: Mutex<Option<Connection>>,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path and query on the target, its prefix included.
    pub path: PathAndQuery,
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

/// How far an exchange came, for who gives it up.
#[derive(Default)]
struct Progress {
    seen: Option<Seen>,
}

impl Client {
    /// A client of `target`. Nothing is read or opened before the first request, so it cannot fail: what is wrong
    /// with a file or an address is the named state of each scrape until it is mended.
    #[must_use]
    pub fn new(target: &Target) -> Self {
        Self::of(&target.url, &target.access)
    }

    /// A client of what answers at `url`.
    #[must_use]
    pub fn of(url: &TargetUrl, access: &Access) -> Self {
        Self(Arc::new(Inner {
            endpoint: Endpoint::new(url, &access.tls),
            scheme: if url.scheme() == linger_config::Scheme::Https { Scheme::HTTPS } else { Scheme::HTTP },
            host: host(url),
            access: access.clone(),
            idle: Mutex::new(None),
        }))
    }

    /// Asks, and wants status 200.
    ///
    /// # Errors
    /// A [`Failure`] with its named state.
    pub async fn fetch(&self, request: &Request) -> Result<Answer, Failure> {
        let started = Instant::now();
        let body = self.in_time(request, async |progress| self.0.fetch(request, progress).await).await?;
        Ok(Answer { body, took: started.elapsed() })
    }

    /// Asks, and gives back status and body whatever the status is.
    ///
    /// # Errors
    /// A [`Failure`] where there is no complete answer.
    pub async fn get(&self, request: &Request) -> Result<(StatusCode, Bytes), Failure> {
        self.in_time(request, async |progress| {
            let (mut connection, answer) = self.0.ask(&request.path, progress).await?;
            let status = answer.status();
            let body = read(&mut connection, answer, request.body_bytes_max).await?;
            self.0.keep(connection).await;
            Ok((status, body))
        })
        .await
    }

    async fn in_time<T>(
        &self,
        request: &Request,
        work: impl AsyncFnOnce(&mut Progress) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut progress = Progress::default();
        match tokio::time::timeout(request.timeout, work(&mut progress)).await {
            Ok(done) => done,
            Err(_) => Err(progress.given_up(request.timeout)),
        }
    }
}

impl Progress {
    fn given_up(&self, after: Duration) -> Failure {
        let after = naming::seconds(after);
        let detail = match self.seen.as_ref().map(Seen::bytes) {
            None => format!("no connection within {after}"),
            Some(0) => format!("connected and asked, but not one byte of an answer came within {after}"),
            Some(n) => format!("{n} bytes came, but the answer was not complete within {after}"),
        };
        Failure::new(State::TimedOut, detail)
    }
}

impl Inner {
    async fn fetch(&self, request: &Request, progress: &mut Progress) -> Result<Bytes, Failure> {
        let (mut connection, mut answer) = self.ask(&request.path, progress).await?;
        let host = self.host.as_ref().ok().and_then(|h| h.to_str().ok()).unwrap_or("");
        let slashed =
            refusal::added_slash(answer.status(), answer.headers(), &request.path, &self.scheme, host);
        if let Some(path) = slashed {
            read(&mut connection, answer, ERROR_BODY_BYTES_MAX).await?;
            self.keep(connection).await;
            (connection, answer) = self.ask(&path, progress).await?;
        }
        if answer.status() != StatusCode::OK {
            return Err(self.refused(connection, answer).await);
        }
        let body = read(&mut connection, answer, request.body_bytes_max).await?;
        self.keep(connection).await;
        Ok(body)
    }

    /// Sends one request; beside the answer comes the connection that carries its body.
    async fn ask(
        &self,
        path: &PathAndQuery,
        progress: &mut Progress,
    ) -> Result<(Connection, Response<Incoming>), Failure> {
        let request = self.request(path)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut idle) = idle
            && idle.is_reusable().await
        {
            progress.seen = Some(idle.seen().clone());
            match idle.send(request.clone()).await {
                Ok(answer) => return Ok((idle, answer)),
                // The service may have closed the idle connection just when it was used again: once more, afresh.
                Err(_) if idle.seen().bytes() == 0 => progress.seen = None,
                Err(broken) => return Err(naming::before_the_body(&broken, idle.seen())),
            }
        }
        let mut connection = self.endpoint.connect().await?;
        progress.seen = Some(connection.seen().clone());
        match connection.send(request).await {
            Ok(answer) => Ok((connection, answer)),
            Err(broken) => Err(naming::before_the_body(&broken, connection.seen())),
        }
    }

    fn request(&self, path: &PathAndQuery) -> Result<http::Request<Empty<Bytes>>, Failure> {
        let mut request = http::Request::new(Empty::new());
        *request.uri_mut() = Uri::from(path.clone());
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(HOST, self.host.clone()?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("linger/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        credentials::add(&self.access, headers)?;
        Ok(request)
    }

    /// Names an answer that says no.
    async fn refused(&self, mut connection: Connection, answer: Response<Incoming>) -> Failure {
        let (head, mut body) = answer.into_parts();
        let mut text = Vec::new();
        let reading = async {
            while let Some(Ok(piece)) = connection.chunk(&mut body).await {
                text.extend(piece.iter().take(ERROR_BODY_BYTES_MAX - text.len()));
                if text.len() >= ERROR_BODY_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        let whole = tokio::time::timeout(ERROR_BODY_TIME_MAX, reading).await.unwrap_or(false);
        if whole {
            self.keep(connection).await;
        }
        let sent = credentials::described(&self.access);
        refusal::named(head.status, &head.headers, &String::from_utf8_lossy(&text), sent.as_deref())
    }

    /// Keeps a connection whose answer was read whole for the next request.
    async fn keep(&self, mut connection: Connection) {
        if connection.is_reusable().await {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
    }
}

/// What the URL says, without a port that is its scheme's own (RFC 9110, 7.2).
fn host(url: &TargetUrl) -> Result<HeaderValue, Failure> {
    use linger_config::Scheme::{Http, Https, Unix};
    let text = match (url.scheme(), url.port()) {
        (Unix, _) => "localhost".to_owned(),
        (Http, 80) | (Https, 443) => url.host().to_owned(),
        (_, port) => format!("{}:{port}", url.host()),
    };
    HeaderValue::from_str(&text)
        .map_err(|_| Failure::new(State::Internal, "the host is no value of a header"))
}

/// Reads a body whole, up to `bytes_max`.
async fn read(
    connection: &mut Connection,
    answer: Response<Incoming>,
    bytes_max: usize,
) -> Result<Bytes, Failure> {
    let mut incoming = answer.into_body();
    let announced = incoming.size_hint().exact().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
    let too_large = |why: String| Failure::new(State::TooLarge, why);
    if announced > bytes_max {
        return Err(too_large(format!("the answer announces {announced} bytes, the limit is {bytes_max}")));
    }
    let mut body = Body::announced(announced);
    while let Some(piece) = connection.chunk(&mut incoming).await {
        let received = body.as_ref().len();
        let piece = piece.map_err(|e| naming::within_the_body(&e, received))?;
        if received + piece.len() > bytes_max {
            return Err(too_large(format!("the answer goes on beyond the limit of {bytes_max} bytes")));
        }
        body.push(&piece).map_err(|_| {
            too_large(format!(
                "large answers of other targets leave no room beyond {received} bytes just now"
            ))
        })?;
    }
    Ok(body.whole())
}

#[cfg(test)]
mod tests;
