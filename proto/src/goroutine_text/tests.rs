//! Dumps written by hand after `runtime/traceback.go`: the forms that recordings do not show.

use super::{DumpEnd, DumpParser, Goroutine};
use crate::{Error, Limits};

/// Parses a whole dump, arriving in pieces of `step` bytes.
fn parse(dump: &[u8], step: usize) -> (Vec<Goroutine>, DumpEnd) {
    let mut parser = DumpParser::new(Limits::default());
    let mut all = Vec::new();
    for piece in dump.chunks(step) {
        all.extend(parser.push(piece).unwrap());
    }
    let mut end = parser.finish().unwrap();
    all.extend(end.last.take());
    (all, end)
}

#[track_caller]
fn header(line: &str) -> Goroutine {
    let (mut all, end) = parse(format!("goroutine {line}:\n").as_bytes(), 1 << 20);
    assert_eq!((all.len(), end.warnings), (1, vec![]));
    all.remove(0)
}

#[track_caller]
fn check_state(line: &str, state: &str, wait_minutes: Option<u64>, flags: [bool; 3]) {
    let g = header(line);
    assert_eq!((g.id, &*g.state, g.wait_minutes), (7, state, wait_minutes));
    assert_eq!([g.locked_to_thread, g.leaked, g.durable], flags, "locked, leaked, durable");
}

#[test]
fn states_are_read_without_their_suffixes() {
    check_state("7 [running]", "running", None, [false; 3]);
    check_state("7 [select (no cases), 2 minutes]", "select (no cases)", Some(2), [false; 3]);
    check_state("7 [chan send (nil chan) (leaked)]", "chan send (nil chan)", None, [false, true, false]);
    check_state("7 [syscall, 3 minutes, locked to thread]", "syscall", Some(3), [true, false, false]);
    check_state("7 [runnable (scan)]", "runnable", None, [false; 3]);
    check_state("7 [select (leaked) (scan)]", "select", None, [false, true, false]);
    check_state("7 [sleep (durable), synctest bubble 4]", "sleep", None, [false, false, true]);
    check_state("7 gp=0xc0000023 m=nil mp=0xc1 [GC worker (idle)]", "GC worker (idle)", None, [false; 3]);
    check_state("7 [select, 1 minutes, in a way that a later Go adds]", "select", Some(1), [false; 3]);
    assert_eq!(header("7 [sleep (durable), synctest bubble 4]").synctest_bubble, Some(4));
    assert_eq!(header("7 [sleep, synctest group 4]").synctest_bubble, Some(4));
}

#[track_caller]
fn check_labels(line: &str, expected: &[(&str, &str)]) {
    let labels = header(line).labels;
    assert_eq!(labels.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(), expected);
}

