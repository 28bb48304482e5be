//! Goroutines by site and wait class, from a goroutine profile with debug=0.
//!
//! The number of sites is bounded; what is beyond the bound is summed per class, so that values are conserved:
//! the sites and the rest always add up to the total. Which sites are shown is decided by size *and* by
//! growth, since a leak is small when it begins, and with hysteresis, since a series that comes and goes
//! cannot be judged.

use crate::Frame;
use crate::package::GoRoot;
use crate::site::{Landmarks, Site, StartLines};
use crate::wait_class::WaitClass;
use linger_proto::pprof::Profile;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many sites are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteLimit {
    /// Sites per target.
    pub sites_max: usize,
}

impl Default for SiteLimit {
    /// 200: a table a person can read, and at 15 s some 2 MB of points a month.
    fn default() -> Self {
        Self { sites_max: 200 }
    }
}

/// Sites whose counts are remembered from scrape to scrape, to see them grow: the largest. Ten times what a
/// large server has; bounds memory to about 1 MB.
const REMEMBERED_SITES_MAX: usize = 4096;

/// How much the remembered level follows a count at each scrape: at 15 s it lags by some 16 scrapes, 4 minutes.
const LEVEL_WEIGHT: f64 = 1.0 / 16.0;

/// A shown site keeps its place until another is ahead of it by this factor.
const HYSTERESIS: f64 = 1.25;

/// One place in four belongs to those that grow most.
const GROWING_SHARE: usize = 4;

/// Class and site id: what names a series.
pub type SiteKey = (WaitClass, String);

/// Goroutines at one site in one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteCount {
    /// What they wait for.
    pub class: WaitClass,
    /// Where; `blocked_at` and `entry` are those of its most numerous stack.
    pub site: Site,
    /// How many.
    pub count: u64,
}

/// The goroutines of one scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Goroutines {
    /// All of them.
    pub total: u64,
    /// The sites shown, most goroutines first.
    pub sites: Vec<SiteCount>,
    /// Goroutines at all other sites, per class.
    pub other: BTreeMap<WaitClass, u64>,
    /// Sites beyond the limit: those summed in `other`.
    pub sites_in_other: usize,
    /// All goroutines per class, whether their site is shown or not.
    pub by_class: BTreeMap<WaitClass, u64>,
    /// Sites shown at the last scrape where no goroutine is now: a true zero, to be written once.
    pub gone: Vec<SiteKey>,
    /// Goroutines whose stack came empty, most often because they had not yet started. They have no site and
    /// are in `other`, class `other`.
    pub empty_stacks: u64,
    /// Most goroutines on one and the same stack that wait for a mutex, RWMutex or WaitGroup: what decides
    /// whether a goroutineleak request would stop the service for long (SCRAPING.md).
    pub max_waiters_on_one_stack: u64,
    /// The memory for the next scrape.
    pub memory: Memory,
}

/// What one scrape remembers for the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory(HashMap<SiteKey, Remembered>);

impl Memory {
    /// Of another process, or another agent, only which sites were shown last: the series of one that is gone
    /// still gets its closing zero, and how large it was then says nothing of growth now.
    #[must_use]
    pub fn of_shown(sites: impl IntoIterator<Item = SiteKey>) -> Self {
        let shown = Remembered { level: 0.0, shown: true };
        Self(sites.into_iter().map(|site| (site, shown)).collect())
    }

    /// The sites shown last, in no order.
    pub fn shown(&self) -> impl Iterator<Item = &SiteKey> {
        self.0.iter().filter(|(_, r)| r.shown).map(|(site, _)| site)
    }
}

/// What is remembered of a site.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Remembered {
    /// Its count, slowly followed.
    level: f64,
    shown: bool,
}

/// Counts a goroutine profile by site. `None` when it holds no counts.
#[must_use]
pub fn by_site(profile: &Profile, go_root: &GoRoot, limit: SiteLimit, memory: &Memory) -> Option<Goroutines> {
    // `goroutine`, and `goroutineleak` from Go 1.26 on.
    let value = profile.value_index("goroutine").or_else(|| profile.value_index("goroutineleak"))?;
    let mut census = Census::default();
    for sample in profile.samples() {
        let count = u64::try_from(sample.value(value)).unwrap_or(0);
        if count > 0 {
            census.add(
                count,
                || sample.frames().map(Frame::from),
                || sample.frames().map(|f| f.address),
                go_root,
            );
        }
    }
    Some(census.finish(limit, memory))
}

/// Stacks are gathered by the frame that names their site, and sites written out at the end: a thousand goroutines
/// have hundreds of stacks at some dozens of sites.
#[derive(Default)]
struct Census<'a> {
    places: HashMap<(WaitClass, Option<Frame<'a>>), usize>,
    /// In the order they were met.
    gathered: Vec<Gathered<'a>>,
    waiters: HashMap<Vec<u64>, u64>,
    empty_stacks: u64,
}

