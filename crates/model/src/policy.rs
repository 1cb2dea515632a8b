//! Owns the user's own word on what of a folder is mirrored. Never applies it.

/// What of a folder is mirrored, and how; a part of `remora.mirror.*`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// `exclude`: more patterns in `.gitignore` syntax that are left out.
    pub exclude: Vec<String>,
    /// `include`: patterns that are mirrored although an ignore file or the defaults leave them out.
    pub include: Vec<String>,
}
