//! Owns what is known of one debug session: how far it is, who listens to it, and what the status says of it.
//! Decides nothing about programs.

use std::sync::Arc;

use remora_debug::Session;
use tokio::sync::oneshot;

use crate::status::{PATHS_SHOWN, SessionStatus};
use crate::surface::SessionId;
use crate::terminal::TerminalId;

/// A debug session, until its end has been told.
pub(crate) struct DebugSession {
    pub(crate) running: Running,
    /// What a person calls it.
    pub(crate) name: String,
    /// Debug clients that are connected, those of child processes too.
    pub(crate) clients: u32,
    /// Whether the clients are told the output.
    pub(crate) hears_output: bool,
    /// Where the program is shown, if it runs on a terminal.
    pub(crate) terminal: Option<TerminalId>,
    /// Files that were changed since the program has loaded another text of them, in order.
    stale: Vec<String>,
}

/// How far a session is.
pub(crate) enum Running {
    /// On its way to a listening debugger; dropping this gives the start up.
    Starting(#[expect(dead_code, reason = "held only to be dropped")] oneshot::Sender<()>),
    /// A client may attach.
    Listening(Arc<Session>),
    /// Its program ended before the start could be answered.
    Ended,
}

impl DebugSession {
    /// One that is being started; dropping it before it listens gives the start up.
    pub(crate) fn starting(name: String, hears_output: bool, keep: oneshot::Sender<()>) -> Self {
        let running = Running::Starting(keep);
        Self { running, name, clients: 0, hears_output, terminal: None, stale: Vec::new() }
    }

    /// The session that a client may attach to.
    pub(crate) fn listening(&self) -> Option<&Arc<Session>> {
        match &self.running {
            Running::Listening(session) => Some(session),
            Running::Starting(_) | Running::Ended => None,
        }
    }

    /// Whether its program runs another text of a file than what is here now.
    pub(crate) fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// These are all the files of which its program runs another text.
    pub(crate) fn outdated(&mut self, files: Vec<String>) {
        self.stale = files;
    }

    pub(crate) fn status(&self, id: SessionId) -> SessionStatus {
        let Self { name, clients, stale, .. } = self;
        SessionStatus {
            session: id.0,
            name: name.clone(),
            attached: *clients > 0,
            stale: stale.iter().take(PATHS_SHOWN).cloned().collect(),
            stale_files: stale.len(),
        }
    }
}
