//! What came in on a connection: how much since the last request, and the first bytes of it.
//!
//! An error of the parser says that the answer is no HTTP; only its first bytes say what it is instead.

use super::connection::Stream;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes kept of the start of an answer: a banner, or a status line.
const FIRST_BYTES_MAX: usize = 64;

/// The shared count of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Count>>);

#[derive(Debug, Default)]
struct Count {
    first: Vec<u8>,
    bytes: u64,
}

impl Seen {
    /// Starts anew, for the next exchange.
    pub(super) fn begin(&self) {
        *self.count() = Count::default();
    }

    /// Bytes since then.
    pub(super) fn bytes(&self) -> u64 {
        self.count().bytes
    }

    /// The first of them.
    pub(super) fn first(&self) -> Vec<u8> {
        self.count().first.clone()
    }

    fn add(&self, came: &[u8]) {
        let mut count = self.count();
        count.bytes += u64::try_from(came.len()).unwrap_or(u64::MAX);
        let room = FIRST_BYTES_MAX - count.first.len();
        count.first.extend(came.iter().take(room));
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose incoming bytes are counted.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    seen: Seen,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, seen: Seen) -> Self {
        Self { stream, seen }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.seen.add(buffer.filled().get(before..).unwrap_or_default());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: Stream> Stream for Watched<S> {}
