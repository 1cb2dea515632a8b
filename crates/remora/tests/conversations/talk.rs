//! Owns what a client says in any conversation: how it attaches, sets breakpoints, steps, looks, and what it keeps. Knows nothing
//! of who answers.

use std::ops::RangeInclusive;
use std::path::Path;

use remora_testkit::recorder::Recorder;
use remora_testkit::scene::line_of;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// A conversation about one program.
pub(crate) struct Talk {
    recorder: Recorder,
    /// The folder of the programs, as the client knows it.
    folder: String,
    program: String,
    text: String,
    port: u16,
    thread: Value,
    /// Conversations about children.
    children: Vec<Self>,
}

impl Talk {
    /// Attaches as VS Code does, and lets the program go to its first stop.
    pub(crate) async fn attach(stream: TcpStream, configuration: &Value, folder: &Path, program: &str) -> Self {
        stream.set_nodelay(true).unwrap();
        let port = stream.peer_addr().unwrap().port();
        let text = std::fs::read_to_string(folder.join(program)).unwrap();
        let folder = folder.display().to_string();
        let (recorder, program) = (Recorder::over(stream), program.to_owned());
        let mut talk = Self { recorder, folder, program, text, port, thread: Value::Null, children: Vec::new() };
        talk.begin(configuration).await;
        talk
    }

    async fn begin(&mut self, configuration: &Value) {
        let hello = json!({
            "clientID": "vscode", "clientName": "Visual Studio Code", "adapterID": "debugpy", "pathFormat": "path",
            "linesStartAt1": true, "columnsStartAt1": true, "supportsVariableType": true, "supportsVariablePaging": true,
            "supportsProgressReporting": true, "supportsInvalidatedEvent": true, "supportsMemoryReferences": true, "locale": "en",
        });
        self.ask("initialize", hello).await;
        let mut configuration = configuration.clone();
        configuration["connect"]["port"] = json!(self.port);
        let attached = self.recorder.send("attach", configuration).await;
        self.recorder.event("initialized").await;
        let first = ["first", "here", "look", "alone", "works"]
            .iter()
            .filter(|name| self.text.contains(&format!("  # {name}\n")));
        let first: Vec<&str> = first.copied().collect();
        self.set(&first).await;
        self.ask("setFunctionBreakpoints", json!({"breakpoints": []})).await;
        self.ask("setExceptionBreakpoints", json!({"filters": []})).await;
        self.ask("configurationDone", Value::Null).await;
        self.recorder.answer(attached).await;
        self.stopped().await;
    }

    pub(crate) async fn ask(&mut self, command: &str, arguments: Value) -> Value {
        self.recorder.ask(command, arguments).await
    }

    /// Breakpoints on the lines with these comments, and no others in the program.
    pub(crate) async fn set(&mut self, comments: &[&str]) -> Value {
        let breakpoints: Vec<Value> = comments.iter().map(|comment| json!({"line": self.line(comment)})).collect();
        self.set_in(&self.program.clone(), json!(breakpoints)).await
    }

    pub(crate) async fn set_in(&mut self, file: &str, breakpoints: Value) -> Value {
        let path = format!("{}/{file}", self.folder);
        let source = json!({"name": file, "path": path});
        let arguments = json!({"source": source, "breakpoints": breakpoints, "sourceModified": false});
        self.ask("setBreakpoints", arguments).await
    }

    pub(crate) fn line(&self, comment: &str) -> u32 {
        line_of(&self.text, comment)
    }

    pub(crate) async fn stopped(&mut self) -> Value {
        let body = self.recorder.event("stopped").await;
        self.thread = body["threadId"].clone();
        body
    }

    /// To the next stop; what is said of it.
    pub(crate) async fn go(&mut self, command: &str) -> Value {
        self.ask(command, json!({"threadId": self.thread})).await;
        self.stopped().await
    }

    /// To the next stop, and a look.
    pub(crate) async fn see(&mut self, command: &str) -> Value {
        self.go(command).await;
        self.look().await
    }

    /// What VS Code asks at a stop; the variables of the first scope.
    pub(crate) async fn look(&mut self) -> Value {
        self.ask("threads", Value::Null).await;
        let top = self.stack(0, 1).await[0]["id"].clone();
        self.stack(1, 19).await;
        let scopes = self.ask("scopes", json!({"frameId": top})).await;
        self.variables(&scopes["scopes"][0]["variablesReference"], Value::Null).await
    }

    pub(crate) async fn stack(&mut self, start: u32, levels: u32) -> Value {
        let arguments = json!({"threadId": self.thread, "startFrame": start, "levels": levels});
        self.ask("stackTrace", arguments).await["stackFrames"].take()
    }

