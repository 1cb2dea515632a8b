//! Owns what happens to a path while the remote file takes the local one's place, and after.

use remora_model::RelPath;

use super::State;
use crate::error::MirrorError;
use crate::event::Job;
use crate::queue::Item;
use crate::record::{FileRecord, LineKind, Record};

impl State {
    /// Until it is done nobody looks at the path: the new text would be taken for the user's, and sent back.
    pub(super) fn take(&mut self, id: u64, path: RelPath) {
        if self.taking.contains_key(&path) {
            let error = MirrorError::Other(format!("{path} is on its way here already"));
            self.jobs.push(Job::Took(id, Err(error)));
            return;
        }
        self.taking.insert(path.clone(), None);
        self.jobs.push(Job::Take(id, path));
    }

    /// Recorded only now: had it been before, and Remora been killed in between, the old local text would have
    /// replaced what somebody else wrote there.
    pub(super) fn taken(&mut self, id: u64, path: RelPath, result: Result<Option<FileRecord>, MirrorError>) {
        let held = self.taking.remove(&path).flatten();
        let answer = result.map(|record| {
            if let Some(record) = record {
                self.keep(&path, LineKind::Is(Record::File(record)));
            }
            self.standing_changed |= self.diverged.remove(&path);
            self.standing_changed |= self.failed.remove(&path).is_some();
        });
        self.jobs.push(Job::Took(id, answer));
        // A save that was on its way before may yet come to its own conclusion: looked at once more after it.
        let under_way = self.queue.is_pending(&path).then(|| Item { urgent: true, ..Item::default() });
        if let Some(item) = held.or(under_way) {
            self.add(path, item);
        }
    }

    /// Keeps what was seen of a path that is being taken until that is done. Whether it is one.
    pub(super) fn hold(&mut self, path: &RelPath, item: &Item) -> bool {
        let Some(held) = self.taking.get_mut(path) else { return false };
        match held {
            Some(held) => held.merge(item.clone()),
            None => *held = Some(item.clone()),
        }
        self.batches.join(&item.batches, path);
        true
    }
}
