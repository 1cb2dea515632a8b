//! Owns processes on the remote, as seen from here, and the private folders they may have.

use std::collections::VecDeque;
use std::sync::Arc;

use remora_model::RemotePath;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use crate::conversation::{Commands, Incoming, Outgoing};
use crate::error::{AgentError, LostReason, OpError, OpErrorKind};
use crate::ops::{Exit, RunDirId, Said, TtySize};
use crate::stream::{Consumed, Credit, Hold, Stream, StreamWriter};

/// The longest line of a control socket; the agent lets less pass.
const LINE_MAX: usize = 1024 * 1024;

/// A process that was started on the remote.
pub struct Process {
    /// To signal and end it; may be cloned.
    pub handle: ProcessHandle,
    /// Its standard input.
    pub stdin: StreamWriter,
    events: ProcessEvents,
}

/// What happens to a process, for an owner that hands its standard input to somebody else.
pub struct ProcessEvents {
    /// What it wrote before it was ours.
    written: VecDeque<ProcessEvent>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    stdout: Consumed,
    stderr: Consumed,
    hold: Arc<Hold>,
}

impl Process {
    pub(crate) fn new(
        pid: u32,
        hold: Arc<Hold>,
        incoming: mpsc::UnboundedReceiver<Incoming>,
        credit: Arc<Credit>,
    ) -> Self {
        let (stdout, stderr) = (Consumed::new(1), Consumed::new(2));
        let events = ProcessEvents { written: VecDeque::new(), incoming, stdout, stderr, hold: Arc::clone(&hold) };
        let stdin = StreamWriter::of_process(hold.stream, hold.commands.clone(), credit);
        Self { handle: ProcessHandle { pid, hold }, stdin, events }
    }

    /// With what it wrote before, which comes first.
    pub(crate) fn after(mut self, written: Vec<ProcessEvent>) -> Self {
        self.events.written = written.into();
        self
    }

    /// The next thing that happened, as [`ProcessEvents::next`] gives it. Cancel-safe.
    ///
    /// # Errors
    /// [`AgentError::Lost`].
    pub async fn next(&mut self) -> Result<ProcessEvent, AgentError> {
        self.events.next().await
    }

    /// Its parts, each of which may have another owner.
    #[must_use]
    pub fn into_parts(self) -> (ProcessHandle, StreamWriter, ProcessEvents) {
        (self.handle, self.stdin, self.events)
    }
}

impl ProcessEvents {
    /// The next thing that happened. Output comes in order per stream; `Exited` comes last, once, after
    /// all output (or a moment after the exit, when a stranger keeps the pipe open). Cancel-safe.
    ///
    /// # Errors
    /// [`AgentError::Lost`].
    pub async fn next(&mut self) -> Result<ProcessEvent, AgentError> {
        let Self { written, incoming, stdout, stderr, hold } = self;
        if let Some(event) = written.pop_front() {
            return Ok(event);
        }
        loop {
            match incoming.recv().await {
                Some(Incoming::Data(channel, bytes)) => {
                    let consumed = if channel == 2 { &mut *stderr } else { &mut *stdout };
                    consumed.add(bytes.len(), hold);
                    return Ok(if channel == 2 { ProcessEvent::Stderr(bytes) } else { ProcessEvent::Stdout(bytes) });
                }
                Some(Incoming::Event(mut event)) => {
                    let exit = event.get_mut("exited").map(Value::take).unwrap_or_default();
                    return serde_json::from_value(exit)
                        .map(ProcessEvent::Exited)
                        .map_err(|error| LostReason::Garbled(error.to_string()).into());
                }
                Some(Incoming::Broke(error)) => return Err(error.into()),
                Some(Incoming::End) => {}
                None => return Err(hold.commands.lost().await.into()),
            }
        }
    }
}

/// What happened to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It wrote to standard output, or to its terminal.
    Stdout(Vec<u8>),
    /// It wrote to standard error.
    Stderr(Vec<u8>),
    /// It ended.
    Exited(Exit),
}

