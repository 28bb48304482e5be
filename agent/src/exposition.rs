//! `/metrics`: the newest values of everything linger derives, and what it says of itself, for Prometheus.
//!
//! Served twice: among the API's paths, with whatever guards them, and by `--metrics-listen` on a listener of its own
//! that has this and `/-/healthy`, answers GET and HEAD and changes nothing. The newest values come from a table in
//! memory ([`Latest`]); which of them may still be told is the business of `fresh`; a page is written while it is
//! sent. Samples carry no timestamps: what is old is left out, and `linger_scrape_timestamp_seconds` says of when the
//! rest is.

mod format;
mod fresh;
mod histogram;
mod latest;
mod own;
mod page;
mod vitals;

pub use fresh::{STALE_AFTER_INTERVALS, STALE_AFTER_LEAST};
pub use latest::{LATEST_SERIES_MAX, Latest, Tee};
pub use vitals::Vitals;

use crate::live::Live;
use crate::serve::{Hosts, Listener, serve as serve_router};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use format::Format;
use linger_series::metric;
use linger_store::Store;
use page::{Family, Page};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Pages under way at once: each holds its rows (24 bytes a series) and, packed, 300 KiB.
const PAGES_AT_ONCE_MAX: usize = 3;
/// How long a request waits for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);

/// Where a page's values come from. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    latest: Arc<Latest>,
    live: Arc<Live>,
    store: Store,
    vitals: Arc<Vitals>,
    pages: Arc<Semaphore>,
}

impl Sources {
    /// These.
    #[must_use]
    pub fn new(latest: Arc<Latest>, live: Arc<Live>, store: Store, vitals: Arc<Vitals>) -> Self {
        Self { latest, live, store, vitals, pages: Arc::new(Semaphore::new(PAGES_AT_ONCE_MAX)) }
    }

    /// What is counted for the page.
    #[must_use]
    pub fn vitals(&self) -> &Arc<Vitals> {
        &self.vitals
    }

    /// Everything to tell at this moment, and how many series found no place in the table. Looks at files.
    fn families(&self) -> (Vec<Family>, usize) {
        let status = self.live.status(&self.store, crate::clock::now().0);
        let mut families = own::families(&status, &self.vitals);
        let derived = fresh::derived(&self.latest, &status, Instant::now());
        families.extend(derived.into_iter().filter_map(|(place, rows)| {
            metric::ALL.get(usize::from(place)).map(|metric| Family { metric: *metric, rows })
        }));
        (families, self.latest.refused())
    }
}

/// Serves `/metrics` and `/-/healthy` until `stop` turns true.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: Listener, sources: Sources, stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(async || "linger's metrics are at /metrics\n"))
        .route("/-/healthy", get(healthy))
        .route("/metrics", get(metrics))
        .with_state(sources);
    // Prometheus asks by whatever name it was given. On loopback only a browser could be made to ask by another one.
    let hosts = Hosts::own_on_loopback(&listener);
    serve_router(listener, hosts.guard(router), stop).await
}

/// Answers as soon as the agent's loop turns; a probe needs no more, and it tells nothing.
pub(crate) async fn healthy() -> &'static str {
    "linger is up\n"
}

/// A page.
pub(crate) async fn metrics(State(sources): State<Sources>, headers: HeaderMap) -> Response {
    let turn = tokio::time::timeout(TURN_WITHIN, sources.pages.clone().acquire_owned()).await;
    let Ok(Ok(place)) = turn else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages at once\n").into_response();
    };
    let reading = sources.clone();
    let Ok((families, lacking)) = tokio::task::spawn_blocking(move || reading.families()).await else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the page failed; see the agent's log\n").into_response();
    };
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("");
    let format = Format::accepted(text(header::ACCEPT));
    let gzip = takes_gzip(text(header::ACCEPT_ENCODING));
    sources.vitals.exposed(format);
    let page: Page<OwnedSemaphorePermit> = Page::new(families, format, gzip, lacking, place);
    let mut response = Response::new(Body::new(page));
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    head.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if gzip {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether `Accept-Encoding` names gzip and does not refuse it.
fn takes_gzip(accept: &str) -> bool {
    accept.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let quality = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f64>);
        name.trim().eq_ignore_ascii_case("gzip") && quality.is_ok_and(|q| q > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::format::Format;
    use super::page::{Family, Writer};
    use super::{own, takes_gzip};
    use crate::report::{CollectorStatus, Status, TargetStatus};

    /// A status of these targets.
    pub(super) fn status(targets: Vec<TargetStatus>) -> Status {
        Status {
            agent: crate::report::AgentStatus { time_scale: 1.0, ..Default::default() },
            targets,
            ..Status::default()
        }
    }

    /// A target with these collectors and intervals.
    pub(super) fn target(name: &str, collectors: &[(&str, f64)]) -> TargetStatus {
        let collector = |(collector, every_s): &(&str, f64)| CollectorStatus {
            collector: (*collector).into(),
            state: "ok".into(),
            every_s: *every_s,
            every_configured_s: *every_s,
            ..CollectorStatus::default()
        };
        let mut target = crate::live::only_named(name);
        target.labels = [("job".to_owned(), "shop".to_owned())].into();
        target.collectors = collectors.iter().map(collector).collect();
        target
    }

    /// Every family there can be, each with one series: what Prometheus' linter is asked about end to end.
    #[test]
    fn the_page_of_every_metric_is_as_it_was() {
        let row = |metric: &linger_series::metric::Metric| Family {
            metric: *metric,
            // A bucket's bound is a number, and there is always the one that holds all.
            rows: vec![(
                linger_series::Labels::new(metric.labels.iter().map(|name| match *name {
                    "le" => ("le", "+Inf"),
                    name => (name, "x"),
                })),
                1.0,
            )],
        };
        let families = own::ALL.iter().chain(linger_series::metric::ALL).map(row).collect();
        let mut writer = Writer::new(families, Format::Text, 0, usize::MAX);
        let page: String = std::iter::from_fn(|| writer.piece()).collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/exposition/every_metric.txt");
        if std::env::var_os("LINGER_WRITE_GOLDEN").is_some() {
            std::fs::write(file, &page).unwrap();
        }
        let expected = std::fs::read_to_string(file).unwrap();
        assert!(page == expected, "{file} differs; LINGER_WRITE_GOLDEN=1 writes it. Now:\n{page}");
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (accept, expected) in
            [("gzip", true), ("deflate, GZIP;q=0.5", true), ("gzip;q=0", false), ("", false), ("br", false)]
        {
            assert_eq!(takes_gzip(accept), expected, "{accept}");
        }
    }
}
