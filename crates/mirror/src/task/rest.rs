//! Owns what is put in order when nothing is under way: the index at once, the memory when it stays so. Decides nothing
//! about the mirror.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Task;
use crate::event::Job;
use crate::memory::give_back;

/// With more changes than this on their way at once, memory is given back when they are done.
const MANY: usize = 1000;

/// Memory is given back after this long: by then the threads that did the work have ended (`THREADS_STAY` of the
/// program), each of which keeps some of what was freed.
const QUIET: Duration = Duration::from_secs(2);

/// Whether there is memory to be given back.
#[derive(Default)]
pub(super) struct Rest {
    has_grown: bool,
    due: Option<Instant>,
}

impl Rest {
    /// A job is begun, with so many changes on their way.
    pub(super) fn begun(&mut self, job: &Job, pending: usize) {
        self.has_grown |= matches!(job, Job::Compare { .. }) || pending > MANY;
    }

    /// When it is to be asked again whether nothing is under way.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether memory is to be given back now.
    fn is_time(&mut self, is_at_rest: bool, now: Instant) -> bool {
        let is_due = self.due.is_some_and(|due| due <= now);
        if is_due {
            self.due = None;
            // What is under way counts anew.
            self.has_grown |= !is_at_rest;
        }
        if is_at_rest && std::mem::take(&mut self.has_grown) {
            self.due = Some(now + QUIET);
            return false;
        }
        is_due && is_at_rest
    }
}

impl Task {
    /// Brings the index and the memory in order while nothing is under way.
    pub(super) fn rest(&mut self) {
        let is_at_rest = self.state.is_at_rest();
        let is_time = self.rest.is_time(is_at_rest, Instant::now());
        if !is_at_rest {
            return;
        }
        if let Some(index) = &mut self.index
            && let Err(error) = index.rest().and_then(|()| index.compact(self.state.records()))
        {
            tracing::warn!(%error, "the index can't be kept");
        }
        self.state.tidy();
        if is_time {
            let (rules, watch) = (Arc::clone(&self.local.rules), self.local.watch.clone());
            self.jobs.spawn_blocking(move || {
                // A comparison has read those of every directory; a save needs those above one file.
                rules.forget();
                watch.iter().for_each(|watch| watch.tidy());
                give_back();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_when_it_has_been_quiet_for_a_while() {
        let mut rest = Rest::default();
        let now = Instant::now();
        assert!(!rest.is_time(true, now) && rest.due().is_none(), "nothing was done");
        rest.begun(&Job::ForgetRules, MANY + 1);
        assert!(!rest.is_time(false, now) && rest.due().is_none(), "it is still under way");
        assert!(!rest.is_time(true, now));
        let due = rest.due().unwrap();
        // Work came in between: it is waited for, and then as long again.
        assert!(!rest.is_time(false, due) && rest.due().is_none());
        assert!(!rest.is_time(true, due));
        let later = rest.due().unwrap();
        assert!(rest.is_time(true, later) && rest.due().is_none());
        assert!(!rest.is_time(true, later + QUIET));
    }
}
