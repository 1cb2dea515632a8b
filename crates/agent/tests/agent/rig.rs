//! Owns an agent behind a local `sh`, with a scratch root and home. Never leaves one behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use remora_agent::{
    AgentError, BootError, Change, ChangeKind, Expect, Link, OpErrorKind, Piece, PipeEnds, Stored, WriteSpec,
    boot_command,
};
use remora_model::{Digest, Mode, Mtime, RelPath, RemotePath};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

const PIECE: usize = 32 * 1024;

/// A link to an agent on this machine.
pub(crate) struct Rig {
    pub(crate) link: Link,
    pub(crate) root: RemotePath,
    pub(crate) child: Child,
    scratch: TempDir,
}

impl Rig {
    /// An agent on the interpreter that this machine's `PATH` finds first.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// The same, with a say in how the shell is started.
    pub(crate) async fn start_with(prepare: impl FnOnce(&mut Command, &Path)) -> Self {
        let scratch = scratch();
        let mut command = shell(scratch.path());
        prepare(&mut command, scratch.path());
        let (link, child) = open(&mut command, true).await;
        let root = remote(&scratch.path().join("root"));
        Self { link: link.expect("the agent starts"), root, child, scratch }
    }

    /// A path of this machine below the root.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join("root").join(name)
    }

    /// The scratch folder, in which `root` and `home` are.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Ends the agent in order, and checks that it did end.
    pub(crate) async fn end(mut self) {
        self.link.close().await;
        drop(self.link);
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// A folder with `root` and `home` in it.
pub(crate) fn scratch() -> TempDir {
    let scratch = tempfile::Builder::new().prefix("remora-test-").tempdir().unwrap();
    std::fs::create_dir(scratch.path().join("root")).unwrap();
    std::fs::create_dir(scratch.path().join("home")).unwrap();
    scratch
}

/// `sh` with the boot command.
pub(crate) fn shell(scratch: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(boot_command()).env("HOME", scratch.join("home")).env_remove("XDG_CACHE_HOME");
    command
}

/// Starts `command` and boots the agent over its pipes.
pub(crate) async fn open(command: &mut Command, rides: bool) -> (Result<Link, BootError>, Child) {
    let (child, reader, writer) = start(command);
    (Link::open(PipeEnds { reader, writer, rides }).await, child)
}

/// Starts `command` with both pipes.
pub(crate) fn start(command: &mut Command) -> (Child, ChildStdout, ChildStdin) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(false).spawn().unwrap();
    let (reader, writer) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (child, reader, writer)
}

/// The bytes as a source that is read to its end; without `end`, as one that breaks off.
pub(crate) fn pieces(bytes: &[u8], end: bool) -> mpsc::Receiver<Piece> {
    source(bytes, end.then(|| Piece::Whole(Digest::of(bytes))))
}

/// Bytes that say themselves how they end, as the instructions of a `rebuild` do.
pub(crate) fn instructions(bytes: &[u8]) -> mpsc::Receiver<Piece> {
    source(bytes, Some(Piece::End))
}

fn source(bytes: &[u8], end: Option<Piece>) -> mpsc::Receiver<Piece> {
    let (sender, receiver) = mpsc::channel(bytes.len() / PIECE + 2);
    let parts = bytes.chunks(PIECE).map(|part| Piece::Bytes(part.to_vec()));
    parts.chain(end).for_each(|piece| sender.try_send(piece).unwrap());
    receiver
}

pub(crate) fn remote(path: &Path) -> RemotePath {
    use std::os::unix::ffi::OsStrExt as _;
    RemotePath::new(path.as_os_str().as_bytes()).unwrap()
}

pub(crate) fn rel(name: impl AsRef<[u8]>) -> RelPath {
    RelPath::new(name.as_ref()).unwrap()
}

/// The kind of the operation's error.
pub(crate) fn kind<T: std::fmt::Debug>(result: Result<T, AgentError>) -> OpErrorKind {
    match result {
        Err(AgentError::Op(error)) => error.kind,
        other => panic!("an operation's error was expected: {other:?}"),
    }
}

/// Larger files are streamed.
const SMALL: usize = 1 << 20;

/// One change at a time, as the tests ask for them.
pub(crate) trait OneByOne {
    async fn one(&self, root: &RemotePath, path: &RelPath, kind: ChangeKind) -> Result<bool, AgentError>;

    async fn write(&self, root: &RemotePath, spec: WriteSpec, bytes: Vec<u8>) -> Result<Stored, AgentError>;

    async fn mkdir(&self, root: &RemotePath, path: &RelPath, mode: Mode) -> Result<bool, AgentError> {
        self.one(root, path, ChangeKind::Dir { mode }).await
    }

    async fn symlink(
        &self,
        root: &RemotePath,
        path: &RelPath,
        text: &[u8],
        expect: Expect,
    ) -> Result<bool, AgentError> {
        self.one(root, path, ChangeKind::Symlink { text: text.to_vec(), expect }).await
    }

    async fn set_meta(
        &self,
        root: &RemotePath,
        path: &RelPath,
        (mode, mtime): (Mode, Mtime),
        expect: Expect,
    ) -> Result<bool, AgentError> {
        self.one(root, path, ChangeKind::Meta { mode, mtime, expect }).await
    }

    async fn remove(&self, root: &RemotePath, path: &RelPath, expect: Expect) -> Result<bool, AgentError> {
        self.one(root, path, ChangeKind::Remove { expect }).await
    }
}

impl OneByOne for Link {
    async fn one(&self, root: &RemotePath, path: &RelPath, kind: ChangeKind) -> Result<bool, AgentError> {
        let done = self.apply(root, &[Change { path: path.clone(), kind }]).await?;
        Ok(done.into_iter().next().expect("one answer for one change")?)
    }

    async fn write(&self, root: &RemotePath, spec: WriteSpec, bytes: Vec<u8>) -> Result<Stored, AgentError> {
        if bytes.len() > SMALL {
            return self.write_from(root, spec, pieces(&bytes, true)).await;
        }
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        let WriteSpec { path, mode, mtime, expect, .. } = spec;
        self.one(root, &path, ChangeKind::Write { bytes, digest, mode, mtime, expect }).await?;
        Ok(Stored { digest, size, stamp: None })
    }
}
