//! Owns what follows from a change that was sent: it is recorded, tried again, left alone, or failed.

use remora_agent::Surveyed;
use remora_model::{Digest, Kind, RelPath};

use super::State;
use crate::compare::{as_found, entry_there};
use crate::error::MirrorError;
use crate::event::Outcome;
use crate::queue::{Item, Live, Sending};
use crate::record::{FileRecord, LineKind, Record, Seen};

/// A change that the remote refused is corrected by what was found there and sent again this often;
/// who still gets in between is somebody who writes there all the time.
const CORRECTIONS: u32 = 3;

/// The mode of a directory that had to be made for a file before it was looked at itself.
pub(crate) const IMPLIED_DIR_MODE: remora_model::Mode = remora_model::Mode(0o755);

impl State {
    pub(super) fn sent(&mut self, path: RelPath, outcome: Outcome) {
        let Some(mut live) = self.queue.landed(&path) else { return };
        let Some(sending) = live.sending.take() else { return self.put_back(&path, live) };
        if matches!(sending, Sending::Moved { .. } | Sending::MovedDir { .. }) {
            return self.moved(&path, live, sending, outcome);
        }
        match outcome {
            Outcome::Done { digest, dirs, made } => {
                self.record_dirs(dirs, &live.new_dirs);
                self.arrived(&path, live, sending, digest, made);
            }
            Outcome::Changed => self.rest_unsteady(&path, live),
            Outcome::Refused { there, digest } => self.refused(&path, live, &sending, &there, digest),
            Outcome::Failed(MirrorError::Link(_)) => self.put_back(&path, live),
            Outcome::Failed(error) if error.stops_all() => {
                if self.halted.is_none() {
                    self.standing_changed |= self.failed.insert(path.clone(), error.clone()).as_ref() != Some(&error);
                }
                self.halt(Some(path.clone()), error);
                self.put_back(&path, live);
            }
            Outcome::Failed(error) => self.fail(&path, live, error),
        }
    }

    /// One that was there already, and was to be made before with the answer lost, counts as made.
    pub(super) fn record_dirs(&mut self, dirs: Vec<(RelPath, bool)>, new: &[RelPath]) {
        for (dir, made) in dirs {
            let made = made || (self.records.may_have_made(&dir) && !new.contains(&dir));
            match self.records.get(&dir) {
                Some(Record::Dir { ours: true, .. }) => {}
                Some(Record::Dir { ours: false, .. }) if !made => {}
                _ => {
                    self.keep(&dir, LineKind::Is(Record::Dir { ours: made, mode: IMPLIED_DIR_MODE }));
                    // Whatever stood there is gone. A comparison under way leaves it alone from here on.
                    self.standing_changed |= self.diverged.remove(&dir) | self.failed.remove(&dir).is_some();
                }
            }
        }
    }

    fn arrived(&mut self, path: &RelPath, live: Live, sending: Sending, stored: Option<Digest>, made: bool) {
        let mut bytes = 0;
        let mut files = 1;
        let record = match sending {
            Sending::File { digest, size, mtime, mode, racy, .. } => {
                let Some(digest) = stored.or(digest) else {
                    return self.fail(path, live, MirrorError::Other("the remote did not say what it stored".into()));
                };
                bytes = size;
                self.batches.note_source(&live.item.batches, path);
                let seen = Some(Seen { mtime, size, racy });
                LineKind::Is(Record::File(FileRecord { digest, size, mtime, mode, seen }))
            }
            Sending::Moved { .. } | Sending::MovedDir { .. } | Sending::Leaving => return self.put_back(path, live),
            Sending::Meta(known) => LineKind::Is(Record::File(known)),
            Sending::Link { digest, .. } => LineKind::Is(Record::Link { digest }),
            Sending::Dir { mode, .. } => {
                files = 0;
                let was_ours = matches!(self.records.get(path), Some(Record::Dir { ours: true, .. }));
                let maybe = self.records.may_have_made(path) && !live.new_dirs.contains(path);
                LineKind::Is(Record::Dir { ours: made || was_ours || maybe, mode })
            }
            Sending::Removal => {
                files = u64::from(!matches!(self.records.get(path), Some(Record::Dir { .. })));
                LineKind::Nothing(())
            }
        };
        self.forget_halt();
        self.keep(path, record.clone());
        self.progress.bytes_done(bytes);
        if matches!(record, LineKind::Nothing(())) {
            self.note_removed(path);
            if let Some(dir) = path.parent() {
                self.add_emptied_dir(&dir, &live.item);
            }
        }
        if made {
            self.batches.count(&live.item.batches, path, files, bytes);
        }
        self.settle(path, live, true);
    }

    /// With its last file a directory that is gone here may go too.
    pub(super) fn add_emptied_dir(&mut self, dir: &RelPath, item: &Item) {
        let ours = matches!(self.records.get(dir), Some(Record::Dir { ours: true, .. }));
        let emptied = ours && self.records.below(dir).next().is_none();
        if emptied && !self.queue.is_pending(dir) {
            self.add(dir.clone(), Item { batches: item.batches.clone(), urgent: item.urgent, ..Item::default() });
        }
    }

    /// The remote holds something else than the record says. If that is nothing, or something we put
    /// there, or just what we wanted to put there, the record is corrected; else it is left alone.
    fn refused(&mut self, path: &RelPath, mut live: Live, sending: &Sending, there: &Surveyed, digest: Option<Digest>) {
        live.item.attempts += 1;
        let corrected = match (there, entry_there(there), digest) {
            (Surveyed::Missing, ..) => Some(LineKind::Nothing(())),
            (Surveyed::Outside, ..) => {
                return self.fail(path, live, MirrorError::OutsideRoot { path: path.clone() });
            }
            (_, Some(entry), Some(digest)) if matches!(entry.kind, Kind::File | Kind::Symlink) => {
                let wanted = match sending {
                    Sending::File { digest: wanted, .. } if entry.kind == Kind::File => *wanted,
                    Sending::Link { digest: wanted, .. } if entry.kind == Kind::Symlink => Some(*wanted),
                    _ => None,
                };
                let ours = wanted == Some(digest) || self.records.is_ours(path, &digest, entry.size, entry.mtime);
                ours.then(|| LineKind::Is(as_found(&entry, digest)))
            }
            (_, Some(entry), _) if entry.kind == Kind::Dir => {
                let known = matches!(sending, Sending::Removal);
                if known {
                    // What may be in it because of us goes first, when it is known; it is emptied then.
                    let unsure = self.records.intended().any(|below| below != path && below.is_within(path));
                    if !unsure {
                        self.keep(path, LineKind::Nothing(()));
                    }
                    return self.settle(path, live, false);
                }
                return self.fail(path, live, MirrorError::InTheWay { path: path.clone() });
            }
            _ => None,
        };
        match corrected {
            Some(line) if live.item.attempts <= CORRECTIONS => {
                self.keep(path, line);
                self.put_back(path, live);
            }
            _ => {
                self.note_diverged(path);
                self.finish(path, live);
            }
        }
    }
}
