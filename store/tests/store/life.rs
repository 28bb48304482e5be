//! A store's life: scrapes come in, blocks are sealed, the store is opened again, days go.

use crate::scene::{
    DAY_MS, DAY_START, STEP_MS, append, append_to, fill, filled, key, open, options, points, points_of,
    read_only, register, select_all, stream,
};
use linger_series::{Selector, Stream, TimeMs, Window};
use linger_store::{Error, Options, Scrape, SelectLimits, Store};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn what_was_acknowledged_is_there_before_and_after_a_seal_and_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 70);
    for to in [3, 479, 480, 481, 1000] {
        let from = select_all(&store).first().map_or(0, |series| series.points.len() as i64);
        fill(&store, &ids, from..to);
        for series in [0, 1, 2, 3, 63, 64, 69] {
            assert_eq!(points_of(&store, series), filled(series, 0..to), "series {series} of {to} scrapes");
        }
    }
    let stats = store.stats();
    assert_eq!(
        (stats.samples_acknowledged, stats.samples_sealed, stats.head_samples),
        (70_000, 67_200, 2_800)
    );
    store.close().unwrap();

    let store = open(dir.path());
    assert_eq!(points_of(&store, 69), filled(69, 0..1000));
    assert_eq!(register(&store, 70), ids);
    fill(&store, &ids, 1000..1500);
    assert_eq!(points_of(&store, 69), filled(69, 0..1500));
    store.close().unwrap();

    let store = read_only(dir.path()).unwrap();
    let all = select_all(&store);
    assert_eq!(all.len(), 70);
    assert_eq!(points(&all[0]).len(), 1500);
    assert!(append(&store, 0, vec![]).is_err());
}

fn folders(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir.join("raw")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// One sample an hour for some days, upkeep each hour.
fn hours(store: &Store, hours: std::ops::Range<i64>) {
    let ids = register(store, 3);
    for hour in hours {
        let at = DAY_START + hour * 3_600_000;
        append(store, at, ids.iter().map(|id| (*id, hour as f64)).collect()).unwrap();
        store.maintain(TimeMs(at)).unwrap();
    }
    store.flush().unwrap();
}

#[test]
fn retention_by_age_drops_whole_days_and_the_series_only_they_had() {
    let dir = tempfile::tempdir().unwrap();
    let retention_age = Duration::from_secs(3 * 86_400);
    let store = Store::open(dir.path(), Options { retention_age, ..options() }).unwrap();
    let old = Stream::new("api", "old");
    let gone = store.register(&old, &key(99)).unwrap();
    append_to(&store, old.clone(), DAY_START, vec![(gone, 1.0)]).unwrap();
    hours(&store, 0..3 * 24);
    assert_eq!(points_of(&store, 99).len(), 1);
    assert_eq!(store.stats().series, 4);
    hours(&store, 72..6 * 24 + 1);
    let stats = store.stats();
    assert_eq!((stats.faults, stats.series), (0, 3), "{:?}", stats.last_fault);
    assert_eq!(stats.oldest, Some(TimeMs(DAY_START + 3 * DAY_MS)));
    assert_eq!(stats.newest, Some(TimeMs(DAY_START + 6 * DAY_MS)));
    assert!(
        folders(dir.path()).iter().all(|name| name.as_str() >= "2026-11-27"),
        "{:?}",
        folders(dir.path())
    );
    assert_eq!(points_of(&store, 0).len(), 3 * 24 + 1);
    // An id from before is refused, never mistaken for another's; registered again it is a new series.
    let error = append_to(&store, old.clone(), DAY_START + 7 * DAY_MS, vec![(gone, 2.0)]).unwrap_err();
    assert!(matches!(error, Error::UnknownSeries { id } if id == gone), "{error}");
    let again = store.register(&old, &key(99)).unwrap();
    assert_ne!(again, gone);
    append_to(&store, old, DAY_START + 7 * DAY_MS, vec![(again, 3.0)]).unwrap();
    assert_eq!(points_of(&store, 99), [(DAY_START + 7 * DAY_MS, 3.0_f64.to_bits())]);
}

#[test]
fn retention_by_bytes_keeps_the_newest_days() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    hours(&store, 0..5 * 24);
    let stats = store.stats();
    store.close().unwrap();
    // Room for all but a little.
    let options = Options { retention_bytes: stats.disk_bytes - 1, ..options() };
    let store = Store::open(dir.path(), options).unwrap();
    hours(&store, 120..121);
    let stats = store.stats();
    // sled's files shrink and grow by themselves, so how many days go is not exact.
    let oldest = stats.oldest.unwrap();
    assert!(oldest.0 > DAY_START && oldest.0 % DAY_MS == DAY_START % DAY_MS, "{oldest}");
    assert_eq!(stats.faults, 0, "{:?}", stats.last_fault);
    let kept = (DAY_START + 120 * 3_600_000 - oldest.0) / 3_600_000 + 1;
    assert_eq!(i64::try_from(points_of(&store, 0).len()), Ok(kept));
}

