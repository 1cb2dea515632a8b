//! Owns the shapes of the methods about the mirror and its files. Nothing inside the sidecar uses these types.

use serde::{Deserialize, Serialize};

/// The methods a client may call.
pub mod method {
    /// Send nothing until resumed.
    pub const PAUSE: &str = "remora/pause";
    /// Send again.
    pub const RESUME: &str = "remora/resume";
    /// What the remote holds of one file.
    pub const REMOTE_FILE: &str = "remora/remoteFile";
    /// The remote file replaces the local one.
    pub const TAKE_REMOTE: &str = "remora/takeRemote";
    /// Why a file is mirrored, or not.
    pub const EXPLAIN: &str = "remora/explain";
    /// What was replaced or removed there and is kept.
    pub const TRASH: &str = "remora/trash";
    /// Something of that comes back here.
    pub const RESTORE: &str = "remora/restore";
}

/// Parameters of methods that need none.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Parameters of `remora/mirror`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MirrorParams {
    /// The target's name.
    pub target: Option<String>,
    /// The local side wins over files that somebody else changed.
    #[serde(default)]
    pub overwrite: bool,
    /// Only over these, relative as the status names them; without it, over all.
    pub paths: Option<Vec<String>>,
    /// `remove` or `keep`: what becomes of files that are gone here and wait for the user's word; `send` or `leave`: of
    /// large ones that do.
    pub word: Option<String>,
}

/// Result of `remora/mirror`, and the notification `remora/mirrored`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MirroredParams {
    /// Files written, removed or given another mode.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Milliseconds.
    pub ms: f64,
}

/// Parameters of `remora/remoteFile`, `remora/takeRemote` and `remora/explain`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileParams {
    /// A local path, absolute.
    pub file: String,
}

/// Result of `remora/remoteFile`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteFileResult {
    /// The bytes in base64; nothing when there is no such file over there.
    pub content: Option<String>,
}

/// Result of `remora/explain`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainResult {
    /// Whether the file is mirrored.
    pub mirrored: bool,
    /// That, and why, in one sentence.
    pub sentence: String,
}

/// Result of `remora/trash`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrashResult {
    /// The latest first.
    pub kept: Vec<KeptFile>,
}

/// A file as it was before it was replaced or removed over there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptFile {
    /// Relative to the folder.
    pub path: String,
    /// When that was: UTC, exact, as `2026-11-22T17:05:09.000000001Z`.
    pub time: String,
    /// In words.
    pub size: String,
}

/// Parameters of `remora/restore`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreParams {
    /// As `remora/trash` names it.
    pub path: String,
    /// The same.
    pub time: String,
    /// A file that is here is replaced.
    #[serde(default)]
    pub overwrite: bool,
}
