//! Owns what stands above a path over there, or is about to: which directories it still needs, and whom it waits for.

use remora_model::RelPath;

use super::State;
use crate::error::MirrorError;
use crate::queue::{Behind, Item, Live};
use crate::record::Record;
use crate::rules::ancestors;

impl State {
    /// Waits for a path above that is still a file over there, or is about to go away.
    pub(super) fn make_way_above(&mut self, path: &RelPath, mut live: Live) -> Option<Live> {
        let Some(dir) = self.in_the_way(path) else { return Some(live) };
        if !self.queue.is_pending(&dir) {
            // What is known to stay there is not tried again for each path below it: that would have it looked
            // at again, with all that is below, and so on for ever. A rescan or the user's word tries again.
            let stays = self.diverged.contains(&dir) || self.failed.contains_key(&dir);
            if live.item.waited || stays {
                self.fail(path, live, MirrorError::InTheWay { path: path.clone() });
                return None;
            }
            let item = Item { batches: live.item.batches.clone(), urgent: live.item.urgent, ..Item::default() };
            self.add(dir.clone(), item);
        }
        let again = live.again.take();
        self.queue.park(path.clone(), live.item, Behind::Above(dir));
        if let Some(again) = again {
            self.put_again(path, again);
        }
        None
    }

    /// What is above `path` and is no directory there, or is about to go away, or to come as a whole.
    pub(super) fn in_the_way(&self, path: &RelPath) -> Option<RelPath> {
        let above = ancestors(path);
        // Above one that is known to be a directory all are.
        let known = above.iter().rposition(|dir| self.is_directory(dir)).map_or(0, |innermost| innermost + 1);
        let is_leaf = |dir: &RelPath| matches!(self.records.get(dir), Some(Record::File(_) | Record::Link { .. }));
        let moves = |dir: &RelPath| self.queue.is_clearing(dir) || self.renames.is_folder_end(dir);
        let mut above = above.into_iter().enumerate();
        above.find(|(depth, dir)| moves(dir) || (*depth >= known && is_leaf(dir))).map(|(_, dir)| dir)
    }

    /// Whether a directory is recorded at `path`.
    pub(super) fn is_directory(&self, path: &RelPath) -> bool {
        matches!(self.records.get(path), Some(Record::Dir { .. }))
    }

    /// The directories above `path` that are not known to be there.
    pub(super) fn unknown_dirs(&self, path: &RelPath) -> Vec<RelPath> {
        // Above one that is known all are.
        let above = std::iter::successors(path.parent(), RelPath::parent);
        let mut dirs: Vec<RelPath> = above.take_while(|dir| !self.is_directory(dir)).collect();
        dirs.reverse();
        dirs
    }
}
