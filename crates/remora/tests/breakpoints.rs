//! Stories of breakpoints that are not hit, through the whole product: a person asks, or only looks, and is told why in
//! words.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "lsp/scene.rs"]
mod scene;

use std::fs;
use std::path::PathBuf;

use remora_debug::dap::Client;
use serde_json::{Value, json};

use scene::Scene;

const APP: &str = "import time\nimport work\nfor turn in range(10000):\n    work.work()\n    time.sleep(0.01)\n";
const WORK: &str = "# about work\n\ndef work():\n    done = 1\n    # it is done\n    return done\n";
const LATE: &str = "def late():\n    return 1\n";

/// The program under a debugger, stopped in `work.py`, with these breakpoints.
async fn stopped(scene: &mut Scene, breakpoints: &[(&str, &[u32])]) -> Client {
    for method in ["remora/mirrored", "remora/exited", "window/showMessageRequest"] {
        scene.client.ignore(method);
    }
    let entry = json!({"type": "remora", "request": "launch", "name": "app", "program": scene.here("app.py")});
    let launched = scene.client.request("remora/debug/launch", json!({"configuration": entry})).await.unwrap();
    let mut debugger = Client::over(&PathBuf::from(launched["socket"].as_str().unwrap())).await.unwrap();
    let paths: Vec<String> = breakpoints.iter().map(|(name, _)| scene.here(name).display().to_string()).collect();
    let set: Vec<(&str, &[u32])> = paths.iter().map(String::as_str).zip(breakpoints.iter().map(|one| one.1)).collect();
    debugger.launch(&entry, &set).await.unwrap();
    debugger.stopped().await.unwrap();
    debugger
}

/// Cause and sentence.
async fn why(scene: &mut Scene, name: &str, line: u32) -> (String, String) {
    let params = json!({"file": scene.here(name), "line": line});
    let said = scene.client.request("remora/breakpoint", params).await.unwrap();
    let text = |field: &str| said[field].as_str().unwrap().to_owned();
    (text("cause"), text("sentence"))
}

/// What is shown when the mouse is over a line.
async fn hover(scene: &mut Scene, name: &str, line: u32) -> Value {
    let uri = format!("file://{}", scene.here(name).display());
    let params = json!({"textDocument": {"uri": uri}, "position": {"line": line - 1, "character": 0}});
    scene.client.request("textDocument/hover", params).await.unwrap()
}

#[tokio::test]
async fn each_cause_is_told_in_words_to_who_asks_and_what_is_wrong_to_who_looks() {
    let files = [
        ("app.py", APP),
        ("work.py", WORK),
        ("late.py", LATE),
        ("unsent.py", LATE),
        (".gitignore", "# mine\nunsent.py\n"),
    ];
    let mut scene = Scene::new(&files).await;
    let idle = why(&mut scene, "work.py", 4).await;
    assert_eq!(idle.0, "notRunning");
    assert!(idle.1.starts_with("work.py:4: nothing is being debugged here."), "{idle:?}");
    assert_eq!(why(&mut scene, "unsent.py", 1).await.0, "notMirrored");
    assert_eq!(hover(&mut scene, "unsent.py", 1).await, Value::Null, "nobody has a breakpoint there");

    let lines: [(&str, &[u32]); 3] = [("work.py", &[1, 4, 5]), ("late.py", &[2]), ("unsent.py", &[2])];
    let debugger = stopped(&mut scene, &lines).await;
    for (name, line, cause, sentence, shown) in [
        (
            "unsent.py",
            2,
            "notMirrored",
            "unsent.py:2: unsent.py is not mirrored: line 2 of .gitignore, \"unsent.py\", leaves it out. Have it mirrored, and set the breakpoint again.",
            true,
        ),
        (
            "work.py",
            1,
            "noCode",
            "work.py:1: there is no code on line 1; the next with code is line 3. Set it on line 3.",
            true,
        ),
        (
            "work.py",
            5,
            "noCode",
            "work.py:5: there is no code on line 5; the program stops on line 4 instead. Set it on a line with code.",
            true,
        ),
        (
            "late.py",
            2,
            "notImported",
            "late.py:2: the program has not imported this file yet. Once it does, the breakpoint counts.",
            true,
        ),
        (
            "app.py",
            4,
            "notSet",
            "app.py:4: the debugger knows of no breakpoint on this line. Set one, or enable the one that is there.",
            false,
        ),
    ] {
        assert_eq!(why(&mut scene, name, line).await, (cause.to_owned(), sentence.to_owned()));
        let hover = hover(&mut scene, name, line).await;
        let text = hover["contents"].as_str().unwrap_or_default().replace('\\', "");
        assert_eq!(text, if shown { sentence } else { "" }, "{name}:{line}");
    }
    // A file that nobody mirrors, and that is on the other side all the same.
    fs::write(scene.folder.path().join("there/unsent.py"), LATE).unwrap();
    assert_eq!(why(&mut scene, "unsent.py", 2).await.0, "cameLater");
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}

#[tokio::test]
async fn a_breakpoint_with_nothing_in_its_way_is_called_that_and_a_save_under_it_stale() {
    let mut scene = Scene::new(&[("app.py", APP), ("work.py", WORK)]).await;
    let mut debugger = stopped(&mut scene, &[("work.py", &[4])]).await;
    let fine = why(&mut scene, "work.py", 4).await;
    assert_eq!(fine.0, "none", "{fine:?}");
    assert_eq!(hover(&mut scene, "work.py", 4).await, Value::Null);
    scene.save("work.py", &format!("\n{WORK}")).await;
    let reason = "the program runs another text of this file than the one here";
    while debugger.event("breakpoint").await.unwrap()["breakpoint"]["message"] != reason {}
    let stale = why(&mut scene, "work.py", 4).await;
    assert_eq!(stale.0, "stale");
    assert!(stale.1.ends_with("Restart the program to run the text that is here."), "{stale:?}");
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}

#[tokio::test]
async fn the_breakpoints_own_message_says_why_it_has_no_code() {
    let mut scene = Scene::new(&[("app.py", APP), ("work.py", WORK)]).await;
    let mut debugger = stopped(&mut scene, &[("work.py", &[1, 4])]).await;
    let message = json!("there is no code on line 1; the next with code is line 3");
    loop {
        let told = debugger.event("breakpoint").await.unwrap()["breakpoint"].take();
        assert_eq!((&told["verified"], &told["line"]), (&json!(false), &json!(1)));
        // From the answer on it is known that there is none, and a moment later where there is.
        if told["message"] == message {
            break;
        }
    }
    debugger.disconnect(true).await.unwrap();
    scene.end().await;
}
