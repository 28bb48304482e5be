//! A classic histogram on a page: its parts are metrics of their own in the store, and one family here. The series of a
//! target stand together, its buckets in the order of their bounds (OpenMetrics 1.0, "Histogram").

use super::page::Family;
use linger_series::Labels;
use linger_series::metric::HISTOGRAM_PARTS;
use std::collections::VecDeque;

/// The label of a bucket's upper bound.
const BOUND: &str = "le";

/// A series of a histogram: the name of its part, its labels and its value.
pub(super) type Part = (&'static str, Labels, f64);

/// The name of the histogram that a part belongs to.
pub(super) fn stem(part: &str) -> &str {
    HISTOGRAM_PARTS.iter().find_map(|suffix| part.strip_suffix(suffix)).unwrap_or(part)
}

/// All parts of the histogram that `first` belongs to. The others follow it in `families` and are taken from there.
pub(super) fn joined(first: Family, families: &mut VecDeque<Family>) -> Vec<Part> {
    let histogram = stem(first.metric.name);
    let others = families.iter().take_while(|next| stem(next.metric.name) == histogram).count();
    let parts: Vec<Family> = std::iter::once(first).chain(families.drain(..others)).collect();
    let of = |(place, family): (usize, Family)| {
        let name = family.metric.name;
        family.rows.into_iter().map(move |(labels, value)| {
            let target = Labels::new(labels.iter().filter(|(label, _)| *label != BOUND));
            let bound = labels.get(BOUND).parse().unwrap_or(f64::INFINITY);
            ((target, place, bound), (name, labels, value))
        })
    };
    let mut rows: Vec<((Labels, usize, f64), Part)> = parts.into_iter().enumerate().flat_map(of).collect();
    rows.sort_by(|((a, at_a, bound_a), _), ((b, at_b, bound_b), _)| {
        a.cmp(b).then(at_a.cmp(at_b)).then(bound_a.total_cmp(bound_b))
    });
    rows.into_iter().map(|(_, part)| part).collect()
}
