//! The procs' tracks: which goroutine had the P, in a system call too, and when it swept.

use super::json::{Out, PROCS, Place};
use super::lives::Lives;
use super::texts::Texts;
use super::track::{Slice, Track};
use linger_gotrace::Scene;
use linger_gotrace::event::{Cause, Edge, Event, ProcCause, ProcId, Slot, State, Transition};
use std::collections::HashMap;
use std::io::Write;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Procs {
    all: HashMap<u64, Track>,
}

fn is_on(slice: Slice) -> bool {
    matches!(slice, Slice::On { .. })
}

impl Procs {
    fn track<W: Write>(&mut self, proc: ProcId, out: &mut Out<'_, W>) -> &mut Track {
        // The format's numbers of threads are smaller than a P's may be; there are no more of them than the decoder allows.
        let thread = u32::try_from(self.all.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.all.entry(proc.0).or_insert_with(|| {
            let place = Place { process: PROCS, thread };
            out.named("thread_name", place, format!("P{}", proc.0).as_bytes());
            let mut event = out.event("M", place);
            event.text("name", b"thread_sort_index");
            event.open("args");
            event.number("sort_index", proc.0);
            event.close();
            drop(event);
            Track::new(place)
        })
    }

    /// A goroutine went from one state to another: it got the P, or left it.
    #[expect(clippy::too_many_arguments, reason = "what happened, what is known, and where it goes")]
    pub(super) fn step<W: Write>(
        &mut self,
        ns: u64,
        event: &Event,
        t: &Transition,
        lives: &Lives,
        texts: &Texts,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        if event.proc == ProcId::NONE {
            return;
        }
        let got = match t.cause {
            Cause::Status { .. } => t.from == State::Unknown && t.to == State::Running,
            Cause::Start | Cause::SyscallEnd | Cause::SyscallBegin => true,
            _ => false,
        };
        if got {
            self.leave(ns, event.proc, None, scene, out);
            let mut name = lives.label(t.slot, texts);
            if t.to == State::Syscall {
                name = [b"syscall of ", name.as_slice()].concat();
            }
            let track = self.track(event.proc, out);
            track.open(ns, Slice::On { slot: t.slot }, &name, "", out);
        } else if matches!(t.from, State::Running | State::Syscall) && t.to != t.from {
            self.leave(ns, event.proc, Some(t.slot), scene, out);
        }
    }

    /// The P has no goroutine any more, or not this one.
    fn leave<W: Write>(
        &mut self,
        ns: u64,
        proc: ProcId,
        slot: Option<Slot>,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        if let Some(track) = self.all.get_mut(&proc.0) {
            let which = |slice| slot.map_or(is_on(slice), |slot| slice == Slice::On { slot });
            track.close_that(ns, which, scene, out);
        }
    }

    /// A P was taken or given up; whether this is an event with a time.
    pub(super) fn hands<W: Write>(
        &mut self,
        ns: u64,
        proc: ProcId,
        cause: ProcCause,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) -> bool {
        match cause {
            ProcCause::Status(_) => {
                self.track(proc, out);
                return false;
            }
            ProcCause::Start | ProcCause::Stop | ProcCause::Steal => self.leave(ns, proc, None, scene, out),
        }
        true
    }

    pub(super) fn sweep<W: Write>(
        &mut self,
        ns: u64,
        proc: ProcId,
        edge: Edge,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let is_sweep = |slice| slice == Slice::Sweep;
        let track = self.track(proc, out);
        match edge {
            Edge::End => {
                track.close_that(ns, is_sweep, scene, out);
            }
            Edge::Begin | Edge::Active if track.has(is_sweep) => {}
            Edge::Begin => track.open(ns, Slice::Sweep, b"GC sweep", "", out),
            Edge::Active => track.open(0, Slice::Sweep, b"GC sweep", "", out),
        }
    }

    /// The window ends.
    pub(super) fn finish<W: Write>(&mut self, ns: u64, out: &mut Out<'_, W>) {
        for track in self.all.values_mut() {
            track.close_all(ns, out);
        }
    }
}
