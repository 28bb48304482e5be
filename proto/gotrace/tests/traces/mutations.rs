//! Traces with bytes changed, left out and repeated: an error or a result, within the limits, and soon.

use linger_gotrace::{Observer, Options, Scene, read};
use proptest::prelude::{any, prop};
use proptest::{prop_assert, proptest};

use super::{VERSIONS, recording, summarise};

/// Counts, and looks at everything an event points to.
#[derive(Default)]
struct Touch {
    events: usize,
    frames: usize,
}

impl Observer for Touch {
    fn generation(&mut self, _: &linger_gotrace::GenerationStart, _: &Scene<'_>) {}

    fn event(&mut self, event: &linger_gotrace::event::Event, scene: &Scene<'_>) {
        self.events += 1;
        if let linger_gotrace::event::What::Goroutine(transition) = event.what {
            self.frames += scene.tables.stack(transition.stack).map_or(0, <[_]>::len);
        }
    }
}

/// A change of a trace.
fn change(trace: &mut Vec<u8>, (at, byte, kind): (usize, u8, u8)) {
    let at = at % trace.len();
    match kind % 4 {
        0 => trace[at] = byte,
        1 => trace[at] ^= 1 << (byte % 8),
        2 => drop(trace.drain(at..(at + usize::from(byte)).min(trace.len()))),
        _ => {
            let piece = trace[at..(at + usize::from(byte)).min(trace.len())].to_vec();
            trace.splice(at..at, piece);
        }
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_change_of_a_trace_does_harm(
        version in 0_usize..6,
        changes in prop::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..6),
        refuse_cuts in any::<bool>(),
    ) {
        let mut trace = recording(VERSIONS[version]);
        for one in changes {
            change(&mut trace, one);
        }
        let mut options = Options::default();
        options.refuse_cuts = refuse_cuts;
        let (_, summary) = summarise(&trace, &options);
        // No event takes less than two bytes, and none is told more than three times.
        prop_assert!(summary.events_total <= trace.len() as u64 * 3 / 2);
        prop_assert!(summary.sites.len() <= trace.len() && summary.waits.len() <= trace.len());
        let mut touch = Touch::default();
        let _ = read(&trace.as_slice(), &options, &mut touch);
        prop_assert!(touch.events <= trace.len() * 3 / 2);
    }

    #[test]
    fn no_bytes_after_a_header_do_harm(
        minor in prop::sample::select(vec!["22", "23", "25", "26"]),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let trace = [format!("go 1.{minor} trace\0\0\0").as_bytes(), &bytes].concat();
        let (_, summary) = summarise(&trace, &Options::default());
        prop_assert!(summary.events_total <= trace.len() as u64);
    }
}

/// A trace of Go 1.22 in which each of many threads waits for a goroutine that never comes, while one goes on.
fn waiting_in_vain(threads: u8, events: u8) -> Vec<u8> {
    let batch = |thread: u8, payload: &[u8]| {
        let size = u8::try_from(payload.len()).unwrap();
        [&[1, 1, thread, 1, size], payload].concat()
    };
    let mut trace = b"go 1.22 trace\0\0\0".to_vec();
    // A frequency of 1 a second.
    trace.extend(batch(0, &[8, 1]));
    for thread in 1..=threads {
        // Goroutine 99 starts for the seventh time.
        trace.extend(batch(thread, &[16, 0, 99, 7]));
    }
    for goroutine in 1..=events {
        // Later than all others; a goroutine is told to wait.
        trace.extend(batch(127, &[25, 9, goroutine, 127, 4]));
    }
    trace
}

#[test]
fn waiting_in_vain_has_a_limit() {
    let read_with = |tries_max| {
        let mut options = Options::default();
        options.limits.tries_max = tries_max;
        summarise(&waiting_in_vain(40, 90), &options)
    };
    let (read, summary) = read_with(40 * 50);
    assert!(matches!(read, Err(linger_gotrace::Error::Limit { limit: "tries_max", .. })), "{read:?}");
    assert!((40..60).contains(&summary.events_total), "what was told stays: {}", summary.events_total);
    let (read, summary) = read_with(u64::MAX);
    assert!(read.is_ok_and(|read| read.end.is_cut()) && summary.events_total == 90);
}
