//! Owns what can go wrong while mirroring. Never words it for the user.

use std::io;

use crate::spelling::Twins;
use remora_agent::{AgentError, LostReason, OpErrorKind};
use remora_model::{Kind, RelPath, RemotePath};

/// Anything that keeps a file, or the whole tree, from being mirrored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// The remote disk or quota is full. The old file there is whole; the rest waits.
    #[error("no space left on the remote for {path}")]
    NoSpace {
        /// The file that did not fit.
        path: RelPath,
    },
    /// The login may not write or remove this.
    #[error("the remote login may not change {path}")]
    Permission {
        /// The path.
        path: RelPath,
    },
    /// The remote file system is read-only.
    #[error("the remote file system is read-only")]
    ReadOnly,
    /// On the remote, a directory above `path` is a symbolic link: writing there would leave the root.
    #[error("{path} would leave the remote root")]
    OutsideRoot {
        /// The path.
        path: RelPath,
    },
    /// What is on the remote is not what was put there.
    #[error("{path} was changed on the remote")]
    Diverged {
        /// The path.
        path: RelPath,
    },
    /// On the remote a directory is where a file should be, or the other way round, and it is not ours.
    #[error("something else is in the way of {path} on the remote")]
    InTheWay {
        /// The path.
        path: RelPath,
    },
    /// A local file or directory can't be read.
    #[error("can't read {path}: {message}")]
    LocalUnreadable {
        /// The path.
        path: RelPath,
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The system's words.
        message: String,
    },
    /// Two local files have names that are one on the remote; neither is mirrored.
    #[error("two local names are {path} on the remote")]
    Twins {
        /// That one.
        path: RelPath,
    },
    /// A local file can't be written.
    #[error("can't write {path}: {message}")]
    LocalUnwritable {
        /// The path.
        path: RelPath,
        /// The system's words.
        message: String,
    },
    /// This is not in the local root.
    #[error("{path} is not in the local root")]
    NotInside {
        /// As it was given.
        path: String,
    },
    /// Nothing of this is in the trash, or not any more.
    #[error("nothing of {path} is kept")]
    NotKept {
        /// The path.
        path: RelPath,
    },
    /// There is a local file already.
    #[error("{path} is here")]
    AlreadyHere {
        /// The path.
        path: RelPath,
    },
    /// Somebody else mirrors to the same remote root; told once for a connection.
    #[error("{user} on {host} mirrors {root} to the same remote root")]
    Claimed {
        /// Their machine.
        host: String,
        /// Their login there.
        user: String,
        /// Their local root.
        root: String,
    },
    /// Something that was replaced or removed on the remote could not be kept; told once.
    #[error("can't keep what is replaced: {0}")]
    Trash(String),
    /// There is no such file on the remote.
    #[error("there is no {path} on the remote")]
    NotThere {
        /// The path.
        path: RelPath,
    },
    /// What is there on the remote is no regular file.
    #[error("{path} is no file on the remote")]
    NoFile {
        /// The path.
        path: RelPath,
        /// What it is.
        kind: Kind,
    },
    /// The remote file is larger than what is brought here.
    #[error("{path} has {size} bytes, {limit} at most are read")]
    TooLarge {
        /// The path.
        path: RelPath,
        /// Its size in bytes.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The login may not read this on the remote.
    #[error("the remote login may not read {path}")]
    RemoteUnreadable {
        /// The path.
        path: RelPath,
    },
    /// The file is gone or keeps changing faster than it can be read.
    #[error("{path} does not hold still to be read")]
    Vanished {
        /// The path.
        path: RelPath,
    },
    /// The remote root is not there, and may not be made.
    #[error("the remote root {path} is not there")]
    RootMissing {
        /// As the user gave it.
        path: String,
    },
    /// The remote root was there, and is no more.
    #[error("the remote root {path} is gone")]
    RemoteRootGone {
        /// The root.
        path: RemotePath,
    },
    /// The login may not write in the remote root.
    #[error("the remote root {path} is not writable")]
    RootNotWritable {
        /// The root.
        path: RemotePath,
    },
    /// The local root is gone, or another directory has its name. Nothing is deleted on the remote for it.
    #[error("the local root is gone")]
    LocalRootGone,
    /// Nothing of what was mirrored is in the local root any more: a file system that is no longer mounted looks like
    /// that. Nothing is deleted on the remote for it before the user says so.
    #[error("nothing of {files} files is in the local root any more")]
    LocalRootEmptied {
        /// How many files are recorded.
        files: usize,
    },
    /// The system allows no more watched directories; changes are looked for at intervals instead.
    #[error("more directories than the system lets us watch ({limit:?})")]
    WatchLimit {
        /// How many directories are watched.
        watched: usize,
        /// `fs.inotify.max_user_watches`, where it could be read.
        limit: Option<u64>,
    },
    /// The user runs as many watchers as the system allows; changes are looked for at intervals instead.
    #[error("more watchers than the system lets one user run ({limit:?})")]
    WatchInstances {
        /// `fs.inotify.max_user_instances`, where it could be read.
        limit: Option<u64>,
    },
    /// The local root, or a part of it, is on a file system that others change without this system noticing; changes
    /// are looked for at intervals besides.
    #[error("changes on a file system of kind {kind} are not all told to this system")]
    Distant {
        /// Which one.
        kind: &'static str,
    },
    /// Changes outside the editor can't be watched; they are looked for at intervals instead.
    #[error("can't watch for changes: {0}")]
    Watch(String),
    /// The record of what is ours can't be used; everything is compared anew.
    #[error("the record of what was mirrored can't be used: {0}")]
    Record(String),
    /// The connection ended.
    #[error("the connection was lost: {0}")]
    Link(LostReason),
    /// The mirror has ended.
    #[error("the mirror has ended")]
    Ended,
    /// Anything else, in the remote's or the system's own words.
    #[error("{0}")]
    Other(String),
}

impl MirrorError {
    /// What the failure of a request about `path` means.
    pub(crate) fn of(path: &RelPath, error: AgentError) -> Self {
        let op = match error {
            AgentError::Lost(reason) => return Self::Link(reason),
            AgentError::Op(op) => op,
        };
        let path = path.clone();
        match op.kind {
            OpErrorKind::NoSpace => Self::NoSpace { path },
            OpErrorKind::Permission => Self::Permission { path },
            OpErrorKind::ReadOnly => Self::ReadOnly,
            OpErrorKind::OutsideRoot => Self::OutsideRoot { path },
            OpErrorKind::Diverged => Self::Diverged { path },
            OpErrorKind::InTheWay => Self::InTheWay { path },
            _ => Self::Other(op.message),
        }
    }

    /// What the failure of reading `path` here means.
    pub(crate) fn unreadable(path: &RelPath, error: &io::Error) -> Self {
        if Twins::is(error) {
            return Self::Twins { path: path.clone() };
        }
        Self::LocalUnreadable { path: path.clone(), kind: error.kind(), message: error.to_string() }
    }

    /// Whether it would meet every other file too, so that going on makes no sense.
    pub(crate) fn stops_all(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::ReadOnly)
    }
}
