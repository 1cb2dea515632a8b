//! Owns a debug client that asks what VS Code asks. Knows nothing of who answers, and takes no time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A bench that hangs should end with a message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a debugger. What it is asked gives nothing when the connection ends before the answer.
pub struct Client<S> {
    stream: S,
    last_seq: i64,
    events: Vec<Value>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Attaches or launches, as `configuration` says, with a breakpoint; if a debugger answers.
    pub async fn begin(stream: S, configuration: &Value, file: &str, line: u32) -> Option<Self> {
        let mut client = Self { stream, last_seq: 0, events: Vec::new() };
        let hello = json!({
            "clientID": "vscode", "adapterID": "debugpy", "pathFormat": "path", "linesStartAt1": true, "columnsStartAt1": true,
            "supportsVariableType": true, "supportsVariablePaging": true,
        });
        client.ask("initialize", hello).await?;
        let command = configuration["request"].as_str().expect("a configuration says what it asks for");
        let begun = client.send(command, configuration.clone()).await?;
        client.event("initialized").await?;
        client.breakpoints(file, &[line]).await?;
        client.ask("setExceptionBreakpoints", json!({"filters": []})).await?;
        client.ask("configurationDone", json!({})).await?;
        client.answer(begun).await?;
        Some(client)
    }

    /// Waits for the next stop; the thread.
    pub async fn stopped(&mut self) -> Option<Value> {
        Some(self.event("stopped").await?["threadId"].take())
    }

    /// Lets the program run to its end.
    pub async fn finish(mut self, file: &str, thread: &Value) -> Option<()> {
        self.breakpoints(file, &[]).await?;
        self.ask("continue", json!({"threadId": thread})).await?;
        self.event("terminated").await.map(drop)
    }

    /// What is asked at a stop; the variables of the first scope.
    pub async fn look(&mut self, thread: &Value) -> Option<Value> {
        self.ask("threads", Value::Null).await?;
        let stack = self.ask("stackTrace", json!({"threadId": thread, "startFrame": 0, "levels": 1})).await?;
        let scopes = self.ask("scopes", json!({"frameId": stack["stackFrames"][0]["id"]})).await?;
        let locals = &scopes["scopes"][0]["variablesReference"];
        Some(self.ask("variables", json!({"variablesReference": locals})).await?["variables"].take())
    }

    /// Sets all breakpoints of a file.
    pub async fn breakpoints(&mut self, file: &str, lines: &[u32]) -> Option<Value> {
        let lines: Vec<Value> = lines.iter().map(|line| json!({"line": line})).collect();
        self.ask("setBreakpoints", json!({"source": {"path": file}, "breakpoints": lines})).await
    }

    /// Asks and waits for the answer's body.
    pub async fn ask(&mut self, command: &str, arguments: Value) -> Option<Value> {
        let seq = self.send(command, arguments).await?;
        self.answer(seq).await
    }

    /// Asks without waiting.
    pub async fn send(&mut self, command: &str, arguments: Value) -> Option<i64> {
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
