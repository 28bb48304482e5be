//! TLS, as a client of targets and as the server of the API.

use crate::file_path;
use crate::read::{FromText, NotThis, Place};
use crate::report::Report;
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;

/// Whom linger trusts and the certificate it shows. All files are PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TlsClient {
    /// The authorities that may have signed the service's certificate, instead of those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The certificate linger shows; given together with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// The key of that certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// The name the service's certificate must be for, where it is not the host of its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Whether any certificate will do.
    pub insecure_skip_verify: bool,
}

/// The certificate the API shows, and its key. Both files are PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsServer {
    /// The certificate, followed by those between it and an authority.
    pub cert_file: PathBuf,
    /// Its key.
    pub key_file: PathBuf,
}

const CLIENT_KEYS: &[&str] = &["ca_file", "cert_file", "key_file", "server_name", "insecure_skip_verify"];

impl TlsClient {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `tls_config:`.
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let Some(fields) = place.fields(CLIENT_KEYS, report) else { return Self::default() };
        let ca_file = file_path::file(&fields, "ca_file", report);
        let cert_file = file_path::file(&fields, "cert_file", report);
        let key_file = file_path::file(&fields, "key_file", report);
        let pair = [("cert_file", "key_file"), ("key_file", "cert_file")];
        for (given, missing) in pair {
            if let (Some(place), None) = (fields.get(given), fields.get(missing)) {
                place
                    .key_at()
                    .fault(report, format!("`{given}` without `{missing}`"))
                    .label("a certificate is shown together with its key");
            }
        }
        let server_name = fields.value::<ServerName>("server_name", report);
        let skip = fields.value::<bool>("insecure_skip_verify", report);
        if let Some(skip) = skip.as_ref().filter(|skip| skip.value) {
            for key in ["ca_file", "server_name"] {
                if fields.get(key).is_some() {
                    skip.at
                        .fault(report, format!("`insecure_skip_verify` and `{key}`"))
                        .label(format!("nothing is verified, so `{key}` would mean nothing"));
                }
            }
        }
        Self {
            ca_file,
            cert_file,
            key_file,
            server_name: server_name.map(|name| name.value.0),
            insecure_skip_verify: skip.is_some_and(|skip| skip.value),
        }
    }
}

impl TlsServer {
    /// Reads `tls:`.
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Option<Self> {
        if place.is_null() {
            return None;
        }
        let fields = place.fields(&["cert_file", "key_file"], report)?;
        let cert_file = file_path::required_file(&fields, "cert_file", report);
        let key_file = file_path::required_file(&fields, "key_file", report);
        Some(Self { cert_file: cert_file?, key_file: key_file? })
    }
}

struct ServerName(String);

impl FromText for ServerName {
    const EXPECTED: &'static str = "the name in a certificate, such as `api.example.org`";
    fn from_text(text: &str) -> Result<Self, NotThis> {
        // Longest name in DNS: RFC 1035, 2.3.4.
        let name = (1..=253).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if name || text.parse::<IpAddr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotThis::new(Self::EXPECTED, "a host name or an IP address, without a port"))
        }
    }
}
