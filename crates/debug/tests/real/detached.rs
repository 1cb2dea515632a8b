//! A run goes on when its client, its session and its link are gone, waits at its breakpoint, and is found there.

use std::path::PathBuf;

use remora_agent::{Exit, Held, Place};
use remora_debug::dap::Client;
use remora_debug::{Listen, Request, Resume, SessionEvent, resume};
use remora_model::Debugger;
use remora_testkit::python::{all, usual};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bed::{Bed, PATIENCE, Run};

fn detached(bed: &Bed, python: &std::path::Path, file: &str) -> Request {
    Request { detach: Some(json!({"program": file})), ..bed.request(python, file) }
}

/// The run as somebody new finds it.
async fn found(bed: &Bed, name: &str) -> Held {
    let held = bed.link.held().await.unwrap();
    held.into_iter().find(|held| held.place.name == name).expect("the run is listed")
}

async fn again(bed: &Bed, place: Place) -> Run {
    let (sender, events) = mpsc::unbounded_channel();
    let listen = Listen::Port { host: [127, 0, 0, 1].into(), port: 0, exact: false };
    let wanted = Resume { place, listen, words: |notice| format!("{notice:?}") };
    let session = timeout(PATIENCE, resume(&bed.link, wanted, sender)).await.unwrap().unwrap();
    Run { session, events }
}

fn folder(place: &Place) -> PathBuf {
    PathBuf::from(place.socket.to_string()).parent().unwrap().to_owned()
}

/// Attaches, and stops in the loop of `main.py`.
async fn stopped(bed: &Bed, run: &Run) -> (Client, i64) {
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[(&bed.here("main.py"), &[10])]).await.unwrap();
    let (thread, reason) = client.stopped().await.unwrap();
    assert_eq!(reason, "breakpoint");
    (client, thread)
}

