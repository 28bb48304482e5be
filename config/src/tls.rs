//! TLS, as a client of targets and as the server of the API.

use crate::file_path;
use crate::file_path::FileName;
use crate::key::{AnyKey, Describe, Json, Key, Section, object, or_nothing};
use crate::read::{FromText, NotThis, Place};
use crate::report::Report;
use serde::Serialize;
use serde_json::Value;
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

/// The keys of `tls_config:`.
pub(crate) static CLIENT_KEYS: &[&AnyKey] = &[&CA_FILE, &CERT_FILE, &KEY_FILE, &SERVER_NAME, &SKIP_VERIFY];

static CA_FILE: Key<FileName> =
    Key::new("ca_file", "The authorities trusted instead of those of the system, PEM.");
static CERT_FILE: Key<FileName> = Key::new("cert_file", "The certificate linger shows, PEM; needs key_file.");
static KEY_FILE: Key<FileName> = Key::new("key_file", "The key of cert_file, PEM.");
static SERVER_NAME: Key<ServerName> =
    Key::new("server_name", "The name the certificate must be for, where it is not the host of the address.");
static SKIP_VERIFY: Key<bool> = Key::new(
    "insecure_skip_verify",
    "Takes any certificate: whoever is in between can read the secrets sent.",
);

/// The certificate of the API.
pub(crate) static TLS: Section = Section {
    name: "tls",
    about: "The certificate the API shows. Default: none, it speaks plain HTTP.",
    object: || or_nothing(object(SERVER_KEYS, &Value::Null)),
};

static SERVER_KEYS: &[&AnyKey] = &[&SERVER_CERT_FILE, &SERVER_KEY_FILE];
static SERVER_CERT_FILE: Key<FileName> =
    Key::required("cert_file", "The certificate, followed by those between it and an authority, PEM.");
static SERVER_KEY_FILE: Key<FileName> = Key::required("key_file", "The key of cert_file, PEM.");

impl TlsClient {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `tls_config:`.
    pub(crate) fn read(place: Place<'_>, report: &mut Report<'_>) -> Self {
        let Some(fields) = place.fields(CLIENT_KEYS, report) else { return Self::default() };
        let ca_file = file_path::file(&fields, &CA_FILE, report);
        let cert_file = file_path::file(&fields, &CERT_FILE, report);
        let key_file = file_path::file(&fields, &KEY_FILE, report);
        for (given, missing) in [(&CERT_FILE, &KEY_FILE), (&KEY_FILE, &CERT_FILE)] {
            if let (Some(place), None) = (fields.get(given), fields.get(missing)) {
                place
                    .key_at()
                    .fault(report, format!("`{}` without `{}`", given.name(), missing.name()))
                    .label("a certificate is shown together with its key");
            }
        }
        let server_name = fields.value(&SERVER_NAME, report);
        let skip = fields.value(&SKIP_VERIFY, report);
        if let Some(skip) = skip.as_ref().filter(|skip| skip.value) {
            let meaningless: [&AnyKey; 2] = [&CA_FILE, &SERVER_NAME];
            for key in meaningless {
                if fields.get(key).is_some() {
                    let key = key.name();
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
        let fields = place.fields(SERVER_KEYS, report)?;
        let cert_file = file_path::file(&fields, &SERVER_CERT_FILE, report);
        let key_file = file_path::file(&fields, &SERVER_KEY_FILE, report);
        Some(Self { cert_file: cert_file?, key_file: key_file? })
    }
}

struct ServerName(String);

impl FromText for ServerName {
    const EXPECTED: &'static str = "the name in a certificate, such as `api.example.org`";
    const JSON: Json = Json::Form("^[A-Za-z0-9._:-]+$");
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
