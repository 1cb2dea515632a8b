//! What each message becomes, and what is said at the end.

use super::*;

fn translator(socket: bool, ptvsd: bool) -> Translator {
    let attach = json!({
        "name": "Remora: box", "type": "remora", "request": "attach", "justMyCode": true, "subProcess": true,
        "pathMappings": [{"localRoot": "/here", "remoteRoot": "/there"}],
    });
    let words: Words = |notice| match notice {
        Notice::Lost(_) => "lost".into(),
        notice => format!("{notice:?}"),
    };
    let project = Arc::new(Project::new(Vec::new()));
    Translator::new(Arc::new(Facts {
        attached: false,
        socket: socket.then(|| PathBuf::from("/run/s")),
        attach,
        ptvsd,
        words,
        foresight: true,
        project,
        held: None,
    }))
}

fn frame(message: &Value) -> Frame {
    Frame::new(message.to_string().as_bytes())
}

fn request(seq: i64, command: &str, arguments: Value) -> Frame {
    frame(&json!({"seq": seq, "type": "request", "command": command, "arguments": arguments}))
}

fn response(seq: i64, request_seq: i64, command: &str, body: Value) -> Frame {
    frame(&json!({
        "seq": seq, "type": "response", "request_seq": request_seq, "success": true, "command": command, "body": body,
    }))
}

fn event(seq: i64, event: &str, body: Value) -> Frame {
    frame(&json!({"seq": seq, "type": "event", "event": event, "body": body}))
}

fn value(frame: &Frame) -> Value {
    serde_json::from_slice(frame.body()).unwrap()
}

/// What goes to the client, and whatever else follows, in short.
fn told(outs: &[Out]) -> Vec<String> {
    let short = |out: &Out| match out {
        Out::ToClient(frame) => {
            let message = value(frame);
            match (&message["type"], &message["event"], &message["body"]) {
                (_, Value::String(event), body) if event == "output" => {
                    format!("{}: {}", body["category"].as_str().unwrap(), body["output"].as_str().unwrap().trim_end())
                }
                (_, Value::String(event), Value::Null) => event.clone(),
                (_, Value::String(event), body) => format!("{event} {body}"),
                _ => format!(
                    "{} {}: {}",
                    message["command"].as_str().unwrap(),
                    message["request_seq"],
                    message["message"].as_str().unwrap_or(if message["success"] == true { "yes" } else { "no" })
                ),
            }
        }
        Out::ToDebugger(frame) => format!("→ {}", value(frame)["command"].as_str().unwrap()),
        other => format!("{other:?}"),
    };
    outs.iter().map(short).collect()
}

/// A client that has launched and been told so.
fn launched(arguments: Value) -> Translator {
    let mut translator = translator(true, false);
    translator.client(request(1, "initialize", json!({"adapterID": "remora"})));
    translator.debugger(response(1, 1, "initialize", json!({})));
    translator.client(request(2, "launch", arguments));
    translator.debugger(event(2, "initialized", json!({})));
    translator.debugger(response(3, 2, "attach", json!({})));
    translator
}

fn attach_arguments(socket: bool, ptvsd: bool, command: &str, arguments: Value) -> Value {
    let outs = translator(socket, ptvsd).client(request(2, command, arguments));
    let [Out::ToDebugger(sent)] = outs.as_slice() else { panic!("{outs:?}") };
    let mut sent = value(sent);
    assert_eq!((&sent["seq"], &sent["command"]), (&json!(2), &json!("attach")));
    sent["arguments"].take()
}

