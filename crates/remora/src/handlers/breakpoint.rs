//! Decides whom a question why a breakpoint is not hit goes to.

use std::sync::Arc;

use remora_debug::Session;

use crate::breakpoint::{Diagnosis, Spot};
use crate::event::Reply;
use crate::jobs::Job;
use crate::state::{DebugSession, State};

impl State {
    /// Answered by the mirror's rules and by the sessions that run; no connection is made for it.
    pub(crate) fn breakpoint_asked(&mut self, spot: Spot, reply: Reply<Diagnosis>) -> Vec<Job> {
        match self.questions(&spot.file) {
            Ok(questions) => vec![Job::Diagnose { questions, sessions: self.listening(), spot, reply }],
            Err(fault) => {
                let _ = reply.send(Err(fault));
                Vec::new()
            }
        }
    }

    /// Asked by the mouse: only where a debug client has a breakpoint, and answered only if something is wrong.
    pub(crate) fn hovered(&mut self, spot: Spot, reply: Reply<Option<Diagnosis>>) -> Vec<Job> {
        let mut sessions = self.listening();
        sessions.retain(|session| session.has_breakpoint(&spot.file, spot.line));
        match self.questions(&spot.file) {
            Ok(questions) if !sessions.is_empty() => vec![Job::Hover { questions, sessions, spot, reply }],
            _ => {
                let _ = reply.send(Ok(None));
                Vec::new()
            }
        }
    }

    /// The latest first.
    fn listening(&self) -> Vec<Arc<Session>> {
        self.sessions.values().rev().filter_map(DebugSession::listening).cloned().collect()
    }
}
