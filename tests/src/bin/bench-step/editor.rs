//! Owns a debug client that asks what VS Code asks, and the clock. Knows nothing of who answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Counted steps.
pub(crate) const STEPS: usize = 25;
/// The first ones pay for what is loaded once.
const WARM_UP: usize = 3;
/// A bench that hangs should end with a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a debugger.
pub(crate) struct Editor {
    stream: TcpStream,
    last_seq: i64,
    events: Vec<Value>,
}

impl Editor {
    /// Attaches, if a debugger answers there.
    pub(crate) async fn attach(port: u16, configuration: &Value, file: &str, line: u32) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut editor = Self { stream, last_seq: 0, events: Vec::new() };
        let hello = json!({
            "clientID": "vscode", "adapterID": "debugpy", "pathFormat": "path", "linesStartAt1": true, "columnsStartAt1": true,
            "supportsVariableType": true, "supportsVariablePaging": true,
        });
        let hello = editor.send("initialize", hello).await?;
        editor.answer(hello).await?;
        let attached = editor.send("attach", configuration.clone()).await?;
        editor.event("initialized").await?;
        editor.breakpoints(file, &[line]).await?;
        editor.ask("setExceptionBreakpoints", json!({"filters": []})).await?;
        editor.ask("configurationDone", json!({})).await?;
        editor.answer(attached).await?;
        Some(editor)
    }

    /// Takes the time of each step, from the key to the variables.
    pub(crate) async fn steps(mut self, file: &str) -> Option<Vec<Duration>> {
        let stopped = self.event("stopped").await?;
        let thread = stopped["threadId"].clone();
        self.look(&thread).await?;
        self.breakpoints(file, &[]).await?;
        let mut steps = Vec::new();
        for _ in 0..WARM_UP + STEPS {
            let key = Instant::now();
            self.send("next", json!({"threadId": thread})).await?;
            self.event("stopped").await?;
            let variables = self.look(&thread).await?;
            steps.push(key.elapsed());
            assert!(variables.as_array().is_some_and(|shown| shown.len() > 3), "what is shown: {variables}");
            // Later and unseen, as VS Code does.
            self.ask("stackTrace", json!({"threadId": thread, "startFrame": 1, "levels": 19})).await?;
        }
        self.ask("disconnect", json!({"terminateDebuggee": true})).await;
        Some(steps.split_off(WARM_UP))
    }

    async fn look(&mut self, thread: &Value) -> Option<Value> {
        self.ask("threads", Value::Null).await?;
        let stack = self.ask("stackTrace", json!({"threadId": thread, "startFrame": 0, "levels": 1})).await?;
        let scopes = self.ask("scopes", json!({"frameId": stack["stackFrames"][0]["id"]})).await?;
        let locals = &scopes["scopes"][0]["variablesReference"];
        Some(self.ask("variables", json!({"variablesReference": locals})).await?["variables"].take())
    }

    async fn breakpoints(&mut self, file: &str, lines: &[u32]) -> Option<Value> {
        let lines: Vec<Value> = lines.iter().map(|line| json!({"line": line})).collect();
        self.ask("setBreakpoints", json!({"source": {"path": file}, "breakpoints": lines})).await
    }

    async fn ask(&mut self, command: &str, arguments: Value) -> Option<Value> {
        let seq = self.send(command, arguments).await?;
        self.answer(seq).await
    }

    async fn send(&mut self, command: &str, arguments: Value) -> Option<i64> {
        self.last_seq += 1;
        let mut message = json!({"seq": self.last_seq, "type": "request", "command": command});
        if !arguments.is_null() {
            message["arguments"] = arguments;
        }
        let body = message.to_string();
        self.stream.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.ok()?;
        Some(self.last_seq)
    }

    async fn answer(&mut self, seq: i64) -> Option<Value> {
        loop {
            let mut message = self.message().await?;
            if message["type"] == "response" && message["request_seq"] == seq {
                assert_eq!(message["success"], true, "{message}");
                return Some(message["body"].take());
            }
            self.events.push(message);
        }
    }

    async fn event(&mut self, name: &str) -> Option<Value> {
        loop {
            if let Some(at) = self.events.iter().position(|message| message["event"] == name) {
                return Some(self.events.remove(at)["body"].take());
            }
            let message = self.message().await?;
            self.events.push(message);
        }
    }

    /// The next message; nothing at the end.
    async fn message(&mut self) -> Option<Value> {
        let mut header = Vec::new();
        while !header.ends_with(b"\r\n\r\n") {
            let byte = tokio::time::timeout(PATIENCE, self.stream.read_u8()).await.expect("the debugger speaks");
            header.push(byte.ok()?);
        }
        let header = String::from_utf8(header).ok()?;
        let length = header.lines().find_map(|line| line.strip_prefix("Content-Length: "))?.trim().parse().ok()?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.ok()?;
        serde_json::from_slice(&body).ok()
    }
}
