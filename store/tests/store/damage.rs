//! Damage on disk: it costs the part it is in, is counted, and never shows as a wrong value.

use crate::scene::{DAY_MS, DAY_START, append, filled, key, open, options, points_of, read_only, register};
use linger_store::Store;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const SITES: usize = 20;

/// Three days of one sample an hour, the last one not sealed.
fn make(dir: &Path) -> BTreeMap<i64, u64> {
    let store = open(dir);
    let ids = register(&store, SITES);
    let mut expected = BTreeMap::new();
    for hour in 0..60 {
        let at = DAY_START + hour * 3_600_000;
        append(&store, at, ids.iter().map(|id| (*id, hour as f64 / 3.0)).collect()).unwrap();
        expected.insert(at, (hour as f64 / 3.0).to_bits());
    }
    store.close().unwrap();
    expected
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Opens a damaged store: every point it gives must be right, and a day that is missing must be counted.
#[track_caller]
fn check(dir: &Path, expected: &BTreeMap<i64, u64>, what: &str) {
    for _ in 0..2 {
        let store = open(dir);
        let found = points_of(&store, 7);
        for (t, value) in &found {
            assert_eq!(expected.get(t), Some(value), "{what}: a wrong value at {t}");
        }
        let stats = store.stats();
        let lost = expected.len() - found.len();
        assert!(
            lost == 0 || stats.quarantined + stats.wal_records_broken as usize > 0,
            "{what}: lost {lost} unsaid"
        );
        // A whole day of 24 points, or some of the head.
        let head = expected.keys().filter(|t| **t >= DAY_START + 2 * DAY_MS).count();
        assert!(lost == 24 || lost <= head, "{what}: lost {lost}");
        // The rest serves on.
        assert_eq!(register(&store, SITES).len(), SITES);
        store.close().unwrap();
    }
}

#[test]
fn flipped_bytes_in_a_partition_or_the_wal_cost_that_part_only() {
    let sound = tempfile::tempdir().unwrap();
    let expected = make(sound.path());
    for part in ["raw/2026-11-24", "wal"] {
        let file = format!("{part}/db");
        let size = fs::metadata(sound.path().join(&file)).unwrap().len();
        for n in 0..40 {
            let dir = tempfile::tempdir().unwrap();
            copy(sound.path(), dir.path());
            let mut bytes = fs::read(dir.path().join(&file)).unwrap();
            // Spread over the file, a run of bytes each.
            let at = usize::try_from(size * n / 40).unwrap();
            for byte in bytes.iter_mut().skip(at).take(64) {
                *byte ^= 0x5a;
            }
            fs::write(dir.path().join(&file), bytes).unwrap();
            check(dir.path(), &expected, &format!("{file} at {at}"));
        }
    }
}

#[test]
fn a_partition_that_is_cut_short_or_gone_is_counted() {
    let sound = tempfile::tempdir().unwrap();
    let expected = make(sound.path());
    for keep in [0, 100, 70_000] {
        let dir = tempfile::tempdir().unwrap();
        copy(sound.path(), dir.path());
        let file = dir.path().join("raw/2026-11-24/db");
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..keep.min(bytes.len())]).unwrap();
        check(dir.path(), &expected, &format!("cut at {keep}"));
    }
    let dir = tempfile::tempdir().unwrap();
    copy(sound.path(), dir.path());
    fs::remove_dir_all(dir.path().join("raw/2026-11-24")).unwrap();
    check(dir.path(), &expected, "removed");
    let store = read_only(dir.path()).unwrap();
    assert_eq!(store.stats().quarantined, 1);
    assert_eq!(filled(7, 0..1).len(), 1);
    assert_eq!(store.keys(&linger_series::Selector::default()).unwrap().len(), SITES);
    assert!(store.keys(&linger_series::Selector::default()).unwrap().contains(&key(7)));
}

#[test]
fn samples_without_their_meta_are_refused_and_left_as_they_are() {
    let sound = tempfile::tempdir().unwrap();
    let expected = make(sound.path());
    let text = "meta: corrupt at byte 0: rows were lost: there are samples, but no stream is known";
    // Sealed samples alone, unsealed ones alone, and both.
    for parts_gone in [&["meta", "wal"][..], &["meta", "raw", "MANIFEST"], &["meta"]] {
        let dir = tempfile::tempdir().unwrap();
        copy(sound.path(), dir.path());
        let parts_kept = tempfile::tempdir().unwrap();
        for part in parts_gone {
            fs::rename(dir.path().join(part), parts_kept.path().join(part)).unwrap();
        }
        if parts_gone.contains(&"MANIFEST") {
            // A manifest without partitions, as a new store has.
            let new = tempfile::tempdir().unwrap();
            open(new.path()).close().unwrap();
            fs::copy(new.path().join("MANIFEST"), dir.path().join("MANIFEST")).unwrap();
        }
        for _ in 0..2 {
            assert_eq!(Store::open(dir.path(), options()).map(|_| ()).unwrap_err().to_string(), text);
        }
        if parts_gone == ["meta"] {
            fs::remove_dir_all(dir.path().join("meta")).unwrap();
            fs::rename(parts_kept.path().join("meta"), dir.path().join("meta")).unwrap();
            check(dir.path(), &expected, "meta brought back");
            assert_eq!(points_of(&open(dir.path()), 7).len(), expected.len());
        }
    }
}
