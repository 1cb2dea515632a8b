//! Owns the end of what was to be done about a path: recorded, settled, failed, diverged, or once more.

use remora_model::RelPath;

use super::{State, WRITING_AT_MOST, WRITING_SETTLES};
use crate::error::MirrorError;
use crate::event::Job;
use crate::notice::Notice;
use crate::queue::{Item, Live};
use crate::record::{Line, LineKind, Record};
use crate::rules::Rules;

impl State {
    /// Notes what is on the remote now, here and in the index.
    pub(super) fn keep(&mut self, path: &RelPath, what: LineKind) {
        // A comparison under way began with an older record: it would put that back.
        self.decide(path);
        self.write_down(path, what);
    }

    /// Notes it here and in the index, though nobody has looked what is there.
    pub(super) fn write_down(&mut self, path: &RelPath, what: LineKind) {
        let line = Line { path: path.clone(), what };
        self.records.apply(&line);
        self.lines.push(line);
    }

    /// Nothing is left to do about this path for now.
    pub(super) fn finish(&mut self, path: &RelPath, live: Live) {
        self.note_no_source(path);
        let Live { mut item, again, .. } = live;
        if let Some(again) = again {
            item.batches.retain(|batch| !again.batches.contains(batch));
            self.put_again(path, again);
        } else {
            self.doubted.remove(path);
            self.progress.done += 1;
        }
        self.queue.done(path);
        self.batches.leave(&item.batches, path);
    }

    /// Puts a path in that was touched while it was under way.
    pub(super) fn put_again(&mut self, path: &RelPath, again: Item) {
        if again.written_since.is_some() {
            self.queue.put_off(path.clone(), again, self.now, WRITING_SETTLES, WRITING_AT_MOST);
        } else {
            self.queue.push(path.clone(), again);
        }
    }

    /// It was done: whatever was said of this path before is over. `changed` says whether anything was.
    pub(super) fn settle(&mut self, path: &RelPath, live: Live, changed: bool) {
        self.standing_changed |= self.diverged.remove(path);
        if self.failed.remove(path).is_some() {
            self.standing_changed = true;
            self.last_trouble = None;
        }
        // What a comparison found, it found by the new rules.
        if changed && live.item.urgent && Rules::is_rule_file(path) {
            self.jobs.push(Job::ForgetRules);
            self.want_comparison(false);
        }
        self.finish(path, live);
    }

    pub(super) fn fail(&mut self, path: &RelPath, live: Live, error: MirrorError) {
        self.note_failure(path, error);
        self.finish(path, live);
    }

    pub(super) fn note_failure(&mut self, path: &RelPath, error: MirrorError) {
        if self.failed.get(path) != Some(&error) {
            if self.failed.insert(path.clone(), error.clone()).is_none() {
                self.retry_soon();
            }
            self.standing_changed = true;
            // A whole folder that fails for one reason is told once.
            if self.last_trouble.as_ref() != Some(&error) {
                self.last_trouble = Some(error.clone());
                self.tell(Notice::Trouble { path: Some(path.clone()), error });
            }
        }
    }

    /// The user chose that these replace what is there.
    pub(super) fn overwrite(&mut self, which: Vec<RelPath>) {
        let which = if which.is_empty() { self.diverged.iter().cloned().collect() } else { which };
        let batch = self.batches.open(self.now);
        for path in which {
            if self.diverged.contains(&path) {
                self.agree(&path);
                let item = Item { any: true, walk: true, surely_gone: true, urgent: true, ..Item::default() };
                self.add(path, Item { batches: vec![batch], ..item });
            }
        }
        self.batches.close(batch);
    }

    pub(super) fn note_diverged(&mut self, path: &RelPath) {
        self.standing_changed |= self.failed.remove(path).is_some();
        if matches!(self.records.get(path), Some(Record::Dir { .. })) {
            self.keep(path, LineKind::Nothing(()));
        }
        if self.diverged.insert(path.clone()) {
            self.standing_changed = true;
            self.tell(Notice::Diverged { path: path.clone() });
        }
    }
}
