//! Owns the state of the one client that debugs the program itself: what it was told of the end, and what is still
//! to come of it. Pure.

use std::time::Duration;

use remora_agent::Exit;
use remora_model::text::Decoder;
use serde_json::{Value, json};

use super::{Facts, News, Step, edited, refusal, success};
use crate::dap::envelope::{Envelope, Kind};
use crate::dap::frames::Frame;
use crate::request::{Notice, Words};
use crate::session::OutputStream;

/// After the program's end: how long its debugger may take to say its last words. It speaks as soon as its program
/// has let go of it, and what it left behind is ended after a second.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// After the debugger's end: how long the program may take to end, too. It still runs what is to run at its exit,
/// and its last output comes then; one that takes longer goes on without its debugger.
const LAST_DEEDS: Duration = Duration::from_secs(10);

/// A shell says 128 and the signal's number for a program that was ended by one.
const BY_SIGNAL: i32 = 128;

/// A client that debugs the program itself.
pub(super) struct Parent {
    /// The number of its `launch` or `attach`.
    start: i64,
    launched: bool,
    /// Whether nobody can tell how the program ends.
    attached: bool,
    words: Words,
    /// Whether it can be told news.
    ready: bool,
    /// The request by which it leaves the program running; the debugger has not answered it.
    leaving: Option<Envelope>,
    /// Whether it leaves or has left the program running.
    detached: bool,
    /// Whether it ends the program to start it anew: what it shows next is of the next one.
    restarts: bool,
    /// Whether it is to be told to do so.
    told_to_restart: bool,
    /// How the program ended: what is to be said of it.
    end: Option<Vec<Value>>,
    /// Whether the debugger has said that it is over.
    debugger_done: bool,
    /// Whether the debugger's stream has ended.
    debugger_gone: bool,
    /// Whether the client knows that it is over.
    finished: bool,
    stdout: Decoder,
    stderr: Decoder,
}

impl Parent {
    pub(super) fn new(start: i64, launched: bool, facts: &Facts) -> Self {
        Self {
            start,
            launched,
            attached: facts.attached,
            words: facts.words,
            ready: false,
            leaving: None,
            detached: false,
            restarts: false,
            told_to_restart: false,
            end: None,
            debugger_done: false,
            debugger_gone: false,
            finished: false,
            stdout: Decoder::default(),
            stderr: Decoder::default(),
        }
    }

    /// A request of the client.
    pub(super) fn client(&mut self, request: &Envelope, arguments: impl FnOnce() -> Value) -> Vec<Step> {
        let over = self.finished || self.debugger_gone;
        match request.name.as_str() {
            "terminate" => {
                self.restarts |= arguments()["restart"] == true;
                self.ended_by_client(request)
            }
            "disconnect" if self.ends(&arguments()) => {
                let mut steps = self.ended_by_client(request);
                self.finished = true;
                steps.push(Step::Close);
                steps
            }
            "disconnect" if over => vec![Step::Say(success(request)), Step::Close],
            "disconnect" => {
                self.detached = true;
                self.leaving = Some(request.clone());
                vec![Step::Pass]
            }
            _ if over => vec![Step::Say(refusal(request, &(self.words)(&Notice::Over)))],
            _ => vec![Step::Pass],
        }
    }

    /// Whether the program is, for its client.
    pub(super) fn is_over(&self) -> bool {
        self.finished || self.end.is_some()
    }

    /// Whether a client that disconnects ends the program: by the protocol it does if it launched it, unless it says
    /// otherwise. One that starts anew must not leave the old one behind.
    fn ends(&self, arguments: &Value) -> bool {
        let says = arguments["terminateDebuggee"].as_bool();
        (self.launched && arguments["restart"] == true) || says.unwrap_or(self.launched)
    }

    /// ptvsd ends nothing, old debugpys don't know `terminate`, and a program that does not come back to Python hears
    /// none of them: the session ends it.
    fn ended_by_client(&self, request: &Envelope) -> Vec<Step> {
        let mut steps = vec![Step::Say(success(request))];
        if self.end.is_none() {
            steps.push(Step::EndAsked);
        }
        steps
    }

    /// A message of the debugger, and what it becomes.
    pub(super) fn debugger(&mut self, envelope: &Envelope, frame: Frame) -> (Vec<Step>, Frame) {
        let changed = match (envelope.kind, envelope.name.as_str()) {
            (Kind::Response, "attach") if self.launched && envelope.request_seq == Some(self.start) => {
                edited(frame, |message| message["command"] = json!("launch"))
            }
            (Kind::Event, "process") if self.launched => edited(frame, |message| {
                if message["body"].get("startMethod").is_some() {
                    message["body"]["startMethod"] = json!("launch");
                }
            }),
            _ => frame,
        };
        let steps = match (envelope.kind, envelope.name.as_str()) {
            (Kind::Response, "disconnect") => {
                self.leaving = None;
                vec![Step::Pass]
            }
            (Kind::Event, "terminated" | "exited") if !self.detached => {
                self.debugger_done |= envelope.name == "terminated";
                self.finish_if_complete()
            }
            (Kind::Event, _) if self.finished => Vec::new(),
            (Kind::Event, "initialized") => {
                self.ready = true;
                vec![Step::Pass]
            }
            _ => vec![Step::Pass],
        };
        (steps, changed)
    }

