//! What the store refuses, and that it says so by name.

use crate::scene::{
    DAY_START, append, append_to, fill, filled, key, open, options, points_of, read_only, register, stream,
};
use linger_series::{Labels, Selector, SeriesKey, Stream, TimeMs, Window};
use linger_store::{Error, Options, Scrape, SelectLimits, Store};
use std::path::Path;

#[track_caller]
fn check_open(dir: &Path, options: Options, expected: &str) {
    let error = Store::open(dir, options).map(|_| ()).unwrap_err();
    let text = error.to_string().replace(&dir.display().to_string(), "DIR");
    assert_eq!(text, expected);
}

#[test]
fn a_store_is_open_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let locked = "the store in DIR is open elsewhere, probably in a running agent";
    check_open(dir.path(), options(), locked);
    check_open(dir.path(), Options { read_only: true, ..options() }, locked);
    let clone = store.clone();
    store.close().unwrap();
    check_open(dir.path(), options(), locked);
    assert!(matches!(append(&clone, 1, vec![]), Err(Error::Closed)));
    assert!(matches!(clone.register(&stream(), &key(0)), Err(Error::Closed)));
    drop(clone);
    open(dir.path()).close().unwrap();
}

#[test]
fn only_a_store_is_opened_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let gone = dir.path().join("gone");
    check_open(&gone, Options { read_only: true, ..options() }, "there is no store in DIR");
    assert!(!gone.exists());
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    check_open(&other, Options { read_only: true, ..options() }, "there is no store in DIR");
    std::fs::write(other.join("letter.txt"), "dear all").unwrap();
    check_open(&other, options(), "DIR holds files but no MANIFEST: not a linger store");
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn a_store_of_a_newer_linger_or_with_a_broken_manifest_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, &register(&store, 3), 0..500);
    store.close().unwrap();
    let manifest = dir.path().join("MANIFEST");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("linger-store 1", "linger-store 2")).unwrap();
    check_open(dir.path(), options(), "the store in DIR has version 2, this linger reads up to 1");
    std::fs::write(&manifest, text.replace("raw 2026-11-24", "raw 2026-11-23")).unwrap();
    check_open(dir.path(), options(), "DIR/MANIFEST line 3: the checksum does not match");
    std::fs::write(&manifest, text).unwrap();
    assert_eq!(points_of(&open(dir.path()), 1), filled(1, 0..500));
}

#[test]
fn scrapes_that_do_not_fit_are_refused_whole_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 2);
    let other = Stream::new("api", "heap");
    let foreign = store.register(&other, &key(9)).unwrap();
    append(&store, DAY_START, vec![(ids[0], 1.0), (ids[1], 2.0)]).unwrap();
    let refused = |at, samples| append(&store, at, samples).unwrap_err();
    let error = refused(DAY_START, vec![(ids[0], 5.0)]);
    assert!(
        matches!(error, Error::TimeNotAfter { at: TimeMs(DAY_START), last: TimeMs(DAY_START), .. }),
        "{error}"
    );
    assert!(matches!(refused(DAY_START - 1, vec![(ids[0], 5.0)]), Error::TimeNotAfter { .. }));
    assert!(matches!(refused(-1, vec![(ids[0], 5.0)]), Error::TimeOutOfRange { .. }));
    assert!(matches!(refused(i64::MAX, vec![(ids[0], 5.0)]), Error::TimeOutOfRange { .. }));
    let twice = vec![(ids[1], 5.0), (ids[0], 5.0), (ids[1], 6.0)];
    assert!(matches!(refused(DAY_START + 1, twice), Error::RepeatedSeries { id } if id == ids[1]));
    let mixed = vec![(ids[0], 5.0), (foreign, 5.0)];
    assert!(matches!(refused(DAY_START + 1, mixed), Error::UnknownSeries { id } if id == foreign));
    let unknown = append_to(&store, Stream::new("x", "y"), DAY_START + 1, vec![(ids[0], 5.0)]);
    assert!(matches!(unknown, Err(Error::UnknownSeries { .. })));
    append(&store, DAY_START + 1, vec![(ids[1], 3.0)]).unwrap();
    assert_eq!(points_of(&store, 0), [(DAY_START, 1.0_f64.to_bits())]);
    let stats = store.stats();
    assert_eq!((stats.scrapes_refused, stats.scrapes_acknowledged, stats.head_samples), (7, 2, 3));
    // The last time is kept across a seal and a start.
    store.maintain(TimeMs(DAY_START + 10 * 86_400_000)).unwrap();
    store.flush().unwrap();
    assert_eq!(store.stats().head_samples, 0);
    assert!(matches!(refused(DAY_START + 1, vec![(ids[0], 5.0)]), Error::TimeNotAfter { .. }));
    store.close().unwrap();
    let store = open(dir.path());
    assert!(matches!(append(&store, DAY_START + 1, vec![(ids[0], 5.0)]), Err(Error::TimeNotAfter { .. })));
}

