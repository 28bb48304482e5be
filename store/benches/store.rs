//! Costs of the write path's parts and of a query, on synthetic data: `cargo bench -p linger-store`. Compare ratios
//! within one run; the budgets are measured by `examples/store_bench.rs`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use linger_series::{Labels, Selector, SeriesKey, Stream, TimeMs, Window};
use linger_store::{Options, Scrape, SelectLimits, SeriesId, Store};
use std::time::Duration;

fn main() {
    divan::main();
}

const SERIES: i64 = 300;
const START_MS: i64 = 1_795_478_400_000;

fn stream() -> Stream {
    Stream::new("api", "goroutine")
}

fn key(site: i64) -> SeriesKey {
    SeriesKey::new("linger_goroutines_at_site", Labels::new([("site", format!("main.(*Pool).work+{site}"))]))
}

/// Most series constant, some counters, some gauges, some with fractions.
fn value(series: i64, scrape: i64) -> f64 {
    match series % 10 {
        0 => (scrape * 7 + scrape % 3) as f64,
        1 => (scrape * series % 17) as f64,
        2 => (scrape as f64 * 0.37).sin(),
        _ => series as f64,
    }
}

struct Fixture {
    store: Store,
    ids: Vec<SeriesId>,
    next: i64,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let options = Options { commit_every: Duration::from_secs(3600), ..Options::default() };
        let store = Store::open(dir.path(), options).expect("a new store");
        let register = |site| store.register(&stream(), &key(site)).expect("a series");
        let ids = (0..SERIES).map(register).collect();
        Self { store, ids, next: 0, _dir: dir }
    }

    fn scrape(&mut self) -> Scrape {
        let i = self.next;
        self.next += 1;
        let samples = self.ids.iter().zip(0..).map(|(id, series)| (*id, value(series, i))).collect();
        Scrape { stream: stream(), at: TimeMs(START_MS + i * 15_000), samples }
    }

    /// Appends scrapes and flushes once.
    fn append(&mut self, scrapes: i64) {
        for _ in 0..scrapes {
            let scrape = self.scrape();
            self.store.append(scrape, |result| result.expect("an acknowledged scrape")).expect("room");
        }
        self.store.flush().expect("a flush");
    }
}

/// One scrape of 300 samples with a flush of its own, seals included.
#[divan::bench]
fn one_scrape_flushed_alone(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new();
    bencher.counter(ItemsCount::new(300_u32)).bench_local(|| fixture.append(1));
}

/// Sixty scrapes of 300 samples with one flush, seals included.
#[divan::bench]
fn sixty_scrapes_flushed_together(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new();
    bencher.counter(ItemsCount::new(60 * 300_u32)).bench_local(|| fixture.append(60));
}

/// One of 300 series over a day, folders open.
#[divan::bench]
fn one_series_over_a_day(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new();
    (0..48).for_each(|_| fixture.append(120));
    let selector = Selector::metric("linger_goroutines_at_site").with("site", "main.(*Pool).work+21");
    bencher.counter(ItemsCount::new(5_760_u32)).bench_local(|| {
        let found = fixture.store.select(black_box(&selector), Window::ALL, SelectLimits::default());
        assert_eq!(found.expect("an answer").first().map(|series| series.points.len()), Some(5_760));
    });
}

/// The last hour of all 300 series.
#[divan::bench]
fn all_series_over_an_hour(bencher: Bencher<'_, '_>) {
    let mut fixture = Fixture::new();
    (0..48).for_each(|_| fixture.append(120));
    let window = Window::ending(TimeMs(START_MS + 5_759 * 15_000), Duration::from_secs(3600));
    let selector = Selector::metric("linger_goroutines_at_site");
    bencher.counter(ItemsCount::new(300 * 241_u32)).bench_local(|| {
        let found = fixture.store.select(black_box(&selector), window, SelectLimits::default());
        assert_eq!(found.expect("an answer").len(), 300);
    });
}
