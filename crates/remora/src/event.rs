//! Owns the list of everything that can happen. Closed: what is not here does not reach the state.

use std::path::PathBuf;

use remora_agent::{Link, LostReason};
use remora_debug::{Meeting, Running, Session, SessionEvent};
use remora_mirror::Notice;
use remora_model::{DebugSettings, LocalPath, RelPath, RemotePath, Settings};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::breakpoint::{Diagnosis, Spot};
use crate::doctor::Finding;
use crate::exposure::Wish;
use crate::fault::{Explained, Fault};
use crate::folders::FolderName;
use crate::kept::{Kept, Wanted};
use crate::mirrors::{Arrived, Planned};
use crate::question::Word;
use crate::runs::{Runs, RunsRequest};
use crate::staleness::Way;
use crate::status::Status;
use crate::surface::{DebugRequest, Listening, Mirrored, SessionId};
use crate::terminal::{Ending, Input, Line, Opened, Shown, TerminalId, TerminalRequest};

/// How a request is answered.
pub type Reply<T> = oneshot::Sender<Result<T, Fault>>;

/// Counts connections, so that news of an old one is not taken for news of the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Generation(pub u64);

impl Generation {
    /// The one after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Something that happened.
pub enum Event {
    /// The settings changed and are being read; what needs them waits.
    Configuring,
    /// The settings were read, or can't be.
    Configured(Result<Settings, Fault>),
    /// A file was saved in the editor.
    Saved(PathBuf),
    /// The user asks for a connection.
    ConnectAsked(Option<String>, Reply<Status>),
    /// The user asks to mirror everything.
    MirrorAsked(MirrorRequest, Reply<Mirrored>),
    /// The user wants nothing sent for now.
    PauseAsked(Reply<()>),
    /// The user wants changes sent again.
    ResumeAsked(Reply<()>),
    /// The user asks what the remote holds of a local file; `None` is answered where there is nothing.
    RemoteFileAsked(PathBuf, Reply<Option<Vec<u8>>>),
    /// The user wants the remote file in the local one's place.
    TakeAsked(PathBuf, Reply<()>),
    /// The user asks why a file is mirrored, or not.
    ExplainAsked(PathBuf, Reply<Explained>),
    /// The user asks why a breakpoint is not hit.
    BreakpointAsked(Spot, Reply<Diagnosis>),
    /// The mouse is over a line; answered if a breakpoint is there and something keeps it from being hit.
    Hovered(Spot, Reply<Option<Diagnosis>>),
    /// The user asks which processes run there: the login's, or everybody's.
    ProcessesAsked(bool, Reply<Vec<Running>>),
    /// The user asks what is kept of what was replaced or removed on the remote.
    TrashAsked(Reply<Vec<Kept>>),
    /// The user wants something of the detached runs of the target.
    RunsAsked(RunsRequest, Reply<Runs>),
    /// The user wants some of that back here.
    RestoreAsked(Wanted, Reply<Kept>),
    /// The user asks what mirroring would do.
    PlanAsked(Option<String>, Reply<Vec<Planned>>),
    /// The user asks for a debug session.
    DebugAsked(Option<String>, DebugRequest, Reply<Listening>),
    /// The editor launches an entry of its `launch.json`.
    LaunchAsked(Value, Reply<Listening>),
    /// A client asks for the socket of a session that runs.
    SocketAsked(SessionId, Reply<PathBuf>),
    /// The user interrupts a program.
    InterruptAsked(SessionId),
    /// The user ends a session.
    StopAsked(SessionId, Reply<()>),
    /// The user asks where the local root is mirrored.
    RootAsked(Option<String>, Reply<Rooted>),
    /// The user asks what would fail.
    ExamineAsked(Option<String>, Reply<Vec<Finding>>),
    /// The user asks for a terminal.
    TerminalAsked(Option<String>, TerminalRequest, Reply<Opened>),
    /// The user does something at a terminal.
    TerminalUsed(TerminalId, Input),
    /// The user closes a terminal.
    TerminalCloseAsked(TerminalId),
    /// The user leaves.
    LeaveAsked(oneshot::Sender<()>),

