//! Asks the person at the terminal what a connection needs to know, without showing secrets. Where
//! there is no terminal, `SSH_ASKPASS` is asked, as OpenSSH does. Never stores an answer.

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;

use remora_transport::{Answer, Ask, Question, Secret};
use tokio::sync::{mpsc, oneshot};

use super::voice::complain;
use crate::asker::Asker;
use crate::surface::Said;

/// Somebody who puts questions to the person here, for a command without an event loop.
pub(super) fn asker() -> Arc<dyn Ask> {
    let (surface, mut said) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(said) = said.recv().await {
            if let Said::Ask(question, reply) = said {
                answer(question, reply);
            }
        }
    });
    Arc::new(Asker::new(surface))
}

/// Answers a question in a thread of its own, because terminals make one wait.
pub(super) fn answer(question: Question, reply: oneshot::Sender<Option<Answer>>) {
    tokio::task::spawn_blocking(move || {
        let _ = reply.send(ask(&question));
    });
}

fn ask(question: &Question) -> Option<Answer> {
    let (prompt, echo) = words(question);
    let typed = match askpass() {
        Some(program) => run_askpass(&program, &prompt)?,
        None if echo => read_line(&prompt)?,
        None => rpassword::prompt_password(prompt).ok()?,
    };
    match question {
        Question::HostKey { .. } => matches!(typed.trim(), "yes" | "y").then_some(Answer::Trust { remember: true }),
        _ => Some(Answer::Secret(Secret::new(typed))),
    }
}

/// What to ask, and whether the answer may be seen.
fn words(question: &Question) -> (String, bool) {
    match question {
        Question::HostKey { host, port, algorithm, fingerprint } => (
            format!("The key of {host} port {port} is not known: {algorithm} {fingerprint}\nTrust it (yes/no)? "),
            true,
        ),
        Question::Passphrase { key, .. } => (format!("Passphrase of the key {}: ", key.display()), false),
        Question::Password { user, host, .. } => (format!("Password of {user}@{host}: "), false),
        Question::Sudo { user, host, account, .. } => {
            (format!("Password of {user} for sudo on {host}, to run as {account}: "), false)
        }
        Question::KeyboardInteractive { user, host, name, instructions, prompt, echo } => {
            let lines = [name.as_str(), instructions.as_str()];
            let intro: String = lines.iter().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
            (format!("{intro}({user}@{host}) {prompt}"), *echo)
        }
    }
}

/// The program to ask instead of the terminal, by OpenSSH's rules.
fn askpass() -> Option<String> {
    let program = std::env::var("SSH_ASKPASS").ok().filter(|program| !program.is_empty())?;
    match std::env::var("SSH_ASKPASS_REQUIRE").as_deref() {
        Ok("never") => None,
        Ok("force") => Some(program),
        _ => (!std::io::stdin().is_terminal()).then_some(program),
    }
}

fn run_askpass(program: &str, prompt: &str) -> Option<String> {
    let output = Command::new(program).arg(prompt).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        Ok(_) => None,
        Err(error) => {
            complain(&format!("Can't run SSH_ASKPASS {program}: {error}."));
            None
        }
    }
}

fn read_line(prompt: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(prompt.as_bytes()).and_then(|()| stderr.flush()).ok()?;
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
