//! Execution traces for people: what one tells ([`summarise`]), and how it opens in a viewer ([`chrome`]). Both read it
//! as a stream from a [`Source`](linger_gotrace::Source); where its bytes come from is another's work, but that those
//! of no file are spooled ([`Spool`]).

pub mod chrome;
mod facts;
mod groups;
mod missing;
mod places;
mod spool;
mod summarise;

pub use spool::{Spool, SpoolError, Spooled};
pub use summarise::{Question, Summarised, summarise};
