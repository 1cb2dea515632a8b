//! Decides how the loop lets go of a target, and of everything at its end.

use tokio::sync::oneshot;

use crate::jobs::Job;
use crate::state::{LinkState, Running, State};

impl State {
    /// Ends everything that belongs to the present target.
    pub(crate) fn let_go(&mut self) -> Vec<Job> {
        self.leave(None)
    }

    pub(crate) fn leave_asked(&mut self, done: oneshot::Sender<()>) -> Vec<Job> {
        self.leave(Some(done))
    }

    fn leave(&mut self, done: Option<oneshot::Sender<()>>) -> Vec<Job> {
        let sessions = std::mem::take(&mut self.sessions)
            .into_values()
            .filter_map(|running| match running {
                Running::Listening(session) => Some(session),
                Running::Starting => None,
            })
            .collect();
        let down = LinkState::Down(self.link.generation().next());
        let link = match std::mem::replace(&mut self.link, down) {
            LinkState::Up { link, .. } => Some(link),
            _ => None,
        };
        self.target = None;
        self.compared = false;
        vec![Job::LetGo { sessions, mirror: self.mirror.take(), link, done }]
    }
}
