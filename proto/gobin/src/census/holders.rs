//! Who holds pending defers, in groups: many goroutines stand at the same place, for the same reason, made by the same
//! `go` statement. Each such standing is kept once, and of each statement it is counted how many hold it from there.
//!
//! It refuses to keep more than so many: goroutines beyond are counted at their statement all the same, and are in no
//! group.

use super::functions::{Frame, Functions, Place};
use super::goroutine::Status;
use super::memory::{Memory, Stop};
use super::sites::SiteNumber;
use super::stack::Stack;
use super::walked::Walked;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Standings kept: a service of 100,000 goroutines has some hundred; with 48 frames each these take 400 KB.
const STANDINGS_MAX: usize = 1 << 10;
/// Groups kept: a goroutine holds defers at a few statements along its stack.
const GROUPS_MAX: usize = 4 << 10;

/// Where goroutines stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What they do.
    pub status: Status,
    /// Why they wait, while they do.
    pub wait_reason: Option<&'static str>,
    /// Their frames, the innermost first; none where they run, or never stood still.
    pub frames: Vec<Frame>,
    /// Further frames, which were not kept.
    pub frames_left_out: u32,
    /// Whether the stack was followed to its outermost frame, and each of them was right.
    pub is_whole: bool,
    /// The `go` statement that made them.
    pub created_at: Place,
    /// The function they began with.
    pub start: Place,
}

impl Standing {
    /// All functions on the stack, the innermost first, inlined ones too.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.frames.iter().flat_map(|frame| frame.iter())
    }
}

/// Goroutines that hold defers of one statement from one standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holders {
    /// The statement, by its place in [`super::Report::sites`].
    pub site: usize,
    /// Where they stand, by its place in [`super::Report::standings`].
    pub standing: usize,
    /// How many they are.
    pub goroutines: u64,
    /// Pending at the statement, in all of them.
    pub pending: u64,
    /// The most in one of them.
    pub most_in_one: u64,
    /// Each of them was told exactly.
    pub exact: bool,
    /// The lowest of their numbers. Processors take numbers by the sixteen, so this is one of the oldest.
    pub oldest: u64,
    /// Since when one of them waits, as [`Walked::wait_since_ns`]: the earliest that is known, 0 when none is.
    pub wait_since_ns: u64,
}

/// A standing by its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HeldFrom {
    status: Status,
    wait_reason: Option<&'static str>,
    go_pc: u64,
    start_pc: u64,
    stack: Stack,
}

impl HeldFrom {
    /// That of a goroutine, whose stack it takes.
    pub(super) fn of(walked: &mut Walked) -> Self {
        Self {
            status: walked.status,
            wait_reason: walked.wait_reason,
            go_pc: walked.go_pc,
            start_pc: walked.start_pc,
            stack: std::mem::take(&mut walked.stack),
        }
    }

    /// The same in the source.
    pub(super) fn standing<F: Memory>(&self, functions: &mut Functions<F>) -> Result<Standing, Stop> {
        let frames = self.stack.frames.iter().map(|pc| functions.frame(*pc));
        Ok(Standing {
            status: self.status,
            wait_reason: self.wait_reason,
            frames: frames.collect::<Result<_, _>>()?,
            frames_left_out: self.stack.left_out,
            is_whole: self.stack.is_whole,
            created_at: functions.place(self.go_pc.wrapping_sub(1))?,
            start: functions.place(self.start_pc)?,
        })
    }
}

/// Standings and groups while the walk goes on.
#[derive(Debug, Default)]
pub(super) struct Stands {
    numbers: HashMap<HeldFrom, usize>,
    groups: HashMap<(SiteNumber, usize), Group>,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    goroutines: u64,
    pending: u64,
    most_in_one: u64,
    is_bound: bool,
    oldest: u64,
    wait_since_ns: u64,
}

