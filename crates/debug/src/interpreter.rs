//! Owns which interpreter runs the program, and what is asked of it beforehand.

mod listing;

use std::collections::BTreeMap;
use std::time::Duration;

use remora_agent::{AgentError, Exit, Link, OpErrorKind, RunOutput, RunSpec};
use remora_model::{Prefix, RemotePath};
use serde::Deserialize;

use crate::error::DebugError;
pub use listing::{EnvironmentKind, Listed, list};

/// An interpreter on the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// How it is called: the path as named or found (not resolved: a virtual environment's link stays).
    pub path: String,
    /// Its language version.
    pub version: (u8, u8, u8),
    /// Such as `CPython` or `PyPy`.
    pub implementation: String,
    /// Its `sys.prefix`.
    pub prefix: String,
    /// Whether it belongs to a virtual environment.
    pub venv: bool,
}

/// What [`probe`] finds out in one round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    pub(crate) interpreter: Interpreter,
    /// The login's `PYTHONPATH`; may be empty.
    pub(crate) pythonpath: String,
    /// Whether the file is one.
    pub(crate) is_file: bool,
    /// Whether the working directory is one.
    pub(crate) is_dir: bool,
    /// Whether the module can be found.
    pub(crate) is_module: bool,
}

/// Which interpreter is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// A path or name; without it, one is looked for.
    pub python: Option<&'a str>,
    /// What it runs behind.
    pub prefix: &'a Prefix,
    /// The program's own variables: by its `PATH` a bare name is looked up when it is started. What they tell
    /// Python is not for the probe.
    pub env: &'a BTreeMap<String, String>,
}

/// What [`probe`] is to look at beside the interpreter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) file: &'a str,
    pub(crate) dir: &'a str,
    /// Empty for none.
    pub(crate) module: &'a str,
}

/// Where an interpreter is looked for, in this order, below the remote root and then in `PATH`.
const CANDIDATES: [&str; 5] = [".venv/bin/python", "venv/bin/python", "env/bin/python", "python3", "python"];

/// Where it is looked for behind a prefix, which says by `PATH` what it means: a conda environment with an old Python
/// has no `python3`, and the system's would be found.
const ACTIVATED: [&str; 2] = ["python", "python3"];

/// An interpreter on a slow disk needs a second or two; one that hangs is not going to run the program.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// A prefix may fetch an environment before it runs anything, as `uv run` does.
const PREFIXED_TIMEOUT: Duration = Duration::from_secs(600);

/// What is printed first, so that a prefix which runs nothing is told from an interpreter that is none.
const BEHIND: &str = "remora-behind";

/// Tries each interpreter named from the sixth argument on, until one answers. 126: it is there but does not
/// answer; 127: none is there.
const SHELL: &str = r#"echo remora-behind; probe=$1 file=$2 dir=$3 module=$4 path=$5; shift 5; status=127
for python do
  command -v "$python" >/dev/null 2>&1 || continue
  status=126
  "$python" -c "$probe" "$python" "$file" "$dir" "$module" "$path" && exit 0
done
exit $status"#;

/// Runs on any Python since 2.5. The mark tells its line from what a `sitecustomize` prints. It runs in the
/// project's folder, where a `json.py` or `platform.py` must not be taken for the library's.
const PROBE: &str = r#"import sys
sys.path[:] = [part for part in sys.path if part]
import json, os, platform
def is_module(name, place, path):
    sys.path[:0] = [place] + [os.path.join(place, part) for part in path.split(os.pathsep) if part]
    try:
        from importlib.util import find_spec
    except ImportError:
        from pkgutil import find_loader as find_spec
    try:
        return find_spec(name) is not None
    except Exception:
        return True
print("remora-probe " + json.dumps({
    "path": sys.argv[1],
    "version": sys.version_info[:3],
    "implementation": platform.python_implementation(),
    "prefix": sys.prefix,
    "venv": hasattr(sys, "real_prefix") or getattr(sys, "base_prefix", sys.prefix) != sys.prefix,
    "pythonpath": os.environ.get("PYTHONPATH", ""),
    "is_file": os.path.isfile(sys.argv[2]),
    "is_dir": os.path.isdir(sys.argv[3]),
    "is_module": not sys.argv[4] or is_module(sys.argv[4].split(".")[0], sys.argv[3], sys.argv[5]),
}))"#;

/// How much of a stranger's words is kept for the error.
const SAID: usize = 300;

/// The interpreter that is named, or else the one found.
///
/// # Errors
/// [`DebugError::InterpreterMissing`], [`DebugError::NotPython`], [`DebugError::NoInterpreter`],
/// [`DebugError::PrefixFailed`] or the agent's.
pub async fn find(link: &Link, remote_root: &RemotePath, wanted: Wanted<'_>) -> Result<Interpreter, DebugError> {
    let look = Look { file: "", dir: "", module: "" };
    Ok(probe(link, remote_root, wanted, look).await?.interpreter)
}

