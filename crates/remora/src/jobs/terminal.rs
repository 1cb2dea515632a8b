//! Does what terminals need done. Decides nothing.

use remora_agent::Link;
use tokio::sync::{mpsc, oneshot};

use super::{Jobs, given_up_fault};
use crate::event::{Event, Reply};
use crate::terminal::{self, Input, Line, Opened, TerminalId, TerminalRequest};

/// What to open, and for whom.
pub struct Opening {
    /// Names it.
    pub id: TerminalId,
    /// What to open.
    pub request: TerminalRequest,
    /// The remote root as the user gave it.
    pub root: String,
    /// Who waits for it.
    pub reply: Reply<Opened>,
    /// Ends when the state gives it up.
    pub given_up: oneshot::Receiver<()>,
}

/// What to carry, and between whom.
pub struct Carrying {
    /// Names it.
    pub id: TerminalId,
    /// The process over there.
    pub line: Box<Line>,
    /// What is typed here.
    pub inputs: mpsc::UnboundedReceiver<Input>,
    /// Ends when the answer to the one who asked has gone first.
    pub begun: oneshot::Receiver<()>,
}

impl Jobs {
    pub(super) async fn open_terminal(&self, link: Link, opening: Opening) {
        let Opening { id, request, root, mut reply, given_up } = opening;
        let result = tokio::select! {
            biased;
            result = terminal::open(&link, &root, request) => result.map(Box::new),
            _ = given_up => Err(given_up_fault()),
            () = reply.closed() => Err(given_up_fault()),
        };
        self.tell(Event::TerminalOpened(id, result, reply));
    }

    pub(super) async fn carry_terminal(&self, carrying: Carrying) {
        let Carrying { id, line, inputs, begun } = carrying;
        // An error is what is waited for: the other end was dropped.
        let _ = begun.await;
        let ending = line.carry(inputs, |shown| self.tell(Event::TerminalShowed(id, shown))).await;
        self.tell(Event::TerminalEnded(id, ending));
    }
}
