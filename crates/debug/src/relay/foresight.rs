//! Owns the answers that the agent fetched at a stop before the client asked: which of them are still true, and who
//! gets them. A client is told what the debugger said to the same question at the same stop, or asks it itself. Pure.

mod effects;
mod habit;
mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::dap::envelope::{Envelope, Kind};
use crate::dap::frames::Frame;
use effects::Effect;
use habit::Habit;
use plan::Plan;

/// The agent's questions have numbers from here on, so no client's may.
pub(super) const FIRST_QUESTION: i64 = 1 << 30;

/// What the agent and this file tell each other begins with this; no message of the protocol does.
const OURS: &[u8] = b"{\"remora\":";

/// How long after its arrival an answer is given out: as long as a busy editor takes to show a stop, and not as long as
/// a person looks at it, while other threads may go on.
const FRESH: Duration = Duration::from_secs(5);

/// What follows from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    ToClient(Frame),
    ToDebugger(Frame),
}

/// Stands between one client and the agent that relays its debugger.
#[derive(Default)]
pub(super) struct Foresight {
    /// Whether nothing is foreseen any more.
    off: bool,
    /// How many messages of the client have gone to the debugger.
    sent: u64,
    /// After how many of them everything that was asked before may be different.
    changed: u64,
    /// The same for values only.
    values_changed: u64,
    /// The agent's number of the last stop of which it told.
    stop: u64,
    /// Whether that stop's event is still to come; it comes next.
    announced: bool,
    /// Whether something has happened since, so that what is asked there is of no use.
    over: bool,
    asked: BTreeMap<i64, Asked>,
    habit: Habit,
    plan: Plan,
}

/// A question of the agent.
struct Asked {
    command: String,
    arguments: Option<Value>,
    state: State,
}

enum State {
    /// Not answered yet; the client's own question, which waits for the answer.
    Open(Option<(Envelope, Frame)>),
    Answered(Envelope, Frame, Instant),
    /// The answer is of no use.
    Dead,
}

/// What the agent tells of its questions.
#[derive(Deserialize)]
struct Told {
    remora: Questions,
}

#[derive(Deserialize)]
struct Questions {
    stop: u64,
    /// How many messages of the client had gone to the debugger before.
    after: u64,
    asked: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    seq: i64,
    command: String,
    arguments: Option<Value>,
}

impl Foresight {
    /// One that foresees nothing.
    pub(super) fn none() -> Self {
        Self { off: true, ..Self::default() }
    }

    /// From here on everything passes. What waits for an answer goes to the debugger.
    pub(super) fn stop(&mut self) -> Vec<Out> {
        self.off = true;
        let mut outs = Vec::new();
        self.drop_answers(Effect::Everything, &mut outs);
        outs
    }

    /// A message of the client.
    pub(super) fn client(&mut self, frame: Frame, now: Instant) -> Vec<Out> {
        if self.off {
            return vec![Out::ToDebugger(frame)];
        }
        if frame.body().starts_with(OURS) {
            return Vec::new();
        }
        let request = Envelope::read(&frame).filter(|envelope| envelope.kind == Kind::Request);
        let mut outs = Vec::new();
        match request {
            Some(request) if request.seq < FIRST_QUESTION => self.request(&request, frame, now, &mut outs),
            // Our questions could not be told from this client's, or an answer to the debugger changes who knows what.
            other => {
                self.invalidate(Effect::Everything, &mut outs);
                if other.is_some() {
                    outs.extend(self.ordered(Plan::default()));
                    outs.extend(self.stop());
                }
                self.pass(frame, &mut outs);
                self.changed = self.sent;
            }
        }
        outs
    }

    fn request(&mut self, request: &Envelope, frame: Frame, now: Instant, outs: &mut Vec<Out>) {
        let effect = effects::of_request(&request.name);
        if effect != Effect::Nothing {
            self.invalidate(effect, outs);
            if request.name == "initialize" {
                self.habit.introduced(request.seq, &message(&frame));
            }
            self.pass(frame, outs);
            match effect {
                Effect::Everything => self.changed = self.sent,
                _ => self.values_changed = self.sent,
            }
            return;
        }
        if !effects::is_question(&request.name) {
            return self.pass(frame, outs);
        }
        let arguments = message(&frame).get_mut("arguments").map(Value::take);
        self.habit.asked(request, arguments.as_ref());
        let same = |asked: &Asked| asked.command == request.name && asked.arguments == arguments;
        let found = self.asked.iter().find(|(_, asked)| same(asked) && asked.is_free(now)).map(|(seq, _)| *seq);
        match found.and_then(|seq| self.asked.get_mut(&seq).map(|asked| (seq, &mut asked.state))) {
            Some((_, State::Open(waiting))) => *waiting = Some((request.clone(), frame)),
            // Given out once: who asks again wants to know whether it has changed.
            Some((seq, State::Answered(..))) => {
                if let Some(Asked { state: State::Answered(answer, frame, _), .. }) = self.asked.remove(&seq) {
                    outs.push(self.answer(&answer, frame, request.seq));
                }
            }
            _ => self.pass(frame, outs),
        }
    }

