//! `linger audit` against the Go compiler's own list, on Go's own programs.
//!
//! Compiled only with the feature `audit`, which `tests/run` and `tests/audit/run` turn on after `tests/audit/build` has
//! built the programs (`LINGER_TEST_AUDIT` says where) and the release agent (`LINGER_TEST_AGENT`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod command;
mod compiler;
mod programs;
