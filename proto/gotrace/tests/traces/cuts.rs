//! Traces cut at every byte: complete generations stay, a cut one is salvaged and marked, and nothing is told that the
//! whole does not tell.

use linger_gotrace::{End, Error, Options};

use super::{recorded, recording, summarise};

/// Three traces in which the format differs.
const CUT: [&str; 3] = ["go1.22", "go1.25", "go1.27"];

/// Bytes from one cut of a busy trace to the next. Odd, so that it meets every kind of byte.
const STRIDE: usize = 97;

#[test]
fn a_small_trace_may_be_cut_at_every_byte() {
    for version in CUT {
        cut_everywhere(version, &recorded(version, "idle.trace"), 1);
    }
}

#[test]
fn a_busy_trace_may_be_cut_anywhere() {
    for version in CUT {
        cut_everywhere(version, &recording(version), STRIDE);
    }
}

fn cut_everywhere(version: &str, trace: &[u8], stride: usize) {
    let (whole, _) = summarise(trace, &Options::default());
    let whole = whole.unwrap();
    let (mut last, mut unnoticed) = (0, 0);
    for cut in (0..trace.len()).step_by(stride) {
        let (read, summary) = summarise(&trace[..cut], &Options::default());
        let at = || format!("{version} at {cut}");
        let read = match read {
            Ok(read) => read,
            Err(Error::NotATrace { .. }) if cut < 16 => continue,
            Err(e) => panic!("{}: {e}", at()),
        };
        assert!(read.events <= whole.events && read.generations <= whole.generations, "{}", at());
        assert!(summary.goroutines.created <= read.events, "{}", at());
        match read.end {
            End::Cut { salvaged } => {
                let in_first = read.generations == u32::from(salvaged);
                assert_eq!(summary.goroutines.complete, !in_first, "{}", at());
            }
            // Where all of a generation is there, it does not show that another one should follow.
            End::Marked | End::Unmarked => {
                assert!(summary.goroutines.complete, "{}", at());
                unnoticed += 1;
            }
            End::MarkMissing => assert_eq!(version, "go1.27", "{}", at()),
        }
        last = read.events;
    }
    assert!(unnoticed <= whole.generations, "{version}: {unnoticed}");
    assert!(last * 10 > whole.events * 9, "{version}: {last}");
}

#[test]
fn a_final_generation_without_its_mark_is_kept_whole() {
    let trace = recording("go1.27");
    let (whole, summary) = summarise(&trace, &Options::default());
    let (unmarked, same) = summarise(&trace[..trace.len() - 1], &Options::default());
    let (whole, unmarked) = (whole.unwrap(), unmarked.unwrap());
    assert_eq!((unmarked.end, unmarked.events), (End::MarkMissing, whole.events));
    assert_eq!(same, summary);
}

#[test]
fn a_cut_generation_is_salvaged_without_its_stacks() {
    let trace = recording("go1.27");
    // Within the first generation: it has no stacks yet.
    let (read, summary) = summarise(&trace[..trace.len() / 4], &Options::default());
    let read = read.unwrap();
    assert_eq!(read.end, End::Cut { salvaged: true });
    assert!(read.events > 50, "{read:?}");
    assert!(!summary.goroutines.complete);
    assert!(summary.states.iter().any(|state| state.spans.total_ns > 0));
}

#[test]
fn who_wants_no_salvage_gets_an_error() {
    let trace = recording("go1.27");
    let mut options = Options::default();
    options.refuse_cuts = true;
    let (read, _) = summarise(&trace[..trace.len() - 1], &options);
    assert!(matches!(read, Err(Error::Format { .. })));
}

/// Found by the fuzzer: the generation has all its tables, so only the event itself shows that something is missing.
#[test]
fn an_event_that_does_not_end_is_not_counted_and_told() {
    let none = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let trace = [
        &b"go 1.22 trace\0\0\0"[..],
        &[&b"\x01\x01"[..], none, b"\x00\x05\x08\xa8\xd6\xb9\x07"].concat(),
        // ProcStatus p=2 running, and one without its status.
        b"\x01\x01\x05\x00\x07\x0d\x00\x02\x01\x0d\x00\x02",
        &[&b"\x01\x01"[..], none, b"\x00\x04\x02\x03\x01\x00"].concat(),
    ]
    .concat();
    let (read, summary) = summarise(&trace, &Options::default());
    let read = read.unwrap();
    assert_eq!((read.events, read.end), (1, End::Cut { salvaged: true }));
    assert_eq!(summary.events, [("ProcStatus", 1)]);
}
