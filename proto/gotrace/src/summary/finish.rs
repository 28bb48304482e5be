//! From what was counted to what is told.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::annotations::Annotated;
use super::pair_cache::PairCache;
use super::report::{
    Birth, Frame, FunctionCount, Named, Site, SiteId, StateTime, Summary, Suspects, Wait, WokenBy,
};
use super::sites::Sites;
use super::spans::Spans;
use super::{Summarizer, sites};
use crate::End;
use crate::event::{Name, State, kind_name};

/// Groups of suspects that are told apart. Beyond it they are one group at no site: counted, but not named.
const SUSPECT_GROUPS_MAX: usize = 1 << 12;

/// Goroutines named of each group of suspects.
const EXAMPLES_MAX: usize = 16;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn site(site: u32) -> SiteId {
    SiteId(site as usize)
}

/// Whether goroutines that start with this function are the runtime's own, or serve the trace itself.
fn is_system(function: &[u8]) -> bool {
    let runtime = function.starts_with(b"runtime.") && function != b"runtime.main";
    runtime || function.starts_with(b"runtime/trace.")
}

impl Summarizer {
    /// The summary of all that was told. `end` is that of [`Read`](crate::Read); none when reading failed.
    pub fn finish(mut self, end: Option<End>) -> Summary {
        let window_ns = self.end_ns;
        let complete = match end {
            Some(end) => self.generations > 0 && !(self.first_may_be_cut && end.is_cut()),
            None => self.generations > 1,
        };
        self.close(window_ns);
        let kinds = (0_u8..=u8::MAX).zip(self.kinds).filter(|(_, count)| *count > 0);
        let mut events: Vec<_> = kinds.map(|(kind, count)| (kind_name(kind), count)).collect();
        events.sort_by_key(|(_, count)| Reverse(*count));
        let suspects = self.suspects();
        let named = |by_name: &BTreeMap<Name, Annotated>| -> Vec<Named> {
            let all = by_name.iter();
            all.map(|(name, annotated)| Named { name: self.name(*name), annotated: *annotated }).collect()
        };
        Summary {
            window_ns,
            generations: self.generations,
            events_total: self.kinds.iter().sum(),
            events,
            births: self.births(),
            functions: self.functions(),
            states: self.states(),
            waits: self.waits(),
            syscalls: self.syscalls(),
            latency: self.lives.latency,
            latency_yielded: self.lives.latency_yielded,
            gc: self.collection.gc,
            stops: self.stops(),
            tasks: named(&self.annotations.tasks_by_name),
            regions: named(&self.annotations.regions_by_name),
            logs: self.annotations.logs_by_key.iter().map(|(key, count)| (text(key), *count)).collect(),
            samples: self.samples(),
            suspects,
            sites: told(&self.sites),
            goroutines: self.lives.population.finish(window_ns, complete),
        }
    }

    /// Books what is under way at the end of the window.
    fn close(&mut self, end_ns: u64) {
        self.collection.finish(end_ns);
        self.annotations.finish(end_ns);
        for life in self.lives.all().iter().filter(|life| life.is_alive()) {
            self.annotations.still_open(life.region, end_ns);
        }
        self.lives.sum_up(end_ns);
    }

    fn births(&self) -> Vec<Birth> {
        let origins = self.lives.origins.all().iter().filter(|origin| origin.created > 0);
        let mut births: Vec<Birth> = origins
            .map(|origin| Birth {
                site: site(origin.site),
                function: self.function(origin.function),
                created: origin.created,
                ended: origin.ended,
            })
            .collect();
        births.sort_by_key(|birth| Reverse(birth.created));
        births
    }

    fn name(&self, name: Name) -> String {
        text(self.sites.names.text(name))
    }

    fn function(&self, function: Option<Name>) -> String {
        function.map_or_else(String::new, |name| self.name(name))
    }

    fn functions(&self) -> Vec<FunctionCount> {
        let mut by_function: BTreeMap<Option<Name>, FunctionCount> = BTreeMap::new();
        for origin in self.lives.origins.all() {
            let count = by_function.entry(origin.function).or_insert_with(|| FunctionCount {
                function: self.function(origin.function),
                system: origin.function.is_some_and(|name| is_system(self.sites.names.text(name))),
                at_start: 0,
                created: 0,
                ended: 0,
                running_ns: 0,
            });
            count.at_start += origin.at_start;
            count.created += origin.created;
            count.ended += origin.ended;
            count.running_ns = count.running_ns.saturating_add(origin.running.total_ns);
        }
        let mut functions: Vec<FunctionCount> =
            by_function.into_values().filter(|f| f.at_start + f.created + f.ended > 0).collect();
        functions.sort_by_key(|f| Reverse(f.at_start + f.created));
        functions
    }

    fn states(&self) -> Vec<StateTime> {
        let mut by_reason: HashMap<(State, Name), Spans> = HashMap::new();
        for account in self.lives.accounts.all() {
            by_reason.entry((account.state, account.reason)).or_default().join(&account.spans);
        }
        let mut states: Vec<StateTime> = by_reason
            .into_iter()
            .filter(|(_, spans)| spans.count + spans.open > 0)
            .map(|((state, reason), spans)| StateTime { state, reason: self.name(reason), spans })
            .collect();
        states.sort_by(|a, b| {
            let total = b.spans.total_ns.cmp(&a.spans.total_ns);
            total.then((a.state as u8, &a.reason).cmp(&(b.state as u8, &b.reason)))
        });
        states
    }

