//! The store against a map: random scrapes of series that come and go, with odd values, over days, with upkeep and
//! openings in between, must read back as the map does in any window.

use crate::scene::{DAY_MS, DAY_START, append_to, open};
use linger_series::{Labels, Selector, SeriesKey, Stream, TimeMs, Window};
use linger_store::{SelectLimits, Store};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    /// Scrapes of a stream: how many, how far apart, which series (two bits pick from ten), and a seed of values.
    Scrape {
        stream: usize,
        count: u16,
        apart_ms: i64,
        series: u32,
        seed: u64,
    },
    Maintain {
        later_ms: i64,
    },
    Open,
    Read {
        from: i64,
        length: i64,
        stream: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let apart = prop_oneof![1..1000_i64, Just(15_000), Just(3_600_000), Just(DAY_MS)];
    prop_oneof![
        6 => (0..3_usize, prop_oneof![1..8_u16, 400..600_u16], apart, any::<u32>(), any::<u64>()).prop_map(
            |(stream, count, apart_ms, series, seed)| {
                // A few days at most, so that retention stays out of the picture.
                let apart_ms = if count > 8 { apart_ms.min(15_000) } else { apart_ms.min(DAY_MS / 8) };
                Step::Scrape { stream, count, apart_ms, series, seed }
            }
        ),
        1 => (0..DAY_MS).prop_map(|later_ms| Step::Maintain { later_ms }),
        1 => Just(Step::Open),
        2 => (0..4 * DAY_MS, 0..2 * DAY_MS, 0..3_usize)
            .prop_map(|(from, length, stream)| Step::Read { from, length, stream }),
    ]
}

type Model = BTreeMap<(usize, u32), BTreeMap<i64, u64>>;

fn stream(i: usize) -> Stream {
    Stream::new(format!("target{i}"), "c")
}

fn key(stream: usize, series: u32) -> SeriesKey {
    // Every second series spelled long, beyond what postings keep of a value.
    let site = format!("{}{series}", "x".repeat(if series.is_multiple_of(2) { 200 } else { 0 }));
    SeriesKey::new("m", Labels::new([("target", format!("target{stream}")), ("site", site)]))
}

/// Ordinary and odd values, by a small generator.
fn odd(seed: &mut u64) -> f64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    match *seed % 16 {
        0 => -0.0,
        1 => f64::from_bits(*seed | 0x7ff0_0000_0000_0001),
        2 => f64::NEG_INFINITY,
        3 => f64::from_bits(*seed),
        4..8 => (*seed >> 40) as f64 / 100.0,
        _ => (*seed >> 60) as f64,
    }
}

struct Life {
    dir: tempfile::TempDir,
    store: Option<Store>,
    model: Model,
    /// Last time of each stream.
    last: [i64; 3],
}

impl Life {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Scrape { stream: s, count, apart_ms, series, mut seed } => {
                for i in 0..count {
                    self.last[s] += apart_ms;
                    let at = self.last[s];
                    // Series change in the middle of a run.
                    let series = if i > count / 2 { series.rotate_left(7) } else { series };
                    let chosen: Vec<u32> = (0..10).filter(|n| series >> (2 * n) & 3 != 0).collect();
                    let mut samples = Vec::new();
                    for n in chosen {
                        let value = odd(&mut seed);
                        samples.push((self.store().register(&stream(s), &key(s, n)).unwrap(), value));
                        self.model.entry((s, n)).or_default().insert(at, value.to_bits());
                    }
                    append_to(self.store(), stream(s), at, samples).unwrap();
                }
            }
            Step::Maintain { later_ms } => {
                let now = self.last.iter().max().unwrap() + later_ms;
                self.store().maintain(TimeMs(now)).unwrap();
            }
            Step::Open => {
                self.store.take().unwrap().close().unwrap();
                self.store = Some(open(self.dir.path()));
            }
            Step::Read { from, length, stream: s } => {
                let window = Window { from: TimeMs(DAY_START + from), to: TimeMs(DAY_START + from + length) };
                self.compare(window, Some(s));
            }
        }
    }

    fn compare(&self, window: Window, only: Option<usize>) {
        let mut selector = Selector::metric("m");
        if let Some(s) = only {
            selector = selector.with("target", &format!("target{s}"));
        }
        let found = self.store().select(&selector, window, SelectLimits::default()).unwrap();
        let found: BTreeMap<SeriesKey, Vec<(i64, u64)>> =
            found.into_iter().map(|series| (series.key.clone(), crate::scene::points(&series))).collect();
        let expected: BTreeMap<SeriesKey, Vec<(i64, u64)>> = self
            .model
            .iter()
            .filter(|((s, _), _)| only.is_none_or(|only| only == *s))
            .map(|((s, n), points)| {
                let inside = points.iter().filter(|(t, _)| window.contains(TimeMs(**t)));
                (key(*s, *n), inside.map(|(t, v)| (*t, *v)).collect())
            })
            .filter(|(_, points): &(_, Vec<_>)| !points.is_empty())
            .collect();
        assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_store_reads_back_as_a_map_does(steps in prop::collection::vec(step(), 1..12)) {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(open(dir.path()));
        let mut life = Life { dir, store, model: Model::new(), last: [DAY_START; 3] };
        for step in &steps {
            life.take(step);
        }
        life.compare(Window::ALL, None);
        life.take(&Step::Open);
        life.compare(Window::ALL, None);
    }
}
