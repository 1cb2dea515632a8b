//! What is asked ahead, who gets the answers, and what each message makes of them.

mod learned;

use super::*;

/// Foresight, and a time.
struct Relay {
    foresight: Foresight,
    now: Instant,
}

fn frame(message: &Value) -> Frame {
    Frame::new(message.to_string().as_bytes())
}

fn request(seq: i64, command: &str, arguments: Value) -> Frame {
    let mut message = json!({"seq": seq, "type": "request", "command": command});
    if !arguments.is_null() {
        message["arguments"] = arguments;
    }
    frame(&message)
}

fn response(request_seq: i64, command: &str, body: Value) -> Frame {
    let body = json!({
        "seq": 1, "type": "response", "request_seq": request_seq, "success": true, "command": command, "body": body,
    });
    frame(&body)
}

fn event(name: &str, body: Value) -> Frame {
    frame(&json!({"seq": 1, "type": "event", "event": name, "body": body}))
}

/// In short: who gets what.
fn told(outs: &[Out]) -> Vec<String> {
    let short = |out: &Out| {
        let (to, frame) = match out {
            Out::ToClient(frame) => ("client", frame),
            Out::ToDebugger(frame) => ("debugger", frame),
        };
        let message = message(frame);
        let plan = message["remora"]["plan"].as_array();
        let what = match (plan, &message["type"]) {
            (Some(plan), _) => {
                let commands: Vec<_> = plan.iter().map(|question| question["command"].as_str().unwrap()).collect();
                format!("plan {}", commands.join(" "))
            }
            (_, kind) if kind == "event" => message["event"].as_str().unwrap().to_owned(),
            (_, kind) if kind == "response" => format!("answer {} {}", message["request_seq"], message["body"]),
            _ => format!("{} {}", message["command"].as_str().unwrap(), message["seq"]),
        };
        format!("{to}: {what}")
    };
    outs.iter().map(short).collect()
}

impl Relay {
    fn new() -> Self {
        Self { foresight: Foresight::default(), now: Instant::now() }
    }

    fn client(&mut self, frame: Frame) -> Vec<String> {
        told(&self.foresight.client(frame, self.now))
    }

    fn asks(&mut self, seq: i64, command: &str, arguments: Value) -> Vec<String> {
        self.client(request(seq, command, arguments))
    }

    fn debugger(&mut self, frame: Frame) -> Vec<String> {
        told(&self.foresight.debugger(frame, self.now))
    }

    /// The agent has asked this.
    fn agent_asks(&mut self, stop: u64, after: u64, questions: &[(i64, &str, Value)]) {
        let question = |(number, command, arguments): &(i64, &str, Value)| {
            let mut question = message(&request(FIRST_QUESTION + number, command, arguments.clone()));
            question["type"].take();
            question
        };
        let asked: Vec<Value> = questions.iter().map(question).collect();
        let outs = self.debugger(frame(&json!({"remora": {"stop": stop, "after": after, "asked": asked}})));
        assert_eq!(outs, Vec::<String>::new());
    }

    fn agent_hears(&mut self, number: i64, command: &str) -> Vec<String> {
        self.debugger(response(FIRST_QUESTION + number, command, json!(format!("foreseen {number}"))))
    }

    /// At a stop, with an answer for each question.
    fn stopped() -> Self {
        let mut relay = Self::new();
        assert_eq!(relay.asks(1, "next", json!({"threadId": 7})), ["debugger: next 1"]);
        relay.stops(1, 1);
        relay
    }

    fn stops(&mut self, stop: u64, after: u64) {
        self.agent_asks(stop, after, &FORESEEN.map(|(number, command, arguments)| (number, command, arguments())));
        assert_eq!(self.debugger(event("stopped", json!({"threadId": 7, "reason": "step"}))), ["client: stopped"]);
        for (number, command, _) in FORESEEN {
            assert_eq!(self.agent_hears(number, command), Vec::<String>::new());
        }
    }

    /// Which of these questions are answered at once.
    fn foreseen(&mut self) -> Vec<&'static str> {
        let mut answered = Vec::new();
        for (number, command, arguments) in FORESEEN {
            let outs = self.asks(100 + number, command, arguments());
            let answer = format!("client: answer {} \"foreseen {number}\"", 100 + number);
            match outs.as_slice() {
                [out] if *out == answer => answered.push(command),
                [out] if *out == format!("debugger: {command} {}", 100 + number) => {}
                other => panic!("{command}: {other:?}"),
            }
        }
        answered
    }
}

