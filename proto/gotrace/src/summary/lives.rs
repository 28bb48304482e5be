//! Each goroutine's life in the window: from state to state, with the time in each booked where it belongs.
//!
//! Times are as the threads wrote them. A status says what is, not since when: a goroutine that was there before the
//! trace counts from the start of the window, and nothing is measured from the time of a status.

use super::accounts::{Accounts, Fixed};
use super::histogram::Histogram;
use super::origins::{self, Origins};
use super::population::Population;
use super::since::Since;
use super::sites::{Frames, Sites};
use crate::event::{Cause, StackRef, State, StringRef, Transition};
use crate::tables::Tables;

/// A goroutine, by its slot. There may be half a million.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) since: Since,
    /// The innermost open region.
    pub(super) region: u32,
    account: u16,
    origin: u16,
}

/// The account of a slot that no goroutine has.
const NO_ACCOUNT: u16 = u16::MAX;

/// No life: what stands in a slot before a goroutine has it.
const NO_LIFE: Life = Life { since: Since::START, region: u32::MAX, account: NO_ACCOUNT, origin: 0 };

impl Life {
    fn new(since: Since, account: u32, origin: u32) -> Self {
        Self { since, region: u32::MAX, account: short(account), origin: short(origin) }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.account != NO_ACCOUNT
    }

    pub(super) fn account(&self) -> u32 {
        self.account.into()
    }

    pub(super) fn origin(&self) -> u32 {
        self.origin.into()
    }
}

/// A number of an account or an origin, of which there are some thousand.
#[inline(always)]
fn short(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(NO_ACCOUNT)
}

/// All lives, and what comes of them.
#[derive(Debug)]
pub(super) struct Lives {
    pub(super) all: Vec<Life>,
    pub(super) accounts: Accounts,
    pub(super) origins: Origins,
    pub(super) population: Population,
    /// From being able to run to running, without those that yielded.
    pub(super) latency: Histogram,
    /// The same of those that yielded by `runtime.Gosched`.
    pub(super) latency_yielded: Histogram,
}

impl Lives {
    pub(super) fn new(sites: &mut Sites) -> Self {
        Self {
            all: Vec::new(),
            accounts: Accounts::new(sites),
            origins: Origins::new(),
            population: Population::new(),
            latency: Histogram::default(),
            latency_yielded: Histogram::default(),
        }
    }

    pub(super) fn forget_numbers(&mut self) {
        self.accounts.forget_numbers();
        self.origins.forget_numbers();
    }

    pub(super) fn all(&self) -> &[Life] {
        &self.all
    }

    /// The life in a slot.
    #[expect(clippy::indexing_slicing, reason = "the line before makes the slot")]
    #[inline(always)]
    pub(super) fn at(&mut self, slot: usize) -> &mut Life {
        if slot >= self.all.len() {
            self.grow(slot);
        }
        &mut self.all[slot]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, slot: usize) {
        // Some more than asked for: mostly they come one by one.
        self.all.resize(slot + 1 + slot / 8, NO_LIFE);
    }

    /// A goroutine goes from one state to another; `ns` is since the start of the window.
    #[inline(always)]
    pub(super) fn step(&mut self, ns: u64, t: &Transition, tables: &Tables, sites: &mut Sites) {
        let account = match t.cause {
            Cause::Start | Cause::SyscallEnd => Fixed::Running as u32,
            Cause::Block { reason } => self.wait_account(reason, t.stack, tables, sites),
            Cause::Stop { reason } => self.stop_account(reason, tables),
            Cause::Unblock => Fixed::Woken as u32,
            Cause::SyscallBegin => self.syscall_account(t.stack, tables, sites),
            Cause::SyscallEndBlocked => Fixed::AfterSyscall as u32,
            Cause::SwitchTo | Cause::SwitchToAndDestroy => Fixed::Switched as u32,
            Cause::Destroy | Cause::DestroySyscall => return self.end(ns, t),
            Cause::Create { .. } | Cause::CreateSyscall => return self.begin(ns, t, tables, sites),
            Cause::Status { .. } => return self.status(t, tables, sites),
        };
        let life = self.at(t.slot.index());
        // One field after the other: a copy of all waits for what was written to one of them just before.
        let (since, before, origin) = (life.since, life.account(), life.origin());
        life.since = Since::at(ns);
        life.account = short(account);
        let spent = ns.saturating_sub(since.ns());
        // Each stretch of time is booked in one place; `sum_up` adds those of one account together.
        match t.cause {
            Cause::Unblock => self.woken(before, spent, t.stack, tables, sites),
            Cause::Block { .. } | Cause::Stop { .. } | Cause::SyscallBegin => {
                self.ran(t, origin, spent, tables, sites);
            }
            Cause::Start => {
                self.accounts.add(before, spent);
                self.started(before, spent);
            }
            _ => self.accounts.add(before, spent),
        }
    }

