//! What a client is told, message by message.

use remora_model::{Digest, LocalPath, RelPath, RemotePath};

use super::knowledge::Found;
use super::verdict::{Here, There};
use super::*;
use crate::request::Mapping;

/// A file's text by a letter: its SHA-256 and its digest are that letter all over.
fn here(letter: u8) -> Option<Here> {
    Some(Here { sha256: [letter; 32], digest: Digest::from_bytes([letter; 32]) })
}

fn project() -> Project {
    let local_root = LocalPath::new("/here").unwrap();
    Project::new(vec![Mapping { local_root, remote_root: RemotePath::new("/there").unwrap() }])
}

fn rel(path: &str) -> File {
    let any = project().by_remote("/there/any").unwrap();
    project().beside(&any, RelPath::new(path).unwrap())
}

fn found(path: &str, here: Option<Here>, there: u8) -> Found {
    let there = Some(There::Content(Digest::from_bytes([there; 32])));
    Found { path: rel(path), here, name: None, there }
}

struct Scene {
    identity: Identity,
    known: Knowledge,
}

impl Scene {
    /// A client whose program has loaded `a.py` with the text `a`, which is here and there, too.
    fn new() -> Self {
        let project = Arc::new(project());
        let facts = Facts {
            attached: false,
            socket: None,
            attach: Value::Null,
            ptvsd: false,
            foresight: true,
            words: |notice| format!("{notice:?}"),
            project: Arc::clone(&project),
            held: None,
        };
        let mut scene = Self { identity: Identity::new(Arc::new(facts)), known: Knowledge::new(project) };
        for said in ["began", "listening"] {
            scene.known.said(&json!({"said": said, "pid": 7}));
        }
        let text = "61".repeat(32);
        scene.known.said(&json!({"said": "loaded", "pid": 7, "path": "/there/a.py", "sha256": text}));
        scene.known.found(found("a.py", here(b'a'), b'a'));
        scene.asks("initialize", json!({"supportsInvalidatedEvent": true}));
        scene
    }

    fn asks(&mut self, command: &str, arguments: Value) -> Vec<File> {
        let message = json!({"seq": 3, "type": "request", "command": command, "arguments": arguments});
        self.identity.client(&frame(&message))
    }

    fn answers(&mut self, command: &str, body: Value) -> (Value, Vec<Value>) {
        let message = json!({
            "seq": 1, "type": "response", "request_seq": 3, "success": true, "command": command, "body": body,
        });
        let judged = self.identity.judge(frame(&message), &self.known);
        let mut told: Value = serde_json::from_slice(judged.frame.body()).unwrap();
        (told["body"].take(), judged.events)
    }

    fn sets(&mut self, path: &str) -> (Value, Vec<Value>) {
        self.asks("setBreakpoints", json!({"source": {"path": path}, "breakpoints": [{"line": 1}]}));
        let (mut body, events) = self.answers("setBreakpoints", json!({"breakpoints": [{"id": 5, "verified": true}]}));
        (body["breakpoints"][0].take(), events)
    }

    fn stack(&mut self, path: &str) -> (Value, Vec<Value>) {
        let (mut body, events) = self.answers("stackTrace", json!({"stackFrames": [{"source": {"path": path}}]}));
        (body["stackFrames"][0].take(), events)
    }

    fn learns(&mut self, found: Found) -> Vec<Value> {
        self.known.found(found);
        self.identity.learned(&self.known)
    }
}

