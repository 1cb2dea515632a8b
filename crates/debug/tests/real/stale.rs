//! When a session is stale, on real debuggers: what its processes have loaded was changed since, and nothing else was.

use std::fs;
use std::path::PathBuf;

use remora_debug::dap::Client;
use remora_debug::{Listen, Program, SessionEvent};
use remora_model::Debugger;
use remora_testkit::python::usual;
use serde_json::json;
use tokio::time::timeout;

use crate::bed::{PATIENCE, Run};
use crate::identity::{Stage, chosen};

/// The next time that the session says what is stale: the names of those files.
async fn stale(run: &mut Run) -> Vec<String> {
    loop {
        match timeout(PATIENCE, run.events.recv()).await.expect("an event in time") {
            Some(SessionEvent::Stale(files)) => {
                let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
                return files.iter().map(name).collect();
            }
            Some(_) => {}
            None => panic!("the session is over"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_stale_while_something_that_it_has_loaded_is_another_text_here() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        let debuggers: &[Debugger] =
            if version == "3.7" { &[Debugger::Auto, Debugger::Ptvsd] } else { &[Debugger::Auto] };
        for debugger in debuggers {
            let mut run = stage.bed.start(stage.request(&python, *debugger)).await.unwrap();
            let mut client = run.client().await;
            let [loaded, unloaded] = ["helper.py", "kids.py"].map(|name| stage.bed.here(name));
            client.attach(run.session.configuration(), &[(&loaded, &[5])]).await.unwrap();
            client.stopped().await.unwrap();
            let before = fs::read(&loaded).unwrap();
            fs::write(&unloaded, "").unwrap();
            run.session.changed(&[PathBuf::from(&unloaded)]);
            Stage::other(&loaded);
            run.session.changed(&[PathBuf::from(&loaded)]);
            assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
            fs::write(&loaded, &before).unwrap();
            run.session.changed(&[PathBuf::from(&loaded)]);
            assert_eq!(stale(&mut run).await, Vec::<String>::new(), "{version}");
            // More at once than are told one by one.
            Stage::other(&loaded);
            run.session.all_changed();
            assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
            run.session.stop().await;
            fs::write(&loaded, before).unwrap();
        }
    }
}

/// Until the session says whether a client is there that would start it anew.
async fn launcher(run: &mut Run) -> bool {
    loop {
        match timeout(PATIENCE, run.events.recv()).await.expect("an event in time") {
            Some(SessionEvent::Launcher(there)) => return there,
            Some(_) => {}
            None => panic!("the session is over"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_launched_is_told_to_start_anew_and_the_program_is_over_by_then() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        let debuggers: &[Debugger] =
            if version == "3.7" { &[Debugger::Auto, Debugger::Ptvsd] } else { &[Debugger::Auto] };
        for debugger in debuggers {
            let mut run = stage.bed.start(stage.request(&python, *debugger)).await.unwrap();
            let mut client = run.client().await;
            let file = stage.bed.here("helper.py");
            client.launch(&json!({"type": "remora", "request": "launch"}), &[(&file, &[5])]).await.unwrap();
            client.stopped().await.unwrap();
            assert!(launcher(&mut run).await, "{version}");
            run.session.restart();
            let said =
                client.event("terminated").await.unwrap_or_else(|error| panic!("{version} {debugger:?}: {error}"));
            assert_eq!(said, json!({"restart": true}), "{version}");
            // As VS Code does.
            client.request("disconnect", json!({"restart": true})).await.unwrap();
            drop(client);
            assert!(matches!(run.end().await.1, SessionEvent::Exited(_)), "{version}");
            assert_eq!(stage.bed.census(), Vec::<String>::new(), "{version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_whose_client_did_not_launch_it_goes_on() {
    let stage = Stage::new().await;
    let mut request = stage.request(&usual(), Debugger::Auto);
    request.listen = Listen::Socket;
    let mut run = stage.bed.start(request).await.unwrap();
    let mut client = Client::over(run.session.endpoint().socket().unwrap()).await.unwrap();
    let file = stage.bed.here("helper.py");
    client.attach(&json!({"type": "remora", "request": "attach"}), &[(&file, &[5])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    assert!(!launcher(&mut run).await);
    run.session.restart();
    client.go_on(thread).await.unwrap();
    client.stopped().await.unwrap();
    client.disconnect(false).await.unwrap();
    assert!(!launcher(&mut run).await, "it has left");
    run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_child_has_loaded_counts_while_it_is_debugged() {
    let stage = Stage::new().await;
    let mut request = stage.request(&usual(), Debugger::Auto);
    request.program = Program::File("kids.py".into());
    request.args = vec!["spawn".into()];
    let mut run = stage.bed.start(request).await.unwrap();
    let mut parent = run.client().await;
    parent.attach(run.session.configuration(), &[]).await.unwrap();
    let announced = parent.child().await.unwrap();
    let mut child = Client::connect(run.address()).await.unwrap();
    let file = stage.bed.here("helper.py");
    child.attach(&announced, &[(&file, &[5])]).await.unwrap();
    child.stopped().await.unwrap();
    Stage::other(&file);
    run.session.changed(&[PathBuf::from(&file)]);
    assert_eq!(stale(&mut run).await, ["helper.py"]);
    child.disconnect(true).await.unwrap();
    assert_eq!(stale(&mut run).await, Vec::<String>::new());
    run.session.stop().await;
}
