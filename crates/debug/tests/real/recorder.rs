//! Owns a client that says what it is told to and keeps everything that it hears. Asks nothing by itself.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use remora_debug::dap::frames::{Decoder, encode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::bed::PATIENCE;

/// A conversation that is written down.
pub(crate) struct Recorder {
    stream: UnixStream,
    decoder: Decoder,
    last_seq: i64,
    /// Of what was heard: the numbers, in their order.
    pub(crate) numbers: Vec<i64>,
    /// Each request with its answer, in the order of the requests.
    answers: BTreeMap<i64, (Value, Option<Value>)>,
    /// The events of each kind, in their order.
    events: BTreeMap<String, Vec<Value>>,
    untaken: VecDeque<Value>,
}

impl Recorder {
    pub(crate) async fn over(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await.unwrap();
        let (answers, events) = (BTreeMap::new(), BTreeMap::new());
        let (numbers, untaken) = (Vec::new(), VecDeque::new());
        Self { stream, decoder: Decoder::default(), last_seq: 0, numbers, answers, events, untaken }
    }

    /// Says something; with no arguments at all if they are null.
    pub(crate) async fn send(&mut self, command: &str, arguments: Value) -> i64 {
        self.last_seq += 1;
        let mut message = json!({"seq": self.last_seq, "type": "request", "command": command});
        if !arguments.is_null() {
            message["arguments"] = arguments;
        }
        self.stream.write_all(&encode(&message)).await.unwrap();
        self.answers.insert(self.last_seq, (message, None));
        self.last_seq
    }

    /// The answer to a request, whole.
    pub(crate) async fn answer(&mut self, seq: i64) -> Value {
        loop {
            if let Some(answer) = &self.answers[&seq].1 {
                return answer.clone();
            }
            let what = self.answers[&seq].0.clone();
            self.hear(&what).await;
        }
    }

    /// Asks and waits for the answer's body.
    pub(crate) async fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let seq = self.send(command, arguments).await;
        self.answer(seq).await["body"].take()
    }

    /// Waits for the next event of this kind; its body.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.untaken.iter().position(|event| event["event"] == name) {
                return self.untaken.remove(at).unwrap()["body"].take();
            }
            self.hear(&json!(name)).await;
        }
    }

    async fn hear(&mut self, what: &Value) {
        let message = loop {
            if let Some(message) = self.decoder.next_message().unwrap() {
                break message;
            }
            let mut portion = vec![0; 64 * 1024];
            let read = timeout(PATIENCE, self.stream.read(&mut portion)).await;
            let count = read.unwrap_or_else(|_| panic!("not in time: {what}")).unwrap();
            assert!(count > 0, "the end came before {what}");
            self.decoder.push(&portion[..count]);
        };
        self.numbers.push(message["seq"].as_i64().unwrap());
        if message["type"] == "response" {
            let seq = message["request_seq"].as_i64().unwrap();
            let (request, answer) = self.answers.get_mut(&seq).unwrap_or_else(|| panic!("nobody asked: {message}"));
            assert!(answer.is_none(), "answered twice: {request}");
            *answer = Some(message);
        } else {
            self.untaken.push_back(message.clone());
            self.events.entry(message["event"].as_str().unwrap().to_owned()).or_default().push(message);
        }
    }

    /// All of it without the numbers of what was heard, and without what differs from run to run.
    pub(crate) fn written(mut self) -> Vec<String> {
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
        message.as_object_mut().unwrap().remove("seq");
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
