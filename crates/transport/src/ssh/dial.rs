//! Owns the way to the SSH server: its addresses, or the program that stands in between. Never
//! speaks SSH.

mod proxy;

use std::future::Future;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::options::{AddressFamily, Options};
use crate::child::Kept;
use crate::{Phase, TransportError};
pub(super) use proxy::blame_proxy;

/// Long enough for two lost SYN packets (1 s and 2 s later) and a slow VPN, short enough to be told.
/// `ConnectTimeout` overrides it.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection on which the server is expected to speak SSH.
pub(super) struct Route {
    pub(super) stream: Stream,
    /// The program in between, and its name.
    pub(super) proxy: Option<Proxy>,
}

/// A program between us and the server.
pub(super) struct Proxy {
    /// What was run.
    pub(super) command: String,
    kept: Kept,
}

impl Proxy {
    /// What keeps the program alive.
    pub(super) fn hold(&self) -> crate::child::Hold {
        self.kept.hold.clone()
    }
}

/// A socket that libssh2 can work with.
pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Ends both directions, for every clone.
    pub(super) fn shutdown(&self) {
        // It fails only when the other side was faster.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

#[cfg(unix)]
mod source {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    use super::Stream;

    impl AsFd for Stream {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match self {
                Self::Tcp(stream) => stream.as_fd(),
                Self::Unix(stream) => stream.as_fd(),
            }
        }
    }

    impl AsRawFd for Stream {
        fn as_raw_fd(&self) -> RawFd {
            self.as_fd().as_raw_fd()
        }
    }
}

#[cfg(windows)]
mod source {
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    use super::Stream;

    impl AsSocket for Stream {
        fn as_socket(&self) -> BorrowedSocket<'_> {
            match self {
                Self::Tcp(stream) => stream.as_socket(),
            }
        }
    }

    impl AsRawSocket for Stream {
        fn as_raw_socket(&self) -> RawSocket {
            self.as_socket().as_raw_socket()
        }
    }
}

/// Finds a way to the host.
pub(super) async fn dial(options: &Options) -> Result<Route, TransportError> {
    if let Some(command) = proxy::command(options) {
        return proxy::start(command, options);
    }
    let stream = Stream::Tcp(tcp(options).await?);
    Ok(Route { stream, proxy: None })
}

/// Tries every address in the resolver's order; the last failure counts.
async fn tcp(options: &Options) -> Result<TcpStream, TransportError> {
    let (host, port) = (&options.hostname, options.port);
    let limit = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
    let unknown = |reason: String| TransportError::UnknownHost { host: host.clone(), reason };
    let timed_out = || TransportError::TimedOut { host: host.clone(), port, after: limit, phase: Phase::Connect };
    let found = within(limit, tokio::net::lookup_host((host.as_str(), port))).await.ok_or_else(timed_out)?;
    let addresses = found.map_err(|error| unknown(error.to_string()))?.filter(|address| match options.family {
        AddressFamily::Any => true,
        AddressFamily::Inet => address.is_ipv4(),
        AddressFamily::Inet6 => address.is_ipv6(),
    });
    let mut failure = unknown("no address of the wanted family".to_owned());
    for address in addresses {
        failure = match within(limit, connect(address)).await {
            Some(Ok(stream)) => return Ok(stream),
            None => timed_out(),
            Some(Err(error)) => match error.kind() {
                io::ErrorKind::ConnectionRefused => TransportError::Refused { host: host.clone(), port },
                io::ErrorKind::TimedOut => timed_out(),
                _ => TransportError::Unreachable { host: host.clone(), port, reason: error.to_string() },
            },
        };
    }
    Err(failure)
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    timeout(limit, work).await.ok()
}

/// Connects without Nagle's delay: a frame that waits for an acknowledgement costs 40 ms.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_keepalive(true)?;
    socket.set_nodelay(true)?;
    let stream = socket.connect(address).await?.into_std()?;
    // libssh2 expects a blocking socket and switches it over by itself.
    stream.set_nonblocking(false)?;
    Ok(stream)
}
