//! A census: what is pending at which statement, and who holds the most.

use super::functions::Functions;
use super::holders::{Holders, Standing, Stands};
use super::limits::Limits;
use super::memory::{Memory, Stop};
use super::sites::{Site, SiteNumber, Sites};
use super::walk::Listed;
use super::walked::{OpenCoded, Records, Walked};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is pending at one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteCount {
    /// The statement.
    pub site: Site,
    /// Pending, in all goroutines.
    pub pending: u64,
    /// Goroutines in which at least one is.
    pub goroutines: u64,
    /// The most in one goroutine.
    pub most_in_one: u64,
    /// Every goroutine that was found to hold some was told exactly. Whether others hold some that were not seen,
    /// [`Counts`] says.
    pub exact: bool,
}

/// One of those with the most pending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The goroutine.
    pub goroutine: Walked,
    /// Pending by statement, the most first.
    pub pending: Vec<(Site, u64)>,
    /// Where it stands, by its place in [`Report::standings`].
    pub standing: usize,
}

/// How many goroutines there are, and of how many their number is certain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that live and were looked at.
    pub alive: u64,
    /// Those whose records and open-coded defers are told exactly.
    pub exact: u64,
    /// Those that run or never stood still, so that of open-coded defers nothing is known; their records are exact.
    pub open_coded_unreadable: u64,
    /// Those of which at least so many are pending.
    pub lower_bound: u64,
    /// Those that changed under each attempt.
    pub unstable: u64,
    /// Entries of the runtime's list that were not reached, because of a limit or of time.
    pub not_reached: u64,
}

/// The census.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By statement, the most pending first.
    pub sites: Vec<SiteCount>,
    /// Goroutines with the most pending, the most first.
    pub most_loaded: Vec<Loaded>,
    /// Goroutines that hold pending defers, by statement and by where they stand: of every statement that holders were
    /// kept of the largest group comes first, then what has the most pending.
    pub holders: Vec<Holders>,
    /// Where those that are told stand.
    pub standings: Vec<Standing>,
    /// Goroutines.
    pub goroutines: Counts,
}

impl Report {
    /// Pending at all statements.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.sites.iter().map(|site| site.pending).sum()
    }

    /// Where one of those with the most pending stands.
    #[must_use]
    pub fn standing_of(&self, loaded: &Loaded) -> Option<&Standing> {
        self.standings.get(loaded.standing)
    }

    /// Nothing was missed: every goroutine was reached and told exactly.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let counts = &self.goroutines;
        counts.not_reached == 0 && counts.alive == counts.exact
    }
}

