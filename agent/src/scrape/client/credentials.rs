//! What a request carries to prove who asks: from files, read for each request.

use crate::scrape::outcome::{Failure, State};
use crate::small_file;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use linger_config::{Access, Credentials, HeaderValue as Configured};

/// Adds the headers and credentials of `access` to `headers`. They replace what stands there.
pub(super) fn add(access: &Access, headers: &mut HeaderMap) -> Result<(), Failure> {
    add_headers(&access.headers, headers)?;
    if let Some(credentials) = &access.credentials {
        headers.insert(AUTHORIZATION, sensitive(&authorization(credentials)?, "authorization")?);
    }
    Ok(())
}

/// Adds headers as they were configured. They replace what stands there.
pub(super) fn add_headers(
    configured: &[(String, Configured)],
    headers: &mut HeaderMap,
) -> Result<(), Failure> {
    for (name, value) in configured {
        let text = match value {
            Configured::Text(text) => text.clone(),
            Configured::File(path) => small_file::read_line(path).map_err(unreadable)?,
        };
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Failure::new(State::Internal, format!("{name:?} is no name of a header")))?;
        headers.insert(name.clone(), sensitive(&text, name.as_str())?);
    }
    Ok(())
}

/// What was sent, for who reads that it was refused: which kind, from which file.
pub(super) fn described(access: &Access) -> Option<String> {
    Some(match access.credentials.as_ref()? {
        Credentials::BearerFile(path) => format!("the token of {}", path.display()),
        Credentials::Basic { username, password_file } => {
            format!("user {username} and the password of {}", password_file.display())
        }
    })
}

/// RFC 6750, 2.1 and RFC 7617, 2.
fn authorization(credentials: &Credentials) -> Result<String, Failure> {
    match credentials {
        Credentials::BearerFile(path) => {
            Ok(format!("Bearer {}", small_file::read_line(path).map_err(unreadable)?))
        }
        Credentials::Basic { username, password_file } => {
            let password = small_file::read_line(password_file).map_err(unreadable)?;
            Ok(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
        }
    }
}

fn unreadable(why: String) -> Failure {
    Failure::new(State::CredentialsUnreadable, why)
}

/// A value that no Debug output shows and no header compression indexes.
fn sensitive(text: &str, name: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Failure::new(State::Internal, format!("the value of {name} is no value of a header")))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::{add, described};
    use crate::scrape::outcome::State;
    use http::header::{AUTHORIZATION, HeaderMap};
    use linger_config::{Access, Credentials, HeaderValue};

    fn added(access: &Access) -> HeaderMap {
        let mut headers = HeaderMap::new();
        add(access, &mut headers).unwrap();
        headers
    }

    #[test]
    fn a_rotated_token_is_sent_at_once_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let access = Access { credentials: Some(Credentials::BearerFile(path.clone())), ..Access::default() };
        for token in ["first-token", "second-token"] {
            std::fs::write(&path, format!("{token}\n")).unwrap();
            let headers = added(&access);
            assert_eq!(headers[AUTHORIZATION], format!("Bearer {token}"));
            assert!(!format!("{headers:?}").contains(token), "{headers:?}");
        }
        assert_eq!(described(&access), Some(format!("the token of {}", path.display())));
        std::fs::remove_file(&path).unwrap();
        let failure = add(&access, &mut HeaderMap::new()).unwrap_err();
        assert_eq!(failure.state, State::CredentialsUnreadable);
        assert_eq!(failure.detail, format!("{}: no such file", path.display()));
    }

    #[test]
    fn basic_and_other_headers_come_from_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let (password_file, tenant) = (folder.path().join("password"), folder.path().join("tenant"));
        std::fs::write(&password_file, "open sesame").unwrap();
        std::fs::write(&tenant, "team-b").unwrap();
        let access = Access {
            credentials: Some(Credentials::Basic { username: "Aladdin".into(), password_file }),
            headers: vec![
                ("X-Scope-OrgID".into(), HeaderValue::Text("team-a".into())),
                ("X-Tenant".into(), HeaderValue::File(tenant)),
            ],
            ..Access::default()
        };
        let headers = added(&access);
        // The example of RFC 7617, 2.
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(
            (&headers["x-scope-orgid"], &headers["x-tenant"]),
            (&"team-a".parse().unwrap(), &"team-b".parse().unwrap())
        );
        assert!(!format!("{headers:?}").contains("team"), "{headers:?}");
    }
}
