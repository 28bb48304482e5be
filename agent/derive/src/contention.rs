//! Mutex and block profiles: how long goroutines waited for each other, by site, since the process started.
//! The profile's own sampling (`SetMutexProfileFraction`, `SetBlockProfileRate`) is the service's business;
//! Go has scaled the figures for it already. An empty profile usually means that nobody switched it on.

use crate::Frame;
use crate::package::GoRoot;
use crate::site::{Site, StartLines};
use linger_proto::pprof::Profile;
use linger_series::metric::OTHER_SITE;
use std::collections::BTreeMap;

/// Sites kept, by time waited; the rest is summed. As for goroutines.
pub const CONTENTION_SITES_MAX: usize = 200;

/// Waiting at one site since the process started.
#[derive(Clone, Debug, PartialEq)]
pub struct Contention {
    /// In a mutex profile the one who *held* the lock and let it go (the stack is that of Unlock); in a block
    /// profile the one who waited.
    pub site: Site,
    /// Time waited.
    pub seconds: f64,
    /// How often, scaled.
    pub count: u64,
}

/// Sums a mutex or block profile by site, the longest wait first; what is beyond [`CONTENTION_SITES_MAX`] is
/// one last entry at the site `other`. `None` when it is neither profile.
#[must_use]
pub fn by_site(profile: &Profile, go_root: &GoRoot) -> Option<Vec<Contention>> {
    let count = profile.value_index("contentions")?;
    let delay = profile.value_index("delay")?;
    let start_lines = StartLines::default();
    let mut sites: BTreeMap<String, (Site, i64, i64)> = BTreeMap::new();
    for sample in profile.samples() {
        let site = Site::of_stack(sample.frames().map(Frame::from), go_root, &start_lines)
            .unwrap_or_else(Site::unknown);
        let (_, ns, times) = sites.entry(site.id.clone()).or_insert((site, 0, 0));
        *ns = ns.saturating_add(sample.value(delay).max(0));
        *times = times.saturating_add(sample.value(count).max(0));
    }
    Some(limited(sites.into_values().collect(), CONTENTION_SITES_MAX))
}

/// A site, nanoseconds waited there, and how often.
type Row = (Site, i64, i64);

/// The longest waits first, and the sum of what is beyond `sites_max` last.
fn limited(mut sites: Vec<Row>, sites_max: usize) -> Vec<Contention> {
    sites.sort_by(|a, b| (b.1, &a.0.id).cmp(&(a.1, &b.0.id)));
    let rest = sites.split_off(sites.len().min(sites_max));
    if !rest.is_empty() {
        let sum = |of: fn(&Row) -> i64| rest.iter().map(of).fold(0, i64::saturating_add);
        let other = Site { id: OTHER_SITE.to_owned(), ..Site::unknown() };
        sites.push((other, sum(|r| r.1), sum(|r| r.2)));
    }
    let contention = |(site, ns, times): Row| Contention {
        site,
        seconds: ns as f64 / 1e9,
        count: u64::try_from(times).unwrap_or(0),
    };
    sites.into_iter().map(contention).collect()
}

#[cfg(test)]
mod tests {
    use super::limited;
    use crate::Site;

    #[test]
    fn what_the_limit_leaves_out_is_summed() {
        let row = |id: &str, seconds: i64, times| {
            (Site { id: id.to_owned(), ..Site::unknown() }, seconds * 1_000_000_000, times)
        };
        #[track_caller]
        fn check(rows: Vec<super::Row>, expected: &[(&str, f64, u64)]) {
            let got = limited(rows, 2);
            let got: Vec<_> = got.iter().map(|c| (&*c.site.id, c.seconds, c.count)).collect();
            assert_eq!(got, expected);
        }
        check(vec![row("a", 1, 9), row("b", 3, 1)], &[("b", 3.0, 1), ("a", 1.0, 9)]);
        check(
            vec![row("a", 1, 9), row("d", 1, 2), row("b", 3, 1), row("c", 2, 4)],
            &[("b", 3.0, 1), ("c", 2.0, 4), ("other", 2.0, 11)],
        );
        check(vec![], &[]);
    }
}
