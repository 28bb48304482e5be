//! What is nobody's own: collections, stops of the world, tasks, and the counters.

use super::counter::Counter;
use super::json::{Out, Place, RUNTIME, TASKS};
use super::lives::moment;
use super::track::{Slice, Track};
use linger_gotrace::Scene;
use linger_gotrace::event::{Cause, Edge, Name, Slot, State, TaskId, Transition};
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::rc::Rc;

const COLLECTOR: Place = Place { process: RUNTIME, thread: 1 };
const STOPS: Place = Place { process: RUNTIME, thread: 2 };
const SAMPLES: Place = Place { process: RUNTIME, thread: 3 };

/// All of it.
#[derive(Debug)]
pub(super) struct Runtime {
    collector: Track,
    stops: Track,
    samples: Option<Track>,
    /// Open tasks and when they began. The decoder bounds how many, and how many names there are.
    tasks: BTreeMap<u64, (Rc<[u8]>, u64)>,
    task_names: HashMap<Name, Rc<[u8]>>,
    count: u64,
    running: u64,
    goroutines: Counter,
    running_now: Counter,
    pub(super) heap: Counter,
    pub(super) goal: Counter,
    pub(super) procs: Counter,
}

impl Runtime {
    pub(super) fn new<W: Write>(count: u64, out: &mut Out<'_, W>) -> Self {
        out.named("thread_name", COLLECTOR, b"garbage collector");
        out.named("thread_name", STOPS, b"stopped world");
        let mut goroutines = Counter::new("goroutines", "count");
        goroutines.set(0, count, out);
        Self {
            collector: Track::new(COLLECTOR),
            stops: Track::new(STOPS),
            samples: None,
            tasks: BTreeMap::new(),
            task_names: HashMap::new(),
            count,
            running: 0,
            goroutines,
            running_now: Counter::new("running goroutines", "count"),
            heap: Counter::new("live heap", "bytes"),
            goal: Counter::new("heap goal", "bytes"),
            procs: Counter::new("GOMAXPROCS", "count"),
        }
    }

    /// Counts goroutines, and those that run.
    pub(super) fn goroutine<W: Write>(&mut self, ns: u64, t: &Transition, out: &mut Out<'_, W>) {
        let before = (self.count, self.running);
        match t.cause {
            Cause::Create { .. } | Cause::CreateSyscall => self.count += 1,
            _ if t.to == State::Gone => self.count = self.count.saturating_sub(1),
            _ => {}
        }
        if t.from != t.to {
            self.running += u64::from(t.to == State::Running);
            self.running = self.running.saturating_sub(u64::from(t.from == State::Running));
        }
        if before.0 != self.count {
            self.goroutines.set(ns, self.count, out);
        }
        if before.1 != self.running {
            self.running_now.set(ns, self.running, out);
        }
    }

    /// A goroutine ended: the stops that it did not end, end with it.
    pub(super) fn gone<W: Write>(&mut self, ns: u64, slot: Slot, scene: &Scene<'_>, out: &mut Out<'_, W>) {
        let of_it = |slice| matches!(slice, Slice::Stop { slot: stopper, .. } if stopper == slot);
        while self.stops.close_that(ns, of_it, scene, out) {}
    }

    pub(super) fn mark<W: Write>(
        &mut self,
        ns: u64,
        edge: Edge,
        at: &str,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let is_mark = |slice| slice == Slice::Mark;
        match edge {
            Edge::End => {
                self.collector.close_that(ns, is_mark, scene, out);
            }
            Edge::Begin | Edge::Active if self.collector.has(is_mark) => {}
            Edge::Begin => self.collector.open(ns, Slice::Mark, b"GC mark", at, out),
            Edge::Active => self.collector.open(0, Slice::Mark, b"GC mark", "", out),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what happened, what is known, and where it goes")]
    pub(super) fn stop_begins<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        kind: Name,
        who: &[u8],
        at: &str,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let mut arguments = b"\"by\":".to_vec();
        super::json::push_text(&mut arguments, who);
        let mut arguments = String::from_utf8_lossy(&arguments).into_owned();
        if !at.is_empty() {
            arguments.push(',');
            arguments.push_str(at);
        }
        self.stops.open(ns, Slice::Stop { slot, kind }, scene.names.text(kind), &arguments, out);
    }

    pub(super) fn stop_ends<W: Write>(
        &mut self,
        ns: u64,
        slot: Slot,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let of_it = |slice| matches!(slice, Slice::Stop { slot: stopper, .. } if stopper == slot);
        self.stops.close_that(ns, of_it, scene, out);
    }

    pub(super) fn task_begins<W: Write>(
        &mut self,
        ns: u64,
        task: TaskId,
        parent: TaskId,
        name: Name,
        scene: &Scene<'_>,
        out: &mut Out<'_, W>,
    ) {
        let name = self.task_names.entry(name).or_insert_with(|| scene.names.text(name).into());
        let parent = (parent.0 != 0).then_some(parent);
        write_task("b", ns, task.0, name, parent, out);
        self.tasks.insert(task.0, (Rc::clone(name), ns));
    }

    /// The end of one that began before the trace has no beginning to belong to.
    pub(super) fn task_ends<W: Write>(&mut self, ns: u64, task: TaskId, out: &mut Out<'_, W>) {
        if let Some((name, since_ns)) = self.tasks.remove(&task.0) {
            write_task("e", ns.max(since_ns), task.0, &name, None, out);
        }
    }

    /// A CPU sample of no goroutine.
    pub(super) fn sample<W: Write>(&mut self, ns: u64, at: &str, out: &mut Out<'_, W>) {
        let track = self.samples.get_or_insert_with(|| {
            out.named("thread_name", SAMPLES, b"CPU samples of no goroutine");
            Track::new(SAMPLES)
        });
        moment(track.at(ns), SAMPLES, b"CPU sample", at, out);
    }

    /// The window ends.
    pub(super) fn finish<W: Write>(&mut self, ns: u64, out: &mut Out<'_, W>) {
        self.collector.close_all(ns, out);
        self.stops.close_all(ns, out);
        for (task, (name, since_ns)) in std::mem::take(&mut self.tasks) {
            write_task("e", ns.max(since_ns), task, &name, None, out);
        }
        let counters =
            [&mut self.goroutines, &mut self.running_now, &mut self.heap, &mut self.goal, &mut self.procs];
        for counter in counters {
            counter.flush(out);
        }
    }
}

/// One side of a task. Tasks do not nest, so each is told by its number.
fn write_task<W: Write>(
    phase: &str,
    ns: u64,
    task: u64,
    name: &[u8],
    parent: Option<TaskId>,
    out: &mut Out<'_, W>,
) {
    let mut event = out.event(phase, Place { process: TASKS, thread: 1 });
    event.time(ns);
    event.text("name", name);
    event.text("cat", b"task");
    event.text("id", format!("0x{task:x}").as_bytes());
    if let Some(parent) = parent {
        event.open("args");
        event.text("parent", format!("0x{:x}", parent.0).as_bytes());
        event.close();
    }
}
