//! Owns a debug client that says what it is told to and keeps everything that it hears, so that two conversations can be
//! compared. Asks nothing by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::lsp::read_messages;

/// Longer than a debugger takes to any answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conversation that is written down.
pub struct Recorder {
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    inbox: mpsc::UnboundedReceiver<Value>,
    last_seq: i64,
    /// Of what was heard: the numbers, in their order.
    pub numbers: Vec<i64>,
    /// Each request with its answer, in the order of the requests.
    answers: BTreeMap<i64, (Value, Option<Value>)>,
    /// The events of each kind, in their order.
    events: BTreeMap<String, Vec<Value>>,
    untaken: VecDeque<Value>,
}

impl Recorder {
    /// A client on this connection.
    pub fn over<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let (out, inbox) = mpsc::unbounded_channel();
        tokio::spawn(read_messages(reader, out));
        let (answers, events) = (BTreeMap::new(), BTreeMap::new());
        let (numbers, untaken) = (Vec::new(), VecDeque::new());
        Self { writer: Box::new(writer), inbox, last_seq: 0, numbers, answers, events, untaken }
    }

    /// Says something; with no arguments at all if they are null. Returns its number.
    pub async fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.last_seq += 1;
        let mut message = json!({"seq": self.last_seq, "type": "request", "command": command});
        if !arguments.is_null() {
            message["arguments"] = arguments;
        }
        let body = message.to_string();
        let bytes = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.writer.write_all(bytes.as_bytes()).await.expect("the debugger reads");
        self.answers.insert(self.last_seq, (message, None));
        self.last_seq
    }

    /// The answer to a request, whole.
    pub async fn answer(&mut self, seq: i64) -> Value {
        loop {
            if let Some(answer) = &self.answers[&seq].1 {
                return answer.clone();
            }
            let what = self.answers[&seq].0.clone();
            self.hear(&what).await;
        }
    }

    /// Asks and waits for the answer's body.
    pub async fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments).await;
        self.answer(seq).await["body"].take()
    }

    /// Waits for the next event of this kind; its body.
    pub async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.untaken.iter().position(|event| event["event"] == name) {
                return self.untaken.remove(at).expect("invariant: it is there")["body"].take();
            }
            self.hear(&json!(name)).await;
        }
    }

    /// The last requests with their answers.
    fn last(&self, count: usize) -> Vec<String> {
        let last = self.answers.values().rev().take(count);
        last.map(|(request, answer)| format!("{request} {}", answer.as_ref().unwrap_or(&Value::Null))).collect()
    }

    async fn hear(&mut self, what: &Value) {
        let heard = timeout(PATIENCE, self.inbox.recv()).await;
        let heard = heard.unwrap_or_else(|_| panic!("not in time: {what}; last: {:#?}", self.last(8)));
        let message = heard.unwrap_or_else(|| panic!("the end came before {what}; last: {:#?}", self.last(8)));
        self.numbers.push(message["seq"].as_i64().expect("a message has a number"));
        if message["type"] == "response" {
            let seq = message["request_seq"].as_i64().expect("an answer names its question");
            let (request, answer) = self.answers.get_mut(&seq).unwrap_or_else(|| panic!("nobody asked: {message}"));
            assert!(answer.is_none(), "answered twice: {request}");
            *answer = Some(message);
        } else {
            self.untaken.push_back(message.clone());
            self.events
                .entry(message["event"].as_str().expect("an event has a name").to_owned())
                .or_default()
                .push(message);
        }
    }

    /// What was told beside answers and other events, one text for each category: its portions differ from run to run.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        let mut texts = BTreeMap::<&str, String>::new();
        for event in self.events.get("output").into_iter().flatten() {
            let category = event["body"]["category"].as_str().unwrap_or("console");
            *texts.entry(category).or_default() += event["body"]["output"].as_str().unwrap_or_default();
        }
        texts.into_iter().map(|(category, text)| format!("{category}: {text}")).collect()
    }

    /// All of it without the numbers of what was heard, and without what differs from run to run.
    pub fn written(mut self) -> Vec<String> {
        // Output comes in portions, and processes and ports have numbers.
        let differ = ["output", "process", "debugpySockets", "debugpyWaitingForServer"];
        self.events.retain(|name, _| !differ.contains(&name.as_str()));
        let mut handles = Handles::default();
        let answers = self.answers.into_values().flat_map(|(request, answer)| [Some(request), answer]).flatten();
        let all = answers.chain(self.events.into_values().flatten());
        all.map(|message| handles.plain(message)).collect()
    }
}

/// Numbers that mean nothing but what they were given out for; counted anew, in the order in which they are met. At the next
/// stop, debugpy may give out one of them for something else: it goes by where things stand in its memory.
#[derive(Default)]
struct Handles {
    known: Vec<i64>,
}

impl Handles {
    fn plain(&mut self, mut message: Value) -> String {
        message.as_object_mut().expect("a message is an object").remove("seq");
        if message["type"] == "request"
            && message["arguments"].get("threadId").is_some()
            && message["command"] != "stackTrace"
        {
            self.known.clear();
        }
        // Of all that go on, ptvsd names one that still runs.
        if message["event"] == "continued" && message["body"]["allThreadsContinued"] == true {
            message["body"]["threadId"] = json!(0);
        }
        self.count_anew(&mut message, "");
        let mut text = message.to_string();
        // Where things stand in memory.
        for mark in [" at 0x", " at..."] {
            let mut parts = text.split(mark);
            let first = parts.next().unwrap_or_default().to_owned();
            text = parts.fold(first, |plain, part| plain + part.split_once('>').map_or(part, |(_, rest)| rest));
        }
        text
    }

    fn count_anew(&mut self, value: &mut Value, within: &str) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.count_anew(element, within)),
            Value::Object(members) => {
                for (name, member) in members {
                    let is_handle = matches!(
                        (name.as_str(), within),
                        ("threadId" | "frameId" | "variablesReference", _) | ("id", "threads" | "stackFrames")
                    );
                    match member.as_i64() {
                        Some(number) if is_handle && number != 0 => *member = json!(self.anew(number)),
                        _ => self.count_anew(member, name),
                    }
                }
            }
            _ => {}
        }
    }

    fn anew(&mut self, number: i64) -> usize {
        let seen = self.known.iter().position(|known| *known == number);
        seen.unwrap_or_else(|| {
            self.known.push(number);
            self.known.len() - 1
        }) + 1
    }
}
