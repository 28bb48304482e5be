//! Which request a collector makes.

use super::client::Request;
use http::Uri;
use http::uri::PathAndQuery;
use linger_config::{Collector, CollectorKind, Endpoint, Target};
use linger_proto::symbol;

/// Largest answer of `/debug/pprof/symbol`: 2,048 names of 512 bytes.
const SYMBOL_BYTES_MAX: usize = 1024 * 1024;

/// The request of `kind` on `target`. `heap` asks for `debug=1`: that one body has the raw call addresses from
/// which pending defers are told, and the MemStats from which a restart is told.
///
/// # Errors
/// The configured path does not make a URL.
pub fn request(target: &Target, kind: CollectorKind) -> Result<Request, String> {
    let collector = target.collectors.get(kind);
    let query = match kind {
        CollectorKind::Heap => Some("debug=1".to_owned()),
        CollectorKind::Cpu | CollectorKind::Trace => Some(format!("seconds={}", window_s(collector))),
        _ => None,
    };
    let endpoint = endpoint(collector)?;
    let path = path(target, &endpoint.path, query.as_deref())?;
    let request = Request::get(path, collector.timeout.get(), endpoint.body_bytes_max.as_usize());
    Ok(Request {
        method: endpoint.method.unwrap_or_default(),
        headers: endpoint.headers.clone(),
        // The events of a trace are told one after the other: what came is true without the rest.
        takes_part: kind == CollectorKind::Trace,
        ..request
    })
}

/// The requests that name code addresses, beside the heap profile. GET, since Go 1.23 and later answer a POST
/// with 405; each carries as many addresses as a request line commonly may.
///
/// # Errors
/// The configured path does not make a URL.
pub fn symbol_requests(target: &Target, pcs: &[u64]) -> Result<Vec<Request>, String> {
    let heap = target.collectors.get(CollectorKind::Heap);
    let folder = endpoint(heap)?.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let one = |query: String| {
        let path = path(target, &format!("{folder}/symbol"), Some(&query))?;
        Ok(Request::get(path, heap.timeout.get(), SYMBOL_BYTES_MAX))
    };
    symbol::request_queries(pcs).into_iter().map(one).collect()
}

fn endpoint(collector: &Collector) -> Result<&Endpoint, String> {
    collector.request.as_ref().ok_or_else(|| "this is not asked of the service".to_owned())
}

/// The whole seconds the service records.
#[must_use]
pub fn window_s(collector: &Collector) -> u64 {
    collector.window.map_or(0, |w| w.get().as_secs())
}

/// `path` below the target's prefix. A path that already asks something keeps it, and `query` is added.
fn path(target: &Target, path: &str, query: Option<&str>) -> Result<PathAndQuery, String> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let query = query.map(|q| format!("{joint}{q}")).unwrap_or_default();
    let url = format!("{}{query}", target.url.join(path));
    let made = url.parse::<Uri>().map_err(|e| e.to_string());
    let path_of = |uri: Uri| uri.path_and_query().cloned().ok_or_else(|| "no path".to_owned());
    made.and_then(path_of).map_err(|why| format!("{} and {path} make no URL: {why}", target.url))
}

#[cfg(test)]
mod tests {
    use super::{request, symbol_requests};
    use linger_config::{CollectorKind, Config, Method};

    #[test]
    fn each_collector_asks_for_the_cheapest_form() {
        let config = Config::for_targets(["http://127.0.0.1:6060/admin"]).unwrap();
        let target = &config.targets[0];
        let url = |kind| request(target, kind).unwrap().path.to_string();
        let base = "/admin/debug/pprof/";
        assert_eq!(url(CollectorKind::Count), base);
        assert_eq!(url(CollectorKind::Goroutine), format!("{base}goroutine"));
        assert_eq!(url(CollectorKind::Heap), format!("{base}heap?debug=1"));
        assert_eq!(url(CollectorKind::Cpu), format!("{base}profile?seconds=5"));
        assert_eq!(url(CollectorKind::Trace), format!("{base}trace?seconds=1"));
        assert!(request(target, CollectorKind::Trace).unwrap().takes_part);
        assert!(!request(target, CollectorKind::Heap).unwrap().takes_part);
        let symbols = symbol_requests(target, &[1, 2]).unwrap();
        assert_eq!(symbols[0].path.to_string(), format!("{base}symbol?0x1+0x2"));
    }

    #[test]
    fn a_trace_is_asked_for_the_way_the_service_wants() {
        let text = "
targets: [{url: 'http://127.0.0.1:6060/admin'}]
collectors: {trace: {path: /flight, method: POST, headers: {X-Why: linger}, window: 2s}}";
        let config = Config::parse(text, "test").unwrap();
        let request = request(&config.targets[0], CollectorKind::Trace).unwrap();
        assert_eq!((request.path.as_str(), request.method), ("/admin/flight?seconds=2", Method::Post));
        assert_eq!(request.headers.len(), 1);
    }
}