/// Goroutines of one class whose site is named by one frame; none has a name where there are no landmarks.
struct Gathered<'a> {
    class: WaitClass,
    /// Those of the largest stack.
    landmarks: Option<Landmarks<'a>>,
    count: u64,
    largest_stack: u64,
}

struct Counted {
    site: Site,
    count: u64,
    /// Goroutines on the stack that `site` describes.
    largest_stack: u64,
}

impl<'a> Census<'a> {
    /// Adds `count` goroutines with one stack.
    fn add<F, A>(&mut self, count: u64, frames: impl Fn() -> F, addresses: impl Fn() -> A, go_root: &GoRoot)
    where
        F: Iterator<Item = Frame<'a>>,
        A: Iterator<Item = u64>,
    {
        if frames().next().is_none() {
            self.empty_stacks = self.empty_stacks.saturating_add(count);
            return;
        }
        let class = WaitClass::from_frames(frames());
        if matches!(class, WaitClass::Mutex | WaitClass::RwMutex | WaitClass::WaitGroup) {
            // Labels split one stack into several samples.
            let waiters = self.waiters.entry(addresses().collect()).or_default();
            *waiters = waiters.saturating_add(count);
        }
        let landmarks = Landmarks::of_stack(frames(), go_root);
        let place = (class, landmarks.map(|l| l.owner));
        let at = *self.places.entry(place).or_insert(self.gathered.len());
        match self.gathered.get_mut(at) {
            None => self.gathered.push(Gathered { class, landmarks, count, largest_stack: count }),
            Some(known) => {
                add(&mut known.count, count);
                if count > known.largest_stack {
                    (known.landmarks, known.largest_stack) = (landmarks, count);
                }
            }
        }
    }

    /// Sites by what they are called: frames on one line may differ in what is left out of names.
    fn sites(&self) -> HashMap<SiteKey, Counted> {
        let mut sites = HashMap::with_capacity(self.gathered.len());
        for &Gathered { class, landmarks, count, largest_stack } in &self.gathered {
            let site = landmarks.map_or_else(Site::unknown, |l| l.site(&StartLines::default()));
            match sites.entry((class, site.id.clone())) {
                Entry::Vacant(new) => {
                    new.insert(Counted { site, count, largest_stack });
                }
                Entry::Occupied(mut known) => {
                    let counted: &mut Counted = known.get_mut();
                    add(&mut counted.count, count);
                    if largest_stack > counted.largest_stack {
                        (counted.site, counted.largest_stack) = (site, largest_stack);
                    }
                }
            }
        }
        sites
    }

    fn finish(self, limit: SiteLimit, memory: &Memory) -> Goroutines {
        let mut sites: Vec<Candidate> =
            self.sites().into_iter().map(|(key, counted)| Candidate::new(key, counted, memory)).collect();
        // By size, equal ones in an order that does not change.
        sites.sort_unstable_by(|a, b| (b.count, &a.key).cmp(&(a.count, &b.key)));
        choose(&mut sites, limit);
        let mut result = Goroutines {
            gone: gone(&sites, memory),
            empty_stacks: self.empty_stacks,
            max_waiters_on_one_stack: self.waiters.into_values().max().unwrap_or(0),
            memory: remember(&sites),
            ..Goroutines::default()
        };
        for Candidate { key: (class, _), site, count, shown, .. } in sites {
            add(&mut result.total, count);
            add(result.by_class.entry(class).or_default(), count);
            if shown {
                result.sites.push(SiteCount { class, site, count });
            } else {
                result.sites_in_other += 1;
                add(result.other.entry(class).or_default(), count);
            }
        }
        if self.empty_stacks > 0 {
            add(&mut result.total, self.empty_stacks);
            add(result.by_class.entry(WaitClass::Other).or_default(), self.empty_stacks);
            add(result.other.entry(WaitClass::Other).or_default(), self.empty_stacks);
        }
        result
    }
}

fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}

/// A site that may be shown.
struct Candidate {
    key: SiteKey,
    site: Site,
    count: u64,
    /// Its level after this scrape.
    level: f64,
    /// How far it stands above its level before this scrape.
    growth: f64,
    /// Whether it was shown last time, and then whether it is now.
    shown: bool,
}

impl Candidate {
    fn new(key: SiteKey, counted: Counted, memory: &Memory) -> Self {
        let count = counted.count as f64;
        // A site never seen before has grown from nothing, unless this is the first scrape of all.
        let unknown = Remembered { level: if memory.0.is_empty() { count } else { 0.0 }, shown: false };
        let Remembered { level, shown } = memory.0.get(&key).copied().unwrap_or(unknown);
        let growth = count - level;
        Self {
            key,
            site: counted.site,
            count: counted.count,
            level: level + growth * LEVEL_WEIGHT,
            growth,
            shown,
        }
    }

