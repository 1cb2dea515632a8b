//! Owns the connection over which a target is being chosen, before any settings name it. One at a time; it ends
//! when another is opened, when it is closed, and with this program. Never touches the workspace's own target,
//! link or mirror.

mod browse;

use std::pin::Pin;
use std::sync::Arc;

use remora_agent::Link;
use remora_debug::interpreter::{self, Listed};
use remora_model::{RemotePath, TransportSpec};
use remora_transport::Candidate;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::asker::Asker;
use crate::event::Reply;
use crate::fault::{self, Fault};
use crate::host;
pub(crate) use browse::Folder;

/// A handle to the task that owns the connection; clones share it.
#[derive(Clone)]
pub(crate) struct Setup {
    requests: mpsc::UnboundedSender<Request>,
}

/// What may be asked.
pub(crate) enum Request {
    /// What could be reached from here?
    Candidates(Reply<Vec<Candidate>>),
    /// Connect, in place of what was connected before.
    Open(Place, Reply<Opened>),
    /// What folders are in this folder?
    Browse(String, Reply<Folder>),
    /// What could run a program in this remote root?
    Interpreters(String, Reply<Vec<Listed>>),
    /// End the connection, and what may be left of earlier ones.
    Close(Reply<()>),
}

/// Where to connect to.
pub(crate) struct Place {
    pub(crate) transport: TransportSpec,
    /// The remote root as the user would write it.
    pub(crate) remote_root: String,
}

/// What is known once it is connected.
pub(crate) struct Opened {
    /// The login's home folder.
    pub(crate) home: RemotePath,
    /// The remote root in full.
    pub(crate) remote_root: RemotePath,
}

impl Setup {
    /// Starts the task; connecting asks its questions through `asker`.
    pub(crate) fn start(asker: Arc<Asker>) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        tokio::spawn(Owner { asker, state: State::Closed, closing: JoinSet::new() }.run(inbox));
        Self { requests }
    }

    /// Queues a request at once; the answer may take its time.
    pub(crate) fn request<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> oneshot::Receiver<Result<T, Fault>> {
        let (reply, answer) = oneshot::channel();
        // The task ends before its handles only in a panic; the answer is then known to be lost.
        let _ = self.requests.send(request(reply));
        answer
    }

    /// Ends the connection and waits until nothing of it is left.
    pub(crate) async fn leave(&self) {
        let _ = self.request(Request::Close).await;
    }
}

/// The task's own.
struct Owner {
    asker: Arc<Asker>,
    state: State,
    /// Links that are being ended.
    closing: JoinSet<()>,
}

enum State {
    Closed,
    Opening { attempt: Attempt, reply: Reply<Opened> },
    Open(Link),
}

type Attempt = Pin<Box<dyn Future<Output = Result<(Link, Opened), Fault>> + Send>>;

impl Owner {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Request>) {
        loop {
            tokio::select! {
                request = inbox.recv() => match request {
                    Some(request) => self.on(request),
                    None => return,
                },
                outcome = self.state.outcome() => self.opened(outcome),
                Some(_) = self.closing.join_next() => {}
            }
        }
    }

    fn on(&mut self, request: Request) {
        match request {
            Request::Candidates(reply) => answer(reply, async { Ok(remora_transport::candidates().await) }),
            Request::Open(place, reply) => {
                self.close(fault::setup::replaced());
                let attempt = Box::pin(open(place, self.asker.clone()));
                self.state = State::Opening { attempt, reply };
            }
            Request::Browse(path, reply) => self.over_link(reply, async move |link| browse::browse(&link, &path).await),
            Request::Interpreters(root, reply) => self.over_link(reply, async move |link| {
                let root = host::find_root(&link, &root).await?;
                Ok(interpreter::list(&link, &root).await?)
            }),
            Request::Close(reply) => {
                self.close(fault::setup::closed());
                let closing = std::mem::take(&mut self.closing);
                answer(reply, async {
                    closing.join_all().await;
                    Ok(())
                });
            }
        }
    }

    /// Does something over the link, in a task of its own; without a link it is refused.
    fn over_link<T, F>(&self, reply: Reply<T>, work: impl FnOnce(Link) -> F)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        match &self.state {
            State::Open(link) => answer(reply, work(link.clone())),
            State::Closed | State::Opening { .. } => drop(reply.send(Err(fault::setup::not_open()))),
        }
    }

    fn opened(&mut self, outcome: Option<Result<(Link, Opened), Fault>>) {
        let State::Opening { reply, .. } = std::mem::replace(&mut self.state, State::Closed) else { return };
        match outcome {
            Some(Ok((link, opened))) => {
                self.state = State::Open(link);
                if reply.send(Ok(opened)).is_err() {
                    self.close(fault::setup::closed());
                }
            }
            Some(Err(fault)) => drop(reply.send(Err(fault))),
            // Whoever asked has given it up.
            None => {}
        }
    }

    /// Ends what there is; an attempt is abandoned and told `fault`.
    fn close(&mut self, fault: Fault) {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => {}
            State::Opening { reply, .. } => drop(reply.send(Err(fault))),
            State::Open(link) => drop(self.closing.spawn(async move { link.close().await })),
        }
    }
}

impl State {
    /// How an attempt ends; nothing when nobody waits for it any more. Cancel-safe.
    async fn outcome(&mut self) -> Option<Result<(Link, Opened), Fault>> {
        match self {
            Self::Opening { attempt, reply } => tokio::select! {
                outcome = attempt => Some(outcome),
                () = reply.closed() => None,
            },
            Self::Closed | Self::Open(_) => std::future::pending().await,
        }
    }
}

async fn open(place: Place, asker: Arc<Asker>) -> Result<(Link, Opened), Fault> {
    let link = host::connect(&place.transport, asker).await?;
    let remote_root = host::find_root(&link, &place.remote_root).await?;
    let home = link.hello().home.clone();
    Ok((link, Opened { home, remote_root }))
}

/// Has work done in a task of its own, unless nobody waits for it any more.
fn answer<T: Send + 'static>(mut reply: Reply<T>, work: impl Future<Output = Result<T, Fault>> + Send + 'static) {
    tokio::spawn(async move {
        tokio::select! {
            result = work => drop(reply.send(result)),
            () = reply.closed() => {}
        }
    });
}
