//! Owns the comparison of the local tree, the remote tree and the record of what is ours: what is the
//! same, what must be done, what was changed by somebody else. Pure: everything it knows is handed in,
//! and where sizes and times do not settle a question it says which digests it needs.

use std::collections::HashMap;

use remora_agent::Surveyed;
use remora_model::{Digest, Entry, Kind, Mode, Modes, Mtime, RelPath};

use crate::error::MirrorError;
use crate::large::judged;
use crate::modes::wanted;
use crate::notice::Change;
use crate::record::{FileRecord, Line, LineKind, Record, Records, Seen, is_racy};
use crate::scan::Listing;

/// Everything a comparison goes by.
pub(crate) struct Trees<'a> {
    pub(crate) listing: &'a Listing,
    pub(crate) remote: &'a HashMap<RelPath, Surveyed>,
    pub(crate) records: &'a Records,
    /// Local digests that were asked for; nothing where the file is gone.
    pub(crate) local_digests: &'a HashMap<RelPath, Result<Option<Digest>, MirrorError>>,
    /// Remote digests that were asked for; nothing where there is none.
    pub(crate) remote_digests: &'a HashMap<RelPath, Option<Digest>>,
    /// When the listing was begun, by this machine's clock.
    pub(crate) now: Mtime,
    /// The largest file that is sent unasked; 0 is any.
    pub(crate) max_file: u64,
    /// Which permission bits count.
    pub(crate) modes: Modes,
    /// The user chose that the local tree wins.
    pub(crate) overwrite: bool,
}

/// What a comparison found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// What is now known to be on the remote, where the record said something else.
    pub(crate) lines: Vec<Line>,
    /// What has to be done, directories before what is in them.
    pub(crate) dirty: Vec<Dirty>,
    /// Of what has to be done, the files and links that are gone here; and how many were recorded.
    pub(crate) gone: Vec<RelPath>,
    pub(crate) files: usize,
    /// What was changed by somebody else.
    pub(crate) diverged: Vec<RelPath>,
    /// What can't be mirrored.
    pub(crate) failed: Vec<(RelPath, MirrorError)>,
    /// Paths whose local digest has to be known first.
    pub(crate) ask_local: Vec<RelPath>,
    /// Paths whose remote digest has to be known first.
    pub(crate) ask_remote: Vec<RelPath>,
}

/// One path that has to be looked at and sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dirty {
    pub(crate) path: RelPath,
    pub(crate) change: Change,
    /// Bytes that it may take.
    pub(crate) size: u64,
    /// Whatever is there is to be replaced.
    pub(crate) any: bool,
}

/// What is to be thought of one path.
#[derive(Debug, PartialEq)]
enum Verdict {
    Same(Option<Record>),
    Dirty(Change, Option<LineKind>),
    Forget,
    Diverged,
    Failed(MirrorError),
    Ask { local: bool, remote: bool },
}

