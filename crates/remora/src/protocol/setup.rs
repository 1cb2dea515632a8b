//! Owns the shapes of the methods with which a target is found, tried and examined.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The methods a client may call.
pub mod method {
    /// What could be reached from here.
    pub const SETUP_CANDIDATES: &str = "remora/setup/candidates";
    /// Connect to what may become a target.
    pub const SETUP_OPEN: &str = "remora/setup/open";
    /// Look into a folder there.
    pub const SETUP_BROWSE: &str = "remora/setup/browse";
    /// Find interpreters there.
    pub const SETUP_INTERPRETERS: &str = "remora/setup/interpreters";
    /// End that connection.
    pub const SETUP_CLOSE: &str = "remora/setup/close";
    /// Tell what would fail.
    pub const DOCTOR: &str = "remora/doctor";
}

/// Parameters of `remora/setup/candidates` and `remora/setup/close`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Result of `remora/setup/candidates`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupCandidatesResult {
    /// In the order to show them.
    pub candidates: Vec<Candidate>,
}

/// Something that could become a target.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// `ssh`, `docker`, `kubernetes` or `local`.
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// What tells it from others; may be empty.
    pub detail: String,
    /// An entry for `remora.targets`, without `remoteRoot` and `python`.
    pub target: Value,
}

/// Parameters of `remora/setup/open`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupOpenParams {
    /// An entry for `remora.targets`.
    pub target: Value,
}

/// Result of `remora/setup/open`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupOpenResult {
    /// The login's home folder.
    pub home: String,
    /// The remote root that the target names, or else a suggestion; absolute.
    pub remote_root: String,
}

/// Parameters of `remora/setup/browse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupBrowseParams {
    /// Absolute, or beginning with `~`; empty for the home folder.
    pub path: String,
}

/// Result of `remora/setup/browse`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupBrowseResult {
    /// The folder's canonical path.
    pub path: String,
    /// The names of the folders in it, sorted, hidden ones last; at most 1000.
    pub folders: Vec<String>,
}

/// Parameters of `remora/setup/interpreters`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupInterpretersParams {
    /// The remote root; it need not be there yet.
    pub root: String,
}

/// Result of `remora/setup/interpreters`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetupInterpretersResult {
    /// The likeliest first.
    pub interpreters: Vec<Interpreter>,
}

/// An interpreter there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interpreter {
    /// Its path, for the target's `python`.
    pub path: String,
    /// Such as `3.12.1`.
    pub version: String,
    /// `venv`, `conda`, `pyenv` or `system`.
    pub kind: String,
    /// What its environment is called.
    pub label: String,
}

/// Parameters of `remora/doctor`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DoctorParams {
    /// The target's name; without it, the one in use.
    pub target: Option<String>,
}

/// Result of `remora/doctor`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DoctorResult {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// What one check found. One that is fine and has a hint is a warning.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// Whether nothing would fail because of it.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}
