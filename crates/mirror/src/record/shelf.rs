//! Owns how records are held in memory: a sorted map from path to record, packed. Never knows what a record is for.
//!
//! A hundred thousand paths and records as values of their own take five times the room, and lie scattered, so that
//! nothing around them can be given back to the system. Here some dozens that follow each other are one run of bytes,
//! in which a path is told by what it does not share with the one before. A copy of the whole shares its runs with the
//! original; a change makes one run anew.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use remora_model::RelPath;

use super::Record;
use super::packed::{pack, push, shared, split, unpack};

/// A run of more entries is cut in two. To look a path up, half of one is read.
const RUN_MOST: usize = 64;

/// So many are in one run when all were packed together.
const RUN: usize = 32;

/// Runs that were changed may take this much by themselves, in bytes, before all are packed together again.
const LOOSE_MOST: usize = 256 << 10;

#[derive(Clone, Default)]
pub(super) struct Shelf {
    runs: Vec<Run>,
    len: usize,
    /// Bytes in runs that lie by themselves.
    loose: usize,
}

/// Some entries that follow each other; never none.
#[derive(Clone)]
struct Run {
    piece: Arc<[u8]>,
    at: Range<usize>,
    count: usize,
}

/// Where in a run a path stands, or would stand.
struct Spot<'a> {
    /// The bytes of its entry; empty if it is not there.
    at: Range<usize>,
    /// Packed; nothing if it is not there.
    record: Option<&'a [u8]>,
}

impl Shelf {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, path: &RelPath) -> Option<Record> {
        let run = self.runs.get(self.run_of(path.as_bytes()))?;
        spot(run.bytes(), path.as_bytes()).record.map(unpack)
    }

    /// Comes back with what was there.
    pub(super) fn insert(&mut self, path: &RelPath, record: &Record) -> Option<Record> {
        self.replace(path.as_bytes(), Some(record))
    }

    /// Comes back with what was there.
    pub(super) fn remove(&mut self, path: &RelPath) -> Option<Record> {
        self.replace(path.as_bytes(), None)
    }

    /// All, in order.
    pub(super) fn iter(&self) -> Iter<'_> {
        Iter { runs: &self.runs, rest: &[], path: Vec::new(), end: None }
    }

    /// All from `first` up to `end`, which is not among them.
    pub(super) fn range(&self, first: &RelPath, end: &RelPath) -> Iter<'_> {
        let end = Some(end.as_bytes().to_vec());
        let index = self.run_of(first.as_bytes());
        let Some(run) = self.runs.get(index) else { return Iter { end, ..self.iter() } };
        let Spot { at, .. } = spot(run.bytes(), first.as_bytes());
        let (before, rest) = run.bytes().split_at(at.start);
        Iter { runs: &self.runs[index + 1..], rest, path: last_of(before), end }
    }

    /// Packs all together if much has changed, so that what is held is one piece.
    pub(super) fn settle(&mut self) {
        if self.loose <= LOOSE_MOST {
            return;
        }
        let (mut piece, mut places) = (Vec::new(), Vec::new());
        let mut all = self.iter().peekable();
        while all.peek().is_some() {
            let (start, mut before, mut count) = (piece.len(), Vec::new(), 0);
            for (path, record) in all.by_ref().take(RUN) {
                push(&mut piece, &before, path.as_bytes(), &pack(&record));
                before.clear();
                before.extend_from_slice(path.as_bytes());
                count += 1;
            }
            places.push((start..piece.len(), count));
        }
        let piece: Arc<[u8]> = piece.into();
        self.runs = places.into_iter().map(|(at, count)| Run { piece: Arc::clone(&piece), at, count }).collect();
        self.loose = 0;
    }

    /// The run in which a path stands or would stand: the last that does not begin after it, or the first.
    fn run_of(&self, path: &[u8]) -> usize {
        self.runs.partition_point(|run| run.first() <= path).saturating_sub(1)
    }

    fn replace(&mut self, path: &[u8], record: Option<&Record>) -> Option<Record> {
        let index = self.run_of(path);
        let old = self.runs.get(index);
        let (bytes, count, loose) = old.map_or((&[][..], 0, 0), |run| (run.bytes(), run.count, run.loose()));
        let Spot { at, record: known } = spot(bytes, path);
        let known = known.map(unpack);
        if known.as_ref() == record {
            return known;
        }
        let before = last_of(&bytes[..at.start]);
        let more = |count: usize| count + usize::from(record.is_some()) - usize::from(known.is_some());
        let new = changed(bytes, (&before, path), at, record);
        let new = if more(count) > RUN_MOST { cut(&new, more(count)) } else { vec![Run::new(new, more(count))] };
        self.loose = self.loose - loose + new.iter().map(Run::loose).sum::<usize>();
        self.len = more(self.len);
        let end = self.runs.len().min(index + 1);
        self.runs.splice(index..end, new.into_iter().filter(|run| run.count > 0));
        known
    }
}

