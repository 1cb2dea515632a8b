//! Owns the record of what we put on the remote: what stands there under each path as far as we know,
//! and what was on its way when we last looked. Never touches a file; `index` keeps it across runs.

mod packed;
mod shelf;

use std::collections::{BTreeMap, HashMap};

use remora_model::{Digest, Hasher, Mode, Mtime, RelPath};
use serde::{Deserialize, Serialize};

use self::shelf::Shelf;

/// A file whose time of modification is younger than this when it is read may be written again without
/// its time or size changing: kernels stamp files with the time of their last tick, some file systems
/// with whole or even seconds. The same reasoning as git's "racily clean" entries.
pub(crate) const RACY_NANOS: i64 = 2_000_000_000;

/// What stands on the remote under one path because of us, or equal to what we would have put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record {
    /// A regular file.
    #[serde(rename = "f")]
    File(FileRecord),
    /// A symbolic link whose text has this digest.
    #[serde(rename = "l")]
    Link {
        #[serde(rename = "d")]
        digest: Digest,
    },
    /// A directory.
    #[serde(rename = "d")]
    Dir {
        /// Whether we made it; only such a one is ever removed.
        #[serde(rename = "o")]
        ours: bool,
        /// The permission bits that we gave it.
        #[serde(rename = "p")]
        mode: Mode,
    },
}

/// A regular file as the remote has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    #[serde(rename = "d")]
    pub(crate) digest: Digest,
    #[serde(rename = "s")]
    pub(crate) size: u64,
    #[serde(rename = "t")]
    pub(crate) mtime: Mtime,
    #[serde(rename = "p")]
    pub(crate) mode: Mode,
    /// The local file for which `digest` was true; nothing when the local file is known to differ.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Seen>,
}

/// The local file as it was when its bytes were digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(rename = "t")]
    pub(crate) mtime: Mtime,
    #[serde(rename = "s")]
    pub(crate) size: u64,
    /// It was so young that a later change may not show in time and size.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) racy: bool,
}

/// Something that was sent and not yet confirmed. The remote may hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Intent {
    /// A file or link with this digest.
    #[serde(rename = "d")]
    Content(Digest),
    /// A large file, whose digest is known only at its end: its size and time.
    #[serde(rename = "s")]
    Stamp(u64, Mtime),
    /// A directory, where none was known. If the answer is lost, it counts as made by us.
    #[serde(rename = "m")]
    Dir,
}

/// One change of the record, as the index keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(rename = "n")]
    pub(crate) path: RelPath,
    #[serde(flatten)]
    pub(crate) what: LineKind,
}

/// What a [`Line`] says of its path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LineKind {
    /// This is there now.
    #[serde(rename = "is")]
    Is(Record),
    /// This is on its way.
    #[serde(rename = "may")]
    May(Intent),
    /// Nothing of ours is there any more.
    #[serde(rename = "none")]
    Nothing(()),
    /// The user does not want this large file to be sent, nor a larger one of its class; 0 takes that back.
    #[serde(rename = "no")]
    Declined(u64),
}

/// The whole record. Every change of it comes out as a [`Line`] to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Records {
    records: Shelf,
    /// How many of them are no directories.
    files: usize,
    intents: HashMap<RelPath, Vec<Intent>>,
    /// Large files that the user does not want to be sent, and how large they were.
    declined: BTreeMap<RelPath, u64>,
    /// Whoever wrote this was ended in the middle of its work.
    cut_short: bool,
}

impl Records {
    pub(crate) fn get(&self, path: &RelPath) -> Option<Record> {
        self.records.get(path)
    }

    pub(crate) fn intents(&self, path: &RelPath) -> &[Intent] {
        self.intents.get(path).map_or(&[], Vec::as_slice)
    }

    /// All paths for which something was sent and not yet confirmed.
    pub(crate) fn intended(&self) -> impl Iterator<Item = &RelPath> {
        self.intents.keys()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RelPath, Record)> {
        self.records.iter()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.records.len() == 0
    }

    /// How many paths are recorded.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many files and links are there.
    pub(crate) fn files(&self) -> usize {
        self.files
    }

    /// Whether what was under way when this was written did not come to its end.
    pub(crate) fn was_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Takes as little memory as it can; of use when much has changed.
    pub(crate) fn settle(&mut self) {
        self.records.settle();
        if self.intents.is_empty() {
            self.intents = HashMap::new();
        }
    }

    pub(crate) fn note_cut_short(&mut self, cut_short: bool) {
        self.cut_short = cut_short;
    }

    /// What stands there because of us, as one digest: equal trees have equal ones, whichever machine they stand on and
    /// whenever they were put there. Times do not count.
    pub(crate) fn manifest(&self) -> Digest {
        let mut hasher = Hasher::default();
        for (path, record) in self.records.iter() {
            let (kind, content, mode) = match &record {
                Record::File(file) => (b'f', &file.digest.as_bytes()[..], file.mode.0),
                Record::Link { digest } => (b'l', &digest.as_bytes()[..], 0),
                Record::Dir { .. } => (b'd', &[][..], 0),
            };
            // A path holds no NUL, and what follows it has a length of its kind: no two trees read alike.
            hasher.update(&[&[kind], path.as_bytes(), &[0], content, &mode.to_be_bytes()].concat());
        }
        hasher.finish()
    }

