//! Host, port and path of an address on a network.

use super::PPROF_PATH;
use std::net::Ipv6Addr;

/// Host and port of an authority.
pub(super) fn host_and_port(authority: &str, default_port: u16) -> Result<(String, u16), &'static str> {
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
        None if port.is_empty() => Ok((host, default_port)),
        Some(digits) if digits.chars().all(|c| c.is_ascii_digit()) => {
            digits.parse().ok().filter(|&port| port > 0).map(|port| (host, port)).ok_or(PORT)
        }
        _ => Err(PORT),
    }
}

/// The path before `/debug/pprof`.
pub(super) fn prefix(path: &str) -> Result<String, &'static str> {
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