    fn waits(&self) -> Vec<Wait> {
        let mut woken: HashMap<u32, Vec<WokenBy>> = HashMap::new();
        for waker in self.lives.accounts.wakers() {
            let by = WokenBy { site: site(waker.site), spans: waker.spans };
            woken.entry(waker.account).or_default().push(by);
        }
        let accounts = (0_u32..).zip(self.lives.accounts.all());
        let used = accounts.filter(|(_, a)| a.state == State::Waiting && a.spans.count + a.spans.open > 0);
        let mut waits: Vec<Wait> = used
            .map(|(number, account)| {
                let mut woken_by = woken.remove(&number).unwrap_or_default();
                woken_by.sort_by_key(|by| Reverse(by.spans.total_ns));
                let reason = self.name(account.reason);
                Wait { reason, site: site(account.site), spans: account.spans, woken_by }
            })
            .collect();
        waits.sort_by_key(|wait| Reverse(wait.spans.total_ns));
        waits
    }

    fn syscalls(&self) -> Vec<(SiteId, Spans)> {
        let accounts = self.lives.accounts.all().iter();
        let used = accounts.filter(|a| a.state == State::Syscall && a.spans.count + a.spans.open > 0);
        let mut syscalls: Vec<_> = used.map(|account| (site(account.site), account.spans)).collect();
        syscalls.sort_by_key(|(_, spans)| Reverse(spans.total_ns));
        syscalls
    }

    fn stops(&self) -> Vec<(String, Spans)> {
        let stops = self.collection.stops.iter();
        let mut stops: Vec<_> = stops.map(|(kind, spans)| (self.name(*kind), *spans)).collect();
        stops.sort_by_key(|(_, spans)| Reverse(spans.total_ns));
        stops
    }

    fn samples(&self) -> Vec<(SiteId, u64)> {
        let samples = self.samples.iter().enumerate().filter(|(_, count)| **count > 0);
        let mut samples: Vec<_> = samples.map(|(site, count)| (SiteId(site), *count)).collect();
        samples.sort_by_key(|(_, count)| Reverse(*count));
        samples
    }

    /// Those that were there before the trace and to which nothing has happened since, by where they wait.
    fn suspects(&self) -> Vec<Suspects> {
        let mut places = PairCache::new();
        let mut suspects: Vec<Suspects> = Vec::new();
        let mut by_group: HashMap<(u32, u32), u32> = HashMap::new();
        for life in self.lives.all() {
            let Some(id) = life.since.silent().filter(|_| life.is_alive()) else { continue };
            let (account, origin) = (life.account(), life.origin());
            let known = places.get(account.into(), origin.into());
            let place = known.or_else(|| by_group.get(&(account, origin)).copied()).or_else(|| {
                let group = self.suspects_of(account, origin)?;
                let new = match suspects.len() {
                    all if all < SUSPECT_GROUPS_MAX => {
                        suspects.push(group);
                        all
                    }
                    all if all == SUSPECT_GROUPS_MAX => {
                        suspects.push(Suspects {
                            reason: String::new(),
                            site: SiteId::OTHER,
                            function: String::new(),
                            ..group
                        });
                        all
                    }
                    _ => SUSPECT_GROUPS_MAX,
                };
                let new = u32::try_from(new).ok()?;
                by_group.insert((account, origin), new);
                Some(new)
            });
            let Some(place) = place else { continue };
            places.put(account.into(), origin.into(), place);
            let Some(group) = suspects.get_mut(place as usize) else { continue };
            group.count += 1;
            if group.examples.len() < EXAMPLES_MAX {
                group.examples.push(id);
            }
        }
        suspects.sort_by_key(|group| Reverse(group.count));
        suspects
    }

    /// A group of suspects, still empty; none unless the account is one of waiting.
    fn suspects_of(&self, account: u32, origin: u32) -> Option<Suspects> {
        let account = self.lives.accounts.all().get(account as usize)?;
        let function = self.lives.origins.all().get(origin as usize)?.function;
        (account.state == State::Waiting).then(|| Suspects {
            reason: self.name(account.reason),
            site: site(account.site),
            function: self.function(function),
            system: function.is_some_and(|name| is_system(self.sites.names.text(name))),
            count: 0,
            examples: Vec::new(),
        })
    }
}

/// All sites with their texts, each of which is there once.
fn told(all: &Sites) -> Vec<Site> {
    let mut texts: HashMap<Name, Arc<str>> = HashMap::new();
    let mut shared = |name: Name| -> Arc<str> {
        texts.entry(name).or_insert_with(|| text(all.names.text(name)).into()).clone()
    };
    let mut sites = Vec::with_capacity(all.len());
    for number in 0..all.len() {
        let frames = all.frames(u32::try_from(number).unwrap_or(sites::UNKNOWN)).iter();
        let frames = frames.map(|frame| Frame {
            function: shared(frame.function),
            file: shared(frame.file),
            line: frame.line,
        });
        sites.push(Site { frames: frames.collect() });
    }
    sites
}