/// The paths of which the remote has to be asked: what is here, what we put there, and what we may have put
/// there before an answer was lost. What is left out now, or can't be looked at here, is nobody's business.
pub(crate) fn paths_to_survey(
    listing: &Listing,
    records: &Records,
    ignored: &dyn Fn(&RelPath, bool) -> bool,
) -> Vec<RelPath> {
    let mut paths: Vec<RelPath> = listing.entries.keys().cloned().collect();
    let recorded = records.iter().map(|(path, record)| (path, matches!(record, Record::Dir { .. })));
    let intended = records.intended().map(|path| (path.clone(), records.may_have_made(path)));
    for (path, is_dir) in recorded.chain(intended) {
        let unknown = || listing.unreadable.iter().any(|(unreadable, _)| path.is_within(unreadable));
        if !listing.entries.contains_key(&path) && !unknown() && !ignored(&path, is_dir) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Compares. When digests are asked for, they have to be fetched and the comparison repeated with them.
pub(crate) fn compare(paths: &[RelPath], trees: &Trees<'_>) -> Comparison {
    let (failed, files) = (trees.listing.unreadable.clone(), trees.records.files());
    let mut found = Comparison { failed, files, ..Comparison::default() };
    // A directory that can't be made, and one that is about to replace a file: what is below is not what
    // the survey says of it.
    let mut blocked: Option<RelPath> = None;
    let mut replaced: Option<RelPath> = None;
    for path in paths {
        if blocked.as_ref().is_some_and(|dir| path.is_within(dir)) {
            continue;
        }
        let below_replaced = replaced.as_ref().is_some_and(|dir| path.is_within(dir));
        let remote =
            if below_replaced { &Surveyed::Missing } else { trees.remote.get(path).unwrap_or(&Surveyed::Missing) };
        let local = trees.listing.entries.get(path);
        let is_dir = local.is_some_and(|entry| entry.kind == Kind::Dir);
        let verdict = judge(trees, path, local, remote);
        if is_dir {
            match &verdict {
                Verdict::Dirty(..) if is_leaf(remote) => replaced = Some(path.clone()),
                Verdict::Diverged if trees.overwrite => replaced = Some(path.clone()),
                Verdict::Diverged | Verdict::Failed(_) | Verdict::Ask { .. } => blocked = Some(path.clone()),
                _ => {}
            }
        }
        found.add(trees, path, local, verdict);
    }
    found
}

impl Comparison {
    /// Whether digests are missing.
    pub(crate) fn asks(&self) -> bool {
        !(self.ask_local.is_empty() && self.ask_remote.is_empty())
    }

    fn add(&mut self, trees: &Trees<'_>, path: &RelPath, local: Option<&Entry>, verdict: Verdict) {
        let line = |what| Line { path: path.clone(), what };
        let size = local.map_or(0, |entry| entry.size);
        let dirty = |change, any| {
            let sends = matches!(change, Change::Upload | Change::Replace)
                && local.is_some_and(|entry| entry.kind == Kind::File);
            let change = if sends { judged(trees.records, path, (size, trees.max_file), change) } else { change };
            Dirty { path: path.clone(), change, size, any }
        };
        match verdict {
            Verdict::Same(record) => self.lines.extend(record.map(|record| line(LineKind::Is(record)))),
            Verdict::Forget => self.lines.push(line(LineKind::Nothing(()))),
            Verdict::Dirty(change, what) => {
                self.lines.extend(what.map(line));
                let is_file = matches!(trees.records.get(path), Some(Record::File(_) | Record::Link { .. }));
                self.gone.extend((change == Change::Remove && is_file).then(|| path.clone()));
                self.dirty.push(dirty(change, false));
            }
            Verdict::Diverged if trees.overwrite => {
                let change = if local.is_some() { Change::Replace } else { Change::Remove };
                self.dirty.push(dirty(change, true));
            }
            Verdict::Diverged => self.diverged.push(path.clone()),
            Verdict::Failed(error) => self.failed.push((path.clone(), error)),
            Verdict::Ask { local, remote } => {
                self.ask_local.extend(local.then(|| path.clone()));
                self.ask_remote.extend(remote.then(|| path.clone()));
            }
        }
    }
}

fn is_leaf(remote: &Surveyed) -> bool {
    entry_there(remote).is_some_and(|entry| matches!(entry.kind, Kind::File | Kind::Symlink))
}

/// What stands there; of a link, only that is known and what it says.
pub(crate) fn entry_there(remote: &Surveyed) -> Option<Entry> {
    match remote {
        Surveyed::Found(entry) => Some(entry.clone()),
        Surveyed::Link(_) => Some(Entry { kind: Kind::Symlink, size: 0, mtime: Mtime(0), mode: Mode(0o777) }),
        Surveyed::Missing | Surveyed::Outside | Surveyed::Closed => None,
    }
}

fn judge(trees: &Trees<'_>, path: &RelPath, local: Option<&Entry>, remote: &Surveyed) -> Verdict {
    let record = trees.records.get(path);
    let drop_record = record.as_ref().map(|_| LineKind::Nothing(()));
    let Some(local) = local else { return judge_gone(trees, path, remote) };
    let new = match local.kind {
        Kind::Dir => Change::Mkdir,
        Kind::Symlink => Change::Symlink,
        Kind::File | Kind::Other => Change::Upload,
    };
    let there = &match remote {
        Surveyed::Missing => return Verdict::Dirty(new, drop_record),
        Surveyed::Outside => return Verdict::Failed(MirrorError::OutsideRoot { path: path.clone() }),
        Surveyed::Closed => return Verdict::Failed(MirrorError::RemoteUnreadable { path: path.clone() }),
        Surveyed::Found(_) | Surveyed::Link(_) => entry_there(remote).unwrap_or_else(|| local.clone()),
    };
    let in_the_way = || Verdict::Failed(MirrorError::InTheWay { path: path.clone() });
    let ours_dir = matches!(record, Some(Record::Dir { ours: true, .. }));
    let replacing = if new == Change::Upload { Change::Replace } else { new };
    match (local.kind, there.kind) {
        (_, Kind::Other) | (Kind::Other, _) => in_the_way(),
        (Kind::Dir, Kind::Dir) => judge_dirs(trees, path, local, there),
        (_, Kind::Dir) if ours_dir => Verdict::Dirty(replacing, None),
        // We were about to make it when the answer was lost.
        (_, Kind::Dir) if record.is_none() && trees.records.may_have_made(path) => {
            let made = Record::Dir { ours: true, mode: Mode(there.mode.0 & 0o777) };
            Verdict::Dirty(replacing, Some(LineKind::Is(made)))
        }
        (_, Kind::Dir) => in_the_way(),
        (Kind::File, Kind::File) => judge_files(trees, path, local, there),
        _ => judge_unlike(trees, path, local, there, new),
    }
}

/// Gone here, and ours there.
fn judge_gone(trees: &Trees<'_>, path: &RelPath, remote: &Surveyed) -> Verdict {
    let Some(there) = &entry_there(remote) else { return Verdict::Forget };
    match (trees.records.get(path), there.kind) {
        (Some(Record::Dir { ours: true, .. }), Kind::Dir) => Verdict::Dirty(Change::Remove, None),
        (Some(Record::File(known)), Kind::File) if is_untouched(&known, there) => Verdict::Dirty(Change::Remove, None),
        (Some(Record::File(_) | Record::Link { .. }), Kind::File | Kind::Symlink) => {
            match trees.remote_digests.get(path) {
                None => Verdict::Ask { local: false, remote: true },
                Some(Some(digest)) if trees.records.is_ours(path, digest, there.size, there.mtime) => {
                    Verdict::Dirty(Change::Remove, Some(LineKind::Is(as_found(there, *digest))))
                }
                Some(_) => Verdict::Diverged,
            }
        }
        (None, Kind::Dir) if trees.records.may_have_made(path) => {
            let made = Record::Dir { ours: true, mode: Mode(there.mode.0 & 0o777) };
            Verdict::Dirty(Change::Remove, Some(LineKind::Is(made)))
        }
        (None, Kind::File | Kind::Symlink) if !trees.records.intents(path).is_empty() => {
            match trees.remote_digests.get(path) {
                None => Verdict::Ask { local: false, remote: true },
                Some(Some(digest)) if trees.records.is_ours(path, digest, there.size, there.mtime) => {
                    Verdict::Dirty(Change::Remove, Some(LineKind::Is(as_found(there, *digest))))
                }
                // What was sent never arrived, and what is there is somebody else's.
                Some(_) => Verdict::Forget,
            }
        }
        _ => Verdict::Forget,
    }
}

fn judge_dirs(trees: &Trees<'_>, path: &RelPath, local: &Entry, there: &Entry) -> Verdict {
    let may_be_ours = trees.records.may_have_made(path);
    match trees.records.get(path) {
        Some(Record::Dir { ours: true, mode }) => {
            let wanted = wanted(trees.modes, Kind::Dir, local.mode, Some(mode));
            let found = Mode(there.mode.0 & 0o777);
            if found == wanted {
                return Verdict::Same(None);
            }
            // The record is corrected, because who looks next goes by it.
            let is = || LineKind::Is(Record::Dir { ours: true, mode: found });
            Verdict::Dirty(Change::Meta, (found != mode).then(is))
        }
        Some(Record::Dir { ours: false, .. }) => Verdict::Same(None),
        _ => Verdict::Same(Some(Record::Dir { ours: may_be_ours, mode: Mode(there.mode.0 & 0o777) })),
    }
}

/// A file on both sides.
fn judge_files(trees: &Trees<'_>, path: &RelPath, local: &Entry, there: &Entry) -> Verdict {
    let known = match trees.records.get(path) {
        Some(Record::File(known)) if is_untouched(&known, there) => Some(known),
        _ => None,
    };
    if let Some(known) = &known {
        let seen = known.seen.filter(|seen| (seen.mtime, seen.size) == (local.mtime, local.size));
        match seen {
            Some(seen) if !seen.racy => return same_content(trees, known.clone(), local, false),
            _ if known.size != local.size => return Verdict::Dirty(Change::Replace, None),
            _ => {}
        }
    }
    let alike = local.size == there.size;
    let may_be_ours = trees.records.get(path).is_some() || !trees.records.intents(path).is_empty();
    if !alike && !may_be_ours {
        return Verdict::Diverged;
    }
    let (here_digest, there_digest) = (trees.local_digests.get(path), trees.remote_digests.get(path));
    let ask_local = alike && here_digest.is_none();
    let ask_remote = known.is_none() && there_digest.is_none();
    if ask_local || ask_remote {
        return Verdict::Ask { local: ask_local, remote: ask_remote };
    }
    let there_digest = match (&known, there_digest) {
        (Some(known), _) => known.digest,
        (None, Some(Some(digest))) => *digest,
        (None, _) => return Verdict::Diverged,
    };
    let as_found = || FileRecord { seen: None, ..file_as_found(there, there_digest) };
    match here_digest {
        Some(Err(error)) => Verdict::Failed(error.clone()),
        Some(Ok(Some(digest))) if *digest == there_digest => {
            same_content(trees, known.unwrap_or_else(as_found), local, true)
        }
        _ if known.is_some() => Verdict::Dirty(Change::Replace, None),
        _ if trees.records.is_ours(path, &there_digest, there.size, there.mtime) => {
            Verdict::Dirty(Change::Replace, Some(LineKind::Is(Record::File(as_found()))))
        }
        _ => Verdict::Diverged,
    }
}

/// Both have the bytes that `record` says; time and mode may still differ.
fn same_content(trees: &Trees<'_>, mut record: FileRecord, local: &Entry, proven_now: bool) -> Verdict {
    if proven_now {
        let racy = is_racy(local.mtime, trees.now);
        record.seen = Some(Seen { mtime: local.mtime, size: local.size, racy });
    }
    let in_order = record.has_meta(local.mtime, wanted(trees.modes, Kind::File, local.mode, Some(record.mode)));
    match (in_order, proven_now) {
        (true, true) => Verdict::Same(Some(Record::File(record))),
        (true, false) => Verdict::Same(None),
        (false, true) => Verdict::Dirty(Change::Meta, Some(LineKind::Is(Record::File(record)))),
        (false, false) => Verdict::Dirty(Change::Meta, None),
    }
}

/// A link on at least one side, or a local directory where a file or link is there.
fn judge_unlike(trees: &Trees<'_>, path: &RelPath, local: &Entry, there: &Entry, new: Change) -> Verdict {
    let links = local.kind == Kind::Symlink && there.kind == Kind::Symlink;
    let not_ours = || match (local.kind, there.kind) {
        (Kind::Dir, Kind::Symlink) => Verdict::Failed(MirrorError::OutsideRoot { path: path.clone() }),
        _ => Verdict::Diverged,
    };
    let may_be_ours = trees.records.get(path).is_some() || !trees.records.intents(path).is_empty();
    if !links && !may_be_ours {
        return not_ours();
    }
    let (here_digest, there_digest) = (trees.local_digests.get(path), trees.remote_digests.get(path));
    let ask_local = links && here_digest.is_none();
    if ask_local || there_digest.is_none() {
        return Verdict::Ask { local: ask_local, remote: there_digest.is_none() };
    }
    let Some(Some(there_digest)) = there_digest else { return not_ours() };
    if links && here_digest == Some(&Ok(Some(*there_digest))) {
        let record = Record::Link { digest: *there_digest };
        return Verdict::Same((trees.records.get(path).as_ref() != Some(&record)).then_some(record));
    }
    if trees.records.is_ours(path, there_digest, there.size, there.mtime) {
        let change = if new == Change::Upload { Change::Replace } else { new };
        return Verdict::Dirty(change, Some(LineKind::Is(as_found(there, *there_digest))));
    }
    not_ours()
}

/// Whether the remote file still has the size, time and mode that it had when we last knew its digest.
fn is_untouched(known: &FileRecord, there: &Entry) -> bool {
    (known.size, known.mtime, known.mode.0) == (there.size, there.mtime, there.mode.0 & 0o777)
}

/// The record of a remote file or link whose digest was just asked.
pub(crate) fn as_found(there: &Entry, digest: Digest) -> Record {
    match there.kind {
        Kind::Symlink => Record::Link { digest },
        _ => Record::File(file_as_found(there, digest)),
    }
}

fn file_as_found(there: &Entry, digest: Digest) -> FileRecord {
    let mode = Mode(there.mode.0 & 0o777);
    FileRecord { digest, size: there.size, mtime: there.mtime, mode, seen: None }
}

#[cfg(test)]
mod tests;
