//! From a host's name to its addresses, without the system's resolver: that one loads libraries at run time, which a
//! static binary in an empty folder tree has not, and it blocks a thread for each question.
//!
//! `localhost` needs no file. Other names are looked up in /etc/hosts, then asked of the name servers in
//! /etc/resolv.conf, by hickory. Both files are read for each look-up and nothing is remembered: a connection is kept,
//! so a name is asked for seldom, and then its present address is wanted. No other source of names (LDAP, mDNS) is
//! known here.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Longest look-up: several servers and a search list may be tried in it. It ends before the time to connect does, so
/// that it is named.
const LOOK_UP_TIME_MAX: Duration = Duration::from_secs(3);
/// Longest wait for one name server before the question is put again: a packet may be lost.
const SERVER_TIME_MAX: Duration = Duration::from_secs(1);

/// The names of one target.
pub(super) struct Names {
    /// Where the URL has the name of the certificate instead: whose addresses are meant.
    meant: Option<String>,
}

impl Names {
    /// The addresses of `meant`, or of whatever host a URL has.
    pub(super) fn new(meant: Option<String>) -> Self {
        Self { meant }
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.meant.clone().unwrap_or_else(|| name.as_str().to_owned());
        Box::pin(async move {
            let found = addresses(&host).await?;
            // Port 0: that of the URL.
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

/// The addresses of `host`, at least one, or why there are none.
pub(in crate::scrape) async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse() {
        return Ok(vec![ip]);
    }
    if is_localhost(host) {
        return Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    }
    match tokio::time::timeout(LOOK_UP_TIME_MAX, look_up(host)).await {
        Ok(found) => found,
        Err(_) => Err(format!("no name server told {host} within {} s", LOOK_UP_TIME_MAX.as_secs())),
    }
}

/// Loopback by definition: RFC 6761, 6.3.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

async fn look_up(host: &str) -> Result<Vec<IpAddr>, String> {
    let (mut builder, no_server) = match TokioResolver::builder_tokio() {
        Ok(builder) => (builder, None),
        // Without a name server /etc/hosts may still know the name.
        Err(why) => {
            let nobody = ResolverConfig::default();
            (TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default()), Some(why))
        }
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = options.timeout.min(SERVER_TIME_MAX);
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let looked_up = match builder.build() {
        Ok(resolver) => resolver.lookup_ip(host).await,
        Err(why) => Err(why),
    };
    let found: Vec<IpAddr> = looked_up.map_err(|why| unknown(host, &why, no_server))?.iter().collect();
    if found.is_empty() { Err(format!("{host} has no address")) } else { Ok(found) }
}

fn unknown(host: &str, why: &NetError, no_server: Option<NetError>) -> String {
    match no_server {
        Some(reason) => {
            format!("{host} is not in /etc/hosts, and there is no name server: /etc/resolv.conf: {reason}")
        }
        None if why.is_nx_domain() => format!("no name server knows {host}"),
        None if why.is_no_records_found() => format!("{host} has no address"),
        None => format!("{host}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::addresses;

    fn looked_up(host: &str) -> Result<Vec<String>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(addresses(host))?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[track_caller]
    fn check(host: &str, expected: &[&str]) {
        assert_eq!(looked_up(host).unwrap(), expected, "{host}");
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
    fn a_name_nobody_knows_is_said_to_be_unknown() {
        // Such a name is never asked of a server: RFC 6761, 6.4.
        let why = looked_up("no-such-host.invalid").unwrap_err();
        assert!(why.contains("no-such-host.invalid"), "{why}");
    }
}
