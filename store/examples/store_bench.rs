//! Measures the store against its budgets: `cargo run --release -p linger-store --example store_bench [DIR] [DAYS]`.
//!
//! Data are SYNTHETIC: four streams of 500 series at 15 s, in two mixes. `linger` follows the kinds of metrics linger
//! writes: two in three constant, the rest site gauges, event counters, byte gauges, a few ratios and durations of
//! whole nanoseconds; its entropy is about 0.2 B/sample, which no codec goes below. `noisy` has counters of seconds
//! with noise in all 53 bits in one series of twenty; its entropy is about 0.46 B/sample. Real services differ: read
//! ratios, not promises. CPU time is that of the whole process, sled's threads among it, less that of a dry run that
//! only generates.

use linger_series::{Labels, Selector, SeriesKey, Stream, TimeMs, Window};
use linger_store::{Error, Options, Scrape, SelectLimits, SeriesId, Store};
use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const STREAMS: u64 = 4;
const SERIES: u64 = 500;
const STEP_MS: i64 = 15_000;
const SCRAPES_PER_DAY: u64 = 5_760;
/// 2026-11-17T00:00:00Z.
const START_MS: i64 = 1_794_873_600_000;
/// Scrapes on their way before the generator waits: below the queue's limit, so that none is dropped.
const IN_FLIGHT: usize = 200;

fn main() -> Result<(), Box<dyn StdError>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let dir = args.first().map_or_else(|| std::env::temp_dir().join("linger-store-bench"), PathBuf::from);
    let days: u64 = args.get(1).map_or(Ok(7), |days| days.parse())?;
    if args.get(2).is_some_and(|mode| mode == "query") {
        return query(&dir, days);
    }
    println!("synthetic data: {STREAMS} streams of {SERIES} series, {days} days at {} s", STEP_MS / 1000);
    one_service(&dir.with_extension("small"))?;
    for mix in [Mix::Noisy, Mix::Linger] {
        println!("-- mix {mix:?}");
        let dry = dry_run(mix, days)?;
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        ingest(mix, &dir, days, dry)?;
    }
    let query = || -> Result<(), Box<dyn StdError>> {
        // A process of its own, for an honest resident size.
        let this = std::env::current_exe()?;
        let status =
            std::process::Command::new(this).arg(&dir).arg(days.to_string()).arg("query").status()?;
        if status.success() { Ok(()) } else { Err("the query process failed".into()) }
    };
    println!("-- before days are rewritten");
    query()?;
    rewrite(&dir, days)?;
    query()
}

#[derive(Clone, Copy, Debug)]
enum Mix {
    Linger,
    Noisy,
}

/// A small generator of its own: the same data on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    /// Between 0 and 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The values of one stream as they go.
struct Source {
    mix: Mix,
    random: Random,
    values: Vec<f64>,
}

impl Source {
    fn new(mix: Mix, stream: u64) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ (stream + 1));
        let values = (0..SERIES).map(|_| (random.next() % 1000) as f64).collect();
        Self { mix, random, values }
    }

    fn step(&mut self) -> &[f64] {
        for (i, value) in self.values.iter_mut().enumerate() {
            let draw = self.random.next();
            match (i % 40, self.mix) {
                // Goroutines at a site: a few come and go, most scrapes see no change.
                (0..=5, _) if draw.is_multiple_of(4) => {
                    *value = (*value + f64::from(u8::from(draw & 64 != 0)) * 2.0 - 1.0).max(0.0);
                }
                // Counters of events.
                (6..=9, _) => *value += (100 + draw % 8) as f64,
                // Bytes in use, in pages.
                (10 | 11, _) => *value = ((draw >> 20) % 400) as f64 * 8192.0 + 33_554_432.0,
                // A ratio with three digits.
                (12, _) => *value = (draw % 1000) as f64 / 1000.0,
                // A duration of whole nanoseconds, about a millisecond.
                (13, Mix::Linger) => *value = (500_000 + draw % (1 << 20)) as f64 / 1e9,
                // Counters of seconds with noise in all digits.
                (13 | 14, Mix::Noisy) => *value += 0.013 * self.random.unit(),
                // Constants, and one in a hundred thousand moves.
                _ if draw.is_multiple_of(100_000) => *value += 1.0,
                _ => {}
            }
        }
        &self.values
    }
}

