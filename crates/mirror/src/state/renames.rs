//! Owns which of what is gone here is the same as what came elsewhere: files by what they hold, folders by all that was
//! recorded of them. Pure; never decides that anything is sent, and touches no queue.
//!
//! A pair is proven by digests, and not by sizes and times: archives give every file the same time. A new path that may
//! be the other half of a pair is waited for until it was looked at, and so no removal goes before that is known.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use remora_agent::Inventory;
use remora_model::{Digest, Kind, Mode, Mtime, RelPath};

use crate::record::{Record, Records, Seen, bounds_below};

/// What came here: a file as a listing has it, or a directory.
pub(super) type New = BTreeMap<RelPath, (Kind, u64)>;

/// New files by name and size.
type Named<'a> = HashMap<(&'a [u8], u64), Vec<&'a RelPath>>;

/// A file as it stands here under its new name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) to: RelPath,
    pub(super) mtime: Mtime,
    pub(super) size: u64,
    pub(super) mode: Mode,
    pub(super) racy: bool,
}

/// A folder that is elsewhere now, as far as that is proven.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) to: RelPath,
    /// Its own new path and all recorded ones below, by their new paths.
    pub(super) members: BTreeMap<RelPath, Member>,
    /// It is on its way.
    pub(super) moving: bool,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) from: RelPath,
    pub(super) record: Record,
    /// It was looked at under its new name, and is what is recorded under the old one.
    pub(super) fits: bool,
    /// Of a file: what was seen of it then.
    pub(super) seen: Option<Seen>,
}

#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Files that are gone here and stand there, with what they hold and their sizes.
    gone: BTreeMap<RelPath, (Digest, u64)>,
    by_digest: HashMap<Digest, BTreeSet<RelPath>>,
    sizes: HashMap<u64, usize>,
    gone_dirs: BTreeSet<RelPath>,
    /// New here and not looked at yet.
    expected: HashSet<RelPath>,
    /// What is gone and waits until nothing is expected any more.
    waiting: Vec<RelPath>,
    /// Pairs of files, from both ends.
    targets: BTreeMap<RelPath, Target>,
    sources: HashMap<RelPath, RelPath>,
    /// Folders, and where each path of them is to go to.
    folders: BTreeMap<RelPath, Folder>,
    folder_of: HashMap<RelPath, RelPath>,
    /// What could not be moved; it is not tried a second time.
    spent: HashSet<RelPath>,
}

