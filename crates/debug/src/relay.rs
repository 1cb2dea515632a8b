//! Owns the road from a debug client here to the debugger's socket there: who may come, and how many. What is said
//! on it is the translator's.

mod carry;
mod far_end;
mod foresight;
mod identity;
mod local_listener;
#[cfg(windows)]
mod named_pipe;
mod peer;
#[cfg(unix)]
mod place;
mod resumption;
mod translator;
#[cfg(unix)]
mod unix_socket;

use std::sync::Arc;

use remora_agent::{Address, Link};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tracing::warn;

pub(crate) use identity::{Compiler, Project, Reach, Scout, cause};
use local_listener::Ends;
pub(crate) use local_listener::LocalListener;
pub(crate) use translator::{Facts, News};

/// How much news may be on its way to a client; more makes the program wait, as a pipe does.
const NEWS_UNDER_WAY: usize = 64;

/// What happened at the relay.
#[derive(Debug)]
pub(crate) enum RelayEvent {
    /// A client connected, and the debugger accepted it.
    ClientConnected,
    /// A client's connection ended.
    ClientGone,
    /// A client debugs the program itself, and is to hear of it.
    Seated {
        /// Where it hears.
        news: mpsc::Sender<News>,
        /// Whether it has launched the program, and starts it anew when it is told to.
        launched: bool,
    },
    /// That client has gone.
    Unseated,
    /// A client asked the debugger for the program's end.
    EndSeen,
    /// A client asks for the program's end.
    EndAsked,
}

/// Serves clients until it is dropped, which cuts them all.
pub(crate) struct Relay {
    /// Cuts on drop.
    tasks: JoinSet<()>,
    connected: watch::Receiver<usize>,
    stop_accepting: watch::Sender<bool>,
}

/// Where clients are led, and what is to be known on the way.
pub(crate) struct Route {
    pub(crate) link: Link,
    /// The debugger's.
    pub(crate) address: Address,
    pub(crate) facts: Facts,
    /// Who knows the project's files.
    pub(crate) scout: Scout,
    /// Files there, each time that processes are to reload them.
    pub(crate) reloads: watch::Receiver<Vec<String>>,
}

impl Relay {
    /// Leads every client of `local` there.
    pub(crate) fn serve(local: LocalListener, route: Route, events: mpsc::UnboundedSender<RelayEvent>) -> Self {
        let (count, connected) = watch::channel(0);
        let (stop_accepting, stopped) = watch::channel(false);
        let Route { link, address, facts, scout, reloads } = route;
        let seat = Arc::new(Semaphore::new(1));
        let road = Road { link, address, facts: Arc::new(facts), scout, reloads, events, count, seat };
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(local, road, stopped));
        Self { tasks, connected, stop_accepting }
    }

    /// Takes no more clients and waits until those that are there have gone.
    pub(crate) async fn drained(&mut self) {
        self.stop_accepting.send_replace(true);
        // An error means that the accepting task has ended, and its connections with it.
        let _ = self.connected.wait_for(|&count| count == 0).await;
    }

    /// Cuts all clients; when it returns, nothing of the relay is left here.
    pub(crate) async fn cut(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Road {
    link: Link,
    address: Address,
    facts: Arc<Facts>,
    scout: Scout,
    reloads: watch::Receiver<Vec<String>>,
    events: mpsc::UnboundedSender<RelayEvent>,
    count: watch::Sender<usize>,
    /// Taken by the client that debugs the program itself.
    seat: Arc<Semaphore>,
}

async fn accept(listener: LocalListener, road: Road, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            accepted = next_client(listener.as_mut()) => match accepted {
                Ok(ends) => {
                    road.count.send_modify(|count| *count += 1);
                    let road = road.clone();
                    connections.spawn(async move {
                        carry::carry(&road, ends).await;
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

async fn next_client(listener: Option<&mut LocalListener>) -> std::io::Result<Ends> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