fn stream(id: u64) -> Stream {
    Stream::new("api", format!("collector{id}"))
}

fn key(stream: u64, series: u64) -> SeriesKey {
    let site = format!("github.com/example/service/internal/work.(*Pool).run+{series}");
    let labels = [("target", "api".to_owned()), ("class", format!("class{}", series % 12)), ("site", site)];
    SeriesKey::new(format!("linger_bench_{stream}"), Labels::new(labels))
}

fn sources(mix: Mix) -> Vec<Source> {
    (0..STREAMS).map(|stream| Source::new(mix, stream)).collect()
}

fn dry_run(mix: Mix, days: u64) -> Result<f64, Box<dyn StdError>> {
    let before = cpu_seconds()?;
    let (mut sources, mut sum) = (sources(mix), 0.0);
    for _ in 0..days * SCRAPES_PER_DAY {
        for source in &mut sources {
            sum += source.step().iter().sum::<f64>();
        }
    }
    let spent = cpu_seconds()? - before;
    println!("generating alone: {spent:.1} s of CPU (checksum {sum:e})");
    Ok(spent)
}

fn ingest(mix: Mix, dir: &Path, days: u64, dry: f64) -> Result<(), Box<dyn StdError>> {
    let store = Store::open(dir, Options::default())?;
    let ids = register(&store)?;
    let (cpu, wall) = (cpu_seconds()?, Instant::now());
    let (answer, answered) = channel::<Result<(), Error>>();
    let (mut sources, mut in_flight) = (sources(mix), 0);
    for i in 0..days * SCRAPES_PER_DAY {
        for ((source, ids), id) in sources.iter_mut().zip(&ids).zip(0..) {
            // A few milliseconds of jitter, as timers have it.
            let jitter = i64::try_from(source.random.next() % 7)?;
            let at = TimeMs(START_MS + i64::try_from(i)? * STEP_MS + jitter);
            let samples = ids.iter().copied().zip(source.step().iter().copied()).collect();
            if in_flight == IN_FLIGHT {
                answered.recv()??;
                in_flight -= 1;
            }
            let answer = answer.clone();
            store.append(Scrape { stream: stream(id), at, samples }, move |result| {
                // The generator ends after the last answer.
                let _ = answer.send(result);
            })?;
            in_flight += 1;
        }
        if i % 240 == 239 {
            store.maintain(TimeMs(START_MS + i64::try_from(i)? * STEP_MS))?;
        }
    }
    store.flush()?;
    let (cpu, wall) = (cpu_seconds()? - cpu - dry, wall.elapsed().as_secs_f64());
    let stats = store.stats();
    let samples = stats.samples_acknowledged as f64;
    println!(
        "ingest: {:.1} M samples, {:.2} M samples per CPU second, {:.2} M per second of wall time; peak RSS {} MiB",
        samples / 1e6,
        samples / 1e6 / cpu,
        samples / 1e6 / wall,
        status_mib("VmHWM")?
    );
    report_size("live", &store, samples);
    store.close().map_err(Into::into)
}

/// Lets the store rewrite the days that are over, at its own pace: it rests nine times as long as it works.
fn rewrite(dir: &Path, days: u64) -> Result<(), Box<dyn StdError>> {
    let store = Store::open(dir, Options::default())?;
    let stats = store.stats();
    let samples = (stats.samples_sealed + stats.head_samples) as f64;
    let (cpu, wall) = (cpu_seconds()?, Instant::now());
    let end = TimeMs(START_MS + i64::try_from(days)? * 86_400_000 + 3_600_000);
    let pause = Duration::from_secs(1);
    // Bounded: a day of this size takes a minute or two.
    for _ in 0..days * 300 {
        store.maintain(end)?;
        store.flush()?;
        let rewritten = store.stats().partitions.iter().filter(|p| p.part.ends_with(".1")).count();
        if rewritten as u64 == days {
            break;
        }
        std::thread::sleep(pause);
    }
    let cpu = (cpu_seconds()? - cpu) / days as f64;
    println!(
        "-- rewritten: {cpu:.1} s of CPU per day, {:.0} s of wall time in all; peak RSS {} MiB",
        wall.elapsed().as_secs_f64(),
        status_mib("VmHWM")?
    );
    report_size("rewritten", &store, samples);
    store.close().map_err(Into::into)
}

