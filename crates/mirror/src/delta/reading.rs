//! Owns the one pass over a large local file: it is read, cut into chunks, digested and passed on at the same time, on
//! two threads and in a few mebibytes of memory. Never passes on a mixture of two versions.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, mpsc};

use remora_agent::{Piece, Recipe, WriteSpec};
use remora_model::{Digest, Hasher, Mtime};
use tokio::sync::mpsc::Sender;

use super::Progress;
use super::chunks::{Chunk, ChunkList};
use super::plan::{LONGEST, Next, Planner};
use crate::look;
use crate::scan::entry_of;

/// What is read at once.
const BLOCK: usize = 1 << 20;
/// Blocks under way between the two threads.
const BLOCKS: usize = 4;
/// What is passed on at once: a frame's worth.
const PIECE: usize = 32 << 10;

/// A local file that is open to be read.
pub(super) struct Reading {
    file: File,
    size: u64,
    mtime: Mtime,
    progress: Progress,
}

/// What was read.
pub(super) struct Read {
    pub(super) digest: Digest,
    pub(super) seed: u64,
    pub(super) chunks: Vec<Chunk>,
}

/// Why it was not read to its end.
pub(super) enum Failure {
    Changed,
    Unreadable(io::Error),
    /// Nobody takes it any more.
    GivenUp,
}

/// A block on its way to be digested, and where in it that begins.
type Fresh = (Arc<Vec<u8>>, usize);

impl Reading {
    /// Nothing when the file is not the one that was looked at.
    pub(super) fn open(place: &Path, spec: &WriteSpec, progress: Progress) -> io::Result<Option<Self>> {
        let reading = Self { file: look::open(place)?, size: spec.size, mtime: spec.mtime, progress };
        Ok(reading.is_unchanged()?.then_some(reading))
    }

    fn is_unchanged(&self) -> io::Result<bool> {
        let entry = entry_of(&self.file.metadata()?);
        Ok((entry.size, entry.mtime) == (self.size, self.mtime))
    }

    /// Reads it all: passes on the bytes, or with the chunks of what the remote has, a recipe. Blocks.
    pub(super) fn run(self, old: Option<ChunkList>, pieces: &Sender<Piece>) -> Result<Read, Failure> {
        let seed = old.as_ref().map_or_else(|| RandomState::new().build_hasher().finish(), |list| list.seed);
        let (to_digest, fresh) = mpsc::sync_channel::<Fresh>(BLOCKS);
        let (back, spare) = mpsc::channel();
        for _ in 0..BLOCKS {
            let _ = back.send(Arc::new(Vec::with_capacity(BLOCK + LONGEST)));
        }
        let mut pass = Pass {
            reading: &self,
            planner: Planner::new(old.as_ref(), seed),
            recipe: old.is_some().then(Recipe::default),
            pieces,
            chunks: Vec::new(),
        };
        let digest = std::thread::scope(|scope| {
            let digesting = scope.spawn(move || digest(&fresh, &back));
            let read = pass.read(&to_digest, &spare);
            drop(to_digest);
            let digest = digesting.join().map_err(|_| Failure::Unreadable(io::Error::other("a thread panicked")))?;
            read.map(|()| digest)
        })?;
        let Pass { recipe, chunks, .. } = pass;
        let end = match recipe {
            Some(recipe) => {
                send(pieces, recipe.finish(digest))?;
                Piece::End
            }
            None => Piece::Whole(digest),
        };
        pieces.blocking_send(end).map_err(|_| Failure::GivenUp)?;
        Ok(Read { digest, seed, chunks })
    }
}

/// The other thread: digests the blocks, and hands them back.
fn digest(fresh: &mpsc::Receiver<Fresh>, back: &mpsc::Sender<Arc<Vec<u8>>>) -> Digest {
    let mut hasher = Hasher::default();
    for (block, begin) in fresh {
        hasher.update(&block[begin..]);
        // The reader may have ended.
        let _ = back.send(block);
    }
    hasher.finish()
}

/// One pass over the file.
struct Pass<'a> {
    reading: &'a Reading,
    planner: Planner<'a>,
    recipe: Option<Recipe>,
    pieces: &'a Sender<Piece>,
    chunks: Vec<Chunk>,
}

impl Pass<'_> {
    fn read(
        &mut self,
        to_digest: &mpsc::SyncSender<Fresh>,
        spare: &mpsc::Receiver<Arc<Vec<u8>>>,
    ) -> Result<(), Failure> {
        let mut left = self.reading.size;
        // What of the last block is too short to be cut.
        let (mut last, mut uncut) = (Arc::new(Vec::new()), 0);
        loop {
            // There are more blocks than can be in use, so it is nobody's; a new one would do as well.
            let mut block = spare.recv().ok().and_then(Arc::into_inner).unwrap_or_default();
            block.clear();
            block.extend_from_slice(&last[uncut..]);
            let begin = block.len();
            self.fill(&mut block, left)?;
            let count = block.len() - begin;
            left -= count as u64;
            let is_all = left == 0;
            // Before the last bytes leave: what left before them is of the same file.
            if is_all && !self.reading.is_unchanged().map_err(Failure::Unreadable)? {
                return Err(Failure::Changed);
            }
            last = Arc::new(block);
            // The other thread only ends when we have.
            let _ = to_digest.send((Arc::clone(&last), begin));
            uncut = self.cut(&last, is_all)?;
            if self.recipe.is_none() {
                last[begin..].chunks(PIECE).try_for_each(|piece| send(self.pieces, piece.to_vec()))?;
            }
            (self.reading.progress)(count as u64);
            if is_all {
                return Ok(());
            }
        }
    }

    /// Reads on behind what is in `block`.
    fn fill(&self, block: &mut Vec<u8>, left: u64) -> Result<(), Failure> {
        let wanted = left.min(BLOCK as u64);
        match (&self.reading.file).take(wanted).read_to_end(block) {
            Ok(count) if count as u64 == wanted => Ok(()),
            Ok(_) => Err(Failure::Changed),
            Err(error) => Err(Failure::Unreadable(error)),
        }
    }

    /// Cuts `block` into chunks; where it could not go on.
    fn cut(&mut self, block: &[u8], is_all: bool) -> Result<usize, Failure> {
        let mut at = 0;
        while let Some(Next { chunk, at: there }) = self.planner.next(&block[at..], is_all) {
            let bytes = &block[at..at + chunk.size as usize];
            at += bytes.len();
            self.chunks.push(chunk);
            let Some(recipe) = &mut self.recipe else { continue };
            match there {
                Some(there) => recipe.copy(there, bytes),
                None => recipe.came(bytes),
            }
            let ready = recipe.take();
            if !ready.is_empty() {
                send(self.pieces, ready)?;
            }
        }
        Ok(at)
    }
}

fn send(pieces: &Sender<Piece>, bytes: Vec<u8>) -> Result<(), Failure> {
    pieces.blocking_send(Piece::Bytes(bytes)).map_err(|_| Failure::GivenUp)
}
