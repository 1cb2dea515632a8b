//! Owns the list of what the state can have done, and does it. Each job runs in a task of its own,
//! ends in an event, and decides nothing.

mod breakpoint;
pub(crate) mod file;
mod terminal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use remora_agent::Link;
use remora_debug::{Listen, Request, Resume, Session, SessionEvent};
use remora_mirror::{Mirror, Restore};
use remora_model::{TransportSpec, Unicode};
use tokio::sync::{mpsc, oneshot};

use crate::account;
use crate::asker::Asker;
use crate::breakpoint::{Diagnosis, Spot};
use crate::doctor::{self, Finding, Patient};
use crate::event::{Event, Generation, Overwrite, Project, Reply, Rooted};
use crate::exposure::Wish;
use crate::fault::{self, Explained, Fault, Kind};
use crate::folders::{Folder, FolderName};
use crate::handlers::Question;
use crate::host;
use crate::kept::Kept;
use crate::mirrors::{Mirrors, Planned};
use crate::question::Word;
use crate::runs::{self, Runs, RunsRequest};
use crate::surface::{DebugRequest, Listening, Mirrored, SessionId};
pub use terminal::{Carrying, Opening};

/// Something to be done.
pub enum Job {
    /// Connect to a target.
    Connect { generation: Generation, transport: TransportSpec },
    /// Wait until a link ends.
    AwaitLoss { generation: Generation, link: Link },
    /// Send an event after a while.
    After { delay: Duration, event: Box<Event> },
    /// Find the canonical remote roots.
    FindRoots { link: Link, folders: Vec<Folder>, project: Box<Project>, reply: Reply<Rooted> },
    /// Tell what would fail, unless nobody waits for it any more.
    Examine { patient: Box<Patient>, reply: Reply<Vec<Finding>> },
    /// Have everything on the remote; `rescan` when the mirror does not compare the trees just now, `overwrite`
    /// when the local side wins this once.
    MirrorAll { mirrors: Mirrors, rescan: bool, overwrite: Overwrite, reply: Reply<Mirrored> },
    /// Wait for the answer to a question about so many files; none may come.
    AwaitWord { folder: FolderName, count: usize, answer: oneshot::Receiver<Word> },
    /// Wait for the answer to a question about a program; none may come.
    AwaitWay { session: SessionId, answer: oneshot::Receiver<Word> },
    /// Read what the remote holds of a local file.
    ReadRemoteFile { link: Link, folders: Vec<Folder>, unicode: Unicode, file: PathBuf, reply: Reply<Option<Vec<u8>>> },
    /// Have the remote file in the local one's place.
    Take { mirrors: Mirrors, file: PathBuf, reply: Reply<()> },
    /// Tell which processes run there.
    ListProcesses { link: Link, all: bool, reply: Reply<Vec<remora_debug::Running>> },
    /// Tell what is kept of what was replaced or removed there.
    ListTrash { link: Link, folders: Vec<Folder>, reply: Reply<Vec<Kept>> },
    /// Do what is wanted of the detached runs there.
    Runs { link: Link, request: RunsRequest, reply: Reply<Runs> },
    /// Bring some of it back here; the mirror, if there is one, hears of it.
    Restore { link: Link, folder: Box<Folder>, mirror: Option<Mirror>, wanted: Restore, reply: Reply<Kept> },
    /// Say why a file is mirrored, or not: the first of these that knows the file does.
    Explain { questions: Vec<Question>, reply: Reply<Explained> },
    /// Find out why a breakpoint is not hit.
    Diagnose { questions: Vec<Question>, sessions: Vec<Arc<Session>>, spot: Spot, reply: Reply<Diagnosis> },
    /// The same for somebody who only looks at the line.
    Hover { questions: Vec<Question>, sessions: Vec<Arc<Session>>, spot: Spot, reply: Reply<Option<Diagnosis>> },
    /// Tell what mirroring would do.
    Plan { mirrors: Mirrors, reply: Reply<Vec<Planned>> },
    /// Have everything on the remote before a program starts; a test that was named by its line gets its name.
    Barrier {
        generation: Generation,
        mirrors: Mirrors,
        rescan: bool,
        request: Box<DebugRequest>,
        reply: Reply<Listening>,
    },
    /// Start a program under a debugger, unless it is given up meanwhile. Before, try the way on which it and its client
    /// are to meet, and become the account that it runs as, if it is another.
    StartDebug {
        session: SessionId,
        link: Link,
        account: Option<String>,
        wish: Box<Wish>,
        request: Box<Request>,
        reply: Reply<Listening>,
        given_up: oneshot::Receiver<()>,
    },
    /// Come back to a detached run, unless it is given up meanwhile.
    ResumeDebug {
        session: SessionId,
        link: Link,
        run: String,
        listen: Listen,
        reply: Reply<Listening>,
        given_up: oneshot::Receiver<()>,
    },
    /// Interrupt a program.
    Interrupt { session: Arc<Session> },
    /// Open a terminal, unless it is given up meanwhile.
    OpenTerminal { link: Link, opening: Opening },
    /// Carry between a terminal and its process until one of them ends.
    CarryTerminal(Carrying),
    /// End sessions.
    Stop { sessions: Vec<Arc<Session>>, done: Option<Reply<()>> },
    /// End everything of a target: sessions first, then the mirrors, then the link.
    LetGo {
        sessions: Vec<Arc<Session>>,
        mirrors: Option<Mirrors>,
        link: Option<Link>,
        done: Option<oneshot::Sender<()>>,
    },
}

