//! Owns when what failed is tried again without anybody asking. A save, a reconnect, a comparison and a barrier try
//! it again anyway. Never drops a failure: it stands in the status until it is mended.

use std::time::{Duration, Instant};

use super::State;
use crate::error::MirrorError;
use crate::queue::Item;

/// The first time by itself: whoever has just moved what was in the way is still looking at it.
const FIRST: Duration = Duration::from_secs(2);

/// The longest pause: what has failed for that long waits for a person, and a try costs one request a file.
const LONGEST: Duration = Duration::from_secs(300);

/// The next time.
#[derive(Debug, Default)]
pub(super) struct Retry {
    /// How often it was tried by itself since something new failed.
    attempt: u32,
    pub(super) due: Option<Instant>,
    /// What stopped everything when that was tried; it is not told a second time.
    tried: Option<MirrorError>,
}

impl State {
    /// Sets the clock if there is something to try, and stops it if not. Without a link, or paused, it stands:
    /// the next link compares everything.
    pub(super) fn plan_retry(&mut self) {
        if self.failed.is_empty() && self.halted.is_none() {
            self.retry = Retry { tried: self.retry.tried.take(), ..Retry::default() };
        } else if self.link.is_none() || self.paused || !self.may_heal() {
            self.retry.due = None;
        } else if self.retry.due.is_none() {
            let pause = FIRST.saturating_mul(1 << self.retry.attempt.min(10)).min(LONGEST);
            self.retry.due = Some(self.now + pause);
        }
    }

    /// A local root that is gone, or empty, is left to the user: what comes back in pieces would look like
    /// everything else was removed.
    fn may_heal(&self) -> bool {
        !matches!(self.halted, Some(MirrorError::LocalRootGone | MirrorError::LocalRootEmptied { .. }))
    }

    /// Something failed that had not failed before.
    pub(super) fn retry_soon(&mut self) {
        self.retry.attempt = 0;
        self.retry.due = None;
    }

    /// Its time has come, if it has.
    pub(super) fn retry_if_due(&mut self) {
        if self.retry.due.is_none_or(|due| due > self.now) {
            return;
        }
        self.retry.due = None;
        self.retry.attempt += 1;
        if self.may_heal() {
            self.retry.tried = self.halted.take();
        }
        self.retry_failed();
    }

    /// Whether this is what stopped everything before it was tried again by itself.
    pub(super) fn is_known_halt(&self, error: &MirrorError) -> bool {
        self.retry.tried.as_ref() == Some(error)
    }

    /// From now on a halt is news again: something worked, or the user asked.
    pub(super) fn forget_halt(&mut self) {
        self.retry.tried = None;
    }

    pub(super) fn retry_failed(&mut self) {
        let batch = self.batches.open(self.now);
        for (path, error) in self.failed.clone() {
            if matches!(error, MirrorError::RemoteUnreadable { .. }) {
                // Whether one may look in there again is one question for all that is in there.
                self.want_comparison(false);
            } else if !self.queue.is_pending(&path) {
                self.add(path, Item { batches: vec![batch], walk: true, ..Item::default() });
            }
        }
        self.batches.close(batch);
    }
}
