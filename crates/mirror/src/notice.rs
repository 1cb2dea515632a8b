//! Owns what the mirror tells its owner. Never decides anything.

use std::time::Duration;

use remora_model::{Digest, RelPath, RemotePath};

use crate::error::MirrorError;

/// At most this many paths are named in one [`Notice::Mirrored`].
pub const PATHS_NAMED: usize = 100;

/// Something the owner should know.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The whole status; sent only when it changed.
    Status(Status),
    /// The remote root is known, and there.
    RootReady {
        /// Its canonical path.
        remote_root: RemotePath,
    },
    /// Whoever mirrored here before was ended in the middle of it: what is left is being done now.
    Resumed {
        /// How many paths differ.
        left: u64,
    },
    /// One batch is stored on the remote and confirmed: a save, a group of changes seen together, or a
    /// whole comparison with its upload (which is told even when nothing had to be done).
    Mirrored {
        /// Files and links written, removed, or given a new mode or time; directories do not count.
        files: u64,
        /// Bytes of file contents sent.
        bytes: u64,
        /// From the change being seen to the last confirmation.
        elapsed: Duration,
        /// Which, [`PATHS_NAMED`] at most.
        paths: Vec<RelPath>,
        /// The Python sources among the files written, [`PATHS_NAMED`] at most: a program that runs may have
        /// loaded the text before.
        sources: Vec<RelPath>,
    },
    /// How far the work under way is; sent ten times a second at most.
    Progress(Progress),
    /// The remote file is not what was put there. It is left alone until the user chooses; told once.
    Diverged {
        /// Which.
        path: RelPath,
    },
    /// So many files are gone here that they are not removed there before the user says so; told once for a set.
    ManyRemovals {
        /// How many wait for that now.
        count: usize,
        /// Which, in order, [`PATHS_NAMED`] at most.
        paths: Vec<RelPath>,
    },
    /// So many files are so large that they are not sent before the user says so; told once.
    LargeFiles {
        /// How many wait for that now.
        count: usize,
        /// How large they are together.
        bytes: u64,
        /// Which, in order, and how large each is; [`PATHS_NAMED`] at most.
        files: Vec<(RelPath, u64)>,
    },
    /// Something could not be done; told once for as long as it stays the same.
    Trouble {
        /// On what, if it is about one path.
        path: Option<RelPath>,
        /// What.
        error: MirrorError,
    },
}

/// How many files of ours go in one set without anybody being asked; 0 means any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RemovalLimits {
    /// At most so many.
    pub files: u64,
    /// At most so many of a hundred that are ours; counts from ten files on.
    pub percent: u64,
}

/// What becomes of files that are gone here and were too many to be removed there unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldFiles {
    /// They are removed.
    Remove,
    /// They stay, and are ours no longer.
    Keep,
}

/// What becomes of files that are too large to be sent unasked. It counts until a file has outgrown it: is more than
/// twice the limit, four times, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LargeFiles {
    /// They are sent.
    Send,
    /// They are not, and not asked about again.
    LeaveOut,
}

/// How far the work since the mirror was last idle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Files done.
    pub files_done: u64,
    /// Files to do, those done included.
    pub files_total: u64,
    /// Bytes sent.
    pub bytes_done: u64,
    /// Bytes to send, those sent included, as far as known.
    pub bytes_total: u64,
}

/// What the mirror is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// No connection.
    #[default]
    WaitingForLink,
    /// Local and remote tree are being compared.
    Comparing,
    /// Changes are on their way.
    Uploading,
    /// All that is here is there.
    InSync,
    /// All that could be done is done; `diverged`, `failed` and `halted` say what is not.
    Incomplete,
    /// The user wants no changes sent for now.
    Paused,
    /// Nothing can be done until `halted` is dealt with; a rescan or a new connection tries again.
    Halted,
}

/// At most this many paths are named as waiting: more than anybody looks at.
pub const PATHS_WAITING: usize = 1000;

/// The whole status.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// What the mirror is doing.
    pub phase: Phase,
    /// How many changes wait or are on their way.
    pub pending: usize,
    /// Which, in order, the first [`PATHS_WAITING`] of them. What a first comparison will find is not known
    /// before its end.
    pub waiting: Vec<RelPath>,
    /// How far a bulk upload is; nothing while only a few files are on their way.
    pub progress: Option<Progress>,
    /// Paths whose remote content is not what was put there.
    pub diverged: Vec<RelPath>,
    /// Paths that could not be mirrored, and why.
    pub failed: Vec<(RelPath, MirrorError)>,
    /// How many files are gone here and wait for the user's word to be removed there.
    pub held: usize,
    /// Large files that wait for the user's word to be sent, and their sizes.
    pub large: Vec<(RelPath, u64)>,
    /// Large files that the user does not want to be sent.
    pub declined: Vec<RelPath>,
    /// What stopped everything, if something did: no space, a read-only or missing root, …
    pub halted: Option<MirrorError>,
    /// The remote root's canonical path, once known.
    pub remote_root: Option<RemotePath>,
}

/// Everything that was pending when the barrier was asked for is on the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    /// The remote root's canonical path.
    pub remote_root: RemotePath,
    /// How many files and links stand there as they do here.
    pub files: u64,
    /// What stands there, as one digest: a run that keeps it can say which tree it ran.
    pub manifest: Digest,
}

/// Why a barrier can't be passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// These were changed on the remote by somebody else.
    #[error("{} files were changed on the remote", .0.len())]
    Diverged(Vec<RelPath>),
    /// So many files are gone here that they wait for the user's word to be removed there; the first
    /// [`PATHS_NAMED`] of them.
    #[error("{0} removals wait for the user's word")]
    Held(usize, Vec<RelPath>),
    /// So many files are so large that they wait for the user's word to be sent; the first [`PATHS_NAMED`] of them,
    /// with their sizes.
    #[error("{0} large files wait for the user's word")]
    Large(usize, Vec<(RelPath, u64)>),
    /// This one could not be mirrored.
    #[error("{0}: {1}")]
    Failed(RelPath, MirrorError),
    /// Nothing can be mirrored.
    #[error(transparent)]
    Halted(MirrorError),
    /// There is no connection.
    #[error("there is no connection")]
    LinkLost,
    /// Mirroring is paused.
    #[error("mirroring is paused")]
    Paused,
    /// The local root is gone.
    #[error("the local root is gone")]
    RootGone,
    /// The mirror has ended.
    #[error("the mirror has ended")]
    Ended,
}

/// One line of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedChange {
    /// On what.
    pub path: RelPath,
    /// What would be done.
    pub change: Change,
    /// Bytes that would be sent for it, at most.
    pub bytes: u64,
}

/// What would be done to one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A file that is not there would be written.
    Upload,
    /// A file that is there, and ours, would be replaced.
    Replace,
    /// A directory would be made.
    Mkdir,
    /// A symbolic link would be made or replaced.
    Symlink,
    /// Mode or time of modification would be set.
    Meta,
    /// What we put there, and is gone here, would be removed.
    Remove,
    /// The same, of so many that they would wait for the user's word.
    Held,
    /// A file that is too large to be sent unasked: it would wait for the user's word.
    Large,
    /// One that the user does not want to be sent.
    Declined,
    /// The remote was changed by somebody else: it would be left alone.
    Diverged,
    /// It can't be mirrored (unreadable here, or outside the root there).
    Impossible,
}
