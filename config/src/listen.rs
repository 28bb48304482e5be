//! Where linger listens: an address and port, or a unix socket.
//!
//! Whether an address may be offered to a network is not judged here, since it depends on other keys.

use crate::read::{FromText, NotThis};
use crate::target_url::socket;
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where linger listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// An address and port. Port 0 lets the system choose one.
    Tcp(SocketAddr),
    /// A unix socket, written `unix:///run/linger.sock`.
    Unix(PathBuf),
}

const EXPECTED: &str = "an address and port such as `127.0.0.1:6262`, or `unix:///run/linger.sock`";

impl ListenAddr {
    /// 127.0.0.1 with `port`.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// Whether other machines can reach it.
    #[must_use]
    pub const fn is_on_network(&self) -> bool {
        match self {
            // An IPv4 address in IPv6 clothes is not told from a network's: refused rather than offered.
            Self::Tcp(address) => !address.ip().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl FromStr for ListenAddr {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        if let Some(path) = text.strip_prefix("unix:") {
            return socket(path).map(Self::Unix).map_err(|hint| NotThis::new(EXPECTED, hint));
        }
        text.parse().map(Self::Tcp).map_err(|_| NotThis::new(EXPECTED, hint(text)))
    }
}

/// What was probably meant: a name for loopback, or a port alone.
fn hint(text: &str) -> String {
    let port = text.strip_prefix("localhost").unwrap_or(text);
    match port.strip_prefix(':').unwrap_or(port).parse::<u16>() {
        Ok(port) => format!("write `127.0.0.1:{port}`"),
        Err(_) if text.parse::<IpAddr>().is_ok() => "the port is missing".to_owned(),
        Err(_) if text.starts_with('/') => "write `unix://` before the path of a socket".to_owned(),
        Err(_) => String::new(),
    }
}

impl FromText for ListenAddr {
    const EXPECTED: &'static str = EXPECTED;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        text.parse()
    }
}

impl Serialize for ListenAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::ListenAddr;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text.parse::<ListenAddr>().map(|a| a.to_string()).map_err(|e| e.hint);
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn an_address_has_a_port_and_a_socket_a_path() {
        check("127.0.0.1:6262", Ok("127.0.0.1:6262"));
        check("0.0.0.0:0", Ok("0.0.0.0:0"));
        check("[::1]:6262", Ok("[::1]:6262"));
        check("unix:/run/l.sock", Ok("unix:///run/l.sock"));
        check("unix:///run/l.sock", Ok("unix:///run/l.sock"));
        check("/run/l.sock", Err("write `unix://` before the path of a socket"));
        check("unix:l.sock", Err("the path of a socket begins with `/`: `unix:///run/api.sock`"));
        check(":6262", Err("write `127.0.0.1:6262`"));
        check("6262", Err("write `127.0.0.1:6262`"));
        check("localhost:6262", Err("write `127.0.0.1:6262`"));
        check("127.0.0.1", Err("the port is missing"));
        check("127.0.0.1:66000", Err(""));
        check("", Err(""));
    }

    #[test]
    fn only_loopback_and_sockets_stay_on_the_machine() {
        for text in ["127.8.0.1:0", "[::1]:0", "unix:///x"] {
            assert!(!text.parse::<ListenAddr>().unwrap().is_on_network(), "{text}");
        }
        for text in ["0.0.0.0:0", "[::]:0", "10.1.2.3:0", "[::ffff:127.0.0.1]:0"] {
            assert!(text.parse::<ListenAddr>().unwrap().is_on_network(), "{text}");
        }
    }
}
