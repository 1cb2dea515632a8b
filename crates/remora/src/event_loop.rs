//! The one loop that owns the state. Takes one event at a time, starts the jobs that follow, and
//! never waits for any of them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use remora_mirror::Notice;
use tokio::sync::{mpsc, oneshot};

use crate::asker::Asker;
use crate::event::Event;
use crate::fault::Fault;
use crate::folders::FolderName;
use crate::jobs::Jobs;
use crate::state::{State, Workspace};
use crate::surface::{Said, Surface};

/// A handle to a running loop. The loop lives as long as the runtime; [`Engine::leave`] ends all that it
/// holds.
#[derive(Clone)]
pub struct Engine {
    events: mpsc::UnboundedSender<Event>,
}

impl Engine {
    /// Starts a loop for one workspace; what it says goes to `surface`, questions go to `asker`.
    pub fn start(workspace: Workspace, surface: Surface, asker: Arc<Asker>) -> Self {
        let (events, inbox) = mpsc::unbounded_channel();
        let (notices, news) = mpsc::unbounded_channel();
        let jobs = Jobs { events: events.clone(), asker };
        let state = State::new(workspace, surface, notices);
        tokio::spawn(run(state, jobs, inbox, news));
        Self { events }
    }

    /// Tells the loop that something happened. Never waits.
    pub fn tell(&self, event: Event) {
        // The loop is gone only when the program ends.
        let _ = self.events.send(event);
    }

    /// Asks the loop for something. The event is queued before anything is awaited, which keeps the order.
    pub fn request<T>(
        &self,
        event: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Event,
    ) -> oneshot::Receiver<Result<T, Fault>> {
        let (reply, answer) = oneshot::channel();
        self.tell(event(reply));
        answer
    }

    /// Ends everything there and here, and waits for it.
    pub async fn leave(&self) {
        let (done, left) = oneshot::channel();
        self.tell(Event::LeaveAsked(done));
        let _ = left.await;
    }
}

async fn run(
    mut state: State,
    jobs: Jobs,
    mut inbox: mpsc::UnboundedReceiver<Event>,
    mut news: mpsc::UnboundedReceiver<(FolderName, Notice)>,
) {
    loop {
        // The mirror's news first: it tells of each batch before it lets a barrier pass, and the count of
        // what was mirrored must be complete when the barrier's event is handled.
        let event = tokio::select! {
            biased;
            Some((folder, notice)) = news.recv() => Event::MirrorSaid(folder, notice),
            event = inbox.recv() => match event {
                Some(event) => event,
                None => return,
            },
        };
        let step = AssertUnwindSafe(|| state.on(event));
        match std::panic::catch_unwind(step) {
            Ok(next) => next.into_iter().for_each(|job| jobs.start(job)),
            Err(_) => {
                let fault = Fault::panicked();
                let _ = state.surface.send(Said::Fault(fault));
            }
        }
    }
}
