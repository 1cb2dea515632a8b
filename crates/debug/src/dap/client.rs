//! Owns a small debug client, for the demo and the tests. Never used where an editor is the client.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::{self, Decoder, FrameError};

/// How long an answer or an event may take. Nothing here waits for a person, and a debugger on a busy machine
/// has been seen to take ten seconds to its first stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// What can go wrong with a debug conversation.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("the connection to the debugger failed: {0}")]
    Io(#[from] std::io::Error),
    /// What came is no DAP.
    #[error("the debugger does not speak DAP: {0}")]
    Frame(#[from] FrameError),
    /// The debugger closed the connection while something was waited for.
    #[error("the debugger closed the connection before {0}")]
    Closed(String),
    /// Nothing came in time.
    #[error("no {0} in time")]
    TimedOut(String),
    /// The debugger refused a request.
    #[error("{command}: {message}")]
    Refused {
        /// The request's command.
        command: String,
        /// The debugger's words.
        message: String,
    },
    /// An answer lacks what it must have.
    #[error("an answer to {0} of an unknown shape")]
    Shape(&'static str),
}

/// A breakpoint as the debugger took it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Breakpoint {
    /// Whether it knows the place.
    pub verified: bool,
    /// The line it chose.
    pub line: Option<u32>,
}

/// A frame of a stopped thread, innermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// To ask for its variables.
    pub id: i64,
    /// The function.
    pub name: String,
    /// The local path, if the mapping knows one.
    pub path: String,
    /// From 1.
    pub line: u32,
}

/// A variable as the debugger shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its text.
    pub value: String,
}

/// A conversation with a debugger.
pub struct Client {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    decoder: Decoder,
    /// What came while something else was waited for.
    pending: VecDeque<Value>,
    last_seq: i64,
}

