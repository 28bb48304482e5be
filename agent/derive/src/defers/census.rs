//! Method E: pending defers of every kind, counted in the memory of the process (`linger_gobin::census`), by site.
//!
//! A figure is exact when nothing that was missed could hold more of it: every goroutine was reached and told exactly,
//! and for open-coded defers none was running. Else it says "at least". It refuses to call anything an estimate:
//! nothing here is sampled.

use crate::defers::Kind;
use crate::site::Site;
use linger_gobin::audit::DeferKind;
use linger_gobin::census::{Counts, Place, Report, SiteCount};
use std::collections::{BTreeMap, BTreeSet};

/// What is pending at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How the defer keeps its record.
    pub kind: Kind,
    /// The statement; of a loop over a function, the loop.
    pub site: Site,
    /// How many are pending, or at least.
    pub pending: u64,
    /// Goroutines that hold some.
    pub goroutines: u64,
    /// The most in one goroutine.
    pub most_in_one: u64,
    /// Whether it is exactly so many.
    pub exact: bool,
}

/// What is pending by site, the most first, and by kind what the limit of sites left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BySite {
    /// At most as many as asked for.
    pub sites: Vec<Counted>,
    /// The rest, so that sums stay whole: how many, and whether exactly.
    pub others: BTreeMap<Kind, (u64, bool)>,
}

/// Sites shown before count this many times in the choice of those kept: two of about one size must not take turns.
const STAYS: u64 = 2;

impl BySite {
    /// A report's figures by site, at most `sites_max` of them; those in `shown` (kind and site id) leave late.
    #[must_use]
    pub fn of(report: &Report, sites_max: usize, shown: &BTreeSet<(Kind, String)>) -> Self {
        let mut by_site: BTreeMap<(Kind, String), Counted> = BTreeMap::new();
        for count in &report.sites {
            let counted = counted(count, &report.goroutines);
            by_site
                .entry((counted.kind, counted.site.id.clone()))
                .and_modify(|known| known.add(&counted))
                .or_insert(counted);
        }
        let mut sites: Vec<Counted> = by_site.into_values().collect();
        let weight = |c: &Counted| {
            let stays = shown.contains(&(c.kind, c.site.id.clone()));
            c.pending.saturating_mul(if stays { STAYS } else { 1 })
        };
        sites.sort_by_cached_key(|c| (std::cmp::Reverse(weight(c)), c.site.id.clone()));
        let mut others: BTreeMap<Kind, (u64, bool)> = BTreeMap::new();
        for left_out in sites.split_off(sites_max.min(sites.len())) {
            let (pending, exact) = others.entry(left_out.kind).or_insert((0, true));
            *pending += left_out.pending;
            *exact &= left_out.exact;
        }
        sites.sort_by(|a, b| b.pending.cmp(&a.pending).then_with(|| a.site.id.cmp(&b.site.id)));
        Self { sites, others }
    }
}

impl Counted {
    /// Another statement of the same line, or another build's name for it.
    fn add(&mut self, other: &Self) {
        self.pending += other.pending;
        self.goroutines = self.goroutines.max(other.goroutines);
        self.most_in_one = self.most_in_one.max(other.most_in_one);
        self.exact &= other.exact;
    }
}

fn counted(count: &SiteCount, goroutines: &Counts) -> Counted {
    let kind = Kind::from(count.site.kind);
    Counted {
        kind,
        site: site(&count.site.place),
        pending: count.pending,
        goroutines: count.goroutines,
        most_in_one: count.most_in_one,
        exact: count.exact && is_whole(kind, goroutines),
    }
}

/// Whether no goroutine that was not told exactly could hold more defers of this kind.
#[must_use]
pub fn is_whole(kind: Kind, goroutines: &Counts) -> bool {
    let missed = goroutines.lower_bound + goroutines.unstable + goroutines.not_reached;
    missed == 0 && (kind != Kind::Open || goroutines.open_coded_unreadable == 0)
}

/// The site of a place in the words of the other methods.
#[must_use]
pub fn site(place: &Place) -> Site {
    Site::of_line(&place.function, &place.file, place.line, place.start_line)
}

impl From<DeferKind> for Kind {
    fn from(kind: DeferKind) -> Self {
        match kind {
            DeferKind::Heap => Self::Heap,
            DeferKind::Range => Self::Range,
            DeferKind::Stack => Self::Stack,
            DeferKind::Open => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BySite;
    use crate::defers::Kind;
    use linger_gobin::audit::DeferKind;
    use linger_gobin::census::{Counts, Place, Report, Site, SiteCount};
    use std::collections::BTreeSet;

    fn count(kind: DeferKind, function: &str, line: u32, pending: u64) -> SiteCount {
        let place = Place { function: function.into(), file: "/src/a.go".into(), line, start_line: 10 };
        SiteCount { site: Site { kind, place }, pending, goroutines: 1, most_in_one: pending, exact: true }
    }

    fn report(goroutines: Counts) -> Report {
        let sites = vec![
            count(DeferKind::Heap, "main.pile", 14, 300_000),
            count(DeferKind::Heap, "main.pile", 14, 5),
            count(DeferKind::Open, "main.serve", 12, 40),
            count(DeferKind::Heap, "main.small", 13, 3),
        ];
        Report { sites, goroutines, ..Report::default() }
    }

    #[track_caller]
    fn check(goroutines: Counts, sites_max: usize, shown: &[(Kind, &str)], expected: &[&str]) {
        let shown: BTreeSet<(Kind, String)> = shown.iter().map(|(k, s)| (*k, (*s).to_owned())).collect();
        let by_site = BySite::of(&report(goroutines), sites_max, &shown);
        let exactly = |exact| if exact { "=" } else { ">=" };
        let site =
            |c: &super::Counted| format!("{} {} {} {}", c.kind, c.site.id, exactly(c.exact), c.pending);
        let other =
            |(kind, (n, exact)): (&Kind, &(u64, bool))| format!("{kind} other {} {n}", exactly(*exact));
        let told: Vec<String> =
            by_site.sites.iter().map(site).chain(by_site.others.iter().map(other)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_line_is_one_site_and_sums_stay_whole() {
        let all = Counts { alive: 7, exact: 7, ..Counts::default() };
        let whole = ["heap main.pile+4 = 300005", "open main.serve+2 = 40", "heap main.small+3 = 3"];
        check(all, 9, &[], &whole);
        check(all, 2, &[], &["heap main.pile+4 = 300005", "open main.serve+2 = 40", "heap other = 3"]);
        check(all, 0, &[], &["heap other = 300008", "open other = 40"]);
    }

    #[test]
    fn who_is_shown_leaves_late() {
        let all = Counts { alive: 7, exact: 7, ..Counts::default() };
        let shown = [(Kind::Heap, "main.small+3")];
        check(all, 2, &shown, &["heap main.pile+4 = 300005", "open main.serve+2 = 40", "heap other = 3"]);
        let shown = [(Kind::Open, "main.serve+2")];
        check(all, 1, &shown, &["heap main.pile+4 = 300005", "heap other = 3", "open other = 40"]);
    }

    #[test]
    fn what_was_missed_makes_figures_bounds() {
        let running = Counts { alive: 7, exact: 6, open_coded_unreadable: 1, ..Counts::default() };
        let told = ["heap main.pile+4 = 300005", "open main.serve+2 >= 40", "heap main.small+3 = 3"];
        check(running, 9, &[], &told);
        let missed = Counts { alive: 7, exact: 6, lower_bound: 1, ..Counts::default() };
        check(missed, 1, &[], &["heap main.pile+4 >= 300005", "heap other >= 3", "open other >= 40"]);
    }
}
