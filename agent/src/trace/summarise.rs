//! From a trace to its report: read once, counted by gotrace, told by places. Lists are cut to what was asked for, and
//! what is left out of each is counted; what is missing of the trace becomes sentences.

use super::facts::Facts;
use super::groups::Groups;
use super::missing;
use super::places::{Identity, Places, identity};
use crate::report::VERSION;
use crate::report::trace::{
    Latency, RuntimeOwn, TraceCreation, TraceFacts, TraceFunction, TraceGc, TraceGoroutines, TraceHeap,
    TraceLog, TraceNamed, TraceSamples, TraceSpans, TraceState, TraceSummary, TraceSuspects, TraceSyscall,
    TraceWait, TraceWoken,
};
use linger_gotrace::event::State;
use linger_gotrace::summary::{DEFER_PREFIX, HeapSize, Histogram, Named, SiteId, Spans, Summarizer, Summary};
use linger_gotrace::{End, Error, Options, Source, Version, read};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Places told of those who created or who woke: the rest is counted.
const PLACES_MAX: usize = 8;

/// Goroutines named of one group of suspects.
const EXAMPLES_MAX: usize = 16;

/// States and reasons told at least: a busy service has about 15.
const STATES_MIN: usize = 24;

/// What is asked of a trace.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Where it is from, for people.
    pub source: String,
    /// What kept its bytes from coming whole, if anything did.
    pub broken_off: Option<String>,
    /// Rows of each list.
    pub limit: usize,
}

/// A report, and what was wrong with the trace where it was.
#[derive(Debug)]
pub struct Summarised {
    /// What was read of it.
    pub report: TraceSummary,
    /// Why reading ended before the end. What was told before it is true.
    pub broken: Option<Error>,
}

/// How a trace was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) version: Version,
    pub(super) bytes: u64,
    /// None when it turned out to be broken.
    pub(super) end: Option<End>,
}

/// Reads a trace.
///
/// # Errors
///
/// When nothing of it could be read.
pub fn summarise<S: Source>(source: &S, question: &Question) -> Result<Summarised, Error> {
    let mut watchers = (Summarizer::new(), Facts::default());
    let read = read(source, &Options::default(), &mut watchers);
    let (summarizer, facts) = watchers;
    let summary = summarizer.finish(read.as_ref().ok().map(|read| read.end));
    let (reading, broken) = match read {
        Ok(read) => (Reading { version: read.version, bytes: read.bytes, end: Some(read.end) }, None),
        Err(error) if summary.events_total == 0 => return Err(error),
        Err(error) => {
            let mut head = [0; 16];
            source.read_at(0, &mut head).map_err(|reason| Error::Read { offset: 0, reason })?;
            (Reading { version: Version::of(&head)?, bytes: source.bytes(), end: None }, Some(error))
        }
    };
    let mut teller = Teller {
        places: Places::of(&summary.sites),
        limit: question.limit.max(1),
        left_out: BTreeMap::new(),
    };
    let mut report = teller.tell(&summary);
    report.left_out = teller.left_out;
    report.trace = TraceFacts {
        source: question.source.clone(),
        format: reading.version.to_string(),
        go: written_by(reading.version).to_owned(),
        bytes: reading.bytes,
        generations: summary.generations,
        end: missing::end_name(reading.end).to_owned(),
        start_ms: facts.start_ms(),
        procs: facts.procs,
    };
    report.truncated = reading.end.is_none_or(End::is_cut) || question.broken_off.is_some();
    report.missing = missing::of(&summary, &reading, question.broken_off.as_deref(), broken.as_ref());
    Ok(Summarised { report, broken })
}

/// The releases that write a version: not each has one of its own.
fn written_by(version: Version) -> &'static str {
    match version {
        Version::Go1_22 => "Go 1.22",
        Version::Go1_23 => "Go 1.23 or 1.24",
        Version::Go1_25 => "Go 1.25",
        Version::Go1_26 => "Go 1.26 or 1.27",
    }
}