impl Run {
    fn new(bytes: Vec<u8>, count: usize) -> Self {
        Self { at: 0..bytes.len(), piece: bytes.into(), count }
    }

    fn bytes(&self) -> &[u8] {
        &self.piece[self.at.clone()]
    }

    /// Its first path.
    fn first(&self) -> &[u8] {
        split(self.bytes()).0.rest
    }

    /// Its bytes, if nothing else lies with them.
    fn loose(&self) -> usize {
        if self.at.len() == self.piece.len() { self.at.len() } else { 0 }
    }
}

/// Most entries are passed without a look at their path: how much two neighbours share says which of them is nearer.
fn spot<'a>(bytes: &'a [u8], path: &[u8]) -> Spot<'a> {
    let mut rest = bytes;
    // So much of `path` begins the entry before, which stands before `path`.
    let mut matched = 0;
    while !rest.is_empty() {
        let (entry, next) = split(rest);
        let start = bytes.len() - rest.len();
        let order = match entry.shared.cmp(&matched) {
            // Where this one and `path` part, the one before parts from `path` too.
            Ordering::Greater => Ordering::Less,
            // It parts from the one before where that still is as `path`, and comes after it.
            Ordering::Less => Ordering::Greater,
            Ordering::Equal => {
                let wanted = &path[matched..];
                matched += shared(entry.rest, wanted);
                entry.rest.cmp(wanted)
            }
        };
        match order {
            Ordering::Less => rest = next,
            Ordering::Equal => return Spot { at: start..bytes.len() - next.len(), record: Some(entry.record) },
            Ordering::Greater => return Spot { at: start..start, record: None },
        }
    }
    Spot { at: bytes.len()..bytes.len(), record: None }
}

/// The last path of the beginning of a run; empty if that is empty.
fn last_of(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut path) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (entry, next) = split(rest);
        path.truncate(entry.shared);
        path.extend_from_slice(entry.rest);
        rest = next;
    }
    path
}

/// The run with `record` at the place of `path`, or without it. Only the entry that follows has to be told anew.
fn changed(bytes: &[u8], (before, path): (&[u8], &[u8]), at: Range<usize>, record: Option<&Record>) -> Vec<u8> {
    let mut new = Vec::with_capacity(bytes.len() + path.len() + 96);
    new.extend_from_slice(&bytes[..at.start]);
    let mut last = before;
    if let Some(record) = record {
        push(&mut new, last, path, &pack(record));
        last = path;
    }
    let rest = &bytes[at.end..];
    if !rest.is_empty() {
        let (entry, rest) = split(rest);
        let told_after = if at.is_empty() { before } else { path };
        let next = [&told_after[..entry.shared], entry.rest].concat();
        push(&mut new, last, &next, entry.record);
        new.extend_from_slice(rest);
    }
    new
}

/// Two runs of one.
fn cut(bytes: &[u8], count: usize) -> Vec<Run> {
    let (mut rest, mut path) = (bytes, Vec::new());
    for _ in 0..count / 2 {
        let (entry, next) = split(rest);
        path.truncate(entry.shared);
        path.extend_from_slice(entry.rest);
        rest = next;
    }
    let (first, second) = bytes.split_at(bytes.len() - rest.len());
    let (entry, rest) = split(second);
    path.truncate(entry.shared);
    path.extend_from_slice(entry.rest);
    let mut second = Vec::with_capacity(second.len() + path.len());
    push(&mut second, &[], &path, entry.record);
    second.extend_from_slice(rest);
    vec![Run::new(first.to_vec(), count / 2), Run::new(second, count - count / 2)]
}

