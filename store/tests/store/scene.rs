//! What the tests share: a stream, scrapes with waited-for acknowledgements, and selecting everything.

use linger_series::{Labels, Selector, Series, SeriesKey, Stream, TimeMs, Window};
use linger_store::{Error, Options, Scrape, SelectLimits, SeriesId, Store};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

/// 2026-11-24T00:00:00Z.
pub(crate) const DAY_START: i64 = 1_795_478_400_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const STEP_MS: i64 = 15_000;

/// Commits at once: tests wait for each acknowledgement.
pub(crate) fn options() -> Options {
    Options { commit_every: Duration::ZERO, ..Options::default() }
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, options()).unwrap()
}

pub(crate) fn read_only(dir: &Path) -> Result<Store, Error> {
    Store::open(dir, Options { read_only: true, ..options() })
}

pub(crate) fn stream() -> Stream {
    Stream::new("api", "goroutine")
}

pub(crate) fn key(site: usize) -> SeriesKey {
    let labels = Labels::new([("target", "api".to_owned()), ("site", format!("main.work+{site}"))]);
    SeriesKey::new("linger_goroutines_at_site", labels)
}

pub(crate) fn register(store: &Store, sites: usize) -> Vec<SeriesId> {
    (0..sites).map(|site| store.register(&stream(), &key(site)).unwrap()).collect()
}

/// Appends to a stream and waits for the answer.
pub(crate) fn append_to(
    store: &Store,
    stream: Stream,
    at: i64,
    samples: Vec<(SeriesId, f64)>,
) -> Result<(), Error> {
    let (answer, answered) = channel();
    store.append(Scrape { stream, at: TimeMs(at), samples }, move |result| answer.send(result).unwrap())?;
    answered.recv().unwrap()
}

pub(crate) fn append(store: &Store, at: i64, samples: Vec<(SeriesId, f64)>) -> Result<(), Error> {
    append_to(store, stream(), at, samples)
}

/// Queues scrapes `from..to` of all ids, one every [`STEP_MS`] from the start of the day, and waits for the last.
pub(crate) fn fill(store: &Store, ids: &[SeriesId], scrapes: std::ops::Range<i64>) {
    for i in scrapes {
        let samples = ids.iter().enumerate().map(|(s, id)| (*id, value(s, i))).collect();
        append(store, DAY_START + i * STEP_MS, samples).unwrap();
    }
}

/// What [`fill`] writes for a series at a scrape.
pub(crate) fn value(series: usize, scrape: i64) -> f64 {
    match series % 4 {
        0 => 7.0,
        1 => (scrape * 3) as f64,
        2 => (scrape % 17) as f64 / 10.0,
        _ => (scrape as f64 * 0.1).sin(),
    }
}

pub(crate) fn select_all(store: &Store) -> Vec<Series> {
    store.select(&Selector::default(), Window::ALL, SelectLimits::default()).unwrap()
}

/// Times and bits of a series' points.
pub(crate) fn points(series: &Series) -> Vec<(i64, u64)> {
    series.points.iter().map(|p| (p.t.0, p.v.to_bits())).collect()
}

/// What [`fill`] gave for a series.
pub(crate) fn filled(series: usize, scrapes: std::ops::Range<i64>) -> Vec<(i64, u64)> {
    scrapes.map(|i| (DAY_START + i * STEP_MS, value(series, i).to_bits())).collect()
}

pub(crate) fn points_of(store: &Store, site: usize) -> Vec<(i64, u64)> {
    let wanted = key(site);
    let all = store.select(&Selector::metric(&*wanted.name), Window::ALL, SelectLimits::default()).unwrap();
    all.iter().find(|series| series.key == wanted).map(points).unwrap_or_default()
}
