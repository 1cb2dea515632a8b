//! Owns what is known of one debug session: how far it is, who listens to it, and what the status says of it.
//! Decides nothing about programs.

use std::sync::Arc;

use remora_debug::Session;
use remora_model::OnStale;
use tokio::sync::oneshot;

use crate::staleness::Staleness;
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
    /// Whether a client that launches it starts it anew when it is told to.
    pub(crate) restarts: bool,
    /// What it runs another text of, and what was done about it.
    pub(crate) staleness: Staleness,
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
        Self {
            running,
            name,
            clients: 0,
            hears_output,
            terminal: None,
            restarts: false,
            staleness: Staleness::new(OnStale::default()),
        }
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
        !self.staleness.files().is_empty()
    }

    pub(crate) fn status(&self, id: SessionId) -> SessionStatus {
        let Self { name, clients, .. } = self;
        let stale = self.staleness.files();
        SessionStatus {
            session: id.0,
            name: name.clone(),
            attached: *clients > 0,
            stale: stale.iter().take(PATHS_SHOWN).cloned().collect(),
            stale_files: stale.len(),
        }
    }
}
