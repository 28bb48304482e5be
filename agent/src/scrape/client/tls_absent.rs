//! In place of `tls.rs` in a build without the feature `tls`: an https target is refused by name.

use super::connection::Stream;
use crate::scrape::outcome::{Failure, State};
use linger_config::TlsClient;
use std::io;
use tokio::net::TcpStream;

/// What cannot be spoken.
pub(super) struct Tls;

impl Tls {
    pub(super) fn new(_: &str, _: &TlsClient) -> Self {
        Self
    }

    #[expect(clippy::unused_async, reason = "takes the place of one that waits")]
    pub(super) async fn handshake(&self, _: TcpStream) -> Result<Box<dyn Stream>, Failure> {
        Err(Failure::new(State::NoTls, "this linger was built without the feature tls"))
    }
}

/// No error is one of TLS.
pub(super) fn named(_: &io::Error, _: &[u8]) -> Option<Failure> {
    None
}
