//! The tasks: one per target and lane, each a loop of "what is due, scrape it, tell what it meant".

use super::answering::Answering;
use super::board::{self, Outcome};
use super::census::Attached;
use super::client::{Answer, Client};
use super::cost::{Cost, Meter};
use super::outcome::{Failure, State};
use super::schedule::{Finished, Lane, Next, Schedule, Tick};
use super::{cost, request};
use crate::clock;
use crate::live::Live;
use crate::pipeline::{Fetched, Job, Pipeline, Reply};
use linger_config::{CollectorKind, Target};
use linger_probe::Address;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// One target's scraping, shared by its lanes.
pub struct Scraper {
    /// The target.
    pub target: Target,
    /// Its schedule.
    pub schedule: RefCell<Schedule>,
    /// How it is asked.
    pub client: Client,
    /// What decodes and derives.
    pub pipeline: Pipeline,
    /// What the status shows.
    pub live: Arc<Live>,
    /// When the agent started.
    pub epoch: Instant,
    /// What its requests cost it.
    pub meter: RefCell<Meter>,
    /// Its process, where its memory is read.
    pub attached: RefCell<Attached>,
    /// Its program, where that is read.
    pub answering: RefCell<Answering>,
    /// What each lane is at, and since when.
    pub at: RefCell<HashMap<Lane, (CollectorKind, Tick)>>,
}

/// A scrape may take this many of its collector's timeouts: the request, once more on a fresh connection, a page of
/// symbols or two.
const TIMEOUTS_MAX: u32 = 6;
/// And this long for decoding, which has its own supervision.
const DECODING_MAX: Duration = Duration::from_secs(120);
/// A last profile by site is taken up to this many goroutines: about 50 ms of the service's CPU.
const LAST_LOOK_GOROUTINES_MAX: u64 = 10_000;

impl Scraper {
    /// What scrapes `target` by `schedule`.
    #[must_use]
    pub fn new(
        target: &Target,
        schedule: Schedule,
        pipeline: Pipeline,
        live: Arc<Live>,
        epoch: Instant,
    ) -> Self {
        Self {
            client: Client::new(target),
            meter: RefCell::new(Meter::new(address(target))),
            attached: RefCell::default(),
            answering: RefCell::default(),
            target: target.clone(),
            schedule: RefCell::new(schedule),
            pipeline,
            live,
            epoch,
            at: RefCell::default(),
        }
    }

