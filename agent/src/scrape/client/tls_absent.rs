//! In place of `tls.rs` in a build without the feature `tls`: an https target is refused by name.

use crate::scrape::outcome::{Failure, State};
use linger_config::TlsClient;
use reqwest::ClientBuilder;
use std::error::Error;

/// A client that speaks no TLS.
pub(super) fn without(builder: ClientBuilder) -> ClientBuilder {
    builder
}

/// There is none that does.
pub(super) fn with(_: ClientBuilder, _: &str, _: &TlsClient) -> Result<ClientBuilder, Failure> {
    Err(Failure::new(State::NoTls, "this linger was built without the feature tls"))
}

/// No error is one of TLS.
pub(super) fn named(_: &(dyn Error + 'static), _: &[u8]) -> Option<Failure> {
    None
}

/// No error is one of TLS.
pub(super) fn is_of_a_stranger(_: &(dyn Error + 'static)) -> bool {
    false
}
