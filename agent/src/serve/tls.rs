//! TLS for the API: rustls with ring, and a certificate that may be exchanged while the agent runs.
//!
//! The two files are looked at when a connection comes, at most once a second; a pair that cannot be used (a renewal
//! caught half way) is refused by name, and the one in force stays. Clients show no certificate: they have credentials.

use super::Refusal;
use crate::small_file;
use linger_config::TlsServer;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of each file: a chain of ten large certificates.
const PEM_BYTES_MAX: u64 = 128 * 1024;

/// A certificate in force.
pub(super) struct Tls {
    files: TlsServer,
    force: Mutex<Force>,
}

struct Force {
    config: Arc<ServerConfig>,
    /// The files that were read last, usable or not.
    seen: Stamps,
    looked: Instant,
}

/// Modification time and size of both files; a secret volume of Kubernetes exchanges the files themselves.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads the files.
    pub(super) fn open(files: &TlsServer) -> Result<Self, Refusal> {
        let seen = stamps(files);
        let config = Arc::new(read(files).map_err(Refusal::Tls)?);
        let force = Mutex::new(Force { config, seen, looked: Instant::now() });
        Ok(Self { files: files.clone(), force })
    }

    /// What greets the next client.
    pub(super) fn acceptor(&self, now: Instant) -> TlsAcceptor {
        let mut force = self.force.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(force.looked) >= LOOK_EVERY {
            force.looked = now;
            self.renew(&mut force);
        }
        TlsAcceptor::from(force.config.clone())
    }

    fn renew(&self, force: &mut Force) {
        let there = stamps(&self.files);
        if there == force.seen {
            return;
        }
        force.seen = there;
        match read(&self.files) {
            Ok(config) => {
                force.config = Arc::new(config);
                tracing::info!(cert = %self.files.cert_file.display(), "the API shows a new certificate");
            }
            Err(why) => tracing::error!("the former certificate stays in force: {why}"),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

fn stamps(files: &TlsServer) -> Stamps {
    [&files.cert_file, &files.key_file].map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

fn read(files: &TlsServer) -> Result<ServerConfig, String> {
    let (cert, key) = (&files.cert_file, &files.key_file);
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(&small_file::read(cert, PEM_BYTES_MAX)?).collect();
    let chain = chain.map_err(|e| format!("{}: {e}", cert.display()))?;
    if chain.is_empty() {
        return Err(format!("{} holds no certificate in PEM", cert.display()));
    }
    let private = PrivateKeyDer::from_pem_slice(&small_file::read(key, PEM_BYTES_MAX)?)
        .map_err(|e| format!("{} holds no private key in PEM: {e}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|e| format!("{} and {} cannot be used together: {e}", cert.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::{LOOK_EVERY, Tls};
    use linger_config::TlsServer;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Instant;

    /// Puts a file of the tests' certificates at `to`, with another time than before.
    fn put(name: &str, to: &Path) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/tests").join(name);
        std::fs::copy(from, to).unwrap();
    }

    #[test]
    fn a_renewed_pair_comes_into_force_and_half_of_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            TlsServer { cert_file: folder.path().join("tls.crt"), key_file: folder.path().join("tls.key") };
        assert!(Tls::open(&files).is_err());
        put("first.pem", &files.cert_file);
        put("first.key", &files.key_file);
        let tls = Tls::open(&files).unwrap();
        let first = tls.acceptor(Instant::now()).config().clone();
        let later = |turns| Instant::now() + LOOK_EVERY * turns;
        put("second.pem", &files.cert_file);
        assert!(Arc::ptr_eq(&first, tls.acceptor(later(2)).config()), "a certificate without its key");
        put("second.key", &files.key_file);
        let second = tls.acceptor(later(4)).config().clone();
        assert!(!Arc::ptr_eq(&first, &second), "the new pair");
        std::fs::remove_file(&files.key_file).unwrap();
        assert!(Arc::ptr_eq(&second, tls.acceptor(later(6)).config()), "no key any more");
    }
}
