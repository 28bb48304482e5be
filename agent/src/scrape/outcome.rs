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
    /// The network has no way to the target's address.
    NoRoute,
    /// The target's name does not resolve.
    Unresolved,
    /// There is no unix socket at the target's path.
    SocketMissing,
    /// The system does not let the agent use the target's unix socket.
    SocketDenied,
    /// The connection broke before the answer began.
    Reset,
    /// The body ended before its announced or its format's end.
    Truncated,
    /// No complete answer within the timeout.
    TimedOut,
    /// The body is over a limit.
    TooLarge,
    /// The body is over the limit once it is decompressed.
    TooLargeInflated,
    /// Answers of other targets have taken the memory that the agent has for all of them.
    NoRoom,
    /// Headers or interim answers without end.
    HeadTooLarge,
    /// Another profiler runs in the service.
    Busy,
    /// The service has no such endpoint.
    Unsupported,
    /// The service asks for credentials, or for others.
    Unauthorized,
    /// The service knows who asks and says no.
    Forbidden,
    /// A file with a token, password, key or certificate cannot be used.
    CredentialsUnreadable,
    /// The service points elsewhere.
    Redirected,
    /// The service's write timeout is shorter than the profile.
    WindowTooLong,
    /// Any other status.
    ServerError,
    /// The body is not what the endpoint gives in a Go service.
    NotPprof,
    /// What answers does not speak HTTP/1.
    NotHttp,
    /// `http` was spoken to a port that speaks TLS.
    SpeaksTls,
    /// TLS was spoken to a port that speaks plain HTTP.
    SpeaksPlain,
    /// No authority we trust vouches for the service's certificate.
    CertificateUntrusted,
    /// The service's certificate is not valid now.
    CertificateExpired,
    /// The service's certificate is for another name.
    CertificateName,
    /// The service wants a client certificate, or another one.
    CertificateWanted,
    /// The handshake failed for another reason.
    HandshakeFailed,
    /// This build of linger speaks no TLS.
    NoTls,
    /// The process behind the target is not one that we see.
    ProcessUnknown,
    /// We may not read the memory of the service's process.
    NotPermitted,
    /// The process ended while it was read.
    ProcessGone,
    /// Its program is not one whose memory we understand.
    ProgramUnknown,
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
    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Ok,
        Self::NotSampled,
        Self::Scheduled,
        Self::Waiting,
        Self::Refused,
        Self::NoRoute,
        Self::Unresolved,
        Self::SocketMissing,
        Self::SocketDenied,
        Self::Reset,
        Self::Truncated,
        Self::TimedOut,
        Self::TooLarge,
        Self::TooLargeInflated,
        Self::NoRoom,
        Self::HeadTooLarge,
        Self::Busy,
        Self::Unsupported,
        Self::Unauthorized,
        Self::Forbidden,
        Self::CredentialsUnreadable,
        Self::Redirected,
        Self::WindowTooLong,
        Self::ServerError,
        Self::NotPprof,
        Self::NotHttp,
        Self::SpeaksTls,
        Self::SpeaksPlain,
        Self::CertificateUntrusted,
        Self::CertificateExpired,
        Self::CertificateName,
        Self::CertificateWanted,
        Self::HandshakeFailed,
        Self::NoTls,
        Self::ProcessUnknown,
        Self::NotPermitted,
        Self::ProcessGone,
        Self::ProgramUnknown,
        Self::Held,
        Self::Off,
        Self::Stuck,
        Self::Internal,
    ];

    /// The name shown, in JSON and tables, and the `reason` label of failures.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotSampled => "not sampled",
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting for target",
            Self::Refused => "refused",
            Self::NoRoute => "no route",
            Self::Unresolved => "unresolved",
            Self::SocketMissing => "socket missing",
            Self::SocketDenied => "socket denied",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::TimedOut => "timed out",
            Self::TooLarge => "too large",
            Self::TooLargeInflated => "too large inflated",
            Self::NoRoom => "no room",
            Self::HeadTooLarge => "head too large",
            Self::Busy => "busy",
            Self::Unsupported => "unsupported",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::CredentialsUnreadable => "credentials unreadable",
            Self::Redirected => "redirected",
            Self::WindowTooLong => "window too long",
            Self::ServerError => "server error",
            Self::NotPprof => "not pprof",
            Self::NotHttp => "not http",
            Self::SpeaksTls => "speaks tls",
            Self::SpeaksPlain => "speaks plain http",
            Self::CertificateUntrusted => "certificate untrusted",
            Self::CertificateExpired => "certificate expired",
            Self::CertificateName => "certificate for another name",
            Self::CertificateWanted => "client certificate wanted",
            Self::HandshakeFailed => "tls failed",
            Self::NoTls => "built without tls",
            Self::ProcessUnknown => "process unknown",
            Self::NotPermitted => "not permitted",
            Self::ProcessGone => "process gone",
            Self::ProgramUnknown => "program unknown",
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
        matches!(
            self,
            Self::Refused
                | Self::NoRoute
                | Self::Unresolved
                | Self::SocketMissing
                | Self::SocketDenied
                | Self::Waiting
        )
    }

    /// Whether nothing but the service's TLS stack, or nothing at all, was made to work for it: no cost is counted.
    #[must_use]
    pub fn never_reached_the_handler(&self) -> bool {
        self.is_unreachable()
            || matches!(
                self,
                Self::CredentialsUnreadable
                    | Self::SpeaksTls
                    | Self::SpeaksPlain
                    | Self::CertificateUntrusted
                    | Self::CertificateExpired
                    | Self::CertificateName
                    | Self::CertificateWanted
                    | Self::HandshakeFailed
                    | Self::NoTls
                    | Self::NotHttp
            )
    }

    /// Whether a failed look at the index page means that the rest is not asked for either: nobody is there, whoever
    /// is there cannot keep up, or we have not come to speak with each other at all. An index page that is merely
    /// missing is no such sign.
    #[must_use]
    pub fn spares_the_rest(&self) -> bool {
        self.never_reached_the_handler()
            || matches!(self, Self::Reset | Self::TimedOut | Self::ServerError | Self::HeadTooLarge)
    }

    /// Whether both sides worked for an answer that gave nothing, and would again.
    #[must_use]
    pub fn is_in_vain(&self) -> bool {
        matches!(
            self,
            Self::TimedOut
                | Self::Truncated
                | Self::TooLarge
                | Self::TooLargeInflated
                | Self::HeadTooLarge
                | Self::NotPprof
                | Self::NotHttp
                | Self::ServerError
                | Self::Reset
        )
    }

    /// Whether the process behind the port may have been replaced.
    #[must_use]
    pub fn hints_at_restart(&self) -> bool {
        self.is_unreachable() || matches!(self, Self::Reset)
    }

    /// What the user can do next.
    #[must_use]
    pub fn next_step(&self) -> Option<&'static str> {
        Some(match self {
            Self::Ok | Self::Scheduled | Self::Off | Self::Held => return None,
            Self::NotSampled => "set its sampling rate in the service to see it",
            Self::Waiting => "start the service, or check the URL's host and port; linger keeps trying",
            Self::Refused => "check that the service runs and listens on this address",
            Self::NoRoute => "check the address and this machine's network; in a pod the target is 127.0.0.1",
            Self::Unresolved => "check the host name; in a pod the target is 127.0.0.1",
            Self::SocketMissing => "check the path, and that the service runs and listens there",
            Self::SocketDenied => {
                "give linger's user or group write permission on the socket, and search permission on its folder"
            }
            Self::Reset => "the service may have restarted; see its log when this repeats",
            Self::Truncated => "see the service's log; a proxy or a write timeout may cut answers",
            Self::TimedOut => "raise this collector's timeout, or look why the service answers slowly",
            Self::TooLarge => "raise this collector's body_bytes_max if you trust the service",
            Self::TooLargeInflated => {
                "raise this collector's body_bytes_max if you trust the service: it bounds the inflated body too"
            }
            Self::NoRoom => {
                "large answers of other targets hold linger's memory; it asks again soon by itself"
            }
            Self::HeadTooLarge => "check the port: no Go service answers with such a head",
            Self::Busy => "another profiler runs in the service; linger retries by itself",
            Self::Unsupported => "import _ \"net/http/pprof\" in the service and check the URL's path prefix",
            Self::Unauthorized => {
                "set authorization.credentials_file or basic_auth for this target to what the service accepts"
            }
            Self::Forbidden => {
                "let the service or the proxy before it allow these credentials to read /debug/pprof"
            }
            Self::CredentialsUnreadable => {
                "mend the file named, its path, owner or mode; linger reads it again at each scrape"
            }
            Self::Redirected => "use the URL it points to, if that is the service",
            Self::WindowTooLong => {
                "shorten this collector's window, or raise the service's http.Server.WriteTimeout"
            }
            Self::ServerError => "see the service's log",
            Self::NotPprof => "check the port: something else answers there",
            Self::NotHttp => "check the port: what answers there does not speak HTTP/1",
            Self::SpeaksTls => "write https:// in the target's URL, and name its CA in tls_config.ca_file",
            Self::SpeaksPlain => "write http:// in the target's URL: this port speaks no TLS",
            Self::CertificateUntrusted => "name the CA that signed the certificate in tls_config.ca_file",
            Self::CertificateExpired => {
                "renew the service's certificate, or check the clocks of both machines"
            }
            Self::CertificateName => {
                "use a name of the certificate in the URL, or give it in tls_config.server_name"
            }
            Self::CertificateWanted => {
                "give tls_config.cert_file and key_file a pair whose CA the service trusts"
            }
            Self::HandshakeFailed => {
                "check which versions of TLS the service speaks; linger speaks 1.2 and 1.3"
            }
            Self::NoTls => "use a linger built with the feature tls, or an address with http:// or unix://",
            Self::ProcessUnknown | Self::NotPermitted => {
                "exact counts of pending defers need it: deploy/README.md says how to permit it"
            }
            Self::ProcessGone => "nothing: the next turn reads the process that runs then",
            Self::ProgramUnknown => {
                "exact counts need a Go 1.21 to 1.27 program; without one they stay estimates"
            }
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

/// Text from a target, safe for logs and terminals: what does not print becomes a space, the rest is cut.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out: String =
        text.chars().take(DETAIL_CHARS_MAX).map(|c| if is_invisible(c) { ' ' } else { c }).collect();
    if text.chars().nth(DETAIL_CHARS_MAX).is_some() {
        out.push('…');
    }
    out
}

/// Control characters, and those that change how the text around them is read: Unicode's bidirectional controls
/// (UAX 9, table 1), line and paragraph separators, and characters without width.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{DETAIL_CHARS_MAX, Failure, State};
    use std::collections::BTreeSet;

    #[test]
    fn details_carry_no_escape_sequences_and_an_end() {
        let f = Failure::new(State::NotPprof, format!("\u{1b}[31mred\n\u{2066}{}", "x".repeat(1000)));
        assert!(f.detail.starts_with(" [31mred  x") && f.detail.chars().count() == DETAIL_CHARS_MAX + 1);
    }

    #[test]
    fn every_failure_has_a_name_of_its_own_and_a_next_step() {
        let calm = [State::Ok, State::Scheduled, State::Held, State::Off];
        for s in State::ALL {
            assert_eq!(s.next_step().is_none(), calm.contains(s), "{s}");
        }
        let names: BTreeSet<&str> = State::ALL.iter().map(State::as_str).collect();
        assert_eq!(names.len(), State::ALL.len());
    }

    #[test]
    fn who_was_not_reached_is_not_asked_for_the_rest() {
        for s in State::ALL {
            assert!(s.spares_the_rest() || !s.never_reached_the_handler(), "{s}");
            assert!(s.never_reached_the_handler() || !s.is_unreachable(), "{s}");
        }
        assert!(!State::Unsupported.spares_the_rest() && !State::Unauthorized.spares_the_rest());
    }

    #[test]
    fn that_we_had_no_room_says_nothing_of_the_service() {
        let s = State::NoRoom;
        assert!(!s.is_success() && !s.is_in_vain() && !s.spares_the_rest() && !s.hints_at_restart());
    }
}