#[test]
fn a_clock_that_jumps_ahead_does_not_empty_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    hours(&store, 0..48);
    store.maintain(TimeMs(DAY_START + 4000 * DAY_MS)).unwrap();
    store.flush().unwrap();
    assert_eq!(points_of(&store, 0).len(), 48);
}

#[test]
fn a_stream_that_scrapes_rarely_is_sealed_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 1);
    append(&store, DAY_START, vec![(ids[0], 1.0)]).unwrap();
    let sealed = |now: i64| {
        store.maintain(TimeMs(now)).unwrap();
        store.flush().unwrap();
        store.stats().samples_sealed
    };
    assert_eq!(sealed(DAY_START + 6 * 3_600_000 - 1), 0);
    assert_eq!(sealed(DAY_START + 6 * 3_600_000), 1);
    assert_eq!(points_of(&store, 0), [(DAY_START, 1.0_f64.to_bits())]);
}

#[test]
fn leftovers_of_an_interrupted_step_are_removed_and_strangers_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    hours(&store, 0..30);
    store.close().unwrap();
    let made = folders(dir.path());
    for name in ["2026-11-20", "2026-11-24.7", "notes", "2026-11-20.quarantine"] {
        fs::create_dir(dir.path().join("raw").join(name)).unwrap();
    }
    let store = open(dir.path());
    let mut expected = made;
    expected.extend(["2026-11-20.quarantine".to_owned(), "notes".to_owned()]);
    expected.sort();
    assert_eq!(folders(dir.path()), expected);
    assert_eq!(points_of(&store, 2).len(), 30);
}

#[test]
fn folders_are_for_this_user_only() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a/store");
    let store = open(&root);
    hours(&store, 0..30);
    let partitions = folders(&root).into_iter().map(|name| format!("raw/{name}"));
    for part in ["", "raw", "wal", "meta"].map(str::to_owned).into_iter().chain(partitions) {
        let mode = fs::metadata(root.join(&part)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{part}");
    }
}

#[test]
fn notes_are_durable_and_the_last_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let acks = Arc::new(AtomicUsize::new(0));
    for (name, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("b", "")] {
        let acks = acks.clone();
        let count = move |result: Result<(), Error>| {
            result.unwrap();
            acks.fetch_add(1, Ordering::SeqCst);
        };
        store.put_note(name, value.into(), count).unwrap();
    }
    store.flush().unwrap();
    assert_eq!(acks.load(Ordering::SeqCst), 4);
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.note("a").unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!((store.note("b").unwrap(), store.note("c").unwrap()), (None, None));
}

#[test]
fn a_series_that_moved_to_another_collector_is_one_series() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let streams = [stream(), Stream::new("api", "moved")];
    let ids = streams.clone().map(|stream| store.register(&stream, &key(0)).unwrap());
    assert_ne!(ids[0], ids[1]);
    for (i, v) in [(0, 1.0), (1, 2.0), (3, 3.0)] {
        append_to(&store, streams[0].clone(), DAY_START + i, vec![(ids[0], v)]).unwrap();
    }
    for (i, v) in [(2, 4.0), (3, 5.0), (4, 6.0)] {
        append_to(&store, streams[1].clone(), DAY_START + i, vec![(ids[1], v)]).unwrap();
    }
    let found: Vec<(i64, f64)> =
        points_of(&store, 0).iter().map(|(t, v)| (t - DAY_START, f64::from_bits(*v))).collect();
    assert_eq!(found, [(0, 1.0), (1, 2.0), (2, 4.0), (3, 5.0), (4, 6.0)]);
    assert_eq!(store.keys(&Selector::default()).unwrap(), [key(0)]);
}

#[test]
fn thousands_of_short_lived_series_are_sealed_early_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut most = 0;
    for i in 0..25 {
        // Each scrape brings three thousand new series, and the ones before are gone.
        let samples = (0..3000).map(|n| (store.register(&stream(), &key(i * 3000 + n)).unwrap(), n as f64));
        append(&store, DAY_START + i as i64, samples.collect()).unwrap();
        most = most.max(store.stats().head_bytes);
    }
    assert!(most <= 8 * 1024 * 1024, "{most}");
    let stats = store.stats();
    assert!(stats.samples_sealed > 0 && stats.series == 75_000, "{stats:?}");
    for site in [0, 2_999, 30_500, 74_999] {
        let expected = (DAY_START + site as i64 / 3000, ((site % 3000) as f64).to_bits());
        assert_eq!(points_of_site(&store, site), [expected]);
    }
}

