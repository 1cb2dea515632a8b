//! Decides what follows when a program runs another text than what is here: who is told, and what is done about it.
//! Never starts or ends anything itself.

use std::path::PathBuf;

use remora_mirror::Phase;
use tokio::sync::oneshot;

use crate::folders::holder;
use crate::jobs::Job;
use crate::question::{Offer, Word};
use crate::staleness::{Act, Way};
use crate::state::State;
use crate::surface::{Said, SessionId};

impl State {
    /// These are all the files of which a program runs another text than what is here.
    pub(crate) fn outdated(&mut self, id: SessionId, files: &[PathBuf]) -> Vec<Job> {
        let folders = self.folders();
        let name = |file: &PathBuf| holder(&folders, file).map(|(folder, path)| folder.name.file(&path));
        let files: Vec<String> = files.iter().filter_map(name).collect();
        let Some(session) = self.sessions.get_mut(&id) else { return Vec::new() };
        let told = session.staleness.files() == files;
        session.staleness.outdated(files.clone());
        if !told {
            self.say(Said::Stale(files));
        }
        self.next_for_stale()
    }

    /// Whether a client is there that has launched the program.
    pub(crate) fn launcher_noted(&mut self, id: SessionId, there: bool) -> Vec<Job> {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.staleness.note_launcher(there && session.restarts);
        }
        self.next_for_stale()
    }

    /// Something has changed that sessions may have waited for.
    pub(crate) fn next_for_stale(&mut self) -> Vec<Job> {
        let in_sync = self.is_in_sync();
        let acts = self.sessions.iter_mut().map(|(id, session)| (*id, session.staleness.next(in_sync)));
        let acts: Vec<(SessionId, Act)> = acts.collect();
        acts.into_iter().flat_map(|(id, act)| self.act(id, act)).collect()
    }

    /// The user has answered.
    pub(crate) fn way_chosen(&mut self, id: SessionId, way: Way) -> Vec<Job> {
        let act = self.sessions.get_mut(&id).map_or(Act::Nothing, |session| session.staleness.chosen(way));
        self.act(id, act)
    }

    /// The processes of a program have reloaded what they could.
    pub(crate) fn reloaded(&mut self, id: SessionId) -> Vec<Job> {
        let in_sync = self.is_in_sync();
        let act = self.sessions.get_mut(&id).map_or(Act::Nothing, |session| session.staleness.reloaded(in_sync));
        self.act(id, act)
    }

    fn is_in_sync(&self) -> bool {
        self.mirrors_phase() == Some(Phase::InSync)
    }

    fn act(&mut self, id: SessionId, act: Act) -> Vec<Job> {
        let Some(session) = self.sessions.get(&id) else { return Vec::new() };
        match act {
            Act::Nothing => {}
            Act::Ask(ways) => {
                let offer = Offer::about_stale(&session.name, session.staleness.files(), ways);
                let (reply, answer) = oneshot::channel::<Word>();
                self.say(Said::Offer(offer, reply));
                return vec![Job::AwaitWay { session: id, answer }];
            }
            Act::Restart => session.listening().into_iter().for_each(|running| running.restart()),
            Act::Reload => session.listening().into_iter().for_each(|running| running.reload()),
        }
        Vec::new()
    }
}
