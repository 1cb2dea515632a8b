//! Owns the tables of what makes which answers untrue. What is not in them makes all of them untrue. Pure.

use serde_json::Value;

use crate::dap::envelope::{Envelope, Kind};

/// What a message leaves of the answers at a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// All are as true as before.
    Nothing,
    /// Another thread began.
    Threads,
    /// Code of the program may have run; where its threads stand is as before.
    Values,
    /// None may be true.
    Everything,
}

impl Effect {
    /// Whether an answer to this command is no longer to be given out.
    pub(super) fn spoils(self, command: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Threads => command == "threads",
            Self::Values => shows_values(command),
            Self::Everything => true,
        }
    }
}

/// Questions that may be asked ahead.
pub(super) fn is_question(command: &str) -> bool {
    matches!(command, "threads" | "stackTrace" | "scopes" | "variables" | "exceptionInfo")
}

/// Whether what it answers can be changed by code that runs while the threads stand: all but where they stand.
pub(super) fn shows_values(command: &str) -> bool {
    !matches!(command, "stackTrace" | "scopes")
}

/// What a request of the client does.
pub(super) fn of_request(command: &str) -> Effect {
    match command {
        _ if is_question(command) => Effect::Nothing,
        "source" | "modules" | "loadedSources" => Effect::Nothing,
        // They count for what comes.
        "setBreakpoints" | "setFunctionBreakpoints" | "setExceptionBreakpoints" => Effect::Nothing,
        // Completions ask objects for their attributes, which may be properties.
        "evaluate" | "setVariable" | "setExpression" | "completions" => Effect::Values,
        _ => Effect::Everything,
    }
}

/// What an event, or a request, of the debugger tells of.
pub(super) fn of_event(envelope: &Envelope, body: &Value) -> Effect {
    if envelope.kind != Kind::Event {
        return Effect::Everything;
    }
    match envelope.name.as_str() {
        "thread" if body["reason"] == "started" => Effect::Threads,
        "output" | "module" | "loadedSource" | "breakpoint" | "telemetry" => Effect::Nothing,
        "progressStart" | "progressUpdate" | "progressEnd" => Effect::Nothing,
        _ => Effect::Everything,
    }
}
