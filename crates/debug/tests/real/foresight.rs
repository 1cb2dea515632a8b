//! What is asked ahead at a stop: a client hears what it would hear without, and sooner.

use remora_debug::{Listen, Request};
use remora_model::Debugger;
use remora_testkit::python::find;
use remora_testkit::recorder::Recorder;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::bed::{Bed, Valve};

/// Every protocol library that debuggers of today have had, and an old interpreter.
const PAIRS: [(&str, Debugger); 4] =
    [("3.11", Debugger::Auto), ("3.7", Debugger::Auto), ("2.7", Debugger::Auto), ("3.8", Debugger::Ptvsd)];

/// A client that looks at stops as VS Code does.
struct Editor {
    recorder: Recorder,
    file: String,
    delayed: bool,
    thread: Value,
}

impl Editor {
    /// Launches `looks.py` to the first stop.
    async fn launch(bed: &Bed, recorder: Recorder, lines: &[u32]) -> Self {
        let mut editor = Self { recorder, file: bed.here("looks.py"), delayed: false, thread: Value::Null };
        let hello = json!({
            "clientID": "vscode", "adapterID": "remora", "pathFormat": "path", "linesStartAt1": true,
            "columnsStartAt1": true, "supportsVariableType": true, "supportsVariablePaging": true,
        });
        let capabilities = editor.recorder.ask("initialize", hello).await;
        editor.delayed = capabilities["supportsDelayedStackTraceLoading"] == true;
        let entry = json!({"type": "remora", "request": "launch", "name": "x", "program": editor.file});
        let launched = editor.recorder.send("launch", entry).await;
        editor.recorder.event("initialized").await;
        editor.set(lines).await;
        editor.recorder.ask("setExceptionBreakpoints", json!({"filters": []})).await;
        editor.recorder.ask("configurationDone", Value::Null).await;
        editor.recorder.answer(launched).await;
        editor.recorder.ask("threads", Value::Null).await;
        editor.stopped().await;
        editor
    }

    async fn set(&mut self, lines: &[u32]) {
        let lines: Vec<Value> = lines.iter().map(|line| json!({"line": line})).collect();
        let arguments = json!({"source": {"path": self.file}, "breakpoints": lines, "sourceModified": false});
        self.recorder.ask("setBreakpoints", arguments).await;
    }

    async fn stopped(&mut self) -> Value {
        let body = self.recorder.event("stopped").await;
        self.thread = body["threadId"].clone();
        body["reason"].clone()
    }

    async fn go(&mut self, command: &str) -> Value {
        self.recorder.ask(command, json!({"threadId": self.thread})).await;
        self.stopped().await
    }

    async fn stack(&mut self, start: u32, levels: u32) -> Value {
        let arguments = json!({"threadId": self.thread, "startFrame": start, "levels": levels});
        self.recorder.ask("stackTrace", arguments).await["stackFrames"].take()
    }

    async fn variables(&mut self, reference: &Value) -> Value {
        self.recorder.ask("variables", json!({"variablesReference": reference})).await["variables"].take()
    }

    /// From the stop to the variables; the reference of the first scope, and its variables.
    async fn look(&mut self) -> (Value, Value) {
        self.recorder.ask("threads", Value::Null).await;
        let top = if self.delayed { self.stack(0, 1).await } else { self.stack(0, 20).await };
        let scopes = self.recorder.ask("scopes", json!({"frameId": top[0]["id"]})).await;
        let locals = scopes["scopes"][0]["variablesReference"].clone();
        let variables = self.variables(&locals).await;
        if self.delayed {
            self.stack(1, 19).await;
        }
        (locals, variables)
    }
}

fn reference(variables: &Value, name: &str) -> Value {
    let variables = variables.as_array().unwrap();
    variables.iter().find(|variable| variable["name"] == name).unwrap()["variablesReference"].clone()
}

async fn recorder(bed: &Bed, (version, debugger): (&str, Debugger), foresight: bool) -> (crate::bed::Run, Recorder) {
    let request = bed.request(&find(version), "looks.py");
    let run = bed.start(Request { listen: Listen::Socket, debugger, foresight, ..request }).await.unwrap();
    let stream = UnixStream::connect(run.session.endpoint().socket().unwrap()).await.unwrap();
    let recorder = Recorder::over(stream);
    (run, recorder)
}

