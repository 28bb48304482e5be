//! `defers`: a census in the memory of the target's process, where it is on this machine and may be read.
//!
//! The service is not asked and not stopped. What the agent spends on it makes it rarer (`schedule/rest.rs`). It runs where
//! blocking is allowed, and refuses by name what it cannot count: a process not seen, not permitted, or not of a Go that
//! is known.

use super::lane::Scraper;
use super::outcome::{Failure, State};
use linger_config::CollectorKind;
use linger_gobin::census::{Report, Site, SiteNumber, Stop};
use linger_probe::{DeferCensus, NoCensus, Pid, Process, ProcessId, Program, StartTime};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Semaphore;

/// One census at a time for all targets: who asks the agent something needs its blocking threads too, and looking at a
/// program takes memory.
pub(super) static AT_ONCE: Semaphore = Semaphore::const_new(1);

/// A census, and what it took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What was counted.
    pub report: Report,
    /// What of it is pending in goroutines that will never run on, by statement.
    pub stranded: Vec<(Site, u64)>,
    /// Open files of the process, where they may be counted.
    pub open_files: Option<u64>,
    /// What the process's monotonic clock showed at its start, in nanoseconds, where that is ours too.
    pub clock_ns: Option<u64>,
    /// The process, with the program it runs.
    pub process: ProcessId,
    /// CPU time it took the agent.
    pub cpu: Duration,
    /// From its beginning to its end.
    pub took: Duration,
    /// When the next one is due.
    pub due_within: Duration,
}

/// The process attached to last, with what was learned of its program.
#[derive(Debug, Default)]
pub struct Attached(Option<(Process, DeferCensus)>);

impl Attached {
    /// Takes it out if it still is that process.
    fn take(&mut self, process: &Process) -> Option<DeferCensus> {
        let same = |known: &Process| (known.pid, known.started) == (process.pid, process.started);
        self.0.take().filter(|(known, _)| same(known)).map(|(_, census)| census)
    }
}

impl Scraper {
    /// Counts what is pending now; and the CPU time it took the agent, also where it came to nothing.
    pub(super) async fn census(&self) -> (Result<Taken, Failure>, Option<Duration>) {
        let process = match self.local_process().await {
            Ok(process) => process,
            Err(failure) => return (Err(failure), None),
        };
        let within = self.target.collectors.get(CollectorKind::Defers).timeout.get();
        let attached = self.attached.borrow_mut().take(&process);
        let (pid, started) = (process.pid, process.started);
        // Never closed.
        let permit = AT_ONCE.acquire().await.ok();
        let counted = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let began = linger_probe::thread_cpu();
            let counted = count(attached, pid, started, within);
            (counted, linger_probe::thread_cpu().saturating_sub(began))
        });
        let Ok((counted, cpu)) = counted.await else {
            return (Err(Failure::new(State::Internal, "counting died; see the log")), None);
        };
        let (census, Counted { taken, stranded, open_files }) = match counted {
            Ok(counted) => counted,
            Err(no) => return (Err(named(&no)), Some(cpu)),
        };
        let id = census.process();
        self.attached.borrow_mut().0 = Some((process, census));
        let due_within = self.schedule.borrow().every_after(CollectorKind::Defers, cpu);
        let taken = Taken {
            report: taken.report,
            stranded,
            open_files,
            clock_ns: taken.clock_ns,
            process: id,
            cpu,
            took: taken.cost.wall,
            due_within,
        };
        (Ok(taken), Some(cpu))
    }

    /// The process behind the target, if it is surely the one that answers.
    pub(super) async fn local_process(&self) -> Result<Process, Failure> {
        if matches!(self.meter.borrow().process(), Err(None)) {
            self.find_process().await;
        }
        let meter = self.meter.borrow();
        let process = meter.process().map_err(|absent| {
            let why = absent.map_or_else(|| "it is looked for just now".to_owned(), ToString::to_string);
            Failure::new(State::ProcessUnknown, why)
        })?;
        match meter.unmeasured_because() {
            // Whoever reads it knows better than its section names.
            Some(why) if process.program != Program::Unknown => Err(Failure::new(State::ProcessUnknown, why)),
            _ => Ok(process.clone()),
        }
    }
}

/// Attaches where that was not done before, and counts.
fn count(
    attached: Option<DeferCensus>,
    pid: Pid,
    started: StartTime,
    within: Duration,
) -> Result<(DeferCensus, Counted), NoCensus> {
    let is_new = attached.is_none();
    let mut census = match attached {
        Some(census) => census,
        None => DeferCensus::attach(pid, started)?,
    };
    let mut stranded: HashMap<SiteNumber, u64> = HashMap::new();
    let taken = census.take(within, |goroutine, pending| {
        if goroutine.never_runs_on() {
            for (site, n) in pending {
                *stranded.entry(*site).or_default() += n;
            }
        }
    })?;
    if is_new {
        // Looking at a program for the first time takes some MiB that are not needed again.
        linger_probe::trim();
    }
    let stranded = stranded.into_iter().filter_map(|(n, pending)| Some((census.site(n)?.clone(), pending)));
    let stranded = stranded.collect();
    Ok((census, Counted { taken, stranded, open_files: linger_probe::open_files(pid) }))
}

/// What one look brought.
struct Counted {
    taken: linger_probe::Taken,
    stranded: Vec<(Site, u64)>,
    open_files: Option<u64>,
}

fn named(no: &NoCensus) -> Failure {
    let state = match no {
        NoCensus::Platform | NoCensus::Program(_) | NoCensus::OtherProgram => State::ProgramUnknown,
        NoCensus::Memory(refused) if refused.check == linger_probe::Check::Gone => State::ProcessGone,
        NoCensus::Stopped(Stop::Gone | Stop::Replaced) => State::ProcessGone,
        NoCensus::Stopped(Stop::OutOfTime) => State::TimedOut,
        _ => State::NotPermitted,
    };
    Failure::new(state, no.to_string())
}