#[test]
fn a_launch_becomes_our_attach_with_the_debuggers_own_options_of_the_client() {
    let sent = attach_arguments(
        true,
        false,
        "launch",
        json!({
            "type": "remora", "request": "launch", "name": "x", "program": "/here/a.py", "args": ["1"], "env": {}, "cwd": ".",
            "target": "box", "python": "p", "debugger": "auto", "console": "internalConsole", "__sessionId": "7",
            "preLaunchTask": "t", "noDebug": false, "onTerminate": "KeyboardInterrupt", "connect": {"port": 1},
            "redirectOutput": true, "socket": "/s", "justMyCode": false, "subProcess": null, "django": true,
            "stopOnEntry": true, "rules": [{"module": "m", "include": false}],
            "pathMappings": [{"localRoot": "/lib", "remoteRoot": "/usr/lib"}],
        }),
    );
    let expected = json!({
        "name": "Remora: box", "type": "remora", "request": "attach", "justMyCode": false, "subProcess": true,
        "pathMappings": [
            {"localRoot": "/lib", "remoteRoot": "/usr/lib"},
            {"localRoot": "/here", "remoteRoot": "/there"},
        ],
        "django": true, "stopOnEntry": true, "rules": [{"module": "m", "include": false}], "redirectOutput": false,
    });
    assert_eq!(sent, expected);
}

#[test]
fn an_attach_over_a_socket_needs_to_say_nothing_and_is_past_the_entry() {
    let sent = attach_arguments(true, false, "attach", json!({"request": "attach", "stopOnEntry": true}));
    assert_eq!(sent["pathMappings"][0]["remoteRoot"], "/there");
    assert_eq!((sent.get("stopOnEntry"), &sent["redirectOutput"]), (None, &json!(false)));
}

#[test]
fn ptvsd_gets_its_options_as_flags() {
    let options = json!({"justMyCode": false, "django": true, "jinja": false, "stopOnEntry": true});
    let sent = attach_arguments(true, true, "launch", options);
    assert_eq!(sent["debugOptions"], json!(["Django", "DebugStdLib", "StopOnEntry"]));
    let sent =
        attach_arguments(true, true, "launch", json!({"debugOptions": ["RedirectOutput", "Django"], "django": true}));
    assert_eq!(sent["debugOptions"], json!(["Django"]));
}

