//! The methods with which a target is found, tried and examined. All but the examination work without a folder and
//! without settings. Decides nothing.

use remora_debug::interpreter::Listed;
use remora_model::{LocalPath, Settings, Target};
use remora_transport::CandidateKind;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::progress::Progresses;
use super::{Backend, convert};
use crate::doctor::{Finding, Verdict};
use crate::event::Event;
use crate::fault::{self, Fault};
use crate::folders::main_remote;
use crate::protocol::setup::{
    Candidate, Check, DoctorParams, DoctorResult, Interpreter, NoParams, SetupBrowseParams, SetupBrowseResult,
    SetupCandidatesResult, SetupInterpretersParams, SetupInterpretersResult, SetupOpenParams, SetupOpenResult,
};
use crate::setup::{Place, Request, Setup};
use crate::target_entry;

/// What these methods need: set once, at `initialize`, whether there is a folder or not.
pub(super) struct Desk {
    pub(super) setup: Setup,
    pub(super) progresses: Progresses,
    pub(super) root: Option<LocalPath>,
}

impl Backend {
    pub(super) async fn setup_candidates(&self, _: NoParams) -> Result<SetupCandidatesResult> {
        let desk = self.desk()?;
        let answer = desk.setup.request(Request::Candidates);
        let found = desk.progresses.during("Looking for machines", answer).await.map_err(convert::error)?;
        Ok(SetupCandidatesResult { candidates: found.into_iter().map(candidate).collect() })
    }

    pub(super) async fn setup_open(&self, params: SetupOpenParams) -> Result<SetupOpenResult> {
        let desk = self.desk()?;
        let target = target(params.target).map_err(convert::error)?;
        let root = desk.root.as_ref().ok_or_else(super::no_folder).map_err(convert::error)?;
        let remote_root = main_remote(root, &target);
        let place = Place { transport: target.transport, remote_root };
        let answer = desk.setup.request(|reply| Request::Open(place, reply));
        let opened = desk.progresses.during("Connecting", answer).await.map_err(convert::error)?;
        Ok(SetupOpenResult { home: opened.home.to_string(), remote_root: opened.remote_root.to_string() })
    }

    pub(super) async fn setup_browse(&self, params: SetupBrowseParams) -> Result<SetupBrowseResult> {
        let desk = self.desk()?;
        let answer = desk.setup.request(|reply| Request::Browse(params.path, reply));
        let folder = desk.progresses.during("Looking into the folder", answer).await.map_err(convert::error)?;
        Ok(SetupBrowseResult { path: folder.path, folders: folder.folders })
    }

    pub(super) async fn setup_interpreters(&self, params: SetupInterpretersParams) -> Result<SetupInterpretersResult> {
        let desk = self.desk()?;
        let answer = desk.setup.request(|reply| Request::Interpreters(params.root, reply));
        let listed = desk.progresses.during("Looking for interpreters", answer).await.map_err(convert::error)?;
        Ok(SetupInterpretersResult { interpreters: listed.into_iter().map(interpreter).collect() })
    }

    pub(super) async fn setup_close(&self, _: NoParams) -> Result<()> {
        self.desk()?.setup.leave().await;
        Ok(())
    }

    pub(super) async fn doctor(&self, params: DoctorParams) -> Result<DoctorResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::ExamineAsked(params.target, reply));
        let findings = open.progresses.during("Examining", answer).await.map_err(convert::error)?;
        Ok(DoctorResult { checks: findings.into_iter().map(check).collect() })
    }

    fn desk(&self) -> Result<&Desk> {
        self.desk.get().ok_or_else(|| convert::error(Fault::internal("A request came before the handshake.")))
    }
}

/// Reads what is offered as a target with the settings' own eyes.
fn target(value: Value) -> std::result::Result<Target, Fault> {
    let mut settings =
        Settings::from_json(&json!({ "targets": [value] })).map_err(|error| fault::setup::target(&error))?;
    settings.targets.pop().ok_or_else(|| Fault::internal("A target was read and is not there."))
}

fn candidate(found: remora_transport::Candidate) -> Candidate {
    let label = match found.kind {
        CandidateKind::Local => "This machine".to_owned(),
        CandidateKind::Ssh | CandidateKind::Docker | CandidateKind::Kubernetes => found.name.clone(),
    };
    let target = Value::Object(target_entry::entry(&target_entry::bare(found.name, found.transport)));
    Candidate { kind: found.kind.name().into(), label, detail: found.detail, target }
}

fn interpreter(listed: Listed) -> Interpreter {
    let (major, minor, micro) = listed.version;
    let version = format!("{major}.{minor}.{micro}");
    Interpreter { path: listed.path, version, kind: listed.kind.name().into(), label: listed.label }
}

fn check(finding: Finding) -> Check {
    Check {
        name: finding.name.into(),
        ok: finding.verdict != Verdict::Failed,
        detail: finding.message,
        hint: finding.remedy,
    }
}
