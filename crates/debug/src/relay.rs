//! Owns the road from a debug client here to the debugger's socket there. Bytes pass unchanged; what is
//! seen of them is told, never acted on.

mod observer;
mod peer;

use std::io;
use std::net::SocketAddr;

use remora_agent::{Address, Link};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::error::DebugError;
use crate::request::Listen;
use observer::Observer;

/// How many ports after the wanted one are tried before any free one is taken.
const PORTS_TRIED: u16 = 20;

/// As much as is read at once; a debugger's answers are rarely longer.
const PORTION: usize = 64 * 1024;

/// What happened at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayEvent {
    /// A client connected, and the debugger accepted it.
    ClientConnected,
    /// A client's connection ended.
    ClientGone,
    /// A client asked for the program's end.
    EndAsked,
}

/// A listener on this machine that no client is served from yet.
pub(crate) struct LocalListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl LocalListener {
    /// Listens where `listen` says, or near there.
    pub(crate) async fn bind(listen: Listen) -> Result<Self, DebugError> {
        let wanted = SocketAddr::new(listen.host, listen.port);
        let mut tried = bind(wanted).await;
        if !listen.exact && listen.port != 0 {
            for offset in 1..=PORTS_TRIED {
                if !is_taken(&tried) {
                    break;
                }
                tried = bind(SocketAddr::new(listen.host, listen.port.saturating_add(offset))).await;
            }
            if is_taken(&tried) {
                tried = bind(SocketAddr::new(listen.host, 0)).await;
            }
        }
        tried.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => DebugError::PortTaken { addr: wanted },
            _ => DebugError::ListenFailed { addr: wanted, reason: error.to_string() },
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn bind(address: SocketAddr) -> io::Result<LocalListener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(LocalListener { listener, address })
}

fn is_taken<T>(tried: &io::Result<T>) -> bool {
    matches!(tried, Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

/// Serves clients until it is dropped, which cuts them all.
pub(crate) struct Relay {
    /// Cuts on drop.
    _tasks: JoinSet<()>,
    connected: watch::Receiver<usize>,
    stop_accepting: watch::Sender<bool>,
}

impl Relay {
    /// Leads every connection to `address` there.
    pub(crate) fn serve(
        local: LocalListener,
        link: Link,
        address: Address,
        events: mpsc::UnboundedSender<RelayEvent>,
    ) -> Self {
        let (count, connected) = watch::channel(0);
        let (stop_accepting, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(local.listener, Road { link, address, events, count }, stopped));
        Self { _tasks: tasks, connected, stop_accepting }
    }

    /// Takes no more clients and waits until those that are there have gone.
    pub(crate) async fn drained(&mut self) {
        self.stop_accepting.send_replace(true);
        // An error means that the accepting task has ended, and its connections with it.
        let _ = self.connected.wait_for(|&count| count == 0).await;
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Road {
    link: Link,
    address: Address,
    events: mpsc::UnboundedSender<RelayEvent>,
    count: watch::Sender<usize>,
}

async fn accept(listener: TcpListener, road: Road, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            accepted = next_connection(listener.as_ref()) => match accepted {
                Ok((stream, peer)) => {
                    let own = stream.local_addr().unwrap_or(peer);
                    if peer::is_a_stranger(peer, own) {
                        warn!(%peer, "a connection of another user was closed");
                        continue;
                    }
                    // Debug messages are small and wait for each other.
                    let _ = stream.set_nodelay(true);
                    road.count.send_modify(|count| *count += 1);
                    let road = road.clone();
                    connections.spawn(async move {
                        let (reader, writer) = stream.into_split();
                        carry(&road, reader, writer).await;
                        road.count.send_modify(|count| *count -= 1);
                    });
                }
                Err(error) => warn!(%error, "a connection could not be accepted"),
            },
            Some(_) = connections.join_next() => {}
            changed = stopped.wait_for(|&stop| stop), if listener.is_some() => {
                listener = None;
                if changed.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}

async fn next_connection(listener: Option<&TcpListener>) -> io::Result<(tokio::net::TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Carries one connection until both directions have ended.
async fn carry<R, W>(road: &Road, client_reader: R, client_writer: W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let there = match road.link.dial(road.address.clone()).await {
        Ok(there) => there,
        Err(error) => {
            debug!(%error, "the debugger takes no connection");
            return;
        }
    };
    // Sending fails only when the session is over, and this with it.
    let _ = road.events.send(RelayEvent::ClientConnected);
    let mut observer = Observer::default();
    let upward = copy(client_reader, there.writer, |bytes| {
        if observer.passed(bytes) {
            let _ = road.events.send(RelayEvent::EndAsked);
        }
    });
    let downward = copy(there.reader, client_writer, |_| {});
    tokio::join!(upward, downward);
    let _ = road.events.send(RelayEvent::ClientGone);
}

/// Copies until the end of file or a failure, and says the end further on.
async fn copy<R, W>(mut reader: R, mut writer: W, mut seen: impl FnMut(&[u8]))
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut portion = vec![0; PORTION];
    loop {
        match reader.read(&mut portion).await {
            // A reset is an end too: the client's process was killed.
            Ok(0) | Err(_) => break,
            Ok(count) => {
                if writer.write_all(&portion[..count]).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
                seen(&portion[..count]);
            }
        }
    }
    let _ = writer.shutdown().await;
}
