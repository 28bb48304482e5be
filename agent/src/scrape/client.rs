//! One bounded exchange with one target by reqwest. Each failure has a name, and nothing a target sends makes an
//! exchange longer or larger than its request allows.
//!
//! Refuses to follow redirects (but for an added slash on the same origin), so credentials go nowhere else; to use a
//! proxy; to ask for compression of its own; to keep more than one idle connection, each being a goroutine there.
//! A body that breaks off is a failure, unless whoever asks can do with a part of it.

mod credentials;
pub(crate) mod memory;
pub(super) mod names;
mod naming;
mod narrow;
mod place;
mod refusal;
mod stranger;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "client/tls_absent.rs"]
mod tls;

use super::outcome::{Failure, State};
use crate::small_file::Aside;
use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use linger_config::{Access, HeaderValue as Configured, Method, Target, TargetUrl};
use memory::Body;
use place::Place;
use reqwest::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes kept of the body of a failed request: Go's messages are one line.
const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;
/// How long the body of a failed request is waited for: the status has said most.
const ERROR_BODY_TIME_MAX: Duration = Duration::from_secs(1);
/// A connection that was closed while it was idle shows at once, across a network within a round trip.
const HUNG_UP_AT_ONCE: Duration = Duration::from_millis(250);

/// A client of one target. Copies share their idle connection.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    place: Place,
    access: Access,
    /// Where the files of both are read.
    aside: Aside,
    /// Whether the pool may hold a connection that was used before.
    used: AtomicBool,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Path and query on the target, its prefix included.
    pub path: PathAndQuery,
    /// How.
    pub method: Method,
    /// Headers over those of the target.
    pub headers: Vec<(String, Configured)>,
    /// From request to last byte.
    pub timeout: Duration,
    /// Largest body accepted, as it comes and once it is inflated.
    pub body_bytes_max: usize,
    /// Whether a body that breaks off, is too large or takes too long is taken as far as it came.
    pub takes_part: bool,
}

impl Request {
    /// A GET that wants the whole.
    #[must_use]
    pub fn get(path: PathAndQuery, timeout: Duration, body_bytes_max: usize) -> Self {
        Self { path, method: Method::Get, headers: Vec::new(), timeout, body_bytes_max, takes_part: false }
    }
}

/// An answer with status 200.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The body.
    pub body: Bytes,
    /// Why it is not the whole body, where a part was asked for too.
    pub cut: Option<Failure>,
    /// What it may inflate to: its request's limit.
    pub body_bytes_max: usize,
    /// From request to last byte.
    pub took: Duration,
}

/// How far an exchange came, for who gives it up.
#[derive(Default)]
struct Progress {
    /// Bytes of the body, once it has begun.
    received: Option<usize>,
    /// The body that is read.
    body: Option<Body>,
    /// Whether that is worth something though it is not whole.
    takes_part: bool,
    /// What was sent that is not to be shown.
    secrets: Vec<HeaderValue>,
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
            place: Place::new(url, &access.tls),
            access: access.clone(),
            aside: Aside::default(),
            used: AtomicBool::new(false),
        }))
    }

    /// Asks, and wants status 200.
    ///
    /// # Errors
    /// A [`Failure`] with its named state.
    pub async fn fetch(&self, request: &Request) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut progress = Progress::default();
        let work = async |progress: &mut Progress| fetch(&self.0, request, progress).await;
        let (body, cut) = match in_time(request, &mut progress, work).await {
            Ok(body) => (body, None),
            Err(failure) => match progress.part() {
                Some(part) => (part, Some(failure)),
                None => return Err(failure),
            },
        };
        Ok(Answer { body, cut, body_bytes_max: request.body_bytes_max, took: started.elapsed() })
    }

    /// Asks, and gives back status and body whatever the status is.
    ///
    /// # Errors
    /// A [`Failure`] where there is no complete answer.
    pub async fn get(&self, request: &Request) -> Result<(StatusCode, Bytes), Failure> {
        in_time(request, &mut Progress::default(), async |progress| {
            let answer = ask(&self.0, request, &request.path, progress).await?;
            let status = answer.status();
            Ok((status, self.0.read(answer, request.body_bytes_max, progress).await?))
        })
        .await
    }

    /// Asks, wants status 200, and hands the body on as it comes: for bodies that are not to be held. Those within the
    /// limit have been handed on whole when it is passed.
    ///
    /// # Errors
    /// A [`Failure`] with its named state, or what `take` says. What was handed on before stays true.
    pub async fn pour(
        &self,
        request: &Request,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut progress = Progress::default();
        in_time(request, &mut progress, async |progress| {
            let answer = granted(&self.0, request, progress).await?;
            self.0.pour(answer, request.body_bytes_max, progress, &mut take).await
        })
        .await
    }
}