    /// Scrapes what is due in `lane` until `stop` turns true. A request under way then is given up.
    pub async fn run(&self, lane: Lane, mut stop: watch::Receiver<bool>) {
        loop {
            let next = self.schedule.borrow().next(lane, self.now());
            let step = async {
                match next {
                    Next::At(t) => tokio::time::sleep_until(self.epoch + t).await,
                    Next::Run(kind) => {
                        self.at.borrow_mut().insert(lane, (kind, self.now()));
                        self.scrape(kind).await;
                    }
                }
                self.at.borrow_mut().remove(&lane);
            };
            tokio::select! {
                () = step => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// What `lane` is at, and for how long, when that is longer than all timeouts together allow.
    pub fn overdue(&self, lane: Lane) -> Option<(CollectorKind, Duration)> {
        let (kind, began) = *self.at.borrow().get(&lane)?;
        let since = self.now().saturating_sub(began);
        let timeout = self.target.collectors.get(kind).timeout.get();
        (since > timeout * TIMEOUTS_MAX + DECODING_MAX).then_some((kind, since))
    }

    /// Takes note that what `lane` is at will never end; returns what it was.
    pub fn give_up(&self, lane: Lane) -> Option<CollectorKind> {
        let (kind, began) = self.at.borrow_mut().remove(&lane)?;
        let failure = Failure::new(State::Internal, "it did not end and was given up; see the log");
        let reply = Reply::failed(failure);
        let done =
            Finished { kind, state: reply.state.clone(), cost: None, own_cost: None, goroutines: None };
        self.schedule.borrow_mut().finished(&done, began, self.now());
        let at_ms = clock::now().0;
        self.show(&Outcome { kind, reply: &reply, at_ms, took: None, bytes: None, cost: None });
        Some(kind)
    }

    /// One look at a target that may be gone already, within `limit`: the profile by site where that is cheap, else the
    /// count. Only an answer is news; silence makes no point and no alarm.
    pub async fn last_look(&self, limit: Duration) {
        let (reachable, goroutines) = {
            let schedule = self.schedule.borrow();
            (schedule.is_reachable(), schedule.goroutines().unwrap_or(u64::MAX))
        };
        if !reachable {
            return;
        }
        let by_site = self.target.collectors.goroutine.enabled && goroutines <= LAST_LOOK_GOROUTINES_MAX;
        let kind = if by_site { CollectorKind::Goroutine } else { CollectorKind::Count };
        // What is off, rests or failed last is left alone now too.
        if !self.schedule.borrow().state(kind).0.is_success() {
            return;
        }
        let _ = tokio::time::timeout(limit, self.look(kind, goroutines)).await;
    }

    async fn look(&self, kind: CollectorKind, goroutines: u64) {
        let at = clock::now();
        let Ok(answer) = self.fetch(kind).await else { return };
        let cost = Some(cost::predicted(kind, answer.took, 0, goroutines));
        let job = Job {
            target: self.target.name.clone(),
            kind,
            at,
            window_s: 0,
            fetched: Ok(Fetched::Answer(answer)),
            cost,
            symbols: None,
            program: None,
        };
        let _ = self.pipeline.work(job).await;
    }

    /// One scrape of `kind`: fetched, decoded, derived, stored, and shown.
    pub async fn scrape(&self, kind: CollectorKind) {
        if !kind.is_requested() {
            return self.count().await;
        }
        let (began, at) = (self.now(), clock::now());
        self.meter.borrow_mut().before(kind, began);
        let fetched = self.fetch(kind).await;
        let took = fetched.as_ref().ok().map(|a| a.took);
        let bytes = fetched.as_ref().ok().map(|a| a.body.len());
        let window_s = request::window_s(self.target.collectors.get(kind));
        let mut cost = self.cost(kind, &fetched, began, window_s).await;
        let name = self.target.name.clone();
        let program = match (&fetched, kind) {
            (Ok(_), CollectorKind::Heap | CollectorKind::Goroutine) => self.answering_program().await,
            _ => None,
        };
        let fetched = fetched.map(Fetched::Answer);
        let cpu = cost.map(|cost| cost.cpu);
        let mut job = Job { target: name, kind, at, window_s, fetched, cost: cpu, symbols: None, program };
        let mut reply = self.pipeline.work(job.clone()).await;
        if !reply.unknown_pcs.is_empty() {
            let (symbols, spent) = self.fetch_symbols(kind, &reply.unknown_pcs).await;
            if let Some(cost) = &mut cost {
                cost.cpu += spent.cpu;
            }
            job.symbols = Some(symbols);
            job.cost = cost.map(|cost| cost.cpu);
            reply = self.pipeline.work(job).await;
        }
        if let Some(program) = &reply.program {
            self.meter.borrow_mut().answers(program);
        }
        let spent = cost.map(|cost| cost.cpu);
        let goroutines = reply.goroutines;
        let done = Finished { kind, state: reply.state.clone(), cost: spent, own_cost: None, goroutines };
        self.schedule.borrow_mut().finished(&done, began, self.now());
        self.show(&Outcome { kind, reply: &reply, at_ms: at.0, took, bytes, cost });
        if reply.state.is_success() {
            self.find_process().await;
        }
    }

    /// One census: counted, derived, stored, and shown.
    async fn count(&self) {
        let (kind, began, at) = (CollectorKind::Defers, self.now(), clock::now());
        let (taken, own_cost) = self.census().await;
        let took = taken.as_ref().ok().map(|t| t.took);
        let fetched = taken.map(|taken| Fetched::Census(Arc::new(taken)));
        let target = self.target.name.clone();
        let job = Job { target, kind, at, window_s: 0, fetched, cost: None, symbols: None, program: None };
        let reply = self.pipeline.work(job).await;
        let done = Finished { kind, state: reply.state.clone(), cost: None, own_cost, goroutines: None };
        self.schedule.borrow_mut().finished(&done, began, self.now());
        self.show(&Outcome { kind, reply: &reply, at_ms: at.0, took, bytes: None, cost: None });
    }

    /// What a request that began at `began` cost the service; `None` when it did nothing for us.
    async fn cost(
        &self,
        kind: CollectorKind,
        fetched: &Result<Answer, Failure>,
        began: Tick,
        window_s: u64,
    ) -> Option<Cost> {
        let goroutines = self.schedule.borrow().goroutines().unwrap_or(0);
        let spent = match fetched {
            Ok(answer) => Some(answer.took),
            // Nobody was reached, or somebody said no at once.
            Err(f) if f.state.never_reached_the_handler() || f.state == State::Busy => None,
            // Whoever gave up on an answer has made the service work for it all the same.
            Err(_) => Some((self.now() - began).min(cost::FAILED_MAX)),
        };
        if spent.is_some() {
            tokio::time::sleep(cost::SETTLE).await;
        }
        let predicted = cost::predicted(kind, spent.unwrap_or_default(), window_s, goroutines);
        let cost = self.meter.borrow_mut().after(kind, spent.unwrap_or_default(), predicted, self.now());
        spent.map(|_| cost)
    }

    /// Looks for the process behind the target when that is due, so that costs can be measured.
    pub(super) async fn find_process(&self) {
        let Some(search) = self.meter.borrow_mut().search_due(self.now()) else { return };
        let search = search.looked_up().await;
        if let Ok(found) = tokio::task::spawn_blocking(move || search.run()).await {
            self.meter.borrow_mut().searched(found, self.now());
        }
    }

    async fn fetch(&self, kind: CollectorKind) -> Result<Answer, Failure> {
        let request = request::request(&self.target, kind).map_err(|e| Failure::new(State::Internal, e))?;
        self.client.fetch(&request).await
    }

    /// Names of code addresses, and what they cost the service, on the account of `kind`.
    async fn fetch_symbols(&self, kind: CollectorKind, pcs: &[u64]) -> (Result<Vec<Answer>, Failure>, Cost) {
        let began = self.now();
        self.meter.borrow_mut().before(kind, began);
        let answers = self.fetch_pages_of_symbols(pcs).await;
        let took = self.now() - began;
        tokio::time::sleep(cost::SETTLE).await;
        let pages = answers.as_ref().map_or(1, Vec::len);
        let predicted = cost::SYMBOL_PAGE * u32::try_from(pages).unwrap_or(u32::MAX);
        let cost = self.meter.borrow_mut().after(kind, took, predicted, self.now());
        (answers, cost)
    }

    async fn fetch_pages_of_symbols(&self, pcs: &[u64]) -> Result<Vec<Answer>, Failure> {
        let requests =
            request::symbol_requests(&self.target, pcs).map_err(|e| Failure::new(State::Internal, e))?;
        let mut answers = Vec::with_capacity(requests.len());
        for request in &requests {
            answers.push(self.client.fetch(request).await?);
        }
        Ok(answers)
    }

    fn now(&self) -> Tick {
        self.epoch.elapsed()
    }

    /// Puts the outcome on the board.
    fn show(&self, outcome: &Outcome<'_>) {
        let (schedule, meter) = (self.schedule.borrow(), self.meter.borrow());
        self.live.update(&self.target.name, |t| board::put(t, outcome, &schedule, &meter));
    }
}

/// Where the target's process would listen.
fn address(target: &Target) -> Address {
    match target.url.socket() {
        Some(path) => Address::Unix(path.to_owned()),
        None => Address::Tcp { host: target.url.host().to_owned(), port: target.url.port() },
    }
}
