//! Owns the terminals of a workspace: their numbers, and the way to each. Knows nothing of what stands behind one.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};

use crate::terminal::{Input, TerminalId};

/// The terminals that are open or being opened.
#[derive(Default)]
pub(crate) struct Terminals {
    known: BTreeMap<TerminalId, Terminal>,
    last: u64,
}

enum Terminal {
    /// On its way; dropping this gives it up.
    Opening(#[expect(dead_code, reason = "held only to be dropped")] oneshot::Sender<()>),
    /// Dropping this closes it.
    Open(mpsc::UnboundedSender<Input>),
}

impl Terminals {
    /// A number for a new one; the receiver ends when it is given up.
    pub(crate) fn begin(&mut self) -> (TerminalId, oneshot::Receiver<()>) {
        self.last += 1;
        let (keep, given_up) = oneshot::channel();
        self.known.insert(TerminalId(self.last), Terminal::Opening(keep));
        (TerminalId(self.last), given_up)
    }

    /// It is open: what is typed comes from the receiver, which ends when it is closed. Nothing if it was given up.
    pub(crate) fn opened(&mut self, id: TerminalId) -> Option<mpsc::UnboundedReceiver<Input>> {
        let (sender, inputs) = mpsc::unbounded_channel();
        *self.known.get_mut(&id)? = Terminal::Open(sender);
        Some(inputs)
    }

    /// Passes on what is done at it; one that has ended takes no notice.
    pub(crate) fn input(&self, id: TerminalId, input: Input) {
        if let Some(Terminal::Open(inputs)) = self.known.get(&id) {
            let _ = inputs.send(input);
        }
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self, id: TerminalId) -> bool {
        matches!(self.known.get(&id), Some(Terminal::Open(_)))
    }

    /// Forgets one, which closes it; true if it was open.
    pub(crate) fn close(&mut self, id: TerminalId) -> bool {
        matches!(self.known.remove(&id), Some(Terminal::Open(_)))
    }

    /// Forgets all, which closes them; gives those that were open.
    pub(crate) fn close_all(&mut self) -> Vec<TerminalId> {
        let known = std::mem::take(&mut self.known).into_iter();
        known.filter_map(|(id, terminal)| matches!(terminal, Terminal::Open(_)).then_some(id)).collect()
    }
}
