//! Owns all state of one workspace: its target, link, mirror and debug sessions. Decides what
//! follows from an event; never touches a file, a socket or a clock: that is what the jobs are for.

mod sessions;
mod shown;
mod terminals;

use std::collections::BTreeMap;
use std::path::PathBuf;

use remora_agent::Link;
use remora_debug::SessionEvent;
use remora_mirror::Notice;
use remora_model::{LocalPath, Settings, Target};
use tokio::sync::mpsc;

use crate::event::{Event, Generation, Overwrite, Reply, Rooted};
use crate::fault::Fault;
use crate::folders::{Folder, FolderName, folders};
use crate::jobs::Job;
use crate::kept::{Kept, Wanted};
use crate::mirrors::{Mirrors, Planned};
use crate::question::Word;
use crate::runs::{Runs, RunsRequest};
use crate::status::Status;
use crate::surface::{DebugRequest, Listening, Mirrored, Said, SessionId, Surface};
use crate::terminal::{Opened, TerminalRequest};
pub(crate) use sessions::{DebugSession, Running};
use terminals::Terminals;

/// What does not change while the loop runs.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The local root.
    pub root: LocalPath,
    /// Where the records of what is ours are kept; without it, none is kept.
    pub records: Option<PathBuf>,
    /// Whether to watch for changes made outside the editor, where the settings allow it.
    pub watch: bool,
    /// Whether a lost connection is rebuilt by itself.
    pub reconnect: bool,
    /// The local side always wins over files that somebody else changed.
    pub overwrite: bool,
    /// However many files are gone here are removed there without a question.
    pub delete_many: bool,
    /// Whether large files are sent unasked.
    pub large_too: bool,
}

/// All state of one workspace.
pub struct State {
    pub(crate) workspace: Workspace,
    pub(crate) surface: Surface,
    /// Where the mirrors' news go.
    pub(crate) notices: mpsc::UnboundedSender<(FolderName, Notice)>,
    pub(crate) settings: Result<Settings, Fault>,
    pub(crate) configured: bool,
    /// Requests that came before the settings did.
    pub(crate) early: Vec<Event>,
    pub(crate) target: Option<Target>,
    pub(crate) link: LinkState,
    /// Requests that wait for the link.
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) mirrors: Option<Mirrors>,
    /// The user wants nothing sent for now; kept over reconnects and changes of the target.
    pub(crate) paused: bool,
    /// What has been mirrored since a request began that wants to know.
    pub(crate) tally: Option<Tally>,
    /// Whether the event being handled made the mirror compare the trees, so that nobody has to ask for it.
    pub(crate) comparing: bool,
    pub(crate) sessions: BTreeMap<SessionId, DebugSession>,
    pub(crate) last_session: u64,
    pub(crate) terminals: Terminals,
    pub(crate) message: Option<String>,
    /// Who else mirrors to the same remote root, in one sentence.
    pub(crate) claimed: Option<String>,
    shown: Status,
}

/// Where the connection stands.
pub(crate) enum LinkState {
    /// None, and none wanted.
    Down(Generation),
    /// Being made; `attempt` counts from 0 and from 1 on means again.
    Connecting { generation: Generation, attempt: u32 },
    /// Live.
    Up { generation: Generation, link: Link },
    /// Broken; the next attempt comes after a pause.
    Pausing { generation: Generation, attempt: u32 },
}

impl LinkState {
    pub(crate) fn generation(&self) -> Generation {
        match self {
            Self::Down(generation)
            | Self::Connecting { generation, .. }
            | Self::Up { generation, .. }
            | Self::Pausing { generation, .. } => *generation,
        }
    }
}

/// What has been mirrored while requests wait for it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: Mirrored,
    /// How many requests wait.
    pub(crate) waiting: usize,
}

/// A request that needs the link first.
pub(crate) enum Waiting {
    Connect(Reply<Status>),
    Mirror { overwrite: Overwrite, word: Option<Word>, reply: Reply<Mirrored> },
    RemoteFile(PathBuf, Reply<Option<Vec<u8>>>),
    Take(PathBuf, Reply<()>),
    Processes(bool, Reply<Vec<remora_debug::Running>>),
    Trash(Reply<Vec<Kept>>),
    Runs(RunsRequest, Reply<Runs>),
    Restore(Wanted, Reply<Kept>),
    Plan(Reply<Vec<Planned>>),
    Debug(Box<DebugRequest>, Reply<Listening>),
    Root(Reply<Rooted>),
    Terminal(Box<TerminalRequest>, Reply<Opened>),
}

impl State {
    /// A workspace in which nothing has happened yet.
    pub fn new(workspace: Workspace, surface: Surface, notices: mpsc::UnboundedSender<(FolderName, Notice)>) -> Self {
        Self {
            workspace,
            surface,
            notices,
            settings: Ok(Settings::default()),
            configured: false,
            early: Vec::new(),
            target: None,
            link: LinkState::Down(Generation::default()),
            waiting: Vec::new(),
            mirrors: None,
            paused: false,
            tally: None,
            comparing: false,
            sessions: BTreeMap::new(),
            last_session: 0,
            terminals: Terminals::default(),
            message: None,
            claimed: None,
            shown: Status::default(),
        }
    }

