//! Owns what the event loop can say to whoever started it: the language server or the command
//! line. Never decides how it looks.

use std::path::PathBuf;
use std::time::Duration;

use remora_agent::{Exit, StreamWriter};
use remora_debug::{Endpoint, Listen, OutputStream, Place, Program};
use remora_model::{Address, Exposure};
use remora_transport::{Answer, Question};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::fault::Fault;
use crate::question::{Offer, Word};
use crate::status::Status;
use crate::terminal::{Opened, Shown, TerminalId};
use crate::test_name::Test;

/// Names a debug session within one sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// One thing that the loop says.
#[derive(Debug)]
pub enum Said {
    /// The whole status; it changed.
    Status(Status),
    /// Files are stored on the remote and confirmed.
    Mirrored(Mirrored),
    /// An upload that was cut short before goes on; so many paths are left.
    Resumed(u64),
    /// Long work goes on.
    Progress(Progress),
    /// A debugger attached to a program.
    Attached,
    /// The program wrote something.
    Output(SessionId, OutputStream, Vec<u8>),
    /// These are all the files of which the program runs another text than what is here.
    Stale(Vec<String>),
    /// The program ended.
    Exited(SessionId, Exit),
    /// A debug session ended without the program's own end; whether that goes on.
    SessionLost(SessionId, bool),
    /// A terminal shows something.
    TerminalOutput(TerminalId, Shown),
    /// A terminal ended; without an exit, the connection was lost or let go of.
    TerminalEnded(TerminalId, Option<Exit>),
    /// Something failed in the background. What a request asked for is answered there instead.
    Fault(Fault),
    /// Something that the user may decide now, or later by other means; unanswered it stays as it is.
    Offer(Offer, oneshot::Sender<Word>),
    /// A question to the user; `None` means declined.
    Ask(Question, oneshot::Sender<Option<Answer>>),
}

/// What one batch of the mirror did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// Files written, removed or given another mode.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// From the first look to the last confirmation.
    pub elapsed: Duration,
}

impl Mirrored {
    /// Takes another batch in.
    pub fn add(&mut self, batch: &Self) {
        self.files += batch.files;
        self.bytes += batch.bytes;
        self.elapsed += batch.elapsed;
    }
}

/// How far long work has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Files done.
    pub files_done: u64,
    /// Files in all.
    pub files_total: u64,
    /// Bytes done.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes_total: u64,
}

/// A debug session that a client may attach to.
pub struct Listening {
    /// Which.
    pub session: SessionId,
    /// Where a client connects.
    pub endpoint: Endpoint,
    /// The attach configuration.
    pub configuration: Value,
    /// The program's standard input; dropping it means end of file.
    pub stdin: Option<StreamWriter>,
    /// The terminal that the program runs on, if it asked for one.
    pub terminal: Option<Opened>,
    /// The name of the run, if it goes on without us.
    pub run: Option<String>,
}

impl Listening {
    /// The host and port of a session that is met on a port.
    pub fn place(&self) -> Place {
        self.endpoint.place().expect("invariant: what asks for a port gets one or a fault")
    }
}

/// What to debug, as the user said it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugRequest {
    /// A local file; exactly one of this, `module` and `test` is given.
    pub file: Option<PathBuf>,
    /// A module name.
    pub module: Option<String>,
    /// What pytest is to run.
    pub test: Option<Test>,
    /// What runs there already, and is given in place of these.
    pub running: Option<Program>,
    /// What a person calls the session; without it, the program.
    pub name: Option<String>,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Its working directory there; without it, the remote root.
    pub cwd: Option<String>,
    /// More environment variables.
    pub env: std::collections::BTreeMap<String, String>,
    /// The interpreter, over that of the target.
    pub python: Option<String>,
    /// What it runs behind, over that of the target.
    pub prefix: Option<remora_model::Prefix>,
    /// The account there that it runs as, over that of the target; an empty name is the login.
    pub run_as: Option<String>,
    /// The debugger, over that of the settings.
    pub debugger: Option<remora_model::Debugger>,
    /// Whether the program brings its own call to the debugger.
    pub in_code: bool,
    /// Whether steps stay out of libraries, over the settings.
    pub just_my_code: Option<bool>,
    /// Whether child processes are debugged too, over the settings.
    pub sub_process: Option<bool>,
    /// What becomes of it when a file that it has loaded was changed, over the settings.
    pub on_stale: Option<remora_model::OnStale>,
    /// Whether a client that launches it starts it anew when it is told to.
    pub restarts: bool,
    /// Whether it runs on a terminal, which is shown here.
    pub terminal: bool,
    /// How a client that is told a port gets to the debugger, over the target.
    pub exposure: Option<Exposure>,
    /// What is dialled then, over the target.
    pub address: Option<Address>,
    /// Whether it goes on when the connection and we are gone.
    pub detach: bool,
    /// The detached run to come back to, in place of what to start.
    pub run: Option<String>,
    /// Where to listen; without it, the settings' port or the project's own. On a socket the output is for its
    /// client, and is not said here.
    pub listen: Option<Listen>,
}

/// The way from the loop to its surface.
pub type Surface = mpsc::UnboundedSender<Said>;