impl Client {
    /// Connects; says nothing yet.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub async fn connect(address: SocketAddr) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self::on(reader, writer))
    }

    /// Connects to a session's socket; says nothing yet.
    ///
    /// # Errors
    /// [`ClientError::Io`].
    pub async fn over(socket: &Path) -> Result<Self, ClientError> {
        #[cfg(unix)]
        let (reader, writer) = tokio::net::UnixStream::connect(socket).await?.into_split();
        #[cfg(windows)]
        let (reader, writer) = tokio::io::split(tokio::net::windows::named_pipe::ClientOptions::new().open(socket)?);
        Ok(Self::on(reader, writer))
    }

    /// Speaks over the two halves of a pipe; says nothing yet.
    pub fn on<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (reader, writer) = (Box::new(reader), Box::new(writer));
        Self { reader, writer, decoder: Decoder::default(), pending: VecDeque::new(), last_seq: 0 }
    }

    /// Connects to where `configuration` says, and attaches; see [`Client::attach`].
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn by_configuration(configuration: &Value, breakpoints: &[(&str, &[u32])]) -> Result<Self, ClientError> {
        let connect = &configuration["connect"];
        let host = connect["host"].as_str().and_then(|host| host.parse::<IpAddr>().ok());
        let port = connect["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let (Some(host), Some(port)) = (host, port) else { return Err(ClientError::Shape("the configuration")) };
        let mut client = Self::connect((host, port).into()).await?;
        client.attach(configuration, breakpoints).await?;
        Ok(client)
    }

    /// Attaches by `configuration` and sets breakpoints in local files, in the order that every debugpy and
    /// ptvsd 4 understands: the answer to `attach` comes after `configurationDone`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn attach(
        &mut self,
        configuration: &Value,
        breakpoints: &[(&str, &[u32])],
    ) -> Result<Vec<Breakpoint>, ClientError> {
        self.begin("attach", configuration, breakpoints).await
    }

    /// Launches by `configuration`; as [`Client::attach`] otherwise.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn launch(
        &mut self,
        configuration: &Value,
        breakpoints: &[(&str, &[u32])],
    ) -> Result<Vec<Breakpoint>, ClientError> {
        self.begin("launch", configuration, breakpoints).await
    }

    async fn begin(
        &mut self,
        command: &'static str,
        configuration: &Value,
        breakpoints: &[(&str, &[u32])],
    ) -> Result<Vec<Breakpoint>, ClientError> {
        let hello = json!({
            "clientID": "remora", "adapterID": "debugpy", "pathFormat": "path", "linesStartAt1": true,
            "columnsStartAt1": true, "supportsVariableType": true,
        });
        self.request("initialize", hello).await?;
        let start = self.send(command, configuration.clone()).await?;
        // A debugger that can't attach says so instead of becoming ready.
        let wanted = |message: &Value| message["event"] == "initialized" || message["request_seq"] == start;
        let first = self.wait("initialized event", wanted).await?;
        if first["event"] != "initialized" {
            body_of(command, first)?;
            return Err(ClientError::Shape(command));
        }
        let mut set = Vec::new();
        for (path, lines) in breakpoints {
            set.extend(self.set_breakpoints(path, lines).await?);
        }
        // As editors do. ptvsd handles requests side by side: with nothing in between, it can take
        // configurationDone before attach, and then knows no path mapping.
        self.request("setExceptionBreakpoints", json!({ "filters": [] })).await?;
        self.request("configurationDone", json!({})).await?;
        self.response(command, start).await?;
        Ok(set)
    }

    /// Sets all breakpoints of one local file.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn set_breakpoints(&mut self, path: &str, lines: &[u32]) -> Result<Vec<Breakpoint>, ClientError> {
        let lines: Vec<Value> = lines.iter().map(|line| json!({ "line": line })).collect();
        let arguments = json!({ "source": { "path": path }, "breakpoints": lines });
        let mut body = self.request("setBreakpoints", arguments).await?;
        shaped("setBreakpoints", body["breakpoints"].take())
    }

    /// Waits until a thread has stopped, and gives its id and the reason.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stopped(&mut self) -> Result<(i64, String), ClientError> {
        let body = self.event("stopped").await?;
        let thread = body["threadId"].as_i64().ok_or(ClientError::Shape("stopped"))?;
        Ok((thread, body["reason"].as_str().unwrap_or_default().to_owned()))
    }

    /// The frames of a stopped thread, innermost first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn stack(&mut self, thread: i64) -> Result<Vec<Frame>, ClientError> {
        let body = self.request("stackTrace", json!({ "threadId": thread })).await?;
        let frames = body["stackFrames"].as_array().ok_or(ClientError::Shape("stackTrace"))?;
        let frame = |frame: &Value| {
            Some(Frame {
                id: frame["id"].as_i64()?,
                name: frame["name"].as_str()?.to_owned(),
                path: frame["source"]["path"].as_str().unwrap_or_default().to_owned(),
                line: u32::try_from(frame["line"].as_i64()?).ok()?,
            })
        };
        frames.iter().map(frame).collect::<Option<_>>().ok_or(ClientError::Shape("stackTrace"))
    }

    /// The local variables of a frame.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn variables(&mut self, frame: i64) -> Result<Vec<Variable>, ClientError> {
        let body = self.request("scopes", json!({ "frameId": frame })).await?;
        let locals = body["scopes"][0]["variablesReference"].as_i64().ok_or(ClientError::Shape("scopes"))?;
        let mut body = self.request("variables", json!({ "variablesReference": locals })).await?;
        shaped("variables", body["variables"].take())
    }

    /// Evaluates an expression in a frame.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evaluate(&mut self, frame: i64, expression: &str) -> Result<String, ClientError> {
        let arguments = json!({ "expression": expression, "frameId": frame, "context": "repl" });
        let body = self.request("evaluate", arguments).await?;
        Ok(body["result"].as_str().unwrap_or_default().to_owned())
    }

    /// Lets a thread take one step over.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn step_over(&mut self, thread: i64) -> Result<(), ClientError> {
        self.request("next", json!({ "threadId": thread })).await.map(drop)
    }

    /// Lets the program go on.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn go_on(&mut self, thread: i64) -> Result<(), ClientError> {
        self.request("continue", json!({ "threadId": thread })).await.map(drop)
    }

    /// The configuration for the next child process that the debugger announces.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn child(&mut self) -> Result<Value, ClientError> {
        self.event("debugpyAttach").await
    }

    /// Waits until the debugger says that the program has ended, or (ptvsd says nothing) closes the connection.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn terminated(&mut self) -> Result<(), ClientError> {
        match self.event("terminated").await {
            Ok(_) | Err(ClientError::Closed(_) | ClientError::Io(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What the program has written so far, as it was told to this client, in the order in which it came.
    pub fn take_output(&mut self) -> String {
        self.outputs(&["stdout", "stderr"]).concat()
    }

    /// What this client was told so far beside the program's own output.
    pub fn told(&mut self) -> Vec<String> {
        self.outputs(&["console", "important"])
    }

    /// How many events of this name came and were not waited for.
    pub fn unheard(&self, name: &str) -> usize {
        self.pending.iter().filter(|message| message["event"] == name).count()
    }

    fn outputs(&mut self, categories: &[&str]) -> Vec<String> {
        let wanted = |message: &Value| {
            message["event"] == "output"
                && message["body"]["category"].as_str().is_some_and(|category| categories.contains(&category))
        };
        let pending = std::mem::take(&mut self.pending);
        let (taken, others) = pending.into_iter().partition::<VecDeque<Value>, _>(wanted);
        self.pending = others;
        taken.iter().filter_map(|message| Some(message["body"]["output"].as_str()?.to_owned())).collect()
    }

    /// Leaves; the program ends with it or runs on. Some debuggers close before they answer.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn disconnect(mut self, terminate: bool) -> Result<(), ClientError> {
        match self.request("disconnect", json!({ "terminateDebuggee": terminate })).await {
            Ok(_) | Err(ClientError::Closed(_) | ClientError::Io(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends a request and waits for its answer's body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn request(&mut self, command: &str, arguments: Value) -> Result<Value, ClientError> {
        let seq = self.send(command, arguments).await?;
        self.response(command, seq).await
    }

    /// Waits for an event and gives its body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn event(&mut self, name: &str) -> Result<Value, ClientError> {
        let wanted = |message: &Value| message["type"] == "event" && message["event"] == name;
        let mut message = self.wait(&format!("{name} event"), wanted).await?;
        Ok(message["body"].take())
    }

    async fn send(&mut self, command: &str, arguments: Value) -> Result<i64, ClientError> {
        self.last_seq += 1;
        let message = json!({ "seq": self.last_seq, "type": "request", "command": command, "arguments": arguments });
        self.writer.write_all(&frames::encode(&message)).await?;
        Ok(self.last_seq)
    }

    async fn response(&mut self, command: &str, seq: i64) -> Result<Value, ClientError> {
        let wanted = |message: &Value| message["type"] == "response" && message["request_seq"] == seq;
        body_of(command, self.wait(&format!("answer to {command}"), wanted).await?)
    }

    async fn wait(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value, ClientError> {
        if let Some(at) = self.pending.iter().position(&wanted) {
            return self.pending.remove(at).ok_or(ClientError::Shape("pending"));
        }
        let arrival = async {
            loop {
                while let Some(message) = self.decoder.next_message()? {
                    if wanted(&message) {
                        return Ok(message);
                    }
                    self.pending.push_back(message);
                }
                let mut portion = [0; 16 * 1024];
                match self.reader.read(&mut portion).await? {
                    0 => return Err(ClientError::Closed(what.to_owned())),
                    count => self.decoder.push(&portion[..count]),
                }
            }
        };
        timeout(PATIENCE, arrival).await.unwrap_or_else(|_| Err(ClientError::TimedOut(what.to_owned())))
    }
}

fn body_of(command: &str, mut message: Value) -> Result<Value, ClientError> {
    if message["success"] == true {
        return Ok(message["body"].take());
    }
    let said = message["body"]["error"]["format"].as_str().or(message["message"].as_str());
    Err(ClientError::Refused { command: command.to_owned(), message: said.unwrap_or_default().to_owned() })
}

fn shaped<T: serde::de::DeserializeOwned>(of: &'static str, value: Value) -> Result<T, ClientError> {
    serde_json::from_value(value).map_err(|_| ClientError::Shape(of))
}
