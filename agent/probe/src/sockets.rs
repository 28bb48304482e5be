//! Listening sockets as `/proc/net/{tcp,tcp6,unix}` list them: those of our network namespace only.
//!
//! The kernel lists all TCP listeners before the first connection (Linux 6.18, `net/ipv4/tcp_ipv4.c`,
//! `tcp_get_idx`), so reading stops there: a machine with 100,000 connections costs no more than a quiet one.

use crate::proc::Proc;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Most bytes read of one table: about 100,000 listeners, or the unix sockets of a very busy machine.
const TABLE_BYTES_MAX: u64 = 16 << 20;
/// State of a listening TCP socket (`include/net/tcp_states.h`, `TCP_LISTEN`).
const LISTEN: &str = "0A";
/// Flag of a listening unix socket (`include/uapi/linux/net.h`, `__SO_ACCEPTCON`).
const ACCEPTS: u32 = 1 << 16;

/// One listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) inode: u64,
    /// Who opened it; not said of unix sockets.
    pub(crate) uid: Option<u32>,
}

/// The sockets that a connection to `to` reaches: of those bound most closely, all (SO_REUSEPORT).
///
/// # Errors
///
/// Neither table can be read.
pub(crate) fn tcp_listeners(proc: &Proc, to: SocketAddr) -> io::Result<Vec<Listener>> {
    let mut bound = Vec::new();
    let tables = [proc.path("net/tcp"), proc.path("net/tcp6")].map(|path| {
        each_line(&path, |line| {
            let Some(row) = Row::parse(line) else { return true };
            if row.listens && row.address.port() == to.port() {
                bound.push((row.address.ip(), row.listener));
            }
            row.listens
        })
    });
    let [v4, v6] = tables;
    // A kernel without IPv6 has no tcp6.
    v4.or(v6)?;
    let closest = bound.iter().filter_map(|(ip, _)| closeness(*ip, to.ip())).max();
    Ok(bound
        .into_iter()
        .filter(|(ip, _)| closest.is_some() && closeness(*ip, to.ip()) == closest)
        .map(|(_, l)| l)
        .collect())
}

/// How closely a socket bound to `bound` fits a connection to `to`; `None` when it does not.
fn closeness(bound: IpAddr, to: IpAddr) -> Option<u8> {
    match (bound.to_canonical(), to.to_canonical()) {
        (bound, to) if bound == to => Some(2),
        (IpAddr::V4(bound), IpAddr::V4(_)) if bound.is_unspecified() => Some(1),
        (IpAddr::V6(bound), IpAddr::V6(_)) if bound.is_unspecified() => Some(1),
        // Bound to :: it takes IPv4 too, unless it asked not to: then 0.0.0.0 would stand beside it.
        (IpAddr::V6(bound), IpAddr::V4(_)) if bound.is_unspecified() => Some(0),
        _ => None,
    }
}

/// Stream sockets that listen at a path.
///
/// # Errors
///
/// The table cannot be read.
pub(crate) fn unix_listeners(proc: &Proc, at: &Path) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    each_line(&proc.path("net/unix"), |line| {
        if let Some((inode, path)) = unix_row(line)
            && Path::new(path) == at
        {
            found.push(Listener { inode, uid: None });
        }
        true
    })?;
    Ok(found)
}

/// Inode and path of a listening stream socket: `Num RefCount Protocol Flags Type St Inode Path`, the path with
/// whatever blanks it has (`net/unix/af_unix.c`, `unix_seq_show`).
fn unix_row(line: &str) -> Option<(u64, &str)> {
    let mut rest = line;
    let mut word = || {
        rest = rest.trim_start_matches(' ');
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (_number, _references, _protocol) = (word()?, word()?, word()?);
    let (flags, kind, _state, inode) = (word()?, word()?, word()?, word()?);
    let listens = u32::from_str_radix(flags, 16).ok()? & ACCEPTS != 0;
    (listens && kind == "0001").then_some((inode.parse().ok()?, rest))
}

/// A row of a TCP table.
struct Row {
    address: SocketAddr,
    listens: bool,
    listener: Listener,
}

impl Row {
    /// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; none for the heading.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let local = words.nth(1)?;
        let state = words.nth(1)?;
        let uid = words.nth(3)?.parse().ok()?;
        let inode = words.nth(1)?.parse().ok()?;
        let (ip, port) = local.split_once(':')?;
        let address = SocketAddr::new(ip_of(ip)?, u16::from_str_radix(port, 16).ok()?);
        Some(Self { address, listens: state == LISTEN, listener: Listener { inode, uid: Some(uid) } })
    }
}

