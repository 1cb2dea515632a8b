//! Owns one live conversation with an agent: its tasks, its requests, its end.

mod answer;
mod apply;
mod claim;
mod held;
mod open;
mod rebuild;
mod survey;
mod trash;
mod upload;

use std::sync::Arc;

use remora_model::{Digest, RelPath, RemotePath, RemotePort};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::boot;
use crate::conversation::{Command, Commands, Incoming, Live, Outgoing, Reply};
use crate::error::{AgentError, BootError, LostReason, OpError};
use crate::ops::{
    Address, Change, Hello, Piece, ReadFile, RootInfo, RunDirId, RunOutput, RunSpec, SpawnSpec, Stored, Surveyed,
    WriteSpec,
};
use crate::process::{Process, RunDir};
use crate::stream::{Credit, Hold, Stream};

pub use rebuild::Recipe;

/// The command that starts the agent: for a POSIX shell, one line, without `'`, `!` or `\`, so that
/// `exec sh -c 'COMMAND'` means the same to sh, bash, zsh, fish and tcsh.
#[must_use]
pub fn boot_command() -> &'static str {
    &boot::COMMAND
}

/// The two ends of a byte pipe on which [`boot_command`] has been started.
pub struct PipeEnds<R, W> {
    /// What comes from there; noise may come first.
    pub reader: R,
    /// What goes there.
    pub writer: W,
    /// Whether bytes may follow the command at once. When the command itself went through the standard
    /// input of a shell, the shell may have read ahead: then the source waits for the boot's first word.
    pub rides: bool,
}

/// A live conversation with an agent. Clones share it; when the last is dropped, it ends.
#[derive(Clone)]
pub struct Link {
    owner: Arc<Owner>,
}

/// What the clones of a link share.
struct Owner {
    hello: Hello,
    commands: Commands,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.commands.send(Command::Close);
    }
}

/// The near end of a new stream.
struct NewStream {
    hold: Arc<Hold>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    credit: Arc<Credit>,
}

