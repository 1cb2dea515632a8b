//! A language client for tests, on any pair of byte streams. Reads everything that the server says;
//! dropping it while something is unread fails the test.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;

/// Speaks to one language server.
pub struct LspClient<W> {
    writer: W,
    inbox: mpsc::UnboundedReceiver<Value>,
    /// What came and was not asked for yet, in order.
    unread: VecDeque<Value>,
    /// Methods that a test does not care for.
    ignored: Vec<&'static str>,
    /// The titles of the work that the server showed.
    shown_work: Vec<String>,
    settings: Value,
    next_id: i64,
}

impl<W: AsyncWrite + Unpin> LspClient<W> {
    /// A client that answers `workspace/configuration` with `settings` (the inside of `remora`).
    pub fn new<R>(reader: R, writer: W, settings: Value) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
    {
        let (out, inbox) = mpsc::unbounded_channel();
        tokio::spawn(read_messages(reader, out));
        let ignored = vec!["window/workDoneProgress/create", "$/progress"];
        Self { writer, inbox, unread: VecDeque::new(), ignored, shown_work: Vec::new(), settings, next_id: 1 }
    }

    /// Says that messages of this method may stay unread.
    pub fn ignore(&mut self, method: &'static str) {
        self.ignored.push(method);
        self.unread.retain(|message| message["method"] != method);
    }

    /// Answers `workspace/configuration` differently from now on.
    pub fn set_settings(&mut self, settings: Value) {
        self.settings = settings;
    }

    /// Error answers to what was no request have no id and so nobody who waits for them.
    pub fn forget_answers_without_id(&mut self) {
        self.unread.retain(|message| message.get("method").is_some() || !message["id"].is_null());
    }

    /// Shakes hands for a folder; returns the server's capabilities.
    pub async fn initialize(&mut self, root: &std::path::Path) -> Value {
        let uri = format!("file://{}", root.display());
        let params = json!({
            "processId": null, "rootUri": uri, "workspaceFolders": [{"uri": uri, "name": "root"}],
            "capabilities": {"workspace": {"configuration": true}, "window": {"workDoneProgress": true}},
        });
        let answer = self.request("initialize", params).await.expect("initialize is answered");
        self.notify("initialized", json!({})).await;
        answer
    }

    /// Sends a notification.
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Sends a request and waits for its answer; questions of the server are answered meanwhile.
    ///
    /// # Errors
    /// The server's error object.
    pub async fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// Sends a request without waiting; [`LspClient::answer`] does.
    pub async fn ask(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message).await;
        id
    }

    /// Waits for the answer to a request.
    ///
    /// # Errors
    /// The server's error object.
    pub async fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let message = self.find(|message| message.get("method").is_none() && message["id"] == id).await;
        match message.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(message["result"].clone()),
        }
    }

    /// Waits for a notification or a request of this method; returns its parameters.
    pub async fn expect(&mut self, method: &str) -> Value {
        self.find(|message| message["method"] == method).await["params"].clone()
    }

    /// Waits for the next message of one of these methods, ignored or not; returns the method and the parameters.
    pub async fn expect_any(&mut self, methods: &[&str]) -> (String, Value) {
        let method_of = |message: &Value| message["method"].as_str().unwrap_or_default().to_owned();
        let message = self.find(|message| methods.contains(&method_of(message).as_str())).await;
        (method_of(&message), message["params"].clone())
    }

    /// Waits for a question of the server and answers it.
    pub async fn reply(&mut self, method: &str, result: Value) -> Value {
        let message = self.find(|message| message["method"] == method && message.get("id").is_some()).await;
        self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result})).await;
        message["params"].clone()
    }

    /// Sends bytes as they are, for tests of bad input.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.expect("the server reads");
        self.writer.flush().await.expect("the server reads");
    }

    /// The titles of the work-done progress that the server has begun so far.
    #[must_use]
    pub fn shown_work(&self) -> &[String] {
        &self.shown_work
    }

    /// Says good-bye in order.
    pub async fn shutdown(&mut self) {
        self.request("shutdown", Value::Null).await.expect("shutdown is answered");
        self.send(&json!({"jsonrpc": "2.0", "method": "exit"})).await;
    }

    /// Goes away without a good-bye, as an editor that was killed does, and reads nothing more.
    pub async fn vanish(mut self) {
        self.writer.shutdown().await.expect("the pipe closes");
        self.inbox = mpsc::unbounded_channel().1;
        self.unread.clear();
    }

    async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.unread.iter().position(&wanted) {
            return self.unread.remove(at).expect("invariant: the position was just found");
        }
        loop {
            let Some(message) = self.inbox.recv().await else { panic!("the server ended; unread: {:?}", self.unread) };
            if wanted(&message) {
                return message;
            }
            self.take_in(message).await;
        }
    }

    async fn take_in(&mut self, message: Value) {
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        if method == "workspace/configuration" {
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": [self.settings]});
            self.send(&answer).await;
        } else if method == "window/workDoneProgress/create" {
            self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null})).await;
        } else if method == "$/progress" {
            self.shown_work.extend(message["params"]["value"]["title"].as_str().map(String::from));
        } else if !self.ignored.contains(&method.as_str()) {
            self.unread.push_back(message);
        }
    }

    async fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.send_raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }
}

impl<W> Drop for LspClient<W> {
    fn drop(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            let method = message["method"].as_str().unwrap_or_default();
            if !self.ignored.contains(&method) {
                self.unread.push_back(message);
            }
        }
        if !std::thread::panicking() {
            assert!(self.unread.is_empty(), "left unread: {:#?}", self.unread);
        }
    }
}

/// Reads messages with a `Content-Length`, until the stream ends.
pub(crate) async fn read_messages<R: AsyncRead + Unpin>(reader: R, out: mpsc::UnboundedSender<Value>) {
    let mut reader = BufReader::new(reader);
    loop {
        let mut length = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            match line.trim_end() {
                "" => break,
                header => {
                    if let Some(value) = header.strip_prefix("Content-Length: ") {
                        length = value.parse::<usize>().ok();
                    }
                }
            }
        }
        let mut body = vec![0; length.expect("the server names the length")];
        if reader.read_exact(&mut body).await.is_err() {
            return;
        }
        let message = serde_json::from_slice(&body).expect("the server speaks JSON");
        if out.send(message).is_err() {
            return;
        }
    }
}
