//! Decides what new settings change. Never reads them from anywhere.

use remora_model::{MirrorSettings, Settings, Target};

use crate::fault::{Fault, Kind};
use crate::folders::folders;
use crate::jobs::Job;
use crate::state::State;

impl State {
    /// The settings are known, or are known to be wrong.
    pub(crate) fn configured(&mut self, settings: Result<Settings, Fault>) -> Vec<Job> {
        if let Err(fault) = &settings {
            self.say_fault(fault.clone());
        } else {
            self.message = None;
        }
        let mirroring = self.settings.as_ref().map(|settings| settings.mirror.clone()).ok();
        let chosen = matches!((&self.settings, &settings), (Ok(before), Ok(now)) if before.target != now.target);
        self.settings = settings;
        self.configured = true;
        let mut jobs = Vec::new();
        // Settings that can't be read end nothing that runs: they are most likely being typed.
        if let Some(current) = self.target.clone()
            && self.settings.is_ok()
        {
            // A request may have asked for another target than the one in use; choosing one is a new word.
            match self.wanted(Some(current.name.as_str()).filter(|_| !chosen)) {
                Ok(wanted) if is_same_place(&wanted, &current) => self.target = Some(wanted),
                _ => jobs.extend(self.let_go()),
            }
        }
        self.mirror_by_new_rules(mirroring);
        for event in std::mem::take(&mut self.early) {
            jobs.extend(self.on(event));
        }
        jobs
    }

    /// What is left out, whether changes are watched for and what goes unasked is fixed for a mirror's life: begins another.
    fn mirror_by_new_rules(&mut self, before: Option<MirrorSettings>) {
        let rules = |settings: &MirrorSettings| MirrorSettings { on_save: true, ..settings.clone() };
        let now = self.settings.as_ref().map(|settings| rules(&settings.mirror)).ok();
        if now.is_none() || before.as_ref().map(rules) == now || self.mirrors.take().is_none() {
            return;
        }
        if let Err(fault) = self.ensure_mirrors(false) {
            self.say_fault(fault);
        }
    }

    /// Makes the named target, or the one in use, the present one.
    pub(crate) fn select(&mut self, name: Option<&str>) -> Result<Vec<Job>, Fault> {
        let wanted = self.wanted(name)?;
        let stays = self.target.as_ref().is_some_and(|current| is_same_place(&wanted, current));
        let jobs = if stays { Vec::new() } else { self.let_go() };
        self.target = Some(wanted);
        Ok(jobs)
    }

    /// The named target of the settings, or the one in use there, if it can be used.
    pub(crate) fn wanted(&self, name: Option<&str>) -> Result<Target, Fault> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let names = || settings.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ");
        let target = settings.pick(name).cloned().ok_or_else(|| match name.or(settings.target.as_deref()) {
            Some(name) if settings.targets.is_empty() => Fault::new(
                Kind::NoTarget,
                format!("There is no target named {name:?}: the settings have none."),
                "Add one to remora.targets in .vscode/settings.json.",
            ),
            Some(name) => Fault::new(
                Kind::NoTarget,
                format!("There is no target named {name:?}."),
                format!("The settings have {}.", names()),
            ),
            None => Fault::new(
                Kind::NoTarget,
                "No target is given, and the settings have none.",
                "Name one with --host, --command or --local, or add it to remora.targets in .vscode/settings.json.",
            ),
        })?;
        folders(&self.workspace.root, &target)?;
        Ok(target)
    }

    /// Whether a save should reach out for a target by itself.
    pub(crate) fn select_for_save(&mut self) -> Option<Vec<Job>> {
        let on_save = self.settings.as_ref().is_ok_and(|settings| settings.mirror.on_save);
        if !on_save {
            return None;
        }
        let current = self.target.as_ref().map(|target| target.name.clone());
        self.select(current.as_deref()).ok()
    }
}

/// Whether the link and the mirror of one serve the other; its interpreter and variables count at the next start.
fn is_same_place(one: &Target, other: &Target) -> bool {
    (&one.name, &one.transport, &one.remote_root, &one.mappings)
        == (&other.name, &other.transport, &other.remote_root, &other.mappings)
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::event::Event;
    use crate::state::Workspace;
    use crate::surface::Said;

    fn workspace() -> Workspace {
        Workspace {
            root: remora_model::LocalPath::new(std::env::temp_dir()).unwrap(),
            records: None,
            watch: false,
            reconnect: false,
            overwrite: false,
            delete_many: false,
            large_too: false,
        }
    }

    #[test]
    fn a_request_before_the_settings_waits_for_them_and_then_hears_that_there_is_no_target() {
        let (surface, mut said) = mpsc::unbounded_channel();
        let mut state = State::new(workspace(), surface, mpsc::unbounded_channel().0);
        let (reply, mut answer) = oneshot::channel();
        assert!(state.on(Event::ConnectAsked(None, reply)).is_empty());
        assert!(answer.try_recv().is_err());
        assert!(state.on(Event::Configured(Ok(Settings::default()))).is_empty());
        assert_eq!(answer.try_recv().unwrap().unwrap_err().kind, Kind::NoTarget);
        assert!(said.try_recv().is_err(), "a fault that answers a request is not shown a second time");
    }

    #[tokio::test]
    async fn a_target_that_is_chosen_in_the_settings_takes_the_place_of_the_present_one() {
        let chosen = |name: &str| {
            let targets = serde_json::json!([{"name": "a", "local": true}, {"name": "b", "local": true}]);
            Event::Configured(
                Settings::from_json(&serde_json::json!({"targets": targets, "target": name})).map_err(Fault::from),
            )
        };
        let mut state = State::new(workspace(), mpsc::unbounded_channel().0, mpsc::unbounded_channel().0);
        state.on(chosen("a"));
        state.on(Event::ConnectAsked(Some("b".into()), oneshot::channel().0));
        assert_eq!(state.status().target.as_deref(), Some("b"));
        state.on(chosen("a"));
        assert_eq!(state.status().target.as_deref(), Some("b"), "nothing was chosen anew");
        state.on(chosen("b"));
        state.on(chosen("a"));
        assert_eq!(state.status().target, None, "the next request takes the one in use");
    }

    #[test]
    fn wrong_settings_are_said_once_and_answer_every_request() {
        let (surface, mut said) = mpsc::unbounded_channel();
        let mut state = State::new(workspace(), surface, mpsc::unbounded_channel().0);
        let wrong = Settings::from_json(&serde_json::json!({"remora.targets": 3})).unwrap_err();
        state.on(Event::Configured(Err(wrong.into())));
        assert!(matches!(said.try_recv(), Ok(Said::Fault(fault)) if fault.kind == Kind::BadSettings));
        let (reply, mut answer) = oneshot::channel();
        state.on(Event::ConnectAsked(Some("box".into()), reply));
        assert_eq!(answer.try_recv().unwrap().unwrap_err().kind, Kind::BadSettings);
    }
}