/// What jobs need: a way to tell what came of them, and somebody who answers questions.
#[derive(Clone)]
pub struct Jobs {
    /// The way back to the loop.
    pub events: mpsc::UnboundedSender<Event>,
    /// Who asks the user.
    pub asker: Arc<Asker>,
}

impl Jobs {
    /// Does one job, in a task of its own. One that panics is told to the loop; its reply channel is
    /// dropped, which the one who asked hears.
    pub fn start(&self, job: Job) {
        let work = tokio::spawn(self.clone().run(job));
        let jobs = self.clone();
        tokio::spawn(async move {
            if work.await.is_err_and(|error| error.is_panic()) {
                jobs.tell(Event::JobPanicked);
            }
        });
    }

    fn tell(&self, event: Event) {
        // The loop is gone only when the program ends.
        let _ = self.events.send(event);
    }

    async fn run(self, job: Job) {
        match job {
            Job::Connect { generation, transport } => {
                let result = host::connect(&transport, self.asker.clone()).await;
                self.tell(Event::Linked(generation, result));
            }
            Job::AwaitLoss { generation, link } => {
                let reason = link.lost().await;
                self.tell(Event::LinkLost(generation, reason));
            }
            Job::After { delay, event } => {
                tokio::time::sleep(delay).await;
                self.tell(*event);
            }
            Job::FindRoots { link, folders, project, reply } => {
                let _ = reply.send(file::find_roots(&link, folders, *project).await);
            }
            Job::Examine { patient, reply } => self.examine(&patient, reply).await,
            Job::MirrorAll { mirrors, rescan, overwrite, reply } => {
                let result = mirrors.mirror_all(rescan, &overwrite).await;
                self.tell(Event::MirrorEnded(result, reply));
            }
            Job::AwaitWord { folder, count, answer } => {
                if let Ok(word) = answer.await {
                    self.tell(Event::Decided { folder, count, word });
                }
            }
            Job::AwaitWay { session, answer } => {
                if let Ok(Word::Stale(way)) = answer.await {
                    self.tell(Event::WayChosen(session, way));
                }
            }
            Job::ReadRemoteFile { link, folders, unicode, file, reply } => {
                let _ = reply.send(file::read(&link, folders, unicode, file).await);
            }
            Job::Take { mirrors, file, reply } => {
                let _ = reply.send(mirrors.take(&file).await);
            }
            Job::ListProcesses { link, all, reply } => {
                let _ = reply.send(remora_debug::processes(&link, all).await.map_err(Fault::from));
            }
            Job::ListTrash { link, folders, reply } => {
                let _ = reply.send(file::list_trash(&link, &folders).await);
            }
            Job::Runs { link, request, reply } => {
                let _ = reply.send(runs::serve(&link, request).await);
            }
            Job::Restore { link, folder, mirror, wanted, reply } => {
                let _ = reply.send(file::restore(&link, &folder, mirror, wanted).await);
            }
            Job::Explain { questions, reply } => {
                let _ = reply.send(file::explain_there(questions).await);
            }
            Job::Diagnose { questions, sessions, spot, reply } => {
                let _ = reply.send(breakpoint::diagnose(questions, &sessions, &spot).await);
            }
            Job::Hover { questions, sessions, spot, reply } => {
                let _ = reply.send(breakpoint::hover(questions, &sessions, &spot).await);
            }
            Job::Plan { mirrors, reply } => {
                let _ = reply.send(mirrors.plan().await);
            }
            Job::Barrier { generation, mirrors, rescan, mut request, reply } => {
                let mut result = mirrors.barrier(rescan).await;
                if let (Ok(_), Some(test)) = (&result, &mut request.test)
                    && let Err(fault) = test.find().await
                {
                    result = Err(fault);
                }
                self.tell(Event::BarrierPassed(generation, result, request, reply));
            }
            Job::StartDebug { session, link, account, wish, request, reply, given_up } => {
                let start = Start { link, account, wish: *wish, request: *request, asker: self.asker.clone() };
                self.start_debug(session, async |said| start.go(said).await, reply, given_up).await
            }
            Job::ResumeDebug { session, link, run, listen, reply, given_up } => {
                let resumed = async |said| resume(&link, &run, listen, said).await;
                self.start_debug(session, resumed, reply, given_up).await
            }
            Job::Interrupt { session } => session.interrupt().await,
            Job::OpenTerminal { link, opening } => self.open_terminal(link, opening).await,
            Job::CarryTerminal(carrying) => self.carry_terminal(carrying).await,
            Job::Stop { sessions, done } => {
                stop(&sessions).await;
                if let Some(done) = done {
                    let _ = done.send(Ok(()));
                }
            }
            Job::LetGo { sessions, mirrors, link, done } => {
                for session in &sessions {
                    session.leave().await;
                }
                drop(mirrors);
                if let Some(link) = link {
                    link.close().await;
                }
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }
        }
    }