/// Tells lists, and counts what it leaves out.
struct Teller<'a> {
    places: Places<'a>,
    limit: usize,
    left_out: BTreeMap<String, u64>,
}

impl Teller<'_> {
    fn tell(&mut self, s: &Summary) -> TraceSummary {
        let (regions, defers): (Vec<&Named>, Vec<&Named>) =
            s.regions.iter().partition(|region| !region.name.starts_with(DEFER_PREFIX));
        let defer_name = |named: &Named| named.name.strip_prefix(DEFER_PREFIX).unwrap_or("").to_owned();
        let whole_name = |named: &Named| named.name.clone();
        TraceSummary {
            version: VERSION,
            window_ns: s.window_ns,
            events_total: s.events_total,
            events: events(s),
            goroutines: goroutines(s),
            runtime_own: self.runtime_own(s),
            functions: self.functions(s),
            suspects: self.suspects(s),
            states: self.states(s),
            waits: self.waits(s),
            scheduler_latency: latency(&s.latency),
            scheduler_latency_yielded: latency(&s.latency_yielded),
            syscalls: self.syscalls(s),
            gc: gc(s),
            stops: self.stops(s),
            tasks: self.named("tasks", s.tasks.iter().collect(), whole_name),
            regions: self.named("regions", regions, whole_name),
            defers: self.named("defers", defers, defer_name),
            logs: self.logs(s),
            cpu_samples: self.cpu_samples(s),
            ..TraceSummary::default()
        }
    }

    /// The first of a list; how many more there are is counted.
    fn first<T>(&mut self, list: &str, rows: Vec<T>) -> Vec<T> {
        self.cut(list, rows, self.limit)
    }

    fn cut<T>(&mut self, list: &str, mut rows: Vec<T>, limit: usize) -> Vec<T> {
        let more = rows.len().saturating_sub(limit);
        if more > 0 {
            self.left_out.insert(list.to_owned(), more as u64);
            rows.truncate(limit);
        }
        rows
    }

    fn runtime_own(&self, s: &Summary) -> RuntimeOwn {
        let mut own = RuntimeOwn::default();
        for function in s.functions.iter().filter(|f| f.system) {
            own.at_start += function.at_start;
            own.created += function.created;
            own.ended += function.ended;
            own.running_ns = own.running_ns.saturating_add(function.running_ns);
        }
        own.silent = s.suspects.iter().filter(|group| group.system).map(|group| group.count).sum();
        for wait in s.waits.iter().filter(|wait| self.places.is_runtime(wait.site)) {
            own.blocked_ns = own.blocked_ns.saturating_add(wait.spans.total_ns);
        }
        for (_, spans) in s.syscalls.iter().filter(|(site, _)| self.places.is_runtime(*site)) {
            own.syscalls_ns = own.syscalls_ns.saturating_add(spans.total_ns);
        }
        own
    }

    fn functions(&mut self, s: &Summary) -> Vec<TraceFunction> {
        let own = s.functions.iter().filter(|f| !f.system).collect();
        let told = self.first("functions", own);
        let creations = |function: &str| {
            let of_it = s.births.iter().filter(|birth| birth.function == function && birth.created > 0);
            let told = of_it.take(PLACES_MAX).map(|birth| TraceCreation {
                place: self.places.place(birth.site),
                created: birth.created,
                ended: birth.ended,
            });
            told.collect()
        };
        let row = |f: &&linger_gotrace::summary::FunctionCount| TraceFunction {
            function: f.function.clone(),
            at_start: f.at_start,
            created: f.created,
            ended: f.ended,
            alive: (f.at_start + f.created).saturating_sub(f.ended),
            running_ns: f.running_ns,
            created_at: creations(&f.function),
        };
        told.iter().map(row).collect()
    }

    fn suspects(&mut self, s: &Summary) -> Vec<TraceSuspects> {
        let mut groups: Groups<(String, String, Identity), TraceSuspects> = Groups::new();
        for group in s.suspects.iter().filter(|group| !group.system) {
            let place = self.places.place(group.site);
            let key = (group.reason.clone(), group.function.clone(), identity(&place));
            let of_it = groups.of(key, || TraceSuspects {
                reason: group.reason.clone(),
                function: group.function.clone(),
                place,
                ..TraceSuspects::default()
            });
            of_it.count += group.count;
            let room = EXAMPLES_MAX.saturating_sub(of_it.examples.len());
            of_it.examples.extend(group.examples.iter().take(room).map(|id| id.0));
        }
        self.first("suspects", groups.sorted(|group| group.count))
    }

    fn states(&mut self, s: &Summary) -> Vec<TraceState> {
        // What time goes on as a whole is worth more lines than its details.
        let limit = self.limit.max(STATES_MIN);
        let told = self.cut("states", s.states.iter().collect(), limit);
        let row = |state: &&linger_gotrace::summary::StateTime| TraceState {
            state: state_name(state.state).to_owned(),
            reason: state.reason.clone(),
            spans: spans(&state.spans),
        };
        told.iter().map(row).collect()
    }

    fn waits(&mut self, s: &Summary) -> Vec<TraceWait> {
        let mut groups: Groups<(String, Identity), TraceWait> = Groups::new();
        for wait in s.waits.iter().filter(|wait| !self.places.is_runtime(wait.site)) {
            let place = self.places.place(wait.site);
            let key = (wait.reason.clone(), identity(&place));
            let of_it =
                groups.of(key, || TraceWait { reason: wait.reason.clone(), place, ..TraceWait::default() });
            join(&mut of_it.spans, &wait.spans);
            let named = wait.woken_by.iter().filter(|by| by.site != SiteId::UNKNOWN);
            of_it.woken_by.extend(named.map(|by| TraceWoken {
                place: self.places.place(by.site),
                count: by.spans.count,
                total_ns: by.spans.total_ns,
            }));
        }
        let mut told = self.first("waits", groups.sorted(|wait| wait.spans.total_ns));
        told.iter_mut().for_each(by_place);
        told
    }

    fn syscalls(&mut self, s: &Summary) -> Vec<TraceSyscall> {
        let mut groups: Groups<Identity, TraceSyscall> = Groups::new();
        for (site, spans) in s.syscalls.iter().filter(|(site, _)| !self.places.is_runtime(*site)) {
            let place = self.places.place(*site);
            let of_it = groups.of(identity(&place), || TraceSyscall { place, ..TraceSyscall::default() });
            join(&mut of_it.spans, spans);
        }
        self.first("syscalls", groups.sorted(|call| call.spans.total_ns))
    }

    fn stops(&mut self, s: &Summary) -> Vec<TraceNamed> {
        let told = self.first("stops", s.stops.iter().collect());
        let row = |(name, time): &&(String, Spans)| TraceNamed {
            name: name.clone(),
            spans: spans(time),
            begun: time.count + time.open,
            ..TraceNamed::default()
        };
        told.iter().map(row).collect()
    }

    /// The longest first: what is held long is what hurts.
    fn named(
        &mut self,
        list: &str,
        mut all: Vec<&Named>,
        name: impl Fn(&Named) -> String,
    ) -> Vec<TraceNamed> {
        all.sort_by_key(|named| Reverse(named.annotated.spans.total_ns));
        let told = self.first(list, all);
        let row = |named: &&Named| TraceNamed {
            name: name(named),
            spans: spans(&named.annotated.spans),
            begun: named.annotated.begun,
            begun_before: named.annotated.begun_before,
            abandoned: named.annotated.abandoned,
        };
        told.iter().map(row).collect()
    }

    fn logs(&mut self, s: &Summary) -> Vec<TraceLog> {
        let mut all: Vec<&(String, u64)> = s.logs.iter().collect();
        all.sort_by_key(|(_, count)| Reverse(*count));
        let told = self.first("logs", all);
        told.iter().map(|(category, count)| TraceLog { category: category.clone(), count: *count }).collect()
    }

    fn cpu_samples(&mut self, s: &Summary) -> Vec<TraceSamples> {
        let mut groups: Groups<Identity, TraceSamples> = Groups::new();
        for (site, samples) in &s.samples {
            let place = self.places.place(*site);
            let of_it = groups.of(identity(&place), || TraceSamples { place, ..TraceSamples::default() });
            of_it.samples += samples;
        }
        self.first("cpu_samples", groups.sorted(|group| group.samples))
    }
}