    /// A connection attempt ended.
    Linked(Generation, Result<Link, Fault>),
    /// A connection broke.
    LinkLost(Generation, LostReason),
    /// The pause before the next attempt is over.
    RetryDue(Generation),
    /// The mirror of that folder said something.
    MirrorSaid(FolderName, Notice),
    /// The user has said what becomes of files that wait for a word; so many of them were asked about.
    Decided {
        /// In which folder.
        folder: FolderName,
        /// How many did then.
        count: usize,
        /// The answer.
        word: Word,
    },
    /// The user has said what becomes of a program that runs another text than what is here.
    WayChosen(SessionId, Way),
    /// Mirroring everything ended.
    MirrorEnded(Result<(), Fault>, Reply<Mirrored>),
    /// Everything is on the remote of that connection and the program may start, or it may not.
    BarrierPassed(Generation, Result<Arrived, Fault>, Box<DebugRequest>, Reply<Listening>),
    /// A debug start ended.
    Started(SessionId, Result<Box<Session>, Fault>, Reply<Listening>),
    /// Opening a terminal ended.
    TerminalOpened(TerminalId, Result<Box<Line>, Fault>, Reply<Opened>),
    /// A terminal shows something.
    TerminalShowed(TerminalId, Shown),
    /// A terminal ended.
    TerminalEnded(TerminalId, Ending),
    /// A job failed in a way that should never happen.
    JobPanicked,
    /// A session said something.
    SessionSaid(SessionId, SessionEvent),
}

/// How to mirror everything.
#[derive(Debug, Clone, Default)]
pub struct MirrorRequest {
    /// The target's name; without it, the one in use.
    pub target: Option<String>,
    /// What the local side wins over this once.
    pub overwrite: Overwrite,
    /// What becomes of files that wait for the user's word.
    pub word: Option<Word>,
}

/// Which of the files that somebody else changed are overwritten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// None.
    #[default]
    Nothing,
    /// All.
    All,
    /// These, relative as the status names them.
    These(Vec<String>),
}

impl Overwrite {
    /// Whether this one is.
    #[must_use]
    pub fn covers(&self, folder: &FolderName, path: &RelPath) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::These(paths) => paths.contains(&folder.file(path)),
        }
    }
}

/// The answer to [`Event::RootAsked`]: all that an attach configuration needs.
#[derive(Debug, Clone)]
pub struct Rooted {
    /// Which local folder is which remote one, canonical; that in which programs start comes first.
    pub roots: Vec<(LocalPath, RemotePath)>,
    /// What is known without asking the remote.
    pub project: Project,
    /// How a client and a debugger meet.
    pub meeting: Meeting,
}

/// What this side knows of a project and its target.
#[derive(Debug, Clone)]
pub struct Project {
    /// Name of the target.
    pub target: String,
    /// The settings of debug sessions.
    pub debug: DebugSettings,
    /// How a client and a debugger meet.
    pub wish: Wish,
}

impl Event {
    /// Whether it can't be handled before the settings are known.
    #[must_use]
    pub fn needs_settings(&self) -> bool {
        matches!(
            self,
            Self::Saved(_)
                | Self::ConnectAsked(..)
                | Self::MirrorAsked(..)
                | Self::PlanAsked(..)
                | Self::RemoteFileAsked(..)
                | Self::TakeAsked(..)
                | Self::ProcessesAsked(..)
                | Self::TrashAsked(..)
                | Self::RunsAsked(..)
                | Self::RestoreAsked(..)
                | Self::ExplainAsked(..)
                | Self::BreakpointAsked(..)
                | Self::Hovered(..)
                | Self::DebugAsked(..)
                | Self::LaunchAsked(..)
                | Self::RootAsked(..)
                | Self::ExamineAsked(..)
                | Self::TerminalAsked(..)
        )
    }
}
