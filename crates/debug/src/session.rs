//! Owns a program that runs under a debugger, from its start to its end.

mod assembly;
mod command_line;
mod console;
mod owner;
mod record;
mod resume;
mod screen;
mod start;

use std::path::{Path, PathBuf};

use remora_agent::{Exit, LostReason, StreamWriter};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use crate::cause::Cause;
use crate::relay::{Reach, Scout, cause};
use crate::request::Endpoint;
use owner::Command;
pub use resume::{Resume, resume};
pub use screen::{Screen, ScreenEvent, Terminal};
pub use start::start;

/// Which of the program's output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The program wrote something.
    Output {
        /// Where to.
        stream: OutputStream,
        /// What.
        data: Vec<u8>,
    },
    /// A debug client connected (the first, or one for a child).
    ClientConnected,
    /// A debug client went away.
    ClientGone,
    /// Whether a client is there that has launched the program, and starts it anew when it is told to.
    Launcher(bool),
    /// These local files, in order, were changed since a process that is debugged has loaded another text of them. Told again when
    /// one of them was changed once more.
    Stale(Vec<PathBuf>),
    /// All processes that know how have reloaded what they could.
    Reloaded,
    /// The program ended. The last event, after all output.
    Exited(Exit),
    /// The link was lost. The last event.
    Lost(LostReason),
}

/// A program that waits for, or runs under, a debug client. Dropping it ends everything, but for a detached run, which goes on.
pub struct Session {
    endpoint: Endpoint,
    configuration: Value,
    stdin: Option<StreamWriter>,
    terminal: Option<Terminal>,
    scout: Scout,
    reloads: watch::Sender<Vec<String>>,
    can_reload: bool,
    reach: Reach,
    running: Running,
    held: Option<String>,
    /// Whether its program ran before us.
    was_there: bool,
}

impl Session {
    /// Where a client here may connect.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The attach configuration for an editor.
    #[must_use]
    pub fn configuration(&self) -> &Value {
        &self.configuration
    }

    /// Interrupts the program and its children, as Ctrl-C does.
    pub async fn interrupt(&self) {
        self.running.tell(Command::Interrupt);
    }

    /// Has the client that launched the program start it anew, when this one has ended. Without such a client it goes on.
    pub fn restart(&self) {
        self.running.tell(Command::Restart);
    }

    /// Whether its processes can reload files.
    #[must_use]
    pub fn can_reload(&self) -> bool {
        self.can_reload
    }

    /// Has the processes that are debugged reload what they run another text of. [`SessionEvent::Reloaded`] comes when all that
    /// know how have done so, after what they have reloaded is stale no longer.
    pub fn reload(&self) {
        let stale = self.scout.known().borrow().stale();
        self.scout.reload();
        self.reloads.send_replace(self.scout.there(&stale));
    }

    /// These local files, or what stands for them there, were changed: what the client was told of them may not be true any more.
    pub fn changed(&self, files: &[PathBuf]) {
        self.scout.changed(files);
    }

    /// Any local file may have been changed: more were than are told one by one.
    pub fn all_changed(&self) {
        self.scout.all_changed();
    }

    /// Whether changes are on their way to the remote. While they are, nothing is said of what stands there.
    pub fn mirroring(&self, under_way: bool) {
        self.scout.mirroring(under_way);
    }

    /// Whether a client has a breakpoint in that line of a local file.
    #[must_use]
    pub fn has_breakpoint(&self, file: &Path, line: u32) -> bool {
        self.scout.known().borrow().has_breakpoint(file, line)
    }

    /// Why a breakpoint in that line of a local file is not hit. Looks at the remote, which may be a link away.
    pub async fn why_not_hit(&self, file: &Path, line: u32) -> Cause {
        self.scout.find_out(file).await;
        cause(&self.scout.known().borrow().sight(file, line, self.reach))
    }

    /// The name of the detached run that this is.
    #[must_use]
    pub fn run(&self) -> Option<&str> {
        self.held.as_deref()
    }

    /// Whether its program ran before we came.
    #[must_use]
    pub fn was_there(&self) -> bool {
        self.was_there
    }

    /// Lets a detached run go on without us, and ends any other; returns when that is done.
    pub async fn leave(&self) {
        match self.held {
            Some(_) => self.running.leave().await,
            None => self.stop().await,
        }
    }

    /// Ends everything there; returns when nothing is left. Fine if it has ended.
    pub async fn stop(&self) {
        self.running.stop().await;
    }

    /// The program's standard input; the second call gets nothing. Dropping it says end of file there.
    pub fn take_stdin(&mut self) -> Option<StreamWriter> {
        self.stdin.take()
    }

    /// The program's terminal, if it has one; the second call gets nothing. What is typed is its standard input.
    pub fn take_terminal(&mut self) -> Option<Terminal> {
        self.terminal.take()
    }
}

/// The near end of the task that owns the process. Dropping it makes that task end everything.
struct Running {
    commands: mpsc::UnboundedSender<Command>,
    /// Its sender is dropped when the task has ended.
    ended: watch::Receiver<()>,
}

impl Running {
    fn tell(&self, command: Command) {
        // The task has ended when this fails, and there is nothing left to command.
        let _ = self.commands.send(command);
    }

    async fn stop(&self) {
        self.over_after(Command::Stop).await;
    }

    async fn leave(&self) {
        self.over_after(Command::Leave).await;
    }

    async fn over_after(&self, command: Command) {
        self.tell(command);
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
    }
}
