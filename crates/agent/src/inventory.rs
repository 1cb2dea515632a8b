//! Owns how all that stands below a directory becomes one digest. Pure; `py/moves.py` does the same there.

use remora_model::{Digest, Hasher};

/// What stands below a directory, told in the order of the paths' bytes.
#[derive(Default)]
pub struct Inventory(Hasher);

impl Inventory {
    /// A file with these bytes; `below` is its path below the directory.
    pub fn file(&mut self, below: &[u8], digest: &Digest) {
        self.line(b"f", digest.as_bytes(), below);
    }

    /// A symbolic link whose text has this digest.
    pub fn link(&mut self, below: &[u8], digest: &Digest) {
        self.line(b"l", digest.as_bytes(), below);
    }

    /// A directory.
    pub fn dir(&mut self, below: &[u8]) {
        self.line(b"d", b"", below);
    }

    /// All of it.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.0.finish()
    }

    /// A path holds no NUL, and what stands before it has a length of its kind: no two directories read alike.
    fn line(&mut self, kind: &[u8], digest: &[u8], below: &[u8]) {
        self.0.update(&[kind, digest, below, b"\0"].concat());
    }
}
