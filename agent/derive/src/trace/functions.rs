//! Births and deaths of goroutines by the function they start with. Those of the runtime and of the trace itself are
//! among them, so that the sums are those of the whole service.

use super::largest::split;
use super::{UNKNOWN, Window};
use crate::package::readable;
use crate::site::{SITE_ID_BYTES_MAX, bounded};
use linger_gotrace::summary::FunctionCount;
use linger_series::metric::OTHER_SITE;
use std::collections::BTreeMap;

/// Goroutines that start with one function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionRate {
    /// The function, readable; `unknown` where the trace does not tell it, `other` for what is beyond the limit.
    pub function: String,
    /// Created in the window, per second.
    pub created_per_second: f64,
    /// Ended in it, per second, whenever they were created.
    pub ended_per_second: f64,
}

struct Count {
    function: String,
    created: u64,
    ended: u64,
}

/// Those with births or deaths.
pub(super) fn rates(counts: &[FunctionCount], window: &Window, most: usize) -> Vec<FunctionRate> {
    let mut by_name: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for count in counts.iter().filter(|count| count.created + count.ended > 0) {
        let name = if count.function.is_empty() { UNKNOWN.into() } else { readable(&count.function) };
        // All instances of a generic function are one in the source.
        let (created, ended) = by_name.entry(bounded(name, SITE_ID_BYTES_MAX)).or_default();
        *created = created.saturating_add(count.created);
        *ended = ended.saturating_add(count.ended);
    }
    let counts = by_name.into_iter().map(|(function, (created, ended))| Count { function, created, ended });
    let size = |count: &Count| count.created.saturating_add(count.ended);
    let (mut kept, rest) = split(counts.collect(), most, size, |count| &count.function);
    if !rest.is_empty() {
        let sum = |of: fn(&Count) -> u64| rest.iter().map(of).fold(0, u64::saturating_add);
        kept.push(Count {
            function: OTHER_SITE.into(),
            created: sum(|c| c.created),
            ended: sum(|c| c.ended),
        });
    }
    kept.into_iter()
        .map(|count| FunctionRate {
            function: count.function,
            created_per_second: window.rate(count.created),
            ended_per_second: window.rate(count.ended),
        })
        .collect()
}
