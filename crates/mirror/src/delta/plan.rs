//! Owns the search for chunks: where the next one of a file ends, and where the remote's file has the same. Pure: the
//! bytes are given.

use std::collections::HashMap;

use fastcdc::v2020::FastCDC;

use super::chunks::{Chunk, ChunkList};

/// A change in the middle of a file costs one chunk, now and then two, so they are short; a list has sixty for a
/// mebibyte. Cuts follow the content: what stands behind an insertion is cut as before.
const SHORTEST: usize = 8 << 10;
const USUAL: usize = 16 << 10;
/// The longest chunk: so many bytes have to be at hand to find the end of the next.
pub(super) const LONGEST: usize = 64 << 10;

/// Goes through a new file from its beginning to its end.
pub(super) struct Planner<'a> {
    old: &'a [Chunk],
    seed: u64,
    /// Where each chunk of the old file begins.
    starts: Vec<u64>,
    by_hash: HashMap<u128, usize>,
    /// The old chunk that comes next if nothing was changed.
    due: usize,
}

/// The next chunk of the new file, and where the same bytes stand in the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) chunk: Chunk,
    pub(super) at: Option<u64>,
}

impl<'a> Planner<'a> {
    /// With an old file whose chunks these are; with none, everything is new.
    pub(super) fn new(old: Option<&'a ChunkList>, seed: u64) -> Self {
        let old = old.map_or(&[][..], |list| &list.chunks);
        let starts = old.iter().scan(0, |end, chunk| Some(std::mem::replace(end, *end + u64::from(chunk.size))));
        // Of several that are alike the first, so that a row of them is found as a row.
        let by_hash = old.iter().enumerate().rev().map(|(index, chunk)| (chunk.hash, index)).collect();
        Self { old, seed, starts: starts.collect(), by_hash, due: 0 }
    }

    /// The chunk at the beginning of `bytes`; nothing when more bytes are needed to tell, or there are none. `is_all`
    /// says that no more come.
    pub(super) fn next(&mut self, bytes: &[u8], is_all: bool) -> Option<Next> {
        if bytes.is_empty() || (bytes.len() < LONGEST && !is_all) {
            return None;
        }
        if let Some(next) = self.due(bytes) {
            return Some(next);
        }
        let window = &bytes[..bytes.len().min(LONGEST)];
        let (_, size) = FastCDC::new(window, SHORTEST, USUAL, LONGEST).cut(0, window.len());
        let chunk = Chunk::of(&window[..size], self.seed);
        let found = self.by_hash.get(&chunk.hash).copied().filter(|&index| self.old[index] == chunk);
        if let Some(index) = found {
            self.due = index + 1;
        }
        Some(Next { chunk, at: found.map(|index| self.starts[index]) })
    }

    /// Mostly what follows is what followed before. Then its end is known, and need not be searched for.
    fn due(&mut self, bytes: &[u8]) -> Option<Next> {
        let due = *self.old.get(self.due)?;
        let chunk = Chunk::of(bytes.get(..due.size as usize)?, self.seed);
        if chunk != due {
            // What was changed is passed over chunk by chunk, until something is found again.
            self.due = usize::MAX;
            return None;
        }
        self.due += 1;
        Some(Next { chunk, at: Some(self.starts[self.due - 1]) })
    }
}

#[cfg(test)]
mod tests {
    use remora_model::Digest;
    use remora_testkit::noise::noise;

    use super::*;

    /// Goes through `new` as it is read, `step` bytes at a time.
    fn plan(old: Option<&ChunkList>, new: &[u8], step: usize) -> Vec<Next> {
        let (mut planner, mut found) = (Planner::new(old, 7), Vec::new());
        let (mut at, mut there) = (0, 0);
        while at < new.len() {
            there = new.len().min(there + step);
            while let Some(next) = planner.next(&new[at..there], there == new.len()) {
                at += next.chunk.size as usize;
                found.push(next);
            }
        }
        found
    }

    fn list(found: &[Next]) -> ChunkList {
        let chunks = found.iter().map(|next| next.chunk).collect();
        ChunkList { digest: Digest::of(b""), stamp: None, seed: 7, chunks }
    }

    /// How much of `new` is not found in `old`; what is found is checked.
    fn missing(old: &[u8], new: &[u8]) -> usize {
        let list = list(&plan(None, old, 1 << 20));
        let (mut at, mut missing) = (0, 0);
        for Next { chunk, at: there } in plan(Some(&list), new, 1 << 20) {
            let bytes = &new[at..at + chunk.size as usize];
            at += bytes.len();
            match there {
                Some(there) => assert!(&old[there as usize..][..bytes.len()] == bytes),
                None => missing += bytes.len(),
            }
        }
        assert_eq!(at, new.len());
        missing
    }

    #[test]
    fn chunks_do_not_depend_on_how_the_file_is_read() {
        let bytes = noise(1 << 20, 1);
        let found = plan(None, &bytes, 1 << 20);
        assert_eq!(found.iter().map(|next| next.chunk.size as usize).sum::<usize>(), bytes.len());
        assert!((20..120).contains(&found.len()), "{}", found.len());
        assert!(found.iter().all(|next| next.at.is_none() && next.chunk.size as usize <= LONGEST));
        for step in [1000, 65_536, 70_001] {
            assert_eq!(plan(None, &bytes, step), found, "{step}");
        }
    }

    #[test]
    fn an_edit_costs_a_few_chunks() {
        let old = noise(4 << 20, 3);
        let edited = |edit: &dyn Fn(&mut Vec<u8>)| {
            let mut new = old.clone();
            edit(&mut new);
            missing(&old, &new)
        };
        let few = 3 * LONGEST;
        assert_eq!(edited(&|_| {}), 0);
        assert!(edited(&|new| drop(new.splice(9..9, noise(200, 4)))) < few);
        assert!(edited(&|new| drop(new.splice(2_000_000..2_000_000, noise(200, 4)))) < few);
        assert!(edited(&|new| new.extend(noise(200, 4))) < few);
        assert!(edited(&|new| drop(new.drain(1_000_000..1_500_000))) < few);
        assert!(edited(&|new| new.truncate(1_000_000)) < few);
        assert!(edited(&|new| new.rotate_left(1_234_567)) < few);
        assert!(edited(&|new| new.extend_from_within(..)) < few);
        assert_eq!(missing(&old, &noise(1 << 20, 9)), 1 << 20);
        assert_eq!((missing(&old, b""), missing(b"", &old)), (0, old.len()));
    }

    #[test]
    fn a_row_of_alike_chunks_is_found_as_a_row() {
        let old = list(&plan(None, &vec![0; 1 << 20], 1 << 20));
        let found = plan(Some(&old), &vec![0; 1 << 20], 1 << 20);
        let at: Vec<u64> = found.iter().filter_map(|next| next.at).collect();
        assert_eq!(at, (0..16).map(|n| n * LONGEST as u64).collect::<Vec<_>>());
        let shifted = [&b"x"[..], &vec![0; 1 << 20]].concat();
        let found = plan(Some(&old), &shifted, 1 << 20);
        assert!(
            found.windows(2).filter(|two| two[1].at != two[0].at.map(|at| at + u64::from(two[0].chunk.size))).count()
                < 4
        );
    }
}
