//! Owns the paths that wait, are under way, rest for a moment, or stand behind another one, and picks
//! which are next. Pure; never decides what is done with a path.

mod item;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::{Duration, Instant};

use remora_model::{Digest, Mode, Mtime, RelPath};

pub(crate) use self::item::Item;
use crate::record::{FileRecord, bounds_below};

/// At most this many bulk paths are looked at or on their way. With 100 ms of round trip that allows
/// 40,000 small files a second.
pub(crate) const BULK_PATHS: usize = 4096;

/// At most this many bytes of bulk files are held in memory or on their way.
pub(crate) const BULK_BYTES: u64 = 16 << 20;

/// Names one group of changes that is reported as one.
pub(crate) type BatchId = u64;

/// What a path that is on its way will be when it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sending {
    File {
        digest: Option<Digest>,
        size: u64,
        mtime: Mtime,
        mode: Mode,
        racy: bool,
        clears: bool,
    },
    Link {
        digest: Digest,
        clears: bool,
    },
    Meta(FileRecord),
    Dir {
        mode: Mode,
        clears: bool,
    },
    Removal,
    /// It is moved there from this path, which is `Leaving`.
    Moved {
        from: RelPath,
        record: FileRecord,
    },
    /// The same of a directory, with all that is below.
    MovedDir {
        from: RelPath,
    },
    /// It is moved away by what is on its way to another path.
    Leaving,
}

impl Sending {
    /// Whether something that stands there goes away first, so that what is below must wait.
    fn clears(&self) -> bool {
        match self {
            Self::File { clears, .. } | Self::Link { clears, .. } | Self::Dir { clears, .. } => *clears,
            Self::Meta(_) | Self::Moved { .. } => false,
            // What is below a directory that moves has to wait on both ends.
            Self::Removal | Self::MovedDir { .. } | Self::Leaving => true,
        }
    }
}

/// A path under way.
#[derive(Debug, PartialEq)]
pub(crate) struct Live {
    pub(crate) item: Item,
    /// Nothing while it is being looked at.
    pub(crate) sending: Option<Sending>,
    /// Directories that are being made for it, or by it, for the first time.
    pub(crate) new_dirs: Vec<RelPath>,
    /// It was touched again meanwhile.
    pub(crate) again: Option<Item>,
}

/// What a path stands behind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Behind {
    /// All paths below it.
    Below,
    /// This path above it.
    Above(RelPath),
    /// Another path, in a rename; somebody else says when that is over.
    Twin,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<RelPath, Item>,
    urgent: VecDeque<RelPath>,
    bulk: VecDeque<RelPath>,
    resting: BTreeMap<RelPath, (Instant, Item)>,
    alarms: BTreeSet<(Instant, RelPath)>,
    parked: BTreeMap<RelPath, (Item, Behind)>,
    live: BTreeMap<RelPath, Live>,
    /// How often something was put in.
    touches: u64,
    bulk_live: usize,
    bulk_bytes: u64,
}

