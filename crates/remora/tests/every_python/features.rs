//! Owns how each feature is tried: what is asked of the debugger, and what must come of it. Each begins where the one before it
//! left the program standing.

use std::path::Path;

use remora_debug::dap::{Client, Frame};
use remora_model::Debugger;
use remora_testkit::scene::line_of;
use serde_json::{Value, json};

use crate::desk::{Desk, Session};
use crate::table::{FEATURES, Mark};

pub(crate) const FILE: &str = "features.py";
pub(crate) const PROGRAM: &str = include_str!("programs/features.py");
pub(crate) const CHILD_FILE: &str = "child.py";
pub(crate) const CHILD: &str = include_str!("programs/child.py");

/// What was seen of one interpreter and debugger.
pub(crate) struct Seen {
    /// With its version, as the process itself says.
    pub(crate) debugger: String,
    pub(crate) marks: Vec<Mark>,
}

/// Tries everything.
///
/// # Errors
/// What the editor is told when the debugger is refused.
pub(crate) async fn all(desk: &mut Desk, python: &Path, debugger: Debugger) -> Result<Seen, Value> {
    let file = desk.here(FILE);
    let name = if debugger == Debugger::Ptvsd { "ptvsd" } else { "debugpy" };
    let args = ["a b", "", "--x=\u{e9}"];
    let mut entry =
        json!({"type": "remora", "request": "launch", "name": "x", "program": file, "python": python, "args": args});
    // What nobody chose must be debugpy by itself.
    if debugger == Debugger::Ptvsd {
        entry["debugger"] = json!(name);
    }
    let first = line_of(PROGRAM, "first");
    let session = desk.launch(&entry, &[(&file, &[first])]).await?;
    let mut run = Run { file, child: desk.here(CHILD_FILE), thread: 0, session };

    let top = run.stopped("breakpoint").await;
    assert_eq!((top.path.as_str(), top.line), (run.file.as_str(), first));
    // Python 2.7 has bytes.
    let lengths = run.evaluate("[len(arg) for arg in sys.argv[1:]]").await;
    assert!(["[3, 0, 5]", "[3, 0, 6]"].contains(&lengths.as_str()), "{lengths}");
    run.steps_in_and_sees().await;
    let version = run.evaluate(&format!("__import__('{name}').__version__")).await;
    run.steps_over().await;
    let out = run.steps_out(first, debugger).await;
    run.stops_at_a_condition().await;
    run.counts_hits().await;
    run.logs().await;
    run.stops_at_an_exception().await;
    run.stops_in_a_thread().await;
    let child =
        if debugger == Debugger::Ptvsd { run.leaves_the_child_alone().await } else { run.debugs_the_child().await };
    run.pauses().await;
    let process = run.process().await;

    // As VS Code restarts: it leaves, and launches again with the same entry and breakpoints.
    run.client().request("disconnect", json!({"restart": true})).await.unwrap();
    desk.exited(&run.session.id).await;
    run.session = desk.launch(&entry, &[(&run.file.clone(), &[first])]).await?;
    assert_eq!(run.stopped("breakpoint").await.line, first);
    assert_ne!(run.process().await, process, "it is started anew");

    run.client().request("terminate", json!({})).await.unwrap();
    run.client().event("terminated").await.unwrap();
    run.client().event("exited").await.unwrap();
    desk.exited(&run.session.id).await;

    let mark = |feature: &str| match feature {
        "step out" => out,
        "child process" => child,
        _ => Mark::Works,
    };
    let debugger = format!("{name} {}", version.trim_start_matches('u').trim_matches('\''));
    Ok(Seen { debugger, marks: FEATURES.map(mark).to_vec() })
}

/// A program that is debugged.
struct Run {
    file: String,
    child: String,
    thread: i64,
    session: Session,
}

impl Run {
    async fn steps_in_and_sees(&mut self) {
        let top = self.go("stepIn", "step").await;
        assert_eq!((top.name.as_str(), top.line), ("double", line_of(PROGRAM, "in")));
        assert_eq!(self.evaluate("x + 100").await, "101");
        let scopes = self.client().request("scopes", json!({"frameId": top.id})).await.unwrap();
        let set = json!({"variablesReference": scopes["scopes"][0]["variablesReference"], "name": "x", "value": "21"});
        let set = self.client().request("setVariable", set).await.unwrap();
        assert_eq!(set["value"], "21");
    }

    /// The step computes with the value that was set.
    async fn steps_over(&mut self) {
        let top = self.go("next", "step").await;
        assert_eq!((top.name.as_str(), top.line), ("double", line_of(PROGRAM, "over")));
        assert_eq!(self.evaluate("y").await, "42");
    }

    async fn steps_out(&mut self, call: u32, debugger: Debugger) -> Mark {
        // Stepping out of one's own code alone is missing from ptvsd's list of steps.
        let (reason, mark) =
            if debugger == Debugger::Ptvsd { ("pause", Mark::CalledPause) } else { ("step", Mark::Works) };
        let top = self.go("stepOut", reason).await;
        // Some stand where the call still has to be assigned.
        assert!(top.name == "<module>" && (call..=call + 1).contains(&top.line), "{top:?}");
        mark
    }

    async fn stops_at_a_condition(&mut self) {
        self.set(&[json!({"line": line_of(PROGRAM, "each"), "condition": "number == 3"})]).await;
        self.go("continue", "breakpoint").await;
        assert_eq!(self.evaluate("(number, value)").await, "(3, 42)");
    }

