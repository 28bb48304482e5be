//! `goroutine?debug=2`.

use std::path::Path;

use linger_proto::Limits;
use linger_proto::goroutine_text::{DumpParser, Goroutine};

use super::{minor, planted, read, versions};

/// Parses a dump that is expected to have nothing odd, arriving in pieces of a packet each.
fn dump(folder: &Path, file: &str) -> Vec<Goroutine> {
    let mut parser = DumpParser::new(Limits::default());
    let mut all = Vec::new();
    for packet in read(folder, file).chunks(1460) {
        all.extend(parser.push(packet).unwrap());
    }
    let end = parser.finish().unwrap();
    assert_eq!(
        (end.truncated, end.unreadable, &*end.warnings),
        (false, 0, [].as_slice()),
        "{}",
        folder.display()
    );
    all.extend(end.last);
    all
}

/// Goroutines that wait in `function`.
fn within<'a>(all: &'a [Goroutine], function: &'a str) -> impl Iterator<Item = &'a Goroutine> {
    all.iter().filter(move |g| {
        let mut own =
            g.frames.iter().filter(|f| f.function.starts_with("main.") && f.function != "main.take");
        own.next().is_some_and(|f| f.function == function)
    })
}

/// How Go prints the wait classes that were planted (`runtime/runtime2.go`, `waitReasonStrings`).
fn states(class: &str) -> &'static [&'static str] {
    match class {
        "chan send" => &["chan send", "chan send (nil chan)"],
        "chan receive" => &["chan receive", "chan receive (nil chan)"],
        "select" => &["select", "select (no cases)"],
        "mutex" => &["sync.Mutex.Lock"],
        "rwmutex" => &["sync.RWMutex.RLock", "sync.RWMutex.Lock"],
        "waitgroup" => &["semacquire", "sync.WaitGroup.Wait"],
        "cond" => &["sync.Cond.Wait"],
        "sleep" => &["sleep"],
        "io" => &["IO wait"],
        "syscall" => &["syscall"],
        _ => panic!("{class}"),
    }
}

#[test]
fn goroutines_are_found_where_they_were_planted() {
    for folder in versions() {
        let all = dump(&folder, "goroutine2.txt");
        for planted in planted(&folder) {
            let found: Vec<_> = within(&all, &planted.function).collect();
            assert_eq!(i64::try_from(found.len()), Ok(planted.count), "{}: {planted:?}", folder.display());
            for g in found {
                assert!(states(&planted.class).contains(&&*g.state), "{}: {g:?}", folder.display());
                assert!(g.frames.iter().any(|f| i64::from(f.line) == planted.line), "{g:?}");
                assert!(g.wait_minutes.is_some_and(|minutes| minutes >= 1), "{}: {g:?}", folder.display());
                assert!(!g.leaked && !g.stack_unavailable);
                let creator = g.created_by.as_ref().unwrap();
                assert!(creator.function.starts_with("main.") && creator.line > 0);
                assert_eq!(creator.parent, Some(1));
            }
        }
    }
}

#[test]
fn threads_and_missing_frames_are_told() {
    for folder in versions() {
        let all = dump(&folder, "goroutine2.txt");
        let locked: Vec<_> = all.iter().filter(|g| g.locked_to_thread).collect();
        assert_eq!(locked.len(), 1);
        assert!(locked[0].frames.iter().any(|f| f.function == "main.lockedToThread"));
        let elided: Vec<_> = all.iter().filter(|g| g.frames_elided).collect();
        assert_eq!(elided.len(), 1);
        assert_eq!(elided[0].frames.len(), 100);
    }
}

#[test]
fn labels_are_read_where_a_version_prints_them() {
    for folder in versions() {
        for (file, since) in [("goroutine2.txt", 27), ("goroutine2_verbose.txt", 26)] {
            let all = dump(&folder, file);
            let labelled: Vec<_> = all.iter().filter(|g| !g.labels.is_empty()).collect();
            assert_eq!(labelled.len(), if minor(&folder) >= since { 2 } else { 0 }, "{}", folder.display());
            for g in labelled {
                let labels: Vec<_> = g.labels.iter().map(|(k, v)| (&**k, &**v)).collect();
                assert_eq!(labels, [("empty", ""), ("path", "/a b\"{c}"), ("tenant", "blue")]);
                assert_eq!(g.state, "chan receive");
            }
        }
    }
}

#[test]
fn stacks_of_ancestors_are_not_taken_for_the_goroutines_own() {
    for folder in versions() {
        let text = String::from_utf8(read(&folder, "goroutine2_verbose.txt")).unwrap();
        assert!(text.contains("[originating from goroutine 1]:"), "{}", folder.display());
        let all = dump(&folder, "goroutine2_verbose.txt");
        for planted in planted(&folder) {
            let found: Vec<_> = within(&all, &planted.function).collect();
            assert_eq!(i64::try_from(found.len()), Ok(planted.count), "{}: {planted:?}", folder.display());
            for g in found {
                assert!(g.frames.iter().all(|f| f.function != "main.main"), "{g:?}");
                assert!(g.created_by.as_ref().is_some_and(|c| c.parent == Some(1)), "{g:?}");
            }
        }
    }
}

#[test]
fn proven_leaks_are_tagged_and_nothing_else() {
    let mut seen = 0;
    for folder in versions().iter().filter(|folder| folder.join("goroutine2_leaked.txt").exists()) {
        let all = dump(folder, "goroutine2_leaked.txt");
        for planted in planted(folder) {
            for g in within(&all, &planted.function) {
                assert_eq!(g.leaked, planted.leaked, "{g:?}");
                assert_eq!(
                    g.wait_minutes.is_none(),
                    planted.leaked,
                    "leaked goroutines show no minutes: {g:?}"
                );
                assert!(states(&planted.class).contains(&&*g.state), "{g:?}");
            }
        }
        seen += 1;
    }
    assert!(seen > 0);
}
