//! Owns the state of one mirror and every decision: events in, jobs out. Touches no file, no socket and
//! no clock; the time comes in with the event.

mod compared;
mod large;
mod looked;
mod removals;
mod renames;
mod renaming;
mod report;
mod retry;
mod seen;
mod sent;
mod settled;
mod sifted;
mod taken;
mod ways;

pub(crate) use sent::IMPLIED_DIR_MODE;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use remora_model::{Modes, Policy, RelPath, RemotePath};

use crate::batch::Batches;
use crate::error::MirrorError;
use crate::event::{Event, Job};
use crate::look::LookSpec;
use crate::notice::{Notice, RemovalLimits, Status};
use crate::queue::{BatchId, Item, Queue};
use crate::record::{Line, Record, Records};

/// A file that is being written without having been closed is looked at when nothing was written for
/// this long.
const WRITING_SETTLES: Duration = Duration::from_millis(50);

/// A file that is written to all the time is looked at this often all the same.
const WRITING_AT_MOST: Duration = Duration::from_secs(1);

/// A file that is gone is removed over there after this long. Editors that save by renaming make it
/// vanish for a moment; a reader over there must not see that.
const REMOVAL_SETTLES: Duration = Duration::from_millis(50);

/// Without a watcher, changes are looked for this often.
const RESCAN_EVERY: Duration = Duration::from_secs(15);

/// Paths that are looked at in one go on one thread.
const LOOK_TOGETHER: usize = 32;

/// With more failed paths than this, a save does not try them all again.
const RETRIED_WITH_A_SAVE: usize = 100;

pub(crate) struct State {
    overwrite: bool,
    modes: Modes,
    link: Option<u64>,
    root: Option<RemotePath>,
    opening: bool,
    paused: bool,
    halted: Option<MirrorError>,
    records: Records,
    queue: Queue,
    batches: Batches,
    diverged: BTreeSet<RelPath>,
    /// Something else was seen there, by a comparison that must not decide about it.
    doubted: BTreeSet<RelPath>,
    failed: BTreeMap<RelPath, MirrorError>,
    removals: removals::Removals,
    large: large::Large,
    renames: renames::Renames,
    /// Paths that the remote file is just taking the place of, and what was seen of them meanwhile.
    taking: BTreeMap<RelPath, Option<Item>>,
    /// What was told last of a path that failed.
    last_trouble: Option<MirrorError>,
    comparison: Comparing,
    retry: retry::Retry,
    next_rescan: Option<Instant>,
    barriers: Vec<u64>,
    /// `diverged` or `failed` are not as they were told.
    standing_changed: bool,
    told: Status,
    told_at: Instant,
    /// When a change of the status that was not told yet is to be.
    status_due: Option<Instant>,
    progress: report::Progress,
    /// How many times it is being asked which of the waiting paths wait for nothing.
    sifting: usize,
    /// The time of the event being followed, and what is to be done for it.
    now: Instant,
    jobs: Vec<Job>,
    lines: Vec<Line>,
}

/// Whether both trees are to be compared, or are being.
#[derive(Default)]
struct Comparing {
    /// Asked for and not begun; the batch that its work counts in.
    wanted: Option<BatchId>,
    /// Begun; the batch, and the paths that somebody else deals with meanwhile: whether something came of it.
    running: Option<(BatchId, HashMap<RelPath, bool>)>,
}

