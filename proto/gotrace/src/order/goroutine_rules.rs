//! When goroutines' events may come, and what they change. Go 1.27, `internal/trace/order.go`, `advanceGo…`.
//!
//! Each goroutine counts, within a generation, what others may do to it: a start, a wake-up, a switch comes only in its
//! turn. What a goroutine does itself is in order already, since it does it on the thread it has.

use super::fault::{Advance, Verdict, broken};
use super::goroutines::NO_SLOT;
use super::procs::{NO_PLACE, ProcState};
use super::state::{At, State};
use super::threads::NO_THREAD;
use crate::event::{Cause, GoroutineId, ProcCause, ProcId, Slot, StackRef, State as Go, StringRef, ThreadId};
use crate::event::{Event, Transition, What};
use crate::observer::{Observer, Scene};
use crate::wire;

const NO_CONTEXT: &str = "an event that needs a thread, a proc and a goroutine, and lacks one";
const NOT_RUNNING: &str = "an event of a goroutine that does not run";

impl State {
    /// Whether user code runs at this point.
    #[inline(always)]
    pub(super) fn needs_user(&self, at: &At<'_>) -> Result<(), super::fault::Fault> {
        if self.here(at).goroutine == NO_SLOT || self.here(at).proc == NO_PLACE || at.place == NO_THREAD {
            return broken(NO_CONTEXT);
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn go_start<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, seq] = at.numbers()?;
        let slot = self.goroutines.find(id);
        if slot == NO_SLOT {
            return Ok(Advance::NotYet);
        }
        let here = self.threads.get(at.place);
        let goroutine = self.goroutines.at(slot);
        if goroutine.state != Go::Runnable
            || goroutine.epoch != self.epoch
            || seq != u64::from(goroutine.seq) + 1
        {
            return Ok(Advance::NotYet);
        }
        if here.proc == NO_PLACE || here.goroutine != NO_SLOT || at.place == NO_THREAD {
            return broken("a start on a thread without a proc, or with a goroutine");
        }
        goroutine.state = Go::Running;
        goroutine.seq += 1;
        self.tell(at, observer, At::other(slot, id, Go::Runnable, Go::Running, Cause::Start, 0));
        self.threads.at(at.place).take_goroutine(slot, id);
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_block<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [reason, stack] = at.numbers()?;
        let cause = Cause::Block { reason: StringRef(reason) };
        self.go_pause(at, observer, Go::Waiting, cause, reason, stack)
    }

