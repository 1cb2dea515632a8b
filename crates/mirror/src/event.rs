//! Owns what can happen to a mirror and what a mirror can ask to be done. Data only.

use remora_agent::{ChangeKind, Expect, Surveyed};
use remora_model::{Digest, Mode, Mtime, RelPath, RemotePath};

use crate::compare::Comparison;
use crate::error::MirrorError;
use crate::look::{LookSpec, Looked};
use crate::notice::{Barrier, Blocked, HeldFiles, LargeFiles, Notice};
use crate::record::{FileRecord, Line, Records};

/// Something happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A connection is there; which one.
    LinkUp(u64),
    LinkLost,
    /// That connection turned out to be gone.
    LinkEnded(u64),
    /// The editor saved this file.
    Saved(RelPath),
    /// The watcher saw these, together.
    Seen(Vec<Sight>),
    /// The watcher lost track.
    Overflowed,
    /// The watcher can't do its work.
    Unwatched(MirrorError),
    Rescan,
    Pause,
    Resume,
    /// The user chose that these replace what is there; all diverged ones if empty.
    Overwrite(Vec<RelPath>),
    /// The user chose what becomes of what is held.
    DecideHeld(HeldFiles),
    /// The user chose what becomes of the large files that wait.
    DecideLarge(LargeFiles),
    /// The user chose that the remote file replaces this one; somebody waits for it.
    Take(u64, RelPath),
    /// That was done: what stands there now, on both sides, if it is to be recorded; or it failed.
    Taken(u64, RelPath, Result<Option<FileRecord>, MirrorError>),
    /// Somebody waits for everything to be there.
    Barrier(u64),
    /// The remote root was opened, over that connection; and what is recorded of it
    /// if that is not known already.
    RootOpened(u64, Result<(RemotePath, Option<Records>), MirrorError>),
    /// A comparison ended.
    Compared(Result<Comparison, MirrorError>),
    /// What was found where it was looked, and whether any of it was urgent.
    Looked {
        found: Vec<(RelPath, Looked)>,
        urgent: bool,
    },
    /// Nothing would come of these, unless they were touched after that time.
    Sifted(Vec<(RelPath, u64)>),
    /// What came of changes that were sent together.
    Sent(Vec<(RelPath, Outcome)>),
    /// So many more bytes of a large file are on their way.
    Streamed(u64),
    /// A time that was asked for has come.
    Tick,
}

/// What the watcher saw of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) path: RelPath,
    pub(crate) what: Seen,
}

/// How a path came to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Somebody who had it open for writing closed it, or changed its mode.
    Changed,
    /// Somebody is writing; the end is not in sight.
    Writing,
    /// It came, went, or took another's place: if it is a directory, so did all in it.
    Moved,
}

/// Something is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Job {
    /// Open the remote root and the record of it.
    OpenRoot(u64),
    /// Compare both trees with this record.
    Compare {
        records: Records,
        overwrite: bool,
    },
    /// The user said that the local root is meant to be as it is.
    MeanRoot,
    /// Look at these.
    Look(Vec<LookSpec>),
    /// Say of which of these nothing would come.
    Sift(Vec<(LookSpec, u64)>),
    /// Change this on the remote, as soon as what goes with it is known.
    Send {
        path: RelPath,
        op: Op,
        urgent: bool,
    },
    /// Put this file, which is too large for that, on the remote.
    Stream(RelPath, Large),
    /// Replace this here by what is there.
    Take(u64, RelPath),
    /// Answer whoever waited for that.
    Took(u64, Result<(), MirrorError>),
    /// Keep these lines of the record, before anything that follows.
    Keep(Vec<Line>),
    /// The ignore files changed.
    ForgetRules,
    Tell(Notice),
    Answer(u64, Result<Barrier, Blocked>),
}

/// What has to be done before a change.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Way {
    /// Directories to be made first, outermost first.
    pub(crate) dirs: Vec<RelPath>,
    /// What stands there and has to be removed first.
    pub(crate) clear: Option<Expect>,
}

/// One small change on the remote.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Op {
    pub(crate) way: Way,
    pub(crate) kind: ChangeKind,
}

/// A file that is read while it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Large {
    pub(crate) way: Way,
    pub(crate) size: u64,
    pub(crate) mode: Mode,
    pub(crate) mtime: Mtime,
    pub(crate) expect: Expect,
}

/// How a change went.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done. The digest of what was stored, if it is a file; the directories that were made for
    /// it, and whether each was not there before.
    Done { digest: Option<Digest>, dirs: Vec<(RelPath, bool)>, made: bool },
    /// The local file changed or vanished meanwhile; the remote one is as it was.
    Changed,
    /// Something else is there than was expected; this.
    Refused { there: Surveyed, digest: Option<Digest> },
    /// It failed.
    Failed(MirrorError),
}
