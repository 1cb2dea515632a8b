//! Owns where clients on this machine connect: a TCP port, or a socket that only this user may open. Never reads
//! what they say.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tracing::warn;

#[cfg(windows)]
use super::named_pipe::SocketListener;
use super::peer;
#[cfg(unix)]
use super::unix_socket::SocketListener;
use crate::error::DebugError;
use crate::request::{Endpoint, Exposed, Listen, Place};

/// How many ports after the wanted one are tried before any free one is taken.
const PORTS_TRIED: u16 = 20;

/// A listener on this machine.
pub(crate) enum LocalListener {
    /// On a TCP port.
    Port(TcpListener, SocketAddr),
    /// On a Unix socket or a named pipe.
    Socket(SocketListener),
    /// Nowhere: clients don't come this way.
    Nowhere(Endpoint),
}

/// The two directions of a client's connection.
pub(crate) struct Ends {
    pub(crate) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(crate) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Ends {
    pub(crate) fn new<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self { reader: Box::new(reader), writer: Box::new(writer) }
    }
}

impl LocalListener {
    /// Listens where `listen` says, or near there; not at all where clients don't come over the link.
    pub(crate) async fn bind(listen: Listen, exposed: &Exposed) -> Result<Self, DebugError> {
        match (listen, exposed) {
            (_, Exposed::Direct { at, .. }) => Ok(Self::Nowhere(Endpoint::There(at.clone()))),
            (_, Exposed::Reverse { at, listen }) => {
                Ok(Self::Nowhere(Endpoint::Client(Place { host: listen.to_string(), port: at.port })))
            }
            (Listen::Socket, Exposed::No) => SocketListener::bind().await.map(Self::Socket),
            (Listen::Port { host, port, exact }, Exposed::No) => {
                let wanted = SocketAddr::new(host, port);
                bind_near(wanted, exact || port == 0).await.map_err(|error| match error.kind() {
                    io::ErrorKind::AddrInUse => DebugError::PortTaken { addr: wanted },
                    _ => DebugError::ListenFailed { addr: wanted, reason: error.to_string() },
                })
            }
        }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self {
            Self::Port(_, address) => Endpoint::Port(*address),
            Self::Socket(listener) => Endpoint::Socket(listener.path()),
            Self::Nowhere(endpoint) => endpoint.clone(),
        }
    }

    /// The next client of this user; strangers are turned away. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Ends> {
        loop {
            let (listener, own) = match self {
                Self::Socket(listener) => match listener.accept().await? {
                    Some(ends) => return Ok(ends),
                    None => continue,
                },
                Self::Port(listener, address) => (listener, *address),
                Self::Nowhere(_) => std::future::pending().await,
            };
            let (stream, peer) = listener.accept().await?;
            if peer::is_a_stranger(peer, stream.local_addr().unwrap_or(own)) {
                warn!(%peer, "a connection of another user was closed");
                continue;
            }
            // Debug messages are small and wait for each other.
            let _ = stream.set_nodelay(true);
            let (reader, writer) = stream.into_split();
            return Ok(Ends::new(reader, writer));
        }
    }
}

async fn bind_near(wanted: SocketAddr, exact: bool) -> io::Result<LocalListener> {
    let mut tried = bind_port(wanted).await;
    if exact {
        return tried;
    }
    for offset in 1..=PORTS_TRIED {
        if !is_taken(&tried) {
            return tried;
        }
        tried = bind_port(SocketAddr::new(wanted.ip(), wanted.port().saturating_add(offset))).await;
    }
    if is_taken(&tried) {
        tried = bind_port(SocketAddr::new(wanted.ip(), 0)).await;
    }
    tried
}

async fn bind_port(address: SocketAddr) -> io::Result<LocalListener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(LocalListener::Port(listener, address))
}

fn is_taken<T>(tried: &io::Result<T>) -> bool {
    matches!(tried, Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}
