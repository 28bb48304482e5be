//! What platforms other than Linux answer: nothing, and why.

use crate::{Absent, Address, Check, NoCensus, Pid, Process, ProcessId, Refused, StartTime, Taken};
use linger_gobin::census::{DeferCall, Limits, Program, Site, SiteNumber, Stop, Walked};
use std::time::Duration;

/// Finds nothing.
#[derive(Clone, Debug)]
pub struct Finder;

impl Finder {
    /// For this machine.
    #[must_use]
    pub fn here() -> Self {
        Self
    }

    /// Nothing.
    ///
    /// # Errors
    ///
    /// Always [`Absent::Platform`].
    pub fn find(&self, _: &Address) -> Result<Process, Absent> {
        Err(Absent::Platform)
    }

    /// Never.
    #[must_use]
    pub fn still_listens(&self, _: &Process) -> bool {
        false
    }
}

impl StartTime {
    /// Not told.
    #[must_use]
    pub fn of(_: Pid) -> Option<Self> {
        None
    }
}

/// There is none.
#[derive(Clone, Debug)]
pub enum CpuClock {}

impl CpuClock {
    /// None.
    #[must_use]
    pub fn of(_: Pid) -> Option<Self> {
        None
    }

    /// Never called: there is none.
    #[must_use]
    pub fn read(&self) -> Option<Duration> {
        match *self {}
    }

    /// Never called: there is none.
    #[must_use]
    pub fn resolution(&self) -> Duration {
        match *self {}
    }
}

/// There is none.
#[derive(Debug)]
pub enum DeferCensus {}

impl DeferCensus {
    /// None.
    ///
    /// # Errors
    ///
    /// Always [`NoCensus::Platform`].
    pub fn attach(_: Pid, _: StartTime) -> Result<Self, NoCensus> {
        Err(NoCensus::Platform)
    }

    /// Never called: there is none.
    #[must_use]
    pub fn pid(&self) -> Pid {
        match *self {}
    }

    /// Never called: there is none.
    #[must_use]
    pub fn process(&self) -> ProcessId {
        match *self {}
    }

    /// Never called: there is none.
    #[must_use]
    pub fn program(&self) -> &Program {
        match *self {}
    }

    /// Never called: there is none.
    #[must_use]
    pub fn site(&self, _: SiteNumber) -> Option<&Site> {
        match *self {}
    }

    /// Never called: there is none.
    ///
    /// # Errors
    ///
    /// None.
    pub fn take(
        &mut self,
        _: Duration,
        _: impl FnMut(&Walked, &[(SiteNumber, u64)]),
    ) -> Result<Taken, NoCensus> {
        match *self {}
    }

    /// Never called: there is none.
    ///
    /// # Errors
    ///
    /// None.
    pub fn take_with(
        &mut self,
        _: &Limits,
        _: Duration,
        _: impl FnMut(&Walked, &[(SiteNumber, u64)]),
    ) -> Result<Taken, NoCensus> {
        match *self {}
    }
}

/// There is none.
#[derive(Debug)]
pub enum ProgramCalls {}

impl ProgramCalls {
    /// None.
    ///
    /// # Errors
    ///
    /// Always [`NoCensus::Platform`].
    pub fn open(_: Pid, _: StartTime) -> Result<Self, NoCensus> {
        Err(NoCensus::Platform)
    }

    /// Never called: there is none.
    #[must_use]
    pub fn is_run(&self) -> bool {
        match *self {}
    }

    /// Never called: there is none.
    ///
    /// # Errors
    ///
    /// None.
    pub fn before(&mut self, _: u64) -> Result<Option<DeferCall>, Stop> {
        match *self {}
    }

    /// Never called: there is none.
    ///
    /// # Errors
    ///
    /// None.
    pub fn start_line(&mut self, _: u64) -> Result<Option<u32>, Stop> {
        match *self {}
    }

    /// Never called: there is none.
    pub fn let_go(&mut self) {
        match *self {}
    }
}

/// No.
///
/// # Errors
///
/// Always [`Check::Platform`].
pub fn may_read_memory(_: Pid) -> Result<(), Refused> {
    Err(Refused { check: Check::Platform, capability_lost: false, no_new_privs: false })
}

/// Not told.
#[must_use]
pub fn open_files(_: Pid) -> Option<u64> {
    None
}

/// Not told.
#[must_use]
pub fn thread_cpu() -> Duration {
    Duration::ZERO
}
