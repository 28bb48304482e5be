//! What a trace tells of births and deaths that is worth a sentence: functions whose goroutines begin and do not end.

use crate::reader::Reader;
use crate::show::number;
use linger_series::{Selector, Window, metric};
use std::collections::BTreeMap;

/// Goroutines a second that more begin than end: below, a busy service's ups and downs look the same in a second.
const SURPLUS_MIN: f64 = 5.0;
/// Of those that begin, the share that may end for them to be said: what is only slow ends as often as it begins.
const ENDING_MAX: f64 = 0.5;
/// Functions said.
const SAID_MAX: usize = 3;

/// A sentence for each function whose goroutines begin and mostly do not end, the most first.
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
    let (created, ended) = (last(metric::GOROUTINES_CREATED)?, last(metric::GOROUTINES_ENDED)?);
    let ending = |function: &str| ended.get(function).copied().unwrap_or(0.0);
    let grows = |(function, created): &(String, f64)| {
        let ended = ending(function);
        created - ended >= SURPLUS_MIN && ended <= created * ENDING_MAX
    };
    let mut found: Vec<(String, f64)> = created.into_iter().filter(grows).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    let sentence = |(function, created): (String, f64)| {
        let (created, ended) = (number(created), number(ending(&function)));
        format!("{created} goroutines a second begin with {function} and {ended} end, as a trace tells")
    };
    Ok(found.into_iter().take(SAID_MAX).map(sentence).collect())
}

#[cfg(test)]
mod tests {
    use super::sentences;
    use crate::reader::Memory;
    use linger_series::{Labels, SeriesKey, Stream, TimeMs, metric};

    #[test]
    fn what_begins_and_does_not_end_is_said() {
        let mut memory = Memory::default();
        let key =
            |name, function| SeriesKey::new(name, Labels::new([("target", "api"), ("function", function)]));
        let mut points = Vec::new();
        for (function, created, ended) in
            [("main.leak", 50.0, 1.0), ("main.serve", 900.0, 890.0), ("main.rare", 4.0, 0.0)]
        {
            points.push((key(metric::GOROUTINES_CREATED, function), created));
            points.push((key(metric::GOROUTINES_ENDED, function), ended));
        }
        memory.append(&Stream::new("api", "trace"), TimeMs(1), &points);
        assert_eq!(
            sentences(&memory, "api").unwrap(),
            ["50 goroutines a second begin with main.leak and 1 end, as a trace tells"]
        );
        assert!(sentences(&memory, "web").unwrap().is_empty());
    }
}
