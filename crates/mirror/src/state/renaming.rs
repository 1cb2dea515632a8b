//! Owns how a rename here becomes one there: who waits for whom until it is proven, what is sent, and what follows from
//! the answer. What does not fit goes as an upload and a removal.

use remora_agent::ChangeKind;
use remora_model::{Digest, Kind, Mode, RelPath};

use super::State;
use super::renames::{New, Target};
use crate::compare::Dirty;
use crate::event::{Op, Outcome, Way};
use crate::look::{Content, Looked, LookedFile};
use crate::modes::wanted;
use crate::notice::Change;
use crate::queue::{Behind, Live, Sending};
use crate::record::{FileRecord, Intent, LineKind, Record, Seen};
use crate::scan::Listing;

impl State {
    /// What is gone comes first: it may be what came elsewhere.
    pub(super) fn all_looked(&mut self, found: Vec<(RelPath, Looked)>) {
        let (gone, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, looked)| matches!(looked, Looked::Gone));
        for (path, looked) in gone.into_iter().chain(rest) {
            self.looked(path, looked);
        }
    }

    /// Lets go on what is gone, and of which it is known now whether it is elsewhere.
    pub(super) fn go_on_with_gone(&mut self) {
        for path in self.renames.waited() {
            self.queue.unpark(&path);
        }
    }

    /// It was looked at: what was known of it as the end of a rename is not known any more.
    pub(super) fn note_looked(&mut self, path: &RelPath, looked: &Looked) {
        if self.renames.is_empty() {
            return;
        }
        self.renames.looked_at(path);
        let may_fit = matches!(looked, Looked::File(_) | Looked::Link(_) | Looked::Dir(..));
        if !may_fit && let Some(from) = self.renames.folder_to(path).cloned() {
            self.break_folder(&from);
        }
    }

    /// Stands behind the end of a move that is on its way above: what the record says is about to change. Comes back with
    /// what need not.
    pub(super) fn wait_for_move(&mut self, path: &RelPath, live: Live) -> Option<Live> {
        let Some(dir) = self.renames.moving_above(path) else { return Some(live) };
        self.park(path, live, Behind::Above(dir));
        None
    }

    fn park(&mut self, path: &RelPath, mut live: Live, behind: Behind) {
        let again = live.again.take();
        self.queue.park(path.clone(), live.item, behind);
        if let Some(again) = again {
            self.put_again(path, again);
        }
    }

    /// Something is gone here and stands there; of a directory, all that is below.
    pub(super) fn note_source(&mut self, path: &RelPath) {
        match self.records.get(path) {
            Some(Record::File(FileRecord { digest, size, .. })) if !self.is_doubtful(path) => {
                self.renames.gone(path, digest, size);
            }
            Some(Record::Dir { .. }) if self.renames.dir_gone(path) => {
                for (path, record) in self.records.below(path) {
                    if let Record::File(FileRecord { digest, size, .. }) = record {
                        self.renames.gone(&path, digest, size);
                    }
                }
            }
            _ => {}
        }
    }

    /// It is not gone, or was dealt with; what was to be made of it is made in another way.
    pub(super) fn note_no_source(&mut self, path: &RelPath) {
        if self.renames.is_empty() {
            return;
        }
        self.break_folder(path);
        for to in self.renames.over(path) {
            self.queue.unpark(&to);
        }
    }

    /// What a walk found at and below a directory and is not recorded; nothing while nothing is gone.
    pub(super) fn new_in(&self, dir: &RelPath, below: &Listing) -> New {
        if self.renames.is_empty() {
            return New::new();
        }
        let own = (dir.clone(), (Kind::Dir, 0));
        let new = below.entries.iter().map(|(path, entry)| (path.clone(), (entry.kind, entry.size))).chain([own]);
        new.filter(|(path, _)| self.records.get(path).is_none()).collect()
    }

    /// What a comparison found to be new; nothing if nothing is gone.
    pub(super) fn new_of(&self, dirty: &[Dirty]) -> New {
        if self.renames.is_empty() {
            return New::new();
        }
        let kind = |change| match change {
            Change::Upload | Change::Large => Some(Kind::File),
            Change::Mkdir => Some(Kind::Dir),
            Change::Symlink => Some(Kind::Symlink),
            _ => None,
        };
        let new = dirty.iter().filter(|dirty| !dirty.any && self.records.get(&dirty.path).is_none());
        new.filter_map(|dirty| Some((dirty.path.clone(), (kind(dirty.change)?, dirty.size)))).collect()
    }

    /// Finds which folders only moved.
    pub(super) fn pair_folders(&mut self, new: &New) {
        for from in self.renames.pair_folders(&self.records, new) {
            let Some(folder) = self.renames.folder(&from) else { continue };
            let members: Vec<RelPath> = folder.members.values().map(|member| member.from.clone()).collect();
            for path in members {
                self.removals_over(&path);
                if let Some(to) = self.renames.unpair(&path) {
                    self.queue.unpark(&to);
                }
            }
        }
    }

    /// These are in the queue now; what goes waits for those that may be the same.
    pub(super) fn expect(&mut self, new: &New) {
        if self.renames.is_empty() {
            return;
        }
        for (path, (kind, size)) in new {
            let alike = *kind == Kind::File && self.renames.has_size(*size);
            if (alike || self.renames.folder_to(path).is_some()) && self.queue.is_pending(path) {
                self.renames.expect(path.clone());
            }
        }
    }

    /// A new file may be one that is gone elsewhere, or one of a folder that is. Comes back with what is not.
    pub(super) fn await_source(&mut self, path: &RelPath, mut live: Live, file: &LookedFile) -> Option<Live> {
        let LookedFile { mtime, size, mode, racy, content } = file;
        if self.renames.is_empty() || live.item.any || self.is_doubtful(path) || self.records.get(path).is_some() {
            return Some(live);
        }
        let digest = match content {
            Content::Whole(_, digest) | Content::Large(Some(digest)) => digest,
            Content::Large(None) if self.renames.has_size(*size) && !live.item.digest => {
                live.item.digest = true;
                self.put_back(path, live);
                self.renames.expect(path.clone());
                return None;
            }
            Content::Large(None) => return Some(live),
        };
        let seen = Seen { mtime: *mtime, size: *size, racy: *racy };
        // Another time or mode is given to it when it is there.
        let fits = |record: &Record| matches!(record, Record::File(known) if known.digest == *digest);
        let live = self.await_folder(path, live, fits, Some(seen))?;
        let free = self.records.below(path).next().is_none() && self.records.intents(path).is_empty();
        let Some(from) = self.renames.source_of(path, digest, *size).filter(|_| free) else { return Some(live) };
        self.removals_over(&from);
        let target = Target { to: path.clone(), mtime: *mtime, size: *size, mode: *mode, racy: *racy };
        self.renames.pair(from, target);
        self.park(path, live, Behind::Twin);
        None
    }

    /// The same of a link.
    pub(super) fn await_source_of_link(&mut self, path: &RelPath, live: Live, digest: &Digest) -> Option<Live> {
        self.await_folder(path, live, |record| *record == Record::Link { digest: *digest }, None)
    }

    /// The same of a directory.
    pub(super) fn await_source_of_dir(&mut self, path: &RelPath, live: Live, mode: Mode) -> Option<Live> {
        self.await_folder(path, live, |record| *record == Record::Dir { ours: true, mode }, None)
    }

    /// If it is to come with a folder and is what it was there, it stands behind that.
    fn await_folder(
        &mut self,
        path: &RelPath,
        live: Live,
        fits: impl FnOnce(&Record) -> bool,
        seen: Option<Seen>,
    ) -> Option<Live> {
        let Some(from) = self.renames.folder_to(path).cloned() else { return Some(live) };
        let any = live.item.any;
        match self.renames.member(path) {
            Some(member) if !any && fits(&member.record) => (member.fits, member.seen) = (true, seen),
            _ => {
                self.break_folder(&from);
                return Some(live);
            }
        }
        let behind = match self.renames.folder(&from) {
            Some(folder) if folder.to != *path => Behind::Above(folder.to.clone()),
            _ => Behind::Twin,
        };
        self.park(path, live, behind);
        None
    }

    /// Before something is removed: perhaps it only moved. Comes back with what did not.
    pub(super) fn leave_or_wait(&mut self, path: &RelPath, live: Live) -> Option<Live> {
        if live.item.any || self.renames.is_empty() {
            return Some(live);
        }
        let live = if self.renames.is_settled() { self.leave_as_folder(path, live)? } else { live };
        if !self.renames.is_settled() {
            self.park(path, live, Behind::Twin);
            self.renames.wait(path.clone());
            return None;
        }
        let (Some(target), Some(Record::File(known))) = (self.renames.target(path).cloned(), self.records.get(path))
        else {
            return Some(live);
        };
        let mode = wanted(self.modes, Kind::File, target.mode, Some(known.mode));
        let record = FileRecord { mode, ..target.record(known.digest) };
        let Target { to, mtime, .. } = target;
        if self.in_the_way(&to).is_some() {
            self.renames.spend(path);
            self.let_go(path);
            return Some(live);
        }
        let Some(item) = self.queue.take_twin(&to) else {
            self.renames.unpair(path);
            return Some(live);
        };
        self.keep(&to, LineKind::May(Intent::Content(record.digest)));
        let kind = ChangeKind::Move { from: path.clone(), digest: record.digest, mode, mtime };
        let way = Way { dirs: self.unknown_dirs(&to), clear: None };
        self.queue.sending(path, live, Sending::Leaving);
        let target = Live { item, sending: None, new_dirs: Vec::new(), again: None };
        self.send(&to, target, Op { way, kind }, Sending::Moved { from: path.clone(), record });
        None
    }

    /// A folder of which all is elsewhere, and was proven to be, goes as one.
    fn leave_as_folder(&mut self, path: &RelPath, live: Live) -> Option<Live> {
        let Some(folder) = self.renames.folder(path) else { return Some(live) };
        let to = folder.to.clone();
        let as_it_was = folder.members.values().all(|member| {
            member.fits
                && self.records.get(&member.from).as_ref() == Some(&member.record)
                && !self.is_doubtful(&member.from)
        });
        let count = self.records.below(path).count() + 1;
        let whole = as_it_was && count == folder.members.len();
        let free = !self.queue.busy_below(path) && self.in_the_way(&to).is_none();
        let item = if whole && free { self.queue.take_twin(&to) } else { None };
        let (Some(item), Some(folder)) = (item, self.renames.folder_mut(path)) else {
            self.break_folder(path);
            return Some(live);
        };
        folder.moving = true;
        let kind = ChangeKind::MoveDir { from: path.clone(), inventory: folder.inventory() };
        let intent = |record: &Record| match record {
            Record::File(FileRecord { digest, .. }) | Record::Link { digest } => Intent::Content(*digest),
            Record::Dir { .. } => Intent::Dir,
        };
        let intents: Vec<(RelPath, Intent)> =
            folder.members.iter().map(|(path, member)| (path.clone(), intent(&member.record))).collect();
        for (path, intent) in intents {
            self.keep(&path, LineKind::May(intent));
        }
        let way = Way { dirs: self.unknown_dirs(&to), clear: None };
        self.queue.sending(path, live, Sending::Leaving);
        let target = Live { item, sending: None, new_dirs: Vec::new(), again: None };
        self.send(&to, target, Op { way, kind }, Sending::MovedDir { from: path.clone() });
        None
    }

    /// A folder does not go as one: each of its files is looked at by itself, and what is gone of it waits for that.
    fn break_folder(&mut self, from: &RelPath) {
        let Some(folder) = self.renames.take_folder(from) else { return };
        self.renames.spend(from);
        self.queue.unpark(&folder.to);
        for path in folder.members.into_keys() {
            if self.queue.is_pending(&path) {
                self.renames.expect(path);
            }
        }
    }

    /// What waited for this one to leave goes on by itself.
    fn let_go(&mut self, from: &RelPath) {
        if let Some(to) = self.renames.unpair(from) {
            self.queue.unpark(&to);
        }
    }

    /// A rename was sent, and this came of it.
    pub(super) fn moved(&mut self, to: &RelPath, live: Live, sending: Sending, outcome: Outcome) {
        let (Sending::Moved { from, .. } | Sending::MovedDir { from }) = &sending else { return };
        let from = from.clone();
        let Some(left) = self.queue.landed(&from) else { return self.put_back(to, live) };
        match outcome {
            Outcome::Done { dirs, .. } => {
                self.record_dirs(dirs, &live.new_dirs);
                self.forget_halt();
                self.note_moved(to, &live, sending);
                if let Some(dir) = from.parent() {
                    self.add_emptied_dir(&dir, &left.item);
                }
                self.settle(&from, left, true);
                self.settle(to, live, true);
            }
            outcome => {
                let certain = !matches!(outcome, Outcome::Failed(crate::error::MirrorError::Link(_)));
                self.not_moved(to, &from, certain);
                self.put_back(&from, left);
                match outcome {
                    Outcome::Failed(error) if error.stops_all() => {
                        self.put_back(to, live);
                        self.halt(Some(to.clone()), error);
                    }
                    _ => self.put_back(to, live),
                }
            }
        }
    }

    /// Records what stands where now.
    fn note_moved(&mut self, to: &RelPath, live: &Live, sending: Sending) {
        let moved: Vec<(RelPath, RelPath, Record)> = match sending {
            Sending::Moved { from, record } => {
                self.renames.unpair(&from);
                vec![(from, to.clone(), Record::File(record))]
            }
            Sending::MovedDir { from } => {
                let members = self.renames.take_folder(&from).map(|folder| folder.members).unwrap_or_default();
                let record = |record, seen| match record {
                    Record::File(file) => Record::File(FileRecord { seen, ..file }),
                    record => record,
                };
                members.into_iter().map(|(to, member)| (member.from, to, record(member.record, member.seen))).collect()
            }
            _ => Vec::new(),
        };
        for (from, to, record) in moved {
            if let Record::File(file) = &record {
                self.progress.bytes_done(file.size);
            }
            if !matches!(record, Record::Dir { .. }) {
                self.batches.count(&live.item.batches, &to, 1, 0);
            }
            self.keep(&to, LineKind::Is(record));
            self.keep(&from, LineKind::Nothing(()));
            self.note_removed(&from);
        }
    }

    /// It did not come to a rename, or is not known to have. In the first case nothing stands there that is ours.
    fn not_moved(&mut self, to: &RelPath, from: &RelPath, certain: bool) {
        let paths = self
            .renames
            .folder(from)
            .map_or_else(|| vec![to.clone()], |folder| folder.members.keys().cloned().collect());
        if certain {
            paths.iter().for_each(|path| self.keep(path, LineKind::Nothing(())));
        }
        self.renames.spend(from);
        self.break_folder(from);
        self.renames.unpair(from);
    }
}

impl Target {
    fn record(&self, digest: Digest) -> FileRecord {
        let Self { mtime, size, mode, racy, .. } = *self;
        FileRecord { digest, size, mtime, mode, seen: Some(Seen { mtime, size, racy }) }
    }
}