/// Everything that may go wrong, in one life of the program.
async fn conversation(bed: &Bed, pair: (&str, Debugger), foresight: bool) -> Vec<String> {
    let (_run, recorder) = recorder(bed, pair, foresight).await;
    let mut editor = Editor::launch(bed, recorder, &[23]).await;
    editor.look().await;
    for command in ["next", "stepIn"] {
        editor.go(command).await;
        editor.look().await;
    }
    // What was opened stays open.
    for command in ["next", "next"] {
        let (_, variables) = editor.look().await;
        let point = editor.variables(&reference(&variables, "point")).await;
        editor.variables(&reference(&point, "pair")).await;
        editor.go(command).await;
    }
    let (locals, variables) = editor.look().await;
    let items = reference(&variables, "items");
    for start in [0, 100] {
        let page = json!({"variablesReference": items, "filter": "indexed", "start": start, "count": 100});
        editor.recorder.ask("variables", page).await;
    }
    // What changes values changes what is shown.
    let top = editor.stack(0, 1).await[0]["id"].clone();
    let changes = json!({"expression": "items.append(7)", "frameId": top, "context": "repl"});
    editor.recorder.ask("evaluate", changes).await;
    editor.variables(&locals).await;
    let sets = json!({"variablesReference": locals, "name": "doubled", "value": "40"});
    editor.recorder.ask("setVariable", sets).await;
    editor.variables(&locals).await;
    editor.look().await;
    // A step, and something that changes the answers while they come.
    editor.go("next").await;
    let top = editor.stack(0, 1).await[0]["id"].clone();
    let watches = json!({"expression": "point.pair.append(8)", "frameId": top, "context": "watch"});
    editor.recorder.send("threads", Value::Null).await;
    let watched = editor.recorder.send("evaluate", watches).await;
    editor.look().await;
    editor.recorder.answer(watched).await;
    another_order(&mut editor).await;
    a_second_thread_and_an_exception(&mut editor).await;
    editor.recorder.ask("disconnect", json!({"terminateDebuggee": false})).await;
    let numbers = &editor.recorder.numbers;
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
    editor.recorder.written()
}

async fn another_order(editor: &mut Editor) {
    editor.set(&[]).await;
    for command in ["stepOut", "next"] {
        editor.go(command).await;
        let stack = editor.recorder.ask("stackTrace", json!({"threadId": editor.thread})).await;
        let outermost = stack["stackFrames"].as_array().unwrap().last().unwrap()["id"].clone();
        let scopes = editor.recorder.ask("scopes", json!({"frameId": outermost})).await;
        editor.recorder.ask("threads", json!({})).await;
        let last = scopes["scopes"].as_array().unwrap().last().unwrap()["variablesReference"].clone();
        editor.variables(&last).await;
    }
    // On, before anything was looked at.
    editor.go("next").await;
    editor.go("next").await;
}

async fn a_second_thread_and_an_exception(editor: &mut Editor) {
    let main = editor.thread.clone();
    editor.set(&[31]).await;
    editor.go("continue").await;
    editor.look().await;
    let arguments = json!({"threadId": main, "startFrame": 0, "levels": 20});
    editor.recorder.ask("stackTrace", arguments).await;
    editor.recorder.ask("scopes", json!({"frameId": 999_999})).await;
    editor.recorder.ask("setExceptionBreakpoints", json!({"filters": ["raised"]})).await;
    editor.set(&[]).await;
    assert_eq!(editor.go("continue").await, "exception");
    editor.look().await;
    editor.recorder.ask("exceptionInfo", json!({"threadId": editor.thread})).await;
    editor.recorder.ask("setExceptionBreakpoints", json!({"filters": []})).await;
    editor.recorder.ask("continue", json!({"threadId": editor.thread})).await;
    editor.recorder.event("terminated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_what_it_would_hear_without_foresight() {
    let mut comparisons: JoinSet<()> = PAIRS.into_iter().map(compare).collect();
    while let Some(compared) = comparisons.join_next().await {
        compared.unwrap();
    }
}

async fn compare(pair: (&'static str, Debugger)) {
    let bed = Bed::new().await;
    let without = conversation(&bed, pair, false).await;
    let with = conversation(&bed, pair, true).await;
    for (with, without) in with.iter().zip(&without) {
        assert_eq!(with, without, "{pair:?}");
    }
    assert_eq!(with.len(), without.len(), "{pair:?}");
    assert!(with.len() > 150, "{pair:?}: {}", with.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_step_the_variables_are_there_while_nothing_reaches_the_remote() {
    for pair in PAIRS {
        let valve = Valve::default();
        let bed = Bed::behind(&valve).await;
        let (_run, recorder) = recorder(&bed, pair, true).await;
        let mut editor = Editor::launch(&bed, recorder, &[23]).await;
        // An answer is given out once, and the question that follows the start may have had the first.
        editor.go("next").await;
        for command in ["next", "next", "next", "stepIn"] {
            valve.shut();
            editor.look().await;
            valve.open();
            editor.go(command).await;
        }
        // What is opened at one stop is asked ahead at the next.
        for is_known in [false, true] {
            if is_known {
                valve.shut();
            }
            let (_, variables) = editor.look().await;
            let point = editor.variables(&reference(&variables, "point")).await;
            editor.variables(&reference(&point, "pair")).await;
            valve.open();
            editor.go("next").await;
        }
    }
}
