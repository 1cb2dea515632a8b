//! Owns which paths wait for nothing: while nothing can be sent, what was seen is sifted, so that a log which a
//! program writes does not stand among the files that are not yet on the remote.

use remora_model::RelPath;

use super::State;
use crate::event::Job;
use crate::look::LookSpec;

impl State {
    /// Asks whether anything would come of these; only while they have to wait anyway.
    pub(super) fn sift(&mut self, paths: Vec<RelPath>) {
        let waiting: Vec<(LookSpec, u64)> = paths
            .into_iter()
            .filter_map(|path| {
                let touched = self.queue.touched(&path)?;
                let record = if self.is_doubtful(&path) { None } else { self.records.get(&path) };
                Some((LookSpec { path, record, walk: false, urgent: false, digest: false }, touched))
            })
            .collect();
        if !waiting.is_empty() && !self.is_at_work() {
            self.sifting += 1;
            self.jobs.push(Job::Sift(waiting));
        }
    }

    /// Lets go of those of which nothing would come, unless they were touched again meanwhile.
    pub(super) fn sifted(&mut self, idle: Vec<(RelPath, u64)>) {
        self.sifting = self.sifting.saturating_sub(1);
        for (path, touched) in idle {
            if let Some(item) = self.queue.drop_idle(&path, touched) {
                self.renames.looked_at(&path);
                self.progress.done += 1;
                self.queue.done(&path);
                self.batches.leave(&item.batches, &path);
            }
        }
    }

    /// Whether what waits is looked at and sent at once.
    fn is_at_work(&self) -> bool {
        self.link.is_some() && self.root.is_some() && !self.paused && self.halted.is_none()
    }
}