/// Signals and ends a process.
#[derive(Clone)]
pub struct ProcessHandle {
    pid: u32,
    hold: Arc<Hold>,
}

impl ProcessHandle {
    /// Its process id there.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a signal to its whole process group; fine if it has ended.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn signal(&self, signal: i32) -> Result<(), AgentError> {
        self.request(json!({"op": "signal", "process": self.hold.stream, "signal": signal})).await
    }

    /// Gives its terminal another size; fine if it has ended.
    ///
    /// # Errors
    /// [`AgentError`]; `Invalid` for a process that is not on a terminal.
    pub async fn resize(&self, size: TtySize) -> Result<(), AgentError> {
        self.request(json!({"op": "resize", "process": self.hold.stream, "size": size})).await
    }

    /// Ends it and everything it started, also what left its process group: asks first, insists after a
    /// moment. Returns when none is left.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn end(&self) -> Result<(), AgentError> {
        self.request(json!({"op": "end", "process": self.hold.stream})).await
    }

    async fn request(&self, head: Value) -> Result<(), AgentError> {
        let commands = &self.hold.commands;
        commands.request(commands.new_stream(), head, Outgoing::Control(Vec::new()), None).await?;
        Ok(())
    }
}

/// A private folder (0700) on the remote with a control socket `ctl` in it (0600). Dropping it removes the
/// folder; so does the agent's end.
pub struct RunDir {
    id: RunDirId,
    path: RemotePath,
    commands: Commands,
    stream: Stream,
    /// What has come of the next line.
    line: Vec<u8>,
}

impl RunDir {
    pub(crate) fn new(id: RunDirId, path: RemotePath, commands: Commands, stream: Stream) -> Self {
        Self { id, path, commands, stream, line: Vec::new() }
    }

    /// With what was said on it before, which comes first.
    pub(crate) fn after(self, said: Vec<u8>) -> Self {
        Self { line: said, ..self }
    }

    /// Its name in [`crate::SpawnSpec`].
    #[must_use]
    pub fn id(&self) -> RunDirId {
        self.id
    }

    /// Where it is; short enough that a socket in it has a valid name.
    #[must_use]
    pub fn path(&self) -> &RemotePath {
        &self.path
    }

    /// The next line somebody said on its control socket. Cancel-safe. A line that is no JSON object is
    /// passed over.
    ///
    /// # Errors
    /// [`AgentError::Lost`].
    pub async fn said(&mut self) -> Result<Said, AgentError> {
        loop {
            while let Some(end) = self.line.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.line.drain(..=end).collect();
                match serde_json::from_slice::<Value>(&line) {
                    Ok(value) if value.is_object() => return Ok(Said(value)),
                    _ => {
                        tracing::warn!(line = %String::from_utf8_lossy(&line), "not a JSON object on a control socket")
                    }
                }
            }
            if self.line.len() > LINE_MAX {
                self.line.clear();
                tracing::warn!("a line without an end on a control socket");
            }
            // What has come is kept in `self`, so a dropped call loses nothing.
            match self.stream.reader.read_buf(&mut self.line).await {
                Ok(0) | Err(_) => return Err(self.commands.lost().await.into()),
                Ok(_) => {}
            }
        }
    }

    /// Puts a file of ours into it, mode 0600.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn put(&self, name: &str, bytes: &[u8]) -> Result<RemotePath, AgentError> {
        let head = json!({"op": "put", "run_dir": self.id, "name": name});
        let stream = self.commands.new_stream();
        let mut reply = self.commands.request(stream, head, Outgoing::Control(bytes.to_vec()), None).await?;
        let path = reply.head.get_mut("path").map(Value::take).unwrap_or_default();
        serde_json::from_value(path)
            .map_err(|error| OpError { kind: OpErrorKind::Other, message: error.to_string() }.into())
    }
}
