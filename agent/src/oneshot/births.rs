//! What a trace tells of births and deaths that is worth a sentence: functions whose goroutines begin and do not end.

use crate::reader::Reader;
use crate::show::number;
use linger_derive::trace::UNKNOWN;
use linger_series::{Selector, Window, metric};
use std::collections::BTreeMap;

/// Goroutines a second that more begin than end: below, a busy service's ups and downs look the same in a second.
const SURPLUS_MIN: f64 = 5.0;
/// Of those that begin, the share that may end for them to be said: what is only slow ends as often as it begins.
const ENDING_MAX: f64 = 0.5;
/// Functions said.
const SAID_MAX: usize = 3;

/// A sentence for each function whose goroutines begin and mostly do not end, the most first. One that waited before the
/// trace and ends in it without another stack ends as of an unknown function: it may be anybody's, so as many are taken
/// from what would be said. Of a cut trace nothing is said: its end, where goroutines would end, may be missing.
///
/// # Errors
/// When points cannot be read.
pub(super) fn sentences(reader: &dyn Reader, target: &str) -> Result<Vec<String>, String> {
    let last = |name: &str| -> Result<BTreeMap<String, f64>, String> {
        let series = reader.select(&Selector::metric(name).with("target", target), Window::ALL)?;
        let newest =
            |s: linger_series::Series| Some((s.key.labels.get("function").to_owned(), s.points.last()?.v));
        Ok(series.into_iter().filter_map(newest).collect())
    };
    let only = |name: &str| -> Result<Option<f64>, String> { Ok(last(name)?.into_values().next()) };
    let Some(window_s) = only(metric::TRACE_WINDOW)? else { return Ok(Vec::new()) };
    if only(metric::TRACE_CUT)? != Some(0.0) {
        return Ok(Vec::new());
    }
    let (created, ended) = (last(metric::GOROUTINES_CREATED)?, last(metric::GOROUTINES_ENDED)?);
    let ending = |function: &str| ended.get(function).copied().unwrap_or(0.0);
    let anybodys = ending(UNKNOWN);
    let grows = |(function, created): &(String, f64)| {
        let ended = ending(function) + anybodys;
        let is_named = function != UNKNOWN && function != metric::OTHER_SITE;
        is_named && created - ended >= SURPLUS_MIN && ended <= created * ENDING_MAX
    };
    let mut found: Vec<(String, f64)> = created.into_iter().filter(grows).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let sentence = |(function, created): (String, f64)| {
        let (created, ended) = (number(created), number(ending(&function)));
        format!(
            "{created} goroutines a second begin with {function} and {ended} end, in a trace of {window_s:.2} s"
        )
    };
    Ok(found.into_iter().take(SAID_MAX).map(sentence).collect())
}

#[cfg(test)]
mod tests {
    use super::sentences;
    use crate::reader::Memory;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};

    /// What is said where functions begin and end so often a second.
    #[track_caller]
    fn check(rates: &[(&str, f64, f64)], cut: f64, expected: &[&str]) {
        let mut memory = Memory::default();
        let key =
            |name, function| SeriesKey::new(name, Labels::new([("target", "api"), ("function", function)]));
        let mut points = vec![
            (SeriesKey::new(metric::TRACE_WINDOW, Labels::new([("target", "api")])), 1.0),
            (SeriesKey::new(metric::TRACE_CUT, Labels::new([("target", "api")])), cut),
        ];
        for (function, created, ended) in rates {
            points.push((key(metric::GOROUTINES_CREATED, function), *created));
            points.push((key(metric::GOROUTINES_ENDED, function), *ended));
        }
        memory.append(&Stream::new("api", "trace"), TimeMs(1), &points);
        assert_eq!(sentences(&memory, "api").unwrap(), expected);
        assert!(sentences(&memory, "web").unwrap().is_empty());
    }

    #[test]
    fn what_begins_and_does_not_end_is_said() {
        let leak = ("main.leak", 50.0, 1.0);
        let said = ["50 goroutines a second begin with main.leak and 1 end, in a trace of 1.00 s"];
        check(&[leak, ("main.serve", 900.0, 890.0), ("main.rare", 4.0, 0.0)], 0.0, &said);
        check(&[leak, ("unknown", 0.0, 3.0), ("other", 90.0, 0.0)], 0.0, &said);
        check(&[leak, ("unknown", 0.0, 45.0)], 0.0, &[]);
        check(&[leak], 1.0, &[]);
    }
}
