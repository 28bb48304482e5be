//! Goroutines by site and wait class, from a goroutine profile with debug=0.
//!
//! The number of sites is bounded; what is beyond the bound is summed per class, so that values are conserved:
//! the sites and the rest always add up to the total. Which sites are shown is decided by size *and* by
//! growth, since a leak is small when it begins, and with hysteresis, since a series that comes and goes
//! cannot be judged.

use crate::Frame;
use crate::package::GoRoot;
use crate::site::{Site, StartLines};
use crate::wait_class::WaitClass;
use linger_proto::pprof::Profile;
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
    /// Where; `blocked_at` and `created_by` are those of its most numerous stack.
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
    /// Goroutines whose stack came empty (not yet started, or being torn down); counted in the class `other`.
    pub empty_stacks: u64,
    /// Most goroutines on one and the same stack that wait for a mutex, RWMutex or WaitGroup: what decides
    /// whether a goroutineleak request would stop the service for long (SCRAPING.md).
    pub max_waiters_on_one_stack: u64,
    /// The memory for the next scrape.
    pub memory: Memory,
}

/// What one scrape remembers for the next. Starts anew with each incarnation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// Slowly following counts.
    levels: HashMap<SiteKey, f64>,
    shown: HashSet<SiteKey>,
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

#[derive(Default)]
struct Census {
    sites: HashMap<SiteKey, Counted>,
    waiters: HashMap<Vec<u64>, u64>,
    empty_stacks: u64,
}

struct Counted {
    site: Site,
    count: u64,
    /// Goroutines on the stack that `site` describes.
    largest_stack: u64,
}

impl Census {
    /// Adds `count` goroutines with one stack.
    fn add<'a, F, A>(
        &mut self,
        count: u64,
        frames: impl Fn() -> F,
        addresses: impl Fn() -> A,
        go_root: &GoRoot,
    ) where
        F: Iterator<Item = Frame<'a>>,
        A: Iterator<Item = u64>,
    {
        if frames().next().is_none() {
            self.empty_stacks = self.empty_stacks.saturating_add(count);
        }
        let class = WaitClass::from_frames(frames());
        if matches!(class, WaitClass::Mutex | WaitClass::RwMutex | WaitClass::WaitGroup) {
            // Labels split one stack into several samples.
            let waiters = self.waiters.entry(addresses().collect()).or_default();
            *waiters = waiters.saturating_add(count);
        }
        let site = Site::of_stack(frames(), go_root, &StartLines::default()).unwrap_or_else(Site::unknown);
        let counted = self.sites.entry((class, site.id.clone())).or_insert_with(|| Counted {
            site: site.clone(),
            count: 0,
            largest_stack: 0,
        });
        counted.count = counted.count.saturating_add(count);
        if count > counted.largest_stack {
            counted.largest_stack = count;
            counted.site = site;
        }
    }

    fn finish(self, limit: SiteLimit, memory: &Memory) -> Goroutines {
        let counts: HashMap<SiteKey, u64> = self.sites.iter().map(|(k, c)| (k.clone(), c.count)).collect();
        let shown = choose(&counts, limit, memory);
        let mut gone: Vec<SiteKey> =
            memory.shown.iter().filter(|key| !counts.contains_key(*key)).cloned().collect();
        gone.sort_unstable();
        let mut result = Goroutines {
            gone,
            empty_stacks: self.empty_stacks,
            max_waiters_on_one_stack: self.waiters.into_values().max().unwrap_or(0),
            memory: Memory { levels: levels(&counts, memory), shown: shown.clone() },
            ..Goroutines::default()
        };
        for (key, counted) in self.sites {
            let (class, count) = (key.0, counted.count);
            add(&mut result.total, count);
            add(result.by_class.entry(class).or_default(), count);
            if shown.contains(&key) {
                result.sites.push(SiteCount { class, site: counted.site, count });
            } else {
                result.sites_in_other += 1;
                add(result.other.entry(class).or_default(), count);
            }
        }
        result.sites.sort_by(|a, b| (b.count, a.class, &a.site.id).cmp(&(a.count, b.class, &b.site.id)));
        result
    }
}

fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}

/// The sites to show: most places to the largest, the rest to those that grow most above their level.
fn choose(counts: &HashMap<SiteKey, u64>, limit: SiteLimit, memory: &Memory) -> HashSet<SiteKey> {
    if counts.len() <= limit.sites_max {
        return counts.keys().cloned().collect();
    }
    let kept = |key: &SiteKey| if memory.shown.contains(key) { HYSTERESIS } else { 1.0 };
    let ranked = |score: &dyn Fn(&SiteKey, f64) -> f64| {
        let mut ranked: Vec<(f64, &SiteKey)> =
            counts.iter().map(|(key, &n)| (score(key, n as f64) * kept(key), key)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        ranked
    };
    let by_size = ranked(&|_, count| count);
    // A site never seen before has grown from nothing, unless this is the first scrape of all.
    let by_growth = ranked(&|key, count| {
        if memory.levels.is_empty() { 0.0 } else { count - memory.levels.get(key).copied().unwrap_or(0.0) }
    });
    let for_growing = limit.sites_max / GROWING_SHARE;
    let mut shown: HashSet<SiteKey> = HashSet::with_capacity(limit.sites_max);
    shown.extend(by_size.iter().take(limit.sites_max - for_growing).map(|(_, key)| (*key).clone()));
    let growing = by_growth.iter().filter(|(growth, _)| *growth > 0.0);
    for (_, key) in growing.chain(&by_size) {
        if shown.len() >= limit.sites_max {
            break;
        }
        shown.insert((*key).clone());
    }
    shown
}

/// The levels after this scrape, of the largest sites.
fn levels(counts: &HashMap<SiteKey, u64>, memory: &Memory) -> HashMap<SiteKey, f64> {
    let first = memory.levels.is_empty();
    let mut kept: Vec<(&SiteKey, u64)> = counts.iter().map(|(key, &count)| (key, count)).collect();
    if kept.len() > REMEMBERED_SITES_MAX {
        kept.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        kept.truncate(REMEMBERED_SITES_MAX);
    }
    let follow = |key: &SiteKey, count: f64| {
        let start = if first { count } else { 0.0 };
        let level = memory.levels.get(key).copied().unwrap_or(start);
        level + (count - level) * LEVEL_WEIGHT
    };
    kept.into_iter().map(|(key, count)| (key.clone(), follow(key, count as f64))).collect()
}
