//! The address of a service: `http://host:port`, with a path before `/debug/pprof` where a proxy adds one.
//!
//! Refused by name: schemes that come later, and a user part, since addresses appear in metrics and logs.

use crate::read::{FromText, NotThis};
use serde::{Serialize, Serializer};
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// An `http` address without user part, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetUrl {
    /// Lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
    /// Empty, or `/` and segments without a slash at the end.
    prefix: String,
}

const EXPECTED: &str = "the address of a service such as `http://127.0.0.1:6060`";

/// Longest address, in bytes: servers refuse longer request lines.
const URL_BYTES_MAX: usize = 2048;

/// Where Go's handlers are unless a service moves them; people paste addresses with it.
const PPROF_PATH: &str = "/debug/pprof";

impl TargetUrl {
    /// The host: a name, an IPv4 address or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path before `/debug/pprof`: empty, or `/` and segments.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `host:port/prefix`: what a target is called unless it is given a name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}{}", self.host, self.port, self.prefix)
    }

    /// The address of `path` (which begins with a slash) on this service.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.prefix)
    }
}

impl FromStr for TargetUrl {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| NotThis::new(EXPECTED, hint);
        if text.len() > URL_BYTES_MAX {
            return Err(wrong("longer than 2048 bytes"));
        }
        // Anywhere: a password may hold a slash, and then its `@` stands in what looks like the path.
        if text.contains('@') {
            return Err(wrong("no user or password here: credentials in URLs end up in logs"));
        }
        let Some((scheme, rest)) = scheme(text) else {
            return Err(wrong(&without_scheme(text)));
        };
        match &*scheme.to_ascii_lowercase() {
            "http" => {}
            "https" => return Err(wrong("https comes with a later release; http on loopback needs none")),
            "unix" => return Err(wrong("unix sockets come with a later release")),
            _ => return Err(wrong("only http is spoken")),
        }
        let Some(rest) = rest.strip_prefix("//") else {
            return Err(wrong("`//` is missing after `http:`"));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority).map_err(wrong)?;
        Ok(Self { host, port, prefix: prefix(path).map_err(wrong)? })
    }
}

/// Scheme and the rest. `localhost:6060` has none: a port is digits.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.starts_with(|c: char| c.is_ascii_digit());
    is_scheme.then_some((scheme, rest))
}

/// What was probably meant by an address without a scheme.
fn without_scheme(text: &str) -> String {
    let port = text.strip_prefix(':').unwrap_or(text);
    if port.parse::<u16>().is_ok() {
        return format!("write `http://127.0.0.1:{port}`");
    }
    match format!("http://{text}").parse::<TargetUrl>() {
        Ok(url) => format!("write `{url}`"),
        Err(e) => e.hint,
    }
}

fn host_and_port(authority: &str) -> Result<(String, u16), &'static str> {
    const PORT: &str = "the port must be a number from 1 to 65535";
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, port)) => {
            let ip: Ipv6Addr = ip.parse().map_err(|_| "not an IPv6 address in brackets")?;
            (format!("[{ip}]"), port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            if host.is_empty() {
                return Err("the host is missing");
            }
            // Longest name in DNS: RFC 1035, 2.3.4.
            if host.len() > 253 || !host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
                return Err("a host has letters, digits, `-`, `.` and `_`");
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, 80)),
        Some(digits) if digits.chars().all(|c| c.is_ascii_digit()) => {
            digits.parse().ok().filter(|&port| port > 0).map(|port| (host, port)).ok_or(PORT)
        }
        _ => Err(PORT),
    }
}

fn prefix(path: &str) -> Result<String, &'static str> {
    if path.contains(['?', '#']) {
        return Err("no query or fragment here: linger asks its own questions");
    }
    if path.chars().any(|c| !c.is_ascii_graphic()) {
        return Err("write other characters of the path as `%` and two digits");
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("a path without `.` and `..`");
    }
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(PPROF_PATH).unwrap_or(path).trim_end_matches('/');
    if path.contains(PPROF_PATH) {
        return Err("the address of the service, without `/debug/pprof/…`");
    }
    Ok(path.to_owned())
}

