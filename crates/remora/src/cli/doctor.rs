//! `remora doctor`: prints what the doctor finds, each finding as soon as it is known.

use serde_json::json;

use super::args::DoctorArgs;
use super::target::Scene;
use super::voice::Voice;
use super::{FAILED, ask};
use crate::doctor::{self, Finding, Patient, Verdict};

pub(super) async fn run(args: DoctorArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let Some(scene) = Scene::or_said(&args.target, &mut voice) else { return FAILED };
    let Scene { workspace, settings, target } = scene;
    let patient = Patient { local_root: workspace.root, settings, target, port: args.port };
    let mut failed = false;
    let mut report = |finding: Finding| {
        failed |= finding.verdict == Verdict::Failed;
        print(&mut voice, &finding);
    };
    doctor::examine(&patient, ask::asker(), &mut report).await;
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
