//! How a scrape ended: a named state, what was seen, and what the user can do next.
//!
//! Every failure an operator meets has a name here; nothing is "error".

use std::fmt;

/// The named states of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Values came in.
    Ok,
    /// Values came in, but the profile is empty because the service does not sample it.
    NotSampled,
    /// Nothing was tried yet.
    Scheduled,
    /// The target has not answered since the agent started.
    Waiting,
    /// The target does not accept connections at present.
    Refused,
    /// The target's name does not resolve.
    Unresolved,
    /// The connection broke before or inside the answer.
    Reset,
    /// The body ended before its announced or its format's end.
    Truncated,
    /// No complete answer within the timeout.
    TimedOut,
    /// The body is over a limit.
    TooLarge,
    /// Another profiler runs in the service.
    Busy,
    /// The service has no such endpoint.
    Unsupported,
    /// The service asks for credentials.
    Unauthorized,
    /// The service points elsewhere.
    Redirected,
    /// The service's write timeout is shorter than the profile.
    WindowTooLong,
    /// Any other status.
    ServerError,
    /// The body is not what the endpoint gives in a Go service.
    NotPprof,
    /// Not asked for now, to spare the service.
    Held,
    /// Switched off by configuration.
    Off,
    /// Decoding what the target answered did not end: not asked for again before a restart or a reload.
    Stuck,
    /// Our own side failed.
    Internal,
}

impl State {
    /// The name shown, in JSON and tables, and the `reason` label of failures.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotSampled => "not sampled",
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting for target",
            Self::Refused => "refused",
            Self::Unresolved => "unresolved",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::TimedOut => "timed out",
            Self::TooLarge => "too large",
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::Unauthorized => "unauthorized",
            Self::Redirected => "redirected",
            Self::WindowTooLong => "window too long",
            Self::ServerError => "server error",
            Self::NotPprof => "not pprof",
            Self::Held => "held",
            Self::Off => "off",
            Self::Stuck => "stuck",
            Self::Internal => "internal error",
        }
    }

    /// Whether values came in.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ok | Self::NotSampled)
    }

    /// Whether the whole target is out of reach, so that other collectors need not try.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Refused | Self::Unresolved | Self::Waiting)
    }

    /// Whether a failed look at the index page means that the rest is not asked for either: nobody is there, or
    /// whoever is there cannot keep up. An index page that is merely missing is no such sign.
    #[must_use]
    pub fn spares_the_rest(&self) -> bool {
        self.is_unreachable() || matches!(self, Self::Reset | Self::TimedOut | Self::ServerError)
    }

    /// Whether the process behind the port may have been replaced.
    #[must_use]
    pub fn hints_at_restart(&self) -> bool {
        matches!(self, Self::Refused | Self::Unresolved | Self::Waiting | Self::Reset)
    }

    /// What the user can do next.
    #[must_use]
    pub fn next_step(&self) -> Option<&'static str> {
        Some(match self {
            Self::Ok | Self::Scheduled | Self::Off | Self::Held => return None,
            Self::NotSampled => "set its sampling rate in the service to see it",
            Self::Waiting => "start the service, or check the URL's host and port; linger keeps trying",
            Self::Refused => "check that the service runs and listens on this address",
            Self::Unresolved => "check the host name; in a pod the target is 127.0.0.1",
            Self::Reset => "the service may have restarted; see its log when this repeats",
            Self::Truncated => "see the service's log; a proxy or a write timeout may cut answers",
            Self::TimedOut => "raise this collector's timeout, or look why the service answers slowly",
            Self::TooLarge => "raise this collector's body_bytes_max if you trust the service",
            Self::Busy => "another profiler runs in the service; linger retries by itself",
            Self::Unsupported => "import _ \"net/http/pprof\" in the service and check the URL's path prefix",
            Self::Unauthorized => {
                "serve /debug/pprof without credentials on loopback; credentials for targets come with a later release"
            }
            Self::Redirected => "use the URL it points to, if that is the service",
            Self::WindowTooLong => {
                "shorten this collector's window, or raise the service's http.Server.WriteTimeout"
            }
            Self::ServerError => "see the service's log",
            Self::NotPprof => "check the port: something else answers there",
            Self::Stuck => {
                "please report it; this collector rests until linger restarts or reloads (kill -HUP)"
            }
            Self::Internal => "see linger's own log; please report it",
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scrape that gave no values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its name.
    pub state: State,
    /// What was seen, one sentence, bounded and printable.
    pub detail: String,
}

impl Failure {
    /// A failure; `detail` is made printable and cut to [`DETAIL_CHARS_MAX`].
    pub fn new(state: State, detail: impl AsRef<str>) -> Self {
        Self { state, detail: printable(detail.as_ref()) }
    }
}

/// Longest detail kept, in characters: enough for one sentence with a quoted line of an answer.
pub const DETAIL_CHARS_MAX: usize = 240;

/// Text from a target, safe for logs and terminals: control characters become spaces, the rest is cut.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(DETAIL_CHARS_MAX)
        .map(|c| if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) { ' ' } else { c })
        .collect();
    if text.chars().nth(DETAIL_CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{DETAIL_CHARS_MAX, Failure, State};

    #[test]
    fn details_carry_no_escape_sequences_and_an_end() {
        let f = Failure::new(State::NotPprof, format!("\u{1b}[31mred\n{}", "x".repeat(1000)));
        assert!(f.detail.starts_with(" [31mred x") && f.detail.chars().count() == DETAIL_CHARS_MAX + 1);
    }

    #[test]
    fn every_failure_has_a_next_step() {
        for s in [State::Refused, State::Busy, State::NotPprof, State::Truncated, State::WindowTooLong] {
            assert!(s.next_step().is_some() && !s.is_success(), "{s}");
        }
        assert!(State::Ok.next_step().is_none());
    }
}
