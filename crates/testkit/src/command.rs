//! Runs the `remora` program as a user would: with a home of its own, reading its JSON lines.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// No step of a story takes longer, also on a busy machine; a story that hangs should end with a
/// message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user: a program and a home.
pub struct User {
    binary: PathBuf,
    home: TempDir,
    environment: Vec<(String, String)>,
}

impl User {
    /// A user with an empty home.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let home = TempDir::new().expect("a temporary folder can be made");
        make_private(&crate::census::runtime_folder(home.path()));
        Self { binary: binary.into(), home, environment: Vec::new() }
    }

    /// Adds an environment variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// The home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts `remora` with these arguments.
    pub fn start<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        let mut command = Command::new(&self.binary);
        command.args(args).env("HOME", self.home()).env_remove("XDG_CACHE_HOME");
        command.env("XDG_RUNTIME_DIR", crate::census::runtime_folder(self.home()));
        command.env_remove("SSH_AUTH_SOCK").env_remove("SSH_ASKPASS").env("RUST_BACKTRACE", "0");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        let stdout = child.stdout.take().expect("invariant: stdout is piped");
        Running { child, lines: BufReader::new(stdout).lines(), seen: Vec::new() }
    }

    /// Runs `remora` to its end with an empty standard input.
    pub async fn run<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        let mut running = self.start(args);
        drop(running.child.stdin.take());
        running.end().await
    }
}

/// A `remora` that runs.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

/// A `remora` that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// The JSON lines of its standard output that had not been read.
    pub events: Vec<Value>,
    /// Its standard output, as far as it was no JSON.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// The only event of this name.
    #[must_use]
    pub fn event(&self, name: &str) -> &Value {
        let mut found = self.events.iter().filter(|event| event["event"] == name);
        match (found.next(), found.next()) {
            (Some(event), None) => event,
            (first, _) => panic!("{} {name:?} in {self:#?}", if first.is_some() { "more than one" } else { "no" }),
        }
    }

    /// The joined data of the program's output.
    #[must_use]
    pub fn output(&self, stream: &str) -> String {
        let pieces = self.events.iter().filter(|event| event["event"] == "output" && event["stream"] == stream);
        pieces.filter_map(|event| event["data"].as_str()).collect()
    }
}

impl Running {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it still runs")).expect("invariant: a pid fits")
    }

    /// Waits for the next event of this name; what came before it is kept.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            let Some(event) = self.next().await else {
                let mut stderr = String::new();
                if let Some(mut pipe) = self.child.stderr.take() {
                    let _ = pipe.read_to_string(&mut stderr).await;
                }
                panic!("it ended without {name:?}; before: {:#?}; stderr: {stderr}", self.seen);
            };
            if event["event"] == name {
                return event;
            }
            self.seen.push(event);
        }
    }

    /// Waits until the program's output, which comes in pieces, holds this text.
    pub async fn output(&mut self, text: &str) {
        let mut output = String::new();
        while !output.contains(text) {
            output += self.event("output").await["data"].as_str().expect("output is text");
        }
    }

    /// What was read on the way to the events that were waited for.
    #[must_use]
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Writes to its standard input.
    pub async fn write(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("standard input is open");
        stdin.write_all(text.as_bytes()).await.expect("it reads");
        stdin.flush().await.expect("it reads");
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid()).expect("invariant: a pid is not 0");
        rustix::process::kill_process(pid, signal).expect("it still runs");
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Ended {
        let (mut events, mut stdout, mut stderr) = (self.seen, String::new(), String::new());
        let mut pipe = self.child.stderr.take().expect("invariant: stderr is piped");
        let read = async {
            while let Ok(Some(line)) = self.lines.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(event) => events.push(event),
                    Err(_) => stdout.push_str(&(line + "\n")),
                }
            }
        };
        let all = async { tokio::join!(read, pipe.read_to_string(&mut stderr)) };
        tokio::time::timeout(PATIENCE, all).await.expect("it closes its output in time").1.expect("stderr is text");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time");
        Ended { status: status.expect("it can be waited for"), events, stdout, stderr }
    }

    async fn next(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("nothing came in time; before: {:#?}", self.seen));
        let line = line.expect("standard output is text")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}")))
    }
}

fn make_private(folder: &Path) {
    std::fs::create_dir(folder).expect("a folder can be made in a new one");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, private).expect("our own folder can be made private");
    }
}
