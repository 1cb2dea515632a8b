//! Owns what follows from a look at a local path: nothing, a change on the remote, a rest, or a place
//! behind another path.

use std::time::Duration;

use remora_agent::{ChangeKind, Expect};
use remora_model::{Digest, Kind, Mode, RelPath};

use super::{REMOVAL_SETTLES, State, WRITING_SETTLES};
use crate::error::MirrorError;
use crate::event::{Job, Large, Op, Way};
use crate::look::{Content, Looked, LookedFile};
use crate::modes::wanted;
use crate::queue::{Behind, Item, Live, Sending};
use crate::record::{FileRecord, Intent, LineKind, Record, Seen};
use crate::rules::Rules;
use crate::scan::Listing;

/// A file that changes under every look is given up after this many; with the growing rests between
/// them that is some five seconds. The next event tries again.
const LOOKS: u32 = 8;

/// The longest rest between two looks at a file that does not hold still.
const LONGEST_REST: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn looked(&mut self, path: RelPath, looked: Looked) {
        let Some(live) = self.queue.landed(&path) else { return };
        let Some(live) = self.wait_for_move(&path, live) else { return };
        self.note_looked(&path, &looked);
        if !matches!(looked, Looked::Gone | Looked::RootGone | Looked::Elsewhere | Looked::Unreadable(_)) {
            self.note_back(&path);
        }
        if !matches!(
            looked,
            Looked::RootGone | Looked::Elsewhere | Looked::Unreadable(_) | Looked::Unsteady | Looked::File(_)
        ) {
            self.note_not_large(&path);
        }
        match looked {
            Looked::RootGone => {
                self.put_back(&path, live);
                self.halt(None, MirrorError::LocalRootGone);
            }
            Looked::Elsewhere => {
                self.want_comparison(false);
                self.rest_unsteady(&path, live);
            }
            Looked::Ignored => {
                if Rules::is_rule_file(&path) {
                    self.jobs.push(Job::ForgetRules);
                    self.want_comparison(false);
                }
                self.settle(&path, live, false);
            }
            Looked::Unchanged => self.settle(&path, live, false),
            Looked::Unsteady => self.rest_unsteady(&path, live),
            Looked::Unreadable(error) => self.fail(&path, live, error),
            Looked::Gone => self.looked_gone(&path, live),
            Looked::File(file) => self.looked_file(&path, live, file),
            Looked::Link(text) => self.looked_link(&path, live, text),
            Looked::Dir(mode, below) => self.looked_dir(&path, live, mode, below),
        }
    }

    /// Lets the path wait for better times; it stays in its batches.
    pub(super) fn put_back(&mut self, path: &RelPath, live: Live) {
        self.queue.push(path.clone(), live.item);
        if let Some(again) = live.again {
            self.put_again(path, again);
        }
    }

    /// Looks again in a while at a file that changes while it is read or sent.
    pub(super) fn rest_unsteady(&mut self, path: &RelPath, mut live: Live) {
        if live.again.is_some() {
            return self.put_back(path, live);
        }
        live.item.attempts += 1;
        if live.item.attempts > LOOKS {
            return self.fail(path, live, MirrorError::Vanished { path: path.clone() });
        }
        let rest = WRITING_SETTLES * (1 << (live.item.attempts - 1));
        self.queue.rest(path.clone(), live.item, self.now + rest.min(LONGEST_REST));
    }

    fn looked_gone(&mut self, path: &RelPath, mut live: Live) {
        let Some(record) = self.records.get(path) else {
            // A rule file was never sent, perhaps because it left itself out; something else may have been, with the
            // answer lost.
            let may_be_there = !self.records.intents(path).is_empty();
            if may_be_there || (live.item.urgent && Rules::is_rule_file(path)) {
                self.want_comparison(false);
            }
            self.note_back(path);
            self.add_records_below(path, &live.item);
            return self.settle(path, live, false);
        };
        self.note_gone([path]);
        let since = *live.item.gone_since.get_or_insert(self.now);
        let settled = self.set_grows_until().unwrap_or(since + REMOVAL_SETTLES);
        if !live.item.surely_gone && self.now < settled {
            if live.again.is_some() {
                return self.put_back(path, live);
            }
            return self.queue.rest(path.clone(), live.item, settled);
        }
        let Some(mut live) = self.leave_or_wait(path, live) else { return };
        if self.is_held(path) {
            self.standing_changed |= self.failed.remove(path).is_some();
            return self.finish(path, live);
        }
        let expect = match &record {
            Record::Dir { ours, .. } => {
                if !self.is_cleared_below(path, &mut live) {
                    return;
                }
                if !ours || self.records.below(path).next().is_some() {
                    self.keep_or_forget_dir(path, *ours);
                    return self.settle(path, live, false);
                }
                if self.records.intended().any(|other| other != path && other.is_within(path)) {
                    // What may have arrived in it has to be known before: it would be taken for somebody else's, and this
                    // directory would stay because of it.
                    self.want_comparison(false);
                    return self.settle(path, live, false);
                }
                Expect::Absent
            }
            Record::File(FileRecord { digest, .. }) | Record::Link { digest } => expect(&live.item, Some(digest)),
        };
        self.send(path, live, Op { way: Way::default(), kind: ChangeKind::Remove { expect } }, Sending::Removal);
    }

    /// A directory that was not ours is none of our business once it is gone here.
    fn keep_or_forget_dir(&mut self, path: &RelPath, ours: bool) {
        if !ours {
            self.keep(path, LineKind::Nothing(()));
        }
    }

    /// Whether nothing of ours is left to be removed below `path`. Otherwise the path now stands behind
    /// what is.
    fn is_cleared_below(&mut self, path: &RelPath, live: &mut Live) -> bool {
        if !live.item.expanded {
            self.add_records_below(path, &live.item);
        }
        if !self.queue.busy_below(path) {
            return true;
        }
        let mut item = std::mem::take(&mut live.item);
        item.expanded = true;
        self.queue.park(path.clone(), item, Behind::Below);
        if let Some(again) = live.again.take() {
            self.put_again(path, again);
        }
        false
    }

    fn add_records_below(&mut self, dir: &RelPath, item: &Item) {
        let alone = |path: &RelPath| !self.renames.goes_along(path);
        let below: Vec<RelPath> = self.records.below(dir).map(|(path, _)| path).filter(alone).collect();
        self.note_gone(&below);
        for path in below {
            let gone = Item { batches: item.batches.clone(), urgent: item.urgent, ..Item::default() };
            self.add(path, Item { surely_gone: item.surely_gone || item.gone_since.is_some(), ..gone });
        }
    }

    fn looked_file(&mut self, path: &RelPath, live: Live, file: LookedFile) {
        let Some(live) = self.await_source(path, live, &file) else { return };
        let Some((mut live, record)) = self.make_way(path, live) else { return };
        self.progress.bytes_total += file.size.saturating_sub(live.item.size);
        live.item.size = file.size;
        let LookedFile { mtime, size, mode, racy, content } = file;
        let digest = match &content {
            Content::Whole(_, digest) => Some(*digest),
            Content::Large(digest) => *digest,
        };
        let mode = wanted(self.modes, Kind::File, mode, known_mode(record.as_ref()));
        if let Some(Record::File(known)) = &record
            && Some(known.digest) == digest
            && !live.item.any
        {
            return self.looked_same(path, live, known.clone(), (mtime, size, mode, racy));
        }
        if self.holds_large(path, size) {
            return self.settle(path, live, false);
        }
        let expect = expect(&live.item, recorded_digest(record.as_ref()));
        let intent = digest.map_or(Intent::Stamp(size, mtime), Intent::Content);
        self.keep(path, LineKind::May(intent));
        let way = Way { dirs: self.unknown_dirs(path), clear: cleared(record.as_ref()) };
        let sending = Sending::File { digest, size, mtime, mode, racy, clears: way.clear.is_some() };
        match content {
            Content::Whole(bytes, digest) => {
                let kind = ChangeKind::Write { bytes, digest, mode, mtime, expect };
                self.send(path, live, Op { way, kind }, sending);
            }
            Content::Large(_) => self.stream(path, live, Large { way, size, mode, mtime, expect }, sending),
        }
    }

    /// The bytes are there already; perhaps not the time and mode.
    fn looked_same(
        &mut self,
        path: &RelPath,
        live: Live,
        mut known: FileRecord,
        (mtime, size, mode, racy): (remora_model::Mtime, u64, Mode, bool),
    ) {
        let seen = Some(Seen { mtime, size, racy });
        if known.has_meta(mtime, mode) && !self.is_doubtful(path) {
            if known.seen != seen {
                known.seen = seen;
                self.touch(path);
                self.write_down(path, LineKind::Is(Record::File(known)));
            }
            return self.settle(path, live, false);
        }
        let expect = Expect::Content(known.digest);
        known.seen = seen;
        (known.mtime, known.mode) = (mtime, mode);
        let op = Op { way: Way::default(), kind: ChangeKind::Meta { mode, mtime, expect } };
        self.send(path, live, op, Sending::Meta(known));
    }

    fn looked_link(&mut self, path: &RelPath, live: Live, text: Vec<u8>) {
        let digest = Digest::of(&text);
        let Some(live) = self.await_source_of_link(path, live, &digest) else { return };
        let Some((live, record)) = self.make_way(path, live) else { return };
        if record == Some(Record::Link { digest }) && !live.item.any && !self.is_doubtful(path) {
            return self.settle(path, live, false);
        }
        let expect = expect(&live.item, recorded_digest(record.as_ref()));
        self.keep(path, LineKind::May(Intent::Content(digest)));
        let way = Way { dirs: self.unknown_dirs(path), clear: cleared(record.as_ref()) };
        let sending = Sending::Link { digest, clears: way.clear.is_some() };
        self.send(path, live, Op { way, kind: ChangeKind::Symlink { text, expect } }, sending);
    }

    fn looked_dir(&mut self, path: &RelPath, live: Live, mode: Mode, below: Option<Listing>) {
        if let Some(mut below) = below {
            let own = below.unreadable.iter().position(|(unreadable, _)| unreadable == path);
            let own = own.map(|index| below.unreadable.swap_remove(index).1);
            if let Some(error) = own {
                return self.fail(path, live, error);
            }
            self.looked_below(path, &live.item, below);
        }
        let Some(live) = self.await_source_of_dir(path, live, mode) else { return };
        let Some(live) = self.make_way_above(path, live) else { return };
        let record = self.records.get(path);
        let mode = match &record {
            Some(Record::Dir { ours: false, .. }) if !self.is_doubtful(path) => {
                return self.settle(path, live, false);
            }
            Some(Record::Dir { ours: true, mode: known }) => {
                let wanted = wanted(self.modes, Kind::Dir, mode, Some(*known));
                if wanted == *known && !self.is_doubtful(path) {
                    return self.settle(path, live, false);
                }
                wanted
            }
            _ => wanted(self.modes, Kind::Dir, mode, None),
        };
        let clear = match recorded_digest(record.as_ref()) {
            Some(digest) => Some(expect(&live.item, Some(digest))),
            None => live.item.any.then_some(Expect::Any),
        };
        let way = Way { dirs: self.unknown_dirs(path), clear };
        let sending = Sending::Dir { mode, clears: way.clear.is_some() };
        // One that somebody else made meanwhile keeps its mode.
        let ours = matches!(record, Some(Record::Dir { ours: true, .. })) || self.records.may_have_made(path);
        let kind = if ours { ChangeKind::Dir { mode } } else { ChangeKind::Parent { mode } };
        self.send(path, live, Op { way, kind }, sending);
    }

    /// Puts in what a walk below `dir` found to differ from the record, and what it did not find.
    fn looked_below(&mut self, dir: &RelPath, item: &Item, below: Listing) {
        let arrived = self.new_in(dir, &below);
        self.pair_folders(&arrived);
        let new = Item { batches: item.batches.clone(), urgent: item.urgent, any: item.any, ..Item::default() };
        for (path, entry) in &below.entries {
            let up_to_date = match (self.records.get(path), entry.kind) {
                (Some(Record::File(known)), Kind::File) => {
                    known.seen.is_some_and(|seen| !seen.racy && (seen.mtime, seen.size) == (entry.mtime, entry.size))
                        && known.has_meta(entry.mtime, wanted(self.modes, Kind::File, entry.mode, Some(known.mode)))
                }
                (Some(Record::Dir { .. }), Kind::Dir) => true,
                _ => false,
            };
            if !up_to_date {
                self.add(path.clone(), Item { size: entry.size, listed: true, ..new.clone() });
            }
        }
        self.expect(&arrived);
        let unknown = |path: &RelPath| below.unreadable.iter().any(|(unreadable, _)| path.is_within(unreadable));
        let missing = |path: &RelPath| !below.entries.contains_key(path) && !unknown(path) && !below.leaves(path);
        let gone: Vec<RelPath> = self.records.below(dir).map(|(path, _)| path).filter(missing).collect();
        self.note_gone(&gone);
        for path in gone {
            self.add(path, new.clone());
        }
        for (path, error) in below.unreadable {
            self.note_failure(&path, error);
        }
    }

    /// Before a file or link is put in place: what is in its way, above or below, goes first. Comes back
    /// with the record of what stands there, unless the path has to wait.
    fn make_way(&mut self, path: &RelPath, live: Live) -> Option<(Live, Option<Record>)> {
        let mut live = self.make_way_above(path, live)?;
        let record = self.records.get(path);
        let is_dir = matches!(record, Some(Record::Dir { .. }));
        if !is_dir && self.records.below(path).next().is_none() {
            return Some((live, record));
        }
        if !self.is_cleared_below(path, &mut live) {
            return None;
        }
        let foreign = matches!(record, Some(Record::Dir { ours: false, .. }));
        let below: Vec<RelPath> = self.records.below(path).map(|(path, _)| path).collect();
        if foreign || (is_dir && !below.is_empty()) {
            self.fail(path, live, MirrorError::InTheWay { path: path.clone() });
            return None;
        }
        // Somebody took the directory away, and with it what was left out of what is in it.
        below.iter().for_each(|path| self.keep(path, LineKind::Nothing(())));
        Some((live, record))
    }

    pub(super) fn send(&mut self, path: &RelPath, live: Live, op: Op, sending: Sending) {
        let is_dir = matches!(op.kind, ChangeKind::Dir { .. } | ChangeKind::Parent { .. });
        let (urgent, own) = (live.item.urgent, is_dir.then_some(path));
        self.note_sending(path, live, (&op.way, own), sending);
        self.jobs.push(Job::Send { path: path.clone(), op, urgent });
    }

    fn stream(&mut self, path: &RelPath, live: Live, large: Large, sending: Sending) {
        self.note_sending(path, live, (&large.way, None), sending);
        self.jobs.push(Job::Stream(path.clone(), large));
    }

    /// The path is on its way, and the directories of its way, which are not known; `own` is itself when it is a directory.
    fn note_sending(&mut self, path: &RelPath, mut live: Live, (way, own): (&Way, Option<&RelPath>), sending: Sending) {
        let own = own.filter(|dir| !self.is_directory(dir));
        let new = |dir: &&RelPath| !self.records.may_have_made(dir);
        live.new_dirs = way.dirs.iter().chain(own).filter(new).cloned().collect();
        for dir in live.new_dirs.clone() {
            self.keep(&dir, LineKind::May(Intent::Dir));
        }
        self.queue.sending(path, live, sending);
        self.decide(path);
    }
}

/// What is expected to stand where a file, link or directory is put.
fn expect(item: &Item, recorded: Option<&Digest>) -> Expect {
    match recorded {
        _ if item.any => Expect::Any,
        Some(digest) => Expect::Content(*digest),
        None => Expect::Absent,
    }
}

fn recorded_digest(record: Option<&Record>) -> Option<&Digest> {
    match record {
        Some(Record::File(FileRecord { digest, .. }) | Record::Link { digest }) => Some(digest),
        Some(Record::Dir { .. }) | None => None,
    }
}

fn known_mode(record: Option<&Record>) -> Option<Mode> {
    match record {
        Some(Record::File(known)) => Some(known.mode),
        _ => None,
    }
}

/// A directory of ours has to go before a file can stand in its place.
fn cleared(record: Option<&Record>) -> Option<Expect> {
    matches!(record, Some(Record::Dir { .. })).then_some(Expect::Absent)
}