fn points_of_site(store: &Store, site: usize) -> Vec<(i64, u64)> {
    let wanted = key(site);
    let selector = Selector::metric(&*wanted.name).with("site", wanted.labels.get("site"));
    store.select(&selector, Window::ALL, SelectLimits::default()).unwrap().iter().flat_map(points).collect()
}

#[test]
fn readers_on_other_threads_see_every_acknowledged_point_while_blocks_are_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 3);
    let written = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let before = written.load(Ordering::SeqCst);
                    let found = points_of(&store, 1);
                    let after = written.load(Ordering::SeqCst);
                    assert!(found.len() >= before, "{} of {before}", found.len());
                    assert_eq!(found, filled(1, 0..found.len() as i64));
                    if after >= 1500 {
                        return;
                    }
                }
            });
        }
        for i in 0..1500 {
            fill(&store, &ids, i..i + 1);
            written.store(i as usize + 1, Ordering::SeqCst);
        }
    });
}

/// Waits, bounded, until the writer has rewritten all days that are over.
fn wait_for_rewriting(store: &Store, now: i64, folders_expected: usize) {
    let done = (0..600).any(|_| {
        store.maintain(TimeMs(now)).unwrap();
        store.flush().unwrap();
        let stats = store.stats();
        assert_eq!(stats.faults, 0, "{:?}", stats.last_fault);
        std::thread::sleep(Duration::from_millis(20));
        stats.partitions.iter().filter(|p| p.part.ends_with(".1")).count() == folders_expected
    });
    assert!(done, "not rewritten: {:?}", store.stats().partitions);
}

#[test]
fn days_that_are_over_are_rewritten_smaller_and_read_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 130);
    let scrapes = 2 * 5_760 + 100;
    for i in (0..scrapes).step_by(4) {
        // Values that do not pack to nothing.
        let value = |site: i64| ((i * 7 + site * 31).pow(2) % 100_003) as f64;
        append(&store, DAY_START + i * STEP_MS, ids.iter().zip(0..).map(|(id, s)| (*id, value(s))).collect())
            .unwrap();
    }
    let before = points_of(&store, 3);
    assert_eq!(before.len() as i64, scrapes / 4);
    let size = |store: &Store| store.stats().partitions.iter().take(2).map(|p| p.bytes).sum::<u64>();
    let large = size(&store);
    // Half an hour after its end a day is over.
    wait_for_rewriting(&store, DAY_START + 2 * DAY_MS + 1_800_000, 2);
    assert!(size(&store) < large, "{} of {large}", size(&store));
    assert_eq!(points_of(&store, 3), before);
    assert_eq!(store.stats().oldest, Some(TimeMs(DAY_START)));
    store.close().unwrap();
    let store = open(dir.path());
    assert_eq!(points_of(&store, 3), before);
    assert!(folders(dir.path()).iter().all(|name| !["2026-11-24", "2026-11-25"].contains(&name.as_str())));
    assert!(store.check().unwrap() > 12);
    // A sample that comes late is added to the rewritten day.
    let late = Stream::new("api", "late");
    let id = store.register(&late, &key(777)).unwrap();
    append_to(&store, late, DAY_START + 5, vec![(id, 1.5)]).unwrap();
    store.maintain(TimeMs(DAY_START + 2 * DAY_MS)).unwrap();
    store.flush().unwrap();
    assert_eq!(points_of(&store, 777), [(DAY_START + 5, 1.5_f64.to_bits())]);
    assert_eq!((points_of(&store, 3), store.stats().quarantined), (before, 0));
}

#[test]
fn an_acknowledgement_that_panics_does_not_end_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 1);
    let scrape = Scrape { stream: stream(), at: TimeMs(DAY_START), samples: vec![(ids[0], 1.0)] };
    store.append(scrape, |_| panic!("a bug of the caller")).unwrap();
    append(&store, DAY_START + 1, vec![(ids[0], 2.0)]).unwrap();
    let stats = store.stats();
    assert_eq!((stats.faults, stats.samples_acknowledged), (1, 2));
    assert_eq!(stats.last_fault.as_deref(), Some("acknowledgement: the callback panicked"));
}
