//! `trace`: births and deaths of goroutines, time blocked, waits for a processor, the collector, annotated defers; and the
//! trace itself is kept.
//!
//! A trace is used as far as it goes. Of one that is not whole the complete generations are told alone where there are
//! some: in a cut one stacks are missing, so places would seem to have less than they had. What is left out is said,
//! and no series is closed for being absent from it.

use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::report::KeptTrace;
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use crate::traces::{Keeping, Traces};
use linger_derive::trace::{BOUNDS, Figures, Known, Latency, UNKNOWN, figures};
use linger_gotrace::summary::{Summarizer, Summary};
use linger_gotrace::{Error, Limits, Options, Version, read};
use linger_series::metric;
use std::collections::BTreeSet;

/// Bodies from this size on have freed memory given back after they were decoded: with them the agent was for a moment
/// several times as large as it usually is.
const TRIM_FROM_BYTES: usize = 256 * 1024;
/// Goroutines alive at one time in a trace: scheduled ones are asked for up to a tenth of this.
const GOROUTINES_MAX: u32 = 1 << 17;
/// Threads and procs: Go itself ends a program at 10,000 threads.
const THREADS_MAX: u32 = 1 << 14;
/// User tasks and regions open at one time.
const OPEN_MAX: u32 = 1 << 15;
/// Names of regions, tasks and kinds of stops.
const NAMES_MAX: u32 = 1 << 12;
/// Index of one generation's batches.
const INDEX_BYTES_MAX: u64 = 4 << 20;
/// Threads looked at in vain: a second or two of a slow build.
const TRIES_MAX: u64 = 1 << 24;
/// What the tables of a generation may take, as a multiple of the body's limit: of recorded ones they take less than the
/// body itself.
const TABLES_PER_BYTE: u64 = 2;
/// Series remembered that a later trace may have to close.
const SHOWN_MAX: usize = 4096;

/// What is remembered of a target's traces.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// Rates told above zero, which end with a zero when a trace has them no more.
    shown: BTreeSet<Place>,
    /// All windows since the agent began to watch.
    latency: Latency,
}

/// A series that is told: its metric, and its labels beside the target's.
type Place = (&'static str, Vec<(&'static str, String)>);

/// Takes a trace.
pub(super) fn take(
    target: &mut TargetState,
    job: &Job,
    answer: &Answer,
    traces: Option<&Traces>,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    let told = decoded(answer).inspect_err(|_| trim(answer))?;
    let known = Known {
        go_root: &target.go_root,
        start_lines: &target.start_lines,
        sites_max: target.facts.sites_max,
    };
    let figures = figures(&told.summary, &known);
    let goroutines = (told.summary.goroutines.created, told.summary.goroutines.ended);
    drop(told.summary);
    trim(answer);
    let Some(figures) = figures else {
        let nothing =
            || Failure::new(State::Truncated, "the trace covers less than 10 ms, too little for rates");
        return Err(answer.cut.clone().unwrap_or_else(nothing));
    };
    record(target, &figures, told.cut.is_some(), samples);
    let about = KeptTrace {
        target: job.target.clone(),
        at_ms: job.at.0,
        go: told.version.to_string(),
        window_s: figures.window_seconds,
        events: figures.events,
        cut: told.cut.clone(),
        ..KeptTrace::default()
    };
    let kept = traces.map_or(Ok(Keeping::Off), |traces| traces.keep(about, &answer.body));
    let mut parts = vec![
        format!("{} events in {:.2} s, {}", figures.events, figures.window_seconds, told.version),
        format!("{} goroutines created, {} ended", goroutines.0, goroutines.1),
    ];
    if let Some(why) = told.cut {
        parts.insert(0, format!("not whole: {why}"));
    }
    match kept {
        Ok(Keeping::Kept | Keeping::Off) => {}
        Ok(Keeping::TooLarge) => parts.push("too large to be kept: raise retention.traces_bytes".into()),
        Err(e) => parts.push(format!("it cannot be kept: {e}")),
    }
    Ok(Reply { detail: Some(Failure::new(State::Ok, parts.join("; ")).detail), ..Reply::ok() })
}

fn trim(answer: &Answer) {
    if answer.body.len() >= TRIM_FROM_BYTES {
        linger_probe::trim();
    }
}

/// What a body told.
struct Told {
    version: Version,
    summary: Summary,
    /// Why that is not all of a trace.
    cut: Option<String>,
}

/// Reads a body as far as it goes.
fn decoded(answer: &Answer) -> Result<Told, Failure> {
    let body: &[u8] = &answer.body;
    let mut options = options(answer.body_bytes_max);
    let version = Version::of(body).map_err(|e| refused(&e, answer))?;
    let mut summarizer = Summarizer::new();
    let mut done = read(&body, &options, &mut summarizer);
    let cut = match (&answer.cut, &done) {
        (Some(failure), _) => Some(failure.detail.clone()),
        (None, Err(e)) => Some(e.to_string()),
        (None, Ok(read)) => read.end.is_cut().then(|| "it ends within its last generation".to_owned()),
    };
    if done.as_ref().is_ok_and(|read| read.end.is_cut() && read.generations > 1) {
        // Once more without the generation that is cut, which is refused where it begins.
        options.refuse_cuts = true;
        summarizer = Summarizer::new();
        done = read(&body, &options, &mut summarizer);
    }
    let end = done.as_ref().ok().map(|read| read.end);
    let summary = summarizer.finish(end);
    match done {
        Err(e) if summary.events_total == 0 => Err(refused(&e, answer)),
        _ => Ok(Told { version, summary, cut }),
    }
}

