//! Owns what is known of how a client looks at a stop: what it asked at the last one is asked ahead at the next. Pure.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::plan::{Need, Plan, Question};
use crate::dap::envelope::Envelope;
use crate::dap::frames::Frame;

/// One client's.
#[derive(Default)]
pub(super) struct Habit {
    /// The number of its `initialize`, and whether it is VS Code or made of it.
    introduced: Option<(i64, bool)>,
    stop: Option<Stop>,
}

/// What a client has asked at the present stop.
struct Stop {
    thread: i64,
    reason: Value,
    asked: Vec<Seen>,
    /// Its questions without an answer: number, place.
    open: HashMap<i64, usize>,
}

struct Seen {
    question: Question,
    /// The body of the answer.
    answer: Value,
}

impl Habit {
    /// The client has sent `initialize`.
    pub(super) fn introduced(&mut self, seq: i64, request: &Value) {
        self.introduced = Some((seq, request["arguments"]["clientID"] == "vscode"));
    }

    /// A thread has stopped.
    pub(super) fn stopped(&mut self, body: &Value) {
        let stop = |thread| Stop { thread, reason: body["reason"].clone(), asked: Vec::new(), open: HashMap::new() };
        self.stop = body["threadId"].as_i64().map(stop);
    }

    /// The client asks something that may be asked ahead.
    pub(super) fn asked(&mut self, request: &Envelope, arguments: Option<&Value>) {
        let Some(stop) = &mut self.stop else { return };
        let Some(question) = stop.question(&request.name, arguments) else { return };
        let place = stop.asked.iter().position(|seen| seen.question == question).unwrap_or_else(|| {
            stop.asked.push(Seen { question, answer: Value::Null });
            stop.asked.len() - 1
        });
        stop.open.insert(request.seq, place);
    }

    /// Something that the client asked was answered. The plan that follows from who it is and what the debugger can.
    pub(super) fn answered(&mut self, request_seq: i64, frame: &Frame) -> Option<Plan> {
        let body = || {
            let mut message: Value = serde_json::from_slice(frame.body()).ok()?;
            (message["success"] == true).then(|| message["body"].take())
        };
        if let Some((seq, is_vscode)) = self.introduced
            && seq == request_seq
        {
            self.introduced = None;
            // Of others nothing is known yet, and nothing is asked that they may not ask: it can run the program's code.
            return body().filter(|_| is_vscode).map(|capabilities| Plan::of_vscode(&capabilities));
        }
        let stop = self.stop.as_mut()?;
        let place = stop.open.remove(&request_seq)?;
        stop.asked[place].answer = body().unwrap_or_default();
        None
    }

    /// The client leaves the stop. The plan for the next one.
    pub(super) fn left(&mut self, plan: &Plan) -> Option<Plan> {
        let Stop { reason, asked, .. } = self.stop.take()?;
        let seen = Plan { questions: asked.into_iter().map(|seen| seen.question).collect() };
        // One who goes on before having seen everything asks for it at the next stop.
        if seen.questions.is_empty() || (plan.asks("variables") && !seen.asks("variables")) {
            return None;
        }
        let of_other_stops = |question: &&Question| question.reason.as_ref().is_some_and(|other| reason != *other);
        let others = plan.questions.iter().filter(of_other_stops).cloned();
        Some(Plan::of(seen.questions.into_iter().chain(others).collect()))
    }
}

impl Stop {
    /// The question as one that can be asked at any stop; nothing if it is about something else than this one.
    fn question(&self, command: &str, arguments: Option<&Value>) -> Option<Question> {
        let into = match command {
            "stackTrace" | "exceptionInfo" => Some("threadId"),
            "scopes" => Some("frameId"),
            "variables" => Some("variablesReference"),
            _ => None,
        };
        let mut rest: Option<Map<String, Value>> = match arguments {
            None => None,
            Some(arguments) => Some(arguments.as_object()?.clone()),
        };
        let about = match into {
            Some(into) => rest.as_mut()?.shift_remove(into)?.as_i64()?,
            None => 0,
        };
        let needs = match into {
            None => None,
            Some("threadId") if about != self.thread => return None,
            Some("threadId") => return Some(self.of_stop(command, rest)),
            Some(into) => {
                let (of, at) =
                    self.asked.iter().enumerate().find_map(|(of, seen)| Some((of, seen.place_of(into, about)?)))?;
                Some(Need { into, of: Some(of), at })
            }
        };
        Some(Question { command: command.to_owned(), arguments: rest, needs, reason: None })
    }

    fn of_stop(&self, command: &str, rest: Option<Map<String, Value>>) -> Question {
        // Asked at other stops, it is an error.
        let reason = (command == "exceptionInfo").then(|| self.reason.as_str().unwrap_or_default().to_owned());
        Question { reason, ..Question::of_stop(command, rest, Some("threadId")) }
    }
}

impl Seen {
    /// Where this answer has the number that another question is about, in words that count at other stops too.
    fn place_of(&self, into: &str, about: i64) -> Option<Value> {
        let list = match (self.question.command.as_str(), into) {
            ("stackTrace", "frameId") => {
                let at = self.answer["stackFrames"].as_array()?.iter().position(|frame| frame["id"] == about)?;
                return Some(json!(["stackFrames", at, "id"]));
            }
            ("scopes", "variablesReference") => "scopes",
            ("variables", "variablesReference") => "variables",
            _ => return None,
        };
        let elements = self.answer[list].as_array()?;
        let name = &elements.iter().find(|element| element["variablesReference"] == about)?["name"];
        let first = elements.iter().find(|element| element["name"] == *name)?;
        (first["variablesReference"] == about).then(|| json!([list, {"name": name}, "variablesReference"]))
    }
}
