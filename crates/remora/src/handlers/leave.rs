//! Decides how the loop lets go of a target, and of everything at its end.

use tokio::sync::oneshot;

use crate::event::Event;
use crate::fault::{Fault, Kind};
use crate::jobs::Job;
use crate::state::{LinkState, State};

impl State {
    /// Ends everything that belongs to the present target. A request that still waits for it must not be
    /// served by the next one.
    pub(crate) fn let_go(&mut self) -> Vec<Job> {
        let fault = Fault::new(
            Kind::Cancelled,
            "Another target, or other settings of this one, came before the connection.",
            "Ask again if it is still wanted.",
        );
        self.leave(&fault, None)
    }

    pub(crate) fn leave_asked(&mut self, done: oneshot::Sender<()>) -> Vec<Job> {
        let fault = Fault::new(Kind::Cancelled, "Remora is ending.", "Start it again.");
        for event in std::mem::take(&mut self.early) {
            refuse_early(event, fault.clone());
        }
        self.leave(&fault, Some(done))
    }

    fn leave(&mut self, fault: &Fault, done: Option<oneshot::Sender<()>>) -> Vec<Job> {
        for request in std::mem::take(&mut self.waiting) {
            self.refuse(request, fault.clone());
        }
        self.end_terminals();
        let sessions = std::mem::take(&mut self.sessions)
            .into_values()
            // Dropping the others gives their starts up.
            .filter_map(|session| session.listening().cloned())
            .collect();
        let down = LinkState::Down(self.link.generation().next());
        let link = match std::mem::replace(&mut self.link, down) {
            LinkState::Up { link, .. } => Some(link),
            _ => None,
        };
        self.target = None;
        vec![Job::LetGo { sessions, mirrors: self.mirrors.take(), link, done }]
    }
}

/// Answers a request that came before the settings did.
fn refuse_early(event: Event, fault: Fault) {
    match event {
        Event::ConnectAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::MirrorAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::PlanAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::RemoteFileAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::TakeAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::ExplainAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::DebugAsked(_, _, reply) | Event::LaunchAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::RootAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::ExamineAsked(_, reply) => drop(reply.send(Err(fault))),
        Event::TerminalAsked(_, _, reply) => drop(reply.send(Err(fault))),
        _ => {}
    }
}
