//! Owns how a client comes into a conversation with a debugger that goes on already: it says hello as to a new one, is
//! answered from what is known, and hears what still stands. From then on its requests have numbers that no earlier client
//! had. Pure: says what is to be sent, and never sends it.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use remora_agent::Talk;
use serde_json::{Value, json};

use super::foresight::FIRST_QUESTION;
use crate::dap::envelope::{Envelope, Kind};
use crate::dap::frames::Frame;

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    ToClient(Frame),
    ToDebugger(Frame),
    /// The client wants to debug this process, a child of the program, or the program itself.
    Join(Option<u32>),
}

/// What there is to be joined.
#[derive(Debug)]
pub(super) enum Joined {
    /// A conversation that goes on.
    Living(Box<Talk>),
    /// A debugger to whom nobody has spoken.
    Fresh,
    /// None; this is what the client is told.
    Nothing(String),
}

/// Stands between a client and the conversation that it is to join.
pub(super) struct Resumption {
    /// What a debugger of this run answers to `initialize`.
    capabilities: Value,
    stage: Stage,
    initialize: Option<(Envelope, Frame)>,
    attach: Option<(Envelope, Frame)>,
    /// What the client said too early, and the debugger.
    early: Vec<Frame>,
    late: Vec<Frame>,
    /// What is added to the client's numbers.
    offset: i64,
    /// Answers to these requests are not for the client.
    unheard: HashSet<i64>,
}

enum Stage {
    /// It says hello.
    Greeting,
    /// What it wants to join is being fetched.
    Joining,
    /// It sets its breakpoints; then it hears what stands.
    Settling(Box<Talk>),
    /// All passes.
    Through,
}

impl Resumption {
    pub(super) fn new(capabilities: Value) -> Self {
        Self {
            capabilities,
            stage: Stage::Greeting,
            initialize: None,
            attach: None,
            early: Vec::new(),
            late: Vec::new(),
            offset: 0,
            unheard: HashSet::new(),
        }
    }

    /// A message of the client.
    pub(super) fn client(&mut self, frame: Frame) -> Vec<Step> {
        let Some(envelope) = Envelope::read(&frame) else { return vec![Step::ToDebugger(frame)] };
        match (&self.stage, envelope.name.as_str()) {
            (Stage::Greeting, "initialize") => {
                let answer = answer(&envelope, Some(&self.capabilities));
                self.initialize = Some((envelope, frame));
                vec![Step::ToClient(answer)]
            }
            (Stage::Greeting, "attach") => {
                let message: Value = serde_json::from_slice(frame.body()).unwrap_or_default();
                let child = message["arguments"]["subProcessId"].as_u64().and_then(|pid| u32::try_from(pid).ok());
                self.attach = Some((envelope, frame));
                self.stage = Stage::Joining;
                vec![Step::Join(child)]
            }
            (Stage::Greeting | Stage::Joining, _) => {
                self.early.push(frame);
                Vec::new()
            }
            (Stage::Settling(talk), "configurationDone") if talk.configured => {
                let mut steps = vec![Step::ToClient(answer(&envelope, None))];
                steps.extend(self.attached());
                steps
            }
            _ => vec![Step::ToDebugger(self.to_debugger(&envelope, frame))],
        }
    }

    /// What the client asked for was found.
    pub(super) fn joined(&mut self, joined: Joined) -> Vec<Step> {
        let mut steps = Vec::new();
        match joined {
            Joined::Living(talk) => {
                self.offset = talk.last_number;
                self.stage = Stage::Settling(talk);
                steps.push(Step::ToClient(event("initialized", None)));
            }
            Joined::Fresh => {
                self.stage = Stage::Through;
                let hello = self.initialize.take().into_iter().inspect(|(envelope, _)| {
                    self.unheard.insert(envelope.seq);
                });
                let said = hello.chain(self.attach.take()).map(|(_, frame)| Step::ToDebugger(frame));
                steps.extend(said.collect::<Vec<_>>());
            }
            Joined::Nothing(why) => {
                self.stage = Stage::Through;
                let refused = self.attach.take().map(|(attach, _)| Step::ToClient(refusal(&attach, &why)));
                steps.extend(refused);
            }
        }
        for frame in std::mem::take(&mut self.early) {
            steps.extend(self.client(frame));
        }
        steps
    }

    /// A message of the debugger.
    pub(super) fn debugger(&mut self, frame: Frame) -> Vec<Step> {
        let Some(envelope) = Envelope::read(&frame) else { return vec![Step::ToClient(frame)] };
        if envelope.kind != Kind::Response {
            return match self.stage {
                Stage::Through => vec![Step::ToClient(frame)],
                // The client is still setting things up.
                _ => {
                    self.late.push(frame);
                    Vec::new()
                }
            };
        }
        let number = envelope.request_seq.unwrap_or_default();
        if self.unheard.remove(&number) {
            return Vec::new();
        }
        if number <= self.offset || number >= FIRST_QUESTION {
            // Of an earlier client, or of the agent on its behalf. That client was lost before its attach was answered
            // if it had not set its breakpoints.
            let attach = envelope.name == "attach" && matches!(&self.stage, Stage::Settling(talk) if !talk.configured);
            return if attach { self.attached() } else { Vec::new() };
        }
        vec![Step::ToClient(envelope.answering(frame, number - self.offset))]
    }

    /// The client has set its breakpoints: it has attached, and hears what stands.
    fn attached(&mut self) -> Vec<Step> {
        let Stage::Settling(talk) = std::mem::replace(&mut self.stage, Stage::Through) else { return Vec::new() };
        let Talk { process, said, children, stopped, .. } = *talk;
        let attach = self.attach.take().map(|(attach, _)| answer(&attach, None));
        let named = |name: &'static str| move |body: Value| event(name, Some(body));
        let stands = attach
            .into_iter()
            .chain(process.map(named("process")))
            .chain(said.into_iter().map(named("output")))
            .chain(children.into_iter().map(named("debugpyAttach")))
            .chain(stopped.into_iter().map(named("stopped")));
        stands.chain(std::mem::take(&mut self.late)).map(Step::ToClient).collect()
    }

    fn to_debugger(&self, envelope: &Envelope, frame: Frame) -> Frame {
        match envelope.kind {
            Kind::Request => envelope.numbered(frame, envelope.seq + self.offset),
            // The debugger knows its own requests by their numbers.
            Kind::Response | Kind::Event => frame,
        }
    }
}

fn answer(request: &Envelope, body: Option<&Value>) -> Frame {
    let mut message = json!({
        "seq": 0, "type": "response", "request_seq": request.seq, "command": request.name, "success": true,
    });
    if let Some(body) = body {
        message["body"] = body.clone();
    }
    Frame::new(message.to_string().as_bytes())
}

fn refusal(request: &Envelope, words: &str) -> Frame {
    let message = json!({
        "seq": 0, "type": "response", "request_seq": request.seq, "command": request.name, "success": false,
        "message": words,
    });
    Frame::new(message.to_string().as_bytes())
}

fn event(name: &str, body: Option<Value>) -> Frame {
    let mut message = json!({"seq": 0, "type": "event", "event": name});
    if let Some(body) = body {
        message["body"] = body;
    }
    Frame::new(message.to_string().as_bytes())
}