    async fn examine(&self, patient: &Patient, mut reply: Reply<Vec<Finding>>) {
        let mut findings = Vec::new();
        let mut report = |finding| findings.push(finding);
        tokio::select! {
            () = doctor::examine(patient, self.asker.clone(), &mut report) => {}
            () = reply.closed() => return,
        }
        let _ = reply.send(Ok(findings));
    }

    /// Gives the start up when whoever asked has cancelled it, or the state has: a program that is to call
    /// its debugger itself may never do so.
    async fn start_debug(
        &self,
        id: SessionId,
        start: impl AsyncFnOnce(mpsc::UnboundedSender<SessionEvent>) -> Result<Session, Fault>,
        mut reply: Reply<Listening>,
        given_up: oneshot::Receiver<()>,
    ) {
        let (said, mut heard) = mpsc::unbounded_channel();
        let events = self.events.clone();
        let forwarding = tokio::spawn(async move {
            while let Some(event) = heard.recv().await {
                let _ = events.send(Event::SessionSaid(id, event));
            }
        });
        let result = tokio::select! {
            biased;
            result = start(said) => result.map(Box::new),
            _ = given_up => Err(given_up_fault()),
            () = reply.closed() => Err(given_up_fault()),
        };
        if result.is_err() {
            // Ends when nothing of it is left over there; what it wrote comes before the answer.
            let _ = forwarding.await;
        }
        self.tell(Event::Started(id, result, reply));
    }
}

/// What a start needs.
struct Start {
    link: Link,
    account: Option<String>,
    wish: Wish,
    request: Request,
    asker: Arc<Asker>,
}

impl Start {
    async fn go(self, said: mpsc::UnboundedSender<SessionEvent>) -> Result<Session, Fault> {
        let Self { link, account, wish, request, asker } = self;
        let request = Request { exposed: wish.exposed(&link).await?, ..request };
        let login = &link.hello().user;
        match account.filter(|account| account != login) {
            Some(account) => account::start(&link, &account, asker, (request, said)).await,
            None => Ok(remora_debug::start(&link, request, said).await?),
        }
    }
}

async fn resume(
    link: &Link,
    run: &str,
    listen: Listen,
    said: mpsc::UnboundedSender<SessionEvent>,
) -> Result<Session, Fault> {
    let place = runs::place(link, run).await?;
    Ok(remora_debug::resume(link, Resume { place, listen, words: fault::notice }, said).await?)
}

fn given_up_fault() -> Fault {
    Fault::new(Kind::Cancelled, "The start was given up.", "Start again if it is still wanted.")
}

async fn stop(sessions: &[Arc<Session>]) {
    for session in sessions {
        session.stop().await;
    }
}
