//! Owns the groups of changes that are reported as one: who is still in, and what came of the others.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use remora_model::RelPath;

use crate::notice::{Notice, PATHS_NAMED};
use crate::queue::BatchId;

#[derive(Debug, Default)]
pub(crate) struct Batches {
    last: BatchId,
    open: BTreeMap<BatchId, Batch>,
}

#[derive(Debug)]
struct Batch {
    since: Instant,
    /// Whoever opened it may still add to it.
    held: bool,
    members: HashSet<RelPath>,
    told: bool,
    files: u64,
    bytes: u64,
    paths: Vec<RelPath>,
    sources: Vec<RelPath>,
}

impl Batch {
    fn new(since: Instant) -> Self {
        let (paths, sources) = (Vec::new(), Vec::new());
        Self { since, held: true, members: HashSet::new(), told: false, files: 0, bytes: 0, paths, sources }
    }
}

impl Batches {
    /// Opens a group; it stays open until [`Batches::close`] and until its last member has left.
    pub(crate) fn open(&mut self, now: Instant) -> BatchId {
        self.last += 1;
        self.open.insert(self.last, Batch::new(now));
        self.last
    }

    /// Nothing more is added by whoever opened it.
    pub(crate) fn close(&mut self, id: BatchId) {
        if let Some(batch) = self.open.get_mut(&id) {
            batch.held = false;
        }
    }

    /// Its end is told even if nothing had to be done.
    pub(crate) fn tell_always(&mut self, id: BatchId) {
        if let Some(batch) = self.open.get_mut(&id) {
            batch.told = true;
        }
    }

    pub(crate) fn join(&mut self, ids: &[BatchId], path: &RelPath) {
        for id in ids {
            if let Some(batch) = self.open.get_mut(id) {
                batch.members.insert(path.clone());
            }
        }
    }

    pub(crate) fn leave(&mut self, ids: &[BatchId], path: &RelPath) {
        for id in ids {
            if let Some(batch) = self.open.get_mut(id) {
                batch.members.remove(path);
            }
        }
    }

    /// Something was changed on the remote: so many files (a directory is none), so many bytes. It counts
    /// in the first of its groups only.
    pub(crate) fn count(&mut self, ids: &[BatchId], path: &RelPath, files: u64, bytes: u64) {
        let Some(batch) = ids.first().and_then(|id| self.open.get_mut(id)) else { return };
        batch.told = true;
        batch.files += files;
        batch.bytes += bytes;
        if batch.paths.len() < PATHS_NAMED {
            batch.paths.push(path.clone());
        }
    }

    /// The text of a program may have changed; counts in the first of its groups only.
    pub(crate) fn note_source(&mut self, ids: &[BatchId], path: &RelPath) {
        let Some(batch) = ids.first().and_then(|id| self.open.get_mut(id)) else { return };
        if path.name().ends_with(b".py") && batch.sources.len() < PATHS_NAMED {
            batch.sources.push(path.clone());
        }
    }

    /// What is to be told of the groups that are complete.
    pub(crate) fn completed(&mut self, now: Instant) -> Vec<Notice> {
        let complete = |batch: &Batch| !batch.held && batch.members.is_empty();
        let ids: Vec<BatchId> = self.open.iter().filter(|(_, batch)| complete(batch)).map(|(id, _)| *id).collect();
        let batches = ids.into_iter().filter_map(|id| self.open.remove(&id)).filter(|batch| batch.told);
        batches
            .map(|Batch { since, files, bytes, paths, sources, .. }| {
                let elapsed = now.saturating_duration_since(since);
                Notice::Mirrored { files, bytes, elapsed, paths, sources }
            })
            .collect()
    }
}
