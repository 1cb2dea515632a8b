//! Decides what the news of a debug session lead to. Never starts or ends anything itself.

use remora_debug::SessionEvent;

use crate::fault;
use crate::jobs::Job;
use crate::state::{DebugSession, Running, State};
use crate::surface::{Said, SessionId};

impl State {
    pub(crate) fn session_said(&mut self, id: SessionId, event: SessionEvent) -> Vec<Job> {
        match event {
            SessionEvent::Output { stream, data } => {
                if !self.sessions.get(&id).is_some_and(|known| known.hears_output) {
                    self.say(Said::Output(id, stream, data));
                }
            }
            SessionEvent::ClientConnected => {
                self.note_attached(id, true);
                self.say(Said::Attached);
            }
            SessionEvent::ClientGone => self.note_attached(id, false),
            SessionEvent::Launcher(there) => return self.launcher_noted(id, there),
            SessionEvent::Stale(files) => return self.outdated(id, &files),
            SessionEvent::Reloaded => return self.reloaded(id),
            SessionEvent::Exited(exit) => {
                self.say(Said::Exited(id, exit));
                return self.forget(id);
            }
            SessionEvent::Lost(_) => {
                let run = self.sessions.get(&id).and_then(DebugSession::listening).and_then(|known| known.run());
                let adrift = run.map(fault::adrift);
                self.say(Said::SessionLost(id, adrift.is_some()));
                adrift.into_iter().for_each(|fault| self.say(Said::Fault(fault)));
                return self.forget(id);
            }
        }
        Vec::new()
    }

    fn note_attached(&mut self, id: SessionId, attached: bool) {
        if let Some(known) = self.sessions.get_mut(&id) {
            let clients = known.clients;
            known.clients = if attached { clients.saturating_add(1) } else { clients.saturating_sub(1) };
            let reloads = known.listening().is_some_and(|session| session.can_reload());
            known.staleness.note_reloader(reloads && known.clients > 0);
        }
    }

    /// Ends what may be left of a session whose program has ended.
    fn forget(&mut self, id: SessionId) -> Vec<Job> {
        let Some(known) = self.sessions.get_mut(&id) else { return Vec::new() };
        match std::mem::replace(&mut known.running, Running::Ended) {
            Running::Listening(session) => {
                self.sessions.remove(&id);
                vec![Job::Stop { sessions: vec![session], done: None }]
            }
            // Its start has succeeded and is about to say so.
            Running::Starting(_) | Running::Ended => Vec::new(),
        }
    }
}
