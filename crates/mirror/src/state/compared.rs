//! Owns what follows from a comparison of both trees.

use std::collections::{BTreeSet, HashMap};

use remora_model::RelPath;

use super::State;
use super::renames::New;
use crate::compare::{Comparison, Dirty};
use crate::error::MirrorError;
use crate::notice::{Change, Notice};
use crate::queue::{BatchId, Item};
use crate::record::LineKind;

impl State {
    pub(super) fn compared(&mut self, compared: Result<Comparison, MirrorError>) {
        let Some((batch, touched)) = self.comparison.running.take() else { return };
        let word = self.removals.take_word();
        let found = match compared {
            Ok(found) => found,
            Err(error) => {
                // Wanted again as soon as it can be done. One that is wanted already will tell how things are by then.
                if self.comparison.wanted.is_some() {
                    return self.batches.close(batch);
                }
                self.comparison.wanted = Some(batch);
                if !matches!(error, MirrorError::Link(_)) {
                    self.halt(None, error);
                }
                return;
            }
        };
        let free = |path: &RelPath| !touched.contains_key(path);
        self.doubt(&found, &touched, batch);
        let dirty = self.hold_found(found.dirty, &free);
        if self.records.was_cut_short() {
            self.records.note_cut_short(false);
            if !dirty.is_empty() {
                self.tell(Notice::Resumed { left: dirty.len() as u64 });
            }
        }
        let along: BTreeSet<RelPath> =
            dirty.iter().map(|dirty| &dirty.path).filter(|path| self.renames.goes_along(path)).cloned().collect();
        for line in found.lines {
            if free(&line.path) {
                self.keep(&line.path, line.what);
            }
        }
        self.replace_standing(found.diverged, found.failed, &free);
        // What goes away makes room for what comes; what is deeper goes first.
        let (gone, new): (Vec<Dirty>, Vec<Dirty>) = dirty
            .into_iter()
            .filter(|dirty| free(&dirty.path) && !along.contains(&dirty.path))
            .partition(|dirty| dirty.change == Change::Remove);
        let removed: BTreeSet<&RelPath> = gone.iter().map(|dirty| &dirty.path).collect();
        self.hold_only(&removed, &free);
        self.note_gone(removed.iter().copied());
        let mut arrived = New::new();
        match word {
            Some(word) => self.decide_gone(&removed, word),
            None => arrived = self.new_of(&new),
        }
        // Nothing stands there: what may have been on its way before a cut has not arrived, and something may be moved there.
        for path in arrived.keys() {
            if !self.records.intents(path).is_empty() {
                self.keep(path, LineKind::Nothing(()));
            }
        }
        self.pair_folders(&arrived);
        for dirty in gone.into_iter().rev().chain(new) {
            let Dirty { path, size, any, .. } = dirty;
            if self.renames.goes_along(&path) {
                continue;
            }
            self.progress.bytes_total += size;
            self.add(
                path,
                Item { batches: vec![batch], size, any, surely_gone: true, listed: true, ..Item::default() },
            );
        }
        self.expect(&arrived);
        self.batches.close(batch);
    }

    /// Of a path that was touched meanwhile somebody else decides, who looks at this side only: where nothing came of that, or has yet,
    /// what the comparison saw on the other side is found out once more; by the next comparison, if there is to be one.
    fn doubt(&mut self, found: &Comparison, touched: &HashMap<RelPath, bool>, batch: BatchId) {
        if self.comparison.wanted.is_some() {
            return;
        }
        let dirty = found.dirty.iter().map(|dirty| &dirty.path);
        let seen = dirty.chain(&found.diverged).chain(found.failed.iter().map(|(path, _)| path));
        for path in seen.filter(|path| touched.get(path) == Some(&false)) {
            self.doubted.insert(path.clone());
            self.add(path.clone(), Item { batches: vec![batch], listed: true, ..Item::default() });
        }
    }

    /// What was said of paths before is replaced by what was found now.
    fn replace_standing(
        &mut self,
        diverged: Vec<RelPath>,
        failed: Vec<(RelPath, MirrorError)>,
        free: &dyn Fn(&RelPath) -> bool,
    ) {
        self.standing_changed = true;
        let now: BTreeSet<&RelPath> = diverged.iter().collect();
        self.diverged.retain(|path| now.contains(path) || !free(path));
        let now: BTreeSet<&RelPath> = failed.iter().map(|(path, _)| path).collect();
        self.failed.retain(|path, _| now.contains(path) || !free(path));
        if self.failed.is_empty() {
            self.last_trouble = None;
        }
        for path in diverged.iter().filter(|path| free(path)) {
            self.note_diverged(path);
        }
        for (path, error) in failed.into_iter().filter(|(path, _)| free(path)) {
            self.note_failure(&path, error);
        }
    }
}
