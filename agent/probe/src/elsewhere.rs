//! What platforms other than Linux answer: nothing, and why.

use crate::{Absent, Address, Check, Pid, Process, Refused};
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

/// No.
///
/// # Errors
///
/// Always [`Check::Platform`].
pub fn may_read_memory(_: Pid) -> Result<(), Refused> {
    Err(Refused { check: Check::Platform, capability_lost: false, no_new_privs: false })
}
