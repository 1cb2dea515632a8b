//! Owns what is asked about each program. Knows nothing of who answers.

use serde_json::{Value, json};

use crate::talk::Talk;

macro_rules! programs {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("programs/", $name)))),*]
    };
}

/// What is in the project.
pub(crate) const PROGRAMS: [(&str, &str); 11] = programs!(
    "stops.py",
    "steps.py",
    "values.py",
    "names.py",
    "raises.py",
    "threads.py",
    "family.py",
    "asks.py",
    "runs.py",
    "other.py",
    "alone.py"
);

/// What is talked about, with which interpreter: everything with the usual one, and what old debuggers and interpreters may do in
/// another way with these.
pub(crate) const SCRIPTS: [(&str, &[&str]); 3] = [
    (
        "3.11",
        &[
            "stops.py",
            "steps.py",
            "values.py",
            "names.py",
            "raises.py",
            "threads.py",
            "family.py",
            "asks.py",
            "runs.py",
        ],
    ),
    ("3.7", &["values.py"]),
    ("2.7", &["stops.py", "raises.py"]),
];

/// Says everything about one program, from its first stop to its end.
pub(crate) async fn follow(program: &str, talk: &mut Talk) {
    match program {
        "stops.py" => stops(talk).await,
        "steps.py" => steps(talk).await,
        "values.py" => values(talk).await,
        "names.py" => names(talk).await,
        "raises.py" => raises(talk).await,
        "threads.py" => threads(talk).await,
        "family.py" => family(talk).await,
        "asks.py" => asks(talk).await,
        "runs.py" => runs(talk).await,
        unknown => panic!("nothing to say about {unknown}"),
    }
}

async fn stops(talk: &mut Talk) {
    // What is refused, moved or not found.
    talk.set_in("missing.py", json!([{"line": 1}])).await;
    talk.set_in("other.py", json!([{"line": 1}, {"line": 3}, {"line": 4}, {"line": 1000}])).await;
    let odd: Vec<Value> = (23..=40).map(|line| json!({"line": line})).collect();
    talk.set_in("stops.py", json!(odd)).await;
    talk.set(&["inside", "ends", "comment", "class", "method"]).await;
    let condition = talk.line("condition");
    talk.set_in("stops.py", json!([{"line": condition, "condition": "i == 5"}])).await;
    talk.see("continue").await;
    talk.set_in("stops.py", json!([{"line": condition, "condition": "no_such_name"}])).await;
    talk.set_in("stops.py", json!([{"line": condition, "condition": "1 / 0"}])).await;
    // Each way to count, in the next call.
    for count in ["5", "==5", ">7", ">=8", "<3", "<=1", "%4"] {
        let (hit, round) = (talk.line("hit"), talk.line("round"));
        talk.set_in("stops.py", json!([{"line": round}])).await;
        talk.go("continue").await;
        talk.set_in("stops.py", json!([{"line": hit, "hitCondition": count}, {"line": round}])).await;
        talk.see("continue").await;
        talk.see("continue").await;
    }
    let (log, said) = (talk.line("log"), talk.line("said"));
    let logs = json!([{"line": log, "logMessage": "{i} times {i} \u{e9} {{x}} {no_such_name}"}, {"line": said}]);
    talk.set_in("stops.py", logs).await;
    talk.see("continue").await;
    for comment in ["inside", "method", "comprehension", "lambda"] {
        talk.set(&[comment]).await;
        talk.see("continue").await;
    }
    talk.set(&["last"]).await;
    let deepest = json!([{"line": 6, "condition": "n == 0"}]);
    talk.set_in("other.py", deepest).await;
    talk.see("continue").await;
    talk.see("continue").await;
    talk.end().await;
}

async fn steps(talk: &mut Talk) {
    for command in [
        "next", "next", "stepIn", "stepIn", "stepOut", "next", "next", "stepIn", "next", "next", "stepIn", "stepIn",
        "stepOut", "next", "next", "next", "next",
    ] {
        talk.see(command).await;
    }
    talk.set(&["last"]).await;
    let frame = talk.top().await;
    talk.ask("stepInTargets", json!({"frameId": frame})).await;
    let path = talk.look().await;
    assert!(path.is_array());
    talk.see("stepIn").await;
    talk.see("stepOut").await;
    talk.see("continue").await;
    let never = talk.line("never");
    let targets = talk.goto(never).await;
    let target = targets["targets"][0]["id"].clone();
    let thread = talk.thread();
    talk.ask("goto", json!({"threadId": thread, "targetId": target})).await;
    talk.stopped().await;
    talk.look().await;
    talk.see("next").await;
    talk.end().await;
}