/// The value of a variable of the innermost frame, and its line.
async fn value(client: &mut Client, thread: i64, name: &str) -> (u32, String) {
    let frame = client.stack(thread).await.unwrap().remove(0);
    let variables = client.variables(frame.id).await.unwrap();
    let variable = variables.into_iter().find(|variable| variable.name == name).unwrap();
    (frame.line, variable.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_at_its_breakpoint_and_is_debugged_on_from_there() {
    let python = usual();
    let mut bed = Bed::new().await;
    let mut run = bed.start(detached(&bed, &python, "main.py")).await.unwrap();
    let name = run.session.run().unwrap().to_owned();
    let (mut client, thread) = stopped(&bed, &run).await;
    client.go_on(thread).await.unwrap();
    client.stopped().await.unwrap();
    assert_eq!(value(&mut client, thread, "i").await, (10, "1".into()));
    bed.cut().await;
    assert!(matches!(run.end().await.1, SessionEvent::Lost(_)));
    drop((run, client));

    let held = found(&bed, &name).await;
    assert_eq!((held.run.shown, held.lost), (json!({"program": "main.py"}), None));
    let state = loop {
        let state = bed.link.holder_state(&held.place.socket).await.unwrap();
        if !state.client {
            break state;
        }
    };
    let at = state.stopped.unwrap();
    assert_eq!((at.path, at.line, at.reason.as_deref()), (Some(bed.here("main.py")), Some(10), Some("breakpoint")));

    let mut run = again(&bed, held.place.clone()).await;
    let (mut client, thread) = stopped(&bed, &run).await;
    assert_eq!(value(&mut client, thread, "i").await, (10, "1".into()));
    client.step_over(thread).await.unwrap();
    assert_eq!(client.stopped().await.unwrap().1, "step");
    client.set_breakpoints(&bed.here("main.py"), &[]).await.unwrap();
    client.go_on(thread).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let (output, last) = run.end().await;
    assert_eq!((output.as_str(), last), ("args []\ntotal 12\n", SessionEvent::Exited(Exit::Code(3))));
    // Somebody has heard how it ended: nothing is left of it.
    drop(run);
    while folder(&held.place).exists() {
        bed.link.held().await.unwrap();
    }
    assert_eq!(bed.census(), [""; 0]);
}

/// Leaves the run as somebody does who goes in order, and comes back.
async fn left_and_found(bed: &Bed, run: Run) -> Run {
    let name = run.session.run().unwrap().to_owned();
    timeout(PATIENCE, run.session.leave()).await.unwrap();
    drop(run);
    let held = found(bed, &name).await;
    again(bed, held.place).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interpreter_waits_under_either_debugger() {
    let debuggers = |version: &str| match version {
        "3.13" => vec![Debugger::Debugpy],
        _ => vec![Debugger::Debugpy, Debugger::Ptvsd],
    };
    for (version, python) in all() {
        for debugger in debuggers(version) {
            let bed = Bed::new().await;
            let run = bed.start(Request { debugger, ..detached(&bed, &python, "main.py") }).await.unwrap();
            let (client, _) = stopped(&bed, &run).await;
            drop(client);
            let mut run = left_and_found(&bed, run).await;
            let (mut client, thread) = stopped(&bed, &run).await;
            assert_eq!(value(&mut client, thread, "i").await, (10, "0".into()), "{version} {debugger:?}");
            client.step_over(thread).await.unwrap();
            assert_eq!(client.stopped().await.unwrap().1, "step", "{version} {debugger:?}");
            client.set_breakpoints(&bed.here("main.py"), &[]).await.unwrap();
            client.go_on(thread).await.unwrap();
            let (output, last) = run.end().await;
            assert_eq!(last, SessionEvent::Exited(Exit::Code(3)), "{version} {debugger:?}");
            assert!(output.ends_with("total 12\n"), "{version} {debugger:?}: {output}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_waits_as_its_parent_does() {
    let bed = Bed::new().await;
    let request = Request { args: vec!["fork".into()], ..detached(&bed, &usual(), "kids.py") };
    let run = bed.start(request).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut parent = run.client().await;
    parent.attach(&configuration, &[]).await.unwrap();
    let announced = parent.child().await.unwrap();
    let mut child = run.client().await;
    child.attach(&announced, &[(&bed.here("kids.py"), &[10])]).await.unwrap();
    child.stopped().await.unwrap();
    drop((parent, child));

    let mut run = left_and_found(&bed, run).await;
    let configuration = run.session.configuration().clone();
    let mut parent = run.client().await;
    parent.attach(&configuration, &[]).await.unwrap();
    assert_eq!(parent.child().await.unwrap()["subProcessId"], announced["subProcessId"]);
    let mut child = run.client().await;
    child.attach(&announced, &[(&bed.here("kids.py"), &[10])]).await.unwrap();
    let (thread, _) = child.stopped().await.unwrap();
    assert_eq!(value(&mut child, thread, "n").await, (10, "6".into()));
    child.set_breakpoints(&bed.here("kids.py"), &[]).await.unwrap();
    child.go_on(thread).await.unwrap();
    child.terminated().await.unwrap();
    drop(child);
    parent.terminated().await.unwrap();
    drop(parent);
    let (output, last) = run.end().await;
    assert_eq!((output.as_str(), last), ("child ended 0\n", SessionEvent::Exited(Exit::Code(0))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_in_the_editor_leaves_without_a_word_to_the_debugger_and_ends_the_run_when_it_says_so() {
    let bed = Bed::new().await;
    let run = bed.start(Request { listen: Listen::Socket, ..detached(&bed, &usual(), "main.py") }).await.unwrap();
    let breakpoints = [(bed.here("main.py"), vec![10])];
    let breakpoints: Vec<(&str, &[u32])> =
        breakpoints.iter().map(|(path, lines)| (path.as_str(), lines.as_slice())).collect();
    let mut run = run;
    for (time, terminate) in [false, false, true].into_iter().enumerate() {
        let socket = run.session.endpoint().socket().unwrap().to_owned();
        let mut client = Client::over(&socket).await.unwrap();
        match time {
            0 => client.launch(&json!({"program": "main.py"}), &breakpoints).await.unwrap(),
            _ => client.attach(&json!({"type": "remora"}), &breakpoints).await.unwrap(),
        };
        let (thread, reason) = client.stopped().await.unwrap();
        assert_eq!(reason, "breakpoint");
        assert_eq!(value(&mut client, thread, "i").await, (10, "0".into()));
        client.disconnect(terminate).await.unwrap();
    }
    assert!(matches!(run.end().await.1, SessionEvent::Exited(_)));
    assert_eq!(bed.census(), [""; 0]);
}
