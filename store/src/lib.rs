//! The time-series store: WAL, head, sealed blocks and day partitions on sled. The only crate that knows sled.
//!
//! ```text
//! append -> queue -> writer: meta, WAL record, flush -> head -> acknowledge        (writer, wal, head)
//!                            full block or old -> seal -> raw/<day>                 (seal, block, column, partition)
//!                            each minute -> retention, days that are over rewritten (retention, rewrite)
//! open   -> lock, MANIFEST, meta -> replay of the WAL into the head                 (folder, manifest, replay)
//! select -> postings -> head copied, then blocks of the days in the window          (meta/postings, select)
//! ```
//!
//! What it promises: a kill -9 loses nothing acknowledged; a power cut loses at most the last
//! [`Options::sync_every`]; values come back bit for bit; a missing scrape is a missing point; damage costs the part
//! it is in and is said; everything has a bound ([`Options`], `options.rs`).

mod block;
mod bytes;
mod column;
mod container;
mod day;
mod error;
#[cfg(test)]
mod faults;
mod folder;
mod head;
pub mod hostile;
mod id;
mod kv;
mod manifest;
mod meta;
mod options;
mod partition;
mod parts;
mod presence;
mod replay;
mod retention;
mod rewrite;
mod seal;
mod select;
mod stats;
mod store;
mod sync;
mod wal;
mod writer;

pub use bytes::Malformed;
pub use error::Error;
pub use id::SeriesId;
pub use options::{Options, SelectLimits};
pub use partition::PartitionStats;
pub use stats::Stats;
pub use store::{Scrape, Store};
