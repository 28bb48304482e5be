//! The address of a service: `http://host:port`, `https://host:port` or `unix:///run/api.sock`, with a path before
//! `/debug/pprof` where there is one. After a socket it follows a colon, as nginx writes it:
//! `unix:///run/api.sock:/prefix`.
//!
//! Refused by name: a user part, since addresses appear in metrics and logs, and abstract sockets, which every
//! user of the machine may bind.

mod network;
mod socket;

pub(crate) use socket::socket;

use crate::excerpt::quoted;
use crate::read::{FromText, NotThis};
use serde::{Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An address without user part, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetUrl {
    place: Place,
    /// Empty, or `/` and segments without a slash at the end.
    prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Place {
    /// A host in lower case; an IPv6 address in brackets.
    Network { tls: bool, host: String, port: u16 },
    /// A socket in the file system.
    Socket(PathBuf),
}

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS over TCP.
    Https,
    /// A unix socket.
    Unix,
}

const EXPECTED: &str = "the address of a service such as `http://127.0.0.1:6060`";

/// Longest address, in bytes: servers refuse longer request lines.
const URL_BYTES_MAX: usize = 2048;

/// Where Go's handlers are unless a service moves them; people paste addresses with it.
const PPROF_PATH: &str = "/debug/pprof";

/// The host a service on a unix socket is told: `Host` must be sent, and has no better value.
const SOCKET_HOST: &str = "localhost";

impl TargetUrl {
    /// How the service is spoken to.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        match &self.place {
            Place::Network { tls: false, .. } => Scheme::Http,
            Place::Network { tls: true, .. } => Scheme::Https,
            Place::Socket(_) => Scheme::Unix,
        }
    }

    /// The host: a name, an IPv4 address or an IPv6 address in brackets; empty for a unix socket.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Network { host, .. } => host,
            Place::Socket(_) => "",
        }
    }

    /// The port; 0 for a unix socket.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match &self.place {
            Place::Network { port, .. } => *port,
            Place::Socket(_) => 0,
        }
    }

    /// The unix socket, where it is one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        match &self.place {
            Place::Network { .. } => None,
            Place::Socket(path) => Some(path),
        }
    }

    /// The path before `/debug/pprof`: empty, or `/` and segments.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `host:port/prefix` or `/run/api.sock:/prefix`: what a target is called unless it is given a name.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.place {
            Place::Network { host, port, .. } => format!("{host}:{port}{}", self.prefix),
            Place::Socket(path) if self.prefix.is_empty() => path.display().to_string(),
            Place::Socket(path) => format!("{}:{}", path.display(), self.prefix),
        }
    }

    /// The address of `path` (which begins with a slash) on this service. For a unix socket it is one on
    /// `http://localhost`: only its path and the `Host` header that follows from it are of use.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        match &self.place {
            Place::Network { .. } => format!("{self}{path}"),
            Place::Socket(_) => format!("http://{SOCKET_HOST}{}{path}", self.prefix),
        }
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Network { tls, host, port } => {
                write!(f, "{}://{host}:{port}{}", if *tls { "https" } else { "http" }, self.prefix)
            }
            Place::Socket(_) => write!(f, "unix://{}", self.name()),
        }
    }
}

impl FromStr for TargetUrl {
    type Err = NotThis;