    async fn counts_hits(&mut self) {
        self.set(&[json!({"line": line_of(PROGRAM, "each"), "hitCondition": "2"})]).await;
        self.go("continue", "breakpoint").await;
        assert_eq!(self.evaluate("number").await, "5");
    }

    async fn logs(&mut self) {
        let logs = json!({"line": line_of(PROGRAM, "each"), "logMessage": "number is {number}"});
        self.set(&[logs, json!({"line": line_of(PROGRAM, "all")})]).await;
        let top = self.go("continue", "breakpoint").await;
        assert_eq!(top.line, line_of(PROGRAM, "all"));
        let told = self.client().take_output() + &self.client().told().concat();
        let numbers: Vec<&str> = told.lines().filter_map(|line| line.trim().strip_prefix("number is ")).collect();
        assert_eq!(numbers, ["6", "7", "8", "9"], "{told:?}");
    }

    async fn stops_at_an_exception(&mut self) {
        self.set(&[]).await;
        self.client().request("setExceptionBreakpoints", json!({"filters": ["raised"]})).await.unwrap();
        let top = self.go("continue", "exception").await;
        assert_eq!((top.name.as_str(), top.line), ("fails", line_of(PROGRAM, "raise")));
        let thread = self.thread;
        let told = self.client().request("exceptionInfo", json!({"threadId": thread})).await.unwrap();
        let id = told["exceptionId"].as_str().unwrap();
        assert!(id.ends_with("KeyError") && told["description"].as_str().unwrap().contains("no such thing"), "{told}");
        self.client().request("setExceptionBreakpoints", json!({"filters": []})).await.unwrap();
    }

    async fn stops_in_a_thread(&mut self) {
        let main = self.thread;
        self.set(&[json!({"line": line_of(PROGRAM, "aside")})]).await;
        self.go("continue", "breakpoint").await;
        assert_ne!(self.thread, main);
        assert!(["'aside'", "u'aside'"].contains(&self.evaluate("place").await.as_str()));
        let threads = self.client().request("threads", json!({})).await.unwrap();
        let mut threads = threads["threads"].as_array().unwrap().iter();
        assert!(threads.any(|thread| thread["id"] == self.thread && thread["name"] == "Aside"));
    }

    /// To the line behind the child's end, by way of the child.
    async fn debugs_the_child(&mut self) -> Mark {
        self.set(&[json!({"line": line_of(PROGRAM, "child")})]).await;
        self.go_on().await;
        let announced = self.client().child().await.unwrap();
        let mut child = Client::over(&self.session.socket).await.unwrap();
        let path = self.child.clone();
        child.attach(&announced, &[(&path, &[line_of(CHILD, "child")])]).await.unwrap();
        let (thread, reason) = child.stopped().await.unwrap();
        assert_eq!(reason, "breakpoint");
        let top = child.stack(thread).await.unwrap().remove(0);
        assert_eq!(top.path, path);
        assert_eq!(child.evaluate(top.id, "len(word)").await.unwrap(), "5");
        child.go_on(thread).await.unwrap();
        child.terminated().await.unwrap();
        drop(child);
        self.is_behind_the_child().await;
        Mark::Works
    }

    async fn leaves_the_child_alone(&mut self) -> Mark {
        self.set(&[json!({"line": line_of(PROGRAM, "child")})]).await;
        self.go_on().await;
        self.is_behind_the_child().await;
        assert_eq!(self.client().unheard("debugpyAttach") + self.client().unheard("ptvsd_subprocess"), 0);
        Mark::ChildrenRunFreely
    }

    async fn is_behind_the_child(&mut self) {
        let top = self.stopped("breakpoint").await;
        assert_eq!(top.line, line_of(PROGRAM, "child"));
        assert_eq!(self.evaluate("ended").await, "0");
    }

    /// Where the program would run for ever.
    async fn pauses(&mut self) {
        self.set(&[json!({"line": line_of(PROGRAM, "turn")})]).await;
        self.go("continue", "breakpoint").await;
        self.set(&[]).await;
        self.go_on().await;
        let thread = self.thread;
        self.client().request("pause", json!({"threadId": thread})).await.unwrap();
        assert_eq!(self.stopped("pause").await.name, "turn");
    }

    async fn process(&mut self) -> String {
        self.evaluate("__import__('os').getpid()").await
    }

    fn client(&mut self) -> &mut Client {
        &mut self.session.client
    }

    async fn set(&mut self, breakpoints: &[Value]) {
        let arguments = json!({"source": {"path": self.file}, "breakpoints": breakpoints});
        let set = self.client().request("setBreakpoints", arguments).await.unwrap();
        assert!(
            set["breakpoints"].as_array().unwrap().iter().all(|breakpoint| breakpoint["verified"] == true),
            "{set}"
        );
    }

    async fn go_on(&mut self) {
        let thread = self.thread;
        self.client().go_on(thread).await.unwrap();
    }

    /// Goes on, to a stop for this reason; the frame on top.
    async fn go(&mut self, command: &str, reason: &str) -> Frame {
        let thread = self.thread;
        self.client().request(command, json!({"threadId": thread})).await.unwrap();
        self.stopped(reason).await
    }

    async fn stopped(&mut self, wanted: &str) -> Frame {
        let (thread, reason) = self.client().stopped().await.unwrap();
        assert_eq!(reason, wanted);
        self.thread = thread;
        self.client().stack(thread).await.unwrap().remove(0)
    }

    /// Where the program stands.
    async fn evaluate(&mut self, expression: &str) -> String {
        let thread = self.thread;
        let top = self.client().stack(thread).await.unwrap().remove(0);
        self.client().evaluate(top.id, expression).await.unwrap()
    }
}
