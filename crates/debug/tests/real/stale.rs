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
use crate::identity::{Stage, chosen, chosen_with_debuggers};

/// What the session says, from the next event on that there is something to `pick` of.
async fn next<T>(run: &mut Run, mut pick: impl FnMut(SessionEvent) -> Option<T>) -> T {
    loop {
        let event = timeout(PATIENCE, run.events.recv()).await.expect("an event in time");
        if let Some(picked) = pick(event.expect("the session goes on")) {
            return picked;
        }
    }
}

/// The next time that the session says what is stale: the names of those files.
pub(crate) async fn stale(run: &mut Run) -> Vec<String> {
    let files = next(run, |event| if let SessionEvent::Stale(files) = event { Some(files) } else { None }).await;
    files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

/// Waits until nothing is stale. One that was caught half written is told of once more before.
async fn nothing_stale(run: &mut Run) {
    while !stale(run).await.is_empty() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_stale_while_something_that_it_has_loaded_is_another_text_here() {
    for (version, python, debugger) in chosen_with_debuggers() {
        let stage = Stage::new().await;
        let mut run = stage.bed.start(stage.request(&python, debugger)).await.unwrap();
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
        fs::write(&loaded, before).unwrap();
        run.session.changed(&[PathBuf::from(&loaded)]);
        nothing_stale(&mut run).await;
        // More at once than are told one by one.
        Stage::other(&loaded);
        run.session.all_changed();
        assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
        run.session.stop().await;
    }
}

/// Until the session says whether a client is there that would start it anew.
async fn launcher(run: &mut Run) -> bool {
    next(run, |event| if let SessionEvent::Launcher(there) = event { Some(there) } else { None }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_launched_is_told_to_start_anew_and_the_program_is_over_by_then() {
    for (version, python, debugger) in chosen_with_debuggers() {
        let stage = Stage::new().await;
        let mut run = stage.bed.start(stage.request(&python, debugger)).await.unwrap();
        let mut client = run.client().await;
        let file = stage.bed.here("helper.py");
        client.launch(&json!({"type": "remora", "request": "launch"}), &[(&file, &[5])]).await.unwrap();
        client.stopped().await.unwrap();
        assert!(launcher(&mut run).await, "{version}");
        run.session.restart();
        let said = client.event("terminated").await.unwrap_or_else(|error| panic!("{version} {debugger:?}: {error}"));
        assert_eq!(said, json!({"restart": true}), "{version}");
        // As VS Code does.
        client.request("disconnect", json!({"restart": true})).await.unwrap();
        drop(client);
        assert!(matches!(run.end().await.1, SessionEvent::Exited(_)), "{version}");
        assert_eq!(stage.bed.census(), Vec::<String>::new(), "{version}");
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
    nothing_stale(&mut run).await;
    run.session.stop().await;
}

/// The next time that the session says that something was reloaded: what is stale by then.
pub(crate) async fn reloaded(run: &mut Run, mut stale: Vec<PathBuf>) -> Vec<PathBuf> {
    next(run, |event| match event {
        SessionEvent::Stale(files) => {
            stale = files;
            None
        }
        SessionEvent::Reloaded => Some(std::mem::take(&mut stale)),
        _ => None,
    })
    .await
}

/// The value of `y` where the program stands, and the mark of that frame and of the next one.
pub(crate) async fn seen(client: &mut Client, thread: i64) -> (String, u32, [bool; 2]) {
    let body = client.request("stackTrace", json!({"threadId": thread})).await.unwrap();
    let marked = |at: usize| body["stackFrames"][at]["presentationHint"] == "subtle";
    let (marks, line) = ([marked(0), marked(1)], body["stackFrames"][0]["line"].as_u64().unwrap());
    let variables = client.variables(body["stackFrames"][0]["id"].as_i64().unwrap()).await.unwrap();
    let value = variables.into_iter().find(|shown| shown.name == "y").unwrap().value;
    (value, u32::try_from(line).unwrap(), marks)
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_get_the_new_text_with_its_lines_and_a_call_that_runs_stays_marked() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        let run = stage.bed.start(stage.request(&python, Debugger::Auto)).await.unwrap();
        assert_eq!(run.session.can_reload(), version != "2.7");
        if version == "2.7" {
            run.session.stop().await;
            continue;
        }
        let mut run = run;
        let mut client = run.client().await;
        let file = stage.bed.here("helper.py");
        client.attach(run.session.configuration(), &[(&file, &[6])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        assert_eq!(seen(&mut client, thread).await, ("0".into(), 6, [false, false]), "{version}");
        // Two lines further down, and another value.
        let text = fs::read_to_string(&file).unwrap();
        let save = |run: &Run, text: &str| {
            for path in [PathBuf::from(&file), stage.there("helper.py")] {
                fs::write(path, text).unwrap();
            }
            run.session.changed(&[PathBuf::from(&file)]);
        };
        save(&run, &text.replace("def double", "\n\ndef double").replace("2 * x", "2 * x + 100"));
        assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
        run.session.reload();
        assert_eq!(reloaded(&mut run, Vec::new()).await, Vec::<PathBuf>::new(), "{version}");
        assert_eq!(seen(&mut client, thread).await, ("0".into(), 6, [true, false]), "{version}: the old call runs on");
        client.set_breakpoints(&file, &[8]).await.unwrap();
        client.go_on(thread).await.unwrap();
        client.stopped().await.unwrap();
        assert_eq!(seen(&mut client, thread).await, ("102".into(), 8, [false, false]), "{version}");
        // What runs only once can't be reloaded, and nothing of such a text is.
        save(&run, &text.replace("2 * x", "7 * x").replace("def double", "RATE = 2\n\n\ndef double"));
        assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
        run.session.reload();
        let left = reloaded(&mut run, vec![PathBuf::from(&file)]).await;
        assert_eq!(left, [PathBuf::from(&file)], "{version}");
        client.go_on(thread).await.unwrap();
        client.stopped().await.unwrap();
        assert_eq!(seen(&mut client, thread).await.0, "104", "{version}");
        run.session.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_found_wherever_they_hide_and_a_text_that_can_not_be_compiled_changes_nothing() {
    for (version, python) in chosen().into_iter().filter(|(version, _)| *version != "2.7") {
        let stage = Stage::new().await;
        let mut request = stage.request(&python, Debugger::Auto);
        request.program = Program::File("hides.py".into());
        let mut run = stage.bed.start(request).await.unwrap();
        let mut client = run.client().await;
        let file = stage.bed.here("hides.py");
        client.attach(run.session.configuration(), &[(&file, &[48])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        let frame = client.stack(thread).await.unwrap()[0].id;
        let text = fs::read_to_string(&file).unwrap();
        let save = |run: &Run, text: &str| {
            for path in [PathBuf::from(&file), stage.there("hides.py")] {
                fs::write(path, text).unwrap();
            }
            run.session.changed(&[PathBuf::from(&file)]);
        };
        for (now, is_text, expected) in [
            ("\ndef (:\n".to_owned(), false, "old 1 old 2 old 3 old 4 old 5 old 6 old 5"),
            (text.replace("old ", "new "), true, "new 1 new 2 new 3 new 4 new 5 new 6 new 5"),
            (text.replace("\n\n\n", "\n\n\n\n"), true, "old 1 old 2 old 3 old 4 old 5 old 6 old 5"),
        ] {
            save(&run, &now);
            assert_eq!(stale(&mut run).await, ["hides.py"], "{version}");
            run.session.reload();
            let left = reloaded(&mut run, vec![PathBuf::from(&file)]).await;
            assert_eq!(left.is_empty(), is_text, "{version} {expected}");
            let said = client.evaluate(frame, "\" \".join(all_of_them())").await.unwrap();
            assert_eq!(said, format!("'{expected}'"), "{version}");
            if !is_text {
                save(&run, &text);
                nothing_stale(&mut run).await;
            }
        }
        run.session.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breakpoint_that_moved_before_its_text_was_there_stands_where_it_belongs_after_a_reload() {
    for (version, python) in chosen().into_iter().filter(|(version, _)| *version != "2.7") {
        let stage = Stage::new().await;
        let mut run = stage.bed.start(stage.request(&python, Debugger::Auto)).await.unwrap();
        let mut client = run.client().await;
        let file = stage.bed.here("helper.py");
        client.attach(run.session.configuration(), &[(&file, &[6])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        let text = fs::read_to_string(&file).unwrap().replace("def double", "\ndef double");
        fs::write(&file, &text).unwrap();
        // As an editor does when a file is saved; the old one has no such line.
        client.set_breakpoints(&file, &[7]).await.unwrap();
        fs::write(stage.there("helper.py"), &text).unwrap();
        run.session.changed(&[PathBuf::from(&file)]);
        assert_eq!(stale(&mut run).await, ["helper.py"], "{version}");
        run.session.reload();
        assert_eq!(reloaded(&mut run, Vec::new()).await, Vec::<PathBuf>::new(), "{version}");
        client.go_on(thread).await.unwrap();
        client.stopped().await.unwrap();
        assert_eq!(seen(&mut client, thread).await, ("2".into(), 7, [false, false]), "{version}");
        run.session.stop().await;
    }
}