fn join(all: &mut TraceSpans, more: &Spans) {
    all.count += more.count;
    all.open += more.open;
    all.total_ns = all.total_ns.saturating_add(more.total_ns);
    all.max_ns = all.max_ns.max(more.max_ns);
}

/// Who woke, by place, as many as are told; the others are counted.
fn by_place(wait: &mut TraceWait) {
    let mut groups: Groups<Identity, TraceWoken> = Groups::new();
    for by in wait.woken_by.drain(..) {
        let of_it =
            groups.of(identity(&by.place), || TraceWoken { place: by.place, ..TraceWoken::default() });
        of_it.count += by.count;
        of_it.total_ns = of_it.total_ns.saturating_add(by.total_ns);
    }
    wait.woken_by = groups.sorted(|by| by.total_ns);
    wait.woken_by.truncate(PLACES_MAX);
    let named: u64 = wait.woken_by.iter().map(|by| by.count).sum();
    wait.woken_by_others = wait.spans.count.saturating_sub(named);
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Runnable => "runnable",
        State::Running => "running",
        State::Syscall => "syscall",
        State::Waiting => "waiting",
        State::Gone | State::Unknown => "unknown",
    }
}

fn events(s: &Summary) -> BTreeMap<String, u64> {
    let mut events = BTreeMap::new();
    for (kind, count) in &s.events {
        *events.entry((*kind).to_owned()).or_insert(0) += count;
    }
    events
}