impl FromText for TargetUrl {
    const EXPECTED: &'static str = EXPECTED;
    fn from_text(text: &str) -> Result<Self, NotThis> {
        text.parse()
    }
}

impl Serialize for TargetUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::TargetUrl;
    use proptest::prelude::{prop_assert_eq, proptest};

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text.parse::<TargetUrl>().map(|u| u.to_string()).map_err(|e| e.hint);
        assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }

    #[test]
    fn addresses_are_brought_to_one_form() {
        check("http://127.0.0.1:6060", Ok("http://127.0.0.1:6060"));
        check("HTTP://LocalHost:6060/", Ok("http://localhost:6060"));
        check("http://api", Ok("http://api:80"));
        check("http://api:6060/team/a/", Ok("http://api:6060/team/a"));
        check("http://api:6060/debug/pprof", Ok("http://api:6060"));
        check("http://api:6060/team/debug/pprof/", Ok("http://api:6060/team"));
        check("http://[0:0:0::1]:6060", Ok("http://[::1]:6060"));
        check("http://a/%7Eb", Ok("http://a:80/%7Eb"));
    }

    #[test]
    fn other_schemes_and_secrets_are_refused_by_name() {
        check("https://a:6060", Err("https comes with a later release; http on loopback needs none"));
        check("unix:///run/api.sock", Err("unix sockets come with a later release"));
        check("ftp://a", Err("only http is spoken"));
        let secret = Err("no user or password here: credentials in URLs end up in logs");
        check("http://user:pw@a:6060", secret);
        check("http://user@a:6060", secret);
        check("http://user:p/w@a:6060", secret);
        check("user:pw@a:6060", secret);
    }

    #[test]
    fn what_is_no_address_says_what_is_missing() {
        check("localhost:6060", Err("write `http://localhost:6060`"));
        check("127.0.0.1:6060/x", Err("write `http://127.0.0.1:6060/x`"));
        check("api", Err("write `http://api:80`"));
        check(":6060", Err("write `http://127.0.0.1:6060`"));
        check("6060", Err("write `http://127.0.0.1:6060`"));
        check("", Err("the host is missing"));
        check("http:a", Err("`//` is missing after `http:`"));
        check("http://", Err("the host is missing"));
        check("http://:6060", Err("the host is missing"));
        check("http://a:0", Err("the port must be a number from 1 to 65535"));
        check("http://a:", Err("the port must be a number from 1 to 65535"));
        check("http://a:65536", Err("the port must be a number from 1 to 65535"));
        check("http://[::1]6060", Err("the port must be a number from 1 to 65535"));
        check("http://[zz]:6060", Err("not an IPv6 address in brackets"));
        check("http://a b:1", Err("a host has letters, digits, `-`, `.` and `_`"));
        check("http://a/?x=1", Err("no query or fragment here: linger asks its own questions"));
        check("http://a/../b", Err("a path without `.` and `..`"));
        check("http://a/ü", Err("write other characters of the path as `%` and two digits"));
        check("http://a/debug/pprof/heap", Err("the address of the service, without `/debug/pprof/…`"));
    }

    #[test]
    fn a_prefix_stands_before_the_path() {
        let url: TargetUrl = "http://a:1/team/a".parse().unwrap();
        assert_eq!(url.join("/debug/pprof/heap"), "http://a:1/team/a/debug/pprof/heap");
        assert_eq!(url.name(), "a:1/team/a");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "http://[a-z.]{1,9}(:[1-9][0-9]{0,3})?(/[a-z/%.]{0,9})?") {
            if let Ok(url) = text.parse::<TargetUrl>() {
                prop_assert_eq!(url.to_string().parse::<TargetUrl>(), Ok(url));
            }
        }
    }
}
