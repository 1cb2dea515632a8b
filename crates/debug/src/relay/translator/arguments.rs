//! Owns what a debugger is told to attach: our own attach configuration and what the client adds to it. Pure.

use serde_json::{Map, Value, json};

use super::Facts;

/// Attributes that are not the debugger's: those of the start, which has happened, those of the editor (a child's
/// configuration is made from these arguments, and must not run a task again), and those that would have the
/// debugger look for its program elsewhere.
const NOT_PASSED: [&str; 35] = [
    "args",
    "compoundSessionId",
    "connect",
    "console",
    "consoleName",
    "cwd",
    "debugger",
    "debugServer",
    "env",
    "envFile",
    "host",
    "inCode",
    "internalConsoleOptions",
    "listen",
    "module",
    "name",
    "noDebug",
    "onStale",
    "onTerminate",
    "port",
    "postDebugTask",
    "preLaunchTask",
    "presentation",
    "processId",
    "program",
    "python",
    "redirectOutput",
    "request",
    "restart",
    "serverReadyAction",
    "session",
    "socket",
    "suppressMultipleSessionWarning",
    "target",
    "type",
];

/// ptvsd knows options by these names only.
const FLAGS: [(&str, bool, &str); 6] = [
    ("django", true, "Django"),
    ("flask", true, "Flask"),
    ("jinja", true, "Jinja"),
    ("justMyCode", false, "DebugStdLib"),
    ("showReturnValue", true, "ShowReturnValue"),
    ("stopOnEntry", true, "StopOnEntry"),
];

/// The arguments of `attach`, by those of a client's `launch` or `attach`.
pub(super) fn attach(facts: &Facts, client: &Value, launched: bool) -> Value {
    let mut attach = facts.attach.as_object().cloned().unwrap_or_default();
    for (name, value) in client.as_object().into_iter().flatten() {
        let ours = NOT_PASSED.contains(&name.as_str()) || name.starts_with("__");
        // A program that runs already is past its entry.
        if ours || value.is_null() || (name == "stopOnEntry" && !launched) {
            continue;
        }
        match (name.as_str(), value.as_array(), attach.get_mut("pathMappings").and_then(Value::as_array_mut)) {
            // The first that fits counts, and the user's special cases are meant to.
            ("pathMappings", Some(theirs), Some(own)) => drop(own.splice(..0, theirs.iter().cloned())),
            _ => drop(attach.insert(name.clone(), value.clone())),
        }
    }
    // The output comes from the program itself, which also has what no Python wrote.
    attach.insert("redirectOutput".into(), json!(false));
    if facts.ptvsd || attach.contains_key("debugOptions") {
        let options = debug_options(&attach, facts.ptvsd);
        attach.insert("debugOptions".into(), json!(options));
    }
    Value::Object(attach)
}

fn debug_options(attach: &Map<String, Value>, ptvsd: bool) -> Vec<String> {
    let given = attach.get("debugOptions").and_then(Value::as_array).into_iter().flatten();
    let given = given.filter_map(Value::as_str).filter(|option| *option != "RedirectOutput");
    let mut options: Vec<String> = given.map(str::to_owned).collect();
    for (name, when, flag) in FLAGS {
        if ptvsd && attach.get(name) == Some(&json!(when)) && !options.iter().any(|option| option == flag) {
            options.push(flag.to_owned());
        }
    }
    options
}
