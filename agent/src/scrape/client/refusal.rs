//! Answers that are complete and say no: their status, and what the first line of their body means.

use crate::scrape::outcome::{Failure, State};
use http::header::LOCATION;
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, StatusCode};

/// Names an answer whose status is not 200. Go's own messages are those of net/http/pprof `serveError` (Go 1.22 to
/// 1.27, net/http/pprof/pprof.go: Profile, Trace, durationExceedsWriteTimeout) and of net/http/server.go `serve`.
/// `sent` says which credentials went with the request.
pub(super) fn named(status: StatusCode, headers: &HeaderMap, text: &str, sent: Option<&str>) -> Failure {
    let code = status.as_u16();
    if is_redirect(status) {
        return Failure::new(State::Redirected, format!("status {code} to {}", destination(headers)));
    }
    let message = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
    let state = state(status, text);
    let although = match (&state, sent) {
        (State::Unauthorized | State::Forbidden, Some(sent)) => format!("; {sent} was sent"),
        (State::Unauthorized | State::Forbidden, None) => "; no credentials were sent".into(),
        _ => String::new(),
    };
    Failure::new(state, format!("status {code}: {message}{although}"))
}

fn state(status: StatusCode, text: &str) -> State {
    match status.as_u16() {
        401 | 407 => State::Unauthorized,
        403 => State::Forbidden,
        404 | 405 | 410 | 501 => State::Unsupported,
        400 if text.contains("WriteTimeout") => State::WindowTooLong,
        // Go: "Client sent an HTTP request to an HTTPS server."; nginx: "The plain HTTP request was sent to HTTPS port".
        400 if text.contains("HTTP request") && text.contains("HTTPS") => State::SpeaksTls,
        500 if text.contains("Could not enable") => State::Busy,
        _ => State::ServerError,
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect points: origin and path. Its query and a user part may hold what is not for logs.
fn destination(headers: &HeaderMap) -> String {
    let Some(uri) = location(headers) else { return "no readable address".into() };
    let scheme = uri.scheme_str().map(|s| format!("{s}://")).unwrap_or_default();
    let host = uri.authority().map(|a| a.as_str().rsplit('@').next().unwrap_or("")).unwrap_or("");
    format!("{scheme}{host}{}", uri.path())
}

fn location(headers: &HeaderMap) -> Option<Uri> {
    headers.get(LOCATION)?.to_str().ok()?.parse().ok()
}

/// The one redirect that is followed: the same path with a slash at its end, at the same origin. The query is ours.
pub(super) fn added_slash(
    status: StatusCode,
    headers: &HeaderMap,
    asked: &PathAndQuery,
    scheme: &Scheme,
    host: &str,
) -> Option<PathAndQuery> {
    let there = location(headers).filter(|_| is_redirect(status))?;
    let same_host = there.authority().is_none_or(|a: &Authority| a.as_str().eq_ignore_ascii_case(host));
    let same_scheme = there.scheme().is_none_or(|s| s == scheme);
    let slashed = format!("{}/", asked.path());
    if !same_host || !same_scheme || there.path() != slashed {
        return None;
    }
    let query = asked.query().map(|q| format!("?{q}")).unwrap_or_default();
    format!("{slashed}{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{added_slash, named};
    use crate::scrape::outcome::State;
    use http::header::LOCATION;
    use http::uri::Scheme;
    use http::{HeaderMap, StatusCode};

    #[track_caller]
    fn check(status: u16, text: &str, sent: Option<&str>, state: State, detail: &str) {
        let failure = named(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), text, sent);
        assert_eq!((failure.state, failure.detail.as_str()), (state, detail));
    }

    #[test]
    fn go_says_busy_with_a_500_and_too_long_with_a_400() {
        let busy = "Could not enable CPU profiling: cpu profiling already in use\n";
        check(500, busy, None, State::Busy, &format!("status 500: {}", busy.trim()));
        let busy = "Could not enable tracing: tracing is already enabled";
        check(500, busy, None, State::Busy, &format!("status 500: {busy}"));
        let long = "profile duration exceeds server's WriteTimeout";
        check(400, long, None, State::WindowTooLong, &format!("status 400: {long}"));
        let https = "Client sent an HTTP request to an HTTPS server.\n";
        check(400, https, None, State::SpeaksTls, &format!("status 400: {}", https.trim()));
        check(500, "\n oops\nmore", None, State::ServerError, "status 500: oops");
        check(204, "", None, State::ServerError, "status 204: ");
    }

    #[test]
    fn who_is_refused_learns_what_was_sent() {
        check(401, "who?", None, State::Unauthorized, "status 401: who?; no credentials were sent");
        let sent = "the token of /run/token";
        check(
            401,
            "who?",
            Some(sent),
            State::Unauthorized,
            "status 401: who?; the token of /run/token was sent",
        );
        check(403, "no", Some(sent), State::Forbidden, "status 403: no; the token of /run/token was sent");
    }

    #[track_caller]
    fn to(location: &str, slashed: Option<&str>, detail: &str) {
        let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
        let asked = "/x/debug/pprof?debug=1".parse().unwrap();
        let got = added_slash(StatusCode::FOUND, &headers, &asked, &Scheme::HTTP, "api:6060");
        assert_eq!(got.as_ref().map(|p| p.as_str()), slashed, "{location}");
        assert_eq!(added_slash(StatusCode::OK, &headers, &asked, &Scheme::HTTP, "api:6060"), None);
        assert_eq!(named(StatusCode::FOUND, &headers, "", None).detail, detail);
    }

    #[test]
    fn only_an_added_slash_at_the_same_origin_is_followed() {
        let slashed = Some("/x/debug/pprof/?debug=1");
        to("/x/debug/pprof/", slashed, "status 302 to /x/debug/pprof/");
        to("/x/debug/pprof/?debug=2", slashed, "status 302 to /x/debug/pprof/");
        to("http://API:6060/x/debug/pprof/", slashed, "status 302 to http://API:6060/x/debug/pprof/");
        to("https://api:6060/x/debug/pprof/", None, "status 302 to https://api:6060/x/debug/pprof/");
        to("http://evil:6060/x/debug/pprof/", None, "status 302 to http://evil:6060/x/debug/pprof/");
        to("http://u:pw@api:6060/x/debug/pprof/", None, "status 302 to http://api:6060/x/debug/pprof/");
        to("http://sso/login?token=s3cret", None, "status 302 to http://sso/login");
        to("//evil/x/debug/pprof/", None, "status 302 to //evil/x/debug/pprof/");
        to("pprof/", None, "status 302 to no readable address");
    }
}
