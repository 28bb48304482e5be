//! One HTTP/1.1 connection, driven by whoever uses it: no task runs for it, and nothing reads from it while it is
//! idle. Refuses answers whose head does not end.

use super::seen::{Seen, Watched};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};

/// Most headers of an answer; Go's pprof handlers send five, proxies add a dozen.
const HEADERS_MAX: usize = 100;
/// Largest head, and largest piece of a body held at once.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Most bytes before an answer's own head has ended, interim answers (1xx) included.
const HEAD_BYTES_MAX: u64 = 256 * 1024;

/// What a connection runs over: TCP, a unix socket, TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl Stream for tokio::net::TcpStream {}
impl Stream for tokio::net::UnixStream {}
impl<S: Stream + ?Sized> Stream for Box<S> {}

type Wire = http1::Connection<TokioIo<Watched<Box<dyn Stream>>>, Empty<Bytes>>;

/// An open connection.
pub(super) struct Connection {
    sender: http1::SendRequest<Empty<Bytes>>,
    driver: Driver,
    seen: Seen,
}

/// How an exchange broke off.
#[derive(Debug)]
pub(super) enum Broken {
    /// The head does not end.
    HeadTooLarge,
    /// The connection failed, or what came was no HTTP.
    Failed(hyper::Error),
}

impl Connection {
    /// Speaks HTTP over `stream`. Nothing is sent yet.
    pub(super) async fn new(stream: Box<dyn Stream>) -> Result<Self, hyper::Error> {
        let seen = Seen::default();
        let io = TokioIo::new(Watched::new(stream, seen.clone()));
        let (sender, connection) = http1::Builder::new()
            .max_headers(HEADERS_MAX)
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(io)
            .await?;
        Ok(Self { sender, driver: Driver { connection: Some(Box::pin(connection)) }, seen })
    }

    /// What came in since the last request.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Whether another request may be sent: the last body was read whole and the peer has not hung up.
    pub(super) async fn is_reusable(&mut self) -> bool {
        let Self { sender, driver, .. } = self;
        poll_fn(|cx| {
            driver.poll(cx);
            Poll::Ready(driver.connection.is_some() && sender.is_ready())
        })
        .await
    }

    /// Sends `request` and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, Broken> {
        self.seen.begin();
        let seen = self.seen.clone();
        let answer = self.sender.send_request(request);
        let too_much = || seen.bytes() > HEAD_BYTES_MAX;
        self.driver.drive(answer, too_much).await.ok_or(Broken::HeadTooLarge)?.map_err(Broken::Failed)
    }

    /// The next piece of a body, none at its end.
    pub(super) async fn chunk(&mut self, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.driver.drive(body.frame(), || false).await?? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    // Trailers say nothing we ask for.
                    Err(_) => continue,
                },
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

/// hyper's side of the connection, until it ends.
struct Driver {
    connection: Option<Pin<Box<Wire>>>,
}

impl Driver {
    /// Moves bytes. How the connection ends is told to who waits for an answer, so it is not looked at here.
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// The outcome of `work`, with bytes moving meanwhile; none where they are `too_much`.
    async fn drive<T>(&mut self, work: impl Future<Output = T>, too_much: impl Fn() -> bool) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            self.poll(cx);
            match work.as_mut().poll(cx) {
                Poll::Pending if too_much() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
                Poll::Ready(done) => Poll::Ready(Some(done)),
            }
        })
        .await
    }
}
