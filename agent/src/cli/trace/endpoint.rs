//! From what a user calls a service to what is asked of it: `http://host:6060` has its traces where Go's own handlers are,
//! and whoever names an endpoint gets that one.

use super::super::failure::Failure;
use http::Uri;
use http::uri::PathAndQuery;
use linger_config::TargetUrl;

/// Where Go's handlers have it (net/http/pprof).
const TRACE_PATH: &str = "/debug/pprof/trace";

/// How such an endpoint's path ends.
const TRACE_END: &str = "/trace";

/// A service and what to ask it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) service: TargetUrl,
    pub(super) path: PathAndQuery,
    /// How long it will record.
    pub(super) seconds: u64,
}

/// An address with a question, or one whose path ends like a trace's, is an endpoint; any other is a service.
pub(super) fn endpoint(url: &str, seconds: u64) -> Result<Endpoint, Failure> {
    let (address, question) = url.split_once('?').map_or((url, None), |(a, q)| (a, Some(q)));
    let is_endpoint = question.is_some() || address.trim_end_matches('/').ends_with(TRACE_END);
    let (service, path) = if is_endpoint { split(address) } else { (address, TRACE_PATH) };
    let service: TargetUrl = service.parse().map_err(|e: linger_config::NotThis| {
        // What stands before an `@` may be a password.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        let why = if e.hint.is_empty() { e.expected.to_owned() } else { e.hint };
        Failure::usage(format!("{shown}: {why}"))
    })?;
    let asked = question.and_then(seconds_of);
    let question = match question {
        Some(question) => question.to_owned(),
        None => format!("seconds={seconds}"),
    };
    let whole = format!("{}?{question}", service.join(path));
    let made = whole.parse::<Uri>().ok().and_then(|uri| uri.path_and_query().cloned());
    let path = made.ok_or_else(|| Failure::usage(format!("{whole}: no address")))?;
    Ok(Endpoint { service, path, seconds: asked.unwrap_or(seconds) })
}

/// The service and the path on it.
fn split(address: &str) -> (&str, &str) {
    let unix = address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("unix:"));
    // The path of a socket is followed by a colon and the one on the service.
    let place = if unix {
        address.rfind(":/").filter(|place| *place > 4).map(|place| (place, place + 1))
    } else {
        let start = address.find("://").map_or(0, |scheme| scheme + 3);
        address.get(start..).and_then(|rest| rest.find('/')).map(|slash| (start + slash, start + slash))
    };
    let parts = place.and_then(|(end, start)| Some((address.get(..end)?, address.get(start..)?)));
    parts.unwrap_or((address, "/"))
}

/// How long the question says that will take.
fn seconds_of(question: &str) -> Option<u64> {
    let seconds = question.split('&').find_map(|part| part.strip_prefix("seconds="))?;
    let whole = seconds.split('.').next().unwrap_or(seconds);
    whole.parse::<u64>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[track_caller]
    fn check(url: &str, service: &str, path: &str, seconds: u64) {
        let got = endpoint(url, 3).unwrap();
        assert_eq!((got.service.to_string(), got.path.to_string()), (service.into(), path.into()), "{url}");
        assert_eq!(got.seconds, seconds, "{url}");
    }

    #[test]
    fn a_service_has_its_traces_where_go_has_them_and_an_endpoint_is_itself() {
        let own = "/debug/pprof/trace?seconds=3";
        check("http://a:6060", "http://a:6060", own, 3);
        check("http://a:6060/", "http://a:6060", own, 3);
        check("http://a:6060/debug/pprof/", "http://a:6060", own, 3);
        check("http://a:6060/admin", "http://a:6060/admin", "/admin/debug/pprof/trace?seconds=3", 3);
        check("http://a:6060/debug/pprof/trace", "http://a:6060", own, 3);
        check(
            "http://a:6060/debug/pprof/trace?seconds=2.5",
            "http://a:6060",
            "/debug/pprof/trace?seconds=2.5",
            3,
        );
        check("http://a:6060/admin/trace?x=1&seconds=9", "http://a:6060", "/admin/trace?x=1&seconds=9", 10);
        check("https://a/flight?id=7", "https://a:443", "/flight?id=7", 3);
        check("http://a:1?seconds=2", "http://a:1", "/?seconds=2", 3);
        check("unix:///run/api.sock", "unix:///run/api.sock", own, 3);
        check("unix:///run/api.sock:/x/trace", "unix:///run/api.sock", "/x/trace?seconds=3", 3);
        check("unix:///run/api.sock:/x", "unix:///run/api.sock:/x", "/x/debug/pprof/trace?seconds=3", 3);
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for url in ["http://u:hunter2@a:1", "http://u:hunter2@a:1/trace?seconds=1", "ftp://a", "http://a:0"] {
            let failure = endpoint(url, 1).unwrap_err();
            assert!(!failure.message().contains("hunter2"), "{}", failure.message());
        }
    }
}