/// As [`find`], and looks at what a start needs in the same round trip.
pub(crate) async fn probe(
    link: &Link,
    remote_root: &RemotePath,
    wanted: Wanted<'_>,
    look: Look<'_>,
) -> Result<Probed, DebugError> {
    let home = link.hello().home.to_string();
    let Wanted { python, prefix, env } = wanted;
    let named = match python {
        Some(python) => vec![absolute(python, remote_root, &home)],
        None if !prefix.is_empty() => ACTIVATED.map(String::from).into(),
        None => CANDIDATES.iter().map(|candidate| absolute(candidate, remote_root, &home)).collect(),
    };
    let path = env.get("PYTHONPATH").map_or("", String::as_str);
    let asked = ["sh", "-c", SHELL, "sh", PROBE, look.file, look.dir, look.module, path];
    let mut argv: Vec<String> = asked.map(String::from).into();
    argv.extend(named.iter().cloned());
    let mut env = env.clone();
    env.retain(|name, _| !name.starts_with("PYTHON"));
    let timeout = Some(if prefix.is_empty() { PROBE_TIMEOUT } else { PREFIXED_TIMEOUT });
    let spec =
        RunSpec { argv: prefix.before(argv), cwd: Some(remote_root.clone()), env, timeout, ..RunSpec::default() };
    let prefix_failed = |said| Err(DebugError::PrefixFailed { prefix: prefix.to_string(), said });
    match link.run(spec).await {
        Ok(output) if !prefix.is_empty() && !has_line(&output, BEHIND) => prefix_failed(said(&output)),
        Ok(output) => read(&output, python, named),
        Err(AgentError::Op(error))
            if !prefix.is_empty() && matches!(error.kind, OpErrorKind::NotFound | OpErrorKind::TimedOut) =>
        {
            prefix_failed(error.message)
        }
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::TimedOut => {
            let path = python.unwrap_or("python").to_owned();
            Err(DebugError::NotPython { path, said: error.message })
        }
        Err(error) => Err(error.into()),
    }
}

/// A path below the root as an absolute one, without resolving links; a bare name stays, for `PATH`.
fn absolute(named: &str, remote_root: &RemotePath, home: &str) -> String {
    if let Some(rest) = named.strip_prefix("~/") {
        return format!("{}/{rest}", home.trim_end_matches('/'));
    }
    if named.starts_with('/') || !named.contains('/') {
        return named.to_owned();
    }
    format!("{}/{named}", remote_root.to_string().trim_end_matches('/'))
}

#[derive(Deserialize)]
struct Answer {
    path: String,
    version: (u8, u8, u8),
    implementation: String,
    prefix: String,
    venv: bool,
    pythonpath: String,
    is_file: bool,
    is_dir: bool,
    is_module: bool,
}

/// Reads what the probe printed.
fn read(output: &RunOutput, wanted: Option<&str>, tried: Vec<String>) -> Result<Probed, DebugError> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answer = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("remora-probe "))
        .find_map(|json| serde_json::from_str::<Answer>(json).ok());
    if let Some(answer) = answer {
        let Answer { path, version, implementation, prefix, venv, pythonpath, is_file, is_dir, is_module } = answer;
        let interpreter = Interpreter { path, version, implementation, prefix, venv };
        return Ok(Probed { interpreter, pythonpath, is_file, is_dir, is_module });
    }
    match (wanted, output.exit) {
        (Some(wanted), Exit::Code(127)) => Err(DebugError::InterpreterMissing { path: wanted.to_owned() }),
        (Some(wanted), _) => Err(DebugError::NotPython { path: wanted.to_owned(), said: said(output) }),
        (None, _) => Err(DebugError::NoInterpreter { tried }),
    }
}

fn has_line(output: &RunOutput, line: &str) -> bool {
    String::from_utf8_lossy(&output.stdout).lines().any(|said| said == line)
}

fn said(output: &RunOutput) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).replacen(BEHIND, "", 1);
    let text = if stderr.trim().is_empty() { stdout.as_str() } else { &stderr };
    text.trim().chars().take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(code: i32, stdout: &str, stderr: &str) -> RunOutput {
        RunOutput { exit: Exit::Code(code), stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn a_named_interpreter_is_below_the_root_or_the_home_or_in_path() {
        let root = RemotePath::new("/srv/app").unwrap();
        for (named, expected) in [
            ("python3", "python3"),
            ("/usr/bin/python3", "/usr/bin/python3"),
            (".venv/bin/python", "/srv/app/.venv/bin/python"),
            ("~/v/bin/python", "/home/me/v/bin/python"),
        ] {
            assert_eq!(absolute(named, &root, "/home/me/"), expected);
        }
    }

    #[test]
    fn the_answer_is_found_behind_noise() {
        let json = r#"{"path":"/p","version":[3,12,1],"implementation":"CPython","prefix":"/usr","venv":false,"pythonpath":"","is_file":true,"is_dir":true,"is_module":true}"#;
        let probed = read(&output(0, &format!("hello from sitecustomize\nremora-probe {json}\n"), ""), None, vec![]);
        assert_eq!(probed.unwrap().interpreter.version, (3, 12, 1));
    }

    #[test]
    fn what_is_missing_and_what_is_no_python_are_told_apart() {
        let missing = read(&output(127, "", ""), Some("python9"), vec![]);
        assert!(matches!(missing, Err(DebugError::InterpreterMissing { path }) if path == "python9"));
        let other = read(&output(126, "", "ls: invalid option -- c\n"), Some("/bin/ls"), vec![]);
        assert!(matches!(other, Err(DebugError::NotPython { said, .. }) if said == "ls: invalid option -- c"));
        let none = read(&output(127, "", ""), None, vec!["python3".into()]);
        assert!(matches!(none, Err(DebugError::NoInterpreter { tried }) if tried == ["python3"]));
    }
}
