//! Owns the one error that a person sees: [`Fault`]. Never decides what happens next.
//!
//! Every wording for the user is in this file and its submodules, so that the sentences keep one
//! voice: what failed, on what, what to do.

use serde::Serialize;

mod account;
mod agent;
mod attach;
mod breakpoint;
mod debug;
mod explain;
mod mirror;
pub mod setup;
mod terminal;
mod transport;

pub use account::{SudoRefusal, account_lost, account_may_not_read, no_agent_of, no_sudo, sudo_declined, sudo_refused};
pub use agent::{boot, lost, not_absolute, other, root, root_missing, root_read_only};
pub use breakpoint::not_hit;
pub use debug::{adrift, notice};
pub use explain::{Explained, explained, in_no_folder};
pub use mirror::{blocked, held, large, mirror};
pub use terminal::{no_folder, terminal, terminal_lost};
pub use transport::unreachable;

/// What went wrong, for a person and for a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// For scripts; does not change once published.
    pub kind: Kind,
    /// What failed, on what: one sentence.
    pub message: String,
    /// What to do about it: one sentence.
    pub hint: String,
    /// The chain of causes, for the log.
    #[serde(skip)]
    pub source_chain: Option<String>,
}

/// The kinds of fault, by the names that scripts see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The host name has no address.
    UnknownHost,
    /// Nobody listens on that port of the host.
    ConnectionRefused,
    /// The host did not answer.
    ConnectionTimedOut,
    /// The connection broke.
    ConnectionLost,
    /// The host's key is not known and was not accepted.
    HostKeyUnknown,
    /// The host's key is not the one on record.
    HostKeyChanged,
    /// The host's key is revoked.
    HostKeyRevoked,
    /// The login was refused.
    AuthFailed,
    /// The user declined.
    Cancelled,
    /// A proxy or jump host failed.
    ProxyFailed,
    /// A program on this machine is missing.
    ProgramMissing,
    /// The transport's command ended or spoke nonsense.
    CommandFailed,
    /// The user's `ssh_config` can't be read.
    SshConfig,
    /// No Python on the remote.
    NoPython,
    /// Only a Python that is too old for the agent.
    PythonTooOld,
    /// The agent did not start.
    BootFailed,
    /// The agent broke the protocol, or something that should never happen did.
    Internal,
    /// The remote root is not there.
    RemoteRootMissing,
    /// The remote root can't be written.
    RemoteRootReadOnly,
    /// No permission on the remote.
    Permission,
    /// The remote disk is full.
    NoSpace,
    /// A remote file is not what was put there.
    Diverged,
    /// A path would leave the remote root.
    OutsideRoot,
    /// Something else is where a file or folder should go.
    InTheWay,
    /// A local file can't be read.
    LocalUnreadable,
    /// Two local files would be one on the remote.
    SameName,
    /// A local file vanished while it was read.
    LocalVanished,
    /// The local root is gone.
    LocalRootGone,
    /// Nothing of what was mirrored is in the local root any more.
    LocalRootEmptied,
    /// The system watches no more folders.
    WatchLimit,
    /// More files are gone here than are removed there unasked.
    ManyDeletions,
    /// Files that are so large that they are not sent unasked.
    LargeFiles,
    /// The user paused mirroring.
    MirrorPaused,
    /// A remote file is too large to be brought here.
    TooLarge,
    /// Somebody else mirrors to the same remote root.
    RootClaimed,
    /// Something that was replaced or removed on the remote could not be kept.
    TrashFailed,
    /// An upload failed for another reason.
    MirrorFailed,
    /// A file is not there: the program's, or the remote one that was asked for.
    FileMissing,
    /// The interpreter for the program is not there or does not run.
    InterpreterMissing,
    /// What the interpreter was to run behind has not run it.
    PrefixFailed,
    /// `sudo` lets the login run nothing as the account that the program is to run as.
    SudoRefused,
    /// The interpreter does not find the module to run.
    ModuleMissing,
    /// The debugger can't work with that interpreter.
    DebuggerUnsupported,
    /// What runs on the remote already can't be attached to.
    CannotAttach,
    /// The debugger could not be brought to the remote.
    DebuggerPushFailed,
    /// The program ended before a debugger listened.
    ProgramDied,
    /// The program did not listen in time.
    StartTimedOut,
    /// The port is taken, here or on the remote.
    PortTaken,
    /// A port that a client or the program has to reach can't be reached.
    PortUnreachable,
    /// A debugger can be reached by others than its user.
    PortExposed,
    /// No debug session of that name.
    NoSession,
    /// A setting has the wrong type.
    BadSettings,
    /// No target is configured or named so.
    NoTarget,
    /// The request or the command line is wrong.
    BadRequest,
    /// `launch.json` does not parse, or has no place for an entry.
    LaunchJsonInvalid,
    /// A local file can't be written.
    LocalUnwritable,
}

impl Fault {
    /// A fault with its sentences.
    pub fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into(), source_chain: None }
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut chain = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            next = cause.source();
        }
        self.source_chain = Some(chain);
        self
    }

    /// Something panicked, and was contained.
    pub fn panicked() -> Self {
        Self::internal("Something failed inside Remora; it goes on.")
    }

    /// A defect of ours.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Kind::Internal, what, "This is a defect of Remora; please report it with the log.")
    }

    /// Whether it is about single files, so that the others are not concerned.
    #[must_use]
    pub fn is_about_files(&self) -> bool {
        use Kind::{
            Diverged, InTheWay, LargeFiles, LocalUnreadable, LocalVanished, ManyDeletions, NoSpace, OutsideRoot,
            Permission, SameName,
        };
        matches!(
            self.kind,
            Diverged
                | InTheWay
                | LargeFiles
                | LocalUnreadable
                | SameName
                | LocalVanished
                | ManyDeletions
                | NoSpace
                | OutsideRoot
                | Permission
        )
    }

    /// Whether trying again by itself may help: the network's faults, not the login's.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use Kind::{
            BootFailed, CommandFailed, ConnectionLost, ConnectionRefused, ConnectionTimedOut, ProxyFailed, UnknownHost,
        };
        matches!(
            self.kind,
            UnknownHost
                | ConnectionRefused
                | ConnectionTimedOut
                | ConnectionLost
                | ProxyFailed
                | CommandFailed
                | BootFailed
        )
    }
}

impl From<remora_model::SettingsError> for Fault {
    fn from(error: remora_model::SettingsError) -> Self {
        Self::new(
            Kind::BadSettings,
            format!("The setting {error}."),
            "Correct it in .vscode/settings.json or the user settings.",
        )
    }
}