    /// A message of the debugger, or of its agent.
    pub(super) fn debugger(&mut self, frame: Frame, now: Instant) -> Vec<Out> {
        let mut outs = Vec::new();
        if frame.body().starts_with(OURS) {
            match serde_json::from_slice::<Told>(frame.body()) {
                Ok(told) => self.told(told.remora, &mut outs),
                Err(_) => outs.extend(self.stop()),
            }
            return outs;
        }
        let Some(envelope) = Envelope::read(&frame) else { return vec![Out::ToClient(frame)] };
        match (envelope.kind, envelope.request_seq) {
            (Kind::Response, Some(seq)) if seq >= FIRST_QUESTION => match self.asked.remove(&seq) {
                Some(asked) => self.answered(asked, (envelope, seq), frame, now, &mut outs),
                None => outs.push(Out::ToClient(frame)),
            },
            (Kind::Response, Some(seq)) => {
                if let Some(plan) = self.habit.answered(seq, &frame) {
                    outs.extend(self.ordered(plan));
                }
                outs.push(Out::ToClient(frame));
            }
            _ => {
                self.happened(&envelope, &frame, &mut outs);
                outs.push(Out::ToClient(frame));
            }
        }
        outs
    }

    /// The agent has asked something.
    fn told(&mut self, questions: Questions, outs: &mut Vec<Out>) {
        if questions.stop != self.stop {
            self.drop_answers(Effect::Everything, outs);
            (self.stop, self.announced, self.over) = (questions.stop, true, false);
        }
        for Question { seq, command, arguments } in questions.asked {
            let changed = match effects::shows_values(&command) {
                true => self.changed.max(self.values_changed),
                false => self.changed,
            };
            let of_use = !self.off && !self.over && questions.after >= changed;
            let state = if of_use { State::Open(None) } else { State::Dead };
            self.asked.insert(seq, Asked { command, arguments, state });
        }
    }

    /// The agent's question `seq` was answered.
    fn answered(
        &mut self,
        asked: Asked,
        (answer, seq): (Envelope, i64),
        frame: Frame,
        now: Instant,
        outs: &mut Vec<Out>,
    ) {
        let succeeded = message(&frame)["success"] == true;
        match asked.state {
            State::Open(Some((request, _))) if succeeded => outs.push(self.answer(&answer, frame, request.seq)),
            State::Open(None) if succeeded => {
                let state = State::Answered(answer, frame, now);
                self.asked.insert(seq, Asked { state, ..asked });
            }
            // What the client hears of a failure is for the debugger to say.
            State::Open(Some((_, question))) => self.pass(question, outs),
            State::Open(None) | State::Dead | State::Answered(..) => {}
        }
    }

    /// The debugger's answer to the agent as one to the client.
    fn answer(&mut self, answer: &Envelope, frame: Frame, request_seq: i64) -> Out {
        let frame = answer.answering(frame, request_seq);
        // A plan follows from the answer to `initialize` only, which is never foreseen.
        let _ = self.habit.answered(request_seq, &frame);
        Out::ToClient(frame)
    }

    /// An event or a request of the debugger.
    fn happened(&mut self, envelope: &Envelope, frame: &Frame, outs: &mut Vec<Out>) {
        let message = message(frame);
        if envelope.kind == Kind::Event && envelope.name == "stopped" {
            if !std::mem::take(&mut self.announced) {
                self.drop_answers(Effect::Everything, outs);
                self.over = true;
            }
            self.habit.stopped(&message["body"]);
            return;
        }
        let effect = effects::of_event(envelope, &message["body"]);
        self.drop_answers(effect, outs);
        self.over |= effect == Effect::Everything;
    }

    /// Before something of the client goes to the debugger that changes what was asked before.
    fn invalidate(&mut self, effect: Effect, outs: &mut Vec<Out>) {
        self.drop_answers(effect, outs);
        if effect == Effect::Everything
            && let Some(plan) = self.habit.left(&self.plan)
        {
            outs.extend(self.ordered(plan));
        }
    }

    /// Takes the answers out that are no longer true. What waits for one asks the debugger, and before whatever comes next.
    fn drop_answers(&mut self, effect: Effect, outs: &mut Vec<Out>) {
        let mut waiting = Vec::new();
        self.asked.retain(|_, asked| {
            if !effect.spoils(&asked.command) {
                return true;
            }
            match std::mem::replace(&mut asked.state, State::Dead) {
                State::Answered(..) => false,
                State::Open(Some((request, frame))) => {
                    waiting.push((request.seq, frame));
                    true
                }
                State::Open(None) | State::Dead => true,
            }
        });
        waiting.sort_by_key(|(seq, _)| *seq);
        for (_, frame) in waiting {
            self.pass(frame, outs);
        }
    }

    /// The plan goes to the agent if it is another than it has.
    fn ordered(&mut self, plan: Plan) -> Option<Out> {
        if plan == self.plan {
            return None;
        }
        self.plan = plan;
        let body = json!({"remora": {"plan": self.plan}}).to_string();
        Some(Out::ToDebugger(Frame::new(body.as_bytes())))
    }

    fn pass(&mut self, frame: Frame, outs: &mut Vec<Out>) {
        self.sent += 1;
        outs.push(Out::ToDebugger(frame));
    }
}

impl Asked {
    /// Whether a client that asks the same can have this answer.
    fn is_free(&self, now: Instant) -> bool {
        match &self.state {
            State::Open(waiting) => waiting.is_none(),
            State::Answered(_, _, at) => now.duration_since(*at) < FRESH,
            State::Dead => false,
        }
    }
}

fn message(frame: &Frame) -> Value {
    serde_json::from_slice(frame.body()).unwrap_or_default()
}
