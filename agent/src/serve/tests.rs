//! The server over real sockets: a unix socket, TLS, and requests that ask too much.

use super::{Guard, Hosts, Listener, serve};
use axum::Router;
use axum::routing::get;
use linger_config::ListenAddr;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

/// Serves `hello` at `/` on `address`, has `ask` talk to it, and stops.
async fn with<T>(address: &ListenAddr, guard: &Guard, ask: impl AsyncFnOnce(ListenAddr) -> T) -> T {
    let listener = Listener::bind(address, guard).await.unwrap();
    let bound = listener.address().clone();
    let hosts = Hosts::own_on_loopback(&listener);
    let (stop, stopping) = watch::channel(false);
    let router = hosts.guard(Router::new().route("/", get(async || "hello")));
    let serving = tokio::spawn(serve(listener, router, stopping));
    let said = ask(bound).await;
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
    said
}

/// Sends `request` and reads all that comes back.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    // A server that hangs up while we still send resets the connection; what it said before is there.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

fn tcp(address: &ListenAddr) -> std::net::SocketAddr {
    match address {
        ListenAddr::Tcp(address) => *address,
        ListenAddr::Unix(path) => panic!("{} is no port", path.display()),
    }
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[track_caller]
fn check(said: &str, status: &str) {
    assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{said:?}");
}

#[tokio::test]
async fn a_unix_socket_answers_under_any_name_and_is_gone_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sock");
    let said = with(&ListenAddr::Unix(path.clone()), &Guard::Open, async |_| {
        let stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        talk(stream, &ASK.replace("localhost", "whatever")).await
    })
    .await;
    check(&said, "200");
    assert!(said.ends_with("hello") && !path.exists());
}

#[tokio::test]
async fn foreign_names_long_heads_and_other_methods_are_refused() {
    let headers: String = (0..100).map(|i| format!("X-{i}: y\r\n")).collect();
    let requests = [
        (ASK.to_owned(), "200"),
        (ASK.replace("localhost", "evil.example"), "421"),
        (ASK.replace("GET / ", &format!("GET /?{} ", "x".repeat(20_000))), "431"),
        (ASK.replace("\r\n\r\n", &format!("\r\n{headers}\r\n")), "431"),
        (ASK.replace("GET", "POST"), "405"),
        (ASK.replace("GET", "HEAD"), "200"),
    ];
    for (request, status) in requests {
        let said = with(&ListenAddr::loopback(0), &Guard::Open, async |address| {
            talk(tokio::net::TcpStream::connect(tcp(&address)).await.unwrap(), &request).await
        })
        .await;
        check(&said, status);
        assert_eq!(said.ends_with("hello"), status == "200" && request.starts_with("GET"), "{said}");
    }
}

#[tokio::test]
async fn an_api_on_a_network_is_not_even_bound_without_its_guards() {
    let everywhere: ListenAddr = "0.0.0.0:0".parse().unwrap();
    let open = Guard::Api { authenticated: true, tls: None };
    assert!(matches!(Listener::bind(&everywhere, &open).await, Err(super::Refusal::Unguarded(_))));
}

#[cfg(feature = "tls")]
mod over_tls {
    use super::{ASK, check, talk, tcp, with};
    use crate::serve::Guard;
    use linger_config::{ListenAddr, TlsServer};
    use std::sync::Arc;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    fn files(name: &str) -> TlsServer {
        TlsServer {
            cert_file: super::here(&format!("{name}.pem")),
            key_file: super::here(&format!("{name}.key")),
        }
    }

    /// A client that trusts one certificate.
    fn trusting(name: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(files(name).cert_file).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    #[tokio::test]
    async fn who_trusts_the_certificate_is_answered_and_plain_http_is_not() {
        let guard = Guard::Api { authenticated: true, tls: Some(files("first")) };
        let everywhere: ListenAddr = "0.0.0.0:0".parse().unwrap();
        let (right, wrong, plain) = with(&everywhere, &guard, async |address| {
            let port = tcp(&address).port();
            let connect = || TcpStream::connect(("127.0.0.1", port));
            let name = ServerName::try_from("localhost").unwrap();
            let stream = trusting("first").connect(name.clone(), connect().await.unwrap()).await.unwrap();
            let right = talk(stream, ASK).await;
            let wrong = trusting("second").connect(name, connect().await.unwrap()).await.is_err();
            (right, wrong, talk(connect().await.unwrap(), ASK).await)
        })
        .await;
        check(&right, "200");
        assert!(wrong && !plain.contains("HTTP"), "{plain:?}");
    }
}

/// A file beside this one.
fn here(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/tests").join(name)
}