fn spans(spans: &Spans) -> TraceSpans {
    TraceSpans { count: spans.count, open: spans.open, total_ns: spans.total_ns, max_ns: spans.max_ns }
}

fn goroutines(s: &Summary) -> TraceGoroutines {
    let g = &s.goroutines;
    let per_second = |count: u64| match s.window_ns {
        0 => 0.0,
        window_ns => count as f64 * 1e9 / window_ns as f64,
    };
    TraceGoroutines {
        at_start: g.at_start,
        created: g.created,
        ended: g.ended,
        alive: g.alive,
        mean: g.mean,
        min: g.min,
        max: g.max,
        created_per_second: per_second(g.created),
        ended_per_second: per_second(g.ended),
        complete: g.complete,
        point_ns: g.point_ns,
        timeline: g.timeline.iter().map(|p| [p.start_ns, p.min, p.max, p.last]).collect(),
    }
}

fn latency(histogram: &Histogram) -> Latency {
    let filled = histogram.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
    Latency {
        spans: spans(&histogram.spans),
        p50_ns: histogram.quantile_ns(0.5),
        p90_ns: histogram.quantile_ns(0.9),
        p99_ns: histogram.quantile_ns(0.99),
        buckets: filled.map(|(bucket, count)| [1_u64 << bucket, *count]).collect(),
    }
}

fn gc(s: &Summary) -> TraceGc {
    TraceGc {
        mark: spans(&s.gc.mark),
        sweep: spans(&s.gc.sweep),
        assist: spans(&s.gc.assist),
        swept_bytes: s.gc.swept_bytes,
        reclaimed_bytes: s.gc.reclaimed_bytes,
        heap: heap(&s.gc.heap),
        goal: heap(&s.gc.goal),
    }
}

fn heap(size: &HeapSize) -> Option<TraceHeap> {
    (size.count > 0).then_some(TraceHeap {
        first_bytes: size.first_bytes,
        min_bytes: size.min_bytes,
        max_bytes: size.max_bytes,
        last_bytes: size.last_bytes,
    })
}
