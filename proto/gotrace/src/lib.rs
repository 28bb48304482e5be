//! Go execution traces: bytes to ordered events, and what a window of them tells.
//!
//! [`read`] takes a trace from a [`Source`] (memory, or a spooled file) and tells its events, in an order that can have
//! been, to an [`Observer`]. [`Summary`](summary::Summary) is one: all that linger shows of a trace. What is read is what a
//! stranger's service sent, so nothing here panics, and what is held is bounded by named [`Limits`].
//!
//! | module | holds |
//! |---|---|
//! | [`trace`] | the whole: generation after generation, cut ends |
//! | `header`, `batch`, `generation`, `sync`, `samples`, `tables` | the parts of the format, each in its file |
//! | `wire` | the numbers of the format |
//! | `order` | the rules by which events follow one another |
//! | [`event`] | the one model of events, of no version |
//! | [`summary`] | counts, times and suspects of a window |
//!
//! Traces of Go 1.22 to 1.27 are read. Older ones are of another format and refused by name.

mod batch;
mod error;
pub mod event;
mod generation;
mod header;
mod id_table;
mod limits;
mod names;
mod observer;
mod order;
mod samples;
mod source;
pub mod summary;
mod sync;
mod tables;
pub mod trace;
mod varint;
mod wire;

pub use error::Error;
pub use header::Version;
pub use limits::Limits;
pub use names::Names;
pub use observer::{GenerationStart, Observer, Scene};
pub use source::Source;
#[cfg(unix)]
pub use source::Spooled;
pub use sync::ClockSnapshot;
pub use tables::{Frame, Tables};
pub use trace::{End, Options, Read, read};
