//! Owns the list of all interpreters and environments of a remote. Finds nothing itself: `listing.py` does, over
//! there and in one round trip.

use std::cmp::Reverse;
use std::time::Duration;

use remora_agent::{Link, RunOutput, RunSpec};
use remora_model::RemotePath;
use serde::Deserialize;

use super::said;
use crate::error::DebugError;

/// An interpreter that programs could run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its path there; a virtual environment's link stays one.
    pub path: String,
    /// Its language version.
    pub version: (u8, u8, u8),
    /// What it belongs to.
    pub kind: EnvironmentKind,
    /// What its environment is called, such as `.venv`, `base` or `3.12.1`.
    pub label: String,
}

/// What an interpreter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// A virtual environment.
    Venv,
    /// A conda environment.
    Conda,
    /// A version that pyenv installed.
    Pyenv,
    /// The system, or whoever put it into a folder of programs.
    System,
}

impl EnvironmentKind {
    /// Its name, for scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Venv => "venv",
            Self::Conda => "conda",
            Self::Pyenv => "pyenv",
            Self::System => "system",
        }
    }
}

/// Run by the agent's own interpreter.
const PROGRAM: &str = include_str!("listing.py");

/// The program stops asking after 12 s and waits up to 5 s for the last answers; this is only for one that hangs.
const PATIENCE: Duration = Duration::from_secs(25);

/// All interpreters over there, the likeliest first: environments in the remote root, environments made for it,
/// conda's, pyenv's, the system's, and last what was made for other projects; the newest first among equals. One
/// that does not answer is left out. The root need not be there.
///
/// # Errors
/// The agent's; [`DebugError::NotPython`] when the agent's own interpreter fails.
pub async fn list(link: &Link, remote_root: &RemotePath) -> Result<Vec<Listed>, DebugError> {
    let python = link.hello().executable.clone();
    let argv = [python.as_str(), "-I", "-", &remote_root.to_string()].map(String::from).into();
    let spec = RunSpec { argv, stdin: PROGRAM.into(), timeout: Some(PATIENCE), ..RunSpec::default() };
    read(&link.run(spec).await?, &python)
}

#[derive(Deserialize)]
struct Answer {
    interpreters: Vec<Row>,
    silent: Vec<String>,
}

#[derive(Deserialize)]
struct Row {
    path: String,
    version: (u8, u8, u8),
    kind: EnvironmentKind,
    label: String,
    rank: u8,
}

fn read(output: &RunOutput, python: &str) -> Result<Vec<Listed>, DebugError> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answer = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("remora-interpreters "))
        .find_map(|json| serde_json::from_str::<Answer>(json).ok());
    let Some(Answer { mut interpreters, silent }) = answer else {
        return Err(DebugError::NotPython { path: python.to_owned(), said: said(output) });
    };
    if !silent.is_empty() {
        tracing::info!(?silent, "these look like interpreters and do not answer");
    }
    // Those with the same key stay as they were found, and so in the order of PATH.
    interpreters.sort_by_key(|row| (row.rank, row.kind, Reverse(row.version)));
    let listed = |Row { path, version, kind, label, .. }| Listed { path, version, kind, label };
    Ok(interpreters.into_iter().map(listed).collect())
}

#[cfg(test)]
mod tests {
    use remora_agent::Exit;

    use super::*;

    fn output(stdout: &str) -> RunOutput {
        RunOutput { exit: Exit::Code(0), stdout: stdout.into(), stderr: b"Traceback\n".to_vec() }
    }

    #[test]
    fn the_likeliest_come_first() {
        let row = |path: &str, version: &str, kind: &str, rank: u8| {
            format!(r#"{{"path":"{path}","version":{version},"kind":"{kind}","label":"x","rank":{rank}}}"#)
        };
        let rows = [
            row("/usr/bin/python3", "[3,11,2]", "system", 2),
            row("/other", "[3,14,0]", "venv", 3),
            row("/p/3.9.1", "[3,9,1]", "pyenv", 2),
            row("/p/3.13.0", "[3,13,0]", "pyenv", 2),
            row("/conda", "[3,8,0]", "conda", 2),
            row("/poetry", "[3,12,0]", "venv", 1),
            row("/app/env", "[3,6,0]", "conda", 0),
            row("/app/.venv", "[3,6,0]", "venv", 0),
        ];
        let text = format!("hi\nremora-interpreters {{\"interpreters\":[{}],\"silent\":[]}}\n", rows.join(","));
        let paths: Vec<String> =
            read(&output(&text), "python3").unwrap().into_iter().map(|listed| listed.path).collect();
        assert_eq!(
            paths,
            ["/app/.venv", "/app/env", "/poetry", "/conda", "/p/3.13.0", "/p/3.9.1", "/usr/bin/python3", "/other"]
        );
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_with_its_words() {
        let error = read(&output("remora-interpreters {}\n"), "python3").unwrap_err();
        assert!(matches!(error, DebugError::NotPython { path, said } if path == "python3" && said == "Traceback"));
    }
}
