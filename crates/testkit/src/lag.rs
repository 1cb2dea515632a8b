//! Owns a TCP proxy that behaves like a long cable: it delays, and it can be cut, healed or turned
//! into a black hole. Never looks at the bytes.

mod cable;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as sync_mpsc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How the cable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Bytes pass, late.
    Healthy,
    /// Connections are reset, new ones refused.
    Cut,
    /// Connections are taken, nothing passes.
    BlackHole,
}

/// What the cable is like when it is healthy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cable {
    /// One direction's delay.
    pub(crate) delay: Duration,
    /// Bytes a second in each direction.
    pub(crate) rate: Option<u64>,
}

/// What clients have sent and received so far, in bytes, over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// From clients.
    pub sent: u64,
    /// To clients.
    pub received: u64,
}

/// Counted where the bytes come in. Shared with the proxy's thread, because who asks wants the number and not the
/// thread's attention; a count needs no lock.
#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    received: AtomicU64,
}

/// A proxy in front of one server. It runs on a thread of its own, so that a busy or blocked test does
/// not change its delay. Dropping it closes everything.
///
/// The delay does not apply to the TCP handshake, which the kernel answers.
#[derive(Debug)]
pub struct Lag {
    port: u16,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

/// A new mode, and who waits for it.
type Order = (Mode, sync_mpsc::Sender<()>);

impl Lag {
    /// Starts a proxy in front of `upstream`; each direction is delayed by half of `round_trip`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(upstream: SocketAddr, round_trip: Duration) -> io::Result<Self> {
        Self::start_with_rate(upstream, round_trip, None)
    }

    /// As [`Lag::start`], with at most `rate` bytes a second in each direction.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start_with_rate(upstream: SocketAddr, round_trip: Duration, rate: Option<u64>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (orders, inbox) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let cable = Cable { delay: round_trip / 2, rate };
        let counters = Arc::new(Counters::default());
        let counted = counters.clone();
        let thread = std::thread::Builder::new().name("remora-lag".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("invariant: it is a non-blocking socket");
                let mode = watch::Sender::new(Mode::Healthy);
                Proxy { port, upstream, cable, mode, counters: counted }.serve(listener, inbox).await;
            });
        })?;
        Ok(Self { port, orders: Some(orders), thread: Some(thread), counters })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has taken in so far.
    #[must_use]
    pub fn carried(&self) -> Carried {
        let Counters { sent, received } = &*self.counters;
        Carried { sent: sent.load(Ordering::Relaxed), received: received.load(Ordering::Relaxed) }
    }

    /// Resets every connection and refuses new ones. Done when it returns.
    pub fn cut(&self) {
        self.order(Mode::Cut);
    }

    /// Lets bytes pass again: those that the black hole holds, too.
    pub fn heal(&self) {
        self.order(Mode::Healthy);
    }

    /// Takes connections and bytes, and lets nothing out.
    pub fn black_hole(&self) {
        self.order(Mode::BlackHole);
    }

    fn order(&self, mode: Mode) {
        let (done, wait) = sync_mpsc::channel();
        let orders = self.orders.as_ref().expect("invariant: only drop takes it");
        orders.send((mode, done)).expect("the proxy's thread lives");
        wait.recv().expect("the proxy's thread lives");
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed already.
            let _ = thread.join();
        }
    }
}

struct Proxy {
    port: u16,
    upstream: SocketAddr,
    cable: Cable,
    mode: watch::Sender<Mode>,
    counters: Arc<Counters>,
}

impl Proxy {
    async fn serve(self, listener: TcpListener, mut orders: mpsc::UnboundedReceiver<Order>) {
        let mut listener = Some(listener);
        let mut links = JoinSet::new();
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    None => return,
                    Some((mode, done)) => {
                        self.change(mode, &mut listener, &mut links).await;
                        // Nobody waits when the test has been given up.
                        let _ = done.send(());
                    }
                },
                client = accept(listener.as_ref()) => {
                    let cable = self.cable;
                    let road = Road { upstream: self.upstream, cable, mode: self.mode.subscribe(), counters: self.counters.clone() };
                    links.spawn(link(client, road));
                }
                Some(_) = links.join_next() => {}
            }
        }
    }

    async fn change(&self, mode: Mode, listener: &mut Option<TcpListener>, links: &mut JoinSet<()>) {
        if mode == Mode::Cut {
            *listener = None;
        } else if listener.is_none() {
            let again = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await;
            *listener = Some(again.expect("the port is still free"));
        }
        self.mode.send_replace(mode);
        if mode == Mode::Cut {
            while links.join_next().await.is_some() {}
        }
    }
}

/// The next client; without a listener, never.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        // A client that has gone before it was taken is no error of ours.
        if let Ok((client, _)) = listener.accept().await {
            return client;
        }
    }
}

/// What one connection passes over.
struct Road {
    upstream: SocketAddr,
    cable: Cable,
    mode: watch::Receiver<Mode>,
    counters: Arc<Counters>,
}

async fn link(mut client: TcpStream, road: Road) {
    let Road { upstream, cable, mut mode, counters } = road;
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        reset(&client);
        return;
    };
    // Without it, a peer without it pays 40 ms for two small writes in a row.
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let relayed = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        let mut from_client = Counted { inner: &mut from_client, count: &counters.sent };
        let mut from_server = Counted { inner: &mut from_server, count: &counters.received };
        let up = cable::carry(&mut from_client, &mut to_server, cable, mode.clone());
        let down = cable::carry(&mut from_server, &mut to_client, cable, mode.clone());
        tokio::select! {
            relayed = async { tokio::try_join!(up, down) } => relayed.map(|_| ()),
            _ = mode.wait_for(|mode| *mode == Mode::Cut) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    };
    if relayed.is_err() {
        reset(&client);
        reset(&server);
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    inner: &'a mut R,
    count: &'a AtomicU64,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<'_, R> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut *this.inner).poll_read(context, buffer);
        this.count.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

/// Makes the end of a connection a reset.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests;
