//! The process behind a target: looked for now and then, its CPU clock read in between.
//!
//! A process that was found is asked every [`RECHECK`] whether it still is the one (40 us); only one that is not
//! known is searched for through all of `/proc` (measured: 70 ms of CPU with 600 processes), and then at most a
//! thousandth of the time. It refuses to measure a process that may not be the one that answers.

use super::super::client::names;
use super::super::schedule::Tick;
use linger_probe::{Absent, Address, CpuClock, Finder, Process, Program};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a known process is asked whether it still is the one.
const RECHECK: Duration = Duration::from_secs(30);
/// After a search that found nothing the next comes after this many times its duration: a thousandth of a core.
const SEARCH_SPARING: u32 = 1_000;
/// Longest wait between two searches, and the wait where an address is another machine's.
const SEARCH_EVERY_MAX: Duration = Duration::from_secs(600);
/// Wait after a clock stopped: a service that restarts needs a moment to listen again.
const AFTER_END: Duration = Duration::from_secs(1);

/// A search to be run where blocking is allowed.
#[derive(Debug)]
pub struct Search {
    address: Address,
    known: Option<Process>,
    /// Where the address has a name: what it was last looked up as.
    looked_up: Option<Result<Vec<IpAddr>, String>>,
}

/// What a search found.
#[derive(Debug)]
pub struct Found {
    process: Result<Process, Absent>,
    clock: Option<CpuClock>,
    took: Duration,
}

impl Search {
    /// Looks the name up that it may need, by the client's own resolver, so that no slow name server holds a thread.
    pub async fn looked_up(mut self) -> Self {
        if let Address::Tcp { host, .. } = &self.address
            && !self.known.as_ref().is_some_and(|process| Finder::here().still_listens(process))
        {
            self.looked_up = Some(names::addresses(host).await);
        }
        self
    }

    /// Runs it: some milliseconds of reading `/proc`.
    #[must_use]
    pub fn run(self) -> Found {
        let began = Instant::now();
        let finder = Finder::here();
        let known = self.known.filter(|process| finder.still_listens(process));
        let process = match (known, &self.address, self.looked_up) {
            (Some(process), ..) => Ok(process),
            (None, Address::Tcp { .. }, Some(Err(why))) => Err(Absent::Unresolved(why)),
            (None, Address::Tcp { port, .. }, Some(Ok(addresses))) => find_first(&finder, &addresses, *port),
            (None, address, _) => finder.find(address),
        };
        let clock = process.as_ref().ok().and_then(|process| CpuClock::of(process.pid));
        Found { process, clock, took: began.elapsed() }
    }
}

/// Who listens on the first of these addresses that somebody listens on; if nobody does, why not, by the first that is
/// this machine's.
fn find_first(finder: &Finder, addresses: &[IpAddr], port: u16) -> Result<Process, Absent> {
    let mut absent = Absent::NotLocal;
    for ip in addresses {
        match finder.find(&Address::Tcp { host: ip.to_string(), port }) {
            Err(Absent::NotLocal) => {}
            Err(why) if absent == Absent::NotLocal => absent = why,
            Err(_) => {}
            found => return found,
        }
    }
    Err(absent)
}

/// The process as known so far.
#[derive(Debug)]
pub(super) struct Watched {
    address: Address,
    process: Option<Result<Process, Absent>>,
    clock: Option<CpuClock>,
    /// The program that answers says it is another one.
    answered_by_another: Option<bool>,
    next_search: Tick,
    /// Since when a search is under way.
    searching: Option<Tick>,
}

impl Watched {
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            process: None,
            clock: None,
            answered_by_another: None,
            next_search: Tick::ZERO,
            searching: None,
        }
    }

    pub(super) fn search_due(&mut self, now: Tick) -> Option<Search> {
        // One whose task was stopped never comes back.
        let under_way = self.searching.is_some_and(|since| now < since + SEARCH_EVERY_MAX);
        if under_way || now < self.next_search {
            return None;
        }
        self.searching = Some(now);
        Some(Search {
            address: self.address.clone(),
            known: self.process.clone().and_then(Result::ok),
            looked_up: None,
        })
    }

    /// Takes what a search found; returns whether it is another process than before.
    pub(super) fn searched(&mut self, found: Found, now: Tick) -> bool {
        let wait = match &found.process {
            Ok(_) => RECHECK,
            Err(Absent::NotLocal | Absent::Platform) => SEARCH_EVERY_MAX,
            Err(_) => (found.took * SEARCH_SPARING).clamp(RECHECK, SEARCH_EVERY_MAX),
        };
        self.searching = None;
        self.next_search = now + wait;
        let identity = |p: &Process| (p.pid, p.started);
        let known = self.process.as_ref().and_then(|p| p.as_ref().ok()).map(identity);
        let changed = known != found.process.as_ref().ok().map(identity);
        (self.process, self.clock) = (Some(found.process), found.clock);
        if changed {
            self.answered_by_another = None;
        }
        changed
    }

    /// Takes note of which program answers; returns whether that changed what may be measured.
    pub(super) fn answers(&mut self, program: &str) -> bool {
        let Some(exe) = self.process().ok().and_then(|p| p.exe.as_deref()) else { return false };
        let another = file_name(exe) != file_name(Path::new(program));
        self.answered_by_another.replace(another).unwrap_or(false) != another
    }

    /// CPU time of the process so far, where it may be measured.
    pub(super) fn cpu(&mut self, now: Tick) -> Option<Duration> {
        if self.unmeasured_because().is_some() {
            return None;
        }
        let read = self.clock.as_ref()?.read();
        if read.is_none() {
            self.clock = None;
            self.next_search = self.next_search.min(now + AFTER_END);
        }
        read
    }

    pub(super) fn process(&self) -> Result<&Process, Option<&Absent>> {
        self.process.as_ref().map_or(Err(None), |found| found.as_ref().map_err(Some))
    }

    /// Whether a profile said that the process found is the one that answers.
    pub(super) fn answers_itself(&self) -> bool {
        self.answered_by_another == Some(false)
    }

    pub(super) fn unmeasured_because(&self) -> Option<&'static str> {
        let process = self.process().ok()?;
        match process.program {
            Program::Go if process.others > 0 => Some("several processes take connections at its address"),
            Program::Go if self.answered_by_another == Some(true) => {
                Some("what listens at its address runs another program")
            }
            Program::Go => None,
            Program::Other => Some("what listens at its address is no Go program: a proxy, perhaps"),
            Program::Unknown => Some("the program that listens at its address cannot be told to be Go"),
        }
    }
}

/// The last part of a path, whose folders differ from one mount namespace to the other. The kernel adds
/// ` (deleted)` where the file was replaced; Go leaves it out (Go 1.26, `runtime/pprof/proto.go`, `parseProcSelfMaps`).
fn file_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(" (deleted)").unwrap_or(name))
}

#[cfg(test)]
mod tests;
