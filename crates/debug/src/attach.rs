//! Owns what can be attached to over there: the processes that run already, and what is in the way of one. Finds nothing
//! itself: `processes.py` does, in one round trip; and attaches to nothing.

use std::time::Duration;

use remora_agent::{Link, RunOutput, RunSpec};
use remora_model::RemotePort;
use serde::Deserialize;

use crate::error::DebugError;

/// Run by the agent's own interpreter. What stands in the way is looked for by the same text at the attempt.
const PROCESSES: &str = concat!(include_str!("../py/attach/obstacles.py"), include_str!("attach/processes.py"));

/// Stands for a program that listens by itself.
pub(crate) const HOLD: &str = include_str!("attach/hold.py");

/// Looking through `/proc` takes a fraction of a second; this is for one that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Before its answer.
const ANSWER: &str = "remora-processes ";

/// Before the reason of an attempt that failed, on its standard error.
const REFUSED: &str = "remora-refused ";

/// A Python process over there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Running {
    /// Its number there.
    pub pid: u32,
    /// Who runs it.
    pub user: String,
    /// Whether that is our login.
    pub own: bool,
    /// When it began, in seconds since 1970-01-01 UTC.
    pub started: u64,
    /// Its arguments.
    pub command: String,
    /// Of the language; nothing if it does not show.
    pub version: Option<(u8, u8)>,
    /// The interpreter's file; empty if it may not be seen.
    pub python: String,
    /// The TCP ports it listens on.
    pub listens: Vec<u16>,
    /// Who debugs it: `remora`, `debugpy:PORT`, or the name of a program.
    pub debugger: Option<String>,
}

/// What is in the way of attaching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// There is no such process (any more).
    Gone,
    /// It is another login's; about: whose.
    User,
    /// It sees another file system or other processes than we.
    Container,
    /// Another program traces it; about: which.
    Traced,
    /// It was stopped by a signal.
    Stopped,
    /// It runs PyPy.
    Pypy,
    /// It runs no Python that can be called.
    NotPython,
    /// Another processor or system than the way in is known for; about: which.
    Processor,
    /// The interpreter that the helper runs on has no `ctypes`.
    NoCtypes,
    /// A debugger has it; about: which.
    Debugged,
    /// It did not come by in time; about: how many seconds.
    Busy,
    /// `kernel.yama.ptrace_scope` is 1: descendants only.
    Yama1,
    /// It is 2: administrators only.
    Yama2,
    /// It is 3: nobody.
    Yama3,
    /// It has more rights than its login, or gave itself out as not to be looked into.
    Protected,
    /// The system forbids it for another reason, such as a container without the right to.
    Forbidden,
    /// Nobody listens on that port.
    PortClosed,
    /// Something that should not fail; about: what it said.
    Failed,
}

/// What is in the way of attaching.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Obstacle {
    /// Which kind.
    pub why: Why,
    /// What there is to say of it.
    pub about: String,
}

/// Who listens on a port for a debug client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Listener {
    /// The process that is debugged; nothing if we may not see it.
    pub(crate) pid: Option<u32>,
    pub(crate) version: Option<(u8, u8)>,
    pub(crate) python: String,
    /// Whether the process listens itself, as ptvsd does and debugpy does not.
    pub(crate) ptvsd: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Refused(Obstacle),
    Found(T),
}

/// The Python processes over there, the latest first: the login's, or with `all` everybody's. Our own are left out.
///
/// # Errors
/// The agent's, and [`DebugError::CannotAttach`] if it can't be looked.
pub async fn processes(link: &Link, all: bool) -> Result<Vec<Running>, DebugError> {
    let asked = if all { "all" } else { "own" };
    ask(link, &[asked]).await?.map_err(|obstacle| DebugError::CannotAttach { to: asked.to_owned(), obstacle })
}

/// What is to be known of a process before it is attached to.
pub(crate) async fn process(link: &Link, pid: u32) -> Result<Running, DebugError> {
    let found = ask(link, &["pid", &pid.to_string()]).await?;
    found.map_err(|obstacle| DebugError::CannotAttach { to: format!("process {pid}"), obstacle })
}

/// What is to be known of a port on which a program listens for its client.
pub(crate) async fn listener(link: &Link, port: RemotePort) -> Result<Listener, DebugError> {
    let found = ask(link, &["port", &port.to_string()]).await?;
    found.map_err(|obstacle| DebugError::CannotAttach { to: format!("port {port}"), obstacle })
}

/// What an attempt said that failed, if it was one.
pub(crate) fn refusal(pid: u32, stderr: &str) -> Option<DebugError> {
    let json = stderr.lines().rev().find_map(|line| line.strip_prefix(REFUSED))?;
    let obstacle = serde_json::from_str(json).ok()?;
    Some(DebugError::CannotAttach { to: format!("process {pid}"), obstacle })
}

async fn ask<T: serde::de::DeserializeOwned>(link: &Link, words: &[&str]) -> Result<Result<T, Obstacle>, DebugError> {
    let python = link.hello().executable.clone();
    let argv = [python.as_str(), "-I", "-"].iter().chain(words).map(|&word| word.to_owned()).collect();
    let spec = RunSpec { argv, stdin: PROCESSES.into(), timeout: Some(PATIENCE), ..RunSpec::default() };
    let output = link.run(spec).await?;
    Ok(match read(&output) {
        Some(Answer::Found(found)) => Ok(found),
        Some(Answer::Refused(obstacle)) => Err(obstacle),
        None => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Obstacle { why: Why::Failed, about: said.lines().last().unwrap_or_default().to_owned() })
        }
    })
}

fn read<T: serde::de::DeserializeOwned>(output: &RunOutput) -> Option<Answer<T>> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    stdout.lines().find_map(|line| serde_json::from_str(line.strip_prefix(ANSWER)?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_failed_attempt_is_its_last_word() {
        let said = "Warning: x\nremora-refused {\"why\": \"yama1\", \"about\": \"1\"}\n";
        let Some(DebugError::CannotAttach { to, obstacle }) = refusal(7, said) else { panic!("none is told") };
        assert_eq!((to.as_str(), obstacle), ("process 7", Obstacle { why: Why::Yama1, about: "1".into() }));
        assert!(refusal(7, "Traceback\nremora-refused {}\n").is_none());
    }
}
