//! What happened to the agent that no status holds: counted by whoever saw it, told in the exposition.

use super::format::Format;
use linger_series::TimeMs;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The counts since the agent started. All methods may be called from anywhere.
#[derive(Debug)]
pub struct Vitals {
    reload: Mutex<Reload>,
    restarts: Mutex<BTreeMap<(String, String), u64>>,
    openmetrics: AtomicU64,
    text: AtomicU64,
    refused: AtomicU64,
    credentials_unreadable: AtomicBool,
}

/// The last time the configuration was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reload {
    /// Whether it is in force.
    pub(super) ok: bool,
    /// When one last came into force.
    pub(super) ok_at: TimeMs,
}

impl Vitals {
    /// Nothing happened yet but that the configuration was read.
    #[must_use]
    pub fn new(started: TimeMs) -> Self {
        Self {
            reload: Mutex::new(Reload { ok: true, ok_at: started }),
            restarts: Mutex::default(),
            openmetrics: AtomicU64::new(0),
            text: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            credentials_unreadable: AtomicBool::new(false),
        }
    }

    /// The configuration was read again, and is in force or was refused.
    pub fn reloaded(&self, ok: bool, at: TimeMs) {
        let mut reload = self.reload.lock().unwrap_or_else(PoisonError::into_inner);
        reload.ok = ok;
        if ok {
            reload.ok_at = at;
        }
    }

    /// A stuck collector of a target was started anew.
    pub fn restarted(&self, target: &str, collector: &str) {
        let mut restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        *restarts.entry((target.to_owned(), collector.to_owned())).or_default() += 1;
    }

    /// Somebody asked without the right credentials; how many that makes.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether the file of the API's credentials can be used.
    pub(crate) fn credentials_readable(&self, readable: bool) {
        self.credentials_unreadable.store(!readable, Ordering::Relaxed);
    }

    pub(super) fn exposed(&self, format: Format) {
        self.of(format).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn expositions(&self, format: Format) -> u64 {
        self.of(format).load(Ordering::Relaxed)
    }

    pub(super) fn refusals(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn are_credentials_readable(&self) -> bool {
        !self.credentials_unreadable.load(Ordering::Relaxed)
    }

    pub(super) fn last_reload(&self) -> Reload {
        *self.reload.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn restarts(&self) -> BTreeMap<(String, String), u64> {
        self.restarts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, format: Format) -> &AtomicU64 {
        match format {
            Format::OpenMetrics => &self.openmetrics,
            Format::Text => &self.text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reload, Vitals};
    use linger_series::TimeMs;

    #[test]
    fn a_refused_configuration_keeps_the_time_of_the_one_in_force() {
        let vitals = Vitals::new(TimeMs(5));
        vitals.reloaded(false, TimeMs(9));
        assert_eq!(vitals.last_reload(), Reload { ok: false, ok_at: TimeMs(5) });
        vitals.reloaded(true, TimeMs(11));
        assert_eq!(vitals.last_reload(), Reload { ok: true, ok_at: TimeMs(11) });
    }
}
