//! Why a breakpoint is not hit, on real debuggers: one cause each, and never one that is not true.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_debug::dap::Client;
use remora_debug::{Cause, Difference, Program, Request, SessionEvent, Stops};
use remora_model::Debugger;
use remora_testkit::python::{find, usual};
use serde_json::{Value, json};

use crate::bed::{Bed, Run};

/// Stands in the loop until it is let go, with one import left to come.
const WAITS: &str = "import helper
# no code on this line
for turn in range(1000):
    helper.double(turn)

if turn < 0:
    import late
";

/// A comment comes first.
const LATE: &str = "# no code here either\n\nx = 1\n";

/// A project on both sides, and a program that has stopped in `helper.py`.
struct Stage {
    bed: Bed,
}

struct Stopped {
    run: Run,
    client: Client,
    thread: i64,
}

impl Stage {
    async fn new(files: &[(&str, &str)]) -> Self {
        let bed = Bed::new().await;
        let stage = Self { bed };
        let helper = fs::read_to_string(stage.there("helper.py")).unwrap();
        for (name, text) in [("helper.py", helper.as_str()), ("app.py", WAITS), ("late.py", LATE)].iter().chain(files) {
            stage.write(name, text);
        }
        stage
    }

    fn there(&self, name: &str) -> PathBuf {
        self.bed.there().join(name)
    }

    fn here(&self, name: &str) -> PathBuf {
        PathBuf::from(self.bed.here(name))
    }

