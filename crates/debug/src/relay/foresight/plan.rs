//! Owns what the agent is told to ask at a stop: questions in their order, and where each finds what it is about. Pure.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// More is no editor's first look at a stop.
const LONGEST: usize = 32;
/// In bytes, as it is sent; the agent looks at nothing longer than twice this.
const LARGEST: usize = 32 * 1024;

/// What is asked at a stop, in this order.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Plan {
    pub(super) questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Question {
    pub(super) command: String,
    /// All but what is filled in at the stop; nothing if the request has no arguments at all.
    pub(super) arguments: Option<Map<String, Value>>,
    /// What is filled in.
    pub(super) needs: Option<Need>,
    /// The reason of the stops at which it is asked, if not at all.
    pub(super) reason: Option<String>,
}

/// A number that is known at the stop only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Need {
    /// The argument's name.
    pub(super) into: &'static str,
    /// The question whose answer has it, by its place in the plan; nothing: the stop's event has it.
    pub(super) of: Option<usize>,
    /// Where in its body: names, places in a list, and objects for the first element of a list that agrees with it.
    pub(super) at: Value,
}

impl Question {
    /// One that is filled in from the stop's event, or from nothing.
    pub(super) fn of_stop(command: &str, arguments: Option<Map<String, Value>>, into: Option<&'static str>) -> Self {
        let needs = into.map(|into| Need { into, of: None, at: json!([into]) });
        Self { command: command.to_owned(), arguments, needs, reason: None }
    }
}

impl Plan {
    /// A plan of these questions, or the first of them: each is about what the event or an earlier one has told.
    pub(super) fn of(mut questions: Vec<Question>) -> Self {
        questions.truncate(LONGEST);
        while json!(questions).to_string().len() > LARGEST {
            questions.pop();
        }
        Self { questions }
    }

    /// What VS Code asks until it shows the variables, and then (`refreshTopOfCallstack` in its `debugModel.ts`) for the
    /// rest of the stack.
    pub(super) fn of_vscode(capabilities: &Value) -> Self {
        let stack = |start: u64, levels: u64| {
            let arguments = json!({"startFrame": start, "levels": levels}).as_object().cloned();
            Question::of_stop("stackTrace", arguments, Some("threadId"))
        };
        let from = |command: &str, into: &'static str, of: usize, at: Value| Question {
            command: command.to_owned(),
            arguments: Some(Map::new()),
            needs: Some(Need { into, of: Some(of), at }),
            reason: None,
        };
        let delayed = capabilities["supportsDelayedStackTraceLoading"] == true;
        let mut questions = vec![
            Question::of_stop("threads", None, None),
            stack(0, if delayed { 1 } else { 20 }),
            from("scopes", "frameId", 1, json!(["stackFrames", 0, "id"])),
            from("variables", "variablesReference", 2, json!(["scopes", {"expensive": false}, "variablesReference"])),
        ];
        if capabilities["supportsExceptionInfoRequest"] == true {
            let info = Question::of_stop("exceptionInfo", Some(Map::new()), Some("threadId"));
            questions.push(Question { reason: Some("exception".to_owned()), ..info });
        }
        if delayed {
            questions.push(stack(1, 19));
        }
        Self::of(questions)
    }

    pub(super) fn asks(&self, command: &str) -> bool {
        self.questions.iter().any(|question| question.command == command)
    }
}
