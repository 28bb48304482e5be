//! `goroutine`: goroutines by site and wait class, the rest summed; and those inside a deferred call (method B).

use super::target::TargetState;
use super::{Job, Reply, Samples};
use super::{decode, running};
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use linger_derive::goroutines::{SiteLimit, by_site};
use linger_derive::{Frame, GoRoot};
use linger_series::metric;

/// Reads a goroutine profile with `debug=0`.
pub(super) fn take(
    target: &mut TargetState,
    job: &Job,
    answer: &Answer,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    let profile = decode::profile(answer)?;
    if !target.go_root.is_known() {
        target.go_root = GoRoot::learn(Frame::of_functions(&profile));
    }
    target.start_lines.learn(Frame::of_functions(&profile));
    target.start_lines_known = true;
    let limit = SiteLimit { sites_max: target.facts.sites_max };
    let counted = by_site(&profile, &target.go_root, limit, &target.goroutines)
        .ok_or_else(|| Failure::new(State::NotPprof, "a profile, but not of goroutines"))?;
    for s in &counted.sites {
        let labels = [("class", s.class.as_str()), ("site", s.site.id.as_str())];
        samples.push(metric::GOROUTINES_AT_SITE, &labels, s.count as f64);
        samples.describe(&s.site);
    }
    for (class, count) in &counted.other {
        let labels = [("class", class.as_str()), ("site", metric::OTHER_SITE)];
        samples.push(metric::GOROUTINES_AT_SITE, &labels, *count as f64);
    }
    for (class, site) in &counted.gone {
        samples.push(metric::GOROUTINES_AT_SITE, &[("class", class.as_str()), ("site", site)], 0.0);
    }
    running::take(target, job, &profile, samples);
    let total = counted.total;
    target.goroutines = counted.memory;
    // Go writes the main mapping first (Go 1.26, runtime/pprof/proto.go, readMapping).
    let program = profile.mappings().next().map(|mapping| mapping.file.to_owned());
    Ok(Reply { goroutines: Some(total), program, ..Reply::ok() })
}
