//! Examines a target: what would fail, why, and the remedy, in under five seconds. Changes nothing on either
//! side, and prints nothing: the command line and the editor show what it finds.

mod checks;

use std::sync::Arc;
use std::time::Duration;

use remora_model::{LocalPath, Settings, Target};
use remora_transport::{Answer, Ask, Question};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::fault::{Fault, Kind};
use crate::host;

/// All checks together take no longer: somebody waits for them. The time in which that person types an answer
/// does not count.
const PATIENCE: Duration = Duration::from_millis(4800);

/// What is examined.
pub struct Patient {
    /// The local root.
    pub local_root: LocalPath,
    /// The settings of its workspace.
    pub settings: Settings,
    /// Where its programs are to run.
    pub target: Target,
    /// A port there that shall be reached from here.
    pub port: Option<u16>,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is fine.
    Ok,
    /// It works, and something about it is worth knowing.
    Warning,
    /// It would fail.
    Failed,
    /// It can't be told here.
    Skipped,
}

/// One line of the report.
#[derive(Debug)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub name: &'static str,
    /// Whether it is fine.
    pub verdict: Verdict,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
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

/// Who hears of each finding as soon as it is known.
pub type Report<'a> = dyn FnMut(Finding) + Send + 'a;

/// Runs all checks over a connection of their own; questions go to `asker`.
pub async fn examine(patient: &Patient, asker: Arc<dyn Ask>, report: &mut Report<'_>) {
    let (typing, open) = watch::channel(false);
    let asker = Arc::new(Watched { asker, typing });
    let mut deadline = Instant::now() + PATIENCE;
    let connecting = host::connect(&patient.target.transport, asker);
    let connected = before(&mut deadline, open, connecting).await;
    let link = match connected.unwrap_or_else(|| Err(too_slow("connect"))) {
        Ok(link) => link,
        Err(fault) => {
            checks::of_failed_connection(&patient.target.transport, &fault).into_iter().for_each(report);
            return;
        }
    };
    checks::of_connection(patient, &link).into_iter().for_each(&mut *report);
    if timeout_at(deadline, checks::of_remote(patient, &link, report)).await.is_err() {
        report(Finding::fault("time", &too_slow("answer all checks")));
    } else if let Some(port) = patient.port {
        let finding = timeout_at(deadline, checks::port(patient, &link, port)).await;
        report(finding.unwrap_or_else(|_| Finding::fault("port", &too_slow("answer"))));
    }
    // A link that hangs ends all the same when it is dropped.
    let _ = timeout_at(deadline, link.close()).await;
}

/// Tells whether a question is open.
struct Watched {
    asker: Arc<dyn Ask>,
    typing: watch::Sender<bool>,
}

impl Ask for Watched {
    fn ask(&self, question: Question) -> Option<Answer> {
        self.typing.send_replace(true);
        let answer = self.asker.ask(question);
        self.typing.send_replace(false);
        answer
    }
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
