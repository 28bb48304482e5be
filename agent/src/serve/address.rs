//! Where a listener may listen, and what must guard it there.
//!
//! The configuration refuses an unguarded API on a network while it is read; it is refused here again, where the
//! socket would be opened, so that no other way leads there.

use linger_config::{ListenAddr, TlsServer};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What stands between a client and the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: what is told may be read by whoever gets there. For the metrics listener.
    Open,
    /// The API's: whether it asks for credentials, and TLS.
    Api {
        /// Whether a request must carry credentials.
        authenticated: bool,
        /// TLS, where it is spoken.
        tls: Option<TlsServer>,
    },
}

impl Guard {
    /// TLS, where it is spoken.
    pub(super) fn tls(&self) -> Option<&TlsServer> {
        match self {
            Self::Api { tls, .. } => tls.as_ref(),
            Self::Open => None,
        }
    }

    /// Whether it suffices at `address`.
    pub(super) fn check(&self, address: &ListenAddr) -> Result<(), Refusal> {
        match (self, address) {
            (Self::Api { authenticated: true, tls: Some(_) } | Self::Open, _) => Ok(()),
            (_, ListenAddr::Tcp(tcp)) if address.is_on_network() => Err(Refusal::Unguarded(*tcp)),
            _ => Ok(()),
        }
    }
}

/// Why nothing is listened on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// An API on a network without authentication and TLS.
    Unguarded(SocketAddr),
    /// The system says no.
    Bind(ListenAddr, std::io::Error),
    /// Another process answers on the socket file.
    Taken(PathBuf),
    /// Something other than a socket is where the socket file should be.
    NotASocket(PathBuf),
    /// The certificate or its key cannot be used.
    Tls(String),
}

impl Refusal {
    /// The next step for the user.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unguarded(_) => "configure `auth` and `tls`, or listen on 127.0.0.1 or a unix socket",
            Self::Bind(..) => "another agent may run already, or the address is not this machine's",
            Self::Taken(_) => "another agent runs already; choose another socket",
            Self::NotASocket(_) => "linger removes nothing but sockets; choose another path",
            Self::Tls(_) => "check `tls: {cert_file, key_file}`",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unguarded(address) => {
                write!(f, "the API is not offered on {address} without authentication and TLS")
            }
            Self::Bind(address, e) => write!(f, "cannot listen on {address}: {e}"),
            Self::Taken(path) => write!(f, "somebody answers on {} already", path.display()),
            Self::NotASocket(path) => write!(f, "{} exists and is no socket", path.display()),
            Self::Tls(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::Guard;
    use linger_config::{ListenAddr, TlsServer};

    #[track_caller]
    fn check(address: &str, authenticated: bool, with_tls: bool, allowed: bool) {
        let tls = with_tls.then(|| TlsServer { cert_file: "c".into(), key_file: "k".into() });
        let address: ListenAddr = address.parse().unwrap();
        let guard = Guard::Api { authenticated, tls };
        assert_eq!(guard.check(&address).is_ok(), allowed, "{address} {guard:?}");
        assert!(Guard::Open.check(&address).is_ok());
    }

    #[test]
    fn an_api_on_a_network_needs_both_authentication_and_tls() {
        for home in ["127.0.0.1:6262", "[::1]:6262", "unix:///run/linger.sock"] {
            check(home, false, false, true);
        }
        for network in ["0.0.0.0:6262", "[::]:6262", "10.1.2.3:6262"] {
            check(network, false, false, false);
            check(network, true, false, false);
            check(network, false, true, false);
            check(network, true, true, true);
        }
    }
}
