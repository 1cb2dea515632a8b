//! Owns what a client and a debugger that don't mean the same are each told: a client may say `launch` where the
//! program runs already, and sees the program's output and its true end. What needs no change passes as it came.
//! Pure: says what is to be sent, and never sends it.

mod arguments;
mod parent;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use remora_agent::{Exit, LostReason};
use serde_json::{Value, json};

use super::identity::Project;
use crate::dap::envelope::{Envelope, Kind};
use crate::dap::frames::Frame;
use crate::request::{Notice, Words};
use crate::session::OutputStream;
use parent::Parent;

/// What does not change while a session runs.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Where it listens, if that is no port.
    pub(crate) socket: Option<PathBuf>,
    /// What the debugger is told to attach.
    pub(crate) attach: Value,
    /// Whether it is ptvsd, which serves one client only and reads its options from a list.
    pub(crate) ptvsd: bool,
    /// Whether the program ran before its session, and goes on after it.
    pub(crate) attached: bool,
    pub(crate) words: Words,
    /// Whether the debugger is asked at a stop before the client asks.
    pub(crate) foresight: bool,
    pub(crate) project: Arc<Project>,
    /// The name of the run, if it goes on without its clients.
    pub(crate) held: Option<String>,
}

/// What a session tells the client that debugs its program. The end comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    Output(OutputStream, Vec<u8>),
    /// The program is to be started anew.
    Restart,
    /// So many bytes of output were not kept.
    Omitted(usize),
    /// It goes on without us, as the run of that name.
    Held(String),
    Exited(Exit),
    Lost(LostReason),
    /// The run of that name goes on without us.
    Adrift(LostReason, String),
}

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    ToClient(Frame),
    ToDebugger(Frame),
    /// Bytes for the client that nobody has to look at: no message, or one of our own.
    Raw(Vec<u8>),
    /// The debugger was asked for the program's end, and may or may not know how.
    EndSeen,
    /// The program is to be ended.
    EndAsked,
    /// The debugger is left as it is, for another client.
    Leave,
    /// Nothing more will be said to the client.
    Close,
}

/// Stands between one client and the debugger.
pub(crate) struct Translator {
    facts: Arc<Facts>,
    role: Role,
    /// Of the last message that the client got.
    last_seq: i64,
    /// The client's first request.
    initialize: Option<i64>,
    /// Whether the debugger has said that it is ready: ptvsd does so before its client says what it wants.
    initialized: bool,
    /// The debugger's own requests: the number that the client saw, and the debugger's.
    reverse: HashMap<i64, i64>,
}

/// What a connection is for.
enum Role {
    /// On a port: all passes unchanged, unless the client launches.
    Plain,
    /// On a socket, and not yet known.
    Fresh,
    /// A child process is debugged.
    Child,
    /// The program itself is debugged, with its output and its end.
    Parent(Parent),
}

/// What a parent makes of a message.
enum Step {
    /// It passes.
    Pass,
    /// The client is told this, whose number is still to be set.
    Say(Value),
    EndAsked,
    Close,
}

impl Translator {
    pub(crate) fn new(facts: Arc<Facts>) -> Self {
        let role = if facts.socket.is_some() { Role::Fresh } else { Role::Plain };
        Self { facts, role, last_seq: 0, initialize: None, initialized: false, reverse: HashMap::new() }
    }

    /// Whether this message asks for the program itself, which one client at a time may debug.
    pub(crate) fn wants_the_seat(&self, frame: &Frame) -> bool {
        if matches!(self.role, Role::Child | Role::Parent(_)) {
            return false;
        }
        let Some(envelope) = Envelope::read(frame).filter(|envelope| envelope.kind == Kind::Request) else {
            return false;
        };
        match (&self.role, envelope.name.as_str()) {
            (Role::Plain | Role::Fresh, "launch") => true,
            (Role::Fresh, "attach") => arguments_of(frame).get("subProcessId").is_none(),
            _ => false,
        }
    }

    /// Answers a client that can't have what it asks for.
    pub(crate) fn refuse(&mut self, frame: &Frame, why: &Notice) -> Vec<Out> {
        match Envelope::read(frame).filter(|envelope| envelope.kind == Kind::Request) {
            Some(envelope) => {
                let refusal = refusal(&envelope, &(self.facts.words)(why));
                vec![self.say(refusal)]
            }
            None => Vec::new(),
        }
    }