impl Stands {
    /// Counts a goroutine and what is pending in it. Its stack stays with it where there is no room for another standing.
    pub(super) fn add(
        &mut self,
        walked: &mut Walked,
        pending: &[(SiteNumber, u64)],
        is_exact: bool,
    ) -> Option<usize> {
        let from = HeldFrom::of(walked);
        let number = match self.numbers.get(&from) {
            Some(number) => *number,
            None if self.numbers.len() < STANDINGS_MAX => {
                let next = self.numbers.len();
                self.numbers.insert(from, next);
                next
            }
            None => {
                walked.stack = from.stack;
                return None;
            }
        };
        for &(site, pending) in pending {
            let is_full = self.groups.len() >= GROUPS_MAX;
            let (id, since) = (walked.id, walked.wait_since_ns);
            match self.groups.get_mut(&(site, number)) {
                Some(group) => {
                    group.goroutines += 1;
                    group.pending += pending;
                    group.most_in_one = group.most_in_one.max(pending);
                    group.is_bound |= !is_exact;
                    group.oldest = group.oldest.min(id);
                    group.wait_since_ns = earlier(group.wait_since_ns, since);
                }
                None if is_full => {}
                None => {
                    let group = Group {
                        goroutines: 1,
                        pending,
                        most_in_one: pending,
                        is_bound: !is_exact,
                        oldest: id,
                        wait_since_ns: since,
                    };
                    self.groups.insert((site, number), group);
                }
            }
        }
        Some(number)
    }

    /// What is told of them in the end.
    pub(super) fn told(self) -> (Groups, Told) {
        let numbers = self.numbers.into_iter().map(|(from, number)| (number, from)).collect();
        (Groups(self.groups), Told { numbers, places: HashMap::new(), standings: Vec::new() })
    }
}

/// Standings as they are told: each once, in the order in which they were asked for.
#[derive(Debug)]
pub(super) struct Told {
    numbers: HashMap<usize, HeldFrom>,
    /// Those told already, by their numbers.
    places: HashMap<usize, usize>,
    standings: Vec<Standing>,
}

impl Told {
    /// The place of a standing by its number.
    pub(super) fn numbered<F: Memory>(
        &mut self,
        number: usize,
        functions: &mut Functions<F>,
    ) -> Result<usize, Stop> {
        if let Some(place) = self.places.get(&number) {
            return Ok(*place);
        }
        let from = self.numbers.get(&number).expect("numbers are given by `Stands::add` alone");
        self.standings.push(from.standing(functions)?);
        self.places.insert(number, self.standings.len() - 1);
        Ok(self.standings.len() - 1)
    }

    /// The place of one that got no number.
    pub(super) fn other<F: Memory>(
        &mut self,
        walked: &mut Walked,
        functions: &mut Functions<F>,
    ) -> Result<usize, Stop> {
        self.standings.push(HeldFrom::of(walked).standing(functions)?);
        Ok(self.standings.len() - 1)
    }

    pub(super) fn standings(self) -> Vec<Standing> {
        self.standings
    }
}

/// All groups that were kept.
#[derive(Debug)]
pub(super) struct Groups(HashMap<(SiteNumber, usize), Group>);

impl Groups {
    /// Those of the statements in `order`, at most `max`.
    pub(super) fn told<F: Memory>(
        self,
        order: &[SiteNumber],
        max: usize,
        told: &mut Told,
        functions: &mut Functions<F>,
    ) -> Result<Vec<Holders>, Stop> {
        let places: HashMap<SiteNumber, usize> = order.iter().copied().zip(0..).collect();
        let of_site = |((site, number), group)| Some((*places.get(&site)?, number, group));
        let mut groups: Vec<(usize, usize, Group)> = self.0.into_iter().filter_map(of_site).collect();
        groups.sort_by_key(|(site, number, group)| (Reverse(group.pending), *site, *number));
        let mut led = HashSet::new();
        let (mut leading, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(site, ..)| led.insert(*site));
        leading.extend(others);
        leading.truncate(max);
        let holders = leading.into_iter().map(|(site, number, group)| {
            Ok(Holders {
                site,
                standing: told.numbered(number, functions)?,
                goroutines: group.goroutines,
                pending: group.pending,
                most_in_one: group.most_in_one,
                exact: !group.is_bound,
                oldest: group.oldest,
                wait_since_ns: group.wait_since_ns,
            })
        });
        holders.collect()
    }
}

