//! Whether a line is what it seems: the same text here, there and in the process, on real debuggers. What is the same
//! raises no alarm; what differs is told at the breakpoint, in the frame and once in a message.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use remora_debug::Request;
use remora_debug::dap::Client;
use remora_model::Debugger;
use remora_testkit::python::{all, find, usual};
use serde_json::{Value, json};

use crate::bed::{Bed, Run};

/// How often the identical run is repeated; REMORA_IDENTICAL_RUNS asks for more.
const IDENTICAL_RUNS: usize = 12;

fn identical_runs() -> usize {
    std::env::var("REMORA_IDENTICAL_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(IDENTICAL_RUNS)
}

/// The oldest, one in the middle, and the newest: what differs between them is the debugger's version.
pub(crate) fn chosen() -> Vec<(&'static str, PathBuf)> {
    let wanted = ["2.7", "3.7", "3.11", "3.13"];
    all().into_iter().filter(|(version, _)| wanted.contains(version)).collect()
}

/// The same with the debuggers that they are tried with.
pub(crate) fn chosen_with_debuggers() -> Vec<(&'static str, PathBuf, Debugger)> {
    let with_debuggers = |(version, python): (&'static str, PathBuf)| {
        let older = (version == "3.7").then_some(Debugger::Ptvsd);
        std::iter::once(Debugger::Auto).chain(older).map(move |debugger| (version, python.clone(), debugger))
    };
    chosen().into_iter().flat_map(with_debuggers).collect()
}

/// A project on both sides, of which a program runs there.
pub(crate) struct Stage {
    pub(crate) bed: Bed,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let bed = Bed::new().await;
        for entry in fs::read_dir(bed.there()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, bed.here(path.file_name().unwrap().to_str().unwrap())).unwrap();
        }
        Self { bed }
    }

    pub(crate) fn request(&self, python: &Path, debugger: Debugger) -> Request {
        let mut request = self.bed.request(python, "main.py");
        request.debugger = debugger;
        // As on a machine where nobody keeps Python from it.
        request.env = BTreeMap::from([("PYTHONDONTWRITEBYTECODE".into(), String::new())]);
        request
    }

    pub(crate) fn there(&self, name: &str) -> PathBuf {
        self.bed.there().join(name)
    }

    /// Another text of the same length, in which the same lines can be stopped at.
    pub(crate) fn other(path: impl AsRef<Path>) {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("2 * x", "3 * x")).unwrap();
    }
}

/// What one attached client is told.
struct Seen {
    run: Run,
    client: Client,
    path: String,
    line: u32,
}

impl Seen {
    /// Starts `request` and attaches, with a breakpoint in a local file, after `before`.
    async fn start(stage: &Stage, request: Request, file: &str, line: u32) -> Self {
        let run = stage.bed.start(request).await.unwrap();
        let mut client = run.client().await;
        let path = stage.bed.here(file);
        client.attach(run.session.configuration(), &[(&path, &[line])]).await.unwrap();
        Self { run, client, path, line }
    }

    /// The breakpoint set anew: whether it is verified, and its message.
    async fn set(&mut self) -> (bool, String) {
        let arguments = json!({"source": {"path": self.path}, "breakpoints": [{"line": self.line}]});
        let body = self.client.request("setBreakpoints", arguments).await.unwrap();
        described(&body["breakpoints"][0])
    }

    /// The next time that a breakpoint is said to have changed.
    async fn changed(&mut self) -> (bool, String) {
        described(&self.client.event("breakpoint").await.unwrap()["breakpoint"])
    }

    /// The breakpoint set anew, which is told to be so with the answer or after it.
    async fn set_to(&mut self, expected: (bool, String)) {
        if self.set().await != expected {
            self.becomes(expected).await;
        }
    }

    /// Waits until a breakpoint is said to be so; what was seen of a change half made comes before.
    async fn becomes(&mut self, expected: (bool, String)) {
        while self.changed().await != expected {}
    }

