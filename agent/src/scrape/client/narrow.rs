//! Connections through which a target can push only so much at a time. hyper's read buffer doubles with each read that
//! fills it, to 417 KB (hyper 1.12, proto/h1/io.rs, `ReadStrategy`), and a task may read 128 times before it has to give
//! way: interim answers without end, parsed at once, then take all the time of the agent's thread. reqwest has a setting
//! for neither, so what the kernel hands out is bounded: a read gives no more than what its buffer has.

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// What the kernel is asked to keep of a connection. It takes twice that, and a read gives up to as much. Measured over
/// loopback: 380 MB/s, and 800 without a bound; with 16 KiB, less than one of loopback's segments, it stands still.
const RECEIVED_BYTES_MAX: usize = 32 * 1024;

/// Narrows every connection that is made. A unix socket stays as it is: there the sender's buffer is the bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrow;

/// A connector under [`Narrow`].
#[derive(Clone, Debug)]
pub(super) struct Narrowed<S>(S);

impl<S> Layer<S> for Narrow {
    type Service = Narrowed<S>;

    fn layer(&self, connector: S) -> Narrowed<S> {
        Narrowed(connector)
    }
}

impl<S, T> Service<T> for Narrowed<S>
where
    S: Service<T>,
    S::Response: Connection,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: T) -> Self::Future {
        let connecting = self.0.call(to);
        Box::pin(async move {
            let connection = connecting.await?;
            narrow(&connection);
            Ok(connection)
        })
    }
}

/// Not to find it costs memory and punctuality under a flood, and nothing else.
fn narrow(connection: &impl Connection) {
    let mut known = Extensions::new();
    connection.connected().get_extras(&mut known);
    if let Some(ends) = known.get::<HttpInfo>() {
        linger_probe::receive_at_most(ends.local_addr(), ends.remote_addr(), RECEIVED_BYTES_MAX);
    }
}
