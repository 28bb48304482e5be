//! A trace from its first byte to its last: generation after generation, and what to do where the bytes end too early.
//!
//! Complete generations are delivered as they are. A final one without its end mark counts as whole when nothing in it
//! points to something missing: the mark alone was cut, or the version has none. Else it is salvaged: stacks and
//! strings that did not come are unknown, silent goroutines are missing, and the order ends where it cannot go on.

use crate::error::Error;
use crate::generation::{Ending, Generation};
use crate::header::{HEADER_BYTES, Version};
use crate::limits::{Limits, within};
use crate::observer::Observer;
use crate::order::Order;
use crate::source::Source;

/// How to read a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// What it may make us hold.
    pub limits: Limits,
    /// Refuse a final generation that is cut, as Go's reader does, instead of salvaging it.
    pub refuse_cuts: bool,
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Read {
    /// The version of the trace.
    pub version: Version,
    /// Bytes of it.
    pub bytes: u64,
    /// Generations delivered, a salvaged one included.
    pub generations: u32,
    /// Events delivered, samples included. A switch between coroutines counts once.
    pub events: u64,
    /// How often the earliest event had to wait for another: 0 where clocks are in order.
    pub fallbacks: u64,
    /// How it ended.
    pub end: End,
}

/// How a trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the mark of its last generation.
    Marked,
    /// Before Go 1.26 there is no mark: nothing is missing of the last generation, but a lost one would not show.
    Unmarked,
    /// Without its mark, though nothing else is missing of the last generation.
    MarkMissing,
    /// Within the last generation. Its stacks and silent goroutines are missing; the absence of a goroutine means
    /// nothing. A last generation that contradicts itself and has no end mark is taken for cut too.
    Cut {
        /// Whether anything of the cut generation was delivered.
        salvaged: bool,
    },
}

impl End {
    /// Whether something is missing for certain.
    pub fn is_cut(self) -> bool {
        matches!(self, Self::Cut { .. })
    }
}

/// Reads a trace and tells its events to an observer.
///
/// # Errors
///
/// What is no trace of a known version, what contradicts the format or itself, what is beyond a limit, and what the
/// source says. All that was told before stays true.
pub fn read<S: Source, O: Observer>(source: &S, options: &Options, observer: &mut O) -> Result<Read, Error> {
    within("trace_bytes_max", options.limits.trace_bytes_max, source.bytes())?;
    let version = read_version(source)?;
    let mut offset = HEADER_BYTES as u64;
    let mut generation = Generation::new(version);
    let mut order = Order::new(&options.limits);
    let mut generations = 0;
    let mut end = if version.marks_ends() { End::Marked } else { End::Unmarked };
    while generation.load(source, &mut offset, &options.limits)? {
        let whole = match generation.ending {
            Ending::Whole => true,
            Ending::Bytes => options.refuse_cuts && !version.marks_ends(),
            Ending::Cut => false,
        };
        if !whole && options.refuse_cuts {
            return Err(Error::Format { offset, reason: "the trace is cut" });
        }
        if whole {
            generation.seal(false).map_err(|reason| Error::Format { offset, reason })?;
            order.run(&generation, source, observer)?;
            generations += 1;
        } else {
            let (told, ended) = salvage(&mut generation, &mut order, source, observer)?;
            generations += u32::from(told);
            end = ended;
        }
    }
    if generations == 0 {
        // The runtime writes at least one.
        end = End::Cut { salvaged: false };
    }
    let (events, fallbacks) = (order.events, order.fallbacks);
    Ok(Read { version, bytes: source.bytes(), generations, events, fallbacks, end })
}

fn read_version<S: Source>(source: &S) -> Result<Version, Error> {
    let mut head = [0; HEADER_BYTES];
    let there = usize::try_from(source.bytes()).unwrap_or(HEADER_BYTES).min(HEADER_BYTES);
    let head = head.get_mut(..there).unwrap_or(&mut []);
    source.read_at(0, head).map_err(|reason| Error::Read { offset: 0, reason })?;
    Version::of(head)
}

/// Delivers what there is of a generation at which the bytes ended; whether anything was, and how it ended.
fn salvage<S: Source, O: Observer>(
    generation: &mut Generation,
    order: &mut Order,
    source: &S,
    observer: &mut O,
) -> Result<(bool, End), Error> {
    if generation.seal(true).is_err() {
        return Ok((false, End::Cut { salvaged: false }));
    }
    let before = order.events;
    let ran = order.run(generation, source, observer);
    let told = order.events > before;
    match ran {
        Ok(()) if generation.is_whole() && order.unresolved() == 0 => {
            let end = if generation.version.marks_ends() { End::MarkMissing } else { End::Unmarked };
            Ok((true, end))
        }
        Ok(()) | Err(Error::Events { .. }) => Ok((told, End::Cut { salvaged: told })),
        Err(other) => Err(other),
    }
}
