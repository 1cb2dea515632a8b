//! Owns the proof that a debugger and its client hear each other as before, whatever is asked ahead between them.

use remora_agent::{Address, Stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::rig::{Rig, remote};

const FIRST: i64 = 1 << 30;

/// An agent between a client and a debugger that say what they are told to.
struct Scene {
    rig: Rig,
    client: Stream,
    debugger: UnixStream,
}

impl Scene {
    async fn new() -> Self {
        let rig = Rig::start().await;
        let path = rig.at("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let client = rig.link.dial_with_foresight(Address::Unix(remote(&path))).await.unwrap();
        let (debugger, _) = listener.accept().await.unwrap();
        Self { rig, client, debugger }
    }

    /// One whose client wants to see the stack and the variables of the top frame.
    async fn planned() -> Self {
        let mut scene = Self::new().await;
        let needs = |into: &str, of: Value, at: Value| json!({"into": into, "of": of, "at": at});
        let plan = json!([
            {"command": "threads", "arguments": null, "needs": null, "reason": null},
            {"command": "exceptionInfo", "arguments": {}, "needs": needs("threadId", Value::Null, json!(["threadId"])),
             "reason": "exception"},
            {"command": "stackTrace", "arguments": {"levels": 1}, "reason": null,
             "needs": needs("threadId", Value::Null, json!(["threadId"]))},
            {"command": "scopes", "arguments": {}, "reason": null,
             "needs": needs("frameId", json!(2), json!(["stackFrames", 0, "id"]))},
            {"command": "variables", "arguments": {}, "reason": null,
             "needs": needs("variablesReference", json!(3), json!(["scopes", {"expensive": false}, "variablesReference"]))},
            {"command": "stackTrace", "arguments": {"startFrame": 1}, "reason": null,
             "needs": needs("threadId", Value::Null, json!(["threadId"]))},
        ]);
        scene.client_says(&framed(&json!({"remora": {"plan": plan}}))).await;
        // What comes from the two sides has no order: when the debugger has heard this, the agent has the plan.
        let hello = json!({"seq": 1, "type": "request", "command": "threads"});
        scene.client_says(&framed(&hello)).await;
        assert_eq!(scene.debugger_hears().await, hello);
        scene
    }

    async fn client_says(&mut self, bytes: &[u8]) {
        self.client.writer.write_all(bytes).await.unwrap();
    }

    async fn debugger_says(&mut self, message: &Value) {
        self.debugger.write_all(&framed(message)).await.unwrap();
    }

    async fn client_hears(&mut self) -> Value {
        message(&mut self.client.reader).await
    }

    async fn debugger_hears(&mut self) -> Value {
        message(&mut self.debugger).await
    }

    async fn stops(&mut self, reason: &str) {
        self.debugger_says(&json!({"type": "event", "event": "stopped", "body": {"threadId": 5, "reason": reason}}))
            .await;
    }

    /// The debugger answers a question of the agent; the client hears what follows from it, and the answer.
    async fn answers(&mut self, number: i64, body: Value) -> (Value, Value) {
        let answer = json!({"type": "response", "request_seq": FIRST + number, "success": true, "body": body});
        self.debugger_says(&answer).await;
        let told = self.client_hears().await;
        assert_eq!(self.client_hears().await, answer);
        (told["remora"]["asked"].clone(), told["remora"]["after"].clone())
    }
}

fn framed(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn message(reader: &mut (impl tokio::io::AsyncRead + Unpin)) -> Value {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        header.push(reader.read_u8().await.unwrap());
    }
    let length = std::str::from_utf8(&header).unwrap().trim().split(": ").nth(1).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn question(number: i64, command: &str, arguments: Value) -> Value {
    let mut question = json!({"seq": FIRST + number, "type": "request", "command": command});
    if !arguments.is_null() {
        question["arguments"] = arguments;
    }
    question
}

#[tokio::test]
async fn at_a_stop_the_plan_is_asked_in_its_order_and_told_before_the_answers() {
    let mut scene = Scene::planned().await;
    let next = json!({"seq": 1, "type": "request", "command": "next"});
    scene.client_says(&framed(&next)).await;
    assert_eq!(scene.debugger_hears().await, next);
    scene.stops("step").await;
    let first = [question(0, "threads", Value::Null), question(1, "stackTrace", json!({"levels": 1, "threadId": 5}))];
    assert_eq!(scene.client_hears().await, json!({"remora": {"stop": 1, "after": 2, "asked": first}}));
    assert_eq!(scene.client_hears().await["event"], "stopped");
    for question in first {
        assert_eq!(scene.debugger_hears().await, question);
    }
    scene.debugger_says(&json!({"type": "response", "request_seq": FIRST, "success": false})).await;
    assert_eq!(scene.client_hears().await["success"], false);
    // What the client asks meanwhile passes, and counts.
    let asks = json!({"seq": 2, "type": "request", "command": "threads"});
    scene.client_says(&framed(&asks)).await;
    assert_eq!(scene.debugger_hears().await, asks);
    let scopes = question(2, "scopes", json!({"frameId": 8}));
    assert_eq!(scene.answers(1, json!({"stackFrames": [{"id": 8}]})).await, (json!([scopes]), json!(3)));
    assert_eq!(scene.debugger_hears().await, scopes);
    let last = [
        question(3, "variables", json!({"variablesReference": 9})),
        question(4, "stackTrace", json!({"startFrame": 1, "threadId": 5})),
    ];
    let found = json!({"scopes": [{"expensive": true, "variablesReference": 7}, {"expensive": false, "variablesReference": 9}]});
    assert_eq!(scene.answers(2, found).await, (json!(last), json!(3)));
    for question in last {
        assert_eq!(scene.debugger_hears().await, question);
    }
    scene.stops("exception").await;
    let told = scene.client_hears().await;
    assert_eq!((&told["remora"]["stop"], &told["remora"]["asked"][1]["command"]), (&json!(2), &json!("exceptionInfo")));
    scene.rig.end().await;
}

#[tokio::test]
async fn nothing_more_is_asked_when_the_client_goes_on_or_an_answer_is_of_no_use() {
    let goes_on = json!({"seq": 1, "type": "request", "command": "continue"});
    let answer = |body: Value| json!({"type": "response", "request_seq": FIRST + 1, "success": true, "body": body});
    for (says, answer) in [
        (Some(goes_on), answer(json!({"stackFrames": [{"id": 8}]}))),
        (None, answer(json!({"stackFrames": 1}))),
        (None, answer(json!("of another shape"))),
    ] {
        let mut scene = Scene::planned().await;
        scene.stops("step").await;
        for _ in 0..2 {
            scene.client_hears().await;
            scene.debugger_hears().await;
        }
        if let Some(message) = says {
            scene.client_says(&framed(&message)).await;
            assert_eq!(scene.debugger_hears().await, message);
        }
        scene.debugger_says(&answer).await;
        assert_eq!(scene.client_hears().await, answer);
        scene.rig.end().await;
    }
}

#[tokio::test]
async fn a_question_never_stands_within_a_message_of_the_client() {
    for size in [10, 300_000] {
        let mut scene = Scene::planned().await;
        let message = json!({"seq": 1, "type": "request", "command": "threads", "x": "x".repeat(size)});
        let bytes = framed(&message);
        let (some, rest) = bytes.split_at(bytes.len() * 2 / 3);
        scene.client_says(some).await;
        // So much is there that it has been looked at: a stream has one order.
        let mut begun = vec![0; if size > 100_000 { 100_000 } else { 0 }];
        scene.debugger.read_exact(&mut begun).await.unwrap();
        scene.stops("step").await;
        let mut heard = scene.client_hears().await;
        if size < 100_000 {
            assert_eq!(heard["remora"]["after"], 1);
            heard = scene.client_hears().await;
            for command in ["threads", "stackTrace"] {
                assert_eq!(scene.debugger_hears().await["command"], command);
            }
        }
        assert_eq!(heard["event"], "stopped");
        scene.client_says(rest).await;
        let mut whole = vec![0; bytes.len() - begun.len()];
        scene.debugger.read_exact(&mut whole).await.unwrap();
        assert!([begun, whole].concat() == bytes);
        scene.rig.end().await;
    }
}

#[tokio::test]
async fn everything_passes_byte_for_byte_in_any_portions() {
    let said: Vec<&[u8]> = vec![
        b"Content-Length: 2\r\n\r\n{}content-type: x\r\ncontent-length:3\r\n\r\n[1]",
        b"Content-Length: 9\r\n\r\n\"stopped\"Content-Length: 37\r\n\r\n{\"type\": \"event\", \"event\": \"stopped\"}",
        b"Content-Length: 0\r\n\r\nContent-Length: 100\r\n\r\ncut",
        b"no DAP at all \r\n\r\n",
        b"Content-Length: x\r\n\r\n{}",
    ];
    let long = [b"Content-Length: 400000\r\n\r\n".to_vec(), vec![b'l'; 400_000], framed(&json!({}))].concat();
    let endless = vec![b'e'; 10_000];
    for bytes in said.into_iter().chain([&long[..], &endless]) {
        for portion in [1.max(bytes.len() / 50), bytes.len()] {
            let mut scene = Scene::planned().await;
            let (mut from_debugger, mut to_debugger) = scene.debugger.into_split();
            let says = async {
                for portion in bytes.chunks(portion) {
                    to_debugger.write_all(portion).await.unwrap();
                }
                to_debugger.shutdown().await.unwrap();
            };
            let answers = async {
                for portion in bytes.chunks(portion) {
                    scene.client.writer.write_all(portion).await.unwrap();
                }
                scene.client.writer.shutdown().await.unwrap();
            };
            let (mut here, mut there) = (Vec::new(), Vec::new());
            let hears = async { scene.client.reader.read_to_end(&mut here).await.unwrap() };
            let heard = async { from_debugger.read_to_end(&mut there).await.unwrap() };
            tokio::join!(says, answers, hears, heard);
            assert!(
                here == bytes && there == bytes,
                "{} {portion}",
                String::from_utf8_lossy(&bytes[..40.min(bytes.len())])
            );
            scene.rig.end().await;
        }
    }
}

#[tokio::test]
async fn what_is_asked_ahead_gives_the_client_no_credit_and_takes_none() {
    let mut scene = Scene::planned().await;
    let note = json!({"seq": 1, "type": "event", "event": "note", "body": "n".repeat(2000)});
    for _ in 0..400 {
        scene.stops("step").await;
        let told = scene.client_hears().await;
        let stopped = if told["remora"].is_object() { scene.client_hears().await } else { told.clone() };
        assert_eq!(stopped["event"], "stopped");
        if told["remora"].is_object() {
            for at in 0..2 {
                assert_eq!(scene.debugger_hears().await["seq"], told["remora"]["asked"][at]["seq"]);
                let failed =
                    json!({"type": "response", "request_seq": told["remora"]["asked"][at]["seq"], "success": false});
                scene.debugger_says(&failed).await;
                while scene.client_hears().await["type"] != "response" {}
            }
            // Of the stack nothing is known; the last one needs only the thread.
            assert_eq!(scene.debugger_hears().await["arguments"]["startFrame"], 1);
        }
        scene.client_says(&framed(&note)).await;
        assert_eq!(scene.debugger_hears().await, note);
    }
    scene.rig.end().await;
}
