//! Owns the status: always whole, sent when it changed. Never computed in two places.

use serde::Serialize;

/// At most this many paths of a kind are named in a status: more than an editor can mark at a glance.
pub const PATHS_SHOWN: usize = 1000;

/// Everything that the editor shows of a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Name of the target; nothing when none is chosen.
    pub target: Option<String>,
    /// The remote root, absolute and without links; nothing before it was opened.
    pub remote_root: Option<String>,
    /// The state in one word.
    pub phase: Phase,
    /// How many files are not yet on the remote.
    pub pending: u64,
    /// Which, relative and in order, [`PATHS_SHOWN`] at most.
    pub waiting: Vec<String>,
    /// Files that somebody else changed on the remote, [`PATHS_SHOWN`] at most.
    pub diverged: Vec<String>,
    /// How many files are gone here and wait for the user's word to be removed there.
    #[serde(skip)]
    pub held: u64,
    /// How many large files wait for the user's word to be sent.
    #[serde(skip)]
    pub large: u64,
    /// Files whose upload failed and is tried again, [`PATHS_SHOWN`] at most.
    pub failed: Vec<FailedFile>,
    /// Whether the user wants nothing sent for now. The phase says so only while it has nothing more pressing to
    /// say; what menus hide by is in the panel.
    #[serde(skip)]
    pub paused: bool,
    /// Debug sessions that run.
    pub sessions: Vec<SessionStatus>,
    /// How far a bulk upload is; nothing while only a few files are on their way.
    pub progress: Option<UploadProgress>,
    /// The last fault in the background, in one sentence.
    pub message: Option<String>,
}

/// A file whose upload failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailedFile {
    /// Relative to both roots.
    pub path: String,
    /// Why, in one sentence.
    pub reason: String,
}

/// A debug session that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Names it in requests.
    pub session: u64,
    /// What a person calls it.
    pub name: String,
    /// Whether a client is attached.
    pub attached: bool,
    /// Files that were changed since the program has loaded another text of them, [`PATHS_SHOWN`] at most, in order.
    pub stale: Vec<String>,
    /// How many.
    #[serde(skip)]
    pub stale_files: usize,
}

/// How far a bulk upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadProgress {
    /// Files done.
    pub files_done: u64,
    /// Files in all.
    pub files_total: u64,
    /// Bytes done.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
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
    /// A debug session runs, and one of them another text of a file than what is here now.
    Stale,
    /// The connection broke and is being rebuilt.
    Reconnecting,
}
