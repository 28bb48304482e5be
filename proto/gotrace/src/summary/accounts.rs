//! What goroutines' time is booked on: a state, and within it why and where.

use std::collections::HashMap;

use super::memo::Memo;
use super::origins::Origin;
use super::pair_cache::PairCache;
use super::sites::{self, Sites};
use super::spans::Spans;
use crate::event::{Name, State, StringRef};
use crate::tables::Tables;

/// Accounts that are told apart. Beyond it time is booked on the state's own [`Fixed`] account: nothing is lost.
const ACCOUNTS_MAX: usize = 1 << 13;

/// Who woke whom, told apart.
const WAKERS_MAX: usize = 1 << 14;

/// Accounts that are always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Fixed {
    Running,
    /// Runnable since before the trace: how long is not known.
    RunnableBefore,
    Created,
    Woken,
    /// By `runtime.Gosched`: the mutexes of the garbage collector spin with it.
    Yielded,
    Preempted,
    Stopped,
    AfterSyscall,
    Switched,
    SyscallAnywhere,
    WaitingAnywhere,
}

const FIXED: [(State, &str); 11] = [
    (State::Running, ""),
    (State::Runnable, "before the trace"),
    (State::Runnable, "created"),
    (State::Runnable, "woken"),
    (State::Runnable, "yielded"),
    (State::Runnable, "preempted"),
    (State::Runnable, "stopped"),
    (State::Runnable, "system call ended"),
    (State::Runnable, "coroutine"),
    (State::Syscall, ""),
    (State::Waiting, ""),
];

/// Time of a state, for a reason and at a site. Time of running is booked on origins, and waits that somebody ended on
/// who did, until [`Accounts::sum_up`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    pub(super) state: State,
    pub(super) reason: Name,
    pub(super) site: u32,
    pub(super) spans: Spans,
}

/// Waits on an account that were ended from a site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waker {
    pub(super) account: u32,
    pub(super) site: u32,
    pub(super) spans: Spans,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Accounts {
    all: Vec<Account>,
    by_key: HashMap<(State, Name, u32), u32>,
    wakers: Vec<Waker>,
    waker_by_key: HashMap<(u32, u32), u32>,
    /// By account and stack of whoever woke.
    pub(super) of_waker: PairCache,
    /// By stack and reason of a wait.
    pub(super) of_wait: Memo,
    /// By the stack of a system call.
    pub(super) of_syscall: Memo,
    /// By the reason of a stop.
    pub(super) of_stop: Memo,
    /// By the stack of a wait that began before the trace.
    pub(super) of_silent: Memo,
}

impl Accounts {
    pub(super) fn new(sites: &mut Sites) -> Self {
        let fixed = FIXED.map(|(state, reason)| Account {
            state,
            reason: sites.names.of_text(reason.as_bytes()),
            site: sites::UNKNOWN,
            spans: Spans::default(),
        });
        Self {
            all: fixed.to_vec(),
            by_key: HashMap::new(),
            wakers: Vec::new(),
            waker_by_key: HashMap::new(),
            of_waker: PairCache::new(),
            of_wait: Memo::default(),
            of_syscall: Memo::default(),
            of_stop: Memo::default(),
            of_silent: Memo::default(),
        }
    }

    pub(super) fn forget_numbers(&mut self) {
        self.of_waker.forget();
        self.of_wait.forget();
        self.of_syscall.forget();
        self.of_stop.forget();
        self.of_silent.forget();
    }

    /// The account of a key, which is opened.
    pub(super) fn open(&mut self, state: State, reason: Name, site: u32) -> u32 {
        if let Some(account) = self.by_key.get(&(state, reason, site)) {
            return *account;
        }
        if self.all.len() >= ACCOUNTS_MAX {
            return match state {
                State::Syscall => Fixed::SyscallAnywhere as u32,
                _ => Fixed::WaitingAnywhere as u32,
            };
        }
        let account = u32::try_from(self.all.len()).unwrap_or(0);
        self.all.push(Account { state, reason, site, spans: Spans::default() });
        self.by_key.insert((state, reason, site), account);
        account
    }

    /// The account of a wait. Beyond the limit its reason is not learnt.
    pub(super) fn open_wait(
        &mut self,
        reason: StringRef,
        site: u32,
        tables: &Tables,
        sites: &mut Sites,
    ) -> u32 {
        if self.all.len() >= ACCOUNTS_MAX {
            return Fixed::WaitingAnywhere as u32;
        }
        let reason = sites.names.of(tables, reason);
        self.open(State::Waiting, reason, site)
    }

    /// Books time that has ended.
    #[inline(always)]
    pub(super) fn add(&mut self, account: u32, ns: u64) {
        if let Some(account) = self.all.get_mut(account as usize) {
            account.spans.add(ns);
        }
    }

    pub(super) fn add_open(&mut self, account: u32, ns: u64) {
        if let Some(account) = self.all.get_mut(account as usize) {
            account.spans.add_open(ns);
        }
    }

    /// The place of a waker, which is opened; none beyond the limit.
    pub(super) fn waker(&mut self, account: u32, site: u32) -> u32 {
        if let Some(waker) = self.waker_by_key.get(&(account, site)) {
            return *waker;
        }
        let new = u32::try_from(self.wakers.len()).unwrap_or(u32::MAX);
        if self.wakers.len() >= WAKERS_MAX {
            return u32::MAX;
        }
        self.wakers.push(Waker { account, site, spans: Spans::default() });
        self.waker_by_key.insert((account, site), new);
        new
    }

    /// Books a wait that somebody ended, on who did.
    #[inline(always)]
    pub(super) fn add_woken(&mut self, account: u32, waker: u32, ns: u64) {
        match self.wakers.get_mut(waker as usize) {
            Some(waker) => waker.spans.add(ns),
            None => self.add(account, ns),
        }
    }

    /// From being able to run to running, of those that did not yield. To be asked before open time is booked.
    pub(super) fn of_starts(&self) -> Spans {
        let starts = [Fixed::Created, Fixed::Woken, Fixed::Preempted, Fixed::Stopped, Fixed::AfterSyscall];
        starts.into_iter().fold(Spans::default(), |mut all, account| {
            all.join(&self.of_fixed(account));
            all
        })
    }

    /// The same of those that did.
    pub(super) fn of_yields(&self) -> Spans {
        self.of_fixed(Fixed::Yielded)
    }

    fn of_fixed(&self, account: Fixed) -> Spans {
        self.all.get(account as usize).map_or_else(Spans::default, |account| account.spans)
    }

    /// Adds what was booked on wakers and on origins.
    pub(super) fn sum_up(&mut self, origins: &[Origin]) {
        for waker in &self.wakers {
            if let Some(account) = self.all.get_mut(waker.account as usize) {
                account.spans.join(&waker.spans);
            }
        }
        if let Some(running) = self.all.get_mut(Fixed::Running as usize) {
            origins.iter().for_each(|origin| running.spans.join(&origin.running));
        }
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.all
    }

    pub(super) fn wakers(&self) -> &[Waker] {
        &self.wakers
    }
}
