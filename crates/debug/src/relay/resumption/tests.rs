//! Owns the tables of what a client and a debugger are told until the one has joined the other.

use remora_agent::Talk;
use serde_json::{Value, json};

use super::{Joined, Resumption, Step};
use crate::dap::frames::Frame;

fn frame(message: Value) -> Frame {
    Frame::new(message.to_string().as_bytes())
}

fn request(seq: i64, command: &str, arguments: Value) -> Frame {
    frame(json!({"seq": seq, "type": "request", "command": command, "arguments": arguments}))
}

fn response(request_seq: i64, command: &str) -> Frame {
    frame(json!({"seq": 50, "type": "response", "request_seq": request_seq, "command": command, "success": true}))
}

/// In one word each: `< name number` for the client, `> name number` for the debugger.
fn told(steps: Vec<Step>) -> Vec<String> {
    let one = |step| match step {
        Step::ToClient(frame) => {
            let message: Value = serde_json::from_slice(frame.body()).unwrap();
            match message["type"].as_str() {
                Some("event") => format!("< {}", message["event"].as_str().unwrap()),
                _ => format!("< {} {}", message["command"].as_str().unwrap(), message["request_seq"]),
            }
        }
        Step::ToDebugger(frame) => {
            let message: Value = serde_json::from_slice(frame.body()).unwrap();
            format!("> {} {}", message["command"].as_str().unwrap(), message["seq"])
        }
        Step::Join(of) => format!("join {of:?}"),
    };
    steps.into_iter().map(one).collect()
}

fn greeted() -> Resumption {
    let mut resumption = Resumption::new(json!({"supportsX": true}));
    assert_eq!(told(resumption.client(request(1, "initialize", json!({})))), ["< initialize 1"]);
    resumption
}

fn talk(configured: bool) -> Box<Talk> {
    Box::new(Talk {
        configured,
        last_number: 100,
        process: Some(json!({"name": "p"})),
        said: vec![json!({"output": "x"})],
        children: vec![json!({"subProcessId": 7})],
        stopped: vec![json!({"threadId": 1}), json!({"threadId": 2})],
        ..Talk::default()
    })
}

#[test]
fn a_client_joins_what_goes_on_and_hears_what_stands_when_its_breakpoints_are_set() {
    let mut resumption = greeted();
    assert_eq!(told(resumption.client(request(2, "attach", json!({})))), ["join None"]);
    assert_eq!(told(resumption.joined(Joined::Living(talk(true)))), ["< initialized"]);
    assert_eq!(told(resumption.client(request(3, "setBreakpoints", json!({})))), ["> setBreakpoints 103"]);
    // What was asked by an earlier client is nobody's any more; what happens waits.
    assert_eq!(told(resumption.debugger(response(99, "stackTrace"))), [""; 0]);
    assert_eq!(told(resumption.debugger(frame(json!({"seq": 9, "type": "event", "event": "thread"})))), [""; 0]);
    assert_eq!(told(resumption.debugger(response(103, "setBreakpoints"))), ["< setBreakpoints 3"]);
    let stands = [
        "< configurationDone 4",
        "< attach 2",
        "< process",
        "< output",
        "< debugpyAttach",
        "< stopped",
        "< stopped",
        "< thread",
    ];
    assert_eq!(told(resumption.client(request(4, "configurationDone", json!({})))), stands);
    assert_eq!(told(resumption.client(request(5, "next", json!({"threadId": 1})))), ["> next 105"]);
    assert_eq!(told(resumption.debugger(response(105, "next"))), ["< next 5"]);
    assert_eq!(told(resumption.debugger(response((1 << 30) + 3, "threads"))), [""; 0]);
}

#[test]
fn one_whose_predecessor_had_not_set_its_breakpoints_begins_the_program() {
    let mut resumption = greeted();
    let _ = resumption.client(request(2, "attach", json!({})));
    let _ = resumption.joined(Joined::Living(Box::new(Talk { stopped: Vec::new(), ..*talk(false) })));
    assert_eq!(told(resumption.client(request(3, "configurationDone", json!({})))), ["> configurationDone 103"]);
    assert_eq!(told(resumption.debugger(response(103, "configurationDone"))), ["< configurationDone 3"]);
    let heard = ["< attach 2", "< process", "< output", "< debugpyAttach"];
    assert_eq!(told(resumption.debugger(response(2, "attach"))), heard);
}

#[test]
fn a_child_to_which_nobody_has_spoken_is_told_all_from_the_start() {
    let mut resumption = greeted();
    assert_eq!(told(resumption.client(request(2, "attach", json!({"subProcessId": 7})))), ["join Some(7)"]);
    assert_eq!(told(resumption.client(request(3, "threads", json!({})))), [""; 0]);
    assert_eq!(told(resumption.joined(Joined::Fresh)), ["> initialize 1", "> attach 2", "> threads 3"]);
    assert_eq!(told(resumption.debugger(response(1, "initialize"))), [""; 0]);
    assert_eq!(told(resumption.debugger(response(2, "attach"))), ["< attach 2"]);
}

#[test]
fn where_nothing_can_be_joined_the_client_is_told() {
    let mut resumption = greeted();
    let _ = resumption.client(request(2, "attach", json!({})));
    assert_eq!(told(resumption.joined(Joined::Nothing("it has ended".into()))), ["< attach 2"]);
}