    fn from_str(text: &str) -> Result<Self, NotThis> {
        let wrong = |hint: &str| NotThis::new(EXPECTED, hint);
        if text.len() > URL_BYTES_MAX {
            return Err(wrong("longer than 2048 bytes"));
        }
        let scheme = scheme(text).map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
        if let Some(("unix", rest)) = scheme.as_ref().map(|(scheme, rest)| (&**scheme, rest)) {
            let (path, path_of_url) = rest.split_once(":/").unwrap_or((rest, ""));
            let place = Place::Socket(socket(path).map_err(wrong)?);
            let prefix = if path_of_url.is_empty() { String::new() } else { format!("/{path_of_url}") };
            return Ok(Self { place, prefix: network::prefix(&prefix).map_err(wrong)? });
        }
        // Anywhere: a password may hold a slash, and then its `@` stands in what looks like the path.
        if text.contains('@') {
            return Err(wrong("no user or password here: addresses end up in logs; `basic_auth` takes them"));
        }
        let Some((scheme, rest)) = scheme else {
            return Err(wrong(&without_scheme(text)));
        };
        let tls = match &*scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("http, https and unix are spoken")),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Err(wrong(&format!("`//` is missing after `{scheme}:`")));
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = network::host_and_port(authority, if tls { 443 } else { 80 }).map_err(wrong)?;
        Ok(Self { place: Place::Network { tls, host, port }, prefix: network::prefix(path).map_err(wrong)? })
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
    if text.starts_with('/') && text.ends_with(".sock") {
        return format!("write {}", quoted(&format!("unix://{text}")));
    }
    match format!("http://{text}").parse::<TargetUrl>() {
        Ok(url) => format!("write `{url}`"),
        Err(e) => e.hint,
    }
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
    use super::{Scheme, TargetUrl};
    use proptest::prelude::{prop_assert_eq, proptest};
    use std::path::Path;

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
        check("https://api", Ok("https://api:443"));
        check("https://api:6060/x/", Ok("https://api:6060/x"));
        check("http://api:6060/team/a/", Ok("http://api:6060/team/a"));
        check("http://api:6060/debug/pprof", Ok("http://api:6060"));
        check("http://api:6060/team/debug/pprof/", Ok("http://api:6060/team"));
        check("http://[0:0:0::1]:6060", Ok("http://[::1]:6060"));
        check("http://a/%7Eb", Ok("http://a:80/%7Eb"));
        check("unix:///run/api.sock", Ok("unix:///run/api.sock"));
        check("unix:/run/api.sock", Ok("unix:///run/api.sock"));
        check("unix:///run/api.sock:/team/a/", Ok("unix:///run/api.sock:/team/a"));
        check("unix:///run/api.sock:/debug/pprof/", Ok("unix:///run/api.sock"));
        check("unix:///run/user@1.service/a:b.sock", Ok("unix:///run/user@1.service/a:b.sock"));
    }

    #[test]
    fn secrets_and_other_schemes_are_refused_by_name() {
        check("ftp://a", Err("http, https and unix are spoken"));
        let secret = Err("no user or password here: addresses end up in logs; `basic_auth` takes them");
        check("http://user:pw@a:6060", secret);
        check("https://user@a:6060", secret);
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
        check("/run/api.sock", Err("write `unix:///run/api.sock`"));
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
        check("unix://run/api.sock", Err("the path of a socket begins with `/`: `unix:///run/api.sock`"));
        check("unix:///run/a.sock:/?x", Err("no query or fragment here: linger asks its own questions"));
    }

    #[test]
    fn a_prefix_stands_before_the_path() {
        let url: TargetUrl = "http://a:1/team/a".parse().unwrap();
        assert_eq!(url.join("/debug/pprof/heap"), "http://a:1/team/a/debug/pprof/heap");
        assert_eq!((&*url.name(), url.scheme(), url.socket()), ("a:1/team/a", Scheme::Http, None));

        let url: TargetUrl = "unix:///run/a.sock:/team".parse().unwrap();
        assert_eq!(url.join("/debug/pprof/heap"), "http://localhost/team/debug/pprof/heap");
        assert_eq!((&*url.name(), url.host(), url.port()), ("/run/a.sock:/team", "", 0));
        assert_eq!((url.socket(), url.scheme()), (Some(Path::new("/run/a.sock")), Scheme::Unix));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "(https?|unix)://[a-z./:]{1,9}(:[1-9][0-9]{0,3})?(/[a-z/%.]{0,9})?") {
            if let Ok(url) = text.parse::<TargetUrl>() {
                prop_assert_eq!(url.to_string().parse::<TargetUrl>(), Ok(url));
            }
        }
    }
}
