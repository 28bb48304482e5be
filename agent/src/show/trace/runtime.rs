//! What the runtime did: how long goroutines waited for a processor, collections, the heap, stops of the world.

use super::{heading, more, spans};
use crate::report::trace::{Latency, TraceHeap, TraceSummary};
use crate::show::number;
use crate::show::page::Page;
use crate::show::table::{Cell, Column, Fit, Table};
use crate::show::text::harmless;

pub(super) fn latency(page: &mut Page<'_>, trace: &TraceSummary) {
    let (all, yielded) = (&trace.scheduler_latency, &trace.scheduler_latency_yielded);
    if all.spans.count == 0 && yielded.spans.count == 0 {
        return;
    }
    heading(page, trace, "scheduler latency: from able to run to running");
    if all.spans.count > 0 {
        page.note_of(&quantiles(all));
    }
    if yielded.spans.count > 0 {
        let mut facts = quantiles(yielded);
        if let Some(first) = facts.first_mut() {
            *first = format!("after yielding with runtime.Gosched, not among them: {first}");
        }
        page.note_of(&facts);
    }
}

fn quantiles(latency: &Latency) -> Vec<String> {
    vec![
        number::plural(latency.spans.count, "start"),
        format!("half within {}", number::nanoseconds(latency.p50_ns)),
        format!("90 % within {}", number::nanoseconds(latency.p90_ns)),
        format!("99 % within {}", number::nanoseconds(latency.p99_ns)),
        format!("longest {}", number::nanoseconds(latency.spans.max_ns)),
    ]
}

pub(super) fn collector(page: &mut Page<'_>, trace: &TraceSummary) {
    let gc = &trace.gc;
    heading(page, trace, "garbage collector and stops of the world");
    if gc.mark.count + gc.mark.open == 0 {
        page.note("no collection");
    } else {
        page.note(&format!("marking: {}", spans::phrase(&gc.mark)));
    }
    if gc.sweep.count + gc.sweep.open > 0 {
        page.note(&format!(
            "sweeping: {}; {} of {} found free",
            spans::phrase(&gc.sweep),
            number::bytes(gc.reclaimed_bytes),
            number::bytes(gc.swept_bytes)
        ));
    }
    if gc.assist.count + gc.assist.open > 0 {
        page.note(&format!("goroutines made to help marking: {}", spans::phrase(&gc.assist)));
    }
    if let Some(heap) = &gc.heap {
        page.note(&format!("live heap {}", sizes(heap)));
    }
    if let Some(goal) = &gc.goal {
        page.note(&format!("next collection to end at {}", sizes(goal)));
    }
    if trace.stops.is_empty() {
        return page.note("the world was not stopped");
    }
    let mut table = Table::new(&spans::with(&[], Column::new("STOPPED FOR", &["STOPPED FOR"], Fit::Left)));
    for stop in &trace.stops {
        table.row(spans::row(Vec::new(), &stop.spans, Cell::one(harmless(&stop.name))));
    }
    page.table(&table);
    more(page, trace, "stops");
}

fn sizes(heap: &TraceHeap) -> String {
    let TraceHeap { first_bytes, min_bytes, max_bytes, last_bytes } = *heap;
    if min_bytes == max_bytes {
        return number::bytes(last_bytes);
    }
    format!(
        "{} at first, {} at last, between {} and {}",
        number::bytes(first_bytes),
        number::bytes(last_bytes),
        number::bytes(min_bytes),
        number::bytes(max_bytes)
    )
}
