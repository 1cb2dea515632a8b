//! Owns what a dry run says: the changes that a comparison asks for, and which of them would wait for a word. Pure.

use std::collections::HashSet;

use remora_model::RelPath;

use crate::compare::{Comparison, Dirty};
use crate::notice::{Change, PlannedChange, RemovalLimits};

impl Comparison {
    /// The same as a dry run tells it, in the order of the paths.
    pub(crate) fn plan(&self, limits: RemovalLimits) -> Vec<PlannedChange> {
        let held = self.held(limits);
        let planned = |path: &RelPath, change, bytes| PlannedChange { path: path.clone(), change, bytes };
        let change = |dirty: &Dirty| match dirty.change {
            change @ (Change::Mkdir | Change::Meta | Change::Large | Change::Declined) => change,
            // Also what would take the place of a folder that stays.
            _ if held.contains(&dirty.path) => Change::Held,
            change => change,
        };
        let done = |dirty: &Dirty| planned(&dirty.path, change(dirty), bytes(dirty));
        let mut plan: Vec<PlannedChange> = self.dirty.iter().map(done).collect();
        plan.extend(self.diverged.iter().map(|path| planned(path, Change::Diverged, 0)));
        plan.extend(self.failed.iter().map(|(path, _)| planned(path, Change::Impossible, 0)));
        plan.sort_by(|a, b| (&a.path, a.change).cmp(&(&b.path, b.change)));
        plan
    }

    /// Files that are too many to be removed unasked, and the folders that stay because of them.
    fn held(&self, limits: RemovalLimits) -> HashSet<RelPath> {
        if !limits.exceeded_by(self.gone.len(), self.files) {
            return HashSet::new();
        }
        let above = |path: &RelPath| std::iter::successors(Some(path.clone()), RelPath::parent);
        self.gone.iter().flat_map(above).collect()
    }
}

fn bytes(dirty: &Dirty) -> u64 {
    match dirty.change {
        Change::Upload | Change::Replace | Change::Large | Change::Declined => dirty.size,
        _ => 0,
    }
}
