//! Owns the question which lines of the remote files have code. The program's own interpreter answers it: what Python
//! makes code of differs from version to version. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use remora_agent::{Link, RunOutput, RunSpec};
use remora_model::RemotePath;
use serde::{Deserialize, Serialize};

use super::knowledge::hex_sha256;
use super::project::{File, Project};
use super::verdict::Sha256;
use crate::request::Request;

const PROGRAM: &str = include_str!("code.py");

/// An interpreter on a slow disk starts in a second or two; what takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found of a remote file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// Of the text that was compiled.
    pub(crate) sha256: Sha256,
    /// Its path there without links.
    pub(crate) real: String,
    /// The lines that have code, in order; nothing if Python does not take the text.
    pub(crate) lines: Option<Arc<[u32]>>,
}

/// Who can be asked: the program's interpreter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Compiler {
    /// What runs a program that comes on its standard input; the files follow.
    argv: Vec<String>,
    /// The variables by which it is found.
    env: BTreeMap<String, String>,
    /// The folder that it is asked in.
    cwd: RemotePath,
}

#[derive(Deserialize)]
struct Row {
    sha256: String,
    real: String,
    lines: Option<Vec<u32>>,
}

impl Compiler {
    /// The interpreter `python` of a request, behind what its program runs behind.
    pub(crate) fn of(request: &Request, python: &str) -> Self {
        let argv = request.prefix.before([python, "-E", "-s", "-S", "-"].map(String::from).into());
        let mut env = request.env.clone();
        env.retain(|name, _| !name.starts_with("PYTHON"));
        Self { argv, env, cwd: request.remote_root.clone() }
    }

    /// Asks the interpreter of a process that runs already.
    pub(crate) fn of_running(request: &Request, python: String) -> Self {
        let argv = [python].into_iter().chain(["-E", "-s", "-S", "-"].map(String::from)).collect();
        Self { argv, env: BTreeMap::new(), cwd: request.remote_root.clone() }
    }

    /// What there is to know of these files; those of which nothing is are left out.
    pub(super) async fn look(&self, link: &Link, project: &Project, files: &[File]) -> Vec<(File, Code)> {
        let mut argv = self.argv.clone();
        argv.extend(files.iter().map(|file| project.there(file).to_string()));
        let (cwd, env, timeout) = (Some(self.cwd.clone()), self.env.clone(), Some(PATIENCE));
        let output = link.run(RunSpec { argv, cwd, env, stdin: PROGRAM.into(), timeout }).await;
        let rows = output.map(|output| read(&output)).unwrap_or_default();
        let found = files.iter().cloned().zip(rows);
        found.filter_map(|(file, code)| Some((file, code?))).collect()
    }
}

fn read(output: &RunOutput) -> Vec<Option<Code>> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let rows = stdout.lines().filter_map(|line| line.strip_prefix("remora-code "));
    let rows = rows.filter_map(|json| serde_json::from_str::<Vec<Option<Row>>>(json).ok()).next().unwrap_or_default();
    let code = |row: Row| {
        let lines = row.lines.map(Into::into);
        Some(Code { sha256: hex_sha256(&row.sha256)?, real: row.real, lines })
    };
    rows.into_iter().map(|row| row.and_then(code)).collect()
}

#[cfg(test)]
mod tests {
    use remora_agent::Exit;

    use super::*;

    #[test]
    fn an_answer_is_found_behind_noise_and_what_is_none_says_nothing() {
        let told = |text: String| read(&RunOutput { exit: Exit::Code(0), stdout: text.into(), stderr: Vec::new() });
        let sum = "11".repeat(32);
        let row = format!(r#"{{"sha256": "{sum}", "real": "/a.py", "lines": [1, 3]}}"#);
        let code = Code { sha256: [0x11; 32], real: "/a.py".into(), lines: Some([1, 3].into()) };
        assert_eq!(told(format!("hello\nremora-code [{row}, null]\n")), [Some(code), None]);
        assert_eq!(told("remora-code [1\n".into()), []);
        assert_eq!(told(String::new()), []);
    }
}