    #[inline(always)]
    pub(super) fn go_stop<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [reason, stack] = at.numbers()?;
        let cause = Cause::Stop { reason: StringRef(reason) };
        self.go_pause(at, observer, Go::Runnable, cause, reason, stack)
    }

    #[inline(always)]
    fn go_pause<O: Observer>(
        &mut self,
        at: &At<'_>,
        observer: &mut O,
        to: Go,
        cause: Cause,
        reason: u64,
        stack: u64,
    ) -> Verdict {
        self.needs_user(at)?;
        self.check_string(at, reason)?;
        self.check_stack(at, stack)?;
        let goroutine = self.goroutines.at(self.here(at).goroutine);
        if goroutine.state != Go::Running {
            return broken(NOT_RUNNING);
        }
        goroutine.state = to;
        self.tell(at, observer, self.own(at, Go::Running, to, cause, stack));
        self.threads.at(at.place).leave_goroutine();
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_destroy<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        self.needs_user(at)?;
        if self.goroutines.at(self.here(at).goroutine).state != Go::Running {
            return broken(NOT_RUNNING);
        }
        self.tell(at, observer, self.own(at, Go::Running, Go::Gone, Cause::Destroy, 0));
        self.drop_goroutine_of(at.place);
        self.threads.at(at.place).leave_goroutine();
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_unblock<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, seq, stack] = at.numbers()?;
        let slot = self.goroutines.find(id);
        if slot == NO_SLOT {
            return Ok(Advance::NotYet);
        }
        let goroutine = self.goroutines.at(slot);
        if goroutine.state != Go::Waiting
            || goroutine.epoch != self.epoch
            || seq != u64::from(goroutine.seq) + 1
        {
            return Ok(Advance::NotYet);
        }
        goroutine.state = Go::Runnable;
        goroutine.seq += 1;
        self.check_stack(at, stack)?;
        self.tell(at, observer, At::other(slot, id, Go::Waiting, Go::Runnable, Cause::Unblock, stack));
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_syscall_begin<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [proc_seq, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_stack(at, stack)?;
        let (slot, proc) = (self.here(at).goroutine, self.here(at).proc);
        let (goroutine, proc) = (self.goroutines.at(slot), self.procs.at(proc));
        if goroutine.state != Go::Running {
            return broken(NOT_RUNNING);
        }
        if proc.epoch != self.epoch || proc_seq != u64::from(proc.seq) + 1 {
            return broken("a system call out of its proc's sequence");
        }
        goroutine.state = Go::Syscall;
        proc.state = ProcState::Syscall;
        proc.seq += 1;
        self.tell(at, observer, self.own(at, Go::Running, Go::Syscall, Cause::SyscallBegin, stack));
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_syscall_end<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        self.needs_user(at)?;
        let (slot, proc) = (self.here(at).goroutine, self.here(at).proc);
        let (goroutine, proc) = (self.goroutines.at(slot), self.procs.at(proc));
        if goroutine.state != Go::Syscall || proc.state != ProcState::Syscall {
            return broken("the end of a system call that did not begin");
        }
        goroutine.state = Go::Running;
        proc.state = ProcState::Running;
        self.tell(at, observer, self.own(at, Go::Syscall, Go::Running, Cause::SyscallEnd, 0));
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_syscall_end_blocked<O: Observer>(
        &mut self,
        at: &mut At<'_>,
        observer: &mut O,
    ) -> Verdict {
        // It lost its proc: whoever took it comes first.
        if self.here(at).proc != NO_PLACE && self.procs.at(self.here(at).proc).state == ProcState::Syscall {
            return Ok(Advance::NotYet);
        }
        if self.here(at).goroutine == NO_SLOT || at.place == NO_THREAD {
            return broken("the end of a system call of no goroutine");
        }
        let goroutine = self.goroutines.at(self.here(at).goroutine);
        if goroutine.state != Go::Syscall {
            return broken("the end of a system call that did not begin");
        }
        goroutine.state = Go::Runnable;
        self.tell(at, observer, self.own(at, Go::Syscall, Go::Runnable, Cause::SyscallEndBlocked, 0));
        self.threads.at(at.place).leave_goroutine();
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn go_create<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, entry, stack] = at.numbers()?;
        if self.here(at).proc == NO_PLACE || at.place == NO_THREAD {
            return broken("a creation on a thread without a proc");
        }
        if self.here(at).goroutine != NO_SLOT
            && self.goroutines.at(self.here(at).goroutine).state != Go::Running
        {
            return broken(NOT_RUNNING);
        }
        if self.goroutines.find_in_order(id) != NO_SLOT {
            return broken("the creation of a goroutine that exists");
        }
        self.check_stack(at, entry)?;
        self.check_stack(at, stack)?;
        let to = if at.kind == wire::event::GO_CREATE { Go::Runnable } else { Go::Waiting };
        let slot = self.add_goroutine(id, to)?;
        let cause = Cause::Create { entry: StackRef(entry) };
        self.tell(at, observer, At::other(slot, id, Go::Gone, to, cause, stack));
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn go_create_syscall<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id] = at.numbers()?;
        if self.here(at).goroutine != NO_SLOT || at.place == NO_THREAD {
            return broken("a call from C on a thread that has a goroutine");
        }
        if self.goroutines.find_in_order(id) != NO_SLOT {
            return broken("the creation of a goroutine that exists");
        }
        let slot = self.add_goroutine(id, Go::Syscall)?;
        self.tell(at, observer, At::other(slot, id, Go::Gone, Go::Syscall, Cause::CreateSyscall, 0));
        self.threads.at(at.place).take_goroutine(slot, id);
        Ok(Advance::Done)
    }

    /// The proc, if there is one, is told to be taken first: the thread's id may be another one's soon.
    #[inline(never)]
    pub(super) fn go_destroy_syscall<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        if self.here(at).goroutine == NO_SLOT || at.place == NO_THREAD {
            return broken("the end of a call from C that did not begin");
        }
        if self.goroutines.at(self.here(at).goroutine).state != Go::Syscall {
            return broken("the end of a call from C that did not begin");
        }
        if self.here(at).proc != NO_PLACE {
            let what = What::Proc { proc: ProcId(self.here(at).proc_id), cause: ProcCause::Steal };
            let proc = self.procs.at(self.here(at).proc);
            if proc.state != ProcState::Syscall {
                return broken("the end of a call from C on a proc in no system call");
            }
            proc.state = ProcState::Abandoned;
            self.tell(at, observer, what);
        }
        self.tell(at, observer, self.own(at, Go::Syscall, Go::Gone, Cause::DestroySyscall, 0));
        self.drop_goroutine_of(at.place);
        let thread = self.threads.at(at.place);
        thread.leave_proc();
        thread.leave_goroutine();
        Ok(Advance::Done)
    }

    /// From one coroutine to another: three events of one moment.
    #[inline(never)]
    pub(super) fn go_switch<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, seq] = at.numbers()?;
        self.needs_user(at)?;
        if self.goroutines.at(self.here(at).goroutine).state != Go::Running {
            return broken(NOT_RUNNING);
        }
        let slot = self.goroutines.find(id);
        if slot == NO_SLOT {
            return Ok(Advance::NotYet);
        }
        let next = self.goroutines.at(slot);
        if next.state != Go::Waiting || next.epoch != self.epoch || seq != u64::from(next.seq) + 1 {
            return Ok(Advance::NotYet);
        }
        next.state = Go::Running;
        next.seq += 1;
        let ends = at.kind == wire::event::GO_SWITCH_DESTROY;
        let cause = if ends { Cause::SwitchToAndDestroy } else { Cause::SwitchTo };
        self.tell(at, observer, At::other(slot, id, Go::Waiting, Go::Runnable, cause, 0));
        let left = if ends {
            self.own(at, Go::Running, Go::Gone, Cause::Destroy, 0)
        } else {
            self.own(at, Go::Running, Go::Waiting, Cause::Block { reason: StringRef(0) }, 0)
        };
        self.tell(at, observer, left);
        if ends {
            self.drop_goroutine_of(at.place);
        } else {
            self.goroutines.at(self.here(at).goroutine).state = Go::Waiting;
        }
        self.threads.at(at.place).leave_goroutine();
        self.tell(at, observer, At::other(slot, id, Go::Runnable, Go::Running, Cause::Start, 0));
        self.threads.at(at.place).take_goroutine(slot, id);
        Ok(Advance::Done)
    }

    /// What a goroutine is at, said once in each generation. It may come late: silent ones are listed at the end.
    #[inline(never)]
    pub(super) fn go_status<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let with_stack = at.kind == wire::event::GO_STATUS_STACK;
        let [id, thread, status] = at.numbers()?;
        let [stack] = if with_stack { at.numbers()? } else { [0] };
        let state = match status {
            1 => Go::Runnable,
            2 => Go::Running,
            3 => Go::Syscall,
            4 => Go::Waiting,
            _ => return broken("a goroutine in no state"),
        };
        self.check_stack(at, stack)?;
        let mut from = state;
        let mut slot = self.goroutines.find_in_order(id);
        if slot != NO_SLOT {
            let epoch = self.epoch;
            let goroutine = self.goroutines.at(slot);
            if goroutine.state != state {
                return broken("a goroutine in another state than it was left in");
            }
            (goroutine.seq, goroutine.epoch) = (0, epoch);
        } else if self.is_initial() {
            slot = self.add_goroutine(id, state)?;
            from = Go::Unknown;
        } else {
            return broken("a goroutine that nobody created");
        }
        let cause = Cause::Status { with_stack };
        let what = What::Goroutine(Transition {
            id: GoroutineId(id),
            slot: Slot(slot),
            from,
            to: state,
            cause,
            stack: StackRef(stack),
        });
        let mut event = self.event(at, what);
        match state {
            Go::Running => self.threads.at(at.place).take_goroutine(slot, id),
            Go::Syscall => self.bind_in_syscall(at, slot, id, thread, &mut event)?,
            _ => {}
        }
        observer.event(&event, &Scene { tables: at.tables, names: &self.names });
        Ok(Advance::Done)
    }

    /// A goroutine sits in a system call on a thread, which need not be the one that says so.
    fn bind_in_syscall(
        &mut self,
        at: &At<'_>,
        slot: u32,
        id: u64,
        thread: u64,
        event: &mut Event,
    ) -> Result<(), super::fault::Fault> {
        const ELSEWHERE: &str = "a system call on a thread that has another goroutine";
        if thread == wire::NONE {
            return broken("a goroutine in a system call without a thread");
        }
        if thread == self.here(at).id {
            if !self.is_initial() && self.here(at).goroutine != slot {
                return broken(ELSEWHERE);
            }
            self.threads.at(at.place).take_goroutine(slot, id);
            return Ok(());
        }
        let place = self.thread_place(thread)?;
        let other = self.threads.at(place);
        if !other.seen {
            other.take_goroutine(slot, id);
            other.seen = true;
        } else if other.goroutine == slot {
            (event.goroutine, event.slot) = (GoroutineId(id), Slot(slot));
        } else {
            return broken(ELSEWHERE);
        }
        event.thread = ThreadId(thread);
        Ok(())
    }
}
