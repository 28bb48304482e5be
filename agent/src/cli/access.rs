//! The options that say who asks and whom it believes: the same for an agent as for a service.

use super::failure::Failure;
use clap::Args;
use linger_config::{Access, Credentials, HeaderValue, TlsClient};
use std::path::PathBuf;

const HEADING: &str = "Access";

/// Who asks, and whom it believes. Secrets come from files alone: arguments are seen by everybody on the machine.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct AccessArgs {
    /// File with the bearer token to send
    #[arg(long, value_name = "FILE", conflicts_with = "user", help_heading = HEADING)]
    token_file: Option<PathBuf>,
    /// User of basic authentication
    #[arg(long, value_name = "NAME", requires = "password_file", value_parser = user, help_heading = HEADING)]
    user: Option<String>,
    /// File with the password of --user
    #[arg(long, value_name = "FILE", requires = "user", help_heading = HEADING)]
    password_file: Option<PathBuf>,
    /// File with the CA to believe instead of the system's (PEM), for https
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    ca_file: Option<PathBuf>,
    /// File with the client certificate to show (PEM), for https
    #[arg(long, value_name = "FILE", requires = "key_file", help_heading = HEADING)]
    cert_file: Option<PathBuf>,
    /// File with the key of --cert-file (PEM)
    #[arg(long, value_name = "FILE", requires = "cert_file", help_heading = HEADING)]
    key_file: Option<PathBuf>,
}

/// What only `linger scrape` takes beside [`AccessArgs`].
#[derive(Clone, Debug, Default, Args)]
pub(super) struct TargetAccessArgs {
    #[command(flatten)]
    access: AccessArgs,
    /// Header to send, with its value from a file; may be given more than once
    #[arg(long = "header-file", value_name = "NAME=FILE", value_parser = header, help_heading = HEADING)]
    headers: Vec<(String, PathBuf)>,
    /// Name the certificate must be for, where it is not the URL's host
    #[arg(long, value_name = "NAME", help_heading = HEADING)]
    server_name: Option<String>,
    /// Believe any certificate: whoever answers is taken for the service
    #[arg(long, conflicts_with_all = ["ca_file", "server_name"], help_heading = HEADING)]
    insecure_skip_verify: bool,
}

impl AccessArgs {
    /// Where no credentials are given, those of `token_file`.
    pub(super) fn access(&self, token_file: Option<PathBuf>) -> Access {
        let basic = self.user.clone().zip(self.password_file.clone());
        let basic = basic.map(|(username, password_file)| Credentials::Basic { username, password_file });
        let token = self.token_file.clone().map(Credentials::BearerFile);
        Access {
            credentials: basic.or(token).or(token_file.map(Credentials::BearerFile)),
            headers: Vec::new(),
            tls: TlsClient {
                ca_file: self.ca_file.clone(),
                cert_file: self.cert_file.clone(),
                key_file: self.key_file.clone(),
                ..TlsClient::default()
            },
        }
    }
}

impl TargetAccessArgs {
    /// The access to an agent, which takes no other headers.
    pub(super) fn to_agent(&self, token_file: Option<PathBuf>) -> Access {
        self.access.access(token_file)
    }

    /// The access to the service at `url`.
    pub(super) fn access(&self, url: &linger_config::TargetUrl) -> Result<Access, Failure> {
        let mut access = self.access.access(None);
        access.headers =
            self.headers.iter().map(|(n, f)| (n.clone(), HeaderValue::File(f.clone()))).collect();
        access.tls.server_name.clone_from(&self.server_name);
        access.tls.insecure_skip_verify = self.insecure_skip_verify;
        if url.scheme() != linger_config::Scheme::Https && access.tls != TlsClient::default() {
            return Err(Failure::usage(format!("{url} speaks no TLS, but options of TLS are given"))
                .hint("the address begins with https:// where TLS is spoken"));
        }
        Ok(access)
    }
}

/// RFC 7617, 2: what follows the first colon would be the password.
fn user(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a name is missing".into()),
        _ if text.contains(':') || text.chars().any(char::is_control) => Err("no colon in it".into()),
        _ => Ok(text.to_owned()),
    }
}

fn header(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !file.is_empty() => {
            linger_config::check_header_name(name)
                .map_err(|why| format!("{name:?} cannot be a header: {why}"))?;
            Ok((name.to_owned(), file.into()))
        }
        _ => Err("write NAME=FILE, as X-Scope-OrgID=/run/secrets/tenant".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::header;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        match (header(text), expected) {
            (Ok((name, file)), Ok((n, f))) => assert_eq!((&*name, file.to_str().unwrap()), (n, f)),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (got, expected) => panic!("{got:?}, not {expected:?}"),
        }
    }

    #[test]
    fn a_look_refuses_the_headers_that_a_configuration_refuses() {
        check("X-Scope-OrgID=/run/tenant", Ok(("X-Scope-OrgID", "/run/tenant")));
        check("Host=/run/host", Ok(("Host", "/run/host")));
        check("X-A", Err("NAME=FILE"));
        check("X-A=", Err("NAME=FILE"));
        check("a b=/f", Err("cannot be a header"));
        check("Accept-Encoding=/f", Err("linger sets it itself"));
        check("range=/f", Err("tells something false"));
    }
}