async fn in_time<T>(
    request: &Request,
    progress: &mut Progress,
    work: impl AsyncFnOnce(&mut Progress) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match tokio::time::timeout(request.timeout, work(progress)).await {
        Ok(done) => done,
        Err(_) => Err(progress.given_up(request.timeout)),
    }
}

impl Progress {
    /// What came of a body that is worth something though it is not whole.
    fn part(self) -> Option<Bytes> {
        let body = self.body.filter(|body| self.takes_part && !body.as_ref().is_empty())?;
        Some(body.whole())
    }

    fn given_up(&self, after: Duration) -> Failure {
        let after = naming::seconds(after);
        let detail = match self.received {
            None => format!("no answer within {after}, or only a part of its head"),
            Some(n) => format!("{n} bytes came, but the answer was not complete within {after}"),
        };
        Failure::new(State::TimedOut, detail)
    }

    /// An answer's text without what we sent: a service that tells which token it refuses must not have it shown.
    fn without_secrets(&self, text: String) -> String {
        let secrets = self.secrets.iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let words = secrets.flat_map(|value| [Some(value), value.split_once(' ').map(|(_, secret)| secret)]);
        words.flatten().filter(|word| !word.is_empty()).fold(text, |text, word| text.replace(word, "***"))
    }
}

async fn fetch(to: &Arc<Inner>, request: &Request, progress: &mut Progress) -> Result<Bytes, Failure> {
    let answer = granted(to, request, progress).await?;
    progress.takes_part = request.takes_part;
    to.read(answer, request.body_bytes_max, progress).await
}

/// Asks, and wants status 200.
async fn granted(to: &Arc<Inner>, request: &Request, progress: &mut Progress) -> Result<Response, Failure> {
    let mut answer = ask(to, request, &request.path, progress).await?;
    let (scheme, host) = (to.place.scheme(), to.place.authority());
    let slashed = refusal::added_slash(answer.status(), answer.headers(), &request.path, &scheme, host);
    if let Some(path) = slashed {
        to.read(answer, ERROR_BODY_BYTES_MAX, progress).await?;
        answer = ask(to, request, &path, progress).await?;
    }
    if answer.status() != StatusCode::OK {
        return Err(to.refused(answer, progress).await);
    }
    Ok(answer)
}

/// Sends one request and waits for the head of its answer.
async fn ask(
    to: &Arc<Inner>,
    request: &Request,
    path: &PathAndQuery,
    progress: &mut Progress,
) -> Result<Response, Failure> {
    progress.received = None;
    let (client, headers) = if to.names_files(request) {
        let (there, own) = (Arc::clone(to), request.headers.clone());
        let prepared = to.aside.run(move || there.prepare(&own)).await;
        prepared.map_err(|why| Failure::new(State::CredentialsUnreadable, why))??
    } else {
        to.prepare(&request.headers)?
    };
    progress.secrets = headers.values().filter(|value| value.is_sensitive()).cloned().collect();
    to.execute(&client, (request.method, path), &headers, progress).await
}

impl Inner {
    /// Whether a request needs files: its credentials, those of its TLS settings, or the system's authorities.
    fn names_files(&self, request: &Request) -> bool {
        let from_file = |(_, value): &(String, Configured)| matches!(value, Configured::File(_));
        let mut headers = self.access.headers.iter().chain(&request.headers);
        self.place.is_tls() || self.access.credentials.is_some() || headers.any(from_file)
    }

