//! Owns the user's own word on what of a folder is mirrored. Never applies it.

use crate::path::RelPath;
use crate::unicode::Unicode;

/// What of a folder is mirrored, and how; a part of `remora.mirror.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `exclude`: more patterns in `.gitignore` syntax that are left out.
    pub exclude: Vec<String>,
    /// `include`: patterns that are mirrored although an ignore file or the defaults leave them out.
    pub include: Vec<String>,
    /// `maxFileMegabytes`: a larger file is sent only when the user says so; 0 means any.
    pub max_file_megabytes: u64,
    /// `symlinks`: what becomes of symbolic links.
    pub symlinks: Symlinks,
    /// `modes`: which permission bits count.
    pub modes: Modes,
    /// `unicode`: how names are written on the remote.
    pub unicode: Unicode,
    /// Folders that have, or whose remote place has, a mapping of its own. No setting takes them in.
    pub elsewhere: Vec<RelPath>,
}

/// Which permission bits count. Those of a new file or folder that do not are 0644 or 0755; else they stay as they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Modes {
    /// Those of the local file.
    #[default]
    Keep,
    /// Only whether a file is executable.
    Executable,
    /// None.
    None,
    /// Those of the local file, these at most.
    AtMost(u32),
}

/// What becomes of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symlinks {
    /// They are mirrored as links.
    #[default]
    Keep,
    /// What they lead to on this machine is mirrored in their place.
    Follow,
    /// They are left out.
    Skip,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            exclude: Vec::new(),
            include: Vec::new(),
            max_file_megabytes: 100,
            symlinks: Symlinks::Keep,
            modes: Modes::Keep,
            unicode: Unicode::Auto,
            elsewhere: Vec::new(),
        }
    }
}

impl Policy {
    /// The largest size in bytes that is sent unasked; 0 means any.
    #[must_use]
    pub fn max_file_bytes(&self) -> u64 {
        self.max_file_megabytes.saturating_mul(1_000_000)
    }
}