type Arguments = fn() -> Value;

const FORESEEN: [(i64, &str, Arguments); 5] = [
    (0, "threads", || Value::Null),
    (1, "stackTrace", || json!({"threadId": 7, "startFrame": 0, "levels": 1})),
    (2, "scopes", || json!({"frameId": 3})),
    (3, "variables", || json!({"variablesReference": 4})),
    (4, "exceptionInfo", || json!({"threadId": 7})),
];

const ALL: [&str; 5] = ["threads", "stackTrace", "scopes", "variables", "exceptionInfo"];
const STACK: [&str; 2] = ["stackTrace", "scopes"];

#[test]
fn each_answer_is_given_out_once() {
    let mut relay = Relay::stopped();
    assert_eq!(relay.foreseen(), ALL);
    assert_eq!(relay.foreseen(), [""; 0]);
}

#[test]
fn a_request_of_the_client_makes_untrue_what_it_may_change() {
    let check = |command: &str, left: &[&str]| {
        let mut relay = Relay::stopped();
        assert_eq!(relay.asks(2, command, json!({"threadId": 7})).last().unwrap(), &format!("debugger: {command} 2"));
        assert_eq!(relay.foreseen(), left, "{command}");
    };
    for command in
        ["source", "modules", "loadedSources", "setBreakpoints", "setFunctionBreakpoints", "setExceptionBreakpoints"]
    {
        check(command, &ALL);
    }
    for command in ["evaluate", "setVariable", "setExpression", "completions"] {
        check(command, &STACK);
    }
    for command in [
        "next",
        "stepIn",
        "stepOut",
        "stepBack",
        "continue",
        "reverseContinue",
        "goto",
        "restartFrame",
        "pause",
        "restart",
        "terminate",
        "terminateThreads",
        "disconnect",
        "writeMemory",
        "setDebuggerProperty",
        "cancel",
        "somethingNew",
    ] {
        check(command, &[]);
    }
}

#[test]
fn an_event_makes_untrue_what_it_may_be_about() {
    let check = |name: &str, body: Value, left: &[&str]| {
        let mut relay = Relay::stopped();
        assert_eq!(relay.debugger(event(name, body.clone())), [format!("client: {name}")]);
        assert_eq!(relay.foreseen(), left, "{name} {body}");
    };
    for name in ["output", "module", "loadedSource", "breakpoint", "telemetry", "progressStart", "progressEnd"] {
        check(name, json!({}), &ALL);
    }
    check("thread", json!({"reason": "started", "threadId": 8}), &ALL[1..]);
    check("thread", json!({"reason": "exited", "threadId": 8}), &[]);
    for name in
        ["continued", "stopped", "invalidated", "memory", "terminated", "exited", "capabilities", "somethingNew"]
    {
        check(name, json!({"threadId": 8}), &[]);
    }
    let mut relay = Relay::stopped();
    relay.debugger(request(9, "runInTerminal", json!({})));
    assert_eq!(relay.foreseen(), [""; 0]);
}

#[test]
fn other_arguments_are_another_question() {
    for (command, arguments) in [
        ("threads", json!({})),
        ("stackTrace", json!({"threadId": 8, "startFrame": 0, "levels": 1})),
        ("stackTrace", json!({"threadId": 7, "startFrame": 0, "levels": 20})),
        ("stackTrace", json!({"threadId": 7, "startFrame": 0})),
        ("variables", json!({"variablesReference": 4, "start": 0})),
        ("variables", json!({"variablesReference": 4, "format": {"hex": true}})),
        ("variables", json!({"variablesReference": 5})),
        ("scopes", Value::Null),
    ] {
        let mut relay = Relay::stopped();
        assert_eq!(relay.asks(2, command, arguments), [format!("debugger: {command} 2")]);
    }
    let mut relay = Relay::stopped();
    let in_another_order = json!({"levels": 1, "threadId": 7, "startFrame": 0});
    assert_eq!(relay.asks(2, "stackTrace", in_another_order), ["client: answer 2 \"foreseen 1\""]);
}

#[test]
fn a_question_that_is_under_way_waits_for_its_answer_and_the_second_one_does_not() {
    let mut relay = Relay::new();
    relay.agent_asks(1, 0, &[(0, "threads", Value::Null)]);
    relay.debugger(event("stopped", json!({"threadId": 7})));
    assert_eq!(relay.asks(5, "threads", Value::Null), [""; 0]);
    assert_eq!(relay.asks(6, "threads", Value::Null), ["debugger: threads 6"]);
    assert_eq!(relay.agent_hears(0, "threads"), ["client: answer 5 \"foreseen 0\""]);
}

