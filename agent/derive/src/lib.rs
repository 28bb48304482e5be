//! Pure rules: goroutine sites, wait classes, growth, incarnations and defers from decoded profiles and traces.
//!
//! Decoded values, options and time come in as arguments, values go out: no I/O, no clock, no task. Whatever
//! cannot be known is a value of its own (`Unknown`, `BelowFloor`, `ProfilingOff`), never a zero.
//!
//! - [`package`] and [`site`] say whose code a stack is in; [`wait_class`] what it waits for;
//!   [`goroutines`] and [`contention`] count by them.
//! - [`trace`] turns the summary of an execution trace into figures.
//! - [`defers`] estimates pending and executed defers; [`interval`] says how sure.
//! - [`incarnation`] tells one process from the next, [`growth`] fits within one, [`threshold`] judges.

pub mod contention;
pub mod defers;
mod frame;
pub mod goroutines;
pub mod growth;
pub mod incarnation;
pub mod interval;
pub mod package;
pub mod site;
pub mod threshold;
pub mod trace;
pub mod wait_class;

pub use frame::Frame;
pub use package::{GoRoot, is_standard_library};
pub use site::Site;
pub use wait_class::WaitClass;
