//! `cpu`: CPU time in the defer machinery (method C), raw per profile and pooled over the last hour.

use super::decode;
use super::target::TargetState;
use super::{Job, Reply, Samples};
use crate::scrape::client::Answer;
use crate::scrape::outcome::{Failure, State};
use linger_derive::Frame;
use linger_derive::defers::cpu::{PooledDefers, Rate, from_profile, pool};
use linger_series::metric;
use std::time::Duration;

/// Profiles pooled in the stored ratio and rate.
const POOL_OVER: Duration = Duration::from_secs(3600);

/// Reads a CPU profile.
pub(super) fn take(
    target: &mut TargetState,
    job: &Job,
    answer: &Answer,
    samples: &mut Samples,
) -> Result<Reply, Failure> {
    let profile = decode::profile(answer)?;
    let seen = from_profile(&profile)
        .ok_or_else(|| Failure::new(State::NotPprof, "a profile, but not of CPU time"))?;
    target.start_lines.learn(Frame::of_functions(&profile));
    samples.push(metric::CPU_SECONDS, &[], seen.cpu_seconds);
    samples.push(metric::CPU_WINDOW, &[], seen.window_seconds);
    for f in &seen.by_function {
        let labels = [("kind", f.kind.as_str()), ("function", f.function.as_str())];
        samples.push(metric::DEFER_CPU_SECONDS, &labels, f.seconds);
    }
    target.cpu.push_back((job.at, seen));
    while target.cpu.front().is_some_and(|(t, _)| job.at.since(*t) > POOL_OVER) {
        target.cpu.pop_front();
    }
    let pooled = pool(target.cpu.iter().map(|(_, profile)| profile), None, 1);
    for p in &pooled.by_function {
        record(p, samples);
    }
    Ok(Reply::ok())
}

/// Stores what was seen; what is below the floor is left out, since it is not a number.
fn record(p: &PooledDefers, samples: &mut Samples) {
    let labels = [("kind", p.kind.as_str()), ("function", p.function.as_str())];
    if let Rate::Estimate { per_second, .. } = p.rate {
        samples.push(metric::DEFER_CPU_RATIO, &labels, p.ratio.value);
        samples.push(metric::DEFER_CALLS, &labels, per_second);
    }
}
