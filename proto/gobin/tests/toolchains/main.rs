//! Programs that a real Go builds now: what is found in them is what their source and the compiler say.
//!
//! `go` on the path builds them, or each of `LINGER_TEST_GOS` (paths of `go` commands with colons between; that is how
//! `tests/audit/run` asks for every release). Without any the tests say so and pass, but not where CI=true.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // what cannot be set up has failed

mod addresses;
mod goroutines;
mod hostile;
mod layouts;
mod programs;
mod runbook;
mod statements;
