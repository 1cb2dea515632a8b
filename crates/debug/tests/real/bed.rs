//! Owns what every test needs: an agent, a project on "both sides", interpreters, a census.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use remora_agent::{Link, PipeEnds, boot_command};
use remora_debug::dap::Client;
use remora_debug::{DebugError, Endpoint, Exposed, Listen, Mapping, Program, Request, Session, SessionEvent, start};
use remora_model::{Debugger, LocalPath, Prefix, RemotePath};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// Longer than any step of a test takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An agent with a home and a temporary folder of its own, and a project.
pub(crate) struct Bed {
    pub(crate) link: Link,
    agent: Child,
    folder: TempDir,
}

/// Holds back what goes to the remote while it is shut.
#[derive(Clone)]
pub(crate) struct Valve(watch::Sender<bool>);

impl Default for Valve {
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Valve {
    pub(crate) fn shut(&self) {
        self.0.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    /// What is written to the near end comes out at `writer`.
    fn before(&self, mut writer: ChildStdin) -> DuplexStream {
        let (near, mut far) = tokio::io::duplex(64 * 1024);
        let mut is_open = self.0.subscribe();
        tokio::spawn(async move {
            let mut portion = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = far.read(&mut portion).await {
                // Ends with its bed.
                if is_open.wait_for(|open| *open).await.is_err() || writer.write_all(&portion[..count]).await.is_err() {
                    break;
                }
            }
        });
        near
    }
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::behind(&Valve::default()).await
    }

    /// What goes to its agent goes through `valve`.
    pub(crate) async fn behind(valve: &Valve) -> Self {
        let folder = tempfile::Builder::new().prefix("bed").tempdir_in("/tmp").unwrap();
        for name in ["home", "tmp", "there", "here"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        // As a login's own folder is; the agent takes no other for its private ones.
        std::fs::set_permissions(folder.path().join("tmp"), std::fs::Permissions::from_mode(0o700)).unwrap();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, folder.path().join("there").join(path.file_name().unwrap())).unwrap();
            }
        }
        let (agent, link) = boot(folder.path(), valve).await;
        Self { link, agent, folder }
    }

    /// Ends the agent as a power cut would, and the link with it; another one takes its place.
    pub(crate) async fn cut(&mut self) {
        let pid = i32::try_from(self.link.hello().pid).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        self.link.lost().await;
        (self.agent, self.link) = boot(self.folder.path(), &Valve::default()).await;
    }

    pub(crate) fn there(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    /// A path of the local copy (which need not exist: the debugger never sees it).
    pub(crate) fn here(&self, name: &str) -> String {
        self.folder.path().join("here").join(name).display().to_string()
    }

    pub(crate) fn request(&self, python: &Path, file: &str) -> Request {
        Request {
            program: Program::File(file.into()),
            args: Vec::new(),
            cwd: None,
            env: BTreeMap::new(),
            python: Some(python.display().to_string()),
            prefix: Prefix::default(),
            debugger: Debugger::Auto,
            in_code: false,
            just_my_code: true,
            sub_process: true,
            remote_root: RemotePath::new(self.there().display().to_string()).unwrap(),
            mappings: vec![Mapping {
                local_root: LocalPath::new(self.folder.path().join("here")).unwrap(),
                remote_root: RemotePath::new(self.there().display().to_string()).unwrap(),
            }],
            name: "Remora: test".into(),
            listen: Listen::Port { host: [127, 0, 0, 1].into(), port: 0, exact: false },
            exposed: Exposed::No,
            terminal: None,
            foresight: true,
            other_account: false,
            words: |notice| format!("{notice:?}"),
            detach: None,
        }
    }

    pub(crate) async fn start(&self, request: Request) -> Result<Run, DebugError> {
        let (sender, events) = mpsc::unbounded_channel();
        let session = timeout(PATIENCE, start(&self.link, request, sender)).await.expect("a start in time")?;
        Ok(Run { session, events })
    }

    /// What is left of us there: processes of this bed, and private folders.
    pub(crate) fn census(&self) -> Vec<String> {
        let mark = format!("REMORA_RUN={}", self.folder.path().display());
        let mut left: Vec<String> = processes()
            .filter(|pid| {
                std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|env| contains(&env, mark.as_bytes()))
            })
            .map(|pid| {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                format!("process {pid}: {}", String::from_utf8_lossy(&line).replace('\0', " "))
            })
            .collect();
        let mut folders = vec![self.folder.path().join("tmp")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                left.push(entry.path().display().to_string());
            }
        }
        left
    }

    /// Where the agent makes its private folders.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }
}

/// An agent with its home and its temporary folder below `folder`.
async fn boot(folder: &Path, valve: &Valve) -> (Child, Link) {
    let mut agent = Command::new("sh")
        .args(["-c", boot_command()])
        .env("HOME", folder.join("home"))
        .env("TMPDIR", folder.join("tmp"))
        // Shared, as a remote's cache is: the first start pushes, the others find it there.
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("XDG_RUNTIME_DIR", folder.join("tmp"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (reader, writer) = (agent.stdout.take().unwrap(), valve.before(agent.stdin.take().unwrap()));
    let link = timeout(PATIENCE, Link::open(PipeEnds { reader, writer, rides: true })).await.unwrap().unwrap();
    (agent, link)
}

/// A session and its events.
pub(crate) struct Run {
    pub(crate) session: Session,
    pub(crate) events: mpsc::UnboundedReceiver<SessionEvent>,
}

impl Run {
    /// The port that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        match self.session.endpoint() {
            Endpoint::Port(address) => *address,
            other => panic!("listens on {other:?}"),
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address()).await.unwrap()
    }

    /// The output until the end, and the last event.
    pub(crate) async fn end(&mut self) -> (String, SessionEvent) {
        let mut output = Vec::new();
        loop {
            match timeout(PATIENCE, self.events.recv()).await.expect("an event in time") {
                Some(SessionEvent::Output { data, .. }) => output.extend(data),
                Some(last @ (SessionEvent::Exited(_) | SessionEvent::Lost(_))) => {
                    return (String::from_utf8_lossy(&output).into_owned(), last);
                }
                Some(_) => {}
                None => panic!("no last event; output so far: {}", String::from_utf8_lossy(&output)),
            }
        }
    }
}

pub(crate) fn processes() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