    /// All records strictly below `dir`.
    pub(crate) fn below(&self, dir: &RelPath) -> impl Iterator<Item = (RelPath, Record)> {
        let (first, end) = bounds_below(dir);
        self.records.range(&first, &end)
    }

    /// Follows one change; the same when it is made and when it is read back.
    pub(crate) fn apply(&mut self, line: &Line) {
        let path = &line.path;
        match &line.what {
            LineKind::Is(record) => {
                self.intents.remove(path);
                self.files += usize::from(is_leaf(record));
                let before = self.records.insert(path, record);
                self.files -= usize::from(before.as_ref().is_some_and(is_leaf));
            }
            LineKind::May(intent) => {
                let intents = self.intents.entry(path.clone()).or_default();
                if !intents.contains(intent) {
                    intents.push(intent.clone());
                }
            }
            LineKind::Declined(0) => drop(self.declined.remove(path)),
            LineKind::Declined(size) => drop(self.declined.insert(path.clone(), *size)),
            LineKind::Nothing(()) => {
                self.intents.remove(path);
                let before = self.records.remove(path);
                self.files -= usize::from(before.as_ref().is_some_and(is_leaf));
            }
        }
    }

    /// The size of what we have put there, or were about to; 0 if that is nothing large.
    pub(crate) fn sent_size(&self, path: &RelPath) -> u64 {
        let recorded = match self.get(path) {
            Some(Record::File(file)) => file.size,
            _ => 0,
        };
        let begun = self.intents(path).iter().map(|intent| if let Intent::Stamp(size, _) = intent { *size } else { 0 });
        begun.fold(recorded, u64::max)
    }

    /// The size that the user did not want to be sent; 0 if nothing of the kind was said.
    pub(crate) fn declined(&self, path: &RelPath) -> u64 {
        self.declined.get(path).copied().unwrap_or(0)
    }

    /// All paths of which the user said that.
    pub(crate) fn all_declined(&self) -> impl Iterator<Item = &RelPath> {
        self.declined.keys()
    }

    /// Whether a directory was to be made there, and it is not known what came of it.
    pub(crate) fn may_have_made(&self, path: &RelPath) -> bool {
        self.intents(path).contains(&Intent::Dir)
    }

    /// Whether a remote file or link with this digest, size and time is something that we put there.
    pub(crate) fn is_ours(&self, path: &RelPath, digest: &Digest, size: u64, mtime: Mtime) -> bool {
        let recorded = match self.get(path) {
            Some(Record::File(file)) => file.digest == *digest,
            Some(Record::Link { digest: link }) => link == *digest,
            Some(Record::Dir { .. }) | None => false,
        };
        recorded
            || self.intents(path).iter().any(|intent| match intent {
                Intent::Content(intended) => intended == digest,
                Intent::Dir => false,
                Intent::Stamp(intended_size, intended_mtime) => (*intended_size, *intended_mtime) == (size, mtime),
            })
    }

    /// The lines from which the whole can be read back.
    pub(crate) fn lines(&self) -> impl Iterator<Item = Line> {
        let records = self.records.iter().map(|(path, record)| Line { path, what: LineKind::Is(record) });
        let intents = self.intents.iter().flat_map(|(path, intents)| {
            intents.iter().map(|intent| Line { path: path.clone(), what: LineKind::May(intent.clone()) })
        });
        let declined =
            self.declined.iter().map(|(path, size)| Line { path: path.clone(), what: LineKind::Declined(*size) });
        records.chain(intents).chain(declined)
    }
}

fn is_leaf(record: &Record) -> bool {
    !matches!(record, Record::Dir { .. })
}

/// The first path that can lie strictly below `dir`, and the first after all of these.
pub(crate) fn bounds_below(dir: &RelPath) -> (RelPath, RelPath) {
    // "/" is followed by "0"; a part may not be empty, and the least part is one byte of value 1.
    let mut end = dir.as_bytes().to_vec();
    end.push(b'0');
    let first = dir.child(b"\x01").expect("invariant: a part of one byte is a part");
    let end = RelPath::new(end).expect("invariant: a name that ends in a digit is a name");
    (first, end)
}

impl FileRecord {
    /// Whether the remote file has this time and mode as far as it can. A whole second over there, beside
    /// a finer time here, is what a file system with coarse times makes of it.
    pub(crate) fn has_meta(&self, mtime: Mtime, mode: Mode) -> bool {
        const SECOND: i64 = 1_000_000_000;
        let coarse = self.mtime.0 % SECOND == 0
            && mtime.0 % SECOND != 0
            && self.mtime.0.saturating_sub(mtime.0).abs() < 2 * SECOND;
        (self.mtime == mtime || coarse) && self.mode == mode
    }
}

/// Whether a file with this time, read at `now`, may change without showing it.
pub(crate) fn is_racy(mtime: Mtime, now: Mtime) -> bool {
    mtime.0.saturating_add(RACY_NANOS) > now.0
}

#[cfg(test)]
mod tests;
