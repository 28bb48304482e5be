//! A summary held against the program's own account, figure by figure. What differs is collected, so that one run shows
//! all of it.

use std::collections::BTreeMap;

use linger_gotrace::event::State;
use linger_gotrace::summary::{Named, SiteId, Spans, Summary};

use crate::account::{Annotation, Span, Wait, Window};

/// What a duration may differ by: a hundredth of it, or a millisecond.
const SHARE: u64 = 100;
const NS: u64 = 1_000_000;

/// What differs.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) counts: Vec<String>,
    /// By what they are of.
    pub(crate) durations: BTreeMap<String, String>,
    /// Figures that were compared.
    pub(crate) compared: usize,
    trace: String,
}

impl Faults {
    /// Everything the program says of one trace.
    pub(crate) fn window(&mut self, minor: u16, truth: &Window, told: &Summary) {
        self.trace = truth.file.rsplit('/').next().unwrap_or("").to_owned();
        self.extent(truth, told);
        self.goroutines(minor, truth, told);
        self.births(truth, told);
        for wait in &truth.waits {
            self.wait(wait, told);
        }
        for call in truth.calls.iter().flatten() {
            let calls = told.syscalls.iter().filter(|(site, _)| is_in(told, *site, &call.name));
            self.spans("system calls in", call, &joined(calls.map(|(_, spans)| spans)));
        }
        self.states(truth, told);
        if minor > 22 {
            self.suspects(truth, told);
        }
        for stop in &truth.stops {
            let stops = told.stops.iter().filter(|(kind, _)| *kind == stop.name);
            let stops = joined(stops.map(|(_, spans)| spans));
            self.count(&format!("stops for {}", stop.name), stop.count, stops.count);
            if stop.ns > 0 {
                self.duration(&format!("stops for {}", stop.name), stop.ns, stops.total_ns);
            }
        }
        self.count("collections", truth.collections, told.gc.mark.count);
        self.annotations("tasks", truth.tasks.as_deref().unwrap_or(&[]), &told.tasks);
        self.annotations("regions", truth.regions.as_deref().unwrap_or(&[]), &told.regions);
        let logs: BTreeMap<String, u64> = told.logs.iter().cloned().collect();
        self.same("logs", &truth.logs, &logs);
        for (kind, count) in &truth.events {
            let events = told.events.iter().filter(|(name, _)| name == kind);
            self.count(&format!("events {kind}"), *count, events.map(|(_, count)| count).sum());
        }
    }

    fn count(&mut self, what: &str, truth: u64, told: u64) {
        self.same(what, &truth, &told);
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, truth: &T, told: &T) {
        self.compared += 1;
        if truth != told {
            self.counts.push(format!("{}, {what}: {told:?}, and in truth {truth:?}", self.trace));
        }
    }

    fn duration(&mut self, what: &str, truth_ns: u64, told_ns: u64) {
        self.compared += 1;
        if truth_ns.abs_diff(told_ns) > NS.max(truth_ns / SHARE) {
            let place = format!("{}, {what}", self.trace);
            self.durations.insert(place, format!("{told_ns} ns, and in truth {truth_ns} ns"));
        }
    }

    fn spans(&mut self, what: &str, truth: &Span, told: &Spans) {
        let what = format!("{what} {}", truth.name);
        self.count(&what, truth.count, told.count);
        self.duration(&what, truth.ns, told.total_ns);
    }

    fn extent(&mut self, truth: &Window, told: &Summary) {
        let nearest = told.window_ns.clamp(truth.at_least_ns, truth.at_most_ns);
        self.duration("the window", nearest, told.window_ns);
    }

    fn goroutines(&mut self, minor: u16, truth: &Window, told: &Summary) {
        let goroutines = &told.goroutines;
        assert!(goroutines.complete, "a whole trace");
        let own = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        // The runtime's own are in no dump, and known by name where they have stacks.
        let runtime = told.functions.iter().filter(|function| function.function.starts_with("runtime."));
        let before = goroutines.at_start.saturating_sub(own(&truth.at_start));
        let since =
            runtime.clone().map(|f| f.created).sum::<u64>() - runtime.clone().map(|f| f.ended).sum::<u64>();
        if minor > 22 {
            self.count("goroutines of the runtime", before, runtime.map(|f| f.at_start).sum());
        }
        self.count("goroutines at the end", own(&truth.alive) + before + since, goroutines.alive);
        if truth.max > 0 {
            self.count("most goroutines", truth.max + before + since, goroutines.max);
        }
        for function in &told.functions {
            let name = function.function.as_str();
            let of = |counts: &BTreeMap<String, u64>| counts.get(name).copied().unwrap_or(0);
            if name.starts_with("main.") {
                self.count(&format!("created of {name}"), of(&truth.created), function.created);
            }
            // Before 1.23 silent goroutines have no stack, and so no function.
            if minor > 22 && !name.starts_with("runtime.") {
                self.count(&format!("{name} at the start"), of(&truth.at_start), function.at_start);
                let alive = function.at_start + function.created - function.ended;
                self.count(&format!("{name} at the end"), of(&truth.alive), alive);
            }
        }
        for (name, count) in &truth.created {
            let function = told.functions.iter().find(|function| function.function == *name);
            self.count(&format!("created of {name}"), *count, function.map_or(0, |f| f.created));
        }
        for run in truth.running.iter().flatten() {
            let functions = told.functions.iter().filter(|function| function.function == run.name);
            self.duration(&format!("running {}", run.name), run.ns, functions.map(|f| f.running_ns).sum());
        }
    }