#[test]
fn a_question_whose_answer_comes_to_nothing_goes_to_the_debugger_before_what_spoils_it() {
    let waiting = || {
        let mut relay = Relay::new();
        relay.agent_asks(1, 0, &[(0, "threads", Value::Null), (1, "variables", json!({"variablesReference": 4}))]);
        relay.debugger(event("stopped", json!({"threadId": 7})));
        assert_eq!(relay.asks(6, "variables", json!({"variablesReference": 4})), [""; 0]);
        assert_eq!(relay.asks(7, "threads", Value::Null), [""; 0]);
        relay
    };
    let released = ["debugger: variables 6", "debugger: threads 7"];
    let mut relay = waiting();
    let plan = "debugger: plan threads";
    let outs = relay.asks(8, "next", json!({}));
    assert_eq!(outs, [&released[..], &[plan, "debugger: next 8"]].concat());
    assert_eq!(
        [relay.agent_hears(0, "threads"), relay.agent_hears(1, "variables")],
        [const { Vec::<String>::new() }; 2]
    );
    let mut relay = waiting();
    assert_eq!(relay.debugger(event("continued", json!({}))), [&released[..], &["client: continued"]].concat());
    let mut relay = waiting();
    let failed =
        json!({"seq": 1, "type": "response", "request_seq": FIRST_QUESTION, "success": false, "command": "threads"});
    assert_eq!(relay.debugger(frame(&failed)), [released[1]]);
    assert_eq!(told(&waiting().foresight.stop()), released);
}

#[test]
fn what_was_asked_before_the_debugger_heard_of_a_change_is_of_no_use() {
    // The client speaks while a stop is on its way to it; the agent had passed on one message when it asked.
    for (command, left) in [("pause", &[][..]), ("evaluate", &STACK), ("setBreakpoints", &ALL)] {
        let mut relay = Relay::new();
        relay.asks(1, "continue", json!({}));
        relay.asks(2, command, json!({}));
        relay.stops(1, 1);
        assert_eq!(relay.foreseen(), left, "{command}");
        let mut relay = Relay::new();
        relay.asks(1, "continue", json!({}));
        relay.asks(2, command, json!({}));
        relay.stops(1, 2);
        assert_eq!(relay.foreseen(), ALL, "{command}");
    }
}

#[test]
fn what_is_asked_on_after_the_stop_is_over_is_of_no_use() {
    let mut relay = Relay::stopped();
    relay.debugger(event("continued", json!({"threadId": 7})));
    relay.agent_asks(1, 1, &[(9, "threads", Value::Null)]);
    assert_eq!(relay.agent_hears(9, "threads"), [""; 0]);
    assert_eq!(relay.foreseen(), [""; 0]);
    relay.stops(2, 1);
    assert_eq!(relay.foreseen(), ALL);
}

#[test]
fn an_old_answer_is_not_given_out() {
    let mut relay = Relay::stopped();
    relay.now += FRESH;
    assert_eq!(relay.foreseen(), [""; 0]);
}

#[test]
fn a_client_that_counts_as_high_as_the_agent_is_left_alone() {
    let mut relay = introduced("vscode", json!({}));
    let outs = relay.asks(FIRST_QUESTION, "threads", Value::Null);
    assert_eq!(outs, ["debugger: plan ".to_owned(), format!("debugger: threads {FIRST_QUESTION}")]);
    let answer = response(FIRST_QUESTION, "threads", json!("its own"));
    assert_eq!(relay.debugger(answer), [format!("client: answer {FIRST_QUESTION} \"its own\"")]);
}

#[test]
fn a_client_cannot_speak_to_the_agent() {
    let mut relay = Relay::new();
    assert_eq!(relay.client(frame(&json!({"remora": {"plan": []}}))), [""; 0]);
}

/// A client of this kind that has heard what its debugger can.
fn introduced(client: &str, capabilities: Value) -> Relay {
    let mut relay = Relay::new();
    relay.asks(1, "initialize", json!({"clientID": client}));
    let outs = relay.debugger(response(1, "initialize", capabilities.clone()));
    let answer = format!("client: answer 1 {capabilities}");
    assert_eq!(outs.last(), Some(&answer));
    relay
}
