//! What one trace may make us hold. All of it is memory beside a service, so all of it is bounded; the sizes of batches,
//! strings and stacks have bounds of their own in the format and stand with their readers.

use crate::Error;

/// Limits of one decode. The defaults fit everything a real service was seen to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a trace. A busy service writes 10 MB a second and core; an hour of one fits.
    pub trace_bytes_max: u64,
    /// Threads of the whole trace. Go itself ends a program at 10,000 (`runtime/debug.SetMaxThreads`), but threads
    /// also go and come.
    pub threads_max: u32,
    /// Procs of the whole trace. GOMAXPROCS is the number of processors; 65,536 is beyond any machine.
    pub procs_max: u32,
    /// Goroutines alive at one time, each about 60 bytes. linger promises to live beside 400,000.
    pub goroutines_max: u32,
    /// User tasks and regions that are open at one time, each about 40 bytes.
    pub open_max: u32,
    /// Bytes that the strings and stacks of one generation may take decoded. Services took up to 3 MB; a program that
    /// logs into its trace as fast as it can, each time with a new string, took 40.
    pub tables_bytes_max: u64,
    /// Bytes of the index of one generation's batches. 64 MB of full batches take 32 KB.
    pub index_bytes_max: u64,
    /// Names of regions and tasks, and kinds of stops, in the whole trace.
    pub names_max: u32,
    /// Threads that are looked at because the earliest event had to wait, each time anew. Recordings need none; a trace
    /// that is made for it could have every event look at every thread, for hours. This many take a second or two.
    pub tries_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            trace_bytes_max: 4 << 30,
            threads_max: 1 << 16,
            procs_max: 1 << 16,
            goroutines_max: 1 << 19,
            open_max: 1 << 18,
            tables_bytes_max: 96 << 20,
            index_bytes_max: 16 << 20,
            names_max: 1 << 16,
            tries_max: 1 << 27,
        }
    }
}

/// The error for a limit when `count` is beyond it.
pub(crate) fn within(limit: &'static str, max: u64, count: u64) -> Result<(), Error> {
    if count > max { Err(Error::Limit { limit, max }) } else { Ok(()) }
}