impl Queue {
    /// How many paths are not done.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.resting.len() + self.parked.len() + self.live.len()
    }

    pub(crate) fn is_pending(&self, path: &RelPath) -> bool {
        self.waiting.contains_key(path)
            || self.resting.contains_key(path)
            || self.parked.contains_key(path)
            || self.live.contains_key(path)
    }

    /// How many paths rest because somebody writes them, and may come to nothing.
    pub(crate) fn settling(&self) -> usize {
        self.resting.values().filter(|(_, item)| item.attempts == 0).count()
    }

    /// The first of all paths that are not done, in order; those that settle are not counted yet.
    pub(crate) fn first(&self, count: usize) -> Vec<RelPath> {
        let resting = self.resting.iter().filter(|(_, (_, item))| item.attempts > 0).map(|(path, _)| path);
        let waiting = self.waiting.keys().take(count).chain(resting.take(count));
        let all: BTreeSet<&RelPath> =
            waiting.chain(self.parked.keys().take(count)).chain(self.live.keys().take(count)).collect();
        all.into_iter().take(count).cloned().collect()
    }

    /// Whether nothing is known to have changed yet: all that is in is being looked at, or is about to be when
    /// whoever writes it has ended.
    pub(crate) fn is_only_looked_at(&self) -> bool {
        self.waiting.is_empty()
            && self.parked.is_empty()
            && self.live.values().all(|live| live.sending.is_none())
            && self.resting.values().all(|(_, item)| item.attempts == 0)
    }

    /// All paths that are not done.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.waiting.keys().chain(self.resting.keys()).chain(self.parked.keys()).chain(self.live.keys())
    }

    /// Puts a path in; one that is in already takes over what is new. Whether it is one more.
    pub(crate) fn push(&mut self, path: RelPath, item: Item) -> bool {
        if let Some(live) = self.live.get_mut(&path) {
            match &mut live.again {
                Some(again) => again.merge(item),
                None => live.again = Some(item),
            }
            return false;
        }
        let older = self.take_idle(&path);
        let more = older.is_none();
        let mut item = item;
        if let Some(older) = older {
            item.merge(older);
        }
        self.touches += 1;
        item.touched = self.touches;
        self.enqueue(path, item);
        more
    }

    /// When a path that waits for its turn was put in last, counted in times that something was.
    pub(crate) fn touched(&self, path: &RelPath) -> Option<u64> {
        self.waiting.get(path).map(|item| item.touched)
    }

    /// Takes out a path that waits for its turn, if it was not put in again.
    pub(crate) fn drop_idle(&mut self, path: &RelPath, touched: u64) -> Option<Item> {
        if self.touched(path) == Some(touched) { self.waiting.remove(path) } else { None }
    }

    /// Puts a path in that is looked at only at `when`, unless somebody touches it before.
    pub(crate) fn rest(&mut self, path: RelPath, item: Item, when: Instant) {
        self.alarms.insert((when, path.clone()));
        self.resting.insert(path, (when, item));
    }

    /// Puts a path in that somebody is writing to: it rests until `settles` after now, at most until
    /// `at_most` after the writing began. One that waits for another reason goes on waiting for that.
    /// Whether it is one more.
    pub(crate) fn put_off(
        &mut self,
        path: RelPath,
        mut item: Item,
        now: Instant,
        settles: Duration,
        at_most: Duration,
    ) -> bool {
        if self.live.contains_key(&path) {
            return self.push(path, item);
        }
        if let Some(waiting) = self.waiting.get_mut(&path).or(self.parked.get_mut(&path).map(|(item, _)| item)) {
            waiting.merge(item);
            self.touches += 1;
            waiting.touched = self.touches;
            return false;
        }
        let older = self.take_idle(&path);
        let more = older.is_none();
        if let Some(older) = older {
            let written_since = older.written_since.or(item.written_since);
            item.merge(older);
            item.written_since = written_since;
        }
        let latest = item.written_since.unwrap_or(now) + at_most;
        self.rest(path, item, latest.min(now + settles));
        more
    }

    /// Puts a path in that waits for others to be done.
    pub(crate) fn park(&mut self, path: RelPath, item: Item, behind: Behind) {
        self.parked.insert(path, (item, behind));
    }

    /// Whether a path waits in a rename.
    pub(crate) fn is_twin(&self, path: &RelPath) -> bool {
        matches!(self.parked.get(path), Some((_, Behind::Twin)))
    }

    /// Lets a path that waits in a rename go on by itself.
    pub(crate) fn unpark(&mut self, path: &RelPath) {
        if let Some(item) = self.take_twin(path) {
            self.enqueue(path.clone(), item);
        }
    }

    /// Takes out a path that waits in a rename.
    pub(crate) fn take_twin(&mut self, path: &RelPath) -> Option<Item> {
        if self.is_twin(path) { self.parked.remove(path).map(|(item, _)| item) } else { None }
    }

    /// When the next resting path is due.
    pub(crate) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.first().map(|(when, _)| *when)
    }

    /// Wakes the resting paths that are due; which those are.
    pub(crate) fn wake(&mut self, now: Instant) -> Vec<RelPath> {
        let mut woken = Vec::new();
        while let Some((when, path)) = self.alarms.first().cloned() {
            if when > now {
                break;
            }
            self.alarms.pop_first();
            if let Some((_, item)) = self.resting.remove(&path) {
                woken.push(path.clone());
                self.enqueue(path, item);
            }
        }
        woken
    }

    /// The next path to look at, within the limits of bulk work.
    pub(crate) fn next(&mut self) -> Option<(RelPath, Item)> {
        let path = loop {
            if let Some(path) = self.urgent.pop_front() {
                if self.waiting.get(&path).is_some_and(|item| item.urgent) {
                    break path;
                }
                continue;
            }
            if self.bulk_live >= BULK_PATHS || self.bulk_bytes >= BULK_BYTES {
                return None;
            }
            let path = self.bulk.pop_front()?;
            if self.waiting.get(&path).is_some_and(|item| !item.urgent) {
                break path;
            }
        };
        let item = self.waiting.remove(&path)?;
        if !item.urgent {
            self.bulk_live += 1;
            self.bulk_bytes += item.size;
        }
        self.live.insert(path.clone(), Live { item: item.clone(), sending: None, new_dirs: Vec::new(), again: None });
        Some((path, item))
    }

    /// Notes that a path that was looked at is now on its way.
    pub(crate) fn sending(&mut self, path: &RelPath, live: Live, sending: Sending) {
        if !live.item.urgent {
            self.bulk_live += 1;
            self.bulk_bytes += live.item.size;
        }
        self.live.insert(path.clone(), Live { sending: Some(sending), ..live });
    }

    /// Takes out a path that was under way.
    pub(crate) fn landed(&mut self, path: &RelPath) -> Option<Live> {
        let live = self.live.remove(path)?;
        if !live.item.urgent {
            self.bulk_live = self.bulk_live.saturating_sub(1);
            self.bulk_bytes = self.bulk_bytes.saturating_sub(live.item.size);
        }
        Some(live)
    }

    /// Lets go of the room that a long queue took, when nothing is in it.
    pub(crate) fn tidy(&mut self) {
        if self.len() == 0 {
            (self.urgent, self.bulk) = (VecDeque::new(), VecDeque::new());
        }
    }

    /// Whether any path strictly below is not done.
    pub(crate) fn busy_below(&self, dir: &RelPath) -> bool {
        let (first, end) = bounds_below(dir);
        let range = (Bound::Included(first), Bound::Excluded(end));
        self.waiting.range(range.clone()).next().is_some()
            || self.resting.range(range.clone()).next().is_some()
            || self.live.range(range.clone()).next().is_some()
            || self.parked.range(range).any(|(_, (_, behind))| *behind == Behind::Below)
    }

    /// Whether something is about to go away at this path.
    pub(crate) fn is_clearing(&self, path: &RelPath) -> bool {
        self.live.get(path).and_then(|live| live.sending.as_ref()).is_some_and(Sending::clears)
    }

    /// Lets go on what stood behind `path`, now that it is done.
    pub(crate) fn done(&mut self, path: &RelPath) {
        if self.parked.is_empty() || self.is_pending(path) {
            return;
        }
        let mut free: Vec<RelPath> = Vec::new();
        for dir in std::iter::successors(path.parent(), RelPath::parent) {
            let waits = matches!(self.parked.get(&dir), Some((_, Behind::Below)));
            if waits && !self.busy_below(&dir) {
                free.push(dir);
            }
        }
        let (first, end) = bounds_below(path);
        let below = self.parked.range((Bound::Included(first), Bound::Excluded(end)));
        let behind = Behind::Above(path.clone());
        free.extend(below.filter(|(_, (_, waits))| *waits == behind).map(|(parked, _)| parked.clone()));
        for path in free {
            if let Some((mut item, behind)) = self.parked.remove(&path) {
                item.waited |= behind != Behind::Below;
                self.enqueue(path, item);
            }
        }
    }

    fn enqueue(&mut self, path: RelPath, item: Item) {
        if item.urgent {
            self.urgent.push_back(path.clone())
        } else {
            self.bulk.push_back(path.clone())
        }
        self.waiting.insert(path, item);
    }

    fn take_idle(&mut self, path: &RelPath) -> Option<Item> {
        if let Some((when, item)) = self.resting.remove(path) {
            self.alarms.remove(&(when, path.clone()));
            return Some(item);
        }
        let parked = self.parked.remove(path).map(|(item, _)| Item { expanded: false, waited: false, ..item });
        parked.or_else(|| self.waiting.remove(path))
    }
}

#[cfg(test)]
mod tests;
