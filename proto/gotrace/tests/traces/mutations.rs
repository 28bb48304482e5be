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
