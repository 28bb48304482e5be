//! The address of the API: loopback only, until authentication can be configured.

use crate::read::{FromText, NotThis};
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// A loopback address and port. Port 0 lets the system choose one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddr(SocketAddr);

const EXPECTED: &str = "a loopback address and port such as `127.0.0.1:6262`";

impl ListenAddr {
    /// 127.0.0.1 with `port`.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn get(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ListenAddr {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        match text.parse::<SocketAddr>() {
            Ok(addr) if addr.ip().is_loopback() => Ok(Self(addr)),
            Ok(_) => Err(NotThis::new(
                EXPECTED,
                "the API has no authentication yet, so it is not offered to a network",
            )),
            Err(_) => Err(NotThis::new(EXPECTED, hint(text))),
        }
    }
}

/// What was probably meant: a name for loopback, or a port alone.
fn hint(text: &str) -> String {
    let port = text.strip_prefix("localhost").unwrap_or(text);
    match port.strip_prefix(':').unwrap_or(port).parse::<u16>() {
        Ok(port) => format!("write `127.0.0.1:{port}`"),
        Err(_) if text.parse::<std::net::IpAddr>().is_ok() => "the port is missing".to_owned(),
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
    fn only_loopback_is_listened_on() {
        check("127.0.0.1:6262", Ok("127.0.0.1:6262"));
        check("127.8.0.1:0", Ok("127.8.0.1:0"));
        check("[::1]:6262", Ok("[::1]:6262"));
        let network = Err("the API has no authentication yet, so it is not offered to a network");
        check("0.0.0.0:6262", network);
        check("[::]:6262", network);
        check("10.1.2.3:6262", network);
        check(":6262", Err("write `127.0.0.1:6262`"));
        check("6262", Err("write `127.0.0.1:6262`"));
        check("localhost:6262", Err("write `127.0.0.1:6262`"));
        check("127.0.0.1", Err("the port is missing"));
        check("127.0.0.1:66000", Err(""));
        check("", Err(""));
    }
}