    fn births(&mut self, truth: &Window, told: &Summary) {
        for birth in truth.births.iter().flatten() {
            let births = told.births.iter().filter(|b| b.function == birth.function);
            let births = births.filter(|b| is_in(told, b.site, &birth.site));
            let what = format!("{} created by {}", birth.function, birth.site);
            self.count(&what, birth.created, births.map(|b| b.created).sum());
        }
    }

    fn wait(&mut self, truth: &Wait, told: &Summary) {
        let what = format!("{} in {}", truth.reason, truth.function);
        let waits: Vec<_> = told
            .waits
            .iter()
            .filter(|wait| wait.reason == truth.reason && is_in(told, wait.site, &truth.function))
            .collect();
        let spans = joined(waits.iter().map(|wait| &wait.spans));
        self.count(&what, truth.count, spans.count);
        self.count(&format!("open {what}"), truth.open, spans.open);
        self.duration(&what, truth.ns, spans.total_ns);
        let woken = waits.iter().flat_map(|wait| &wait.woken_by);
        let woken = woken.filter(|by| truth.woken_by.is_empty() || is_in(told, by.site, &truth.woken_by));
        let woken = joined(woken.map(|by| &by.spans));
        self.count(&format!("{what}, woken"), truth.count, woken.count);
        if truth.open == 0 {
            self.duration(&format!("{what}, woken"), truth.ns, woken.total_ns);
        }
    }

    fn states(&mut self, truth: &Window, told: &Summary) {
        let of = |reason: &str| {
            let states = told.states.iter().filter(|s| s.state == State::Runnable && s.reason == reason);
            joined(states.map(|state| &state.spans))
        };
        self.duration("from creation to running", truth.created_ns, of("created").total_ns);
        if let Some(yielded) = truth.yielded {
            let all = of("yielded").count;
            // Who starts the world again may yield too, and so may who starts and stops the trace.
            let restarts = told.stops.iter().map(|(_, spans)| spans.count).sum::<u64>() + 2;
            self.count("yielded", yielded, all.min(yielded.max(all.saturating_sub(restarts))));
            self.count("starts after yielding", all, told.latency_yielded.spans.count);
        }
    }

    fn suspects(&mut self, truth: &Window, told: &Summary) {
        for group in &truth.suspects {
            let groups = told.suspects.iter().filter(|s| s.function == group.function);
            let groups = groups.filter(|s| s.reason == group.reason && !s.system);
            let groups = groups.filter(|s| is_in(told, s.site, &group.function));
            let what = format!("suspects of {} for {}", group.function, group.reason);
            self.count(&what, group.count, groups.map(|s| s.count).sum());
        }
        let known: u64 = truth.suspects.iter().map(|group| group.count).sum();
        let own = told.suspects.iter().filter(|s| s.function.starts_with("main."));
        self.count("suspects", known, own.map(|s| s.count).sum());
    }

    fn annotations(&mut self, what: &str, truth: &[Annotation], told: &[Named]) {
        self.count(&format!("names of {what}"), truth.len() as u64, told.len() as u64);
        for one in truth {
            let what = format!("{what} {:?}", one.name);
            let found = told.iter().find(|named| named.name == one.name);
            let found = found.map(|named| named.annotated).unwrap_or_default();
            let expected = [one.begun, one.ended, one.open, one.begun_before, one.abandoned];
            let spans = found.spans;
            let counted = [found.begun, spans.count, spans.open, found.begun_before, found.abandoned];
            self.same(&what, &expected, &counted);
            self.duration(&what, one.ns, spans.total_ns);
        }
    }
}

/// Whether a site is within a function.
fn is_in(told: &Summary, site: SiteId, function: &str) -> bool {
    told.sites.get(site.0).is_some_and(|site| site.frames.iter().any(|frame| &*frame.function == function))
}

fn joined<'a>(spans: impl Iterator<Item = &'a Spans>) -> Spans {
    spans.fold(Spans::default(), |mut all, one| {
        all.count += one.count;
        all.open += one.open;
        all.total_ns += one.total_ns;
        all.max_ns = all.max_ns.max(one.max_ns);
        all
    })
}
