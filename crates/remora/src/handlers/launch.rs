//! Decides what an editor's launch leads to, and where its clients find a session again. Never starts anything itself.

use std::path::PathBuf;

use serde_json::Value;

use super::debug::no_session;
use crate::event::Reply;
use crate::fault::{Fault, Kind};
use crate::jobs::Job;
use crate::launch_configuration::{self, Launch};
use crate::state::{DebugSession, State};
use crate::surface::{DebugRequest, Listening, SessionId};

impl State {
    pub(crate) fn launch_asked(&mut self, configuration: &Value, reply: Reply<Listening>) -> Vec<Job> {
        match self.launch(configuration) {
            Ok(Launch { target, request }) => {
                let restarts = request.running.is_none() && request.run.is_none();
                let request = DebugRequest { restarts, ..request };
                self.debug_asked(target.as_deref(), request, reply)
            }
            Err(fault) => {
                let _ = reply.send(Err(fault));
                Vec::new()
            }
        }
    }

    fn launch(&self, configuration: &Value) -> Result<Launch, Fault> {
        let folders = self.folders_of(configuration.get("target").and_then(Value::as_str));
        let launch = launch_configuration::read(configuration, &self.workspace.root, &folders)?;
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        match &launch.target {
            Some(target) if settings.pick(Some(target)).is_none() => Err(Fault::new(
                Kind::NoTarget,
                format!("launch.json: \"target\" is {target:?}, and remora.targets has none of that name."),
                "Correct it, or leave it out for the target in use.",
            )),
            _ => Ok(launch),
        }
    }

    pub(crate) fn socket_asked(&self, id: SessionId, reply: Reply<PathBuf>) {
        let socket = match self.sessions.get(&id).and_then(DebugSession::listening) {
            Some(session) => session.endpoint().socket().map(PathBuf::from).ok_or_else(|| {
                Fault::new(
                    Kind::BadRequest,
                    format!("Debug session {} listens on a port, not on a socket.", id.0),
                    "Attach to the port that its start gave.",
                )
            }),
            None => Err(no_session(id)),
        };
        let _ = reply.send(socket);
    }
}