    /// The client and the headers as the files have them now; `own` are those of the request alone.
    fn prepare(&self, own: &[(String, Configured)]) -> Result<(reqwest::Client, HeaderMap), Failure> {
        let client = self.place.client()?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.place.host()?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("linger/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        credentials::add(&self.access, &mut headers)?;
        credentials::add_headers(own, &mut headers)?;
        Ok((client, headers))
    }

    async fn execute(
        &self,
        client: &reqwest::Client,
        (method, path): (Method, &PathAndQuery),
        headers: &HeaderMap,
        progress: &mut Progress,
    ) -> Result<Response, Failure> {
        let word = match method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let request = || {
            let mut request = reqwest::Request::new(word.clone(), self.place.url(path)?);
            request.headers_mut().clone_from(headers);
            if method == Method::Post {
                // RFC 9110, 8.6: said of a method that may have a body even where there is none.
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            Ok(request)
        };
        let asked = Instant::now();
        let mut answered = client.execute(request()?).await;
        // The service may have closed the idle connection just when it was used again: once more, afresh. One that
        // hangs up later has worked for us, and would again for nothing. What a POST did nobody knows.
        let at_once = asked.elapsed() < HUNG_UP_AT_ONCE && method == Method::Get;
        let used = self.used.swap(false, Ordering::Relaxed);
        if used && at_once && answered.as_ref().is_err_and(naming::is_hung_up) {
            answered = client.execute(request()?).await;
        }
        match answered {
            Ok(answer) => {
                progress.received = Some(0);
                Ok(answer)
            }
            Err(e) => {
                let look = naming::is_of_a_stranger(&e);
                let first = if look { self.place.first_bytes().await } else { Vec::new() };
                Err(naming::before_the_body(&e, &self.place, &first))
            }
        }
    }

    /// Names an answer that says no.
    async fn refused(&self, mut answer: Response, progress: &Progress) -> Failure {
        let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
        let mut text = Vec::new();
        let reading = async {
            while let Ok(Some(piece)) = answer.chunk().await {
                text.extend(piece.iter().take(ERROR_BODY_BYTES_MAX - text.len()));
                if text.len() >= ERROR_BODY_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        if tokio::time::timeout(ERROR_BODY_TIME_MAX, reading).await.unwrap_or(false) {
            self.used.store(true, Ordering::Relaxed);
        }
        let sent = credentials::described(&self.access);
        let text = progress.without_secrets(String::from_utf8_lossy(&text).into_owned());
        refusal::named(status, &headers, &text, sent.as_deref())
    }

    /// Hands a body on, up to `bytes_max`.
    async fn pour(
        &self,
        mut answer: Response,
        bytes_max: usize,
        progress: &mut Progress,
        take: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut received = 0;
        loop {
            progress.received = Some(received);
            let next = answer.chunk().await.map_err(|e| naming::within_the_body(&e, received))?;
            let Some(piece) = next else { break };
            let room = bytes_max - received;
            take(piece.get(..room).unwrap_or(&piece))?;
            if piece.len() > room {
                return Err(Failure::new(State::TooLarge, format!("it goes on beyond {bytes_max} bytes")));
            }
            received += piece.len();
        }
        self.used.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Reads a body whole, up to `bytes_max`. What came of one that fails stays in `progress`.
    async fn read(
        &self,
        mut answer: Response,
        bytes_max: usize,
        progress: &mut Progress,
    ) -> Result<Bytes, Failure> {
        let announced = answer.content_length().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let too_large = |why: String| Failure::new(State::TooLarge, why);
        if announced > bytes_max && !progress.takes_part {
            let why = format!("the answer announces {announced} bytes, the limit is {bytes_max}");
            return Err(too_large(why));
        }
        let body = progress.body.insert(Body::announced(announced));
        loop {
            let received = body.as_ref().len();
            progress.received = Some(received);
            let next = answer.chunk().await.map_err(|e| naming::within_the_body(&e, received))?;
            let Some(piece) = next else { break };
            if received + piece.len() > bytes_max {
                return Err(too_large(format!("the answer goes on beyond the limit of {bytes_max} bytes")));
            }
            body.push(&piece).map_err(|_| {
                let why =
                    format!("large answers of other targets leave no room beyond {received} bytes just now");
                Failure::new(State::NoRoom, why)
            })?;
        }
        self.used.store(true, Ordering::Relaxed);
        Ok(progress.body.take().map(Body::whole).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