/// Paths and records, in order.
pub(super) struct Iter<'a> {
    runs: &'a [Run],
    rest: &'a [u8],
    path: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Iterator for Iter<'_> {
    type Item = (RelPath, Record);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            let (run, runs) = self.runs.split_first()?;
            (self.rest, self.runs) = (run.bytes(), runs);
        }
        let (entry, rest) = split(self.rest);
        self.path.truncate(entry.shared);
        self.path.extend_from_slice(entry.rest);
        if self.end.as_ref().is_some_and(|end| self.path >= *end) {
            (self.runs, self.rest) = (&[], &[]);
            return None;
        }
        self.rest = rest;
        let path = RelPath::new(self.path.as_slice()).expect("invariant: only paths are put in");
        Some((path, unpack(entry.record)))
    }
}

impl PartialEq for Shelf {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for Shelf {}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use remora_model::{Digest, Mode};

    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    /// Few names, so that paths meet; parts that begin alike, one after which "/" is not the next byte.
    fn paths() -> impl Strategy<Value = RelPath> {
        let part = prop::sample::select(vec!["a", "aa", "ab", "a-b", "b", "longer name", "longer names", "ü"]);
        prop::collection::vec(part, 1..5).prop_map(|parts| path(&parts.join("/")))
    }

    fn records() -> impl Strategy<Value = Record> {
        let link = any::<u8>().prop_map(|byte| Record::Link { digest: Digest::of(&[byte]) });
        let dir = any::<bool>().prop_map(|ours| Record::Dir { ours, mode: Mode(0o755) });
        prop_oneof![link, dir]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_is_the_map_that_it_stands_for(
            changes in prop::collection::vec((paths(), prop::option::weighted(0.7, records())), 0..400),
            bounds in (paths(), paths()),
        ) {
            let (mut shelf, mut map) = (Shelf::default(), BTreeMap::new());
            for (number, (path, record)) in changes.into_iter().enumerate() {
                match record {
                    Some(record) => prop_assert_eq!(shelf.insert(&path, &record), map.insert(path.clone(), record)),
                    None => prop_assert_eq!(shelf.remove(&path), map.remove(&path)),
                }
                prop_assert_eq!(shelf.get(&path), map.get(&path).cloned());
                if number % 100 == 99 {
                    shelf.loose = LOOSE_MOST + 1;
                    let copy = shelf.clone();
                    shelf.settle();
                    prop_assert_eq!(&copy, &shelf);
                    prop_assert!(shelf.runs.iter().all(|run| run.count <= RUN));
                }
            }
            prop_assert_eq!(shelf.len(), map.len());
            prop_assert!(shelf.iter().eq(map.clone()));
            let (first, end) = if bounds.0 <= bounds.1 { bounds } else { (bounds.1, bounds.0) };
            let expected = map.range(&first..&end).map(|(path, record)| (path.clone(), record.clone()));
            prop_assert!(shelf.range(&first, &end).eq(expected));
        }
    }

    #[test]
    fn many_records_are_small_and_their_copy_is_next_to_nothing() {
        let mut shelf = Shelf::default();
        for number in 0..20_000_u32 {
            let digest = Digest::of(&number.to_le_bytes());
            let name = format!("copy-{}/django/contrib/some app/migrations/{number:06}_initial.py", number / 7000);
            shelf.insert(&path(&name), &Record::Link { digest });
        }
        shelf.settle();
        let piece = Arc::clone(&shelf.runs[0].piece);
        assert!(shelf.runs.iter().all(|run| Arc::ptr_eq(&run.piece, &piece)));
        assert!(piece.len() < 1_200_000, "{}", piece.len());
        let mut copy = shelf.clone();
        copy.insert(&path("a new one"), &Record::Dir { ours: true, mode: Mode(0) });
        let own = copy.runs.iter().filter(|run| !Arc::ptr_eq(&run.piece, &piece)).count();
        assert_eq!((own, copy.len(), shelf.len()), (1, 20_001, 20_000));
    }
}
