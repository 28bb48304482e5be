//! Of defers those that are beside the usual: calls that run just now and goroutines inside them, and what is pending and
//! will never run.

use super::site::Sites;
use crate::report::{DeferStranded, DefersRunning, InDeferredCall};
use linger_series::{Series, TimeMs};
use std::cmp::Reverse;

/// Most of each told.
const TOLD_MAX: usize = 20;

/// Who was inside a deferred call when goroutines were looked at last, the most first. Who is not any more has a zero, and a
/// process that is gone has nobody.
#[must_use]
pub fn running(series: &[Series], sites: &Sites, restarts: &[TimeMs]) -> Option<DefersRunning> {
    let newest = series.iter().filter_map(|s| s.points.last()).map(|p| p.t).max()?;
    if restarts.last().is_some_and(|restart| newest < *restart) {
        return None;
    }
    let inside = series.iter().filter_map(|s| {
        let label = |name: &str| s.key.labels.get(name);
        let goroutines = value_at(s, newest)?;
        let (how, call) = (label("how").to_owned(), label("call").to_owned());
        Some(InDeferredCall { how, at: sites.get(label("site")), call, goroutines })
    });
    let mut inside: Vec<InDeferredCall> = inside.collect();
    inside.sort_by_key(|r| Reverse(r.goroutines));
    inside.truncate(TOLD_MAX);
    (!inside.is_empty()).then_some(DefersRunning { at_ms: newest.0, inside })
}

/// What will never run, by site, the most first, as the count that speaks says.
#[must_use]
pub fn stranded(series: &[Series], sites: &Sites, counted: Option<TimeMs>) -> Vec<DeferStranded> {
    let Some(counted) = counted else { return Vec::new() };
    let pending = series.iter().filter_map(|s| Some((s.key.labels.get("site"), value_at(s, counted)?)));
    let mut stranded: Vec<DeferStranded> =
        pending.map(|(site, pending)| DeferStranded { at: sites.get(site), pending }).collect();
    stranded.sort_by_key(|s| Reverse(s.pending));
    stranded.truncate(TOLD_MAX);
    stranded
}

/// The value above zero that a series had last, if that was at `t`.
fn value_at(series: &Series, t: TimeMs) -> Option<u64> {
    let last = series.points.last().filter(|p| p.t == t && p.v > 0.0)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
    let value = last.v as u64;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::{running, stranded};
    use crate::answer::site::Sites;
    use linger_series::{Labels, Point, Series, SeriesKey, TimeMs};

    fn series(site: &str, points: &[(i64, f64)]) -> Series {
        let labels = Labels::new([("site", site), ("how", "return"), ("call", "main.clean")]);
        let points = points.iter().map(|(t, v)| Point::new(TimeMs(*t), *v)).collect();
        Series { key: SeriesKey::new("linger_made_up", labels), points }
    }

    #[test]
    fn only_the_newest_look_counts_and_only_of_the_present_process() {
        let all = [
            series("a", &[(1, 3.0), (2, 1.0)]),
            series("b", &[(1, 9.0)]),
            series("c", &[(2, 5.0)]),
            series("d", &[(2, 0.0)]),
        ];
        let told = running(&all, &Sites::default(), &[TimeMs(2)]).unwrap();
        let inside: Vec<_> = told.inside.iter().map(|r| (&*r.at.site, r.goroutines)).collect();
        assert_eq!((told.at_ms, inside), (2, vec![("c", 5), ("a", 1)]));
        assert_eq!(running(&all, &Sites::default(), &[TimeMs(3)]), None);
        assert_eq!(running(&all[3..], &Sites::default(), &[]), None);
        let told = |counted| stranded(&all, &Sites::default(), counted).len();
        assert_eq!((told(Some(TimeMs(2))), told(Some(TimeMs(1))), told(None)), (2, 1, 0));
    }
}
