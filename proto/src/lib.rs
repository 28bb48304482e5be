//! Bytes to values: pprof profiles and the text forms of Go's debug pages.
//!
//! Every decoder is pure: bytes and [`Limits`] come in, values or an [`Error`] that says where go out. What is read
//! is what a stranger's service sent, so nothing here panics, and nothing is allocated on a promise: lengths and
//! counts are checked against a named limit first.
//!
//! | module | reads |
//! |---|---|
//! | [`pprof`] | any profile with `debug=0`, gzip or plain |
//! | [`heap_text`] | `heap?debug=1`: raw addresses, and the memory statistics trailer |
//! | [`goroutine_text`] | `goroutine?debug=2`, as a stream |
//! | [`index_page`] | `/debug/pprof/`: which profiles there are, and how large |
//! | [`symbol`] | `/debug/pprof/symbol`: addresses to function names |

mod error;
pub mod goroutine_text;
mod gzip;
pub mod heap_text;
pub mod index_page;
mod limits;
mod lines;
mod looks;
pub mod pprof;
pub mod symbol;

pub use error::Error;
pub use limits::Limits;
pub use looks::Looks;