    pub(super) fn debugger_gone(&mut self) -> Vec<Step> {
        self.debugger_gone = true;
        self.debugger_done = true;
        if self.detached {
            let answer = self.leaving.take().map(|request| Step::Say(success(&request)));
            return answer.into_iter().chain([Step::Close]).collect();
        }
        self.finish_if_complete()
    }

    /// From now on it can be told news.
    pub(super) fn note_ready(&mut self) {
        self.ready = true;
    }

    pub(super) fn takes_news(&self) -> bool {
        self.ready || self.debugger_gone
    }

    pub(super) fn news(&mut self, news: News) -> Vec<Step> {
        match news {
            _ if self.finished => Vec::new(),
            News::Output(stream, data) => {
                let text = match stream {
                    OutputStream::Stdout => self.stdout.decode(&data),
                    OutputStream::Stderr => self.stderr.decode(&data),
                };
                said(category(stream), &text)
            }
            // Only who has launched it can start it anew; it does when it hears that the old one is over.
            News::Restart if self.launched && !self.detached && self.end.is_none() => {
                self.told_to_restart = true;
                self.restarts = true;
                vec![Step::EndAsked]
            }
            News::Restart => Vec::new(),
            News::Held(run) => self.told("console", &Notice::Held(run)),
            News::Omitted(bytes) => self.told("console", &Notice::Omitted(bytes)),
            // It is no child of ours, and the system tells its status to nobody else.
            News::Exited(_) if self.attached => {
                self.end = Some(Vec::new());
                self.finish_if_complete()
            }
            News::Exited(exit) => {
                let (mut last, code) = match exit {
                    Exit::Code(code) => (Vec::new(), code),
                    Exit::Signal(signal) => {
                        let said = (!self.restarts).then(|| self.line("console", &Notice::Signal(signal)));
                        (said.into_iter().collect(), BY_SIGNAL.saturating_add(signal))
                    }
                };
                last.push(json!({"seq": 0, "type": "event", "event": "exited", "body": {"exitCode": code}}));
                self.end = Some(last);
                self.finish_if_complete()
            }
            News::Lost(_) | News::Adrift(..) => {
                let notice = match news {
                    News::Adrift(reason, run) => Notice::Adrift(reason, run),
                    News::Lost(reason) => Notice::Lost(reason),
                    _ => return Vec::new(),
                };
                self.end = Some(vec![self.line("console", &notice)]);
                // Over a lost link it can't say anything more.
                self.debugger_done = true;
                self.finish_if_complete()
            }
        }
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        match (self.end.is_some(), self.debugger_done) {
            _ if self.finished || self.detached => None,
            (true, false) => Some(LAST_WORDS),
            (false, true) if self.attached => Some(Duration::ZERO),
            (false, true) => Some(LAST_DEEDS),
            _ => None,
        }
    }

    pub(super) fn waits_for_the_program(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn out_of_patience(&mut self) -> Vec<Step> {
        if self.end.is_none() {
            let said = (!self.attached).then(|| self.line("console", &Notice::StillRuns));
            self.end = Some(said.into_iter().collect());
        }
        self.debugger_done = true;
        self.finish_if_complete()
    }

    /// Tells the end when both the program and the debugger have come to it.
    fn finish_if_complete(&mut self) -> Vec<Step> {
        let complete = self.debugger_done && !self.finished && !self.detached;
        let Some(last) = self.end.clone().filter(|_| complete) else { return Vec::new() };
        self.finished = true;
        // A character that was never finished is shown as what it is.
        let mut steps = said("stdout", &self.stdout.finish());
        steps.extend(said("stderr", &self.stderr.finish()));
        steps.extend(last.into_iter().map(Step::Say));
        let mut terminated = json!({"seq": 0, "type": "event", "event": "terminated"});
        if self.told_to_restart {
            terminated["body"] = json!({"restart": true});
        }
        steps.push(Step::Say(terminated));
        steps
    }

    fn told(&self, category: &str, notice: &Notice) -> Vec<Step> {
        vec![Step::Say(self.line(category, notice))]
    }

    fn line(&self, category: &str, notice: &Notice) -> Value {
        output(category, &format!("{}\n", (self.words)(notice)))
    }
}

fn category(stream: OutputStream) -> &'static str {
    match stream {
        OutputStream::Stdout => "stdout",
        OutputStream::Stderr => "stderr",
    }
}

fn said(category: &str, text: &str) -> Vec<Step> {
    if text.is_empty() { Vec::new() } else { vec![Step::Say(output(category, text))] }
}

fn output(category: &str, text: &str) -> Value {
    json!({"seq": 0, "type": "event", "event": "output", "body": {"category": category, "output": text}})
}