#[test]
fn labels_of_both_forms_are_read() {
    check_labels(
        r#"7 [IO wait] {tenant: blue, "a b": "x]:{\"}"}"#,
        &[("tenant", "blue"), ("a b", "x]:{\"}")],
    );
    check_labels(
        r#"7 [IO wait, 3 minutes labels:{"tenant": "blue]", "k": ""}]"#,
        &[("tenant", "blue]"), ("k", "")],
    );
    check_labels(r#"7 [IO wait] {k: " labels:{"}"#, &[("k", " labels:{")]);
    check_labels("7 [IO wait]", &[]);
}

const DUMP: &str = "goroutine 1 [running]:
runtime/pprof.writeGoroutineStacks({0xa9fdf0, 0x2891})
\t/usr/lib/go 1.27/pprof.go:814 +0x5e
main.(*server[...]).serve.func1(...)
\t/src/a.go:12
panic({0x1?, 0x2?})
\t/src/panic.go:1 +0x1 fp=0xc0 sp=0xc1 pc=0x47
non-Go function at pc=7f12
do_work
\tpc=0x7f13
from_c
\t/src/c.c:9 pc=0x7f14
...22 frames elided...
main.deep(0x0?)
\tC:/src/b.go:7 +0x1b

goroutine 18 [running, locked to thread]:
\tgoroutine running on other thread; stack unavailable
created by main.start in goroutine 1
\t/src/a.go:3 +0x25
[originating from goroutine 1]:
main.start(...)
\t/src/a.go:3 +0x25
created by main.main
\t/src/a.go:1 +0x1

goroutine 19 [select]:
main.f()
\t/src/a.go:4 +0x2
created by main.old
\t/src/a.go:5 +0x3
";

#[test]
fn frames_of_every_form_are_read_in_pieces_of_any_size() {
    let (all, end) = parse(DUMP.as_bytes(), 1 << 20);
    assert_eq!((end.truncated, end.unreadable, &*end.warnings), (false, 0, [].as_slice()));
    let frames: Vec<_> =
        all[0].frames.iter().map(|f| (&*f.function, &*f.file, f.line, f.offset, f.inlined)).collect();
    assert_eq!(
        frames,
        [
            ("runtime/pprof.writeGoroutineStacks", "/usr/lib/go 1.27/pprof.go", 814, Some(0x5e), false),
            ("main.(*server[...]).serve.func1", "/src/a.go", 12, None, true),
            ("panic", "/src/panic.go", 1, Some(1), false),
            ("", "", 0, None, false),
            ("do_work", "", 0, None, false),
            ("from_c", "/src/c.c", 9, None, false),
            ("main.deep", "C:/src/b.go", 7, Some(0x1b), false),
        ]
    );
    assert!(all[0].frames_elided && all[0].created_by.is_none());
    let creators: Vec<_> = all[1..]
        .iter()
        .map(|g| g.created_by.as_ref().map(|c| (&*c.function, &*c.file, c.line, c.parent)).unwrap())
        .collect();
    assert_eq!(creators, [("main.start", "/src/a.go", 3, Some(1)), ("main.old", "/src/a.go", 5, None)]);
    assert!(all[1].stack_unavailable && all[1].locked_to_thread && all[1].frames.is_empty());
    assert!(!all[2].stack_unavailable && all[2].frames.len() == 1);
    for step in [1, 2, 3, 7, 64] {
        assert_eq!(parse(DUMP.as_bytes(), step).0, all);
    }
}

#[test]
fn a_dump_that_go_cut_keeps_its_tail_and_says_so() {
    let whole = parse(DUMP.as_bytes(), 1 << 20).0;
    for cut in 1..DUMP.len() {
        let cut_dump = &DUMP.as_bytes()[..cut];
        let mut parser = DumpParser::new(Limits::default());
        let mut all = parser.push(cut_dump).unwrap();
        let end = match parser.finish() {
            Ok(end) => end,
            // Cut within the very first line.
            Err(e) => {
                assert!(cut < 23 && matches!(e, Error::NotWhatWasAsked { .. }), "cut at {cut}: {e}");
                continue;
            }
        };
        assert_eq!(end.truncated, !cut_dump.ends_with(b"\n"), "cut at {cut}");
        let warnings = if end.truncated { vec![Error::CutOff { offset: cut }] } else { vec![] };
        assert_eq!(end.warnings, warnings, "cut at {cut}");
        all.extend(end.last);
        for (part, whole) in all.iter().zip(&whole) {
            // Whatever is said of a frame is true: it is whole, or has no position yet.
            for (frame, whole) in part.frames.iter().zip(&whole.frames) {
                let bare = frame.function == whole.function && frame.line == 0 && frame.file.is_empty();
                assert!(frame == whole || bare, "cut at {cut}: {frame:?}");
            }
            assert!(part.frames.len() <= whole.frames.len());
            assert_eq!((part.id, &part.state), (whole.id, &whole.state));
        }
    }
}

#[test]
fn a_goroutine_that_cannot_be_read_is_counted_and_the_next_one_is_read() {
    let dump =
        b"goroutine 1 [running]:\n\ngoroutine x [select]:\nmain.f()\n\ngoroutine 3 [sleep]:\n?? what\n";
    let (all, end) = parse(dump, 1 << 20);
    assert_eq!(all.iter().map(|g| g.id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((end.unreadable, end.truncated), (1, false));
    assert_eq!(
        end.warnings,
        [
            Error::Line { line: 3, offset: 24, expected: "a goroutine's header" },
            Error::Line { line: 7, offset: 77, expected: "a frame of a goroutine" },
        ]
    );
}

#[test]
fn other_pages_are_refused() {
    for body in [b"<html>\n\n".as_slice(), b"goroutine profile: total 3\n\n", b"\xff\xfe\n\n"] {
        let outcome = DumpParser::new(Limits::default()).push(body);
        assert!(matches!(outcome, Err(Error::NotWhatWasAsked { .. })));
    }
    for body in [b"".as_slice(), b"\n\n\n", b"<html>"] {
        let mut parser = DumpParser::new(Limits::default());
        assert_eq!(parser.push(body), Ok(vec![]));
        assert!(matches!(parser.finish(), Err(Error::NotWhatWasAsked { .. })));
    }
}

#[test]
fn memory_is_bounded_by_one_goroutine() {
    let limits = Limits { goroutine_bytes_max: 4 << 10, ..Limits::default() };
    let mut parser = DumpParser::new(limits);
    let mut count = 0;
    for _ in 0..1000 {
        count += parser.push(b"goroutine 1 [select]:\nmain.f()\n\t/src/a.go:1 +0x1\n\n").unwrap().len();
    }
    assert_eq!(count, 1000);
    let endless = b"main.f()\n".repeat(1000);
    assert!(matches!(parser.push(&endless), Err(Error::TooLarge { limit: "goroutine_bytes_max", .. })));
}