impl State {
    pub(crate) fn new(overwrite: bool, limits: RemovalLimits, policy: &Policy, now: Instant) -> Self {
        Self {
            overwrite,
            modes: policy.modes,
            link: None,
            root: None,
            opening: false,
            paused: false,
            halted: None,
            records: Records::default(),
            queue: Queue::default(),
            batches: Batches::default(),
            diverged: BTreeSet::new(),
            doubted: BTreeSet::new(),
            failed: BTreeMap::new(),
            removals: removals::Removals::new(limits),
            large: large::Large::new(policy.max_file_bytes()),
            renames: renames::Renames::default(),
            taking: BTreeMap::new(),
            last_trouble: None,
            comparison: Comparing::default(),
            retry: retry::Retry::default(),
            next_rescan: None,
            barriers: Vec::new(),
            standing_changed: false,
            told: Status::default(),
            told_at: now,
            status_due: None,
            progress: report::Progress::new(now),
            sifting: 0,
            now,
            jobs: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// What is recorded of the remote.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// When [`Event::Tick`] is wanted next.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        let alarms = [self.queue.next_alarm(), self.next_rescan, self.retry.due, self.status_due];
        alarms.into_iter().flatten().min()
    }

    /// Follows one event.
    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Vec<Job> {
        self.now = now;
        match event {
            Event::LinkUp(link) => self.link_up(link),
            Event::LinkLost => self.link_lost(),
            Event::LinkEnded(link) if self.link == Some(link) => self.link_lost(),
            Event::LinkEnded(_) => {}
            Event::Saved(path) => self.saved(path),
            Event::Seen(sights) => self.seen(sights),
            Event::Overflowed => self.want_comparison(false),
            Event::Unwatched(error) => self.unwatched(error),
            Event::Rescan => self.rescan(),
            Event::Pause => self.paused = true,
            Event::Resume => self.paused = false,
            Event::Overwrite(which) => self.overwrite(which),
            Event::DecideHeld(word) => self.decide_held(word),
            Event::DecideLarge(word) => self.decide_large(word),
            Event::Take(id, path) => self.take(id, path),
            Event::Taken(id, path, result) => self.taken(id, path, result),
            Event::Barrier(id) => self.barrier(id),
            Event::RootOpened(link, opened) => self.root_opened(link, opened),
            Event::Compared(compared) => self.compared(compared),
            Event::Looked { found, .. } => self.all_looked(found),
            Event::Sifted(idle) => self.sifted(idle),
            Event::Sent(sent) => {
                for (path, outcome) in sent {
                    self.sent(path, outcome);
                }
            }
            Event::Streamed(bytes) => self.progress.bytes_streamed(bytes),
            Event::Tick => self.tick(),
        }
        self.begin_work();
        self.plan_retry();
        self.report();
        let kept = (!self.lines.is_empty()).then(|| Job::Keep(std::mem::take(&mut self.lines)));
        // What is about to leave is written down before it does.
        kept.into_iter().chain(std::mem::take(&mut self.jobs)).collect()
    }

    fn link_up(&mut self, link: u64) {
        self.link = Some(link);
        self.root = None;
        self.opening = false;
        self.halted = None;
        self.forget_halt();
        self.want_comparison(true);
    }

    fn link_lost(&mut self) {
        self.link = None;
        self.root = None;
        self.opening = false;
    }

    fn unwatched(&mut self, error: MirrorError) {
        self.tell(Notice::Trouble { path: None, error });
        if self.next_rescan.is_none() {
            self.next_rescan = Some(self.now + RESCAN_EVERY);
        }
    }

    fn rescan(&mut self) {
        self.halted = None;
        self.forget_halt();
        self.want_comparison(true);
    }

    fn tick(&mut self) {
        let woken = self.queue.wake(self.now);
        self.sift(woken);
        self.retry_if_due();
        if self.next_rescan.is_some_and(|due| due <= self.now) {
            self.next_rescan = Some(self.now + RESCAN_EVERY);
            self.want_comparison(false);
        }
    }

    /// Asks for a comparison. `told` says whether its end is reported even if nothing had to be done.
    fn want_comparison(&mut self, told: bool) {
        let batch = self.comparison.wanted.unwrap_or_else(|| self.batches.open(self.now));
        if told {
            self.batches.tell_always(batch);
        }
        self.comparison.wanted = Some(batch);
    }

    /// Puts a path into the queue.
    fn add(&mut self, path: RelPath, item: Item) {
        self.touch(&path);
        if self.hold(&path, &item) {
            return;
        }
        self.batches.join(&item.batches, &path);
        if self.queue.push(path, item) {
            self.progress.total += 1;
        }
    }

    /// The comparison under way must not decide about this path: somebody else may.
    fn touch(&mut self, path: &RelPath) {
        if let Some((_, touched)) = &mut self.comparison.running {
            touched.entry(path.clone()).or_insert(false);
        }
    }

    /// The comparison under way must not decide about this path: somebody else does.
    fn decide(&mut self, path: &RelPath) {
        if let Some((_, touched)) = &mut self.comparison.running {
            touched.insert(path.clone(), true);
        }
    }

    /// The user may have made room.
    fn clear_full_disk(&mut self) {
        if self.halted.as_ref().is_some_and(MirrorError::stops_all) {
            self.halted = None;
            self.forget_halt();
        }
    }

    fn begin_work(&mut self) {
        self.go_on_with_gone();
        let Some(link) = self.link else { return };
        if self.paused || self.halted.is_some() {
            return;
        }
        if self.root.is_none() {
            if !self.opening {
                self.opening = true;
                self.jobs.push(Job::OpenRoot(link));
            }
            return;
        }
        if self.comparison.running.is_none()
            && let Some(batch) = self.comparison.wanted.take()
        {
            self.comparison.running = Some((batch, self.queue.paths().map(|path| (path.clone(), false)).collect()));
            self.jobs.push(Job::Compare { records: self.records.clone(), overwrite: self.overwrite });
        }
        loop {
            let next = std::iter::from_fn(|| self.queue.next()).take(LOOK_TOGETHER);
            let next: Vec<(RelPath, Item)> = next.collect();
            let spec = |(path, item): (RelPath, Item)| {
                let trusted = !item.any && !self.is_doubtful(&path);
                let record = if trusted { self.records.get(&path) } else { None };
                let walk = item.walk || !(item.listed || matches!(record, Some(Record::Dir { .. })));
                LookSpec { path, record, walk, urgent: item.urgent, digest: item.digest }
            };
            let specs: Vec<LookSpec> = next.into_iter().map(spec).collect();
            if specs.is_empty() {
                return;
            }
            self.jobs.push(Job::Look(specs));
        }
    }

    /// Whether the record does not tell what is there: it was seen to be something else, or a change failed.
    fn is_doubtful(&self, path: &RelPath) -> bool {
        self.diverged.contains(path) || self.failed.contains_key(path) || self.doubted.contains(path)
    }

    fn root_opened(&mut self, link: u64, opened: Result<(RemotePath, Option<Records>), MirrorError>) {
        if self.link != Some(link) {
            return;
        }
        self.opening = false;
        match opened {
            Ok((root, records)) => {
                if let Some(records) = records {
                    self.records = records;
                }
                self.root = Some(root.clone());
                self.tell(Notice::RootReady { remote_root: root });
            }
            // The owner hears of it from the link itself, and calls again when there is another.
            Err(MirrorError::Link(_)) => self.link = None,
            Err(error) => self.halt(None, error),
        }
    }

    fn halt(&mut self, path: Option<RelPath>, error: MirrorError) {
        if self.halted.is_none() {
            self.halted = Some(error.clone());
            if !self.is_known_halt(&error) {
                self.tell(Notice::Trouble { path, error });
            }
        }
    }

    fn tell(&mut self, notice: Notice) {
        self.jobs.push(Job::Tell(notice));
    }
}

#[cfg(test)]
mod tests;