    /// A score with the bonus of what is shown already.
    fn kept(&self, score: f64) -> f64 {
        if self.shown { score * HYSTERESIS } else { score }
    }
}

/// Marks the sites to show: most places go to the largest, the rest to those that grow most.
fn choose(sites: &mut [Candidate], limit: SiteLimit) {
    if sites.len() <= limit.sites_max {
        sites.iter_mut().for_each(|s| s.shown = true);
        return;
    }
    let ranked = |score: fn(&Candidate) -> f64| {
        let mut ranked: Vec<(f64, usize)> =
            sites.iter().enumerate().map(|(i, s)| (s.kept(score(s)), i)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked
    };
    let by_size = ranked(|s| s.count as f64);
    let by_growth = ranked(|s| s.growth);
    let for_growing = limit.sites_max / GROWING_SHARE;
    let mut chosen: HashSet<usize> =
        by_size.iter().take(limit.sites_max - for_growing).map(|&(_, i)| i).collect();
    for &(_, i) in by_growth.iter().filter(|(growth, _)| *growth > 0.0).chain(&by_size) {
        if chosen.len() >= limit.sites_max {
            break;
        }
        chosen.insert(i);
    }
    for (i, site) in sites.iter_mut().enumerate() {
        site.shown = chosen.contains(&i);
    }
}

/// Sites shown last time that have no goroutine now.
fn gone(sites: &[Candidate], memory: &Memory) -> Vec<SiteKey> {
    let present: HashSet<&SiteKey> = sites.iter().map(|s| &s.key).collect();
    let mut gone: Vec<SiteKey> = memory.shown().filter(|key| !present.contains(key)).cloned().collect();
    gone.sort_unstable();
    gone
}

/// The memory after this scrape: all sites shown, and the largest of the others.
fn remember(sites: &[Candidate]) -> Memory {
    let others_max = REMEMBERED_SITES_MAX.saturating_sub(sites.iter().filter(|s| s.shown).count());
    let mut others = 0;
    let kept = sites.iter().filter(|s| {
        others += usize::from(!s.shown);
        s.shown || others <= others_max
    });
    Memory(kept.map(|s| (s.key.clone(), Remembered { level: s.level, shown: s.shown })).collect())
}

#[cfg(test)]
mod tests {
    use super::{Census, Goroutines, HYSTERESIS, Memory, REMEMBERED_SITES_MAX, SiteLimit};
    use crate::{Frame, GoRoot, WaitClass};
    use proptest::prelude::{prop, proptest};

    /// Counts goroutines at `function`, parked in a receive.
    fn count(stacks: &[(&str, u64)], limit: usize, memory: &Memory) -> Goroutines {
        let mut census = Census::default();
        for (function, n) in stacks {
            let frames = ["runtime.gopark", "runtime.chanrecv", function].map(Frame::named);
            census.add(*n, || frames.into_iter(), || [1].into_iter(), &GoRoot::default());
        }
        census.finish(SiteLimit { sites_max: limit }, memory)
    }

    fn shown(g: &Goroutines) -> Vec<(&str, u64)> {
        g.sites.iter().map(|s| (&*s.site.id, s.count)).collect()
    }

    #[test]
    fn the_largest_lead_and_the_rest_is_summed() {
        let stacks = [("main.a", 1), ("main.b", 5), ("main.c", 3), ("main.b", 2), ("main.d", 2)];
        let g = count(&stacks, 2, &Memory::default());
        assert_eq!(shown(&g), [("main.b", 7), ("main.c", 3)]);
        assert_eq!((g.total, g.other[&WaitClass::ChanReceive], g.sites_in_other), (13, 3, 2));
        assert_eq!(g.by_class[&WaitClass::ChanReceive], 13);
    }

    #[test]
    fn a_site_that_grows_is_shown_before_it_is_large() {
        let flat: Vec<String> = (0..20).map(|i| format!("main.flat{i:02}")).collect();
        let scrape = |leak: u64, memory: &Memory| {
            let mut stacks: Vec<(&str, u64)> = flat.iter().map(|f| (&**f, 100)).collect();
            stacks.push(("main.leak", leak));
            count(&stacks, 8, memory)
        };
        let mut g = scrape(1, &Memory::default());
        assert!(!shown(&g).iter().any(|(id, _)| *id == "main.leak"));
        for n in 2..6 {
            g = scrape(n, &g.memory);
        }
        assert!(shown(&g).contains(&("main.leak", 5)), "{:?}", shown(&g));
        assert_eq!(g.sites.len(), 8);
    }

    #[test]
    fn sites_of_nearly_one_size_do_not_take_turns() {
        let mut memory = Memory::default();
        let mut first = Vec::new();
        for i in 0..50_u64 {
            // Every other scrape the other one is a little larger.
            let (a, b) = if i % 2 == 0 { (105, 100) } else { (100, 105) };
            let g = count(&[("main.a", a), ("main.b", b)], 1, &memory);
            let ids: Vec<String> = g.sites.iter().map(|s| s.site.id.clone()).collect();
            if i == 0 {
                first.clone_from(&ids);
            }
            assert_eq!(ids, first);
            memory = g.memory;
        }
        let ahead = 126;
        assert!(ahead as f64 > 100.0 * HYSTERESIS);
        let g = count(&[("main.a", 100), ("main.b", ahead)], 1, &memory);
        assert_eq!(shown(&g), [("main.b", ahead)]);
    }

    #[test]
    fn a_site_that_emptied_is_said_once() {
        let g = count(&[("main.a", 3), ("main.b", 1)], 10, &Memory::default());
        let g = count(&[("main.b", 1)], 10, &g.memory);
        assert_eq!(g.gone, [(WaitClass::ChanReceive, "main.a".to_owned())]);
        let g = count(&[("main.b", 1)], 10, &g.memory);
        assert!(g.gone.is_empty());
    }

    #[test]
    fn a_site_shown_before_a_restart_is_gone_after_it() {
        let before = count(&[("main.a", 3), ("main.b", 1)], 10, &Memory::default());
        let memory = Memory::of_shown(before.memory.shown().cloned());
        let g = count(&[("main.b", 1)], 10, &memory);
        assert_eq!(g.gone, [(WaitClass::ChanReceive, "main.a".to_owned())]);
    }

    #[test]
    fn a_site_pushed_into_the_rest_is_not_called_gone() {
        let g = count(&[("main.a", 3)], 1, &Memory::default());
        let g = count(&[("main.a", 3), ("main.b", 100)], 1, &g.memory);
        assert_eq!(shown(&g), [("main.b", 100)]);
        assert!(g.gone.is_empty());
    }

    #[test]
    fn waiters_are_counted_on_one_stack_across_labels() {
        let mut census = Census::default();
        let mut add = |function: &'static str, address: u64, n: u64| {
            let frames = ["runtime.gopark", function, "main.f"].map(Frame::named);
            census.add(n, || frames.into_iter(), || [address, 7].into_iter(), &GoRoot::default());
        };
        add("internal/sync.runtime_SemacquireMutex", 1, 30);
        add("internal/sync.runtime_SemacquireMutex", 1, 40);
        add("sync.runtime_SemacquireWaitGroup", 2, 60);
        add("runtime.chanrecv", 3, 1000);
        let g = census.finish(SiteLimit::default(), &Memory::default());
        assert_eq!(g.max_waiters_on_one_stack, 70);
    }

    #[test]
    fn empty_stacks_are_counted_and_said() {
        let mut census = Census::default();
        census.add(2, std::iter::empty, std::iter::empty, &GoRoot::default());
        let g = census.finish(SiteLimit::default(), &Memory::default());
        assert_eq!((g.total, g.empty_stacks, g.other[&WaitClass::Other]), (2, 2, 2));
        assert_eq!((g.sites.len(), g.sites_in_other), (0, 0));
    }

    #[test]
    fn memory_is_bounded() {
        let names: Vec<String> = (0..REMEMBERED_SITES_MAX + 100).map(|i| format!("main.f{i}")).collect();
        let stacks: Vec<(&str, u64)> = names.iter().zip(1..).map(|(f, n)| (&**f, n)).collect();
        let g = count(&stacks, 200, &Memory::default());
        let shown = g.memory.0.values().filter(|r| r.shown).count();
        assert_eq!((g.memory.0.len(), shown), (REMEMBERED_SITES_MAX, 200));
    }

    proptest! {
        #[test]
        fn sites_and_the_rest_add_up_to_the_total(
            scrapes in prop::collection::vec(prop::collection::vec((0..40_u32, 0..10_000_u64), 0..60), 1..6),
            limit in 0..30_usize,
        ) {
            let mut memory = Memory::default();
            for scrape in scrapes {
                let names: Vec<String> = scrape.iter().map(|(f, _)| format!("main.f{f}")).collect();
                let stacks: Vec<(&str, u64)> =
                    names.iter().zip(&scrape).filter(|(_, s)| s.1 > 0).map(|(n, s)| (&**n, s.1)).collect();
                let g = count(&stacks, limit, &memory);
                assert_eq!(g.total, stacks.iter().map(|s| s.1).sum::<u64>());
                let sites: u64 = g.sites.iter().map(|s| s.count).sum();
                assert_eq!(sites + g.other.values().sum::<u64>(), g.total);
                assert_eq!(g.by_class.values().sum::<u64>(), g.total);
                assert!(g.sites.len() <= limit);
                memory = g.memory;
            }
        }
    }
}
