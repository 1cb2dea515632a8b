//! Owns which removals wait for the user's word, because more goes away at once than anybody removes by hand.
//!
//! A set is what is found to be gone with no long pause in between: by one comparison, or by the watcher, a removed
//! folder's contents included. As soon as it is too large all of it is held that was not removed yet; the rest of
//! what there is to do goes on. Sets do not add up: what is removed later is another one.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use remora_model::RelPath;

use super::{REMOVAL_SETTLES, State};
use crate::error::MirrorError;
use crate::event::Job;
use crate::notice::{HeldFiles, Notice, PATHS_NAMED, RemovalLimits};
use crate::queue::Item;
use crate::record::{LineKind, Record};

/// After a pause of this long a removal begins another set. A slow `rm -r` on a network file system takes less from
/// one file to the next.
const SET_ENDS: Duration = Duration::from_secs(2);

/// With fewer files than this a share of the tree says nothing: two of eight files are no catastrophe. From here on
/// the end of the set is waited for, too, as far as that is to be seen.
const SHARE_COUNTS_FROM: usize = 10;

impl RemovalLimits {
    /// Whether so many of all files are more than go unasked.
    pub(crate) fn exceeded_by(self, files: usize, of: usize) -> bool {
        let many = self.files > 0 && files as u64 > self.files;
        let share = files as u64 * 100 > self.percent.saturating_mul(of as u64);
        many || (self.percent > 0 && files >= SHARE_COUNTS_FROM && share)
    }
}

/// The present set, and what is held of it and of those before.
#[derive(Debug, Default)]
pub(super) struct Removals {
    limits: RemovalLimits,
    /// What is gone here and was not yet removed there, of the present set.
    open: HashSet<RelPath>,
    /// How many files the present set has, those included that were removed or are held.
    count: usize,
    /// How many files were ours when it began.
    of: usize,
    /// When the last joined it.
    last: Option<Instant>,
    held: BTreeSet<RelPath>,
    /// The user said that these go.
    agreed: HashSet<RelPath>,
    /// How many were held when the user was asked.
    asked: usize,
    /// What the user said of all that the next comparison finds to be gone.
    next: Option<HeldFiles>,
}

impl Removals {
    pub(super) fn new(limits: RemovalLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A file of ours is gone here; so many were ours before it went.
    fn gone(&mut self, path: &RelPath, of: usize, now: Instant) {
        if [&self.agreed, &self.open].iter().any(|known| known.contains(path)) || self.held.contains(path) {
            return;
        }
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > SET_ENDS) {
            self.judge();
            self.open.clear();
            (self.count, self.of) = (0, of);
        }
        self.last = Some(now);
        self.count += 1;
        self.open.insert(path.clone());
    }

    /// Holds the present set if it is too large. Called when it is known of all that is gone whether it is elsewhere now,
    /// and before the first of them is removed.
    fn judge(&mut self) {
        if self.limits.exceeded_by(self.count, self.of) {
            self.held.extend(self.open.drain());
        }
    }

    /// Nothing is to be removed there any more: it was, or it is here again.
    fn over(&mut self, path: &RelPath, back: bool) {
        let known = self.open.remove(path) | self.held.remove(path);
        self.agreed.remove(path);
        self.asked = self.asked.min(self.held.len());
        if known && back {
            self.count = self.count.saturating_sub(1);
        }
    }

    /// Until when it is to be waited whether the set goes on.
    fn grows_until(&self, now: Instant) -> Option<Instant> {
        let until = self.last? + REMOVAL_SETTLES;
        (self.limits != RemovalLimits::default() && self.count >= SHARE_COUNTS_FROM && until > now).then_some(until)
    }

    pub(super) fn held(&self) -> &BTreeSet<RelPath> {
        &self.held
    }

    /// A word that was given before the comparison that it was given for; it counts for no other.
    pub(super) fn take_word(&mut self) -> Option<HeldFiles> {
        self.next.take()
    }
}

