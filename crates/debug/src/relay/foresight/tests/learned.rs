//! What is asked ahead: what this client asked at the last stop.

use super::*;

#[test]
fn before_anything_was_seen_only_vs_code_is_known() {
    let plan = |client: &str, capabilities: Value| -> Vec<(String, Value)> {
        let plan = introduced(client, capabilities).foresight.plan;
        plan.questions.into_iter().map(|question| (question.command, json!(question.arguments))).collect()
    };
    let stack = |start: u64, levels: u64| ("stackTrace".to_owned(), json!({"startFrame": start, "levels": levels}));
    let plain = |command: &str| (command.to_owned(), json!({}));
    let threads = ("threads".to_owned(), Value::Null);
    let delayed = json!({"supportsDelayedStackTraceLoading": true, "supportsExceptionInfoRequest": true});
    let expected =
        [threads.clone(), stack(0, 1), plain("scopes"), plain("variables"), plain("exceptionInfo"), stack(1, 19)];
    assert_eq!(plan("vscode", delayed.clone()), expected);
    assert_eq!(plan("vscode", json!({})), [threads, stack(0, 20), plain("scopes"), plain("variables")]);
    assert_eq!(plan("neovim", delayed), []);
}

/// What a client asks at a stop, each with the answer, and what it does then; the plan that follows.
fn learned(relay: &mut Relay, reason: &str, asked: &[(&str, Value, Value)]) -> Vec<(String, Value, Value)> {
    relay.debugger(event("stopped", json!({"threadId": 7, "reason": reason})));
    for (at, (command, arguments, body)) in asked.iter().enumerate() {
        relay.asks(10 + at as i64, command, arguments.clone());
        relay.debugger(response(10 + at as i64, command, body.clone()));
    }
    relay.asks(50, "next", json!({"threadId": 7}));
    let questions = relay.foresight.plan.questions.iter();
    questions.map(|it| (it.command.clone(), json!(it.arguments), json!(it.needs))).collect()
}

fn look() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("stackTrace", json!({"threadId": 7, "levels": 5}), json!({"stackFrames": [{"id": 30}, {"id": 31}]})),
        (
            "scopes",
            json!({"frameId": 31}),
            json!({"scopes": [
                {"name": "Locals", "variablesReference": 40}, {"name": "Globals", "variablesReference": 41},
            ]}),
        ),
        (
            "variables",
            json!({"variablesReference": 41, "start": 0, "count": 100}),
            json!({"variables": [
                {"name": "a", "variablesReference": 50}, {"name": "b", "variablesReference": 51},
            ]}),
        ),
        ("variables", json!({"variablesReference": 51}), json!({"variables": []})),
    ]
}

#[test]
fn a_client_is_asked_for_at_the_next_stop_what_it_asked_at_the_last() {
    let plan = learned(&mut Relay::new(), "step", &look());
    let need = |into: &str, of: Value, at: Value| json!({"into": into, "of": of, "at": at});
    let expected = [
        ("stackTrace", json!({"levels": 5}), need("threadId", Value::Null, json!(["threadId"]))),
        ("scopes", json!({}), need("frameId", json!(0), json!(["stackFrames", 1, "id"]))),
        (
            "variables",
            json!({"start": 0, "count": 100}),
            need("variablesReference", json!(1), json!(["scopes", {"name": "Globals"}, "variablesReference"])),
        ),
        (
            "variables",
            json!({}),
            need("variablesReference", json!(2), json!(["variables", {"name": "b"}, "variablesReference"])),
        ),
    ];
    assert_eq!(plan, expected.map(|(command, arguments, needs)| (command.to_owned(), arguments, needs)));
}

#[test]
fn what_is_about_something_else_than_the_stop_is_not_learned() {
    let asked = [
        ("threads", Value::Null, json!({})),
        ("stackTrace", json!({"threadId": 8}), json!({"stackFrames": [{"id": 60}]})),
        ("scopes", json!({"frameId": 60}), json!({"scopes": [{"name": "Locals", "variablesReference": 70}]})),
        ("variables", json!({"variablesReference": 70}), json!({})),
        ("source", json!({"sourceReference": 1}), json!({})),
    ];
    let plan = learned(&mut Relay::new(), "step", &asked);
    assert_eq!(plan, [("threads".to_owned(), Value::Null, Value::Null)]);
}

#[test]
fn who_goes_on_before_the_variables_asks_for_them_at_the_next_stop() {
    let mut relay = Relay::new();
    let whole = learned(&mut relay, "step", &look());
    assert_eq!(learned(&mut relay, "step", &look()[..1]), whole);
    assert_eq!(learned(&mut relay, "step", &[]), whole);
    assert_eq!(learned(&mut relay, "step", &look()[..3]), whole[..3]);
}

#[test]
fn what_is_asked_at_exceptions_stays_theirs() {
    let mut relay = Relay::new();
    let mut asked = look();
    asked.push(("exceptionInfo", json!({"threadId": 7}), json!({})));
    let with_info = learned(&mut relay, "exception", &asked);
    assert_eq!(with_info.len(), 5);
    assert_eq!(learned(&mut relay, "step", &look()), with_info);
    assert_eq!(relay.foresight.plan.questions[4].reason.as_deref(), Some("exception"));
    assert_eq!(learned(&mut relay, "exception", &look()), with_info[..4]);
}

#[test]
fn a_plan_is_cut_where_it_gets_long() {
    let mut relay = Relay::new();
    let asked: Vec<_> =
        (0..50).map(|levels| ("stackTrace", json!({"threadId": 7, "levels": levels}), json!({}))).collect();
    relay.debugger(event("stopped", json!({"threadId": 7})));
    for (seq, (command, arguments, _)) in asked.iter().enumerate() {
        relay.asks(seq as i64 + 10, command, arguments.clone());
    }
    relay.asks(90, "next", json!({}));
    assert_eq!(relay.foresight.plan.questions.len(), 32);
}
