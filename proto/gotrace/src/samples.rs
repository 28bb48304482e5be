//! Samples of a CPU profile that ran at the same time. They belong to no thread's stream and stand in no order; they
//! are delivered when their time comes and change nothing else.
//!
//! Go 1.27, `internal/trace/generation.go` `addCPUSamples`; the fields' order is that of all runtimes since 1.22.

use crate::varint::{read, read_all};
use crate::wire;

/// One sample, with numbers as they stand in the trace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) time: u64,
    pub(crate) thread: u64,
    pub(crate) proc: u64,
    pub(crate) goroutine: u64,
    pub(crate) stack: u64,
}

/// Takes the samples of a batch, whose payload follows its marker.
pub(crate) fn add(samples: &mut Vec<Sample>, payload: &[u8]) -> Result<(), &'static str> {
    let mut at = 0;
    while at < payload.len() {
        if payload.get(at) != Some(&wire::CPU_SAMPLE) {
            return Err("something else among CPU samples");
        }
        let (time, after) = read(payload, at + 1).ok_or("a CPU sample beyond its batch")?;
        let ([thread, proc, goroutine, stack], after) =
            read_all::<4>(payload, after).ok_or("a CPU sample beyond its batch")?;
        let goroutine = if goroutine == 0 { wire::NONE } else { goroutine };
        samples.push(Sample { time, thread, proc, goroutine, stack });
        at = after;
    }
    Ok(())
}
