//! From a host's name to its addresses, without the system's resolver: that one loads libraries at run time, which a
//! static binary in an empty folder tree has not, and it blocks a thread for each question.
//!
//! An address and `localhost` need no file. Other names are looked up in /etc/hosts, then asked of the name servers in
//! /etc/resolv.conf, as musl does: search list and `ndots`, UDP, TCP where an answer is cut. IPv6 is asked for where
//! there is no IPv4. No other source of names (LDAP, mDNS) is known here, and nothing is remembered: a connection is
//! kept, so a name is asked for seldom, and then its present address is wanted.

mod message;
mod query;
mod settings;

use super::small_file;
use settings::Settings;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

/// Longest look-up: several servers may be tried in it.
const LOOK_UP_TIME_MAX: Duration = Duration::from_secs(5);
/// Largest /etc/hosts read: some hold lists of blocked names.
const HOSTS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most addresses of one name tried.
const ADDRESSES_MAX: usize = 8;

/// The addresses of `host`, at least one, or why there are none.
pub(super) async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse() {
        return Ok(vec![ip]);
    }
    if is_localhost(host) {
        return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    }
    let hosts = small_file::read(Path::new("/etc/hosts"), HOSTS_BYTES_MAX).unwrap_or_default();
    let listed = in_hosts(&String::from_utf8_lossy(&hosts), host);
    if !listed.is_empty() {
        return Ok(listed);
    }
    let settings = Settings::read(Path::new("/etc/resolv.conf"))
        .map_err(|why| format!("{host} is not in /etc/hosts, and there is no name server: {why}"))?;
    match tokio::time::timeout(LOOK_UP_TIME_MAX, query::look_up(&settings, host)).await {
        Ok(found) => found,
        Err(_) => Err(format!("no name server told {host} within {} s", LOOK_UP_TIME_MAX.as_secs())),
    }
}

/// Loopback by definition: RFC 6761, 6.3.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// The addresses beside `host` in the text of a hosts(5) file, IPv4 first.
fn in_hosts(text: &str, host: &str) -> Vec<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let of_line = |line: &str| -> Option<IpAddr> {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let ip = words.next()?.parse().ok()?;
        words.any(|name| name.eq_ignore_ascii_case(host)).then_some(ip)
    };
    let mut found: Vec<IpAddr> = text.lines().filter_map(of_line).take(ADDRESSES_MAX).collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::{addresses, in_hosts};

    #[track_caller]
    fn check(host: &str, expected: &[&str]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found: Vec<String> =
            runtime.block_on(addresses(host)).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{host}");
    }

    #[test]
    fn addresses_and_localhost_need_no_file() {
        check("127.0.0.1", &["127.0.0.1"]);
        check("[::1]", &["::1"]);
        check("localhost", &["127.0.0.1", "::1"]);
        check("LOCALHOST.", &["127.0.0.1", "::1"]);
        check("api.localhost", &["127.0.0.1", "::1"]);
    }

    #[test]
    fn hosts_are_found_by_any_of_their_names() {
        let text = "127.0.0.1 localhost\n# 10.9.9.9 api\n::2 api.test api\n10.1.2.3\tapi.test  Api # api2\nnonsense api\n";
        let found = |host| in_hosts(text, host).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("api"), ["10.1.2.3", "::2"]);
        assert_eq!(found("API.test."), ["10.1.2.3", "::2"]);
        assert!(found("api2").is_empty() && found("nonsense").is_empty());
    }
}