    #[inline(always)]
    fn started(&mut self, account: u32, ns: u64) {
        if account == Fixed::Yielded as u32 {
            self.latency_yielded.add(ns);
        } else if account != Fixed::RunnableBefore as u32 && account != Fixed::Switched as u32 {
            self.latency.add(ns);
        }
    }

    #[inline(always)]
    fn ran(&mut self, t: &Transition, origin: u32, ns: u64, tables: &Tables, sites: &mut Sites) {
        let origin = match origin {
            origins::UNKNOWN | origins::UNKNOWN_CREATED => self.learn_origin(origin, t, tables, sites),
            known => known,
        };
        self.origins.at(origin).running.add(ns);
    }

    #[inline(always)]
    fn woken(&mut self, account: u32, ns: u64, stack: StackRef, tables: &Tables, sites: &mut Sites) {
        let waker = match self.accounts.of_waker.get(account.into(), stack.0) {
            Some(waker) => waker,
            None => {
                let site = sites.of(tables, stack, Frames::All);
                let waker = self.accounts.waker(account, site);
                self.accounts.of_waker.put(account.into(), stack.0, waker);
                waker
            }
        };
        self.accounts.add_woken(account, waker, ns);
    }

    /// Books what is under way at the end of the window, and adds up what was booked apart.
    pub(super) fn sum_up(&mut self, end_ns: u64) {
        self.latency.spans = self.accounts.of_starts();
        self.latency_yielded.spans = self.accounts.of_yields();
        for life in self.all.iter().filter(|life| life.is_alive()) {
            let spent = end_ns.saturating_sub(life.since.ns());
            if life.account() == Fixed::Running as u32 {
                self.origins.at(life.origin()).running.add_open(spent);
            } else {
                self.accounts.add_open(life.account(), spent);
            }
        }
        self.accounts.sum_up(self.origins.all());
    }

    #[inline(always)]
    fn wait_account(
        &mut self,
        reason: StringRef,
        stack: StackRef,
        tables: &Tables,
        sites: &mut Sites,
    ) -> u32 {
        if let Some(account) = self.accounts.of_wait.get(stack.0, reason.0) {
            return account;
        }
        let site = sites.of(tables, stack, Frames::OfWaiting);
        let account = self.accounts.open_wait(reason, site, tables, sites);
        self.accounts.of_wait.put(stack.0, reason.0, account);
        account
    }

    #[inline(always)]
    fn syscall_account(&mut self, stack: StackRef, tables: &Tables, sites: &mut Sites) -> u32 {
        if let Some(account) = self.accounts.of_syscall.get(stack.0, 0) {
            return account;
        }
        let site = sites.of(tables, stack, Frames::OfWaiting);
        let nothing = sites.names.of_text(b"");
        let account = self.accounts.open(State::Syscall, nothing, site);
        self.accounts.of_syscall.put(stack.0, 0, account);
        account
    }

    #[inline(always)]
    fn stop_account(&mut self, reason: StringRef, tables: &Tables) -> u32 {
        if let Some(account) = self.accounts.of_stop.get(reason.0, 0) {
            return account;
        }
        let account = match tables.string(reason) {
            Some(b"runtime.Gosched") => Fixed::Yielded,
            Some(b"preempted") => Fixed::Preempted,
            _ => Fixed::Stopped,
        } as u32;
        self.accounts.of_stop.put(reason.0, 0, account);
        account
    }

    #[inline(always)]
    fn begin(&mut self, ns: u64, t: &Transition, tables: &Tables, sites: &mut Sites) {
        let (account, origin) = match t.cause {
            Cause::Create { entry } => {
                let account = match t.to {
                    State::Waiting => Fixed::WaitingAnywhere,
                    _ => Fixed::Created,
                };
                (account, self.creation(entry, t.stack, tables, sites))
            }
            _ => (Fixed::SyscallAnywhere, origins::UNKNOWN_CREATED),
        };
        self.origins.at(origin).created += 1;
        self.population.create(ns);
        *self.at(t.slot.index()) = Life::new(Since::at(ns), account as u32, origin);
    }

