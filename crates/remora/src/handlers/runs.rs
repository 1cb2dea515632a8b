//! Decides what it leads to that a user comes back to a detached run. Never joins one itself.

use remora_agent::Link;
use remora_debug::Listen;
use remora_model::OnStale;
use tokio::sync::oneshot;

use crate::event::Reply;
use crate::jobs::Job;
use crate::staleness::Staleness;
use crate::state::{DebugSession, State};
use crate::surface::{Listening, SessionId};

impl State {
    /// Comes back to a detached run.
    pub(super) fn resume(&mut self, link: Link, run: String, listen: Listen, reply: Reply<Listening>) -> Vec<Job> {
        self.last_session += 1;
        let session = SessionId(self.last_session);
        let (keep, given_up) = oneshot::channel();
        let mut starting = DebugSession::starting(format!("run {run}"), listen == Listen::Socket, keep);
        // Its program may not be started anew: nobody here knows how.
        starting.staleness = Staleness::new(OnStale::Keep);
        self.sessions.insert(session, starting);
        vec![Job::ResumeDebug { session, link, run, listen, reply, given_up }]
    }
}
