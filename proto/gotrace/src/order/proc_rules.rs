//! When procs' events may come, and what they change. Go 1.27, `internal/trace/order.go`, `advanceProc…`.
//!
//! A proc counts, within a generation, how often it was taken: by a thread that found it idle, or from a thread that is
//! in a system call, which counts its calls with it.

use super::fault::{Advance, Fault, Verdict, broken};
use super::procs::{NO_PLACE, Proc, ProcState};
use super::state::{At, State};
use super::threads::NO_THREAD;
use crate::event::{GoroutineId, ProcCause, ProcId, Slot, StackRef, ThreadId, What};
use crate::observer::{Observer, Scene};

impl State {
    #[inline(always)]
    pub(super) fn proc_start<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, seq] = at.numbers()?;
        let place = self.procs.find(id);
        if place == NO_PLACE || self.here(at).proc != NO_PLACE {
            return Ok(Advance::NotYet);
        }
        let proc = self.procs.at(place);
        if proc.state != ProcState::Idle || proc.epoch != self.epoch || seq != u64::from(proc.seq) + 1 {
            return Ok(Advance::NotYet);
        }
        if at.place == NO_THREAD {
            return broken("a proc taken by no thread");
        }
        proc.state = ProcState::Running;
        proc.seq += 1;
        self.tell(at, observer, What::Proc { proc: ProcId(id), cause: ProcCause::Start });
        self.threads.at(at.place).take_proc(place, id);
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn proc_stop<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        if self.here(at).proc == NO_PLACE || at.place == NO_THREAD {
            return broken("a proc given up by a thread that has none");
        }
        let proc = self.procs.at(self.here(at).proc);
        if !matches!(proc.state, ProcState::Running | ProcState::Syscall) {
            return broken("a proc given up that does not run");
        }
        proc.state = ProcState::Idle;
        self.tell(at, observer, What::Proc { proc: ProcId(self.here(at).proc_id), cause: ProcCause::Stop });
        self.threads.at(at.place).leave_proc();
        Ok(Advance::Done)
    }

    #[inline(always)]
    pub(super) fn proc_steal<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, seq, victim] = at.numbers()?;
        let place = self.procs.find(id);
        if place == NO_PLACE {
            return Ok(Advance::NotYet);
        }
        let proc = self.procs.at(place);
        let was = proc.state;
        if !matches!(was, ProcState::Syscall | ProcState::Abandoned)
            || proc.epoch != self.epoch
            || seq != u64::from(proc.seq) + 1
        {
            return Ok(Advance::NotYet);
        }
        if at.place == NO_THREAD {
            return broken("a proc taken by no thread");
        }
        proc.state = ProcState::Idle;
        proc.seq += 1;
        // Of an abandoned one the thread may be somebody else by now.
        let victim = match was {
            ProcState::Abandoned => None,
            _ => match self.threads.find(victim) {
                Some(victim) if self.threads.get(victim).proc == place => Some(victim),
                _ => return broken("a proc taken from a thread that does not have it"),
            },
        };
        self.tell(at, observer, What::Proc { proc: ProcId(id), cause: ProcCause::Steal });
        if let Some(victim) = victim {
            self.threads.at(victim).leave_proc();
        }
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn proc_status<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [id, status] = at.numbers()?;
        let Some(state) = ProcState::of(status) else { return broken("a proc in no state") };
        let said = u8::try_from(status).unwrap_or(0);
        let what = What::Proc { proc: ProcId(id), cause: ProcCause::Status(said) };
        let mut event = self.event(at, what);
        let epoch = self.epoch;
        let mut place = self.procs.find(id);
        if place == NO_PLACE {
            let max = self.limits.procs_max;
            if self.procs.len() >= max as usize {
                return Err(Fault::Limit { limit: "procs_max", max: max.into() });
            }
            place = self.procs.insert(id, Proc { seq: 0, epoch, state, sweeps: false });
        } else {
            let proc = self.procs.at(place);
            if state == ProcState::Abandoned && proc.state == ProcState::Syscall {
                // It is about to be taken; the thread that has it cannot say so, another one does.
                let Some(holder) = self.threads.with_proc(place) else {
                    return broken("a proc to be taken from a thread that nobody knows");
                };
                event.thread = ThreadId(holder.id);
                event.proc = ProcId(id);
                event.goroutine = GoroutineId(holder.goroutine_id);
                event.slot = Slot(holder.goroutine);
            } else if proc.state != state {
                return broken("a proc in another state than it was left in");
            }
            let proc = self.procs.at(place);
            (proc.seq, proc.epoch) = (0, epoch);
        }
        if matches!(state, ProcState::Running | ProcState::Syscall) {
            self.threads.at(at.place).take_proc(place, id);
        }
        observer.event(&event, &Scene { tables: at.tables, names: &self.names });
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn procs_change<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [count, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_stack(at, stack)?;
        self.tell(at, observer, What::Procs { count, stack: StackRef(stack) });
        Ok(Advance::Done)
    }

    /// The place of a thread, which gets one.
    pub(crate) fn thread_place(&mut self, id: u64) -> Result<u32, Fault> {
        let max = self.limits.threads_max;
        let place = self.threads.place(id);
        if place > max { Err(Fault::Limit { limit: "threads_max", max: max.into() }) } else { Ok(place) }
    }
}