/// The earlier of two times of which 0 is unknown.
fn earlier(a: u64, b: u64) -> u64 {
    match (a, b) {
        (0, known) | (known, 0) => known,
        (a, b) => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use crate::census::sample::{Sample, goroutine};
    use crate::census::{Holders, Limits, Standing, Status};

    #[track_caller]
    fn check(mut sample: Sample, limits: &Limits, expected: &[(&str, u64, u64, u64)]) -> Vec<Standing> {
        let (report, _) = sample.take(limits).expect("a census");
        let told: Vec<_> = (report.holders.iter())
            .map(|h: &Holders| {
                let site = report.sites.get(h.site).expect("in the report");
                assert!(h.standing < report.standings.len());
                (site.site.kind.name(), h.goroutines, h.pending, h.oldest)
            })
            .collect();
        assert_eq!(told, expected);
        report.standings
    }

    #[test]
    fn goroutines_at_the_same_place_are_one_group_of_each_statement() {
        let mut sample = Sample::new(4);
        for i in 0..3 {
            sample.stands(i, 0b01);
            sample.pile(i, i * 100, 5);
        }
        sample.runs(3);
        sample.pile(3, 900, 1);
        let all = [("heap", 3, 15, 1), ("open", 3, 3, 1), ("heap", 1, 1, 4)];
        let standings = check(sample, &Limits::default(), &all);
        let [parked, running] = standings.as_slice() else { panic!("two standings: {standings:?}") };
        assert_eq!((parked.status, parked.wait_reason), (Status::Waiting, Some("chan receive")));
        let stack: Vec<_> = parked.places().map(|p| (p.function.as_str(), p.line)).collect();
        assert_eq!((stack.as_slice(), parked.is_whole), (&[("main.hold", 9)][..], true));
        assert_eq!((running.status, running.frames.len(), running.is_whole), (Status::Running, 0, false));
        assert_eq!(running.start.function, "main.hold");
    }

    #[test]
    fn who_was_made_elsewhere_or_waits_for_something_else_is_another_group() {
        let three = || {
            let mut sample = Sample::new(3);
            for i in 0..3 {
                sample.stands(i, 0b01);
            }
            sample.memory.put(goroutine(1) + 288, 7);
            sample.memory.put(goroutine(2) + 176, 20);
            sample
        };
        let all = [("open", 1, 1, 1), ("open", 1, 1, 2), ("open", 1, 1, 3)];
        check(three(), &Limits::default(), &all);
        check(three(), &Limits { holders: 1, ..Limits::default() }, &all[..1]);
    }

    #[test]
    fn of_each_statement_the_largest_group_is_told_first() {
        let mut sample = Sample::new(3);
        for (i, pending) in [(0, 50), (1, 40), (2, 1)] {
            sample.stands(i, u64::from(i == 2));
            sample.pile(i, i * 100, pending);
            sample.memory.put(goroutine(i) + 288, i);
        }
        let two = Limits { holders: 2, ..Limits::default() };
        check(sample, &two, &[("heap", 1, 50, 1), ("open", 1, 1, 3)]);
    }

    #[test]
    fn the_earliest_wait_that_is_known_is_told() {
        for (times, expected) in [([0, 0], 0), ([0, 7], 7), ([9, 7], 7)] {
            let mut sample = Sample::new(2);
            for (i, at) in (0..).zip(times) {
                sample.stands(i, 0b01);
                sample.memory.put(goroutine(i) + 168, at);
            }
            let (report, _) = sample.take(&Limits::default()).expect("a census");
            assert_eq!(report.holders.first().map(|h| h.wait_since_ns), Some(expected));
        }
    }
}
