//! Carries what the event loop says to the editor. Decides nothing but which message it is.

use std::collections::HashMap;

use remora_agent::Exit;
use remora_debug::OutputStream;
use remora_model::text::Decoder;
use remora_transport::{Answer, Question, Secret};
use tokio::sync::{mpsc, oneshot};
use tower_lsp::Client;
use tower_lsp::lsp_types::{MessageActionItem, MessageType};

use super::progress::{Progresses, Work};
use super::terminal::Screens;
use crate::backend::convert;
use crate::protocol::{
    AskParams, AskResult, AskUser, Exited, ExitedParams, Faulted, MirroredNow, Output, OutputParams, Shown,
    StatusChanged,
};
use crate::question::{Offer, Word, Wording};
use crate::status::{Phase, Status};
use crate::surface::{Said, SessionId};

/// Runs until the loop has nothing more to say.
pub(super) async fn run(client: Client, progresses: Progresses, mut said: mpsc::UnboundedReceiver<Said>) {
    let mut background: Option<Work> = None;
    let mut decoders = Decoders::default();
    let mut screens = Screens::default();
    while let Some(said) = said.recv().await {
        match said {
            Said::Status(status) => {
                watch_phase(&progresses, &mut background, &status);
                if let Ok(status) = serde_json::to_value(Shown::from(status)) {
                    client.send_notification::<StatusChanged>(status).await;
                }
            }
            Said::Mirrored(done) => {
                client.send_notification::<MirroredNow>(convert::mirrored(&done)).await;
            }
            // The status shows the work itself.
            Said::Resumed(left) => tracing::info!(left, "an upload that was cut short before is being finished"),
            Said::Progress(counts) => progresses.count(Some(counts)),
            Said::Output(session, stream, data) => {
                let text = decoders.entry((session, stream == OutputStream::Stderr)).or_default().decode(&data);
                say_output(&client, session, stream, text).await;
            }
            // The editor attached, so it knows; and the status names what is stale.
            Said::Attached | Said::Stale(..) => {}
            Said::Exited(session, exit) => {
                finish_output(&client, &mut decoders, session).await;
                client.send_notification::<Exited>(exited(session, Some(exit))).await;
            }
            Said::SessionLost(session, goes_on) => {
                finish_output(&client, &mut decoders, session).await;
                let params = ExitedParams { lost: !goes_on, ..exited(session, None) };
                client.send_notification::<Exited>(params).await;
            }
            Said::TerminalOutput(terminal, shown) => screens.show(&client, terminal, shown).await,
            Said::TerminalEnded(terminal, exit) => screens.end(&client, terminal, exit).await,
            Said::Fault(fault) => {
                tracing::warn!(kind = ?fault.kind, chain = fault.source_chain, "{} {}", fault.message, fault.hint);
                if let Ok(fault) = serde_json::to_value(&fault) {
                    client.send_notification::<Faulted>(fault).await;
                }
            }
            Said::Offer(offer, reply) => {
                tokio::spawn(put(client.clone(), offer, reply));
            }
            Said::Ask(question, reply) => {
                tokio::spawn(ask(client.clone(), question, reply));
            }
        }
    }
}

/// Long work that no request waits for is shown too.
fn watch_phase(progresses: &Progresses, background: &mut Option<Work>, status: &Status) {
    let title = match status.phase {
        Phase::Comparing | Phase::Uploading => Some("Mirroring"),
        Phase::Reconnecting => Some("Reconnecting"),
        _ => None,
    };
    match title {
        Some(title) if background.is_none() => *background = Some(progresses.begin(title)),
        Some(_) => {}
        None => {
            *background = None;
            progresses.count(None);
        }
    }
}

/// What a session has written and not finished, by whether it is its standard error.
type Decoders = HashMap<(SessionId, bool), Decoder>;

/// A character that was never finished is shown as what it is.
async fn finish_output(client: &Client, decoders: &mut Decoders, session: SessionId) {
    for stream in [OutputStream::Stdout, OutputStream::Stderr] {
        if let Some(mut decoder) = decoders.remove(&(session, stream == OutputStream::Stderr)) {
            say_output(client, session, stream, decoder.finish()).await;
        }
    }
}

async fn say_output(client: &Client, session: SessionId, stream: OutputStream, data: String) {
    if data.is_empty() {
        return;
    }
    let stream = match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    };
    let params = OutputParams { session: session.0, stream: stream.into(), data };
    client.send_notification::<Output>(params).await;
}

fn exited(session: SessionId, exit: Option<Exit>) -> ExitedParams {
    let mut params = ExitedParams { session: session.0, ..ExitedParams::default() };
    match exit {
        Some(Exit::Code(code)) => params.code = Some(code),
        Some(Exit::Signal(signal)) => params.signal = Some(signal),
        None => params.lost = true,
    }
    params
}

/// Shows a message with buttons; one that is closed answers nothing.
async fn put(client: Client, offer: Offer, reply: oneshot::Sender<Word>) {
    let button = |(title, _): &(String, Word)| MessageActionItem { title: title.clone(), properties: HashMap::new() };
    let buttons = offer.choices.iter().map(button).collect();
    let chosen = client
        .show_message_request(MessageType::WARNING, format!("{} {}", offer.said, offer.question), Some(buttons))
        .await;
    if let Ok(Some(chosen)) = chosen
        && let Some(meaning) = offer.meaning(&chosen.title)
    {
        // The mirror may be another one by now.
        let _ = reply.send(meaning);
    }
}

/// An editor that does not answer, or does not know the question, has declined.
async fn ask(client: Client, question: Question, reply: oneshot::Sender<Option<Answer>>) {
    let is_host_key = matches!(question, Question::HostKey { .. });
    let answer = match serde_json::to_value(params(question)) {
        Ok(params) => client.send_request::<AskUser>(params).await.ok().flatten(),
        Err(_) => None,
    };
    let _ = reply.send(answer.and_then(|answer| result(answer, is_host_key)));
}

fn params(question: Question) -> AskParams {
    let Wording { kind, title, prompt, hidden, attempt, keep } = Wording::of(question);
    AskParams { kind: kind.into(), title, prompt, hidden, attempt, keep }
}

fn result(answer: AskResult, is_host_key: bool) -> Option<Answer> {
    if is_host_key {
        return answer.trust.then_some(Answer::Trust { remember: answer.remember });
    }
    answer.secret.map(|secret| Answer::Secret(Secret::new(secret)))
}
