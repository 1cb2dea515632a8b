//! Owns a local folder, a remote folder with a real agent beside it, and a mirror between them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use remora_agent::{Link, PipeEnds, TrashLimits, boot_command};
use remora_mirror::{Barrier, Blocked, Config, Mirror, Notice, RemovalLimits, start};
use remora_model::{LocalPath, Policy, RelPath};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Long enough for a busy machine; reaching it is a failure, never a success.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Pair {
    pub local: TempDir,
    pub remote: TempDir,
    /// Home of the agent, and the place of the index.
    pub home: TempDir,
    /// Changes to the usual configuration.
    pub configure: fn(&mut Config),
    /// The login of the agent, where it is another than ours.
    pub login: Option<u32>,
}

/// A mirror that runs, and its agent.
pub struct Running {
    pub mirror: Mirror,
    pub notices: mpsc::UnboundedReceiver<Notice>,
    pub agent: Option<Agent>,
    /// All notices so far.
    pub heard: Vec<Notice>,
}

/// An agent that runs.
pub struct Agent {
    pub link: Link,
    /// Bytes that went to it.
    pub sent: Arc<AtomicU64>,
    _child: Child,
    pipe: JoinSet<()>,
}

impl Agent {
    /// Cuts the pipe; returns when the link has seen it.
    pub async fn cut(mut self) {
        self.pipe.shutdown().await;
        timeout(PATIENCE, self.link.lost()).await.unwrap();
    }
}

/// What a test needs to know of one name: its kind, bytes, mode and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    File { bytes: Vec<u8>, mode: u32, mtime: (i64, i64) },
    Link(Vec<u8>),
    Dir,
}

pub fn rel(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

impl Pair {
    pub fn new() -> Self {
        let dir = || tempfile::tempdir().unwrap();
        Self { local: dir(), remote: dir(), home: dir(), configure: |_| {}, login: None }
    }

    pub fn config(&self) -> Config {
        let mut config = Config {
            local_root: LocalPath::new(self.local.path()).unwrap(),
            remote_root: self.remote.path().to_str().unwrap().to_owned(),
            create_root: false,
            above: Vec::new(),
            policy: Policy { max_file_megabytes: 0, ..Policy::default() },
            index_file: Some(self.home.path().join("index")),
            overwrite: false,
            watch: false,
            removals: RemovalLimits::default(),
            trash: TrashLimits { seconds: 3600, bytes: 1 << 30, entries: 5000 },
            emptied: false,
        };
        (self.configure)(&mut config);
        config
    }

    /// Starts a mirror without a link.
    pub fn start(&self) -> Running {
        let (tell, notices) = mpsc::unbounded_channel();
        let mirror = start(self.config(), tell).unwrap();
        Running { mirror, notices, agent: None, heard: Vec::new() }
    }

    /// Starts a mirror, connects it and waits for the initial upload.
    pub async fn mirrored(&self) -> Running {
        let mut running = self.start();
        running.connect(self).await;
        running.batch().await;
        running
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        put(self.local.path(), name, bytes.as_ref())
    }

    pub fn write_there(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        put(self.remote.path(), name, bytes.as_ref())
    }

    pub fn here(&self, name: &str) -> PathBuf {
        self.local.path().join(name)
    }

    pub fn there(&self, name: &str) -> PathBuf {
        self.remote.path().join(name)
    }

    /// The remote file's text.
    pub fn text_there(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.there(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
            .into_owned()
    }

    pub fn is_there(&self, name: &str) -> bool {
        self.there(name).symlink_metadata().is_ok()
    }

    /// Fails unless both trees are the same, byte for byte.
    pub fn assert_same(&self) {
        let (here, there) = (tree(self.local.path()), tree(self.remote.path()));
        for (path, found) in &here {
            assert_eq!(there.get(path), Some(found), "{}", path.display());
        }
        for path in there.keys() {
            assert!(here.contains_key(path), "{} should not be there", path.display());
        }
    }

    /// Starts an agent for this pair.
    pub async fn agent(&self) -> Agent {
        let mut shell = Command::new("sh");
        if let Some(login) = self.login {
            shell.uid(login);
        }
        let mut child = shell
            .arg("-c")
            .arg(boot_command())
            .env("HOME", self.home.path())
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .env("XDG_RUNTIME_DIR", self.home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut stdout, mut stdin) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        let (reader, mut to_reader) = tokio::io::duplex(1 << 20);
        let (writer, mut from_writer) = tokio::io::duplex(1 << 20);
        let mut pipe = JoinSet::new();
        pipe.spawn(async move { drop(tokio::io::copy(&mut stdout, &mut to_reader).await) });
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        pipe.spawn(async move {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(size @ 1..) = from_writer.read(&mut bytes).await {
                count.fetch_add(size as u64, Ordering::Relaxed);
                if stdin.write_all(&bytes[..size]).await.is_err() {
                    break;
                }
            }
        });
        let link = timeout(PATIENCE, Link::open(PipeEnds { reader, writer, rides: true })).await.unwrap().unwrap();
        Agent { link, sent, _child: child, pipe }
    }
}

impl Running {
    pub async fn connect(&mut self, pair: &Pair) {
        let agent = pair.agent().await;
        self.mirror.link_up(agent.link.clone());
        self.agent = Some(agent);
    }

    /// The next notice that `pick` wants; all others are kept in `heard`.
    pub async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Notice) -> Option<T>) -> T {
        let wait = async {
            loop {
                let notice = self.notices.recv().await.expect("the mirror lives");
                let picked = pick(&notice);
                self.heard.push(notice);
                if let Some(picked) = picked {
                    return picked;
                }
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(picked) => picked,
            Err(_) => panic!("waited in vain for {what}; heard {:#?}\n{:#?}", self.heard, self.mirror.status()),
        }
    }

    /// Waits for the next complete batch: files and paths.
    pub async fn batch(&mut self) -> (u64, u64, Vec<String>) {
        self.until("a batch", |notice| match notice {
            Notice::Mirrored { files, bytes, paths, .. } => {
                Some((*files, *bytes, paths.iter().map(ToString::to_string).collect()))
            }
            _ => None,
        })
        .await
    }

    /// Saves as an editor without a watcher would, and waits until it is there.
    pub async fn save(&mut self, pair: &Pair, name: &str, bytes: impl AsRef<[u8]>) {
        let path = pair.write(name, bytes);
        self.mirror.saved(&path);
        self.batch().await;
    }

    pub async fn barrier(&self) -> Result<Barrier, Blocked> {
        match timeout(PATIENCE, self.mirror.barrier()).await {
            Ok(answer) => answer,
            Err(_) => panic!("the barrier stays open; heard {:#?}\n{:#?}", self.heard, self.mirror.status()),
        }
    }

    /// Compares everything and waits for the end.
    pub async fn rescan(&mut self) -> (u64, u64, Vec<String>) {
        while let Ok(notice) = self.notices.try_recv() {
            self.heard.push(notice);
        }
        self.mirror.rescan();
        self.batch().await
    }
}

pub fn put(root: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let place = root.join(name);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, bytes).unwrap();
    place
}

/// Everything below `root`, except what is always left out.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, Found> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let path = entry.path();
            let what = if metadata.is_symlink() {
                Found::Link(fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
            } else if metadata.is_dir() {
                open.push(path.clone());
                Found::Dir
            } else {
                let mtime = (metadata.mtime(), metadata.mtime_nsec());
                Found::File { bytes: fs::read(&path).unwrap(), mode: metadata.mode() & 0o7777, mtime }
            };
            found.insert(path.strip_prefix(root).unwrap().to_owned(), what);
        }
    }
    found
}
