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
