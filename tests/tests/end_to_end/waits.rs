//! Every wait class of LEAKS.md is named right, with exact counts and lines, and nothing that stands still rises.

use crate::agent::Agent;
use crate::environment::Go;
use crate::service::Service;
use crate::wait;
use linger::report::{TargetTrend, Trend};
use serde_json::Value;

#[test]
fn every_wait_class_is_named_on_the_oldest_go() {
    check(Go::Oldest);
}

#[test]
fn every_wait_class_is_named_on_the_newest_go() {
    check(Go::Newest);
}

/// Places planted by tests/services/waits.
const PLACES: usize = 15;

fn check(go: Go) {
    let service = Service::start(go, "waits");
    let agent = Agent::watching(&[&service.url()]);
    let truth = service.truth();
    let planted: Vec<(&str, &Value)> = truth["classes"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(class, places)| places.as_array().unwrap().iter().map(|p| (class.as_str(), p)))
        .collect();
    assert_eq!(planted.len(), PLACES, "{planted:?}");

    let seen = wait::until("trend holds every planted place", || {
        let trend: Trend = agent.ask(&["trend"]);
        let target = &trend.targets[0];
        let missing: Vec<String> = planted
            .iter()
            .filter(|(class, place)| !holds(target, class, place))
            .map(|(c, p)| format!("{c}: {p}"))
            .collect();
        // Slopes need eight points; wait for them, so that the flatness below is not vacuous.
        let has_slopes = target.series.iter().any(|s| s.slope_per_hour.is_some());
        if missing.is_empty() && has_slopes { Ok(trend) } else { Err((missing, trend)) }
    });
    for series in &seen.targets[0].series {
        let function = series.site.as_ref().map_or("", |s| s.function.as_str());
        if planted.iter().any(|(_, p)| p["function"] == function) {
            assert_eq!(series.slope_per_hour.unwrap_or(0.0), 0.0, "{function} stands still");
            assert_eq!(series.rising_since_ms, None, "{function} stands still");
        }
    }
}

fn holds(target: &TargetTrend, class: &str, place: &Value) -> bool {
    target.series.iter().any(|s| {
        s.class.as_deref() == Some(class)
            && Some(s.last) == place["count"].as_f64()
            && s.site.as_ref().is_some_and(|site| {
                site.function == place["function"]
                    && site.file == place["file"]
                    && Some(site.line) == place["line"].as_u64()
            })
    })
}
