//! When a program's own tasks, regions and logs may come, and events that nothing depends on. Go 1.27,
//! `internal/trace/order.go`, `advanceUser…`, `advanceAnnotation`, `advanceAllocFree`.

use super::fault::{Advance, Verdict, broken};
use super::state::{At, State};
use super::threads::NO_THREAD;
use crate::event::{Name, StackRef, StringRef, TaskId, What};
use crate::observer::Observer;
use crate::wire::event;

impl State {
    #[inline(never)]
    pub(super) fn label<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [label] = at.numbers()?;
        self.needs_user(at)?;
        self.check_string(at, label)?;
        self.tell(at, observer, What::Label { label: StringRef(label) });
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn task_begin<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [task, parent, name, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_string(at, name)?;
        self.check_stack(at, stack)?;
        self.check_open()?;
        let name = self.names.of(at.tables, StringRef(name));
        if self.tasks.contains_key(&task) {
            return broken("a task that begins twice");
        }
        self.tasks.insert(task, name);
        let (task, parent) = (TaskId(task), TaskId(parent));
        self.tell(at, observer, What::TaskBegin { task, parent, name, stack: StackRef(stack) });
        Ok(Advance::Done)
    }

    /// A task may end more than once, and may have begun before the trace.
    #[inline(never)]
    pub(super) fn task_end<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [task, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_stack(at, stack)?;
        let name = self.tasks.remove(&task).unwrap_or_else(|| self.names.of_text(b""));
        self.tell(at, observer, What::TaskEnd { task: TaskId(task), name, stack: StackRef(stack) });
        Ok(Advance::Done)
    }

    #[inline]
    fn region<'a>(&mut self, at: &mut At<'a>) -> Result<(TaskId, Name, StackRef), super::fault::Fault> {
        let [task, name, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_string(at, name)?;
        self.check_stack(at, stack)?;
        Ok((TaskId(task), self.names.of(at.tables, StringRef(name)), StackRef(stack)))
    }

    #[inline(never)]
    pub(super) fn region_begin<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let (task, name, stack) = self.region(at)?;
        self.check_open()?;
        let goroutine = self.goroutines.at(self.here(at).goroutine);
        self.regions.push(&mut goroutine.region, (task, name));
        self.tell(at, observer, What::RegionBegin { task, name, stack });
        Ok(Advance::Done)
    }

    /// Regions nest. One that began before the trace may end in it.
    #[inline(never)]
    pub(super) fn region_end<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let (task, name, stack) = self.region(at)?;
        let goroutine = self.goroutines.at(self.here(at).goroutine);
        if self.regions.top(goroutine.region).is_some_and(|innermost| innermost != (task, name)) {
            return broken("the end of a region that is not the innermost");
        }
        self.regions.pop(&mut goroutine.region);
        self.tell(at, observer, What::RegionEnd { task, name, stack });
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn log<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        let [task, key, value, stack] = at.numbers()?;
        self.needs_user(at)?;
        self.check_string(at, key)?;
        self.check_string(at, value)?;
        self.check_stack(at, stack)?;
        let (key, value) = (StringRef(key), StringRef(value));
        self.tell(at, observer, What::Log { task: TaskId(task), key, value, stack: StackRef(stack) });
        Ok(Advance::Done)
    }

    #[inline(never)]
    pub(super) fn experimental<O: Observer>(&mut self, at: &mut At<'_>, observer: &mut O) -> Verdict {
        match at.kind {
            event::SPAN | event::SPAN_ALLOC => drop(at.numbers::<3>()?),
            event::HEAP_OBJECT
            | event::HEAP_OBJECT_ALLOC
            | event::GOROUTINE_STACK
            | event::GOROUTINE_STACK_ALLOC => drop(at.numbers::<2>()?),
            _ => drop(at.numbers::<1>()?),
        }
        if at.place == NO_THREAD {
            return broken("an event of an experiment on no thread");
        }
        self.tell(at, observer, What::Experimental { kind: at.kind });
        Ok(Advance::Done)
    }
}