impl Renames {
    /// Whether there is nothing to be known here, which is nearly always so.
    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.gone_dirs.is_empty() && self.expected.is_empty() && self.folders.is_empty()
    }

    /// A file is gone here.
    pub(super) fn gone(&mut self, path: &RelPath, digest: Digest, size: u64) {
        if self.gone.insert(path.clone(), (digest, size)).is_none() {
            self.by_digest.entry(digest).or_default().insert(path.clone());
            *self.sizes.entry(size).or_default() += 1;
        }
    }

    /// A directory is gone here; whether that is news.
    pub(super) fn dir_gone(&mut self, path: &RelPath) -> bool {
        self.gone_dirs.insert(path.clone())
    }

    /// Nothing at `path`, or below if it was a directory, is gone any more, or it was dealt with. The new paths that waited for it.
    pub(super) fn over(&mut self, path: &RelPath) -> Vec<RelPath> {
        let was_dir = self.gone_dirs.contains(path);
        let all_below = below(&self.gone, path).map(|(path, _)| path.clone());
        let mut paths: Vec<RelPath> = all_below.filter(|_| was_dir).collect();
        paths.extend(self.gone.contains_key(path).then(|| path.clone()));
        for path in &paths {
            self.drop_gone(path);
        }
        self.gone_dirs.remove(path);
        self.spent.remove(path);
        paths.iter().filter_map(|path| self.unpair(path)).collect()
    }

    fn drop_gone(&mut self, path: &RelPath) {
        let Some((digest, size)) = self.gone.remove(path) else { return };
        if let Some(paths) = self.by_digest.get_mut(&digest) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_digest.remove(&digest);
            }
        }
        if let Some(count) = self.sizes.get_mut(&size) {
            *count -= 1;
            if *count == 0 {
                self.sizes.remove(&size);
            }
        }
        self.spent.remove(path);
    }

    /// Whether a file of this size is gone.
    pub(super) fn has_size(&self, size: u64) -> bool {
        self.sizes.contains_key(&size)
    }

    /// This new path will be looked at, and may be what is gone elsewhere.
    pub(super) fn expect(&mut self, path: RelPath) {
        self.expected.insert(path);
    }

    /// It was looked at. If it was a file's other half, that has to be proven anew.
    pub(super) fn looked_at(&mut self, path: &RelPath) {
        self.expected.remove(path);
        if let Some(from) = self.sources.get(path).cloned() {
            self.unpair(&from);
        }
        if let Some(member) = self.member(path) {
            member.fits = false;
        }
    }

    /// Whether nothing is expected, so that it is known of each file that is gone whether it is elsewhere.
    pub(super) fn is_settled(&self) -> bool {
        self.expected.is_empty()
    }

    pub(super) fn wait(&mut self, path: RelPath) {
        self.waiting.push(path);
    }

    /// Those that need not wait any more.
    pub(super) fn waited(&mut self) -> Vec<RelPath> {
        if self.is_settled() { std::mem::take(&mut self.waiting) } else { Vec::new() }
    }

    /// A file that is gone, with this content and free for a pair; rather one of the same name. An empty file is like
    /// any other, so there the name has to be the same.
    pub(super) fn source_of(&self, to: &RelPath, digest: &Digest, size: u64) -> Option<RelPath> {
        let free = |path: &&RelPath| {
            let paired = self.targets.contains_key(*path) || self.folder_from(path).is_some();
            !(paired || self.spent.contains(*path))
        };
        let mut paths = self.by_digest.get(digest)?.iter().filter(free);
        let named = paths.clone().find(|path| path.name() == to.name());
        if size == 0 { named } else { named.or_else(|| paths.next()) }.cloned()
    }

    pub(super) fn pair(&mut self, from: RelPath, target: Target) {
        self.sources.insert(target.to.clone(), from.clone());
        self.targets.insert(from, target);
    }

    pub(super) fn target(&self, from: &RelPath) -> Option<&Target> {
        self.targets.get(from)
    }

    /// Takes a pair apart; the new path.
    pub(super) fn unpair(&mut self, from: &RelPath) -> Option<RelPath> {
        let target = self.targets.remove(from)?;
        self.sources.remove(&target.to);
        Some(target.to)
    }

    pub(super) fn spend(&mut self, path: &RelPath) {
        self.spent.insert(path.clone());
    }

    /// Whether this file that is gone stands elsewhere, as far as is known.
    pub(super) fn is_elsewhere(&self, path: &RelPath) -> bool {
        self.targets.contains_key(path) || self.folder_from(path).is_some()
    }

    /// The folder that this path goes with; or is.
    fn folder_from(&self, path: &RelPath) -> Option<RelPath> {
        if self.folders.is_empty() {
            return None;
        }
        std::iter::successors(Some(path.clone()), RelPath::parent).find(|dir| self.folders.contains_key(dir))
    }

    /// Whether it goes with a folder above it, and so needs nothing of its own.
    pub(super) fn goes_along(&self, path: &RelPath) -> bool {
        self.folder_from(path).is_some_and(|dir| dir != *path)
    }

    pub(super) fn folder(&self, from: &RelPath) -> Option<&Folder> {
        self.folders.get(from)
    }

    pub(super) fn folder_mut(&mut self, from: &RelPath) -> Option<&mut Folder> {
        self.folders.get_mut(from)
    }

    /// Whether a new directory is the end of a folder's rename, or below that.
    pub(super) fn is_folder_end(&self, dir: &RelPath) -> bool {
        self.folder_of.contains_key(dir)
    }

    /// The folder to which this new path belongs.
    pub(super) fn folder_to(&self, path: &RelPath) -> Option<&RelPath> {
        self.folder_of.get(path)
    }

    pub(super) fn member(&mut self, path: &RelPath) -> Option<&mut Member> {
        let from = self.folder_of.get(path)?;
        self.folders.get_mut(from)?.members.get_mut(path)
    }

    pub(super) fn take_folder(&mut self, from: &RelPath) -> Option<Folder> {
        let folder = self.folders.remove(from)?;
        for path in folder.members.keys() {
            self.folder_of.remove(path);
        }
        Some(folder)
    }

    /// The end of a folder's move above this path: what is there is not what the record says.
    pub(super) fn moving_above(&self, path: &RelPath) -> Option<RelPath> {
        let moving = self.folders.iter().filter(|(_, folder)| folder.moving);
        let mut ends = moving.flat_map(|(from, folder)| [from, &folder.to]);
        ends.find(|end| path != *end && path.is_within(end)).cloned()
    }

    /// Finds where folders that are gone are now, by the names and sizes of all that was recorded of them.
    pub(super) fn pair_folders(&mut self, records: &Records, new: &New) -> Vec<RelPath> {
        let mut named = Named::new();
        for (path, (kind, size)) in new {
            if *kind == Kind::File && !self.gone_dirs.is_empty() {
                named.entry((path.name(), *size)).or_default().push(path);
            }
        }
        let mut paired = Vec::new();
        let mut open: Vec<RelPath> = self.gone_dirs.iter().rev().cloned().collect();
        let mut tried = HashSet::new();
        while let Some(dir) = open.pop() {
            if self.folder_from(&dir).is_some() || !tried.insert(dir.clone()) {
                continue;
            }
            if let Some(folder) = self.elsewhere(&dir, records, (new, &named)) {
                for path in folder.members.keys() {
                    self.folder_of.insert(path.clone(), dir.clone());
                }
                self.folders.insert(dir.clone(), folder);
                paired.push(dir);
                continue;
            }
            // Perhaps one in it is.
            let inner = records.below(&dir).filter(|(_, record)| matches!(record, Record::Dir { .. }));
            open.extend(inner.map(|(path, _)| path).filter(|path| path.parent().as_ref() == Some(&dir)));
        }
        paired
    }

    /// Where all that is recorded of `dir` is now, if there is such a place.
    fn elsewhere(&self, dir: &RelPath, records: &Records, (new, named): (&New, &Named<'_>)) -> Option<Folder> {
        if self.spent.contains(dir) || below(&self.folders, dir).next().is_some() {
            return None;
        }
        let own = records.get(dir).map(|record| (dir.clone(), record));
        let all: Vec<(RelPath, Record)> = own.into_iter().chain(records.below(dir)).collect();
        // One that somebody else made is not ours to move.
        if !all.iter().all(|(_, record)| !matches!(record, Record::Dir { ours: false, .. })) {
            return None;
        }
        let size_of = |record: &Record| if let Record::File(file) = record { Some(file.size) } else { None };
        // The largest file is the rarest.
        let (largest, size) =
            all.iter().filter_map(|(path, record)| Some((path, size_of(record)?))).max_by_key(|(_, size)| *size)?;
        let tail = &largest.as_bytes()[dir.as_bytes().len()..];
        for path in named.get(&(largest.name(), size))? {
            let Some(to) = path.as_bytes().strip_suffix(tail).and_then(|to| RelPath::new(to).ok()) else { continue };
            if let Some(members) = self.members(dir, &to, &all, (records, new)) {
                return Some(Folder { to, members, moving: false });
            }
        }
        None
    }

    fn members(
        &self,
        dir: &RelPath,
        to: &RelPath,
        all: &[(RelPath, Record)],
        (records, new): (&Records, &New),
    ) -> Option<BTreeMap<RelPath, Member>> {
        let overlap = to.is_within(dir) || dir.is_within(to);
        if overlap || records.below(to).next().is_some() {
            return None;
        }
        let mut members = BTreeMap::new();
        for (from, record) in all {
            let path = rebased(from, dir, to);
            let free = records.get(&path).is_none() && records.intents(&path).is_empty();
            let alike = match (record, new.get(&path)) {
                (Record::File(file), Some((Kind::File, size))) => file.size == *size,
                (Record::Link { .. }, Some((Kind::Symlink, _))) | (Record::Dir { .. }, Some((Kind::Dir, _))) => true,
                _ => false,
            };
            if !(free && alike) || self.folder_of.contains_key(&path) {
                return None;
            }
            let (from, record) = (from.clone(), record.clone());
            members.insert(path, Member { from, record, fits: false, seen: None });
        }
        Some(members)
    }
}

impl Folder {
    /// What stands below it over there, if nobody else had a hand in it.
    pub(super) fn inventory(&self) -> Digest {
        let mut inventory = Inventory::default();
        for (path, member) in self.members.range((Bound::Excluded(&self.to), Bound::Unbounded)) {
            let below = &path.as_bytes()[self.to.as_bytes().len() + 1..];
            match &member.record {
                Record::File(file) => inventory.file(below, &file.digest),
                Record::Link { digest } => inventory.link(below, digest),
                Record::Dir { .. } => inventory.dir(below),
            }
        }
        inventory.finish()
    }
}

/// A path below `dir`, or that itself, as it is below `to`.
fn rebased(path: &RelPath, dir: &RelPath, to: &RelPath) -> RelPath {
    let bytes = [to.as_bytes(), &path.as_bytes()[dir.as_bytes().len()..]].concat();
    RelPath::new(bytes).expect("invariant: two paths joined where a part ends are a path")
}

fn below<'a, T>(map: &'a BTreeMap<RelPath, T>, dir: &RelPath) -> impl Iterator<Item = (&'a RelPath, &'a T)> {
    let (first, end) = bounds_below(dir);
    map.range((Bound::Included(first), Bound::Excluded(end)))
}
