//! Looks into folders of the remote, one at a time. Never looks into a file.

use std::time::Duration;

use remora_agent::{AgentError, Link, RunSpec};
use serde::Deserialize;

use crate::fault::{self, Fault};

/// Run by the agent's own interpreter.
const PROGRAM: &str = include_str!("browse.py");

/// A folder on a busy network disk needs a few seconds; somebody looks at an empty list meanwhile.
const PATIENCE: Duration = Duration::from_secs(15);

/// A folder over there.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Folder {
    /// Its canonical absolute path.
    pub(crate) path: String,
    /// The names of the folders in it, sorted, hidden ones last; at most 1000.
    pub(crate) folders: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Folder(Folder),
    Failed { error: String, message: String },
}

/// Looks into a folder; `~` and `~/…` are understood, and nothing at all means the home folder.
///
/// # Errors
/// A folder that is not there or can't be read, or the link's.
pub(super) async fn browse(link: &Link, path: &str) -> Result<Folder, Fault> {
    let path = if path.is_empty() { "~" } else { path };
    if !path.starts_with(['/', '~']) {
        return Err(fault::setup::not_absolute(path));
    }
    let argv = [link.hello().executable.as_str(), "-I", "-", path].map(String::from).into();
    let spec = RunSpec { argv, stdin: PROGRAM.into(), timeout: Some(PATIENCE), ..RunSpec::default() };
    let output = link.run(spec).await.map_err(|error| match error {
        AgentError::Lost(reason) => fault::lost(&reason),
        AgentError::Op(error) => fault::setup::unreadable(path, "", &error.message),
    })?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answer = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("remora-folder "))
        .find_map(|json| serde_json::from_str::<Answer>(json).ok());
    match answer {
        Some(Answer::Folder(folder)) => Ok(folder),
        Some(Answer::Failed { error, message }) => Err(fault::setup::unreadable(path, &error, &message)),
        None => Err(fault::setup::unreadable(path, "", &String::from_utf8_lossy(&output.stderr))),
    }
}