/// What a trace may make us hold: the agent lives beside the service.
fn options(body_bytes_max: usize) -> Options {
    let bytes_max = u64::try_from(body_bytes_max).unwrap_or(u64::MAX);
    let mut limits = Limits::default();
    limits.trace_bytes_max = bytes_max;
    limits.tables_bytes_max = bytes_max.saturating_mul(TABLES_PER_BYTE);
    limits.index_bytes_max = INDEX_BYTES_MAX;
    limits.goroutines_max = GOROUTINES_MAX;
    (limits.threads_max, limits.procs_max) = (THREADS_MAX, THREADS_MAX);
    (limits.open_max, limits.names_max) = (OPEN_MAX, NAMES_MAX);
    limits.tries_max = TRIES_MAX;
    let mut options = Options::default();
    options.limits = limits;
    options
}

/// Names a decoder's refusal. What broke off on the way is no fault of its format.
fn refused(error: &Error, answer: &Answer) -> Failure {
    let state = match (error, &answer.cut) {
        (Error::OldFormat { .. } | Error::UnknownVersion { .. }, _) => State::Unsupported,
        (_, Some(cut)) => return cut.clone(),
        (Error::Limit { .. }, None) => State::TooLargeInflated,
        (_, None) => State::NotPprof,
    };
    Failure::new(state, error.to_string())
}

/// Stores the figures.
fn record(target: &mut TargetState, figures: &Figures, cut: bool, samples: &mut Samples) {
    samples.push(metric::TRACE_WINDOW, &[], figures.window_seconds);
    samples.push(metric::TRACE_EVENTS, &[], figures.events as f64);
    samples.push(metric::TRACE_CUT, &[], if cut { 1.0 } else { 0.0 });
    samples.push(metric::GC_MARK, &[], figures.gc_mark);
    samples.push(metric::GC_ASSIST, &[], figures.gc_assist);
    samples.push(metric::GC_SWEEP, &[], figures.gc_sweep);
    if let Some(bytes) = figures.gc_goal_bytes {
        samples.push(metric::GC_GOAL, &[], bytes as f64);
    }
    target.traced.latency.add(&figures.latency);
    record_latency(&target.traced.latency, samples);
    let shown = record_rates(figures, samples);
    if cut {
        // What is absent may only be missing.
        let room = SHOWN_MAX.saturating_sub(target.traced.shown.len());
        target.traced.shown.extend(shown.into_iter().take(room));
        return;
    }
    for (name, labels) in target.traced.shown.difference(&shown) {
        let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        samples.push(name, &labels, 0.0);
    }
    target.traced.shown = shown.into_iter().take(SHOWN_MAX).collect();
}

/// All rows; returned are those above zero.
fn record_rates(figures: &Figures, samples: &mut Samples) -> BTreeSet<Place> {
    let mut shown = BTreeSet::new();
    let mut rate = |samples: &mut Samples,
                    name: &'static str,
                    labels: &[(&'static str, &str)],
                    value: f64| {
        samples.push(name, labels, value);
        if value > 0.0 {
            shown.insert((name, labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()));
        }
    };
    for f in &figures.functions {
        let labels = [("function", f.function.as_str())];
        rate(samples, metric::GOROUTINES_CREATED, &labels, f.created_per_second);
        rate(samples, metric::GOROUTINES_ENDED, &labels, f.ended_per_second);
    }
    for b in &figures.blocked {
        let labels = [("reason", b.reason.as_str()), ("site", b.site.id.as_str())];
        rate(samples, metric::BLOCKED, &labels, b.seconds_per_second);
        if b.site.id != metric::OTHER_SITE && b.site.id != UNKNOWN {
            samples.describe(&b.site);
        }
    }
    for s in &figures.stops {
        let labels = [("reason", s.reason.as_str())];
        rate(samples, metric::STW, &labels, s.seconds_per_second);
        rate(samples, metric::STW_STOPS, &labels, s.stops_per_second);
        samples.push(metric::STW_MAX, &labels, s.max_seconds);
    }
    for h in &figures.holds {
        let labels = [("name", h.name.as_str())];
        rate(samples, metric::DEFER_HOLD_CALLS, &labels, h.calls_per_second);
        rate(samples, metric::DEFER_HOLD_OPEN, &labels, h.open as f64);
        for (name, seconds) in [(metric::DEFER_HOLD, h.mean_seconds), (metric::DEFER_HOLD_MAX, h.max_seconds)]
        {
            if let Some(seconds) = seconds {
                samples.push(name, &labels, seconds);
            }
        }
    }
    shown
}

fn record_latency(latency: &Latency, samples: &mut Samples) {
    let at_most = BOUNDS.into_iter().zip(latency.at_most).chain([("+Inf", latency.count)]);
    for (bound, count) in at_most {
        samples.push(metric::SCHED_LATENCY_BUCKET, &[("le", bound)], count as f64);
    }
    samples.push(metric::SCHED_LATENCY_COUNT, &[], latency.count as f64);
    samples.push(metric::SCHED_LATENCY_SUM, &[], latency.seconds);
}
