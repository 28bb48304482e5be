//! Which names a request may call us by.
//!
//! A page in a browser can be made to reach an address of its choice under a name of its own (DNS rebinding), and then
//! reads the answer. On loopback nothing else stands in its way, so only our own names are answered there. Elsewhere it
//! is no way in: the API wants TLS, for which such a name has no certificate, and credentials, which a browser keeps
//! by name; and what the metrics listener tells, it tells to everybody who reaches it, by whatever name Prometheus was
//! given. A socket file is out of a browser's reach.

use super::Listener;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use linger_config::ListenAddr;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};

/// The rule of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// Loopback's names and this address.
    Own(SocketAddr),
    /// Every name.
    Any,
}

impl Hosts {
    /// Our own names on loopback, every name elsewhere.
    #[must_use]
    pub fn own_on_loopback(listener: &Listener) -> Self {
        match listener.address() {
            ListenAddr::Tcp(address) if address.ip().is_loopback() => Self::Own(*address),
            ListenAddr::Tcp(_) | ListenAddr::Unix(_) => Self::Any,
        }
    }

    /// The router behind this rule.
    pub(crate) fn guard(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, own_host_only))
    }

    /// Whether a Host header names us.
    fn answers(self, host: &str) -> bool {
        let Self::Own(listen) = self else { return true };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
            _ => host,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || ip == listen.ip(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

async fn own_host_only(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
    if hosts.answers(host) {
        return next.run(request).await;
    }
    let error = json!({
        "version": crate::report::VERSION,
        "error": "this Host header names another machine",
        "hint": "use the address the agent listens on",
    });
    (StatusCode::MISDIRECTED_REQUEST, Json(error)).into_response()
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn only_loopback_names_and_the_own_address_are_answered() {
        let hosts = Hosts::Own("127.1.2.3:6262".parse().unwrap());
        for own in ["127.0.0.1:6262", "localhost", "LOCALHOST:80", "[::1]:6262", "127.1.2.3:6262"] {
            assert!(hosts.answers(own), "{own}");
        }
        for other in ["", "evil.example:6262", "10.1.2.4:6262", "localhost.evil.example", "127.0.0.1.evil:1"]
        {
            assert!(!hosts.answers(other), "{other}");
            assert!(Hosts::Any.answers(other), "{other}");
        }
    }
}