impl State {
    /// Notes that all of these are gone here, before the first of them is removed there.
    pub(super) fn note_gone<'a>(&mut self, paths: impl IntoIterator<Item = &'a RelPath>) {
        let of = self.records.files();
        for path in paths {
            let is_leaf = matches!(self.records.get(path), Some(Record::File(_) | Record::Link { .. }));
            // One that is elsewhere now is renamed.
            if is_leaf && !self.renames.is_elsewhere(path) {
                self.removals.gone(path, of, self.now);
            }
            self.note_source(path);
        }
    }

    /// Notes that something is here after all, or is nobody's business any more.
    pub(super) fn note_back(&mut self, path: &RelPath) {
        self.removals_over(path);
        self.note_no_source(path);
    }

    /// Nothing is removed for this one.
    pub(super) fn removals_over(&mut self, path: &RelPath) {
        self.standing_changed |= self.removals.held.contains(path);
        self.removals.over(path, true);
    }

    /// Notes that it is removed there.
    pub(super) fn note_removed(&mut self, path: &RelPath) {
        self.removals.over(path, false);
    }

    /// The user named this one: it goes, however many others do.
    pub(super) fn agree(&mut self, path: &RelPath) {
        self.standing_changed |= self.removals.held.remove(path);
        self.removals.agreed.insert(path.clone());
    }

    /// Whether this waits for the user's word.
    pub(super) fn is_held(&mut self, path: &RelPath) -> bool {
        self.removals.judge();
        self.removals.held.contains(path)
    }

    /// Until when a removal rests, because more may be about to go.
    pub(super) fn set_grows_until(&self) -> Option<Instant> {
        self.removals.grows_until(self.now)
    }

    /// What a comparison did not find to be gone is held no longer.
    pub(super) fn hold_only(&mut self, gone: &BTreeSet<&RelPath>, free: &dyn Fn(&RelPath) -> bool) {
        let back: Vec<RelPath> =
            self.removals.held.iter().filter(|path| free(path) && !gone.contains(path)).cloned().collect();
        for path in back {
            self.note_back(&path);
        }
    }

    /// How many files wait for the user's word.
    pub(super) fn held_count(&self) -> usize {
        match self.halted {
            Some(MirrorError::LocalRootEmptied { files }) => files,
            _ => self.removals.held.len(),
        }
    }

    /// The user has decided beforehand about all that is gone.
    pub(super) fn decide_gone(&mut self, gone: &BTreeSet<&RelPath>, word: HeldFiles) {
        let is_leaf = |path: &&&RelPath| matches!(self.records.get(path), Some(Record::File(_) | Record::Link { .. }));
        self.removals.held.extend(gone.iter().filter(is_leaf).map(|path| (*path).clone()));
        self.decide_held(word);
    }

    /// The user has said what becomes of all that is held.
    pub(super) fn decide_held(&mut self, word: HeldFiles) {
        if matches!(self.halted, Some(MirrorError::LocalRootEmptied { .. })) {
            self.halted = None;
            self.forget_halt();
            self.removals.next = Some(word);
            self.jobs.push(Job::MeanRoot);
            return self.want_comparison(true);
        }
        let held = std::mem::take(&mut self.removals.held);
        // What goes from now on is another set.
        (self.removals.asked, self.removals.last) = (0, None);
        self.standing_changed |= !held.is_empty();
        let batch = self.batches.open(self.now);
        let gone = Item { batches: vec![batch], surely_gone: true, ..Item::default() };
        match word {
            HeldFiles::Remove => {
                for path in held {
                    self.removals.agreed.insert(path.clone());
                    self.add(path, gone.clone());
                }
                // A file may wait for the folder in its place to be emptied.
                self.retry_failed();
            }
            HeldFiles::Keep => self.forget_kept(held, &gone),
        }
        self.batches.close(batch);
    }

    /// What is kept is ours no longer; a folder that holds nothing of ours and is gone here is looked at once more.
    fn forget_kept(&mut self, kept: BTreeSet<RelPath>, item: &Item) {
        let dirs: BTreeSet<RelPath> = kept.iter().filter_map(RelPath::parent).collect();
        for path in kept {
            self.keep(&path, LineKind::Nothing(()));
        }
        for dir in dirs {
            self.add_emptied_dir(&dir, item);
        }
    }

    /// Asks the user once all that belongs together is held.
    pub(super) fn ask_about_held(&mut self) {
        let more_may_come = self.queue.len() > 0 && self.set_grows_until().is_some();
        if more_may_come || !self.renames.is_settled() {
            return;
        }
        self.removals.judge();
        if self.removals.held.len() <= self.removals.asked {
            return;
        }
        let Removals { held, asked, .. } = &mut self.removals;
        *asked = held.len();
        let paths = held.iter().take(PATHS_NAMED).cloned().collect();
        let notice = Notice::ManyRemovals { count: held.len(), paths };
        self.standing_changed = true;
        self.jobs.push(Job::Tell(notice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(n: usize) -> RelPath {
        RelPath::new(format!("f{n}")).unwrap()
    }

    #[test]
    fn what_is_too_much_at_once() {
        let default = RemovalLimits { files: 50, percent: 20 };
        for (limits, files, of, exceeded) in [
            (default, 1, 1, false),
            (default, 9, 9, false),
            (default, 10, 10, true),
            (default, 10, 50, false),
            (default, 11, 50, true),
            (default, 50, 1000, false),
            (default, 51, 1000, true),
            (RemovalLimits { files: 0, percent: 20 }, 51, 1000, false),
            (RemovalLimits { files: 0, percent: 20 }, 201, 1000, true),
            (RemovalLimits { files: 50, percent: 0 }, 40, 40, false),
            (RemovalLimits { files: 1, percent: 0 }, 2, 1000, true),
            (RemovalLimits { files: 0, percent: 0 }, 48_000, 48_000, false),
            (RemovalLimits { files: 0, percent: 100 }, 48_000, 48_000, false),
        ] {
            assert_eq!(limits.exceeded_by(files, of), exceeded, "{limits:?} {files} {of}");
        }
    }

    #[test]
    fn a_set_ends_with_a_pause_and_what_is_back_does_not_count() {
        let mut removals = Removals::new(RemovalLimits { files: 3, percent: 0 });
        let start = Instant::now();
        for n in 0..3 {
            removals.gone(&path(n), 100, start);
        }
        removals.over(&path(0), true);
        removals.over(&path(1), false);
        removals.gone(&path(3), 100, start + SET_ENDS);
        removals.judge();
        assert!(removals.held.is_empty());
        removals.gone(&path(4), 100, start + SET_ENDS * 2);
        removals.judge();
        let held: Vec<String> = removals.held.iter().map(ToString::to_string).collect();
        assert_eq!(held, ["f2", "f3", "f4"], "what was removed already is gone");
        removals.gone(&path(5), 100, start + SET_ENDS * 4);
        assert_eq!((removals.held.len(), removals.open.len()), (3, 1), "another set");
    }
}