#[test]
fn the_answer_and_the_process_are_of_a_launch_and_what_both_debuggers_can_is_told() {
    let mut translator = translator(true, false);
    let outs =
        translator.client(request(1, "initialize", json!({"supportsStartDebuggingRequest": true, "locale": "en"})));
    let [Out::ToDebugger(sent)] = outs.as_slice() else { panic!("{outs:?}") };
    assert_eq!(value(sent)["arguments"], json!({"supportsStartDebuggingRequest": false, "locale": "en"}));
    let outs = translator.debugger(response(1, 1, "initialize", json!({"supportsTerminateDebuggee": true})));
    let [Out::ToClient(sent)] = outs.as_slice() else { panic!("{outs:?}") };
    assert_eq!(value(sent)["body"]["supportTerminateDebuggee"], true);
    assert_eq!(value(sent)["body"]["supportsTerminateRequest"], true);
    translator.client(request(2, "launch", json!({})));
    assert!(!translator.takes_news());
    translator.debugger(event(2, "initialized", json!({})));
    assert!(translator.takes_news());
    let outs = translator.debugger(event(3, "process", json!({"startMethod": "attach", "name": "a.py"})));
    assert_eq!(told(&outs), [r#"process {"startMethod":"launch","name":"a.py"}"#]);
    assert_eq!(told(&translator.debugger(response(4, 2, "attach", json!({})))), ["launch 2: yes"]);
}

#[test]
fn a_child_is_announced_by_the_socket_in_every_generation() {
    let body = json!({"name": "Subprocess 7", "subProcessId": 7, "justMyCode": false, "connect": {"host": "127.0.0.1", "port": 1}});
    let expected = r#"debugpyAttach {"name":"Subprocess 7","subProcessId":7,"justMyCode":false,"socket":"/run/s"}"#;
    let mut parent = launched(json!({}));
    assert_eq!(told(&parent.debugger(event(9, "debugpyAttach", body.clone()))), [expected]);
    let mut child = translator(true, false);
    let attach = request(2, "attach", json!({"subProcessId": 7, "anything": [1.50]}));
    assert!(!child.wants_the_seat(&attach));
    assert_eq!(child.client(attach.clone()), [Out::ToDebugger(attach)]);
    assert_eq!(told(&child.debugger(event(1, "debugpyAttach", body))), [expected]);
    assert_eq!(told(&child.debugger(event(2, "terminated", json!(null)))), ["terminated"]);
    assert!(!child.takes_news());
}

#[test]
fn the_numbers_that_the_client_sees_rise_by_one_and_answers_find_their_way_back() {
    let mut translator = launched(json!({}));
    translator.news(News::Output(OutputStream::Stdout, b"x".to_vec()));
    let outs =
        translator.debugger(frame(&json!({"seq": 4, "type": "request", "command": "runInTerminal", "arguments": {}})));
    let [Out::ToClient(asked)] = outs.as_slice() else { panic!("{outs:?}") };
    assert_eq!(value(asked)["seq"], 5);
    let outs = translator.client(response(3, 5, "runInTerminal", json!({})));
    let [Out::ToDebugger(answer)] = outs.as_slice() else { panic!("{outs:?}") };
    assert_eq!(value(answer)["request_seq"], 4);
}

#[test]
fn what_needs_no_change_passes_byte_for_byte() {
    let odd = Frame::new(br#"{  "type":"event", "seq":4, "event" : "thread", "body":{"x": 1.50, "u":"\u00e9"}}"#);
    assert_eq!(launched(json!({})).debugger(odd.clone()), [Out::ToClient(odd)]);
    for body in [&br#"{"seq":3, "type":"request","command":"next" ,"arguments":{"threadId":1}}"#[..], b"[]", b"\xff"] {
        let frame = Frame::new(body);
        assert_eq!(launched(json!({})).client(frame.clone()), [Out::ToDebugger(frame)]);
    }
}

#[test]
fn on_a_port_everything_passes_and_a_request_for_the_end_is_seen() {
    let table = [
        (request(7, "disconnect", json!({"terminateDebuggee": true})), true),
        (request(7, "disconnect", json!({"terminateDebuggee": false})), false),
        (request(7, "disconnect", Value::Null), false),
        (request(7, "terminate", Value::Null), true),
        (request(7, "evaluate", json!({"expression": "terminate"})), false),
        (request(7, "initialize", json!({"supportsStartDebuggingRequest": true})), false),
        (request(7, "attach", json!({"redirectOutput": true})), false),
        (Frame::new(b"nonsense"), false),
    ];
    for (message, seen) in table {
        let mut translator = translator(false, true);
        assert!(!translator.wants_the_seat(&message));
        let mut expected = vec![Out::ToDebugger(message.clone())];
        expected.extend(seen.then_some(Out::EndSeen));
        assert_eq!(translator.client(message), expected);
    }
    let mut translator = translator(false, false);
    for message in [event(7, "debugpyAttach", json!({"connect": {"port": 1}})), event(90, "terminated", json!({}))] {
        assert_eq!(translator.debugger(message.clone()), [Out::ToClient(message)]);
    }
    // One that was asked for ahead comes late.
    assert_eq!(
        translator.debugger(response(8, 1, "threads", json!({}))),
        [Out::ToClient(response(91, 1, "threads", json!({})))]
    );
}

#[test]
fn a_launch_on_a_port_takes_the_seat_and_numbers_go_on() {
    let mut translator = translator(false, false);
    translator.debugger(event(4, "output", json!({"category": "telemetry", "output": ""})));
    let launch = request(2, "launch", json!({}));
    assert!(translator.wants_the_seat(&launch));
    translator.client(launch);
    let outs = translator.debugger(event(5, "debugpyAttach", json!({"connect": {"port": 20_001}})));
    let [Out::ToClient(sent)] = outs.as_slice() else { panic!("{outs:?}") };
    assert_eq!((&value(sent)["seq"], &value(sent)["body"]["connect"]["port"]), (&json!(5), &json!(20_001)));
}

#[test]
fn a_second_client_is_told_in_one_sentence() {
    let mut translator = translator(true, false);
    for (command, arguments) in [("launch", json!({})), ("attach", json!({}))] {
        let asks = request(3, command, arguments);
        assert!(translator.wants_the_seat(&asks));
        assert_eq!(told(&translator.refuse(&asks, &Notice::Taken)), [format!("{command} 3: Taken")]);
    }
}

#[test]
fn who_launched_is_told_to_start_anew_when_the_program_has_ended_and_who_attached_is_not() {
    let mut translator = launched(json!({}));
    assert_eq!(translator.news(News::Restart), [Out::EndAsked]);
    assert_eq!(told(&translator.news(News::Output(OutputStream::Stdout, b"bye".to_vec()))), ["stdout: bye"]);
    translator.debugger(event(9, "terminated", json!({})));
    let last = told(&translator.news(News::Exited(Exit::Signal(15))));
    assert_eq!(last, [r#"exited {"exitCode":143}"#, r#"terminated {"restart":true}"#]);
    let mut over = launched(json!({}));
    over.news(News::Exited(Exit::Code(0)));
    assert_eq!(over.news(News::Restart), [], "it ends by itself");
    let mut attached = self::translator(true, false);
    attached.client(request(2, "attach", json!({})));
    attached.debugger(event(2, "initialized", json!({})));
    assert_eq!(attached.news(News::Restart), []);
}

#[test]
fn a_debugger_that_is_ready_before_its_client_launches_keeps_no_news_back() {
    let mut translator = self::translator(true, true);
    translator.debugger(event(1, "initialized", json!({})));
    assert!(!translator.takes_news());
    translator.client(request(2, "launch", json!({})));
    assert!(translator.takes_news());
}

#[test]
fn output_comes_in_whole_characters_and_in_order() {
    let mut translator = launched(json!({}));
    let mut said = Vec::new();
    for (stream, data) in [
        (OutputStream::Stdout, &b"n\xc3"[..]),
        (OutputStream::Stderr, b"oops"),
        (OutputStream::Stdout, b"\xa9\xe2\x82"),
    ] {
        said.extend(told(&translator.news(News::Output(stream, data.to_vec()))));
    }
    assert_eq!(said, ["stdout: n", "stderr: oops", "stdout: é"]);
    assert_eq!(told(&translator.news(News::Omitted(5))), ["console: Omitted(5)"]);
    translator.debugger(event(9, "terminated", json!({})));
    let last = told(&translator.news(News::Exited(Exit::Code(3))));
    assert_eq!(last, ["stdout: \u{fffd}", r#"exited {"exitCode":3}"#, "terminated"]);
}

#[test]
fn the_end_is_told_when_program_and_debugger_have_come_to_it_and_once() {
    let mut translator = launched(json!({}));
    assert_eq!(told(&translator.debugger(event(9, "exited", json!({"exitCode": 0})))), [""; 0]);
    assert_eq!(told(&translator.debugger(event(10, "terminated", json!({})))), [""; 0]);
    assert!(translator.patience().is_some());
    assert_eq!(told(&translator.news(News::Output(OutputStream::Stdout, b"late\n".to_vec()))), ["stdout: late"]);
    let last = told(&translator.news(News::Exited(Exit::Signal(9))));
    assert_eq!(last, ["console: Signal(9)", r#"exited {"exitCode":137}"#, "terminated"]);
    assert_eq!(translator.patience(), None);
    assert_eq!(told(&translator.debugger_gone()), [""; 0]);
    assert_eq!(told(&translator.client(request(9, "threads", Value::Null))), ["threads 9: Over"]);
    assert_eq!(told(&translator.client(request(10, "disconnect", Value::Null))), ["disconnect 10: yes", "Close"]);
}

#[test]
fn neither_side_is_waited_for_for_ever() {
    let mut silent = launched(json!({}));
    assert_eq!(told(&silent.news(News::Exited(Exit::Code(0)))), [""; 0]);
    assert!(silent.patience().is_some() && !silent.waits_for_the_program());
    assert_eq!(told(&silent.out_of_patience()), [r#"exited {"exitCode":0}"#, "terminated"]);
    assert_eq!(told(&silent.debugger(event(9, "terminated", json!({})))), [""; 0]);

    let mut running = launched(json!({}));
    assert_eq!(told(&running.debugger_gone()), [""; 0]);
    assert_eq!(told(&running.client(request(9, "threads", Value::Null))), ["threads 9: Over"]);
    assert!(running.waits_for_the_program() && running.patience().is_some());
    assert_eq!(told(&running.out_of_patience()), ["console: StillRuns", "terminated"]);
}

#[test]
fn a_lost_link_is_told_and_ends_the_clients_session() {
    let mut translator = launched(json!({}));
    translator.debugger_gone();
    let lost = told(&translator.news(News::Lost(LostReason::Closed)));
    assert_eq!(lost, ["console: lost", "terminated"]);
}

#[test]
fn who_launched_ends_the_program_and_who_attached_leaves_it_unless_it_says_otherwise() {
    let ends = ["disconnect 9: yes", "EndAsked", "Close"];
    let leaves = ["→ disconnect"];
    let table = [
        (true, json!({}), &ends[..]),
        (true, Value::Null, &ends[..]),
        (true, json!({"terminateDebuggee": true}), &ends[..]),
        (true, json!({"restart": true}), &ends[..]),
        (true, json!({"restart": true, "terminateDebuggee": false}), &ends[..]),
        (true, json!({"restart": false, "terminateDebuggee": false}), &leaves[..]),
        (false, json!({}), &leaves[..]),
        (false, json!({"restart": true}), &leaves[..]),
        (false, json!({"terminateDebuggee": true}), &ends[..]),
    ];
    for (launch, arguments, expected) in table {
        let mut translator = launched(json!({}));
        if !launch {
            translator = self::translator(true, false);
            translator.client(request(2, "attach", json!({})));
        }
        assert_eq!(
            told(&translator.client(request(9, "disconnect", arguments.clone()))),
            expected,
            "{launch} {arguments}"
        );
    }
}

#[test]
fn terminate_ends_the_program_and_the_client_hears_of_its_end() {
    let mut translator = launched(json!({}));
    assert_eq!(told(&translator.client(request(9, "terminate", json!({})))), ["terminate 9: yes", "EndAsked"]);
    translator.debugger(event(9, "terminated", json!({})));
    let last = told(&translator.news(News::Exited(Exit::Signal(15))));
    assert_eq!(last, ["console: Signal(15)", r#"exited {"exitCode":143}"#, "terminated"]);
    assert_eq!(told(&translator.client(request(10, "terminate", json!({})))), ["terminate 10: yes"]);
}

#[test]
fn who_starts_anew_is_not_told_how_the_old_program_ended() {
    let mut translator = launched(json!({}));
    translator.client(request(9, "terminate", json!({"restart": true})));
    translator.debugger(event(8, "terminated", json!({})));
    let last = told(&translator.news(News::Exited(Exit::Signal(15))));
    assert_eq!(last, [r#"exited {"exitCode":143}"#, "terminated"]);
}

#[test]
fn a_client_that_leaves_is_answered_even_by_a_debugger_that_closes_without_a_word() {
    let mut translator = launched(json!({}));
    translator.client(request(9, "disconnect", json!({"terminateDebuggee": false})));
    assert_eq!(told(&translator.debugger_gone()), ["disconnect 9: yes", "Close"]);

    let mut answered = launched(json!({}));
    answered.client(request(9, "disconnect", json!({"terminateDebuggee": false})));
    assert_eq!(told(&answered.debugger(event(8, "terminated", Value::Null))), ["terminated"]);
    assert_eq!(told(&answered.debugger(response(9, 9, "disconnect", json!({})))), ["disconnect 9: yes"]);
    assert_eq!(told(&answered.debugger_gone()), ["Close"]);
}

#[test]
fn the_debugger_of_a_detached_run_hears_nothing_of_who_leaves() {
    for (arguments, expected) in [
        (json!({}), vec!["Leave", "disconnect 3: yes", "Close"]),
        (json!({"terminateDebuggee": true}), vec!["disconnect 3: yes", "EndAsked", "Close"]),
    ] {
        let mut translator = launched(json!({}));
        Arc::get_mut(&mut translator.facts).unwrap().held = Some("x".into());
        assert_eq!(told(&translator.client(request(3, "disconnect", arguments))), expected);
    }
}