impl Link {
    /// Sends the agent over `pipe`, waits for its greeting, and keeps the conversation going.
    ///
    /// # Errors
    /// [`BootError`].
    pub async fn open<R, W>(pipe: PipeEnds<R, W>) -> Result<Self, BootError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        open::open(pipe).await
    }

    /// What the agent said of itself.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.owner.hello
    }

    /// Waits until the conversation ends, and says why. Cancel-safe.
    pub async fn lost(&self) -> LostReason {
        self.owner.commands.lost().await
    }

    /// Ends it in order: the agent ends all it started, removes its folders, and exits.
    pub async fn close(&self) {
        self.owner.commands.send(Command::Close);
        self.lost().await;
    }

    /// Looks at a remote root; `~` and `~/…` are understood. With `create`, a missing last part is made,
    /// and below the home directory all missing parts.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn root(&self, path: &str, create: bool) -> Result<RootInfo, AgentError> {
        let reply = self.ask(json!({"op": "root", "path": path, "create": create})).await?;
        answer::whole(reply)
    }

    /// What stands under each of `paths`, in their order, in one round trip.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn survey(&self, root: &RemotePath, paths: &[RelPath]) -> Result<Vec<Surveyed>, AgentError> {
        let blocks = self.survey_against(root, (paths, &[]), true).await?;
        let found: Vec<Surveyed> = blocks.into_iter().flat_map(|(_, block)| block).collect();
        if found.len() == paths.len() { Ok(found) } else { Err(answer::unfit()) }
    }

    /// What stands under `paths` where that is not what is `believed` (as many elements, in the same order; or
    /// none): runs of paths, each by the number of its first. In one round trip if the agent knows the list of
    /// paths from before, else in two. With `tidy`, temporary files that dead agents left are removed from the
    /// directories on the way.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn survey_against(
        &self,
        root: &RemotePath,
        (paths, believed): (&[RelPath], &[Surveyed]),
        tidy: bool,
    ) -> Result<Vec<(usize, Vec<Surveyed>)>, AgentError> {
        let question = survey::Question::new(paths, believed);
        let ask = async |known| {
            let (head, body) = question.request(root, (tidy, known));
            self.request(head, Outgoing::Control(body)).await
        };
        let mut reply = ask(question.may_be_known()).await?;
        if survey::is_unknown(&reply) {
            reply = ask(false).await?;
        }
        survey::answer(&reply, paths.len())
    }

    /// The digest of the file (or link text) under each of `paths`, in their order; nothing where there is
    /// none or it can't be read. In one round trip.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn digests(&self, root: &RemotePath, paths: &[RelPath]) -> Result<Vec<Option<Digest>>, AgentError> {
        let head = json!({"op": "digests", "root": root});
        let reply = self.request(head, Outgoing::Control(answer::listed(paths))).await?;
        answer::digests(&reply, paths.len())
    }

    /// Makes small changes, in one round trip: whatever takes time is prepared, then all are put in place in one
    /// go, in their order. What came of each: whether anything had to be changed, or why it could not be (the
    /// others are made all the same). Several packs may be under way; they are done in the order of the calls'
    /// first poll.
    ///
    /// # Errors
    /// [`AgentError`], when nothing is known of any of them.
    pub async fn apply(&self, root: &RemotePath, changes: &[Change]) -> Result<Vec<Result<bool, OpError>>, AgentError> {
        let compress = self.owner.commands.is_line_slow();
        let (head, body) = apply::request(root, apply::encode(changes), compress);
        let touched = apply::touched(root, changes);
        let reply = self.request(head, Outgoing::Change(body, touched)).await?;
        apply::answer(&reply, changes.len())
    }

    /// Replaces one file atomically by exactly `spec.size` bytes from `pieces`, in one round trip. Changes that
    /// concern neither its path nor one above or below may overtake it. When the pieces break off, the remote file
    /// stays as it was and the error is `OpErrorKind::Invalid`.
    ///
    /// # Errors
    /// [`AgentError`]; after `Diverged`, `NoSpace`, … the old file is whole.
    pub async fn write_from(
        &self,
        root: &RemotePath,
        spec: WriteSpec,
        pieces: mpsc::Receiver<Piece>,
    ) -> Result<Stored, AgentError> {
        answer::stored(upload::from_pieces(&self.owner.commands, upload::head(root, &spec), pieces).await?)
    }

    /// Replaces a large file by one made of ranges of it and of what is sent: `pieces` are those of a
    /// [`crate::Recipe`]. `spec.expect` has to be a content; `stamp` is what was said of the file when it got that
    /// content. Without it, or when it is no longer true, the old file is digested first.
    ///
    /// # Errors
    /// [`AgentError`]; after any of them the old file is whole. `Diverged` if it is not the expected one, `Corrupt`
    /// if what was made is not what the recipe says.
    pub async fn rebuild(
        &self,
        root: &RemotePath,
        spec: WriteSpec,
        stamp: Option<&str>,
        pieces: mpsc::Receiver<Piece>,
    ) -> Result<Stored, AgentError> {
        let head = rebuild::head(root, &spec, stamp);
        answer::stored(upload::from_pieces(&self.owner.commands, head, pieces).await?)
    }

    /// Reads a file below a root.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn read(&self, root: &RemotePath, path: &RelPath) -> Result<ReadFile, AgentError> {
        answer::read(self.ask(json!({"op": "read", "root": root, "path": path})).await?, path)
    }

    /// Runs a short command to its end. When the future is dropped, the command is ended.
    ///
    /// # Errors
    /// [`AgentError`]; a program that is not there is `NotFound`.
    pub async fn run(&self, spec: RunSpec) -> Result<RunOutput, AgentError> {
        let timeout = spec.timeout.map(|timeout| timeout.as_millis() as u64);
        let head = json!({"op": "run", "argv": spec.argv, "cwd": spec.cwd, "env": spec.env, "timeout_ms": timeout});
        answer::run(self.request(head, Outgoing::Control(spec.stdin)).await?)
    }

    /// Starts a long-running process. When the [`Process`] and all its handles are dropped, or the link
    /// ends, the process and all it started are ended.
    ///
    /// # Errors
    /// [`AgentError`]; a program that is not there is `NotFound`, no pseudo-terminal to be had `Other`.
    pub async fn spawn(&self, spec: SpawnSpec) -> Result<Process, AgentError> {
        let SpawnSpec { argv, cwd, env, run_dir, tty, keep } = spec;
        let head = json!({
            "op": "spawn", "argv": argv, "cwd": cwd, "env": env, "run_dir": run_dir, "tty": tty, "keep": keep,
        });
        let (reply, new) = self.open_stream(head).await?;
        let pid = answer::member(reply, "pid")?;
        Ok(Process::new(pid, new.hold, new.incoming, new.credit))
    }

    /// Makes a private folder with a control socket.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn run_dir(&self) -> Result<RunDir, AgentError> {
        let (reply, new) = self.open_stream(json!({"op": "run_dir"})).await?;
        let path = answer::member(reply, "path")?;
        let id = RunDirId(new.hold.stream);
        let stream = Stream::new(new.hold, new.incoming, new.credit);
        Ok(RunDir::new(id, path, self.owner.commands.clone(), stream))
    }

    /// Connects to a socket there. Traffic of such streams overtakes file uploads.
    ///
    /// # Errors
    /// [`AgentError`]; nobody listening is `Refused`.
    pub async fn dial(&self, address: Address) -> Result<Stream, AgentError> {
        let (_, new) = self.open_stream(json!({"op": "dial", "address": address})).await?;
        Ok(Stream::new(new.hold, new.incoming, new.credit))
    }

    /// As [`Link::dial`], to a debugger that is asked at each stop what its client is about to ask; see `PROTOCOL.md`. Both
    /// sides may then say something between the debugger's and the client's messages.
    ///
    /// # Errors
    /// [`AgentError`]; nobody listening is `Refused`.
    pub async fn dial_with_foresight(&self, address: Address) -> Result<Stream, AgentError> {
        let (_, new) = self.open_stream(json!({"op": "dial", "address": address, "foresight": true})).await?;
        Ok(Stream::new(new.hold, new.incoming, new.credit))
    }

    /// Where the tree `name` stands in the remote cache, if it is there. `name` is content-addressed.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn cached(&self, name: &str) -> Result<Option<RemotePath>, AgentError> {
        answer::member(self.ask(json!({"op": "cached", "name": name})).await?, "path")
    }

    /// Unpacks a `.tar.gz` into the remote cache under `name`, after checking its SHA-256; whole or not at
    /// all.
    ///
    /// # Errors
    /// [`AgentError`]; a wrong digest is `Corrupt`.
    pub async fn cache(&self, name: &str, sha256: &str, tar_gz: &[u8]) -> Result<RemotePath, AgentError> {
        let head = json!({"op": "cache", "name": name, "sha256": sha256});
        answer::member(self.request(head, Outgoing::Control(tar_gz.to_vec())).await?, "path")
    }

    /// Listens on `host:port` there, accepting and closing connections, until the returned stream is
    /// dropped (for the reachability check). Every connection writes one line `PEER-ADDRESS` into it.
    ///
    /// # Errors
    /// [`AgentError`]; `AddressInUse`, `Permission`.
    pub async fn listen_probe(&self, host: &str, port: RemotePort) -> Result<Stream, AgentError> {
        let (_, new) = self.open_stream(json!({"op": "listen", "host": host, "port": port})).await?;
        Ok(Stream::new(new.hold, new.incoming, new.credit))
    }

    async fn request(&self, head: Value, outgoing: Outgoing) -> Result<Reply, AgentError> {
        let commands = &self.owner.commands;
        let stream = commands.new_stream();
        // A change is done all the same: what it replaces may be recorded as replaced.
        let abandon = matches!(outgoing, Outgoing::Control(_)).then(|| upload::Abandon::new(commands, stream));
        let reply = commands.request(stream, head, outgoing, None).await;
        if let Some(abandon) = abandon {
            abandon.disarm();
        }
        reply
    }

    async fn ask(&self, head: Value) -> Result<Reply, AgentError> {
        self.request(head, Outgoing::Control(Vec::new())).await
    }

    /// A request that opens a stream.
    async fn open_stream(&self, head: Value) -> Result<(Reply, NewStream), AgentError> {
        let commands = &self.owner.commands;
        let number = commands.new_stream();
        // Held from now on: when this future is dropped at any point, the stream is let go of.
        let hold = Arc::new(Hold { stream: number, commands: commands.clone() });
        let (sender, incoming) = mpsc::unbounded_channel();
        let credit = Credit::new();
        let live = Live { incoming: sender, credit: Arc::clone(&credit) };
        let reply = commands.request(number, head, Outgoing::Control(Vec::new()), Some(live)).await?;
        Ok((reply, NewStream { hold, incoming, credit }))
    }
}