    /// A message of the client.
    pub(crate) fn client(&mut self, frame: Frame) -> Vec<Out> {
        let Some(envelope) = Envelope::read(&frame) else { return vec![Out::ToDebugger(frame)] };
        match envelope.kind {
            Kind::Event => vec![Out::ToDebugger(frame)],
            Kind::Response => {
                let theirs = envelope.request_seq.and_then(|seq| self.reverse.remove(&seq));
                let frame = theirs.map_or(frame.clone(), |theirs| envelope.answering(frame, theirs));
                vec![Out::ToDebugger(frame)]
            }
            Kind::Request => self.request(&envelope, frame),
        }
    }

    fn request(&mut self, envelope: &Envelope, frame: Frame) -> Vec<Out> {
        let name = envelope.name.as_str();
        if name == "disconnect" && self.facts.held.is_some() && self.leaves(&frame) {
            // The debugger would let the program go on without its breakpoints.
            let left = self.say(success(envelope));
            return vec![Out::Leave, left, Out::Close];
        }
        match (&mut self.role, name) {
            (Role::Parent(parent), _) => {
                let steps = parent.client(envelope, || arguments_of(&frame));
                self.follow(steps, frame)
            }
            (Role::Plain | Role::Fresh, "launch") => self.begin(envelope, &frame),
            (Role::Fresh, "attach") if arguments_of(&frame).get("subProcessId").is_some() => {
                self.role = Role::Child;
                vec![Out::ToDebugger(frame)]
            }
            (Role::Fresh, "attach") => self.begin(envelope, &frame),
            (Role::Fresh, "initialize") => {
                self.initialize = Some(envelope.seq);
                // So that children are announced by every debugger in the same way, by an event.
                vec![Out::ToDebugger(edited(frame, |message| {
                    if message["arguments"].is_object() {
                        message["arguments"]["supportsStartDebuggingRequest"] = json!(false);
                    }
                }))]
            }
            _ => {
                let asks = name == "terminate"
                    || (name == "disconnect" && arguments_of(&frame)["terminateDebuggee"] == json!(true));
                let seen = asks.then_some(Out::EndSeen);
                [Out::ToDebugger(frame)].into_iter().chain(seen).collect()
            }
        }
    }

    /// Whether a client that disconnects from a run that goes on without it leaves it as it stands. It does unless it says
    /// otherwise, or is over, or starts the program anew.
    fn leaves(&self, disconnect: &Frame) -> bool {
        let arguments = arguments_of(disconnect);
        let over = matches!(&self.role, Role::Parent(parent) if parent.is_over());
        !over && arguments["terminateDebuggee"] != json!(true) && arguments["restart"] != json!(true)
    }

    /// From here on the client debugs the program itself.
    fn begin(&mut self, envelope: &Envelope, frame: &Frame) -> Vec<Out> {
        let launched = envelope.name == "launch";
        let mut parent = Parent::new(envelope.seq, launched, &self.facts);
        if self.initialized {
            parent.note_ready();
        }
        self.role = Role::Parent(parent);
        let arguments = arguments::attach(&self.facts, &arguments_of(frame), launched);
        let message = json!({"seq": envelope.seq, "type": "request", "command": "attach", "arguments": arguments});
        vec![Out::ToDebugger(Frame::new(message.to_string().as_bytes()))]
    }

    /// A message of the debugger.
    pub(crate) fn debugger(&mut self, frame: Frame) -> Vec<Out> {
        let Some(envelope) = Envelope::read(&frame) else { return vec![Out::ToClient(frame)] };
        self.initialized |= envelope.kind == Kind::Event && envelope.name == "initialized";
        let frame = match (envelope.kind, envelope.name.as_str()) {
            _ if matches!(self.role, Role::Plain) && envelope.seq > self.last_seq => {
                self.last_seq = envelope.seq;
                return vec![Out::ToClient(frame)];
            }
            // An answer that was asked for ahead comes late.
            _ if matches!(self.role, Role::Plain) => return vec![self.pass(&envelope, frame)],
            (Kind::Response, "initialize") if self.initialize == envelope.request_seq => edited(frame, |message| {
                if message["success"] == true {
                    // debugpy misspells the first, and its older versions and ptvsd lack the second: either is ours.
                    message["body"]["supportTerminateDebuggee"] = json!(true);
                    message["body"]["supportsTerminateRequest"] = json!(true);
                }
            }),
            (Kind::Event, "debugpyAttach") => match &self.facts.socket {
                Some(socket) => edited(frame, |message| over_socket(&mut message["body"], socket)),
                None => frame,
            },
            _ => frame,
        };
        let Role::Parent(parent) = &mut self.role else { return vec![self.pass(&envelope, frame)] };
        let (steps, frame) = parent.debugger(&envelope, frame);
        let mut outs = Vec::new();
        for step in steps {
            match step {
                Step::Pass => outs.push(self.pass(&envelope, frame.clone())),
                other => outs.extend(self.out(other)),
            }
        }
        outs
    }