/// The kernel prints each 32 bits of the address as the number they are in this machine's byte order.
fn ip_of(hex: &str) -> Option<IpAddr> {
    let part = |i: usize| {
        hex.get(i * 8..i * 8 + 8).and_then(|word| u32::from_str_radix(word, 16).ok()).map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(part(0)?))),
        32 => {
            let mut octets = [0; 16];
            for (to, from) in octets.chunks_exact_mut(4).zip([part(0)?, part(1)?, part(2)?, part(3)?]) {
                to.copy_from_slice(&from);
            }
            Some(IpAddr::V6(Ipv6Addr::from(octets)))
        }
        _ => None,
    }
}

/// Calls `line` with each line of a table until it returns false or the limit is reached.
fn each_line(path: &Path, mut line: impl FnMut(&str) -> bool) -> io::Result<()> {
    let mut table = BufReader::new(File::open(path)?.take(TABLE_BYTES_MAX));
    let mut bytes = Vec::new();
    while table.read_until(b'\n', &mut bytes)? > 0 {
        if !line(String::from_utf8_lossy(&bytes).trim_end_matches('\n')) {
            break;
        }
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Row, closeness, unix_row};
    use std::net::{IpAddr, SocketAddr};

    #[track_caller]
    fn row(line: &str, expected: Option<(&str, bool, u64, u32)>) {
        let row = Row::parse(line).map(|r| (r.address, r.listens, r.listener.inode, r.listener.uid));
        let expected = expected.map(|(at, listens, inode, uid)| {
            (at.parse::<SocketAddr>().expect("an address"), listens, inode, Some(uid))
        });
        assert_eq!(row, expected);
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn rows_of_both_families_are_read() {
        row(
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 54321 1 0000000000000000 100 0 0 10 0",
            Some(("127.0.0.1:8080", true, 54_321, 1000)),
        );
        row(
            "   1: 0000000000000000FFFF00000100007F:17AC 0000000000000000FFFF00000100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000 20 4 30 10 -1",
            Some(("[::ffff:127.0.0.1]:6060", false, 7, 0)),
        );
        row(
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            None,
        );
        row("   0: 0100007F:1F90 00000000:0000 0A", None);
    }

    #[test]
    fn the_closest_socket_takes_the_connection() {
        #[track_caller]
        fn check(bound: &str, to: &str, expected: Option<u8>) {
            let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
            assert_eq!(closeness(ip(bound), ip(to)), expected);
        }
        check("127.0.0.1", "127.0.0.1", Some(2));
        check("::ffff:127.0.0.1", "127.0.0.1", Some(2));
        check("127.0.0.1", "::ffff:127.0.0.1", Some(2));
        check("0.0.0.0", "127.0.0.1", Some(1));
        check("::", "127.0.0.1", Some(0));
        check("::", "::1", Some(1));
        check("0.0.0.0", "::1", None);
        check("127.0.0.2", "127.0.0.1", None);
    }

    #[test]
    fn unix_rows_keep_the_blanks_of_a_path() {
        let listening = "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/my api.sock";
        assert_eq!(unix_row(listening), Some((12_345, "/run/my api.sock")));
        let connected = "0000000000000000: 00000003 00000000 00000000 0001 03   999 /run/my api.sock";
        assert_eq!(unix_row(connected), None);
        assert_eq!(unix_row("Num       RefCount Protocol Flags    Type St Inode Path"), None);
    }
}
