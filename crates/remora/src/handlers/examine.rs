//! Decides what the doctor examines. Examines nothing itself.

use crate::doctor::{Finding, Patient};
use crate::event::Reply;
use crate::jobs::Job;
use crate::state::State;

impl State {
    /// Whatever runs goes on: the doctor has a connection of its own.
    pub(crate) fn examine_asked(&mut self, target: Option<&str>, reply: Reply<Vec<Finding>>) -> Vec<Job> {
        let current = self.target.as_ref().map(|target| target.name.clone());
        let patient = self.wanted(target.or(current.as_deref())).and_then(|target| {
            let settings = self.settings.clone()?;
            Ok(Patient { local_root: self.workspace.root.clone(), settings, target, port: None })
        });
        match patient {
            Ok(patient) => vec![Job::Examine { patient: Box::new(patient), reply }],
            Err(fault) => {
                let _ = reply.send(Err(fault));
                Vec::new()
            }
        }
    }
}
