//! The HTTP server under both listeners: bounded in connections, in the time each step may take, and in the size of
//! what is asked.
//!
//! A client that says nothing, says it slowly, or never reads its answer loses its connection; it cannot keep another
//! from being served for longer than [`CONNECTION_LIFE_MAX`]. No request body is ever read: there is nothing to send.

mod address;
mod hosts;
mod listener;
mod socket_file;
#[cfg(feature = "tls")]
mod tls;

pub use address::{Guard, Refusal};
pub use hosts::Hosts;
pub use listener::Listener;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at once on one listener; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 32;
/// From the first byte, or the last answer, to the end of a request's head. An idle connection ends so, too.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Request line and headers together, in bytes: a selector may be long, a URL is no place for more.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// A connection's age after which it gets no further request.
const CONNECTION_LIFE_MAX: Duration = Duration::from_secs(120);
/// How long the last answer on a connection may take to be read.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long stopping waits for answers under way.
const STOP_WITHIN: Duration = Duration::from_secs(3);
/// Pause after the system gave no connection (no file descriptor is free).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop` turns true, then lets answers under way end.
///
/// # Errors
/// Never at present: a listener that gives no connection is asked again.
pub(crate) async fn serve(
    listener: Listener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut failing = false;
    let stopping = stop.clone();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            (Ok(place), accepted) = next => (place, accepted),
            Some(_) = connections.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok(stream) => {
                failing = false;
                connections.spawn(connection(stream, router.clone(), stopping.clone(), place));
            }
            Err(e) => {
                if !failing {
                    tracing::warn!(listen = %listener, "no connection can be accepted: {e}");
                }
                failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let answered = async { while connections.join_next().await.is_some() {} };
    // Who has not read its answer by then does without; dropping the set ends the rest.
    let _ = tokio::time::timeout(STOP_WITHIN, answered).await;
    Ok(())
}

async fn connection(
    accepted: listener::Accepted,
    router: Router,
    mut stop: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
) {
    let stream = match tokio::time::timeout(HEAD_WITHIN, accepted.shaken_hands()).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => {
            tracing::debug!("a handshake failed: {e}");
            return;
        }
        Err(_) => return,
    };
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(served);
    tokio::select! {
        // A client that goes away, or was too slow, is no news.
        _ = served.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(CONNECTION_LIFE_MAX) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LAST_ANSWER_WITHIN, served).await;
}

#[cfg(test)]
mod tests;
