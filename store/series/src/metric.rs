//! Every metric linger writes: its name, labels, unit and meaning. One list, used by derive, the store's
//! readers, the exporters and the documentation.

/// How values of a metric go on over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only rises, and starts again at zero with its process.
    Counter,
    /// A part of a classic histogram, which only rises too: `_bucket` with its upper bound in `le`, `_count` and `_sum`.
    Histogram,
}

/// What the names of a histogram's parts end in, in the order in which they stand in [`ALL`].
pub const HISTOGRAM_PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Full name; a unit comes last where there is one.
    pub name: &'static str,
    /// Gauge or counter.
    pub kind: Kind,
    /// Labels beside `target` and those the user gave the target.
    pub labels: &'static [&'static str],
    /// One sentence for `# HELP`.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($konst:ident $kind:ident $name:literal [$($label:literal),*] $help:literal)*) => {
        $(#[doc = $help] pub const $konst: &str = $name;)*
        /// The list itself, in the order of the documentation.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        }),*];
    };
}

metrics! {
    UP Gauge "linger_up" [] "1 when the last scrape of the target's index page succeeded, else 0."
    SCRAPE_DURATION Gauge "linger_scrape_duration_seconds" ["collector"] "Time from request to last byte of the last scrape."
    SCRAPE_BYTES Gauge "linger_scrape_bytes" ["collector"] "Body size of the last scrape as received."
    SCRAPE_FAILURES Counter "linger_scrape_failures_total" ["collector", "reason"] "Scrapes that gave no values, by reason."
    INCARNATION Gauge "linger_target_incarnation" [] "Ordinal of the target's process since this store began; it rises by one with each proven restart."
    GOROUTINES Gauge "linger_goroutines" [] "Goroutines in the target."
    GOROUTINES_AT_SITE Gauge "linger_goroutines_at_site" ["class", "site"] "Goroutines by wait class and owner site; site=\"other\" holds those beyond the limit of sites."
    SITE_INFO Gauge "linger_site_info" ["site", "function", "file", "line", "blocked_at", "entry"] "Always 1; says where a site is in the newest build seen."
    GOROUTINE_GROWTH Gauge "linger_goroutine_growth_per_hour" ["class", "site"] "Theil-Sen slope of the goroutines at a site."
    DEFERS_PENDING Gauge "linger_defers_pending" ["kind", "site"] "Deferred calls that wait to run, by the best method available."
    DEFERS_PENDING_LOW Gauge "linger_defers_pending_low" ["kind", "site"] "Lower end of the 95 % interval of linger_defers_pending; equal to it where exact."
    DEFERS_PENDING_HIGH Gauge "linger_defers_pending_high" ["kind", "site"] "Upper end of the 95 % interval of linger_defers_pending; equal to it where exact."
    DEFERS_PENDING_BY_METHOD Gauge "linger_defers_pending_by_method" ["kind", "site", "method"] "Pending defers by each method that saw them: cross-checks, never to be summed."
    DEFERS_FLOOR Gauge "linger_defers_pending_floor" ["method"] "Pending defers at one site that the method sees with 95 % probability; below it a site may be missing."
    DEFERS_PENDING_MAX Gauge "linger_defers_pending_max" [] "Most pending defers in one goroutine."
    CENSUS_GOROUTINES Gauge "linger_defers_census_goroutines" ["outcome"] "Goroutines of the last count in the process's memory, by how far their pending defers are known: exact, running (open-coded ones unreadable), lower bound, unstable, not reached."
    DEFERS_STRANDED Gauge "linger_defers_stranded" ["site"] "Pending defers that will never run, of those counted: their goroutines wait for what cannot come (a nil channel, a select without cases, or proven to be leaked by Go's collector)."
    DEFERS_RUNNING Gauge "linger_goroutines_in_deferred_calls" ["how", "site", "call"] "Goroutines inside a deferred call, by what runs it: return (where the function returns; told where its program's file can be read, never for open-coded defers), panic (where it came from), exit (who called runtime.Goexit)."
    OPEN_FILES Gauge "linger_open_files" [] "Open files of the target's process."
    DEFERS_PENDING_GROWTH Gauge "linger_defers_pending_growth_per_second" ["kind", "site"] "Growth of the pending defers at a site: the defer rate that always exists."
    DEFER_CPU_RATIO Gauge "linger_defer_cpu_ratio" ["kind", "function"] "Share of the target's sampled CPU time spent in the defer machinery, pooled over the last hour."
    DEFER_CALLS Gauge "linger_defer_calls_per_second" ["kind", "function"] "Executed defers per second, an estimate within a model factor of 2, pooled over the last hour."
    DEFER_CPU_SECONDS Gauge "linger_defer_cpu_seconds" ["kind", "function"] "Sampled CPU seconds in the defer machinery in one CPU profile."
    CPU_SECONDS Gauge "linger_cpu_seconds" [] "Sampled CPU seconds in one CPU profile."
    CPU_WINDOW Gauge "linger_cpu_window_seconds" [] "Length of one CPU profile."
    CONTENTION Counter "linger_contention_seconds_total" ["profile", "site"] "Time waited as the target's mutex or block profile counts it, scaled by the target's own sampling."
    HEAP_INUSE Gauge "linger_heap_inuse_bytes" [] "Bytes in in-use heap spans (MemStats HeapInuse)."
    GC_CYCLES Counter "linger_gc_cycles_total" [] "Completed garbage collections of the target (MemStats NumGC)."
    MALLOCS Counter "linger_mallocs_total" [] "Heap objects ever allocated by the target (MemStats Mallocs)."
    TRACE_WINDOW Gauge "linger_trace_window_seconds" [] "Time the last execution trace covers: what rates from traces are over."
    TRACE_EVENTS Gauge "linger_trace_events" [] "Events in the last execution trace."
    TRACE_CUT Gauge "linger_trace_cut" [] "1 when the last execution trace is not whole: of its end, stacks and goroutines that did nothing may be missing. Else 0."
    GOROUTINES_CREATED Gauge "linger_goroutines_created_per_second" ["function"] "Goroutines that were created with a function while a trace was taken; function=\"other\" holds those beyond the limit of sites."
    GOROUTINES_ENDED Gauge "linger_goroutines_ended_per_second" ["function"] "Goroutines created with a function that ended while a trace was taken; function=\"unknown\" where the trace does not tell it."
    BLOCKED Gauge "linger_blocked_seconds_per_second" ["reason", "site"] "Goroutines that were blocked at a site, on average while a trace was taken; reason=\"syscall\" in a system call."
    SCHED_LATENCY_BUCKET Histogram "linger_sched_latency_seconds_bucket" ["le"] "Time goroutines were able to run before they ran, in all traces since the agent began to watch; without those that yielded."
    SCHED_LATENCY_COUNT Histogram "linger_sched_latency_seconds_count" [] "Time goroutines were able to run before they ran: how many of them."
    SCHED_LATENCY_SUM Histogram "linger_sched_latency_seconds_sum" [] "Time goroutines were able to run before they ran: of all together."
    GC_MARK Gauge "linger_gc_mark_seconds_per_second" [] "Share of the time of a trace in which the garbage collector marked, beside the program."
    GC_ASSIST Gauge "linger_gc_assist_seconds_per_second" [] "Time goroutines that wanted to allocate spent marking instead, while a trace was taken."
    GC_SWEEP Gauge "linger_gc_sweep_seconds_per_second" [] "Time processors of the runtime spent sweeping, while a trace was taken."
    GC_GOAL Gauge "linger_gc_goal_bytes" [] "Heap size at which the next collection is to end, as the last trace told it last."
    STW Gauge "linger_stw_seconds_per_second" ["reason"] "Share of the time of a trace in which the world was stopped or being stopped."
    STW_MAX Gauge "linger_stw_max_seconds" ["reason"] "Longest stop of the world in the last trace, stopping included."
    STW_STOPS Gauge "linger_stw_stops_per_second" ["reason"] "Stops of the world while a trace was taken."
    DEFER_HOLD Gauge "linger_defer_hold_seconds" ["name"] "Mean time an annotated deferred call (a region \"defer:NAME\" of runtime/trace) was pending within the last trace: a lower bound where some were pending at its end."
    DEFER_HOLD_MAX Gauge "linger_defer_hold_max_seconds" ["name"] "Longest time an annotated deferred call was pending within the last trace."
    DEFER_HOLD_CALLS Gauge "linger_defer_hold_calls_per_second" ["name"] "Annotated deferred calls that ran while a trace was taken."
    DEFER_HOLD_OPEN Gauge "linger_defer_hold_open" ["name"] "Annotated deferred calls registered within the last trace that were pending at its end."
    TARGET_COST Counter "linger_target_cost_seconds_total" ["collector"] "CPU time our scraping cost the target: measured where its process is on this machine, else predicted."
}

