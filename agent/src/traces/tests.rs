//! What is kept, in which order it goes, and what a crash leaves.

use super::{FOLDER, Keeping, Limits, Traces, kept_in};
use crate::report::KeptTrace;
use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const LIMITS: Limits = Limits { per_target: 2, bytes: 100 };

fn about(target: &str, at_ms: i64) -> KeptTrace {
    KeptTrace { target: target.into(), at_ms, window_s: 1.0, ..KeptTrace::default() }
}

fn keep(traces: &Traces, target: &str, at_ms: i64, bytes: usize) -> Keeping {
    traces.keep(about(target, at_ms), &vec![b'x'; bytes]).unwrap()
}

/// `target@ms` of all that is kept, the newest first, after it was seen that files and index agree.
#[track_caller]
fn kept(traces: &Traces, data: &Path) -> Vec<String> {
    let listed = traces.list(None);
    assert_eq!(kept_in(data, None), listed, "the index says the same");
    let files: BTreeSet<String> = std::fs::read_dir(data.join(FOLDER))
        .map(|all| all.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    let mut expected: BTreeSet<String> = listed.iter().map(|t| format!("{}.trace", t.id)).collect();
    expected.insert("index.json".into());
    assert_eq!(files, expected);
    listed.iter().map(|t| format!("{}@{}", t.target, t.at_ms)).collect()
}

#[test]
fn each_target_has_so_many_and_all_together_so_much() {
    let data = tempfile::tempdir().unwrap();
    let traces = Traces::open(data.path(), LIMITS);
    for at in 1..=3 {
        assert_eq!(keep(&traces, "a", at, 10), Keeping::Kept);
    }
    assert_eq!(kept(&traces, data.path()), ["a@3", "a@2"]);
    // The one with the most bytes makes room, whoever it is for.
    keep(&traces, "b", 4, 60);
    keep(&traces, "c", 5, 30);
    assert_eq!(kept(&traces, data.path()), ["c@5", "a@3", "a@2"]);
    assert_eq!(keep(&traces, "c", 6, 101), Keeping::TooLarge);
    assert_eq!(kept(&traces, data.path()), ["c@5", "a@3", "a@2"]);
    traces.set_limits(Limits { per_target: 1, bytes: 35 });
    assert_eq!(kept(&traces, data.path()), ["a@3"]);
    traces.set_limits(Limits { per_target: 0, bytes: 100 });
    assert_eq!((keep(&traces, "a", 7, 1), kept(&traces, data.path()).len()), (Keeping::Off, 0));
}

#[test]
fn a_trace_is_found_by_target_and_id_and_read_as_it_came() {
    let data = tempfile::tempdir().unwrap();
    let traces = Traces::open(data.path(), LIMITS);
    for (target, at, body) in [("a/../b", 1, "one"), ("a/../b", 2, "two"), ("b", 2, "three")] {
        traces.keep(about(target, at), body.as_bytes()).unwrap();
    }
    let read = |target: &str, id: Option<&str>| {
        let (about, mut file) = traces.open_raw(target, id).unwrap()?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(about.bytes, u64::try_from(text.len()).unwrap());
        Some(text)
    };
    assert_eq!(read("a/../b", None).as_deref(), Some("two"));
    let ids: Vec<String> = traces.list(Some("a/../b")).into_iter().map(|t| t.id).collect();
    assert_eq!(read("a/../b", Some(&ids[1])).as_deref(), Some("one"));
    assert_eq!(read("b", Some(&ids[1])), None, "an id is not for others");
    assert_eq!((read("c", None), read("b", Some("../index"))), (None, None));
    // The clock was set back to the same millisecond.
    traces.keep(about("b", 2), b"four").unwrap();
    assert_eq!((read("b", None).as_deref(), traces.list(Some("b")).len()), (Some("four"), 1));
}

#[test]
fn after_a_crash_what_is_whole_stays_and_the_rest_goes() {
    let data = tempfile::tempdir().unwrap();
    let traces = Traces::open(data.path(), Limits { per_target: 9, bytes: 100 });
    for at in 1..=4 {
        keep(&traces, "a", at, 10);
    }
    let folder = data.path().join(FOLDER);
    let file = |at: usize| folder.join(format!("{}.trace", traces.list(None)[4 - at].id));
    std::fs::write(file(1), "cut off").unwrap();
    std::fs::remove_file(file(2)).unwrap();
    for stray in ["api.trace", "7-00000000.trace", "index.json.new", "8-00000000.trace.new"] {
        std::fs::write(folder.join(stray), "x").unwrap();
    }
    let again = Traces::open(data.path(), LIMITS);
    assert_eq!(again.list(None).len(), 2);
    keep(&again, "a", 5, 10);
    assert_eq!(kept(&again, data.path()), ["a@5", "a@4"]);
}

#[test]
fn a_forged_index_reaches_no_other_file() {
    let data = tempfile::tempdir().unwrap();
    let traces = Traces::open(data.path(), LIMITS);
    keep(&traces, "a", 1, 10);
    std::fs::write(data.path().join("secret.trace"), [b's'; 10]).unwrap();
    let folder = data.path().join(FOLDER);
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let id = traces.list(None)[0].id.clone();
    std::fs::write(folder.join("index.json"), index.replace(&id, "../secret")).unwrap();
    assert!(Traces::open(data.path(), LIMITS).list(None).is_empty());
    assert!(data.path().join("secret.trace").exists());
}

#[test]
fn files_are_for_their_owner_alone() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir(data.path().join(FOLDER)).unwrap();
    let traces = Traces::open(data.path(), LIMITS);
    keep(&traces, "a", 1, 10);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = data.path().join(FOLDER);
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
