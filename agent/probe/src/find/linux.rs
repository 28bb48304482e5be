//! The search: addresses, listeners, holders, and which of them it is.

use super::holders::{Holder, Search};
use super::{Absent, Address, Process};
use crate::pid::Pid;
use crate::proc::{Proc, SMALL_FILE_BYTES_MAX, read_start};
use crate::program::Program;
use crate::sockets::{Listener, tcp_listeners, unix_listeners};
use crate::stat::{Stat, age};
use crate::status::Status;
use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;

/// Searches one `/proc`.
#[derive(Clone, Debug)]
pub struct Finder {
    proc: Proc,
    is_ours: fn(IpAddr) -> bool,
}

impl Finder {
    /// For this machine.
    #[must_use]
    pub fn here() -> Self {
        Self { proc: Proc::here(), is_ours: is_bindable }
    }

    /// For a recorded tree, of a machine with the addresses that `is_ours` accepts.
    #[cfg(test)]
    fn of(proc: Proc, is_ours: fn(IpAddr) -> bool) -> Self {
        Self { proc, is_ours }
    }

    /// The process that listens at `address`. It blocks for some milliseconds on `/proc`, about 5 µs for each open file of
    /// its user's processes. No name is looked up here, since that may block for as long as a name server likes:
    /// `localhost` is known, every other one is [`Absent::Unresolved`].
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn find(&self, address: &Address) -> Result<Process, Absent> {
        let listeners = self.listeners(address)?;
        let opened_by = listeners.first().and_then(|l| l.uid);
        let inodes: Vec<u64> = listeners.iter().map(|l| l.inode).collect();
        let search = Search::run(&self.proc, &inodes, opened_by);
        let others = search.holders.len().saturating_sub(1);
        let found = search.holders.iter().filter_map(|holder| self.describe(holder, others));
        // Of two that are alike in all this the lower PID is no worse.
        found.min_by_key(|p| (Reverse(p.program == Program::Go), p.started, p.pid)).ok_or_else(|| {
            if search.closed > 0 {
                let ours = self.own_uid();
                Absent::Closed { processes: search.closed, ours, theirs: opened_by }
            } else if search.cut_short {
                Absent::TooMany
            } else {
                Absent::NotVisible { uid: opened_by }
            }
        })
    }

    /// Whether `process` still is the one that was found, and still holds its socket: two small reads.
    #[must_use]
    pub fn still_listens(&self, process: &Process) -> bool {
        let (fd, inode) = process.socket;
        Stat::read(&self.proc, process.pid).is_some_and(|stat| stat.started == process.started)
            && Search::is_socket(&self.proc.of(process.pid, &format!("fd/{fd}")), &[inode]).is_some()
    }

    fn listeners(&self, address: &Address) -> Result<Vec<Listener>, Absent> {
        let no_table = |e: std::io::Error| Absent::NoTable(e.to_string());
        let listeners = match address {
            Address::Tcp { host, port } => {
                let mut first = Vec::new();
                for to in self.own_addresses(host, *port)? {
                    first = tcp_listeners(&self.proc, to).map_err(no_table)?;
                    if !first.is_empty() {
                        break;
                    }
                }
                first
            }
            Address::Unix(path) => self.unix(path).map_err(no_table)?,
        };
        if listeners.is_empty() { Err(Absent::NoListener) } else { Ok(listeners) }
    }

    /// Under the path as given, else as it is without links: a service binds `/run/…`, a user writes `/var/run/…`.
    fn unix(&self, path: &Path) -> std::io::Result<Vec<Listener>> {
        let found = unix_listeners(&self.proc, path)?;
        match path.canonicalize() {
            Ok(real) if found.is_empty() && real != path => unix_listeners(&self.proc, &real),
            _ => Ok(found),
        }
    }

    fn own_addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Absent> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let addresses: Vec<IpAddr> = match bare.parse() {
            Ok(ip) => vec![ip],
            Err(_) if bare.eq_ignore_ascii_case("localhost") => {
                vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            }
            Err(_) => return Err(Absent::Unresolved(format!("{bare} is a name"))),
        };
        let ours = addresses.into_iter().filter(|ip| (self.is_ours)(ip.to_canonical()));
        let ours: Vec<SocketAddr> = ours.map(|ip| SocketAddr::new(ip, port)).collect();
        if ours.is_empty() { Err(Absent::NotLocal) } else { Ok(ours) }
    }

    fn describe(&self, holder: &Holder, others: usize) -> Option<Process> {
        let started = Stat::read(&self.proc, holder.pid)?.started;
        Some(Process {
            pid: holder.pid,
            started,
            age: age(&self.proc, started),
            uid: holder.uid,
            program: Program::of(&self.proc, holder.pid),
            exe: std::fs::read_link(self.proc.of(holder.pid, "exe")).ok(),
            others,
            socket: (holder.fd, holder.inode),
        })
    }

    fn own_uid(&self) -> u32 {
        let status = read_start(&self.proc.of(Pid::own(), "status"), SMALL_FILE_BYTES_MAX);
        status.ok().and_then(|text| Status::parse(&text)).map_or(0, |status| status.uid.effective)
    }
}

/// Whether an address is one of this network namespace's own: only such may be bound. Nothing is sent. Where
/// `ip_nonlocal_bind` is set any may, and only loopback is known to be ours.
fn is_bindable(ip: IpAddr) -> bool {
    let any_may = |family: &str| {
        std::fs::read_to_string(format!("/proc/sys/net/{family}/ip_nonlocal_bind"))
            .is_ok_and(|text| text.trim() == "1")
    };
    ip.is_loopback()
        || (UdpSocket::bind((ip, 0)).is_ok() && !any_may(if ip.is_ipv4() { "ipv4" } else { "ipv6" }))
}

#[cfg(test)]
mod tests;
