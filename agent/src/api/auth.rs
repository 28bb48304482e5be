//! Who may ask the API: whoever shows the bearer token, or the user and password, that stands in a file.
//!
//! The file is read again when it is older than [`READ_EVERY`] in memory, so a secret can be exchanged while the agent
//! runs. A file that is missing, empty or too large lets nobody in. What is compared is compared in constant time for
//! its length; neither secret nor attempt ever reaches a log.

use crate::exposition::Vitals;
use crate::small_file::{self, Aside};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use linger_config::Credentials;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use tokio::sync::Mutex;

/// A secret in memory is read again after this long.
const READ_EVERY: Duration = Duration::from_secs(1);
/// Refused requests are told in the log at the first and then at each of so many: whoever guesses must not fill it.
const TOLD_EVERY: u64 = 100;

/// Whom the API lets in.
#[derive(Debug)]
pub(super) struct Auth {
    scheme: Scheme,
    file: PathBuf,
    secret: Mutex<Option<Held>>,
    aside: Aside,
    vitals: Arc<Vitals>,
}

#[derive(Debug)]
enum Scheme {
    Bearer,
    Basic { username: String },
}

/// What the file said.
struct Held {
    /// What stands behind the scheme in a right `Authorization`; none when nobody is let in.
    expected: Option<Vec<u8>>,
    read: Instant,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held { .. }")
    }
}

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Let in.
    Right,
    /// None, or others.
    Wrong,
    /// The agent does not know the right ones.
    Unknown,
}

impl Auth {
    /// As configured.
    pub(super) fn new(credentials: &Credentials, vitals: Arc<Vitals>) -> Self {
        let (scheme, file) = match credentials {
            Credentials::BearerFile(file) => (Scheme::Bearer, file),
            Credentials::Basic { username, password_file } => {
                (Scheme::Basic { username: username.clone() }, password_file)
            }
        };
        Self { scheme, file: file.clone(), secret: Mutex::new(None), aside: Aside::default(), vitals }
    }

    /// Reads the secret, so that a missing file is said at the start and not at the first question.
    pub(super) async fn look(&self) {
        self.expected(Instant::now()).await;
    }

    /// Judges the credentials of a request.
    pub(super) async fn judge(&self, headers: &HeaderMap, now: Instant) -> Verdict {
        let Some(expected) = self.expected(now).await else { return Verdict::Unknown };
        let shown = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let at = shown.iter().position(|b| *b == b' ').unwrap_or(shown.len());
        let (scheme, shown) = shown.split_at(at);
        let right = scheme.eq_ignore_ascii_case(self.scheme_word().as_bytes())
            && bool::from(shown.trim_ascii().ct_eq(&expected));
        if right {
            return Verdict::Right;
        }
        let so_far = self.vitals.refused();
        if so_far % TOLD_EVERY == 1 {
            tracing::warn!(so_far, "a request to the API without the right credentials was refused");
        }
        Verdict::Wrong
    }

    /// The value of `WWW-Authenticate`.
    pub(super) fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static(match self.scheme {
            Scheme::Bearer => "Bearer realm=\"linger\"",
            Scheme::Basic { .. } => "Basic realm=\"linger\", charset=\"UTF-8\"",
        })
    }

    fn scheme_word(&self) -> &'static str {
        match self.scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Basic { .. } => "Basic",
        }
    }

    async fn expected(&self, now: Instant) -> Option<Vec<u8>> {
        let mut held = self.secret.lock().await;
        if let Some(held) = held.as_ref().filter(|h| now.saturating_duration_since(h.read) < READ_EVERY) {
            return held.expected.clone();
        }
        let file = self.file.clone();
        let read = self.aside.run(move || small_file::read_line(&file)).await.and_then(|read| read);
        let was_known = held.as_ref().map(|h| h.expected.is_some());
        match &read {
            Err(why) if was_known != Some(false) => {
                tracing::error!(file = %self.file.display(), "the API refuses everybody: its credentials cannot be read: {why}");
            }
            Ok(_) if was_known == Some(false) => tracing::info!("the API's credentials can be read again"),
            _ => {}
        }
        self.vitals.credentials_readable(read.is_ok());
        let expected = read.ok().map(|secret| match &self.scheme {
            Scheme::Bearer => secret.into_bytes(),
            Scheme::Basic { username } => STANDARD.encode(format!("{username}:{secret}")).into_bytes(),
        });
        *held = Some(Held { expected: expected.clone(), read: now });
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::{Auth, READ_EVERY, Verdict};
    use crate::exposition::Vitals;
    use axum::http::{HeaderMap, HeaderValue, header};
    use linger_config::Credentials;
    use linger_series::TimeMs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Instant;

    fn judge(auth: &Auth, authorization: &str, now: Instant) -> Verdict {
        let mut headers = HeaderMap::new();
        if !authorization.is_empty() {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(auth.judge(&headers, now))
    }

    fn auth(credentials: &Credentials) -> Auth {
        Auth::new(credentials, Arc::new(Vitals::new(TimeMs(0))))
    }

    #[track_caller]
    fn check(file: &Path, secret: &[u8], basic: bool, authorization: &str, expected: Verdict) {
        std::fs::write(file, secret).unwrap();
        let credentials = if basic {
            Credentials::Basic { username: "ops".into(), password_file: file.into() }
        } else {
            Credentials::BearerFile(file.into())
        };
        assert_eq!(
            judge(&auth(&credentials), authorization, Instant::now()),
            expected,
            "{authorization:?} for {secret:?}"
        );
    }

    #[test]
    fn only_the_secret_of_the_file_is_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for right in ["Bearer s3cret", "bearer s3cret", "BEARER  s3cret "] {
            check(&file, b"s3cret\n", false, right, Verdict::Right);
        }
        for wrong in ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "s3cret", "Basic s3cret"] {
            check(&file, b"s3cret\n", false, wrong, Verdict::Wrong);
        }
        // printf 'ops:pass word' | base64
        check(&file, b"pass word\r\n", true, "Basic b3BzOnBhc3Mgd29yZA==", Verdict::Right);
        check(&file, b"pass word", true, "Basic b3BzOnBhc3Mgd29yZQ==", Verdict::Wrong);
        check(&file, b"pass word", true, "Bearer pass word", Verdict::Wrong);
        for nothing in [&b""[..], b"\n", &[b'x'; 70_000]] {
            check(&file, nothing, false, "Bearer ", Verdict::Unknown);
            check(&file, nothing, true, "Basic b3BzOg==", Verdict::Unknown);
        }
    }

    #[test]
    fn an_exchanged_secret_counts_from_then_on_and_a_removed_one_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "old").unwrap();
        let auth = auth(&Credentials::BearerFile(file.clone()));
        let start = Instant::now();
        assert_eq!(judge(&auth, "Bearer old", start), Verdict::Right);
        std::fs::write(&file, "new").unwrap();
        let later = start + READ_EVERY * 2;
        assert_eq!(judge(&auth, "Bearer old", later), Verdict::Wrong);
        assert_eq!(judge(&auth, "Bearer new", later), Verdict::Right);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(judge(&auth, "Bearer new", later + READ_EVERY * 2), Verdict::Unknown);
        std::fs::write(&file, "new").unwrap();
        assert_eq!(judge(&auth, "Bearer new", later + READ_EVERY * 4), Verdict::Right);
        assert!(!format!("{auth:?}").contains("new"));
    }
}
