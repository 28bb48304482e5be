//! A track: slices one within another, at times that never go back.

use super::json::{Out, Place};
use linger_gotrace::Scene;
use linger_gotrace::event::{Name, Slot, State};
use std::io::Write;

/// What is open on a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slice {
    /// A goroutine is in a state.
    State(State),
    /// A region of it.
    Region(Name),
    /// It helps to mark.
    Assist,
    /// A goroutine has the proc.
    On {
        /// Which one.
        slot: Slot,
    },
    /// The proc sweeps.
    Sweep,
    /// A collection marks.
    Mark,
    /// The world is stopped.
    Stop {
        /// By whom.
        slot: Slot,
        /// What for.
        kind: Name,
    },
}

impl Slice {
    /// Its name where it goes on after an interruption.
    fn name<'a>(self, scene: &Scene<'a>) -> &'a [u8] {
        match self {
            Self::State(state) => state_name(state).as_bytes(),
            Self::Region(name) => scene.names.text(name),
            Self::Stop { kind, .. } => scene.names.text(kind),
            Self::Assist => b"GC assist",
            Self::On { .. } => b"goroutine",
            Self::Sweep => b"GC sweep",
            Self::Mark => b"GC mark",
        }
    }
}

/// The name of a state's slice where nothing more is known.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Runnable => "runnable",
        State::Running => "running",
        State::Syscall => "syscall",
        State::Waiting => "blocked",
        State::Gone | State::Unknown => "unknown",
    }
}

/// A track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) place: Place,
    last_ns: u64,
    open: Vec<Slice>,
}

impl Track {
    pub(super) fn new(place: Place) -> Self {
        Self { place, last_ns: 0, open: Vec::new() }
    }

    /// A time that is not before the last one here, and is the last one now.
    pub(super) fn at(&mut self, ns: u64) -> u64 {
        self.last_ns = self.last_ns.max(ns);
        self.last_ns
    }

    /// The innermost slice.
    pub(super) fn top(&self) -> Option<Slice> {
        self.open.last().copied()
    }

    pub(super) fn has(&self, which: impl Fn(Slice) -> bool) -> bool {
        self.open.iter().any(|slice| which(*slice))
    }

    /// Opens a slice in the innermost one. `arguments` are members of a JSON object.
    pub(super) fn open<W: Write>(
        &mut self,
        ns: u64,
        slice: Slice,
        name: &[u8],
        arguments: &str,
        out: &mut Out<'_, W>,
    ) {
        let ns = self.at(ns);
        self.open.push(slice);
        let mut event = out.event("B", self.place);
        event.time(ns);
        event.text("name", name);
        if !arguments.is_empty() {
            event.open("args");
            event.members(arguments);
            event.close();
        }
    }

    /// Closes the innermost slice.
    pub(super) fn close<W: Write>(&mut self, ns: u64, out: &mut Out<'_, W>) -> Option<Slice> {
        let slice = self.open.pop()?;
        let ns = self.at(ns);
        out.event("E", self.place).time(ns);
        Some(slice)
    }

    pub(super) fn close_all<W: Write>(&mut self, ns: u64, out: &mut Out<'_, W>) {
        while self.close(ns, out).is_some() {}
    }

    /// Closes the innermost slice of a kind. What is open within it is interrupted, and goes on at once.
    pub(super) fn close_that<W: Write>(
        &mut self,
        ns: u64,
        which: impl Fn(Slice) -> bool,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) -> bool {
        let Some(place) = self.open.iter().rposition(|slice| which(*slice)) else { return false };
        let inside: Vec<Slice> = self.open.get(place + 1..).unwrap_or(&[]).to_vec();
        for _ in 0..=inside.len() {
            self.close(ns, out);
        }
        for slice in inside {
            self.go_on(ns, slice, scene, out);
        }
        true
    }

    /// A slice that was interrupted goes on.
    pub(super) fn go_on<W: Write>(&mut self, ns: u64, slice: Slice, scene: &Scene<'_>, out: &mut Out<'_, W>) {
        self.open(ns, slice, slice.name(scene), "\"continued\":true", out);
    }
}
