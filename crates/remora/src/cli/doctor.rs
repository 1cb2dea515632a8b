//! `remora doctor`: what would fail, why, and the remedy, in under five seconds. Changes nothing on
//! either side.

mod checks;
mod reach;

use std::time::Duration;

use remora_transport::Ask;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::args::DoctorArgs;
use super::target::Scene;
use super::voice::Voice;
use super::{FAILED, ask};
use crate::asker::Asker;
use crate::fault::{Fault, Kind};
use crate::host;
use crate::surface::Said;

/// All checks together take no longer: somebody waits at a terminal. The time in which that person types an
/// answer does not count.
const PATIENCE: Duration = Duration::from_millis(4800);

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Failed,
    Skipped,
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    name: &'static str,
    verdict: Verdict,
    message: String,
    remedy: Option<String>,
}

impl Finding {
    fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, message: message.into(), remedy: None }
    }

    fn warning(name: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, message: message.into(), remedy: Some(remedy.into()) }
    }

    fn skipped(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Skipped, message: message.into(), remedy: None }
    }

    fn fault(name: &'static str, fault: &Fault) -> Self {
        Self { name, verdict: Verdict::Failed, message: fault.message.clone(), remedy: Some(fault.hint.clone()) }
    }
}

/// Collects the findings and says each as soon as it is known.
struct Report {
    voice: Voice,
    failed: bool,
}

impl Report {
    fn add(&mut self, finding: &Finding) {
        self.failed |= finding.verdict == Verdict::Failed;
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
        self.voice.print(&event, &words);
    }
}

pub(super) async fn run(args: DoctorArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let scene = match Scene::of(&args.target) {
        Ok(scene) => scene,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    let mut report = Report { voice, failed: false };
    examine(&scene, args.port, &mut report).await;
    if report.failed { FAILED } else { 0 }
}

async fn examine(scene: &Scene, port: Option<u16>, report: &mut Report) {
    let (asker, typing) = asker();
    let mut deadline = Instant::now() + PATIENCE;
    let connecting = host::connect(&scene.target.transport, asker);
    let connected = before(&mut deadline, typing, connecting).await;
    let link = match connected.unwrap_or_else(|| Err(too_slow("connect"))) {
        Ok(link) => link,
        Err(fault) => {
            for finding in checks::of_failed_connection(&scene.target.transport, &fault) {
                report.add(&finding);
            }
            return;
        }
    };
    for finding in checks::of_connection(scene, &link) {
        report.add(&finding);
    }
    if timeout_at(deadline, checks::of_remote(scene, &link, report)).await.is_err() {
        report.add(&Finding::fault("time", &too_slow("answer all checks")));
    } else if let Some(port) = port {
        let finding = timeout_at(deadline, reach::check(scene, &link, port)).await;
        report.add(&finding.unwrap_or_else(|_| Finding::fault("port", &too_slow("answer"))));
    }
    // A link that hangs ends with this process all the same.
    let _ = timeout_at(deadline, link.close()).await;
}

/// Questions are put to the terminal, as in every other command; and whether one is open.
fn asker() -> (std::sync::Arc<dyn Ask>, watch::Receiver<bool>) {
    let (surface, mut said) = mpsc::unbounded_channel();
    let (typing, open) = watch::channel(false);
    tokio::spawn(async move {
        while let Some(said) = said.recv().await {
            let Said::Ask(question, reply) = said else { continue };
            let (ours, answer) = oneshot::channel();
            typing.send_replace(true);
            ask::answer(question, ours);
            let answer = answer.await.ok().flatten();
            typing.send_replace(false);
            let _ = reply.send(answer);
        }
    });
    (std::sync::Arc::new(Asker::new(surface)), open)
}

/// What `work` gives before the deadline, which moves on while somebody is typing.
async fn before<T>(
    deadline: &mut Instant,
    mut typing: watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    loop {
        let since = Instant::now();
        let is_typing = *typing.borrow_and_update();
        tokio::select! {
            done = &mut work => return Some(done),
            () = sleep_until(*deadline), if !is_typing => return None,
            Ok(()) = typing.changed() => {}
        }
        if is_typing {
            *deadline += since.elapsed();
        }
    }
}

fn too_slow(what: &str) -> Fault {
    Fault::new(
        Kind::ConnectionTimedOut,
        format!("The target took more than {:.0} s to {what}.", PATIENCE.as_secs_f64()),
        "Check the network and the load of the host.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_time_in_which_somebody_types_does_not_count() {
        let (typing, open) = watch::channel(true);
        // Over already, if it counted.
        let mut deadline = Instant::now();
        let answered = async {
            tokio::task::yield_now().await;
            "done"
        };
        assert_eq!(before(&mut deadline, open.clone(), answered).await, Some("done"));
        let hangs = async {
            typing.send_replace(false);
            std::future::pending::<()>().await;
        };
        assert_eq!(before(&mut deadline, open, hangs).await, None);
    }
}