#[test]
fn a_clock_that_jumps_ahead_is_not_believed_and_does_not_block_its_stream() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 1);
    let jump = DAY_START + 900 * 86_400_000;
    append(&store, DAY_START, vec![(ids[0], 1.0)]).unwrap();
    let refused = |store: &Store| append(store, jump, vec![(ids[0], 5.0)]).unwrap_err();
    let error = refused(&store);
    assert!(
        matches!(error, Error::TimeJumped { at: TimeMs(at), newest: TimeMs(DAY_START), .. } if at == jump),
        "{error}"
    );
    // Nor does a stream of its own, or a start of a machine whose clock has not settled, make it the truth.
    let other = Stream::new("new", "heap");
    let id = store.register(&other, &key(9)).unwrap();
    assert!(matches!(append_to(&store, other, jump, vec![(id, 1.0)]), Err(Error::TimeJumped { .. })));
    append(&store, DAY_START + 15_000, vec![(ids[0], 2.0)]).unwrap();
    store.close().unwrap();
    let store = Store::open(dir.path(), Options { clock_settled: false, ..options() }).unwrap();
    assert!(matches!(refused(&store), Error::TimeJumped { .. }));
    let stats = store.stats();
    assert_eq!((stats.scrapes_refused, stats.newest), (1, Some(TimeMs(DAY_START + 15_000))));
    assert_eq!(stats.last_refusal.as_deref().map(|text| text.contains("the clock jumped")), Some(true));
    append(&store, DAY_START + 30_000, vec![(ids[0], 3.0)]).unwrap();
    assert_eq!(points_of(&store, 0).len(), 3);
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { queue_scrapes_max: 4, ..options() }).unwrap();
    let ids = register(&store, 1);
    // The first acknowledgement holds the writer until this test has filled the queue.
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let (entered, has_entered) = std::sync::mpsc::channel();
    let scrape =
        |i: i64| Scrape { stream: stream(), at: TimeMs(DAY_START + i), samples: vec![(ids[0], i as f64)] };
    store
        .append(scrape(0), move |_| {
            entered.send(()).unwrap();
            held.recv().unwrap();
        })
        .unwrap();
    has_entered.recv().unwrap();
    let results: Vec<_> = (1..8).map(|i| store.append(scrape(i), |result| result.unwrap())).collect();
    assert!(results[..4].iter().all(Result::is_ok));
    assert!(results[4..].iter().all(|r| matches!(r, Err(Error::QueueFull { max: 4, .. }))));
    let_go.send(()).unwrap();
    store.flush().unwrap();
    let times: Vec<i64> = points_of(&store, 0).iter().map(|(t, _)| t - DAY_START).collect();
    assert_eq!(times, [0, 1, 2, 3, 4]);
    let stats = store.stats();
    assert_eq!((stats.scrapes_dropped, stats.samples_dropped, stats.scrapes_acknowledged), (3, 3, 5));
}

#[test]
fn answers_above_their_limits_name_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, &register(&store, 5), 0..490);
    let select = |text: &str, series_max, points_max| {
        let selector = Selector::parse(text).unwrap();
        store.select(&selector, Window::ALL, SelectLimits { series_max, points_max }).map(|s| s.len())
    };
    let all = "linger_goroutines_at_site";
    assert_eq!(select(all, 5, 5 * 490).unwrap(), 5);
    let text = |result: Result<usize, Error>| result.unwrap_err().to_string();
    assert_eq!(text(select(all, 4, 10_000)), "more than series in one answer allows (4)");
    assert_eq!(text(select(all, 5, 5 * 490 - 1)), "more than points in one answer allows (2449)");
    assert_eq!(select("{site=~\"main.work.[01]\"}", 2, 980).unwrap(), 2);
    assert!(matches!(select("{site=~\"(a{900}){900}\"}", 2, 980), Err(Error::Regex { .. })));
}