    pub(crate) async fn top(&mut self) -> Value {
        self.stack(0, 1).await[0]["id"].take()
    }

    /// The variables behind a reference; `more` are more arguments.
    pub(crate) async fn variables(&mut self, reference: &Value, more: Value) -> Value {
        let mut arguments = json!({"variablesReference": reference});
        if let Some(more) = more.as_object() {
            arguments.as_object_mut().unwrap().extend(more.clone());
        }
        self.ask("variables", arguments).await["variables"].take()
    }

    /// Opens everything below these variables.
    pub(crate) async fn open(&mut self, variables: &Value, levels: usize) {
        let mut level = vec![variables.clone()];
        for _ in 0..levels {
            let mut next = Vec::new();
            for variable in level.iter().flat_map(|variables| variables.as_array().unwrap()) {
                if variable["variablesReference"] != 0 && !variable["variablesReference"].is_null() {
                    next.push(self.variables(&variable["variablesReference"], Value::Null).await);
                }
            }
            level = next;
        }
    }

    pub(crate) async fn evaluate(&mut self, expression: &str, context: &str) -> Value {
        let frame = self.top().await;
        self.ask("evaluate", json!({"expression": expression, "frameId": frame, "context": context})).await
    }

    /// The places that the program could go on from in this line.
    pub(crate) async fn goto(&mut self, line: u32) -> Value {
        let path = format!("{}/{}", self.folder, self.program);
        self.ask("gotoTargets", json!({"source": {"path": path}, "line": line})).await
    }

    pub(crate) fn thread(&self) -> Value {
        self.thread.clone()
    }

    /// The next child that the debugger announces, in a conversation of its own.
    pub(crate) async fn child(&mut self, program: &str) -> Self {
        let announced = self.recorder.event("debugpyAttach").await;
        assert_eq!(announced["connect"]["port"], self.port);
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        Self::attach(stream, &announced, Path::new(&self.folder), program).await
    }

    /// Keeps what a child had to say.
    pub(crate) fn keep(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Lets the program run to its end.
    pub(crate) async fn end(&mut self) {
        self.set(&[]).await;
        self.ask("continue", json!({"threadId": self.thread})).await;
        self.over().await;
    }

    pub(crate) async fn over(&mut self) {
        self.recorder.event("terminated").await;
    }

    /// All of it, without what differs from run to run.
    /// All of it, with nothing that differs from run to run; the debugger is in `tree`.
    pub(crate) fn written(self, tree: &str) -> Vec<String> {
        let children = self.children.into_iter().flat_map(|child| child.written(tree));
        let (port, output) = (format!("\"port\":{}", self.port), self.recorder.output());
        let written = self.recorder.written().into_iter().chain(output);
        let written = written.map(|line| line.replace(&port, "\"port\":0").replace(tree, "TREE"));
        written.filter_map(|line| agreed(&line)).chain(children).collect()
    }
}

/// What goes by numbers that a system gives out, or that count what is left out.
const NUMBERED: [&str; 5] = ["pid=", "parent=", "Subprocess ", "\"subProcessId\":", "\"module\":{\"id\":"];
/// Of digits in a row: so many are a place in memory, or a thread.
const PLACE: RangeInclusive<usize> = 10..=16;

/// A line as both sides say it. Of what we know of sources we add their checksums; and what is below the program's first frame is
/// `runpy` of the standard library where debugpy is started as a module, and a file of ours where we start it.
fn agreed(line: &str) -> Option<String> {
    if line.contains("\"event\":\"module\"") && line.contains("\"name\":\"runpy\"") {
        return None;
    }
    let line =
        without(line, ",\"supportedChecksumAlgorithms\":[", |rest| rest.split_once(']').map_or("", |(_, rest)| rest));
    let line = without(&line, ",\"checksums\":[", |rest| rest.split_once(']').map_or("", |(_, rest)| rest));
    let line =
        without(&line, ",{\"id\":1,\"name\":\"runpy\"", |rest| rest.split_once('}').map_or("", |(_, rest)| rest));
    let line = NUMBERED.iter().fold(line, |line, mark| {
        let mut parts = line.split(mark);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |plain, part| plain + mark + part.trim_start_matches(|char_: char| char_.is_ascii_digit()))
    });
    Some(without_places(&line))
}

fn without_places(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|char_: char| char_.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let (digits, after) = from.split_at(from.find(|char_: char| !char_.is_ascii_digit()).unwrap_or(from.len()));
        plain += before;
        plain += if PLACE.contains(&digits.len()) { "0" } else { digits };
        rest = after;
    }
    plain + rest
}

/// A text without what stands at each `mark`; `after` gives what is behind it.
fn without(text: &str, mark: &str, after: impl Fn(&str) -> &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + after(part))
}
