//! Owns which files wait for the user's word because they are large. What was said no to is in the record; a yes shows
//! in it as soon as the file leaves.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use remora_model::RelPath;

use super::State;
use crate::compare::Dirty;
use crate::event::Job;
use crate::large::{exceeds, judged};
use crate::notice::{Change, LargeFiles, Notice, PATHS_NAMED};
use crate::queue::Item;
use crate::record::{LineKind, Record};

#[derive(Debug, Default)]
pub(super) struct Large {
    /// The largest size that is sent unasked; 0 is any.
    limit: u64,
    /// What waits, and its size.
    held: BTreeMap<RelPath, u64>,
    /// The user said that these go, at this size.
    agreed: HashMap<RelPath, u64>,
    /// How many were held when the user was asked.
    asked: usize,
    /// All that belongs together is held.
    complete: bool,
}

impl Large {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    pub(super) fn held(&self) -> &BTreeMap<RelPath, u64> {
        &self.held
    }
}

impl State {
    /// Whether a file of this size has to wait, or was said no to; it is held then, or not, accordingly.
    pub(super) fn holds_large(&mut self, path: &RelPath, size: u64) -> bool {
        let agreed = self.large.agreed.get(path).copied().unwrap_or(0);
        let judged = match exceeds(size, agreed, self.large.limit) {
            true => judged(&self.records, path, (size, self.large.limit), Change::Upload),
            false => Change::Upload,
        };
        if judged != Change::Large {
            self.note_not_large(path);
        } else if self.large.held.insert(path.clone(), size) != Some(size) {
            self.standing_changed = true;
        }
        judged != Change::Upload
    }

    /// What is here does not have to wait.
    pub(super) fn note_not_large(&mut self, path: &RelPath) {
        self.standing_changed |= self.large.held.remove(path).is_some();
        self.large.asked = self.large.asked.min(self.large.held.len());
    }

    /// Of what a comparison found, holds what has to wait; hands back what goes on. What it did not find is held no longer.
    /// One that may only have moved goes on, too, until it was looked at.
    pub(super) fn hold_found(&mut self, dirty: Vec<Dirty>, free: &dyn Fn(&RelPath) -> bool) -> Vec<Dirty> {
        let gone: HashSet<u64> = dirty
            .iter()
            .filter(|dirty| dirty.change == Change::Remove)
            .filter_map(|dirty| match self.records.get(&dirty.path)? {
                Record::File(file) => Some(file.size),
                _ => None,
            })
            .collect();
        let may_have_moved = |dirty: &Dirty| dirty.change == Change::Large && gone.contains(&dirty.size);
        let is_large = |dirty: &Dirty| matches!(dirty.change, Change::Large | Change::Declined);
        let large: BTreeSet<RelPath> =
            dirty.iter().filter(|dirty| is_large(dirty)).map(|dirty| dirty.path.clone()).collect();
        let over: Vec<RelPath> =
            self.large.held.keys().filter(|path| free(path) && !large.contains(path)).cloned().collect();
        over.iter().for_each(|path| self.note_not_large(path));
        self.large.complete = true;
        dirty
            .into_iter()
            .filter(|dirty| {
                let asks = is_large(dirty) && free(&dirty.path) && !may_have_moved(dirty);
                !(asks && self.holds_large(&dirty.path, dirty.size))
            })
            .collect()
    }

    /// The user has said what becomes of all that is held.
    pub(super) fn decide_large(&mut self, word: LargeFiles) {
        let held = std::mem::take(&mut self.large.held);
        self.large.asked = 0;
        self.standing_changed |= !held.is_empty();
        let batch = self.batches.open(self.now);
        for (path, size) in held {
            if word == LargeFiles::LeaveOut {
                self.keep(&path, LineKind::Declined(size));
                continue;
            }
            if self.records.declined(&path) > 0 {
                self.keep(&path, LineKind::Declined(0));
            }
            self.large.agreed.insert(path.clone(), size);
            self.progress.bytes_total += size;
            self.add(path, Item { batches: vec![batch], size, ..Item::default() });
        }
        self.batches.close(batch);
    }

    /// Asks the user once all that belongs together is held.
    pub(super) fn ask_about_large(&mut self) {
        let complete = std::mem::take(&mut self.large.complete) || self.queue.len() == 0;
        if !complete || self.large.held.len() <= self.large.asked {
            return;
        }
        let Large { held, asked, .. } = &mut self.large;
        *asked = held.len();
        let files = held.iter().take(PATHS_NAMED).map(|(path, size)| (path.clone(), *size)).collect();
        let notice = Notice::LargeFiles { count: held.len(), bytes: held.values().sum(), files };
        self.standing_changed = true;
        self.jobs.push(Job::Tell(notice));
    }
}