    #[inline(always)]
    fn creation(&mut self, entry: StackRef, stack: StackRef, tables: &Tables, sites: &mut Sites) -> u32 {
        if let Some(origin) = self.origins.of_creation.get(stack.0, entry.0) {
            return origin;
        }
        let origin = match self.origins.is_full() {
            false => sites.root(tables, entry).and_then(|function| {
                let site = sites.of(tables, stack, Frames::All);
                self.origins.open(function, site)
            }),
            true => None,
        };
        let origin = origin.unwrap_or(origins::UNKNOWN_CREATED);
        self.origins.of_creation.put(stack.0, entry.0, origin);
        origin
    }

    #[inline(always)]
    fn end(&mut self, ns: u64, t: &Transition) {
        let life = self.at(t.slot.index());
        let before = *life;
        *life = NO_LIFE;
        let spent = ns.saturating_sub(before.since.ns());
        let origin = self.origins.at(before.origin());
        origin.ended += 1;
        if t.from == State::Running {
            origin.running.add(spent);
        } else {
            self.accounts.add(before.account(), spent);
        }
        self.population.end(ns);
    }

    /// The first status of a goroutine from before the trace; later ones say nothing new but perhaps its stack.
    #[cold]
    #[inline(never)]
    fn status(&mut self, t: &Transition, tables: &Tables, sites: &mut Sites) {
        if t.from == State::Unknown {
            self.population.at_start += 1;
            let account = match t.to {
                State::Running => Fixed::Running,
                State::Runnable => Fixed::RunnableBefore,
                State::Syscall => Fixed::SyscallAnywhere,
                _ => Fixed::WaitingAnywhere,
            } as u32;
            *self.at(t.slot.index()) = Life::new(Since::before(t.id), account, origins::UNKNOWN);
            self.origins.at(origins::UNKNOWN).at_start += 1;
        }
        let life = *self.at(t.slot.index());
        if t.stack.0 == 0 {
            return;
        }
        if life.origin() == origins::UNKNOWN {
            self.learn_origin(life.origin(), t, tables, sites);
        }
        let account = match t.to {
            State::Waiting if life.account() == Fixed::WaitingAnywhere as u32 => {
                self.silent_account(t.stack, tables, sites)
            }
            State::Syscall if life.account() == Fixed::SyscallAnywhere as u32 => {
                self.syscall_account(t.stack, tables, sites)
            }
            _ => return,
        };
        self.at(t.slot.index()).account = short(account);
    }

    /// The account of a wait that began before the trace; the stack tells what for.
    fn silent_account(&mut self, stack: StackRef, tables: &Tables, sites: &mut Sites) -> u32 {
        if let Some(account) = self.accounts.of_silent.get(stack.0, 0) {
            return account;
        }
        let site = sites.of(tables, stack, Frames::OfWaiting);
        let reason = sites.reason(tables, stack).unwrap_or("");
        let reason = sites.names.of_text(reason.as_bytes());
        let account = self.accounts.open(State::Waiting, reason, site);
        self.accounts.of_silent.put(stack.0, 0, account);
        account
    }

    /// A goroutine of unknown origin shows a stack, whose outermost frame is the function it started with.
    #[cold]
    #[inline(never)]
    fn learn_origin(&mut self, before: u32, t: &Transition, tables: &Tables, sites: &mut Sites) -> u32 {
        let origin = match self.origins.of_root.get(t.stack.0, 0) {
            Some(origin) => origin,
            None if self.origins.is_full() => origins::UNKNOWN,
            None => {
                let function = sites.root(tables, t.stack);
                let origin = function.and_then(|f| self.origins.open(f, super::sites::UNKNOWN));
                let origin = origin.unwrap_or(origins::UNKNOWN);
                self.origins.of_root.put(t.stack.0, 0, origin);
                origin
            }
        };
        if origin == origins::UNKNOWN {
            return before;
        }
        self.at(t.slot.index()).origin = short(origin);
        // It was counted among those of which nothing is known.
        if before == origins::UNKNOWN {
            let unknown = self.origins.at(before);
            unknown.at_start = unknown.at_start.saturating_sub(1);
            self.origins.at(origin).at_start += 1;
        } else {
            let unknown = self.origins.at(before);
            unknown.created = unknown.created.saturating_sub(1);
            self.origins.at(origin).created += 1;
        }
        origin
    }
}