#[test]
fn series_without_points_in_the_window_do_not_count_against_the_limit() {
    const DAY_MS: i64 = 86_400_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    // Each day other sites; the last day's are not sealed, and as many were only registered.
    for day in 0..4 {
        let samples = (0..150).map(|n| (store.register(&stream(), &key(day * 150 + n)).unwrap(), n as f64));
        append(&store, DAY_START + day as i64 * DAY_MS, samples.collect()).unwrap();
    }
    register(&store, 4 * 150 + 100);
    let select = |from_day: i64, to_day: i64, series_max| {
        let day = |day| TimeMs(DAY_START + day * DAY_MS);
        let window = Window { from: day(from_day), to: day(to_day) };
        let limits = SelectLimits { series_max, ..SelectLimits::default() };
        store.select(&Selector::default(), window, limits).map(|series| series.len())
    };
    for day in 0..4 {
        assert_eq!(select(day, day + 1, 150).unwrap(), 150, "day {day}");
        assert!(matches!(select(day, day + 1, 149), Err(Error::TooMany { max: 149, .. })), "day {day}");
    }
    assert_eq!(select(2, 4, 300).unwrap(), 300);
    assert_eq!(select(0, 4, 600).unwrap(), 600);
    assert_eq!(select(4, 9, 0).unwrap(), 0);
    assert!(matches!(select(0, 4, 599), Err(Error::TooMany { .. })));
}

#[test]
fn names_series_and_notes_have_limits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { series_max: 3, ..options() }).unwrap();
    let register = |name: &str, labels: Vec<(String, String)>| {
        store.register(&stream(), &SeriesKey::new(name, Labels::new(labels))).map(|_| ())
    };
    assert!(matches!(register("", vec![]), Err(Error::BadName { .. })));
    assert!(matches!(register("a\0b", vec![]), Err(Error::BadName { .. })));
    assert!(matches!(register("m", vec![("l".into(), "v".repeat(20_000))]), Err(Error::TooMany { .. })));
    let many = (0..65).map(|i| (format!("l{i}"), "v".to_owned())).collect();
    assert!(matches!(register("m", many), Err(Error::TooMany { limit: "labels per series", .. })));
    for i in 0..3 {
        register("m", vec![("l".into(), format!("{i}{}", "v".repeat(300)))]).unwrap();
    }
    assert!(matches!(register("m", vec![]), Err(Error::TooMany { limit: "series in the store", max: 3 })));
    register("m", vec![("l".into(), format!("1{}", "v".repeat(300)))]).unwrap();
    let ack = |result: Result<(), Error>| result.unwrap();
    assert!(matches!(store.put_note("", vec![1], ack), Err(Error::BadName { .. })));
    assert!(matches!(store.put_note("n", vec![0; 1024 * 1024 + 1], ack), Err(Error::TooMany { .. })));
    store.put_note("n", vec![7; 1024 * 1024], ack).unwrap();
    store.flush().unwrap();
    assert_eq!(store.note("n").unwrap().map(|note| note.len()), Some(1024 * 1024));
}

#[test]
fn a_read_only_store_reads_everything_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let ids = register(&store, 2);
    fill(&store, &ids, 0..600);
    store.close().unwrap();
    let store = read_only(dir.path()).unwrap();
    assert_eq!(points_of(&store, 1), filled(1, 0..600));
    assert!(matches!(append(&store, DAY_START * 2, vec![(ids[0], 1.0)]), Err(Error::ReadOnly)));
    assert!(matches!(store.register(&stream(), &key(7)), Err(Error::ReadOnly)));
    assert!(matches!(store.maintain(TimeMs::MAX), Err(Error::ReadOnly)));
    assert!(matches!(store.put_note("n", vec![1], |_| ()), Err(Error::ReadOnly)));
    store.close().unwrap();
    assert_eq!(points_of(&open(dir.path()), 1), filled(1, 0..600));
}
