//! `heap`: memory statistics, the proof of incarnation, and pending heap defers (method A).

use super::decode::{self, refused};
use super::pending::{By, Figure, tell};
use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use linger_derive::defers::heap::{HeapDefers, Sampled, pcs_to_resolve, pending, pending_by_program};
use linger_proto::heap_text::{self, HeapText};
use linger_proto::symbol;
use linger_series::metric;
use std::collections::BTreeMap;

/// How this method is called in labels and JSON.
pub const METHOD: &str = "heap profile";

/// Reads a heap profile with `debug=1`.
pub(super) fn take(
    target: &mut TargetState,
    job: &Job,
    answer: &Answer,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    let heap = heap_text::parse(&answer.body, &decode::limits(answer.body_bytes_max)).map_err(refused)?;
    let mut reply = Reply::ok();
    if let Some(stats) = &heap.mem_stats
        && target.incarnation.judge(stats, job.at)
    {
        target.forget_process();
    }
    if let Some(stats) = &heap.mem_stats {
        samples.push(metric::HEAP_INUSE, &[], stats.heap_inuse_bytes as f64);
        samples.push(metric::GC_CYCLES, &[], f64::from(stats.num_gc));
        samples.push(metric::MALLOCS, &[], stats.mallocs as f64);
    }
    let by_program = by_program(job, &heap);
    if by_program.is_none() && target.facts.goroutine_profiles && !target.start_lines_known {
        reply.detail =
            Some("pending defers are told from the next heap profile on, after a goroutine profile".into());
        return Ok(reply);
    }
    let told = match (by_program, &job.symbols) {
        (Some(told), _) => told,
        (None, None) => {
            let unknown = pcs_to_resolve(&heap, &target.symbols);
            if !unknown.is_empty() {
                return Ok(Reply { unknown_pcs: unknown, ..reply });
            }
            pending(&heap, &target.symbols, &target.start_lines)
        }
        (None, Some(symbols)) => {
            reply.detail = name_addresses(target, symbols);
            pending(&heap, &target.symbols, &target.start_lines)
        }
    };
    match told {
        HeapDefers::ProfilingOff => {
            reply.state = State::NotSampled;
            reply.detail =
                Some("the service sets runtime.MemProfileRate to 0: pending defers cannot be seen".into());
        }
        HeapDefers::Sampled(sampled) => record(target, job, &sampled, samples, &mut reply),
    }
    Ok(reply)
}

/// What the program's file says of the profile's addresses; `None` where it cannot be read, or is another one than the
/// program that the profile names.
fn by_program(job: &Job, heap: &HeapText) -> Option<HeapDefers> {
    match job.program.as_ref()?.ask(|program| pending_by_program(heap, program)) {
        Ok(HeapDefers::Sampled(sampled)) if sampled.unresolved.records > 0 => None,
        Ok(told) => Some(told),
        Err(stop) => {
            tracing::debug!(target = job.target, "the program's file does not tell its addresses: {stop}");
            None
        }
    }
}

/// Takes the target's names for addresses; what could not be named is said.
fn name_addresses(target: &mut TargetState, answers: &Result<Vec<Answer>, Failure>) -> Option<String> {
    let failed =
        |why: &str| Some(format!("the service could not name code addresses, defers may be missing: {why}"));
    let answers = match answers {
        Err(failure) => return failed(&failure.detail),
        Ok(answers) => answers,
    };
    for answer in answers {
        match symbol::parse(&answer.body) {
            Err(e) => return failed(&e.to_string()),
            Ok(names) => target.symbols.extend(names),
        }
    }
    None
}

/// The figures of this method; a count in the process's memory, while there is one, is better.
fn record(target: &mut TargetState, job: &Job, sampled: &Sampled, samples: &mut Samples, reply: &mut Reply) {
    if sampled.as_of_gc.is_some_and(|gc| gc.num_gc == 0) {
        reply.detail =
            Some("no garbage collection yet: pending defers cannot be told before the first".into());
        return;
    }
    samples.push(metric::DEFERS_FLOOR, &[("method", METHOD)], sampled.floor);
    let counted = target.pending.is_counted(job.at);
    let mut shown = BTreeMap::new();
    for p in &sampled.pending {
        let labels = [("kind", p.kind.as_str()), ("site", p.site.id.as_str()), ("method", METHOD)];
        samples.push(metric::DEFERS_PENDING_BY_METHOD, &labels, p.estimate);
        samples.describe(&p.site);
        if !counted {
            let figure = Figure::About { value: p.estimate, low: p.low, high: p.high };
            tell(samples, (p.kind, &p.site.id), figure);
            shown.insert((p.kind, p.site.id.clone()), By::Profile);
        }
    }
    if !counted {
        // A site that is gone is below the floor now, which is not the same as zero: its interval says so. What a census
        // counted and the profile would not see is not known any more: the next census tells its end.
        let is_whole = sampled.as_of_gc.is_some_and(|gc| target.pending.profile_is_whole(gc.num_gc));
        let former = std::mem::take(&mut target.pending.shown);
        for ((kind, site), by) in former.into_iter().filter(|(place, _)| !shown.contains_key(place)) {
            if by.ends_unseen(kind, sampled.floor, is_whole) {
                let figure = Figure::About { value: 0.0, low: 0.0, high: sampled.floor };
                tell(samples, (kind, &site), figure);
            } else {
                target.pending.shown.insert((kind, site), by);
            }
        }
        target.pending.shown.extend(shown);
    }
    if sampled.unresolved.records > 0 && reply.detail.is_none() {
        reply.detail = Some(format!(
            "{} records of a defer's size could not be named: defers may be missing",
            sampled.unresolved.records
        ));
    }
}