    /// The stack in which all files are witnessed. A stop may be quicker than the word of what was loaded
    /// for it: then the stack is told to be another, and asked for again.
    async fn summed_frames(&mut self, thread: i64) -> Vec<(String, String, bool)> {
        loop {
            let frames = self.frames(thread).await;
            if !frames.contains(&("".into(), "".into(), false)) {
                return frames;
            }
            self.client.event("invalidated").await.unwrap_or_else(|error| panic!("{error:?}: {frames:?}"));
        }
    }

    /// Hint, reason and checksum of each frame of the project, innermost first.
    async fn frames(&mut self, thread: i64) -> Vec<(String, String, bool)> {
        let body = self.client.request("stackTrace", json!({"threadId": thread})).await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let frames = body["stackFrames"].as_array().unwrap().iter();
        let frame = |frame: &Value| {
            let summed = frame["source"]["checksums"][0]["checksum"].as_str().is_some_and(|sum| sum.len() == 64);
            (text(&frame["presentationHint"]), text(&frame["source"]["origin"]), summed)
        };
        frames.map(frame).collect()
    }

    /// Lets the program go on to its next stop.
    async fn again(&mut self, thread: i64) -> i64 {
        self.client.go_on(thread).await.unwrap();
        self.client.stopped().await.unwrap().0
    }

    async fn end(self) {
        self.run.session.stop().await;
    }
}

fn described(breakpoint: &Value) -> (bool, String) {
    (breakpoint["verified"] == true, breakpoint["message"].as_str().unwrap_or_default().to_owned())
}

fn named(reason: &str) -> (bool, String) {
    (false, format!("Reason({reason})"))
}

fn marked(reason: &str, summed: bool) -> (String, String, bool) {
    ("subtle".into(), format!("Reason({reason})"), summed)
}

fn fine() -> (String, String, bool) {
    (String::new(), String::new(), true)
}

