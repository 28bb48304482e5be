//! Go binaries: what they are built from, where their functions are, and every defer statement in them.
//!
//! Everything is pure: the bytes of a file come in, values or an [`Error`] that says where go out. Nothing here opens
//! a file, panics, or allocates on a promise: a binary is whatever somebody put at a path.
//!
//! [`Binary::read`] is the way in. It reads
//!
//! | module | what |
//! |---|---|
//! | [`elf`] | the ELF file: segments by address, sections and symbols where they are, relocations of a PIE |
//! | [`buildinfo`] | Go version, main module, dependencies, settings |
//! | [`pclntab`] | functions, lines, stack sizes, inlining: Go's own table, which strip(1) leaves |
//! | [`moduledata`] | where the text and the function data start |
//!
//! and answers with [`Binary::audit`] (every defer statement), [`Binary::layout`] (offsets in `runtime.g` and its
//! neighbours) and [`Binary::all_goroutines`] (the address of `runtime.allgs`), which is what a walk over a
//! process' memory needs.

pub mod allgs;
pub mod audit;
mod binary;
pub mod buildinfo;
pub mod census;
pub mod elf;
mod error;
mod go_version;
pub mod layout;
mod little_endian;
pub mod moduledata;
pub mod pclntab;

pub use binary::Binary;
pub use error::{Error, Format};
pub use go_version::GoVersion;
