//! Stories of lines that are not what they seem, through the whole product: an editor's save, the mirror, a real
//! program under a real debugger, and a debug client that is told in words.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "lsp/scene.rs"]
mod scene;

use std::fs;
use std::path::PathBuf;

use remora_debug::dap::Client;
use remora_testkit::python::find;
use serde_json::{Value, json};

use scene::Scene;

const APP: &str = "import work\nimport time\nfor _ in range(10000):\n    work.work()\n    time.sleep(0.01)\n";
const WORK: &str = "def work():\n    done = 1\n    return done\n";

/// The project, whose program is about to be debugged; what is told beside is not of interest.
async fn project(more: &[(&str, &str)], ignored: &[&'static str]) -> Scene {
    let mut scene = Scene::new(&[&[("app.py", APP), ("work.py", WORK)], more].concat()).await;
    for method in ["remora/mirrored", "remora/exited"].iter().chain(ignored) {
        scene.client.ignore(method);
    }
    scene
}

fn entry(scene: &Scene) -> Value {
    json!({"type": "remora", "request": "launch", "name": "app", "program": scene.here("app.py")})
}

fn is(breakpoint: &Value, verified: bool, message: &str) -> bool {
    breakpoint["verified"] == verified && breakpoint["message"].as_str().unwrap_or_default() == message
}

/// Waits until a breakpoint is said to be so.
async fn becomes(debugger: &mut Client, verified: bool, message: &str) {
    while !is(&debugger.event("breakpoint").await.unwrap()["breakpoint"], verified, message) {}
}

/// A breakpoint that is told to be unverified for this reason, with the answer or after it.
async fn set(debugger: &mut Client, path: &str, reason: &str) {
    let arguments = json!({"source": {"path": path}, "breakpoints": [{"line": 1}]});
    let body = debugger.request("setBreakpoints", arguments).await.unwrap();
    if !is(&body["breakpoints"][0], false, reason) {
        becomes(debugger, false, reason).await;
    }
}

/// The phase, and what the program runs another text of.
async fn stale(scene: &mut Scene) -> (String, Value) {
    let mut status = scene.client.request("remora/connect", json!({})).await.unwrap();
    (status["phase"].as_str().unwrap().to_owned(), status["sessions"][0]["stale"].take())
}

#[tokio::test]
async fn a_save_under_a_running_program_is_told_at_the_breakpoint_in_the_frame_and_once_in_words() {
    let mut scene = project(&[("unloaded.py", "")], &["window/showMessageRequest"]).await;
    let entry = entry(&scene);
    let (mut debugger, thread) = launched(&mut scene, &entry, 3).await;
    scene.save("unloaded.py", "x = 1\n").await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    let reason = "the program runs another text of this file than the one here";
    becomes(&mut debugger, false, reason).await;
    let mut stack = debugger.request("stackTrace", json!({"threadId": thread})).await.unwrap();
    let frames = stack["stackFrames"].take();
    assert_eq!((&frames[0]["presentationHint"], &frames[0]["source"]["origin"]), (&json!("subtle"), &json!(reason)));
    assert_eq!((frames[1].get("presentationHint"), frames[1]["source"].get("origin")), (None, None));
    while stale(&mut scene).await != ("stale".into(), json!(["work.py"])) {}
    scene.save("work.py", WORK).await;
    becomes(&mut debugger, true, "").await;
    while stale(&mut scene).await != ("debugging".into(), json!([])) {}
    let told = debugger.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("work.py: the program runs another text"), "{told:?}");
    assert!(told[0].contains("estart the program"), "{told:?}");
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}

/// The program as `entry` says, stopped in the last line of `work`.
async fn launched(scene: &mut Scene, entry: &Value, line: u32) -> (Client, i64) {
    let launched = scene.client.request("remora/debug/launch", json!({"configuration": entry})).await.unwrap();
    let mut debugger = Client::over(&PathBuf::from(launched["socket"].as_str().unwrap())).await.unwrap();
    let work = scene.here("work.py").display().to_string();
    let set = debugger.launch(entry, &[(&work, &[line])]).await.unwrap();
    assert!(set[0].verified);
    let (thread, _) = debugger.stopped().await.unwrap();
    (debugger, thread)
}

async fn starts_anew(scene: &mut Scene, entry: &Value, mut debugger: Client) {
    assert_eq!(debugger.event("terminated").await.unwrap(), json!({"restart": true}));
    debugger.request("disconnect", json!({"restart": true})).await.unwrap();
    let (mut debugger, thread) = launched(scene, entry, 4).await;
    let stack = debugger.stack(thread).await.unwrap();
    assert_eq!((stack[0].name.as_str(), stack[0].line), ("work", 4));
    assert_eq!(stale(scene).await, ("debugging".into(), json!([])));
    assert_eq!(debugger.told(), Vec::<String>::new(), "the new run runs what is saved");
    debugger.disconnect(true).await.unwrap();
}

