//! End to end: the release binary beside real Go services, over loopback, through the command line alone.
//!
//! Compiled only with the feature `services`, which `tests/run` turns on after it has built the agent and the Go
//! services and said where they are (`environment`). Plain `cargo test` does not know this binary, so nothing here
//! can be counted as passed without having run. Nothing is mocked: where a service must misbehave, a proxy in front
//! of a real one spoils one endpoint (`spoiled`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::result_large_err,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

mod agent;
mod doors;
mod environment;
mod peer;
mod program;
mod service;
mod spoiled;
mod stranger;
mod wait;

mod census;
mod checks;
mod cost;
mod crashes;
mod debian;
mod defers;
mod faults;
mod growth;
mod life;
mod listeners;
mod restarts;
mod trace_command;
mod traces;
mod twenty;
mod waits;
