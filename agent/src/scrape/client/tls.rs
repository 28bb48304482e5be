//! TLS with targets: rustls with ring, own CA, client certificate, as settings that reqwest takes ready-made.
//!
//! Without `ca_file` the system's bundle is trusted, from the places where Go looks for it; with it nothing else is,
//! as in Prometheus. An empty container has no bundle: that is said by name.

use super::naming;
use super::stranger::Protocol;
use crate::scrape::outcome::{Failure, State};
use crate::small_file::{self, SECRET_BYTES_MAX};
use linger_config::TlsClient;
use reqwest::ClientBuilder;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

/// Largest bundle of authorities: a system's has about 220 KB.
const BUNDLE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Sessions remembered for a target: its two lanes that ask.
const SESSIONS_MAX: usize = 2;
/// Where systems keep their bundle: Go's list (crypto/x509/root_linux.go, Go 1.26), and macOS's.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A client for what needs no TLS. It is given settings all the same, ones that trust nobody: reqwest would otherwise
/// look for a provider and for the system's authorities.
pub(super) fn without(builder: ClientBuilder) -> ClientBuilder {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    // Room for 256 sessions otherwise.
    config.resumption = Resumption::disabled();
    builder.tls_backend_preconfigured(config)
}

/// A client that speaks TLS with a server called `name`, as the files have its settings now.
pub(super) fn with(
    builder: ClientBuilder,
    name: &str,
    settings: &TlsClient,
) -> Result<ClientBuilder, Failure> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    if ServerName::try_from(bare).is_err() {
        return Err(Failure::new(State::CertificateName, format!("{name:?} is no name of a server")));
    }
    let config = load(settings).map_err(|why| Failure::new(State::CredentialsUnreadable, why))?;
    Ok(builder.tls_backend_preconfigured(config))
}

fn load(settings: &TlsClient) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots(settings.ca_file.as_deref())?)
    };
    let mut config = match (&settings.cert_file, &settings.key_file) {
        (Some(cert), Some(key)) => builder
            .with_client_auth_cert(certificates(cert, SECRET_BYTES_MAX)?, private_key(key)?)
            .map_err(|e| format!("{} and {} do not go together: {e}", cert.display(), key.display()))?,
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    Ok(config)
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let bundle = match ca_file {
        Some(path) => path.to_owned(),
        None => system_bundle()
            .ok_or("this system has no bundle of CA certificates; name one in tls_config.ca_file")?,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates(&bundle, BUNDLE_BYTES_MAX)?);
    if added == 0 {
        Err(format!("{}: no certificate in it can be used", bundle.display()))
    } else {
        Ok(roots)
    }
}

/// `SSL_CERT_FILE` (OpenSSL's and Go's), else the first of [`BUNDLES`] that is there.
fn system_bundle() -> Option<PathBuf> {
    match std::env::var_os("SSL_CERT_FILE").filter(|v| !v.is_empty()) {
        Some(path) => Some(path.into()),
        None => BUNDLES.iter().map(PathBuf::from).find(|path| path.is_file()),
    }
}

fn certificates(path: &Path, bytes_max: u64) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = small_file::read(path, bytes_max)?;
    // A parser's message may quote what it read: it is not repeated.
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    if found.is_empty() { Err(format!("{}: no PEM certificate in it", path.display())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = small_file::read(path, SECRET_BYTES_MAX)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| format!("{}: no PEM private key in it", path.display()))
}

/// Whether what came is no TLS.
pub(super) fn is_of_a_stranger(error: &(dyn std::error::Error + 'static)) -> bool {
    naming::found(error).is_some_and(|e| matches!(e, Error::InvalidMessage(_)))
}

/// The name of a fault of TLS, where `error` is one; `first` is what a stranger says first.
pub(super) fn named(error: &(dyn std::error::Error + 'static), first: &[u8]) -> Option<Failure> {
    let tls: &Error = naming::found(error)?;
    let state = match tls {
        Error::InvalidCertificate(why) => of_certificate(why),
        Error::InvalidMessage(_) => {
            return Some(match Protocol::of(first) {
                Protocol::Http1 => {
                    Failure::new(State::SpeaksPlain, "the answer to a TLS handshake is plain HTTP")
                }
                Protocol::Other if first.is_empty() => Failure::new(State::HandshakeFailed, tls.to_string()),
                Protocol::Tls => Failure::new(State::HandshakeFailed, tls.to_string()),
                other => Failure::new(State::NotHttp, other.described(first)),
            });
        }
        Error::AlertReceived(alert) => of_alert(*alert),
        _ => State::HandshakeFailed,
    };
    Some(Failure::new(state, tls.to_string()))
}

fn of_certificate(why: &CertificateError) -> State {
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => State::CertificateExpired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            State::CertificateName
        }
        _ => State::CertificateUntrusted,
    }
}

/// What a server says of our certificate. Go answers `certificate required` to none, `bad certificate` or `unknown
/// certificate authority` to another's (crypto/tls/handshake_server.go, processCertsFromClient, Go 1.26).
fn of_alert(alert: AlertDescription) -> State {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => State::CertificateWanted,
        _ => State::HandshakeFailed,
    }
}

/// `insecure_skip_verify`: whoever holds the key of the certificate shown is believed, whatever the certificate says.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