    /// The same on both sides.
    fn write(&self, name: &str, text: &str) {
        for path in [self.here(name), self.there(name)] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn request(&self, python: &Path, debugger: Debugger) -> Request {
        Request { debugger, ..self.bed.request(python, "app.py") }
    }

    /// The program, stopped in `helper.py`, with more breakpoints in the lines of one file.
    async fn stopped(&self, request: Request, file: &str, lines: &[u32]) -> Stopped {
        let run = self.bed.start(request).await.unwrap();
        let mut client = run.client().await;
        let (path, helper) = (self.bed.here(file), self.bed.here("helper.py"));
        client.attach(run.session.configuration(), &[(&path, lines), (&helper, &[5])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        Stopped { run, client, thread }
    }

    async fn why(&self, stopped: &Stopped, file: &str, line: u32) -> Cause {
        stopped.run.session.why_not_hit(&self.here(file), line).await
    }
}

/// What there is to be told of breakpoints that are not what they seem.
async fn marked(client: &mut Client) -> (bool, String) {
    let told: Value = client.event("breakpoint").await.unwrap()["breakpoint"].take();
    (told["verified"] == true, told["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_was_not_imported_and_lines_without_code_are_told_on_old_and_new_debuggers() {
    for (version, debugger) in
        [("2.7", Debugger::Auto), ("3.7", Debugger::Auto), ("3.11", Debugger::Auto), ("3.11", Debugger::Ptvsd)]
    {
        let stage = Stage::new(&[]).await;
        let children = debugger == Debugger::Auto;
        let mut stopped = stage.stopped(stage.request(&find(version), debugger), "late.py", &[1, 3]).await;
        let context = format!("{version} {debugger:?}");
        assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::NotImported { children }, "{context}");
        assert_eq!(stage.why(&stopped, "late.py", 1).await, Cause::NoCode { line: 1, next: Some(3) }, "{context}");
        assert_eq!(stage.why(&stopped, "late.py", 2).await, Cause::NotSet, "{context}");
        assert_eq!(stage.why(&stopped, "helper.py", 5).await, Cause::Fine(Stops::Always), "{context}");
        assert!(stopped.run.session.has_breakpoint(&stage.here("late.py"), 1));
        assert!(!stopped.run.session.has_breakpoint(&stage.here("late.py"), 2));
        // The client is told of the line without being asked, first where the debugger's own answer shows it.
        let expected = (false, "Cause(NoCode { line: 1, next: Some(3) })".to_owned());
        while marked(&mut stopped.client).await != expected {}
        let app = stage.bed.here("app.py");
        stopped.client.set_breakpoints(&app, &[2]).await.unwrap();
        assert_eq!(stage.why(&stopped, "app.py", 2).await, Cause::Moved { from: 2, to: 1 }, "{context}");
        stopped.run.session.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_later_is_not_missed_and_conditions_are_told() {
    let stage = Stage::new(&[("app.py", "import helper\nhelper.double(1)\nimport late\nhelper.double(2)\n")]).await;
    let mut stopped = stage.stopped(stage.request(&usual(), Debugger::Auto), "late.py", &[]).await;
    let late = stage.bed.here("late.py");
    let set = |condition: &str| json!({"source": {"path": late}, "breakpoints": [{"line": 3, "condition": condition}]});
    stopped.client.request("setBreakpoints", set("False")).await.unwrap();
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::NotImported { children: true });
    stopped.client.go_on(stopped.thread).await.unwrap();
    stopped.client.stopped().await.unwrap();
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::Fine(Stops::Sometimes));
    stage.write("late.py", "# no code here either\n\nx = 2\n");
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::Differs(Difference::Outdated));
    stopped.client.disconnect(false).await.unwrap();
    while stopped.run.events.recv().await.unwrap() != SessionEvent::ClientGone {}
    assert_eq!(stopped.run.session.why_not_hit(&stage.here("late.py"), 3).await, Cause::NotAttached);
    stopped.run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_without_being_imported_is_not_called_unimported() {
    let app = "exec(compile(open('late.py').read(), __import__('os').path.abspath('late.py'), 'exec'))\nimport helper\nhelper.double(1)\n";
    let stage = Stage::new(&[("app.py", app)]).await;
    let run = stage.bed.start(stage.request(&usual(), Debugger::Auto)).await.unwrap();
    let mut client = run.client().await;
    let (late, helper) = (stage.bed.here("late.py"), stage.bed.here("helper.py"));
    client.attach(run.session.configuration(), &[(&late, &[3]), (&helper, &[5])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    client.request("stackTrace", json!({"threadId": thread})).await.unwrap();
    assert_eq!(run.session.why_not_hit(&stage.here("late.py"), 3).await, Cause::Fine(Stops::Always));
    run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_of_the_project_is_left_out_as_just_my_code_says() {
    for (version, debugger) in [("3.11", Debugger::Auto), ("3.11", Debugger::Ptvsd)] {
        let library = format!(".venv/lib/python{version}/site-packages/library.py");
        let stage = Stage::new(&[(&library, "def work():\n    return 1\n")]).await;
        fs::remove_dir_all(stage.there(".venv")).unwrap();
        let made = Command::new(find(version)).args(["-m", "venv", "--without-pip"]).arg(stage.there(".venv")).status();
        assert!(made.unwrap().success());
        fs::copy(stage.here(&library), stage.there(&library)).unwrap();
        let mut request = stage.request(&stage.there(".venv/bin/python"), debugger);
        let mut stopped = stage.stopped(request.clone(), &library, &[2]).await;
        assert_eq!(stage.why(&stopped, &library, 2).await, Cause::NotMyCode, "{debugger:?}");
        let arguments = json!({"source": {"path": stage.bed.here(&library)}, "breakpoints": [{"line": 2}]});
        let body = stopped.client.request("setBreakpoints", arguments).await.unwrap();
        assert_eq!(body["breakpoints"][0]["message"], "Cause(NotMyCode)", "{debugger:?}");
        stopped.run.session.stop().await;
        // ptvsd does not read it from an attach configuration.
        if debugger == Debugger::Auto {
            request.just_my_code = false;
            let stopped = stage.stopped(request, &library, &[2]).await;
            assert_eq!(stage.why(&stopped, &library, 2).await, Cause::NotImported { children: true });
            stopped.run.session.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_of_a_clients_own_that_miss_the_file_are_told() {
    for (remote, expected) in
        [(None, Cause::Unmapped), (Some("/nowhere"), Cause::MappedElsewhere { to: "/nowhere".into() })]
    {
        let stage = Stage::new(&[]).await;
        let run = stage.bed.start(stage.request(&usual(), Debugger::Auto)).await.unwrap();
        let mut configuration = run.session.configuration().clone();
        let local = if remote.is_some() { stage.bed.here("") } else { "/somewhere/else".into() };
        let local = local.trim_end_matches('/').to_owned();
        configuration["pathMappings"] = json!([{"localRoot": local, "remoteRoot": remote.unwrap_or("/nowhere")}]);
        let mut client = run.client().await;
        let late = stage.bed.here("late.py");
        client.attach(&configuration, &[]).await.unwrap();
        // As on another machine: there is none of this name.
        fs::remove_file(&late).unwrap();
        let arguments = json!({"source": {"path": late}, "breakpoints": [{"line": 3}]});
        let body = client.request("setBreakpoints", arguments).await.unwrap();
        assert_eq!(body["breakpoints"][0]["message"], format!("Cause({expected:?})"));
        assert_eq!(run.session.why_not_hit(&stage.here("late.py"), 3).await, expected);
        run.session.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_after_its_breakpoint_was_set_is_to_be_set_again() {
    let stage = Stage::new(&[]).await;
    fs::remove_file(stage.there("late.py")).unwrap();
    let mut stopped = stage.stopped(stage.request(&usual(), Debugger::Auto), "late.py", &[3]).await;
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::Differs(Difference::MissingThere));
    fs::copy(stage.here("late.py"), stage.there("late.py")).unwrap();
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::CameLater);
    stopped.client.set_breakpoints(&stage.bed.here("late.py"), &[3]).await.unwrap();
    assert_eq!(stage.why(&stopped, "late.py", 3).await, Cause::NotImported { children: true });
    stopped.run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_nobody_debugs_is_named() {
    const FORKS: &str = "import multiprocessing, helper
def work():
    import late
if __name__ == '__main__':
    child = multiprocessing.get_context('fork').Process(target=work)
    child.start()
    print('child', child.pid)
    child.join()
    helper.double(1)
";
    // The child would wait at a breakpoint that it comes to.
    let late = "def never():\n    x = 1\n    return x\n";
    let stage = Stage::new(&[("app.py", FORKS), ("late.py", late)]).await;
    let mut request = stage.request(&find("3.11"), Debugger::Auto);
    request.sub_process = false;
    let mut stopped = stage.stopped(request, "late.py", &[3]).await;
    stopped.client.set_breakpoints(&stage.bed.here("app.py"), &[3]).await.unwrap();
    let Cause::OtherProcess { pid, only: true } = stage.why(&stopped, "late.py", 3).await else { panic!("not told") };
    assert_eq!(stage.why(&stopped, "app.py", 3).await, Cause::OtherProcess { pid, only: false });
    stopped.client.go_on(stopped.thread).await.unwrap();
    let (output, _) = stopped.run.end().await;
    assert!(output.contains(&format!("child {pid}")), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_loaded_under_the_name_of_a_link_is_told_with_that_name() {
    // As with `"symlinks": "follow"`: one file here, two there.
    for (imported, set) in [("link", "late.py"), ("late", "link.py")] {
        let stage = Stage::new(&[("app.py", &format!("import {imported}, helper\nhelper.double(1)\n"))]).await;
        symlink("late.py", stage.here("link.py")).unwrap();
        fs::copy(stage.there("late.py"), stage.there("link.py")).unwrap();
        let stopped = stage.stopped(stage.request(&usual(), Debugger::Auto), set, &[3]).await;
        let expected = Cause::OtherName { name: format!("{imported}.py") };
        assert_eq!(stage.why(&stopped, set, 3).await, expected);
        stopped.run.session.stop().await;
    }
    // As links: one file here and there.
    let stage = Stage::new(&[("app.py", "import late, helper\nhelper.double(1)\n")]).await;
    for root in [stage.here(""), stage.there("")] {
        symlink("late.py", root.join("link.py")).unwrap();
    }
    let stopped = stage.stopped(stage.request(&usual(), Debugger::Auto), "link.py", &[3]).await;
    assert_eq!(stage.why(&stopped, "link.py", 3).await, Cause::Fine(Stops::Always));
    stopped.run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_is_debugged_answers_for_itself() {
    let stage = Stage::new(&[]).await;
    fs::copy(stage.there("kids.py"), stage.here("kids.py")).unwrap();
    let mut request = stage.request(&usual(), Debugger::Auto);
    request.program = Program::File("kids.py".into());
    request.args = vec!["spawn".into()];
    fs::copy(stage.there("main.py"), stage.here("main.py")).unwrap();
    let run = stage.bed.start(request).await.unwrap();
    let mut parent = run.client().await;
    let helper = stage.bed.here("helper.py");
    parent.attach(run.session.configuration(), &[(&helper, &[5])]).await.unwrap();
    let announced = parent.child().await.unwrap();
    let mut client = Client::connect(run.address()).await.unwrap();
    client.attach(&announced, &[(&helper, &[5])]).await.unwrap();
    client.stopped().await.unwrap();
    assert_eq!(run.session.why_not_hit(&stage.here("helper.py"), 5).await, Cause::Fine(Stops::Always));
    run.session.stop().await;
}