async fn values(talk: &mut Talk) {
    let variables = talk.look().await;
    talk.open(&variables, 2).await;
    let frame = talk.top().await;
    let scopes = talk.ask("scopes", json!({"frameId": frame})).await;
    let locals = scopes["scopes"][0]["variablesReference"].clone();
    talk.variables(&locals, json!({"format": {"hex": true}})).await;
    talk.variables(&locals, json!({"filter": "named", "start": 0, "count": 5})).await;
    for context in ["watch", "repl", "hover"] {
        for expression in
            ["number + 1", "nested['one'][1]", "long_text", "long_list", "point", "silent", "no_such_name", "1 +"]
        {
            talk.evaluate(expression, context).await;
        }
    }
    for statement in [
        "added = 5",
        "added",
        "import math",
        "math.pi",
        "print('said')",
        "long_list.append(1)",
        "raise ValueError('x')",
    ] {
        talk.evaluate(statement, "repl").await;
    }
    talk.evaluate("number", "").await;
    for (name, value) in [("number", "41"), ("text", "'new'"), ("nothing", "[1, 2"), ("no_such", "1")] {
        talk.ask("setVariable", json!({"variablesReference": locals, "name": name, "value": value})).await;
    }
    for (expression, value) in [("point.x", "30"), ("nested['one']", "None")] {
        talk.ask("setExpression", json!({"expression": expression, "value": value, "frameId": frame})).await;
    }
    for text in ["num", "point.", "nested['one'].", "import o"] {
        talk.ask("completions", json!({"text": text, "column": text.len() + 1, "frameId": frame})).await;
    }
    let again = talk.look().await;
    talk.open(&again, 1).await;
    talk.ask("modules", json!({})).await;
    talk.ask("variables", json!({"variablesReference": 424_242})).await;
    talk.ask("no_such_request", json!({})).await;
    talk.set(&["effects"]).await;
    talk.see("continue").await;
    talk.evaluate("seen.append(counts)", "repl").await;
    talk.look().await;
    talk.evaluate("counts", "watch").await;
    talk.look().await;
    talk.see("next").await;
    talk.end().await;
}

async fn names(talk: &mut Talk) {
    let variables = talk.look().await;
    talk.open(&variables, 1).await;
    talk.evaluate("l\u{e4}nge * 2", "watch").await;
    talk.evaluate("gr\u{f6}\u{df}e_von([])", "repl").await;
    talk.see("next").await;
    talk.end().await;
}

async fn raises(talk: &mut Talk) {
    for filters in [json!(["raised"]), json!(["userUnhandled"]), json!(["raised", "uncaught"])] {
        talk.ask("setExceptionBreakpoints", json!({"filters": filters})).await;
    }
    for _ in 0..4 {
        talk.see("continue").await;
        let thread = talk.thread();
        talk.ask("exceptionInfo", json!({"threadId": thread})).await;
    }
    let options =
        json!([{"path": [{"names": ["Python Exceptions"]}, {"names": ["ArithmeticError"]}], "breakMode": "always"}]);
    talk.ask("setExceptionBreakpoints", json!({"filters": [], "exceptionOptions": options})).await;
    talk.see("continue").await;
    let thread = talk.thread();
    talk.ask("exceptionInfo", json!({"threadId": thread})).await;
    talk.stack(20, 100).await;
    talk.ask("setExceptionBreakpoints", json!({"filters": ["uncaught"]})).await;
    talk.see("continue").await;
    let thread = talk.thread();
    talk.ask("exceptionInfo", json!({"threadId": thread})).await;
    talk.end().await;
}

async fn threads(talk: &mut Talk) {
    talk.look().await;
    let main = talk.thread();
    talk.set(&["works"]).await;
    talk.see("continue").await;
    // The others, as they stand.
    let threads = talk.ask("threads", Value::Null).await;
    for thread in threads["threads"].as_array().unwrap() {
        if thread["name"] != "Waiting" {
            talk.ask("stackTrace", json!({"threadId": thread["id"], "startFrame": 0, "levels": 1})).await;
        }
    }
    talk.see("next").await;
    talk.see("continue").await;
    talk.set(&["last"]).await;
    talk.see("continue").await;
    assert_eq!(talk.thread(), main);
    talk.ask("stackTrace", json!({"threadId": 999_999})).await;
    talk.end().await;
}

async fn family(talk: &mut Talk) {
    talk.set(&["last"]).await;
    let thread = talk.thread();
    talk.ask("continue", json!({"threadId": thread})).await;
    for (program, comment) in [("family.py", "works"), ("alone.py", "alone")] {
        let mut child = talk.child(program).await;
        child.set(&[comment]).await;
        child.look().await;
        child.evaluate("__name__", "watch").await;
        child.end().await;
        talk.keep(child);
    }
    talk.stopped().await;
    talk.look().await;
    talk.end().await;
}

async fn asks(talk: &mut Talk) {
    talk.see("continue").await;
    talk.see("continue").await;
    talk.see("next").await;
    talk.end().await;
}

async fn runs(talk: &mut Talk) {
    talk.set(&["turn"]).await;
    talk.see("continue").await;
    talk.set(&[]).await;
    let thread = talk.thread();
    for _ in 0..2 {
        talk.ask("continue", json!({"threadId": thread})).await;
        talk.ask("pause", json!({"threadId": thread})).await;
        talk.stopped().await;
        talk.ask("threads", Value::Null).await;
    }
    talk.evaluate("globals().update(running=False)", "repl").await;
    talk.end().await;
}
