//! How a service lets linger in: credentials, headers and TLS, in Prometheus' words.
//!
//! Secrets are never written in a configuration: it names the files that hold them. What contradicts itself is a
//! fault, since whichever half were obeyed, somebody would believe the other.

use crate::credentials::{AUTHORIZATION, BASIC_AUTH, Credentials};
use crate::header::{self, HeaderValue};
use crate::key::{AnyKey, Section, Shaped, object, or_nothing};
use crate::read::Fields;
use crate::report::Report;
use crate::tls::{CLIENT_KEYS, TlsClient};
use crate::{Scheme, TargetUrl};
use serde::{Serialize, Serializer};

/// How a service lets linger in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Who linger says it is.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Headers sent with each request beside linger's own, as they were written; each name once.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    pub headers: Vec<(String, HeaderValue)>,
    /// Whom linger trusts, and the certificate it shows; only of use for `https`.
    #[serde(rename = "tls_config", skip_serializing_if = "TlsClient::is_default")]
    pub tls: TlsClient,
}

/// The keys of a mapping that say how a service lets linger in.
pub(crate) static KEYS: [&AnyKey; 4] = [&AUTHORIZATION, &BASIC_AUTH, &HEADERS, &TLS_CONFIG];

static HEADERS: Shaped = Shaped {
    name: "headers",
    about: "Headers sent with each request beside linger's own; a secret as {file: FILE}.",
    required: false,
    shape: header::schema,
};

/// How TLS is spoken to a target.
pub(crate) static TLS_CONFIG: Section = Section {
    name: "tls_config",
    about: "Whom linger trusts and the certificate it shows, for addresses with https.",
    object: || {
        or_nothing(object(CLIENT_KEYS, &serde_json::to_value(TlsClient::default()).unwrap_or_default()))
    },
};

impl Access {
    /// Reads the keys of `fields` that say how a service lets linger in.
    pub(crate) fn read(fields: &Fields<'_>, report: &mut Report<'_>) -> Self {
        let credentials = Credentials::read(fields, report);
        let headers = fields.get(&HEADERS).map(|place| header::read_all(place, report)).unwrap_or_default();
        let tls = fields.get(&TLS_CONFIG).map(|place| TlsClient::read(place, report)).unwrap_or_default();
        let both = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        if both
            && credentials.is_some()
            && let Some(place) = fields.get(&HEADERS)
        {
            place
                .key_at()
                .fault(report, "credentials and an `Authorization` header")
                .label("a request carries one of them");
        }
        Self { credentials, headers, tls }
    }

    /// Faults between the address of a target and how it is said to let linger in.
    pub(crate) fn judge(fields: &Fields<'_>, url: &TargetUrl, report: &mut Report<'_>) {
        if url.scheme() != Scheme::Https
            && let Some(place) = fields.get(&TLS_CONFIG).filter(|place| !place.is_null())
        {
            place
                .key_at()
                .fault(report, "`tls_config` for a target without TLS")
                .label("the address begins with `https://` where TLS is spoken");
        }
    }
}

/// Writes headers as a mapping.
pub(crate) fn as_map<S: Serializer>(
    headers: &[(String, HeaderValue)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}