#[tokio::test]
async fn who_is_asked_about_a_stale_session_has_it_started_anew_or_kept_and_is_asked_once() {
    let mut scene = project(&[("unloaded.py", "")], &[]).await;
    let entry = entry(&scene);
    let (debugger, _) = launched(&mut scene, &entry, 3).await;
    scene.save("unloaded.py", "x = 1\n").await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    let asked = scene.client.reply("window/showMessageRequest", json!({"title": "Keep"})).await;
    let question = "app runs another text of work.py than what is here. Restart it and stop at the same breakpoints, or reload its functions?";
    assert_eq!((&asked["message"], &asked["actions"][0]["title"]), (&json!(question), &json!("Restart")));
    // Not asked again: the next question is about the next time.
    scene.save("work.py", &format!("\n\n{WORK}")).await;
    scene.save("work.py", WORK).await;
    while stale(&mut scene).await != ("debugging".into(), json!([])) {}
    scene.save("work.py", &format!("\n{WORK}")).await;
    scene.client.reply("window/showMessageRequest", json!({"title": "Restart"})).await;
    starts_anew(&mut scene, &entry, debugger).await;
    scene.end().await;
}

#[tokio::test]
async fn a_stale_session_is_started_anew_unasked_or_kept_if_that_is_said() {
    let mut scene = project(&[], &[]).await;
    let mut entry = entry(&scene);
    entry["onStale"] = json!("keep");
    let (debugger, _) = launched(&mut scene, &entry, 3).await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    while stale(&mut scene).await != ("stale".into(), json!(["work.py"])) {}
    debugger.disconnect(true).await.unwrap();
    scene.save("work.py", WORK).await;
    entry["onStale"] = json!("restart");
    let (debugger, _) = launched(&mut scene, &entry, 3).await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    starts_anew(&mut scene, &entry, debugger).await;
    scene.end().await;
}

#[tokio::test]
async fn functions_are_reloaded_unasked_if_that_is_said_and_what_can_not_be_is_asked_about() {
    let mut scene = project(&[], &[]).await;
    let mut entry = entry(&scene);
    entry["onStale"] = json!("reload");
    let (mut debugger, thread) = launched(&mut scene, &entry, 3).await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    let work = scene.here("work.py").display().to_string();
    becomes(&mut debugger, false, "the program runs another text of this file than the one here").await;
    becomes(&mut debugger, true, "").await;
    debugger.set_breakpoints(&work, &[4]).await.unwrap();
    debugger.go_on(thread).await.unwrap();
    let (thread, _) = debugger.stopped().await.unwrap();
    let stack = debugger.request("stackTrace", json!({"threadId": thread})).await.unwrap();
    let top = &stack["stackFrames"][0];
    assert_eq!((&top["name"], &top["line"], top.get("presentationHint")), (&json!("work"), &json!(4), None));
    while stale(&mut scene).await != ("debugging".into(), json!([])) {}
    scene.save("work.py", &format!("x = 1\n{WORK}")).await;
    let asked = scene.client.reply("window/showMessageRequest", json!({"title": "Restart"})).await;
    let said = asked["message"].as_str().unwrap();
    assert!(said.starts_with("app runs another text of work.py than what is here, and can't be reloaded"), "{said}");
    starts_anew(&mut scene, &entry, debugger).await;

    // Python 2.7 knows of no reload.
    entry["python"] = json!(find("2.7"));
    let (debugger, _) = launched(&mut scene, &entry, 4).await;
    scene.save("work.py", &format!("\n{WORK}")).await;
    let asked = scene.client.reply("window/showMessageRequest", json!({"title": "Keep"})).await;
    assert!(asked["message"].as_str().unwrap().contains("can't be reloaded"), "{asked}");
    assert_eq!(asked["actions"].as_array().unwrap().len(), 2, "{asked}");
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}

#[tokio::test]
async fn a_file_that_is_left_out_of_the_mirror_is_told_as_missing_there() {
    let files = [("unsent.py", "x = 1\n"), (".gitignore", "unsent.py\n")];
    let mut scene = project(&files, &["window/showMessageRequest"]).await;
    let entry = entry(&scene);
    let (mut debugger, _) = launched(&mut scene, &entry, 3).await;
    let unsent = scene.here("unsent.py").display().to_string();
    set(&mut debugger, &unsent, "there is no such file on the remote").await;
    // Theirs, under the same name.
    fs::write(scene.folder.path().join("there/unsent.py"), "x = 2\n").unwrap();
    set(&mut debugger, &unsent, "the remote file is not the one here").await;
    let told: Vec<Value> = debugger.told().into_iter().map(Value::from).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}