/// Counts while the walk goes on.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Counts,
    by_site: Vec<Count>,
    most_loaded: BinaryHeap<Reverse<ByLoad>>,
    most_loaded_max: usize,
    stands: Stands,
    holders_max: usize,
    /// Of one goroutine, kept for its room.
    own: Vec<(SiteNumber, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Count {
    pending: u64,
    goroutines: u64,
    most_in_one: u64,
    is_bound: bool,
}

/// Ordered by what is pending; of equals the older goroutine is more.
#[derive(Debug)]
struct ByLoad {
    order: (u64, Reverse<u64>),
    goroutine: Walked,
    /// Where it stands, where that was kept apart from it.
    standing: Option<usize>,
    pending: Vec<(SiteNumber, u64)>,
}

impl PartialEq for ByLoad {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for ByLoad {}

impl PartialOrd for ByLoad {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByLoad {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order.cmp(&other.order)
    }
}

impl Tally {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            counts: Counts::default(),
            by_site: Vec::new(),
            most_loaded: BinaryHeap::new(),
            most_loaded_max: limits.most_loaded,
            stands: Stands::default(),
            holders_max: limits.holders,
            own: Vec::new(),
        }
    }

    /// Finds which statements are pending in a goroutine, and tells how many times each.
    pub(super) fn find<F: Memory>(
        &mut self,
        sites: &mut Sites,
        functions: &mut Functions<F>,
        walked: &Walked,
    ) -> Result<&[(SiteNumber, u64)], Stop> {
        self.own.clear();
        for &(mark, pending) in &walked.marks {
            let number = sites.number(functions, mark)?;
            match self.own.iter_mut().find(|(known, _)| *known == number) {
                Some((_, sum)) => *sum += pending,
                None => self.own.push((number, pending)),
            }
        }
        Ok(&self.own)
    }

    /// Counts the goroutine whose statements were found last.
    pub(super) fn add(&mut self, mut walked: Walked) {
        let is_exact = walked.records == Records::Exact && walked.open_coded != OpenCoded::LowerBound;
        self.counts.alive += 1;
        *match (walked.records, walked.open_coded) {
            (Records::Unstable, _) => &mut self.counts.unstable,
            (Records::LowerBound, _) | (_, OpenCoded::LowerBound) => &mut self.counts.lower_bound,
            (Records::Exact, OpenCoded::Unreadable) => &mut self.counts.open_coded_unreadable,
            (Records::Exact, OpenCoded::Exact) => &mut self.counts.exact,
        } += 1;
        for &(SiteNumber(number), pending) in &self.own {
            if self.by_site.len() <= number {
                self.by_site.resize(number + 1, Count::default());
            }
            if let Some(count) = self.by_site.get_mut(number) {
                count.pending += pending;
                count.goroutines += 1;
                count.most_in_one = count.most_in_one.max(pending);
                count.is_bound |= !is_exact;
            }
        }
        if self.own.is_empty() {
            return;
        }
        let standing = self.stands.add(&mut walked, &self.own, is_exact);
        let order = (walked.pending(), Reverse(walked.id));
        let is_among = self.most_loaded.len() < self.most_loaded_max
            || self.most_loaded.peek().is_some_and(|Reverse(least)| least.order < order);
        if is_among && order.0 > 0 {
            let pending = self.own.clone();
            self.most_loaded.push(Reverse(ByLoad { order, goroutine: walked, standing, pending }));
            if self.most_loaded.len() > self.most_loaded_max {
                self.most_loaded.pop();
            }
        }
    }

    pub(super) fn report<F: Memory>(
        mut self,
        sites: &Sites,
        functions: &mut Functions<F>,
        listed: Listed,
    ) -> Result<Report, Stop> {
        self.counts.not_reached = listed.not_reached;
        let numbered = self.by_site.into_iter().enumerate().filter(|(_, count)| count.pending > 0);
        let mut counted: Vec<(SiteNumber, SiteCount)> = numbered
            .filter_map(|(number, count)| {
                let count = SiteCount {
                    site: sites.get(SiteNumber(number))?.clone(),
                    pending: count.pending,
                    goroutines: count.goroutines,
                    most_in_one: count.most_in_one,
                    exact: !count.is_bound,
                };
                Some((SiteNumber(number), count))
            })
            .collect();
        counted.sort_by(|(_, a), (_, b)| {
            b.pending.cmp(&a.pending).then_with(|| a.site.place.line.cmp(&b.site.place.line))
        });
        let (groups, mut told) = self.stands.told();
        let mut most_loaded = Vec::new();
        for Reverse(loaded) in self.most_loaded.into_sorted_vec() {
            let mut goroutine = loaded.goroutine;
            let mut pending = loaded.pending;
            pending.sort_by_key(|(_, pending)| Reverse(*pending));
            most_loaded.push(Loaded {
                pending: pending
                    .into_iter()
                    .filter_map(|(n, count)| Some((sites.get(n)?.clone(), count)))
                    .collect(),
                standing: match loaded.standing {
                    Some(number) => told.numbered(number, functions)?,
                    None => told.other(&mut goroutine, functions)?,
                },
                goroutine,
            });
        }
        let order: Vec<SiteNumber> = counted.iter().map(|(number, _)| *number).collect();
        let holders = groups.told(&order, self.holders_max, &mut told, functions)?;
        let sites = counted.into_iter().map(|(_, count)| count).collect();
        Ok(Report { sites, most_loaded, holders, standings: told.standings(), goroutines: self.counts })
    }
}