/// Looks a metric up by name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|m| m.name == name)
}

/// The `site` label of what the limit of sites left out: sums stay whole.
pub const OTHER_SITE: &str = "other";

#[cfg(test)]
mod tests {
    use super::{ALL, HISTOGRAM_PARTS, Kind, find};

    #[test]
    fn names_are_unique_and_counters_end_in_total() {
        for m in ALL {
            assert_eq!(ALL.iter().filter(|o| o.name == m.name).count(), 1, "{} twice", m.name);
            assert_eq!(m.kind == Kind::Counter, m.name.ends_with("_total"), "{}", m.name);
            assert!(m.name.starts_with("linger_") && m.help.ends_with('.'), "{}", m.name);
        }
        let parts: Vec<&str> = ALL.iter().filter(|m| m.kind == Kind::Histogram).map(|m| m.name).collect();
        for of_one in parts.chunks(HISTOGRAM_PARTS.len()) {
            let stems = of_one.iter().zip(HISTOGRAM_PARTS).map(|(name, part)| name.strip_suffix(part));
            let stems: Vec<_> = stems.collect();
            assert!(stems.iter().all(|stem| stem.is_some() && *stem == stems[0]), "{of_one:?}");
        }
        assert!(find("linger_goroutines").is_some() && find("goroutines").is_none());
    }
}