fn frame(message: &Value) -> Frame {
    Frame::new(message.to_string().as_bytes())
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn what_is_the_same_is_told_as_it_came_and_with_its_checksum() {
    let mut scene = Scene::new();
    assert_eq!(scene.sets("/here/a.py"), (json!({"id": 5, "verified": true}), vec![]));
    let sum = json!([{"algorithm": "SHA256", "checksum": "61".repeat(32)}]);
    let (told, events) = scene.stack("/here/a.py");
    assert_eq!((told, events), (json!({"source": {"path": "/here/a.py", "checksums": sum}}), vec![]));
    assert_eq!(scene.learns(found("a.py", here(b'a'), b'a')), Vec::<Value>::new());
}

#[test]
fn a_file_outside_the_project_or_mapped_elsewhere_is_nobodys_business_here() {
    let mut scene = Scene::new();
    scene.asks(
        "attach",
        json!({"pathMappings": [
            {"localRoot": "/here/lib", "remoteRoot": "/usr/lib"}, {"localRoot": "/here", "remoteRoot": "/there"},
        ]}),
    );
    for path in ["/usr/a.py", "/here/lib/a.py"] {
        assert!(scene.asks("setBreakpoints", json!({"source": {"path": path}})).is_empty(), "{path}");
        let before = json!({"source": {"path": path}});
        assert_eq!(scene.stack(path), (before, vec![]), "{path}");
    }
    let looked = scene.asks("setBreakpoints", json!({"source": {"path": "/here/a.py"}}));
    assert_eq!(looked, [rel("a.py")]);
}

#[test]
fn what_differs_is_told_at_the_breakpoint_in_the_frame_and_once_in_a_message() {
    let mut scene = Scene::new();
    scene.known.found(found("a.py", here(b'b'), b'b'));
    let (breakpoint, events) = scene.sets("/here/a.py");
    assert_eq!(breakpoint, json!({"id": 5, "verified": false, "message": "Reason(Outdated)"}));
    assert_eq!(names(&events), ["output"]);
    assert_eq!(events[0]["body"]["category"], "important");
    let (shown, events) = scene.stack("/here/a.py");
    assert_eq!(
        (&shown["presentationHint"], &shown["source"]["origin"]),
        (&json!("subtle"), &json!("Reason(Outdated)"))
    );
    assert_eq!(events, Vec::<Value>::new());
    assert_eq!(scene.sets("/here/a.py").1, Vec::<Value>::new());
}

#[test]
fn later_news_corrects_what_was_told_in_both_directions() {
    let mut scene = Scene::new();
    scene.sets("/here/a.py");
    scene.stack("/here/a.py");
    let events = scene.learns(found("a.py", here(b'b'), b'b'));
    assert_eq!(names(&events), ["breakpoint", "invalidated", "output"]);
    assert_eq!(events[0]["body"]["breakpoint"]["message"], "Reason(Outdated)");
    assert_eq!(scene.learns(found("a.py", here(b'b'), b'b')), Vec::<Value>::new());
    let events = scene.learns(found("a.py", here(b'a'), b'a'));
    assert_eq!(names(&events), ["breakpoint", "invalidated"]);
    assert_eq!(events[0]["body"], json!({"reason": "changed", "breakpoint": {"id": 5, "verified": true}}));
    assert_eq!(names(&scene.learns(found("a.py", here(b'c'), b'c'))), ["breakpoint", "invalidated", "output"]);
}

#[test]
fn a_stack_that_came_before_the_word_of_what_was_loaded_is_asked_for_again() {
    let mut scene = Scene::new();
    assert_eq!(scene.stack("/here/b.py").0, json!({"source": {"path": "/here/b.py"}}));
    let text = "62".repeat(32);
    scene.known.said(&json!({"said": "loaded", "pid": 7, "path": "/there/b.py", "sha256": text}));
    assert_eq!(names(&scene.identity.learned(&scene.known)), ["invalidated"]);
    let sums = json!([{"algorithm": "SHA256", "checksum": text}]);
    assert_eq!(scene.stack("/here/b.py").0["source"]["checksums"], sums);
    assert_eq!(scene.identity.learned(&scene.known), Vec::<Value>::new());
}

#[test]
fn a_debugger_that_changes_its_mind_does_not_take_a_mark_away() {
    let mut scene = Scene::new();
    scene.known.found(found("a.py", here(b'b'), b'b'));
    scene.sets("/here/a.py");
    let body = json!({"reason": "changed", "breakpoint": {"id": 5, "verified": true, "line": 1}});
    let judged = scene.identity.judge(frame(&event("breakpoint", &body)), &scene.known);
    let told: Value = serde_json::from_slice(judged.frame.body()).unwrap();
    let marked = json!({"id": 5, "verified": false, "line": 1, "message": "Reason(Outdated)"});
    assert_eq!(told["body"]["breakpoint"], marked);
    let events = scene.learns(found("a.py", here(b'a'), b'a'));
    assert_eq!(events[0]["body"]["breakpoint"], json!({"id": 5, "verified": true, "line": 1}));
}

#[test]
fn what_the_debugger_makes_of_a_breakpoint_is_told_in_words_and_what_only_takes_time_is_not() {
    let mut scene = Scene::new();
    let mut answer = |path: &str, given: Value| {
        scene.asks("setBreakpoints", json!({"source": {"path": path}, "breakpoints": [{"line": 3}]}));
        scene.answers("setBreakpoints", json!({"breakpoints": [given]})).0["breakpoints"][0].take()
    };
    let no_file = json!({"id": 6, "verified": false, "line": 3, "message": "Breakpoint in file that does not exist."});
    let told = json!({"id": 6, "verified": false, "line": 3, "message": "Cause(Unmapped)"});
    assert_eq!(answer("/else/a.py", no_file.clone()), told);
    assert_eq!(answer("/here/b.py", no_file.clone()), no_file, "the remote has not been asked yet");
    let moved = json!({"id": 6, "verified": true, "line": 2});
    assert_eq!(answer("/here/a.py", moved.clone()), moved, "the client sees it");
    let fine = json!({"id": 6, "verified": true, "line": 3});
    assert_eq!(answer("/here/b.py", fine.clone()), fine, "not imported yet");
    assert_eq!(answer("/here/a.py", fine.clone()), fine);
    let code = super::code::Code { sha256: [b'a'; 32], real: "/there/a.py".into(), lines: Some([1, 5].into()) };
    scene.known.found_code(rel("a.py"), code.clone());
    let events = scene.identity.learned(&scene.known);
    let told = json!({"id": 6, "verified": false, "line": 3, "message": "Cause(NoCode { line: 3, next: Some(5) })"});
    assert_eq!((events.len(), &events[0]["body"]["breakpoint"]), (1, &told));
    // Of another text than what is here: nothing is known of its lines.
    scene.known.found_code(rel("a.py"), super::code::Code { sha256: [b'b'; 32], ..code });
    assert_eq!(scene.identity.learned(&scene.known)[0]["body"]["breakpoint"], fine);
}

#[test]
fn a_client_that_can_not_ask_again_is_not_told_to_and_a_file_without_a_breakpoint_is_not_talked_about() {
    let mut scene = Scene::new();
    scene.asks("initialize", json!({}));
    assert_eq!(scene.learns(found("b.py", here(b'b'), b'c')), Vec::<Value>::new());
    scene.stack("/here/a.py");
    assert_eq!(names(&scene.learns(found("a.py", here(b'b'), b'b'))), ["output"]);
    scene.known.said(&json!({"said": "loaded", "pid": 7, "path": "/there/b.py", "sha256": null}));
    assert_eq!(scene.identity.learned(&scene.known), Vec::<Value>::new());
}

#[test]
fn a_frame_that_runs_what_was_there_before_a_reload_is_marked_and_no_one_else_is() {
    let mut scene = Scene::new();
    let frame = |path: &str, remora: Option<&str>| match remora {
        Some(remora) => json!({"id": 1, "source": {"path": path}, "remora": remora}),
        None => json!({"id": 1, "source": {"path": path}}),
    };
    let frames = [frame("/here/a.py", Some("old")), frame("/here/a.py", None), frame("/else/b.py", Some("old"))];
    let (body, _) = scene.answers("stackTrace", json!({"stackFrames": frames}));
    let frames = body["stackFrames"].as_array().unwrap();
    assert_eq!(frames[0]["source"]["origin"], "Reason(Replaced)");
    assert!(frames[1].get("presentationHint").is_none());
    assert!(frames.iter().all(|frame| frame.get("remora").is_none()), "{frames:?}");
}
