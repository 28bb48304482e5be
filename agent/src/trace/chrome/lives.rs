//! The goroutines' tracks: what each was at, the regions around that, and who woke whom.
//!
//! A state is always the innermost slice: where a region begins or ends within one, the state is interrupted and goes on.

use super::json::{GOROUTINES, Out, Place};
use super::texts::{Function, Texts};
use super::track::{Slice, Track, state_name};
use linger_gotrace::event::{Cause, Edge, Event, GoroutineId, Name, Slot, State, Transition};
use linger_gotrace::{Scene, Tables};
use std::borrow::Cow;
use std::io::Write;

/// A goroutine that lives.
#[derive(Debug)]
struct Life {
    id: GoroutineId,
    function: Option<Function>,
    is_named: bool,
    track: Track,
}

/// All of them, by slot.
#[derive(Debug, Default)]
pub(super) struct Lives {
    all: Vec<Option<Life>>,
    /// Tracks so far. Goroutines' own numbers may be larger than the format takes.
    tracks: u32,
    arrows: u64,
}

impl Lives {
    fn at(&mut self, slot: Slot) -> Option<&mut Life> {
        self.all.get_mut(slot.index())?.as_mut()
    }

    fn add(&mut self, id: GoroutineId, slot: Slot, function: Option<Function>) {
        self.tracks = self.tracks.wrapping_add(1);
        let track = Track::new(Place { process: GOROUTINES, thread: self.tracks });
        if self.all.len() <= slot.index() {
            self.all.resize_with(slot.index() + 1, || None);
        }
        if let Some(place) = self.all.get_mut(slot.index()) {
            *place = Some(Life { id, function, is_named: false, track });
        }
    }

    /// How a goroutine is called: its number, and the function it started with once that is known.
    pub(super) fn label(&self, slot: Slot, texts: &Texts) -> Vec<u8> {
        let life = self.all.get(slot.index()).and_then(Option::as_ref);
        life.map_or_else(Vec::new, |life| life.label(texts))
    }

    /// A goroutine goes from one state to another. It is forgotten only later, when it is gone.
    pub(super) fn step<W: Write>(
        &mut self,
        ns: u64,
        event: &Event,
        t: &Transition,
        scene: &Scene<'_>,
        texts: &mut Texts,
        out: &mut Out<'_, W>,
    ) {
        let tables = scene.tables;
        match t.cause {
            Cause::Status { .. } if t.from == State::Unknown => self.add(t.id, t.slot, None),
            Cause::Create { entry } => self.add(t.id, t.slot, texts.root(tables, entry)),
            Cause::CreateSyscall => self.add(t.id, t.slot, None),
            _ => {}
        }
        let stack_is_own = matches!(
            t.cause,
            Cause::Status { .. } | Cause::Block { .. } | Cause::Stop { .. } | Cause::SyscallBegin
        );
        if let Some(life) = self.at(t.slot) {
            if life.function.is_none() && stack_is_own && t.stack.0 != 0 {
                life.function = texts.root(tables, t.stack);
            }
            if life.function.is_some() {
                life.name(texts, out);
            }
        }
        if matches!(t.cause, Cause::Status { .. }) && t.from != State::Unknown {
            return;
        }
        if t.to == State::Gone {
            if let Some(life) = self.at(t.slot) {
                life.track.close_all(ns, out);
                life.name(texts, out);
            }
            return;
        }
        let waker = self.waker(event, t, texts);
        let ns = self.meet(ns, event, t, waker.is_some());
        let Some(life) = self.at(t.slot) else { return };
        let mut arguments = String::new();
        match &waker {
            None => arguments.push_str(texts.stack(tables, t.stack)),
            Some(waker) => {
                let mut by = b"\"by\":".to_vec();
                super::json::push_text(&mut by, waker);
                arguments.push_str(&String::from_utf8_lossy(&by));
                let at = texts.place(tables, t.stack);
                if !at.is_empty() {
                    arguments.push(',');
                    arguments.push_str(at);
                }
            }
        }
        if matches!(life.track.top(), Some(Slice::State(_))) {
            life.track.close(ns, out);
        }
        life.track.open(ns, Slice::State(t.to), &name(t, tables), &arguments, out);
        let to = life.track.place;
        if waker.is_some() {
            self.arrow(ns, event, t, to, out);
        }
    }

    /// Who made it able to run, if it was a goroutine.
    fn waker(&self, event: &Event, t: &Transition, texts: &Texts) -> Option<Vec<u8>> {
        let wakes = matches!(
            t.cause,
            Cause::Unblock | Cause::Create { .. } | Cause::SwitchTo | Cause::SwitchToAndDestroy
        );
        let label = self.label(event.slot, texts);
        (wakes && event.slot != t.slot && !label.is_empty()).then_some(label)
    }

    /// A time at which both ends of an arrow can be: not before what either track has.
    fn meet(&mut self, ns: u64, event: &Event, t: &Transition, both: bool) -> u64 {
        if !both {
            return ns;
        }
        let ns = self.at(event.slot).map_or(ns, |life| life.track.at(ns));
        let ns = self.at(t.slot).map_or(ns, |life| life.track.at(ns));
        self.at(event.slot).map_or(ns, |life| life.track.at(ns))
    }