fn report_size(when: &str, store: &Store, samples: f64) {
    let stats = store.stats();
    println!(
        "{when}: blocks {:.3} B/sample, on disk {:.3} B/sample of which WAL {:.2} MiB of {:.1} MiB; faults {}",
        stats.block_bytes as f64 / stats.samples_sealed as f64,
        stats.disk_bytes as f64 / samples,
        stats.wal_bytes as f64 / 1_048_576.0,
        stats.disk_bytes as f64 / 1_048_576.0,
        stats.faults,
    );
}

/// One service's scrapes as they come in life, each flushed by itself: what a scrape with its write costs.
fn one_service(dir: &Path) -> Result<(), Box<dyn StdError>> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    let store = Store::open(dir, Options { commit_every: Duration::ZERO, ..Options::default() })?;
    let ids = register(&store)?;
    let ids = ids.first().ok_or("no stream")?;
    let mut source = Source::new(Mix::Linger, 0);
    let (cpu, count) = (cpu_seconds()?, 3_000_i64);
    for i in 0..count {
        let samples: Vec<_> = ids.iter().copied().zip(source.step().iter().copied()).take(200).collect();
        let (answer, answered) = channel();
        let at = TimeMs(START_MS + i * STEP_MS);
        store.append(Scrape { stream: stream(0), at, samples }, move |result| {
            // The receiver waits for it.
            let _ = answer.send(result);
        })?;
        answered.recv()??;
    }
    let cpu = cpu_seconds()? - cpu;
    println!(
        "a scrape of 200 samples flushed alone: {:.3} ms of CPU, seals included",
        cpu * 1e3 / count as f64
    );
    store.close()?;
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn register(store: &Store) -> Result<Vec<Vec<SeriesId>>, Error> {
    (0..STREAMS)
        .map(|id| (0..SERIES).map(|series| store.register(&stream(id), &key(id, series))).collect())
        .collect()
}

fn query(dir: &Path, days: u64) -> Result<(), Box<dyn StdError>> {
    let before = status_mib("VmRSS")?;
    let started = Instant::now();
    let store = Store::open(dir, Options::default())?;
    println!("open: {:.1} ms; RSS {before} -> {} MiB", millis(started), status_mib("VmRSS")?);
    for round in ["cold", "warm", "warm"] {
        let (mut total, mut slowest, mut points) = (0.0, 0.0_f64, 0);
        let queries = 12;
        for i in 0..queries {
            let id = i % STREAMS;
            let wanted = key(id, (i * 37 + 5) % SERIES);
            let selector = Selector::metric(&*wanted.name).with("site", wanted.labels.get("site"));
            let started = Instant::now();
            let found = store.select(&selector, Window::ALL, SelectLimits::default())?;
            let took = millis(started);
            total += took;
            slowest = slowest.max(took);
            points += found.iter().map(|series| series.points.len()).sum::<usize>();
        }
        println!(
            "one series over {days} days, {round}: mean {:.2} ms, slowest {slowest:.2} ms, {} points; RSS {} MiB",
            total / queries as f64,
            points as u64 / queries,
            status_mib("VmRSS")?
        );
    }
    Ok(())
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// User and system time of this process. The kernel counts hundredths of a second (USER_HZ) in /proc/self/stat.
fn cpu_seconds() -> Result<f64, Box<dyn StdError>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no command name in /proc/self/stat")?;
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

fn status_mib(field: &str) -> Result<u64, Box<dyn StdError>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib: u64 = line.and_then(|l| l.split_whitespace().next()).ok_or("no such field")?.parse()?;
    Ok(kib / 1024)
}
