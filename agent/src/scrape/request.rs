//! Which request a collector makes.

use super::client::Request;
use linger_config::{Collector, CollectorKind, Target};
use linger_proto::symbol;
use reqwest::Url;

/// Largest answer of `/debug/pprof/symbol`: 2,048 names of 512 bytes.
const SYMBOL_BYTES_MAX: usize = 1024 * 1024;

/// The request of `kind` on `target`. `heap` asks for `debug=1`: that one body has the raw call addresses from
/// which pending defers are told, and the MemStats from which a restart is told.
///
/// # Errors
/// The configured path does not make a URL.
pub fn request(target: &Target, kind: CollectorKind) -> Result<Request, String> {
    let collector = target.collectors.get(kind);
    let mut url = join(target, &collector.path)?;
    match kind {
        CollectorKind::Heap => {
            url.query_pairs_mut().append_pair("debug", "1");
        }
        CollectorKind::Cpu | CollectorKind::Trace => {
            url.query_pairs_mut().append_pair("seconds", &window_s(collector).to_string());
        }
        _ => {}
    }
    Ok(Request { url, timeout: collector.timeout.get(), body_bytes_max: collector.body_bytes_max.as_usize() })
}

/// The requests that name code addresses, beside the heap profile. GET, since Go 1.23 and later answer a POST
/// with 405; each carries as many addresses as a request line commonly may.
///
/// # Errors
/// The configured path does not make a URL.
pub fn symbol_requests(target: &Target, pcs: &[u64]) -> Result<Vec<Request>, String> {
    let heap = target.collectors.get(CollectorKind::Heap);
    let folder = heap.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let one = |query: String| {
        let mut url = join(target, &format!("{folder}/symbol"))?;
        url.set_query(Some(&query));
        Ok(Request { url, timeout: heap.timeout.get(), body_bytes_max: SYMBOL_BYTES_MAX })
    };
    symbol::request_queries(pcs).into_iter().map(one).collect()
}

/// The whole seconds the service records.
#[must_use]
pub fn window_s(collector: &Collector) -> u64 {
    collector.window.map_or(0, |w| w.get().as_secs())
}

fn join(target: &Target, path: &str) -> Result<Url, String> {
    Url::parse(&target.url.join(path)).map_err(|e| format!("{} and {path} make no URL: {e}", target.url))
}

#[cfg(test)]
mod tests {
    use super::{request, symbol_requests};
    use linger_config::{CollectorKind, Config};

    #[test]
    fn each_collector_asks_for_the_cheapest_form() {
        let config = Config::for_targets(["http://127.0.0.1:6060/admin"]).unwrap();
        let target = &config.targets[0];
        let url = |kind| request(target, kind).unwrap().url.to_string();
        let base = "http://127.0.0.1:6060/admin/debug/pprof/";
        assert_eq!(url(CollectorKind::Count), base);
        assert_eq!(url(CollectorKind::Goroutine), format!("{base}goroutine"));
        assert_eq!(url(CollectorKind::Heap), format!("{base}heap?debug=1"));
        assert_eq!(url(CollectorKind::Cpu), format!("{base}profile?seconds=5"));
        assert_eq!(url(CollectorKind::Trace), format!("{base}trace?seconds=1"));
        let symbols = symbol_requests(target, &[1, 2]).unwrap();
        assert_eq!(symbols[0].url.to_string(), format!("{base}symbol?0x1+0x2"));
    }
}