    /// The debugger's side of the connection has ended.
    pub(crate) fn debugger_gone(&mut self) -> Vec<Out> {
        match &mut self.role {
            Role::Parent(parent) => {
                let steps = parent.debugger_gone();
                self.all_out(steps)
            }
            _ => vec![Out::Close],
        }
    }

    /// Whether news of the program can be told: a client that is still setting things up would drop it.
    pub(crate) fn takes_news(&self) -> bool {
        matches!(&self.role, Role::Parent(parent) if parent.takes_news())
    }

    /// News of the program.
    pub(crate) fn news(&mut self, news: News) -> Vec<Out> {
        let Role::Parent(parent) = &mut self.role else { return Vec::new() };
        let steps = parent.news(news);
        self.all_out(steps)
    }

    /// How long the rest of the end may take that is still waited for; nothing while nothing is.
    pub(crate) fn patience(&self) -> Option<Duration> {
        if let Role::Parent(parent) = &self.role { parent.patience() } else { None }
    }

    /// Whether it is the program that is waited for, and not its debugger.
    pub(crate) fn waits_for_the_program(&self) -> bool {
        matches!(&self.role, Role::Parent(parent) if parent.waits_for_the_program())
    }

    /// That time is over.
    pub(crate) fn out_of_patience(&mut self) -> Vec<Out> {
        let Role::Parent(parent) = &mut self.role else { return Vec::new() };
        let steps = parent.out_of_patience();
        self.all_out(steps)
    }

    fn follow(&mut self, steps: Vec<Step>, frame: Frame) -> Vec<Out> {
        let mut outs = Vec::new();
        for step in steps {
            match step {
                Step::Pass => outs.push(Out::ToDebugger(frame.clone())),
                other => outs.extend(self.out(other)),
            }
        }
        outs
    }

    fn all_out(&mut self, steps: Vec<Step>) -> Vec<Out> {
        steps.into_iter().filter_map(|step| self.out(step)).collect()
    }

    fn out(&mut self, step: Step) -> Option<Out> {
        match step {
            Step::Pass => None,
            Step::Say(message) => Some(self.say(message)),
            Step::EndAsked => Some(Out::EndAsked),
            Step::Close => Some(Out::Close),
        }
    }

    /// An event that another part of the relay has for the client.
    pub(crate) fn insert(&mut self, mut event: Value) -> Out {
        self.last_seq += 1;
        event["seq"] = json!(self.last_seq);
        Out::Raw(Frame::new(event.to_string().as_bytes()).into_bytes())
    }

    /// A message of our own for the client.
    fn say(&mut self, mut message: Value) -> Out {
        self.last_seq += 1;
        message["seq"] = json!(self.last_seq);
        Out::ToClient(Frame::new(message.to_string().as_bytes()))
    }

    /// A message of the debugger for the client, with the number that is due.
    fn pass(&mut self, envelope: &Envelope, frame: Frame) -> Out {
        self.last_seq += 1;
        if envelope.kind == Kind::Request {
            self.reverse.insert(self.last_seq, envelope.seq);
        }
        // An edited message begins with its number too, but stands elsewhere.
        let fresh = Envelope::read(&frame);
        Out::ToClient(fresh.as_ref().unwrap_or(envelope).numbered(frame, self.last_seq))
    }
}

/// A child is reached as its parent was.
fn over_socket(configuration: &mut Value, socket: &std::path::Path) {
    if let Some(configuration) = configuration.as_object_mut() {
        configuration.shift_remove("connect");
        configuration.insert("socket".into(), json!(socket));
    }
}

fn arguments_of(frame: &Frame) -> Value {
    let mut message: Value = serde_json::from_slice(frame.body()).unwrap_or_default();
    message.get_mut("arguments").map(Value::take).unwrap_or_default()
}

fn edited(frame: Frame, edit: impl FnOnce(&mut Value)) -> Frame {
    let Ok(mut message) = serde_json::from_slice::<Value>(frame.body()) else { return frame };
    edit(&mut message);
    Frame::new(message.to_string().as_bytes())
}

fn success(envelope: &Envelope) -> Value {
    json!({"seq": 0, "type": "response", "request_seq": envelope.seq, "command": envelope.name, "success": true})
}

fn refusal(envelope: &Envelope, words: &str) -> Value {
    json!({
        "seq": 0, "type": "response", "request_seq": envelope.seq, "command": envelope.name, "success": false,
        "message": words,
        "body": {"error": {"id": 1, "format": words, "showUser": true}},
    })
}
