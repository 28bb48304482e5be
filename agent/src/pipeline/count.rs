//! `count`: the goroutine count from the index page.

use super::decode::refused;
use super::{Reply, Samples};
use crate::scrape::outcome::{Failure, State};
use linger_proto::index_page;
use linger_series::metric;

/// Reads the index page.
pub(super) fn take(body: &[u8], samples: &mut Samples) -> Result<Reply, Failure> {
    let page = index_page::parse(body).map_err(refused)?;
    let count = page
        .count("goroutine")
        .ok_or_else(|| Failure::new(State::NotPprof, "the index page does not list the goroutine profile"))?;
    samples.push(metric::GOROUTINES, &[], count as f64);
    Ok(Reply { goroutines: Some(count), ..Reply::ok() })
}
