//! `remora doctor`: prints what the doctor finds, each finding as soon as it is known.

use std::sync::Arc;

use remora_transport::Ask;
use serde_json::json;
use tokio::sync::mpsc;

use super::args::DoctorArgs;
use super::target::Scene;
use super::voice::Voice;
use super::{FAILED, ask};
use crate::asker::Asker;
use crate::doctor::{self, Finding, Patient, Verdict};
use crate::surface::Said;

pub(super) async fn run(args: DoctorArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let scene = match Scene::of(&args.target) {
        Ok(scene) => scene,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    let Scene { workspace, settings, target } = scene;
    let patient = Patient { local_root: workspace.root, settings, target, port: args.port };
    let mut failed = false;
    let mut report = |finding: Finding| {
        failed |= finding.verdict == Verdict::Failed;
        print(&mut voice, &finding);
    };
    doctor::examine(&patient, asker(), &mut report).await;
    if failed { FAILED } else { 0 }
}

fn print(voice: &mut Voice, finding: &Finding) {
    let (status, mark) = match finding.verdict {
        Verdict::Ok => ("ok", "ok     "),
        Verdict::Warning => ("warning", "warning"),
        Verdict::Failed => ("failed", "FAILED "),
        Verdict::Skipped => ("skipped", "skipped"),
    };
    let event = json!({
        "event": "check", "name": finding.name, "status": status,
        "message": finding.message, "remedy": finding.remedy,
    });
    let mut words = format!("{mark}  {:<12} {}", finding.name, finding.message);
    if let Some(remedy) = &finding.remedy {
        words.push_str(&format!("\n                      {remedy}"));
    }
    voice.print(&event, &words);
}

/// Questions are put to the terminal, as in every other command.
pub(super) fn asker() -> Arc<dyn Ask> {
    let (surface, mut said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(said) = said.recv().await {
            if let Said::Ask(question, reply) = said {
                ask::answer(question, reply);
            }
        }
    });
    Arc::new(Asker::new(surface))
}
