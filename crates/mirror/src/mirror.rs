//! Owns the handle by which the rest of Remora speaks to a mirror. Never holds the mirror's state:
//! that lives in the one task behind the handle.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use remora_agent::{Link, TrashLimits};
use remora_model::{LocalPath, Policy, RelPath};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::MirrorError;
use crate::notice::{Barrier, Blocked, HeldFiles, LargeFiles, Notice, PlannedChange, RemovalLimits, Status};

/// What to mirror, where to, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// The local folder.
    pub local_root: LocalPath,
    /// The remote folder as the user gave it; `~` and `~/…` mean the login's home.
    pub remote_root: String,
    /// Whether a missing remote folder is made.
    pub create_root: bool,
    /// Remote folders above it that are made with it, outermost first.
    pub above: Vec<String>,
    /// What of it is mirrored, and how.
    pub policy: Policy,
    /// Where the record of what is ours is kept; without it, it is kept in memory only.
    pub index_file: Option<PathBuf>,
    /// The user chose that the local file wins over whatever is on the remote.
    pub overwrite: bool,
    /// Whether changes made outside the editor are mirrored too.
    pub watch: bool,
    /// How many files go in one set unasked.
    pub removals: RemovalLimits,
    /// How much is kept of what is replaced or removed on the remote.
    pub trash: TrashLimits,
    /// Whether a local root in which nothing is left of what was mirrored is meant to be so.
    pub emptied: bool,
}

/// A running mirror. Clones share it; when the last is dropped it ends, its watcher with it.
#[derive(Clone)]
pub struct Mirror {
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<Status>,
}

/// What the handle asks of the task.
pub(crate) enum Command {
    LinkUp(Link),
    LinkLost,
    Saved(PathBuf),
    Rescan,
    Pause,
    Resume,
    Overwrite(Vec<RelPath>),
    DecideHeld(HeldFiles),
    DecideLarge(LargeFiles),
    Take(PathBuf, oneshot::Sender<Result<(), MirrorError>>),
    Barrier(oneshot::Sender<Result<Barrier, Blocked>>),
    Plan(oneshot::Sender<Result<Vec<PlannedChange>, MirrorError>>),
}

/// Starts a mirror; it waits for a link. Must be called inside a tokio runtime.
///
/// # Errors
/// [`MirrorError::LocalRootGone`] when the local root is no directory; [`MirrorError::Other`] for an
/// pattern of the policy that can't be understood.
pub fn start(config: Config, notices: mpsc::UnboundedSender<Notice>) -> Result<Mirror, MirrorError> {
    // The owner may have stopped listening; the mirror goes on.
    start_telling(config, Arc::new(move |notice| drop(notices.send(notice))))
}

/// Who hears what a mirror says; must not block.
pub type Tell = Arc<dyn Fn(Notice) + Send + Sync>;

/// As [`start`], for an owner of several mirrors, who has to know which one says what.
///
/// # Errors
/// As [`start`].
pub fn start_telling(config: Config, tell: Tell) -> Result<Mirror, MirrorError> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let (status_out, status) = watch::channel(Status::default());
    crate::task::start(config, tell, inbox, status_out)?;
    Ok(Mirror { commands, status })
}

impl Mirror {
    /// A connection is there (again): compares both trees and sends what is missing.
    pub fn link_up(&self, link: Link) {
        self.send(Command::LinkUp(link));
    }

    /// The connection is gone: work waits for the next one.
    pub fn link_lost(&self) {
        self.send(Command::LinkLost);
    }

    /// The editor saved the file at this absolute path: sends it at once. Outside the root or ignored:
    /// nothing happens.
    pub fn saved(&self, path: &Path) {
        self.send(Command::Saved(path.to_owned()));
    }

    /// Compares everything again and sends what differs.
    pub fn rescan(&self) {
        self.send(Command::Rescan);
    }

    /// Sends nothing until [`Mirror::resume`]; what changes meanwhile waits. Before the first
    /// [`Mirror::link_up`] it keeps the initial comparison from happening, so that [`Mirror::plan`] can be
    /// asked first.
    pub fn pause(&self) {
        self.send(Command::Pause);
    }

    /// Sends again, what waited first.
    pub fn resume(&self) {
        self.send(Command::Resume);
    }

    /// The user chose: the local file replaces the diverged remote one. All of them if `which` is empty.
    pub fn overwrite(&self, which: Vec<RelPath>) {
        self.send(Command::Overwrite(which));
    }

    /// The user chose what becomes of the files that are held ([`Status::held`]).
    pub fn decide_held(&self, word: HeldFiles) {
        self.send(Command::DecideHeld(word));
    }

    /// The user chose what becomes of the large files that wait ([`Status::large`]).
    pub fn decide_large(&self, word: LargeFiles) {
        self.send(Command::DecideLarge(word));
    }

    /// The user chose: the remote file replaces the local one, whole or not at all, and counts as in sync from
    /// then on. Also while paused.
    ///
    /// # Errors
    /// Why it can't; the local file is as it was then. [`MirrorError::NotThere`] when there is none to take.
    pub async fn take(&self, path: &Path) -> Result<(), MirrorError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Take(path.to_owned(), answer));
        answered.await.unwrap_or(Err(MirrorError::Ended))
    }

    /// Waits until everything that is pending now is on the remote. What failed before is tried once more.
    ///
    /// # Errors
    /// Why it can't be.
    pub async fn barrier(&self) -> Result<Barrier, Blocked> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Barrier(answer));
        answered.await.unwrap_or(Err(Blocked::Ended))
    }

    /// Compares and says what would be done, in the order of the paths; changes nothing, also not while
    /// paused.
    ///
    /// # Errors
    /// What keeps the trees from being compared.
    pub async fn plan(&self) -> Result<Vec<PlannedChange>, MirrorError> {
        let (answer, answered) = oneshot::channel();
        self.send(Command::Plan(answer));
        answered.await.unwrap_or(Err(MirrorError::Ended))
    }

    /// The whole status as of now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    fn send(&self, command: Command) {
        // The task ends only after the last handle, or by a panic that the runtime has reported.
        let _ = self.commands.send(command);
    }
}
