//! Owns what a listing says of one name in a tree. Never asks a file system.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of thing a name stands for. A symbolic link is never followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink,
    /// A socket, device or pipe: never mirrored.
    Other,
}

/// Permission bits, `0o7777` at most.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mode(pub u32);

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mode({:#o})", self.0)
    }
}

/// Time of last modification, in nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mtime(pub i64);

/// What `lstat` says of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Size in bytes; of a symbolic link, the length of its text; of a directory, 0.
    pub size: u64,
    /// Time of last modification.
    pub mtime: Mtime,
    /// Permission bits.
    pub mode: Mode,
}
