//! /etc/resolv.conf: resolv.conf(5) of the man-pages project, with the defaults and limits of glibc.

use super::super::small_file;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// Largest file read; Kubernetes writes some hundred bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Most name servers asked: glibc's MAXNS.
const SERVERS_MAX: usize = 3;
/// Most suffixes tried; Kubernetes sends up to 32.
const SUFFIXES_MAX: usize = 32;
/// glibc's RES_MAXNDOTS.
const NDOTS_MAX: usize = 15;
/// Where a name server listens.
const PORT: u16 = 53;
/// Longest wait for one answer: glibc waits 5 s, but a scrape's whole connection must come up in that time.
const TRY_TIME_MAX: Duration = Duration::from_secs(2);

/// Whom to ask, and under which names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// In the order in which they are asked.
    pub(super) servers: Vec<SocketAddr>,
    /// Suffixes tried, without dots around them.
    pub(super) search: Vec<String>,
    /// A name with so many dots is tried as it is before the suffixes.
    pub(super) ndots: usize,
    /// For one answer.
    pub(super) try_time: Duration,
    /// Rounds through the servers.
    pub(super) rounds: usize,
}

impl Settings {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let bytes = small_file::read(path, FILE_BYTES_MAX)?;
        let settings = Self::of(&String::from_utf8_lossy(&bytes));
        if settings.servers.is_empty() { Err(format!("{} names none", path.display())) } else { Ok(settings) }
    }

    fn of(text: &str) -> Self {
        let mut settings =
            Self { servers: Vec::new(), search: Vec::new(), ndots: 1, try_time: TRY_TIME_MAX, rounds: 2 };
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if settings.servers.len() < SERVERS_MAX => {
                    // A zone after `%` belongs to link-local addresses, which no sidecar is given.
                    let ip = words.next().and_then(|w| w.parse::<IpAddr>().ok());
                    settings.servers.extend(ip.map(|ip| SocketAddr::new(ip, PORT)));
                }
                Some("search" | "domain") => {
                    let suffix = |w: &str| w.trim_matches('.').to_owned();
                    settings.search =
                        words.map(suffix).filter(|s| !s.is_empty()).take(SUFFIXES_MAX).collect();
                }
                Some("options") => words.for_each(|option| settings.set(option)),
                _ => {}
            }
        }
        settings
    }

    fn set(&mut self, option: &str) {
        let Some((name, number)) = option.split_once(':') else { return };
        let Ok(number) = number.parse::<u8>() else { return };
        match name {
            "ndots" => self.ndots = usize::from(number).min(NDOTS_MAX),
            "timeout" => {
                self.try_time = Duration::from_secs(u64::from(number.max(1))).min(TRY_TIME_MAX);
            }
            "attempts" => self.rounds = usize::from(number.clamp(1, 5)),
            _ => {}
        }
    }

    /// The full names to ask for, in order: resolv.conf(5), `ndots` and `search`.
    pub(super) fn candidates(&self, host: &str) -> Vec<String> {
        if let Some(full) = host.strip_suffix('.') {
            return vec![full.to_owned()];
        }
        let mut names: Vec<String> = self.search.iter().map(|suffix| format!("{host}.{suffix}")).collect();
        let dots = host.bytes().filter(|b| *b == b'.').count();
        let place = if dots >= self.ndots { 0 } else { names.len() };
        names.insert(place, host.to_owned());
        names
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use std::time::Duration;

    #[test]
    fn a_pods_file_is_understood() {
        let settings = Settings::of(
            "search default.svc.cluster.local svc.cluster.local. cluster.local\n# c\nnameserver 10.96.0.10\nnameserver \
             fd00::a\noptions ndots:5 edns0 timeout:1 attempts:3\n",
        );
        assert_eq!(settings.servers, ["10.96.0.10:53".parse().unwrap(), "[fd00::a]:53".parse().unwrap()]);
        assert_eq!((settings.ndots, settings.rounds, settings.try_time), (5, 3, Duration::from_secs(1)));
        let names = ["api.default.svc.cluster.local", "api.svc.cluster.local", "api.cluster.local", "api"];
        assert_eq!(settings.candidates("api"), names);
        assert_eq!(settings.candidates("a.b.c.d.e.f").first().map(String::as_str), Some("a.b.c.d.e.f"));
        assert_eq!(settings.candidates("api."), ["api"]);
    }

    #[test]
    fn nonsense_leaves_the_defaults() {
        let settings =
            Settings::of("nameserver\nnameserver x\noptions ndots:x ndots:999\noptions timeout:0\n");
        assert!(settings.servers.is_empty() && settings.ndots == 1);
        assert_eq!(settings.try_time, Duration::from_secs(1));
    }
}
