//! Owns the recipe by which the agent makes a large file anew: its instructions, and the marks by which both sides
//! know that the same came of it. Never reads a file and never decides what is copied.

use crc32fast::Hasher as Crc;
use remora_model::{Digest, Hasher, RemotePath};
use serde_json::{Value, json};

use crate::frames::CHUNK;
use crate::ops::WriteSpec;

/// The first byte of an instruction.
const COPY: u8 = 1;
const CAME: u8 = 2;
const WHOLE: u8 = 3;

/// A copy is cut here, so that the agent copies while more is being found.
const LONGEST_COPY: u64 = 16 << 20;
/// Bytes that are sent are gathered up to this, a frame's worth.
const LONGEST_RUN: usize = CHUNK - 5;

/// The head of a `rebuild` request, and the path by which the order of changes is kept.
pub(super) fn head(root: &RemotePath, spec: &WriteSpec, stamp: Option<&str>) -> (Value, Vec<u8>) {
    let WriteSpec { path, size, mode, mtime, expect } = spec;
    let head = json!({
        "op": "rebuild", "root": root, "path": path, "size": size, "mode": mode, "mtime": mtime, "expect": expect,
        "stamp": stamp,
    });
    (head, root.join(path).as_bytes().to_vec())
}

/// The instructions for a new file, made from its beginning to its end. Neighbours are joined.
#[derive(Default)]
pub struct Recipe {
    /// Complete instructions that were not taken yet.
    out: Vec<u8>,
    open: Open,
    /// The digest of all marks so far.
    marks: Hasher,
}

/// The instruction that still grows.
#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Copy {
        from: u64,
        size: u64,
        crc: Crc,
    },
    Run(Vec<u8>),
}

impl Recipe {
    /// Next in the new file come `bytes`, which stand at `from` in the old one.
    pub fn copy(&mut self, at: u64, bytes: &[u8]) {
        let fits = matches!(&self.open, Open::Copy { from, size, .. } if from + size == at && *size < LONGEST_COPY);
        if !fits {
            self.close();
            self.open = Open::Copy { from: at, size: 0, crc: Crc::new() };
        }
        if let Open::Copy { size, crc, .. } = &mut self.open {
            *size += bytes.len() as u64;
            crc.update(bytes);
        }
    }

    /// Next in the new file come `bytes`, which are sent.
    pub fn came(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if !matches!(&self.open, Open::Run(run) if run.len() < LONGEST_RUN) {
                self.close();
                self.open = Open::Run(Vec::with_capacity(LONGEST_RUN));
            }
            if let Open::Run(run) = &mut self.open {
                let (now, later) = bytes.split_at(bytes.len().min(LONGEST_RUN - run.len()));
                run.extend_from_slice(now);
                bytes = later;
            }
        }
    }

    /// What can be sent by now; empty if that is nothing.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The rest, for a new file with this digest.
    #[must_use]
    pub fn finish(mut self, digest: Digest) -> Vec<u8> {
        self.close();
        self.out.push(WHOLE);
        self.out.extend_from_slice(self.marks.finish().as_bytes());
        self.out.extend_from_slice(digest.as_bytes());
        self.out
    }

    fn close(&mut self) {
        let (size, crc) = match std::mem::take(&mut self.open) {
            Open::Nothing => return,
            Open::Copy { from, size, crc } => {
                self.out.push(COPY);
                self.out.extend_from_slice(&from.to_be_bytes());
                self.out.extend_from_slice(&size.to_be_bytes());
                (size, crc.finalize())
            }
            Open::Run(run) => {
                self.out.push(CAME);
                self.out.extend_from_slice(&(run.len() as u32).to_be_bytes());
                self.out.extend_from_slice(&run);
                (run.len() as u64, crc32fast::hash(&run))
            }
        };
        self.marks.update(&size.to_be_bytes());
        self.marks.update(&crc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instructions in short: `c` from+size, `r` size.
    fn read(mut text: &[u8]) -> String {
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let mut short = String::new();
        while let Some((kind, rest)) = text.split_first() {
            text = match *kind {
                COPY => {
                    short += &format!("c{}+{} ", number(&rest[..8]), number(&rest[8..16]));
                    &rest[16..]
                }
                CAME => {
                    let size = number(&rest[..4]);
                    short += &format!("r{size} ");
                    &rest[4 + size as usize..]
                }
                WHOLE => &rest[64..],
                other => panic!("{other}"),
            };
        }
        short
    }

    #[test]
    fn neighbours_are_joined_and_nothing_grows_without_bound() {
        let mut recipe = Recipe::default();
        recipe.copy(0, &[1; 10]);
        recipe.copy(10, &[2; 5]);
        recipe.copy(20, &[3; 5]);
        recipe.came(&[4; 7]);
        recipe.came(&[5; 2]);
        recipe.copy(15, &[6; 1]);
        recipe.came(&vec![7; 2 * LONGEST_RUN + 1]);
        let mut text = recipe.take();
        text.extend(recipe.finish(Digest::of(b"")));
        assert_eq!(read(&text), format!("c0+15 c20+5 r9 c15+1 r{LONGEST_RUN} r{LONGEST_RUN} r1 "));
        let (mut recipe, mebibyte) = (Recipe::default(), vec![0; 1 << 20]);
        (0..17).for_each(|n| recipe.copy(n << 20, &mebibyte));
        assert_eq!(read(&recipe.take()), format!("c0+{LONGEST_COPY} "), "what is complete leaves at once");
    }

    #[test]
    fn the_marks_depend_on_every_byte_and_on_nothing_that_is_not_in_the_new_file() {
        let whole = |make: &dyn Fn(&mut Recipe)| {
            let mut recipe = Recipe::default();
            make(&mut recipe);
            let text = recipe.finish(Digest::of(b""));
            text[text.len() - 64..].to_vec()
        };
        let one = whole(&|recipe| recipe.copy(0, b"abc"));
        assert_eq!(one, whole(&|recipe| recipe.copy(7, b"abc")));
        assert_eq!(one, whole(&|recipe| recipe.came(b"abc")));
        assert_ne!(one, whole(&|recipe| recipe.came(b"abd")));
    }
}
