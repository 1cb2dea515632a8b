//! Owns what is told: the status, the progress, the end of batches, and the answers to barriers.

use std::time::{Duration, Instant};

use super::State;
use crate::error::MirrorError;
use crate::event::Job;
use crate::notice::{self, Barrier, Blocked, Notice, PATHS_NAMED, PATHS_WAITING, Phase, Status};

/// Progress is told at most this often: a person sees no more, and an editor draws no more.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// During bulk work the status is told at most this often, for the same reason.
const STATUS_EVERY: Duration = Duration::from_millis(100);

/// With more paths than this it is bulk work: more than anybody saves at once.
const HANDFUL: usize = 10;

/// With more bytes than this it is bulk work too, be it one file: seconds on a slow line.
const HANDFUL_BYTES: u64 = 4 << 20;

/// How far the work since the last idle moment is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) total: u64,
    bytes: u64,
    streamed: u64,
    pub(super) bytes_total: u64,
    told: Instant,
}

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self { done: 0, total: 0, bytes: 0, streamed: 0, bytes_total: 0, told: now }
    }

    /// So many bytes of a file that is not stored yet are on their way.
    pub(super) fn bytes_streamed(&mut self, bytes: u64) {
        self.streamed += bytes;
    }

    fn counts(&self) -> notice::Progress {
        let bytes_done = self.bytes + self.streamed;
        notice::Progress {
            files_done: self.done,
            files_total: self.total.max(self.done),
            bytes_done,
            bytes_total: self.bytes_total.max(bytes_done),
        }
    }

    /// A file of this size is stored.
    pub(super) fn bytes_done(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.streamed = self.streamed.saturating_sub(bytes);
    }
}

impl State {
    /// The status as of now.
    pub(crate) fn status(&self) -> Status {
        Status {
            phase: self.phase(),
            pending: self.queue.len() - self.queue.settling(),
            waiting: self.queue.first(PATHS_WAITING),
            progress: self.bulk_progress(),
            diverged: self.diverged.iter().cloned().collect(),
            failed: self.failed.iter().map(|(path, error)| (path.clone(), error.clone())).collect(),
            held: self.held_count(),
            large: self.large.held().iter().map(|(path, size)| (path.clone(), *size)).collect(),
            declined: self.records.all_declined().cloned().collect(),
            halted: self.halted.clone(),
            remote_root: self.root.clone(),
        }
    }

