//! Owns what follows when the editor or the watcher tells of paths: they are put in to be looked at, in their groups.

use remora_model::RelPath;

use super::{RETRIED_WITH_A_SAVE, State, WRITING_AT_MOST, WRITING_SETTLES};
use crate::event::{Job, Seen, Sight};
use crate::queue::Item;
use crate::rules::Rules;

impl State {
    pub(super) fn saved(&mut self, path: RelPath) {
        self.clear_full_disk();
        self.forget_rules_of(&path);
        let batch = self.batches.open(self.now);
        self.add(path.clone(), Item { batches: vec![batch], urgent: true, walk: true, ..Item::default() });
        self.sift(vec![path]);
        self.batches.close(batch);
        if self.failed.len() <= RETRIED_WITH_A_SAVE {
            self.retry_failed();
        }
    }

    pub(super) fn seen(&mut self, sights: Vec<Sight>) {
        self.clear_full_disk();
        let batch = self.batches.open(self.now);
        let paths = sights.iter().map(|sight| sight.path.clone()).collect();
        // What may be gone is looked at first: the rest may be the same under another name.
        let (known, new): (Vec<_>, Vec<_>) =
            sights.into_iter().partition(|sight| self.records.get(&sight.path).is_some());
        for Sight { path, what } in known.into_iter().chain(new) {
            self.forget_rules_of(&path);
            let item = Item { batches: vec![batch], urgent: true, walk: what == Seen::Moved, ..Item::default() };
            if what == Seen::Writing {
                self.seen_writing(path, item);
            } else {
                self.add(path, item);
            }
        }
        self.sift(paths);
        self.batches.close(batch);
    }

    /// What is looked at from now on is judged by the rules as they are now. What they change of the rest is
    /// found by the comparison that follows when the file itself is done.
    fn forget_rules_of(&mut self, path: &RelPath) {
        if Rules::is_rule_file(path) {
            self.jobs.push(Job::ForgetRules);
        }
    }

    /// Looks when the writing has stopped for a moment: before, half a file would be seen.
    fn seen_writing(&mut self, path: RelPath, mut item: Item) {
        self.touch(&path);
        item.written_since = Some(self.now);
        if self.hold(&path, &item) {
            return;
        }
        self.batches.join(&item.batches, &path);
        if self.queue.put_off(path, item, self.now, WRITING_SETTLES, WRITING_AT_MOST) {
            self.progress.total += 1;
        }
    }
}
