//! Owns the status: always whole, sent when it changed. Never computed in two places.

use serde::Serialize;

/// Everything that the status bar shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Name of the target; nothing when none is chosen.
    pub target: Option<String>,
    /// The state in one word.
    pub phase: Phase,
    /// Files not yet on the remote.
    pub pending: u64,
    /// Files that somebody else changed on the remote.
    pub diverged: Vec<String>,
    /// Files whose upload failed.
    pub failed: Vec<String>,
    /// Debug sessions that run.
    pub sessions: u64,
    /// The last fault in the background, in one sentence.
    pub message: Option<String>,
}

/// The state in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// No connection, and none wanted.
    #[default]
    NotConnected,
    /// The first connection is being made.
    Connecting,
    /// There is a connection, and no mirror yet.
    Connected,
    /// The trees are being compared.
    Comparing,
    /// Files are on their way.
    Uploading,
    /// Everything is on the remote.
    InSync,
    /// The mirror is paused.
    Paused,
    /// Some files were changed by somebody else, or could not be stored.
    Trouble,
    /// A debug session runs.
    Debugging,
    /// The connection broke and is being rebuilt.
    Reconnecting,
}