    fn arrow<W: Write>(&mut self, ns: u64, event: &Event, t: &Transition, to: Place, out: &mut Out<'_, W>) {
        let what = if matches!(t.cause, Cause::Create { .. }) { "creates" } else { "wakes" };
        self.arrows += 1;
        let id = self.arrows;
        let Some(from) = self.at(event.slot).map(|life| life.track.place) else { return };
        for (phase, place) in [("s", from), ("f", to)] {
            let mut event = out.event(phase, place);
            event.time(ns);
            event.text("name", what.as_bytes());
            event.text("cat", what.as_bytes());
            event.number("id", id);
            if phase == "f" {
                // It ends in the slice around it, and not in the next one.
                event.text("bp", b"e");
            }
        }
    }

    /// A goroutine is no more, and all has been told of it.
    pub(super) fn forget(&mut self, slot: Slot) {
        if let Some(place) = self.all.get_mut(slot.index()) {
            *place = None;
        }
    }

    /// A slice around the state begins.
    fn begin_around<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        slice: Slice,
        (name, arguments): (&[u8], &str),
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let Some(life) = self.at(slot) else { return };
        let state = life.track.top().filter(|top| matches!(top, Slice::State(_)));
        if state.is_some() {
            life.track.close(ns, out);
        }
        life.track.open(ns, slice, name, arguments, out);
        if let Some(state) = state {
            life.track.go_on(ns, state, scene, out);
        }
    }

    pub(super) fn region_begins<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        name: Name,
        arguments: &str,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let told = (scene.names.text(name), arguments);
        self.begin_around(ns, slot, Slice::Region(name), told, scene, out);
    }

    /// The end of a region that began before the trace is a moment.
    pub(super) fn region_ends<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        name: Name,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let Some(life) = self.at(slot) else { return };
        if !life.track.close_that(ns, |slice| slice == Slice::Region(name), scene, out) {
            let text = [b"end of ", scene.names.text(name)].concat();
            life.moment(ns, &text, "\"begun\":\"before the trace\"", out);
        }
    }

    pub(super) fn assist<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        edge: Edge,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let is_assist = |slice| slice == Slice::Assist;
        let Some(life) = self.at(slot) else { return };
        let is_open = life.track.has(is_assist);
        match edge {
            Edge::End => {
                life.track.close_that(ns, is_assist, scene, out);
            }
            Edge::Begin | Edge::Active if is_open => {}
            Edge::Begin => self.begin_around(ns, slot, Slice::Assist, (b"GC assist", ""), scene, out),
            Edge::Active => self.begin_around(0, slot, Slice::Assist, (b"GC assist", ""), scene, out),
        }
    }

    pub(super) fn log<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        key: &[u8],
        value: &[u8],
        out: &mut Out<'_, W>,
    ) {
        let Some(life) = self.at(slot) else { return };
        let mut arguments = b"\"message\":".to_vec();
        super::json::push_text(&mut arguments, value);
        let name = if key.is_empty() { b"log" } else { key };
        life.moment(ns, name, &String::from_utf8_lossy(&arguments), out);
    }

    /// A CPU sample, of a goroutine that lives.
    pub(super) fn sample<W: Write>(&mut self, ns: u64, slot: Slot, at: &str, out: &mut Out<'_, W>) -> bool {
        let life = self.at(slot);
        life.map(|life| life.moment(ns, b"CPU sample", at, out)).is_some()
    }

    /// The window ends: what is open ends with it.
    pub(super) fn finish<W: Write>(&mut self, ns: u64, out: &mut Out<'_, W>) {
        let texts = Texts::default();
        for life in self.all.iter_mut().flatten() {
            life.track.close_all(ns, out);
            life.name(&texts, out);
        }
    }
}

impl Life {
    fn label(&self, texts: &Texts) -> Vec<u8> {
        let mut label = format!("G{}", self.id.0).into_bytes();
        if let Some(function) = self.function {
            label.push(b' ');
            label.extend_from_slice(texts.function(function));
        }
        label
    }

    /// Names the track, once.
    fn name<W: Write>(&mut self, texts: &Texts, out: &mut Out<'_, W>) {
        if !self.is_named {
            self.is_named = true;
            out.named("thread_name", self.track.place, &self.label(texts));
        }
    }

    fn moment<W: Write>(&mut self, ns: u64, name: &[u8], arguments: &str, out: &mut Out<'_, W>) {
        let ns = self.track.at(ns);
        moment(ns, self.track.place, name, arguments, out);
    }
}

/// Something that takes no time.
pub(super) fn moment<W: Write>(ns: u64, place: Place, name: &[u8], arguments: &str, out: &mut Out<'_, W>) {
    let mut event = out.event("i", place);
    event.time(ns);
    event.text("name", name);
    event.text("s", b"t");
    if !arguments.is_empty() {
        event.open("args");
        event.members(arguments);
        event.close();
    }
}

/// The name of the slice of a state: with what is waited for, where that is said.
fn name<'a>(t: &Transition, tables: &'a Tables) -> Cow<'a, [u8]> {
    let state = state_name(t.to).as_bytes();
    match t.cause {
        Cause::Block { reason } => match tables.string(reason) {
            Some(reason) if !reason.is_empty() => [state, b": ", reason].concat().into(),
            _ => state.into(),
        },
        _ => state.into(),
    }
}