/// A whole run of what is the same everywhere; all that the client was told about its lines.
async fn identical_run(stage: &Stage, python: &Path, debugger: Debugger) {
    let mut seen = Seen::start(stage, stage.request(python, debugger), "helper.py", 5).await;
    let (thread, _) = seen.client.stopped().await.unwrap();
    assert_eq!(seen.summed_frames(thread).await, [fine(), fine(), fine()]);
    assert_eq!(seen.set().await, (true, String::new()));
    let thread = seen.again(thread).await;
    assert_eq!(seen.summed_frames(thread).await, [fine(), fine(), fine()]);
    seen.path = stage.bed.here("main.py");
    seen.line = 10;
    assert_eq!(seen.set().await, (true, String::new()));
    for path in ["helper.py", "main.py"] {
        seen.client.set_breakpoints(&stage.bed.here(path), &[]).await.unwrap();
    }
    seen.client.go_on(thread).await.unwrap();
    seen.client.terminated().await.unwrap();
    assert_eq!(seen.client.told(), Vec::<String>::new());
    assert_eq!((seen.client.unheard("breakpoint"), seen.client.unheard("invalidated")), (0, 0));
    seen.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_same_raises_no_alarm_however_often_it_runs() {
    let stage = Stage::new().await;
    for _ in 0..identical_runs() {
        identical_run(&stage, &usual(), Debugger::Auto).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_the_same_raises_no_alarm_on_old_and_new_interpreters_and_with_both_debuggers() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        for debugger in [Debugger::Auto, Debugger::Ptvsd] {
            if (version, debugger) != ("3.13", Debugger::Ptvsd) {
                // The second time from what Python has compiled.
                identical_run(&stage, &python, debugger).await;
                identical_run(&stage, &python, debugger).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_file_that_is_saved_while_the_program_runs_is_told_everywhere_and_once() {
    for (version, python, debugger) in chosen_with_debuggers() {
        let stage = Stage::new().await;
        let mut seen = Seen::start(&stage, stage.request(&python, debugger), "helper.py", 5).await;
        let (thread, _) = seen.client.stopped().await.unwrap();
        assert_eq!(seen.frames(thread).await[0], fine(), "{version}");
        let before = fs::read(&seen.path).unwrap();
        Stage::other(&seen.path);
        seen.run.session.changed(&[PathBuf::from(&seen.path)]);
        seen.becomes(named("Behind")).await;
        assert_eq!(seen.set().await, named("Behind"), "{version}");
        assert_eq!(seen.frames(thread).await, [marked("Behind", true), fine(), fine()], "{version}");
        // As the mirror does.
        fs::copy(&seen.path, stage.there("helper.py")).unwrap();
        seen.run.session.changed(&[PathBuf::from(&seen.path)]);
        seen.becomes(named("Outdated")).await;
        let thread = seen.again(thread).await;
        assert_eq!(seen.frames(thread).await, [marked("Outdated", true), fine(), fine()], "{version}");
        let told = seen.client.told();
        assert_eq!(told, ["Differs { file: \"helper.py\", difference: Behind }\n"], "{version}");
        // And back: the lines are true again.
        fs::write(&seen.path, before).unwrap();
        fs::copy(&seen.path, stage.there("helper.py")).unwrap();
        seen.run.session.changed(&[PathBuf::from(&seen.path)]);
        seen.becomes((true, String::new())).await;
        assert_eq!(seen.frames(thread).await[0], fine(), "{version}");
        seen.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_file_that_somebody_else_changed_is_told_before_and_after_it_is_loaded() {
    let stage = Stage::new().await;
    Stage::other(stage.there("helper.py"));
    let mut seen = Seen::start(&stage, stage.request(&usual(), Debugger::Auto), "helper.py", 5).await;
    let (thread, _) = seen.client.stopped().await.unwrap();
    assert_eq!(seen.frames(thread).await[0], marked("Behind", true));
    let told = seen.client.told();
    assert_eq!(told.len(), 1, "{told:?}");
    seen.end().await;

    let stage = Stage::new().await;
    let mut seen = Seen::start(&stage, stage.request(&usual(), Debugger::Auto), "helper.py", 5).await;
    let (thread, _) = seen.client.stopped().await.unwrap();
    let before = fs::read(stage.there("helper.py")).unwrap();
    Stage::other(stage.there("helper.py"));
    // Nobody says anything: the next stop finds it out.
    let thread = seen.again(thread).await;
    seen.frames(thread).await;
    seen.becomes(named("ChangedThere")).await;
    assert_eq!(seen.frames(thread).await[0], marked("ChangedThere", true));
    fs::write(stage.there("helper.py"), before).unwrap();
    let thread = seen.again(thread).await;
    seen.frames(thread).await;
    seen.becomes((true, String::new())).await;
    assert_eq!(seen.frames(thread).await[0], fine());
    assert_eq!(seen.client.told().len(), 1);
    seen.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_of_another_copy_is_told_with_the_place_that_it_came_from() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        let site = stage.bed.tmp().parent().unwrap().join("site");
        fs::create_dir(&site).unwrap();
        fs::copy(stage.there("helper.py"), site.join("helper.py")).unwrap();
        let program = "import sys\nsys.path.insert(0, sys.argv[1])\nimport helper\nhelper.double(1)\nprint(2)\n";
        fs::write(stage.there("shadowed.py"), program).unwrap();
        fs::write(stage.bed.here("shadowed.py"), program).unwrap();
        let mut request = stage.request(&python, Debugger::Auto);
        request.program = remora_debug::Program::File("shadowed.py".into());
        request.args = vec![site.display().to_string()];
        let run = stage.bed.start(request).await.unwrap();
        let mut client = run.client().await;
        let (path, program) = (stage.bed.here("helper.py"), stage.bed.here("shadowed.py"));
        client.attach(run.session.configuration(), &[(&path, &[5]), (&program, &[5])]).await.unwrap();
        let mut seen = Seen { run, client, path, line: 5 };
        let from = site.join("helper.py");
        let expected = named(&format!("Elsewhere {{ module: \"helper\", from: {:?} }}", from.display().to_string()));
        assert_eq!(seen.changed().await, expected, "{version}");
        let (thread, _) = seen.client.stopped().await.unwrap();
        assert_eq!(seen.frames(thread).await, [fine()], "{version}");
        assert_eq!(seen.client.told().len(), 1, "{version}");
        seen.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_calls_its_debugger_itself_is_judged_by_what_it_had_loaded_before() {
    for (version, python) in chosen() {
        let stage = Stage::new().await;
        let mut request = stage.request(&python, Debugger::Auto);
        request.program = remora_debug::Program::File("in_code_debugpy.py".into());
        request.in_code = true;
        let mut seen = Seen::start(&stage, request, "in_code_debugpy.py", 12).await;
        let (thread, _) = seen.client.stopped().await.unwrap();
        assert_eq!(seen.frames(thread).await, [fine()], "{version}");
        fs::write(&seen.path, "").unwrap();
        seen.set_to(named("Behind")).await;
        seen.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_behind_a_link_is_judged_by_where_the_link_leads() {
    let stage = Stage::new().await;
    for root in [stage.bed.there(), PathBuf::from(stage.bed.here(""))] {
        fs::create_dir(root.join("real")).unwrap();
        fs::rename(root.join("helper.py"), root.join("real/helper.py")).unwrap();
        std::os::unix::fs::symlink("real/helper.py", root.join("helper.py")).unwrap();
    }
    let mut seen = Seen::start(&stage, stage.request(&usual(), Debugger::Auto), "helper.py", 5).await;
    let (thread, _) = seen.client.stopped().await.unwrap();
    assert!(seen.frames(thread).await.iter().all(|(hint, ..)| hint.is_empty()));
    assert_eq!(seen.set().await, (true, String::new()));
    Stage::other(stage.bed.here("real/helper.py"));
    seen.set_to(named("Behind")).await;
    // The message follows, and comes before another answer.
    assert_eq!(seen.set().await, named("Behind"));
    assert_eq!(seen.client.told().len(), 1);
    seen.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_python_has_compiled_of_an_earlier_text_is_not_taken_for_the_files() {
    for version in ["2.7", "3.7", "3.13"] {
        let stage = Stage::new().await;
        let python = find(version);
        identical_run(&stage, &python, Debugger::Auto).await;
        // Saved twice within a second, and of the same size: Python does not notice.
        let there = stage.there("helper.py");
        let before = fs::metadata(&there).unwrap().modified().unwrap();
        Stage::other(&there);
        fs::File::options().write(true).open(&there).unwrap().set_modified(before).unwrap();
        fs::copy(&there, stage.bed.here("helper.py")).unwrap();
        let mut seen = Seen::start(&stage, stage.request(&python, Debugger::Auto), "helper.py", 5).await;
        let (thread, _) = seen.client.stopped().await.unwrap();
        assert_eq!(seen.frames(thread).await[0], marked("Compiled", false), "{version}");
        assert_eq!(seen.set().await, named("Compiled"), "{version}");
        assert_eq!(seen.client.told().len(), 1, "{version}");
        seen.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_is_judged_by_what_it_has_loaded_itself() {
    for (version, python) in chosen() {
        for kind in ["fork", "spawn"] {
            let stage = Stage::new().await;
            let mut request = stage.request(&python, Debugger::Auto);
            request.program = remora_debug::Program::File("kids.py".into());
            request.args = vec![kind.into()];
            let (file, line) = if kind == "fork" { ("kids.py", 10) } else { ("helper.py", 5) };
            let run = stage.bed.start(request).await.unwrap();
            let mut parent = run.client().await;
            parent.attach(run.session.configuration(), &[]).await.unwrap();
            let announced = parent.child().await.unwrap();
            let mut client = Client::connect(run.address()).await.unwrap();
            let path = stage.bed.here(file);
            client.attach(&announced, &[(&path, &[line])]).await.unwrap();
            let (thread, _) = client.stopped().await.unwrap();
            let mut seen = Seen { run, client, path, line };
            let frames = seen.frames(thread).await;
            assert_eq!(frames[0], fine(), "{version} {kind}");
            assert_eq!(seen.set().await, (true, String::new()), "{version} {kind}");
            let text = fs::read_to_string(&seen.path).unwrap();
            fs::write(&seen.path, text.replace("n * 7", "n * 8").replace("2 * x", "3 * x")).unwrap();
            seen.set_to(named("Behind")).await;
            assert_eq!(seen.frames(thread).await[0], marked("Behind", true), "{version} {kind}");
            assert_eq!(seen.client.told().len(), 1, "{version} {kind}");
            seen.end().await;
        }
    }
}
