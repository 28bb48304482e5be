//! Programs of a few kilobytes, written by these tests byte by byte: what a real Go does not write, and every cut and
//! every spoiled byte of what it does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking
#![allow(clippy::cast_possible_truncation, reason = "all numbers are small and ours")]

mod hostile;
mod program;
mod refusals;
mod statements;
