//! A bound listener of either kind, with TLS on it where that was configured.

use super::address::{Guard, Refusal};
use super::socket_file::SocketFile;
#[cfg(feature = "tls")]
use super::tls::Tls;
use linger_config::ListenAddr;
use std::fmt;
use std::io::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    address: ListenAddr,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    /// The file goes with the listener.
    Unix(UnixListener, #[expect(dead_code, reason = "held until the listener is dropped")] SocketFile),
}

impl Listener {
    /// Listens at `address`, if `guard` suffices there.
    ///
    /// # Errors
    /// What is missing, or what the system says.
    pub async fn bind(address: &ListenAddr, guard: &Guard) -> Result<Self, Refusal> {
        guard.check(address)?;
        #[cfg(feature = "tls")]
        let tls = guard.tls().map(Tls::open).transpose()?;
        #[cfg(not(feature = "tls"))]
        if guard.tls().is_some() {
            return Err(Refusal::Tls("this build of linger speaks no TLS".to_owned()));
        }
        let fail = |e| Refusal::Bind(address.clone(), e);
        let (socket, address) = match address {
            ListenAddr::Tcp(tcp) => {
                let socket = TcpListener::bind(tcp).await.map_err(fail)?;
                let bound = ListenAddr::Tcp(socket.local_addr().map_err(fail)?);
                (Socket::Tcp(socket), bound)
            }
            ListenAddr::Unix(path) => {
                let (socket, file) = SocketFile::bind(path)?;
                (Socket::Unix(UnixListener::from_std(socket).map_err(fail)?, file), address.clone())
            }
        };
        Ok(Self {
            socket,
            address,
            #[cfg(feature = "tls")]
            tls,
        })
    }

    /// Where it listens: of port 0, the one the system chose.
    #[must_use]
    pub fn address(&self) -> &ListenAddr {
        &self.address
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The URL clients on this machine ask: `https://127.0.0.1:6262`, `unix:///run/linger.sock`.
    #[must_use]
    pub fn url(&self) -> String {
        match (&self.address, self.speaks_tls()) {
            (ListenAddr::Unix(_), _) => self.address.to_string(),
            (ListenAddr::Tcp(address), true) => format!("https://{address}"),
            (ListenAddr::Tcp(address), false) => format!("http://{address}"),
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> Result<Accepted, Error> {
        let plain: Stream = match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, _) = socket.accept().await?;
                // Answers are written whole: waiting for more to send only delays them.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Socket::Unix(socket, _) => Box::new(socket.accept().await?.0),
        };
        Ok(Accepted {
            plain,
            #[cfg(feature = "tls")]
            tls: self.tls.as_ref().map(|tls| tls.acceptor(std::time::Instant::now())),
        })
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// A connection before its handshake.
pub(super) struct Accepted {
    plain: Stream,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Accepted {
    /// The connection, ready for HTTP.
    pub(super) async fn shaken_hands(self) -> Result<Stream, Error> {
        #[cfg(feature = "tls")]
        if let Some(acceptor) = self.tls {
            return Ok(Box::new(acceptor.accept(self.plain).await?));
        }
        Ok(self.plain)
    }
}

/// Bytes both ways, over whatever was accepted.
pub(super) type Stream = Box<dyn Duplex>;

/// What a connection can do.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}