    /// What follows from `event`.
    pub fn on(&mut self, event: Event) -> Vec<Job> {
        // What a program writes changes no status, and it may write a lot.
        let tells = !matches!(event, Event::SessionSaid(_, SessionEvent::Output { .. }) | Event::TerminalShowed(..));
        let jobs = self.dispatch(event);
        self.comparing = false;
        if tells {
            self.show_status();
        }
        jobs
    }

    fn dispatch(&mut self, event: Event) -> Vec<Job> {
        if !self.configured && event.needs_settings() {
            self.early.push(event);
            return Vec::new();
        }
        match event {
            Event::Configuring => {
                self.configured = false;
                Vec::new()
            }
            Event::Configured(settings) => self.configured(settings),
            Event::Saved(path) => self.saved(&path),
            Event::ConnectAsked(target, reply) => self.connect_asked(target.as_deref(), reply),
            Event::MirrorAsked(request, reply) => self.mirror_asked(request, reply),
            Event::PauseAsked(reply) => self.pause_asked(true, reply),
            Event::ResumeAsked(reply) => self.pause_asked(false, reply),
            Event::RemoteFileAsked(file, reply) => self.remote_file_asked(file, reply),
            Event::TakeAsked(file, reply) => self.take_asked(file, reply),
            Event::ProcessesAsked(all, reply) => self.with_target(None, Waiting::Processes(all, reply), false),
            Event::RunsAsked(request, reply) => self.with_target(None, Waiting::Runs(request, reply), false),
            Event::TrashAsked(reply) => self.with_target(None, Waiting::Trash(reply), false),
            Event::RestoreAsked(wanted, reply) => self.with_target(None, Waiting::Restore(wanted, reply), false),
            Event::ExplainAsked(file, reply) => self.explain_asked(file, reply),
            Event::BreakpointAsked(spot, reply) => self.breakpoint_asked(spot, reply),
            Event::Hovered(spot, reply) => self.hovered(spot, reply),
            Event::PlanAsked(target, reply) => self.plan_asked(target.as_deref(), reply),
            Event::RootAsked(target, reply) => self.root_asked(target.as_deref(), reply),
            Event::DebugAsked(target, request, reply) => self.debug_asked(target.as_deref(), request, reply),
            Event::ExamineAsked(target, reply) => self.examine_asked(target.as_deref(), reply),
            Event::LaunchAsked(configuration, reply) => self.launch_asked(&configuration, reply),
            Event::SocketAsked(session, reply) => {
                self.socket_asked(session, reply);
                Vec::new()
            }
            Event::InterruptAsked(session) => self.interrupt_asked(session),
            Event::StopAsked(session, reply) => self.stop_asked(session, reply),
            Event::TerminalAsked(target, request, reply) => self.terminal_asked(target.as_deref(), request, reply),
            Event::TerminalUsed(terminal, input) => self.terminal_used(terminal, input),
            Event::TerminalCloseAsked(terminal) => self.terminal_close_asked(terminal),
            Event::TerminalOpened(terminal, result, reply) => self.terminal_opened(terminal, result, reply),
            Event::TerminalShowed(terminal, shown) => self.terminal_showed(terminal, shown),
            Event::TerminalEnded(terminal, ending) => self.terminal_ended(terminal, ending),
            Event::LeaveAsked(done) => self.leave_asked(done),
            Event::Linked(generation, result) => self.linked(generation, result),
            Event::LinkLost(generation, reason) => self.link_lost(generation, &reason),
            Event::RetryDue(generation) => self.retry_due(generation),
            Event::MirrorSaid(folder, notice) => self.mirror_said(folder, notice),
            Event::Decided { folder, count, word } => self.decided(&folder, count, word),
            Event::WayChosen(session, way) => self.way_chosen(session, way),
            Event::MirrorEnded(result, reply) => self.mirror_ended(result, reply),
            Event::BarrierPassed(generation, result, request, reply) => {
                self.barrier_passed(generation, result, *request, reply)
            }
            Event::Started(session, result, reply) => self.started(session, result, reply),
            Event::JobPanicked => {
                self.say_fault(Fault::panicked());
                Vec::new()
            }
            Event::SessionSaid(session, event) => self.session_said(session, event),
        }
    }

    /// Says something to whoever started the loop. That it is gone is no fault of ours.
    pub(crate) fn say(&self, said: Said) {
        let _ = self.surface.send(said);
    }

    /// The folders of the present target; none without one.
    pub(crate) fn folders(&self) -> Vec<Folder> {
        // Only a target that can be used becomes the present one.
        self.target.as_ref().and_then(|target| folders(&self.workspace.root, target).ok()).unwrap_or_default()
    }

    /// The folders of the named target, or of the one that a request without a name is for; where there is none to be
    /// used, the workspace alone, of which everything else is said later.
    pub(crate) fn folders_of(&self, target: Option<&str>) -> Vec<Folder> {
        let current = self.target.as_ref().map(|target| target.name.as_str());
        let wanted = self.wanted(target.or(current)).and_then(|target| folders(&self.workspace.root, &target));
        wanted.unwrap_or_else(|_| vec![Folder::workspace(&self.workspace.root)])
    }

    /// Says that something failed in the background, and keeps it for the status.
    pub(crate) fn say_fault(&mut self, fault: Fault) {
        self.message = Some(fault.message.clone());
        self.say(Said::Fault(fault));
    }
}