    /// Whether all that could be done is done.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.phase(), Phase::InSync | Phase::Incomplete)
    }

    /// How many changes wait or are on their way.
    pub(crate) fn unfinished(&self) -> usize {
        self.queue.len()
    }

    /// Keeps what is held small; done while at rest.
    pub(crate) fn tidy(&mut self) {
        self.records.settle();
        self.queue.tidy();
    }

    fn phase(&self) -> Phase {
        if self.paused {
            Phase::Paused
        } else if self.link.is_none() {
            Phase::WaitingForLink
        } else if self.halted.is_some() {
            Phase::Halted
        } else if self.is_comparing() {
            Phase::Comparing
        } else if self.queue.len() > 0 {
            Phase::Uploading
        } else if self.diverged.is_empty() && self.failed.is_empty() && !self.waits_for_a_word() {
            Phase::InSync
        } else {
            Phase::Incomplete
        }
    }

    fn waits_for_a_word(&self) -> bool {
        !self.removals.held().is_empty() || !self.large.held().is_empty()
    }

    fn is_comparing(&self) -> bool {
        self.root.is_none() || self.comparison.wanted.is_some() || self.comparison.running.is_some()
    }

    /// Somebody wants to go on only when everything is there.
    pub(super) fn barrier(&mut self, id: u64) {
        self.clear_full_disk();
        self.retry_failed();
        self.barriers.push(id);
    }

    /// Tells what changed by the event that was just followed.
    pub(super) fn report(&mut self) {
        self.ask_about_held();
        self.ask_about_large();
        for notice in self.batches.completed(self.now) {
            self.tell(notice);
        }
        if self.queue.len() == 0 {
            self.progress = Progress::new(self.now);
        } else if self.now.saturating_duration_since(self.progress.told) >= PROGRESS_EVERY {
            self.tell_progress();
        }
        self.tell_status();
        // Whoever waits at a barrier may ask for the status next.
        self.answer_barriers();
    }

    /// Tells the status if it changed: a new phase at once, all else during bulk work only now and then.
    fn tell_status(&mut self) {
        self.status_due = None;
        let told = (self.told.phase, &self.told.halted, &self.told.remote_root);
        let turned = told != (self.phase(), &self.halted, &self.root);
        let bulk = self.queue.len() > HANDFUL || self.bulk_progress().is_some();
        if turned && !self.standing_changed && !bulk && self.may_come_to_nothing() {
            return;
        }
        if !turned && !self.standing_changed && self.sifting > 0 {
            return;
        }
        let due = self.told_at + STATUS_EVERY;
        if !turned && bulk && self.now < due {
            self.status_due = Some(due);
            return;
        }
        self.standing_changed = false;
        let status = self.status();
        if status != self.told {
            self.told = status.clone();
            self.told_at = self.now;
            self.tell(Notice::Status(status));
        }
    }

    /// Most of what is looked at turns out to be left out, or not to have changed (a log that a program
    /// writes): telling each look would make the status flicker.
    fn may_come_to_nothing(&self) -> bool {
        let idle = matches!(self.told.phase, Phase::InSync | Phase::Incomplete);
        idle && self.phase() == Phase::Uploading && self.queue.is_only_looked_at()
    }

    fn tell_progress(&mut self) {
        self.progress.told = self.now;
        self.tell(Notice::Progress(self.progress.counts()));
    }

    /// How far a bulk upload is.
    fn bulk_progress(&self) -> Option<notice::Progress> {
        let counts = self.progress.counts();
        let bulk = counts.files_total > HANDFUL as u64 || counts.bytes_total > HANDFUL_BYTES;
        (bulk && self.phase() == Phase::Uploading).then_some(counts)
    }

    fn answer_barriers(&mut self) {
        if self.barriers.is_empty() {
            return;
        }
        let Some(answer) = self.barrier_answer() else { return };
        for id in std::mem::take(&mut self.barriers) {
            self.jobs.push(Job::Answer(id, answer.clone()));
        }
    }

    /// Whether a barrier can be passed; nothing while that is open.
    fn barrier_answer(&self) -> Option<Result<Barrier, Blocked>> {
        match self.phase() {
            Phase::Paused => Some(Err(Blocked::Paused)),
            Phase::WaitingForLink => Some(Err(Blocked::LinkLost)),
            Phase::Halted => Some(Err(match self.halted.clone()? {
                MirrorError::LocalRootGone => Blocked::RootGone,
                MirrorError::NoSpace { path } => Blocked::Failed(path.clone(), MirrorError::NoSpace { path }),
                error => Blocked::Halted(error),
            })),
            Phase::Comparing | Phase::Uploading => None,
            Phase::InSync | Phase::Incomplete => Some(match (self.failed.first_key_value(), self.root.clone()) {
                _ if !self.diverged.is_empty() => Err(Blocked::Diverged(self.diverged.iter().cloned().collect())),
                _ if !self.removals.held().is_empty() => {
                    let held = self.removals.held();
                    Err(Blocked::Held(held.len(), held.iter().take(PATHS_NAMED).cloned().collect()))
                }
                _ if !self.large.held().is_empty() => {
                    let held = self.large.held();
                    let first = held.iter().take(PATHS_NAMED).map(|(path, size)| (path.clone(), *size));
                    Err(Blocked::Large(held.len(), first.collect()))
                }
                (Some((path, error)), _) => Err(Blocked::Failed(path.clone(), error.clone())),
                (None, Some(remote_root)) => {
                    let (files, manifest) = (self.records.files() as u64, self.records.manifest());
                    Ok(Barrier { remote_root, files, manifest })
                }
                (None, None) => Err(Blocked::LinkLost),
            }),
        }
    }
}
