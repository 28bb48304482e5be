//! `mutex` and `block`: time waited by site, as the service's own sampling counts it.

use super::decode;
use super::target::TargetState;
use super::{Reply, Samples};
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use linger_config::CollectorKind;
use linger_derive::contention::by_site;
use linger_series::metric;

/// Reads a mutex or block profile.
pub(super) fn take(
    target: &TargetState,
    kind: CollectorKind,
    answer: &Answer,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    let profile = decode::profile(answer)?;
    let sites = by_site(&profile, &target.go_root)
        .ok_or_else(|| Failure::new(State::NotPprof, "a profile, but not of contention"))?;
    if sites.is_empty() {
        let detail = Some("empty: not sampled by the service, or nobody waited".to_owned());
        return Ok(Reply { state: State::NotSampled, detail, ..Reply::ok() });
    }
    for c in &sites {
        samples.push(metric::CONTENTION, &[("profile", kind.as_str()), ("site", &c.site.id)], c.seconds);
        if c.site.id != metric::OTHER_SITE {
            samples.describe(&c.site);
        }
    }
    Ok(Reply::ok())
}
