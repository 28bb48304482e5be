//! The vocabulary every stage shares: time, labels, series keys, metric names and units, points, selectors.
//!
//! No dependencies, no I/O, no clock. What two crates must agree on is spelled here and nowhere else.

mod key;
mod label;
pub mod metric;
mod point;
mod selector;
mod time;

pub use key::{SeriesKey, Stream};
pub use label::Labels;
pub use point::{Point, Series};
pub use selector::{Matcher, Op, ParseError, Selector};
pub use time::{TimeMs, Window};
