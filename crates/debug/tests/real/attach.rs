//! Processes that run already: attached to, debugged, let go and attached to again; they live on, and nothing is left in
//! them or beside them. What is in the way is named.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use remora_debug::dap::Client;
use remora_debug::{DebugError, Endpoint, Listen, Program, Request, SessionEvent, Why, processes};
use remora_model::Debugger;
use remora_testkit::python::{find, pypy, usual};
use serde_json::json;

use crate::bed::{Bed, Run};

/// A program that nobody of us has started.
struct Stranger {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Stranger {
    /// Runs the program in its way; returns when it is in its loop.
    fn start(bed: &Bed, python: &Path, way: &str) -> Self {
        let mut command = Command::new(python);
        command.arg(bed.there().join("stays.py")).arg(way).current_dir(bed.there());
        let mut stranger = Self::of(command);
        stranger.is_alone(way);
        stranger
    }

    fn of(mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Reads on until the program has written this line.
    fn said(&mut self, expected: &str) {
        let mut line = String::new();
        while line.trim_end() != expected {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "{expected:?} was not said");
        }
    }

    /// Waits until it has no other threads than its own.
    fn is_alone(&mut self, way: &str) {
        self.said(if way == "thread" { "threads: 2" } else { "threads: 1" });
    }

    fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How many files it has open, save that in which it counts its threads.
    fn files(&self) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).filter(|path| !path.starts_with("/proc")).count()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn attaching(bed: &Bed, pid: u32) -> Request {
    let request = bed.request(Path::new("python"), "stays.py");
    Request { program: Program::Process(pid), python: None, listen: Listen::Socket, ..request }
}

async fn client(run: &Run) -> Client {
    match run.session.endpoint() {
        Endpoint::Socket(path) => Client::over(path).await.unwrap(),
        other => panic!("listens on {other:?}"),
    }
}

/// Stops it at a breakpoint; leaves it stopped.
async fn stopped(bed: &Bed, run: &Run, what: &str) -> (Client, i64) {
    let mut client = client(run).await;
    let path = bed.here("stays.py");
    client.attach(run.session.configuration(), &[(&path, &[4])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    let stack = client.stack(thread).await.unwrap();
    assert_eq!((stack[0].path.as_str(), stack[0].line), (path.as_str(), 5 - 1));
    (client, thread)
}

async fn refused(bed: &Bed, request: Request) -> (Why, String) {
    match bed.start(request).await {
        Err(DebugError::CannotAttach { obstacle, .. }) => (obstacle.why, obstacle.about),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was attached to"),
    }
}

/// Attaches to a program and lets it go, in each of the ways that there are.
async fn again_and_again(version: &str, way: &str) {
    let bed = Bed::new().await;
    let mut stranger = Stranger::start(&bed, &find(version), way);
    let before = stranger.files();
    for round in 0..3 {
        let what = format!("{version} {way} {round}");
        let started = bed.start(attaching(&bed, stranger.pid())).await;
        let mut run = started.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let (mut client, thread) = stopped(&bed, &run, &what).await;
        let names = client.request("threads", json!({})).await.unwrap();
        assert!(!names.to_string().contains("remora"), "{what}: {names}");
        match round {
            // Stopped as it is, it goes on.
            0 => drop(client),
            1 => client.disconnect(false).await.unwrap(),
            _ => {
                client.go_on(thread).await.unwrap();
                run.session.stop().await;
            }
        }
        let (_, last) = run.end().await;
        assert!(matches!(last, SessionEvent::Exited(_)), "{what}: {last:?}");
        assert_eq!(bed.census(), Vec::<String>::new(), "{what}");
        stranger.is_alone(way);
        assert_eq!(stranger.process.try_wait().unwrap(), None, "{what}");
    }
    // What `random` of Python 2 keeps open is its own.
    let spare = usize::from(version == "2.7");
    assert!(stranger.files() <= before + spare, "{version} {way}: {before}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_is_attached_to_and_let_go_as_often_as_one_likes() {
    for version in ["2.7", "3.6", "3.7", "3.8", "3.11", "3.13"] {
        again_and_again(version, "waits").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn likewise_one_that_never_waits() {
    for version in ["2.7", "3.8", "3.11", "3.13"] {
        again_and_again(version, "busy").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn likewise_a_thread_of_one_whose_main_thread_waits_for_input() {
    for version in ["2.7", "3.8", "3.11", "3.13"] {
        again_and_again(version, "thread").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_that_it_is_to_end_ends_it_and_the_client_hears_of_it() {
    let bed = Bed::new().await;
    for asked in ["terminate", "disconnect"] {
        let mut stranger = Stranger::start(&bed, &usual(), "waits");
        let mut run = bed.start(attaching(&bed, stranger.pid())).await.unwrap();
        let (mut client, _) = stopped(&bed, &run, "the usual").await;
        if asked == "terminate" {
            client.request("terminate", json!({})).await.unwrap();
            client.terminated().await.unwrap();
            assert_eq!(client.unheard("exited"), 0, "nobody knows with what");
        } else {
            client.disconnect(true).await.unwrap();
        }
        assert_eq!(stranger.process.wait().unwrap().signal(), Some(15));
        run.end().await;
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_by_itself_ends_its_session() {
    let bed = Bed::new().await;
    let mut stranger = Stranger::start(&bed, &usual(), "waits");
    let mut run = bed.start(attaching(&bed, stranger.pid())).await.unwrap();
    let (mut client, _) = stopped(&bed, &run, "the usual").await;
    stranger.process.kill().unwrap();
    stranger.process.wait().unwrap();
    client.terminated().await.unwrap();
    run.end().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_was_changed_since_the_process_began_is_not_taken_for_what_it_runs() {
    for version in ["2.7", "3.8", "3.11", "3.13"] {
        let bed = Bed::new().await;
        for name in ["stays.py", "uses.py"] {
            fs::copy(bed.there().join(name), bed.here(name)).unwrap();
        }
        for (program, line) in [("stays.py", 4), ("uses.py", 4)] {
            let mut command = Command::new(find(version));
            command.arg(bed.there().join(program)).arg("waits").env("PYTHONDONTWRITEBYTECODE", "1");
            let mut stranger = Stranger::of(command);
            stranger.is_alone("waits");
            let path = bed.here("stays.py");
            let text = fs::read_to_string(&path).unwrap();
            let mut set = async || {
                let run = bed.start(attaching(&bed, stranger.pid())).await.unwrap();
                let mut client = client(&run).await;
                client.attach(run.session.configuration(), &[(&path, &[line])]).await.unwrap();
                let thread = client.stopped().await.unwrap_or_else(|error| panic!("{version} {program}: {error}")).0;
                let arguments = json!({"source": {"path": path}, "breakpoints": [{"line": line}]});
                let told = client.request("setBreakpoints", arguments).await.unwrap()["breakpoints"][0].clone();
                let stack = client.request("stackTrace", json!({"threadId": thread})).await.unwrap();
                let hint = stack["stackFrames"][0]["presentationHint"].clone();
                run.session.stop().await;
                stranger.is_alone("waits");
                (told["verified"] == true, told["message"].as_str().unwrap_or_default().to_owned(), hint == "subtle")
            };
            assert_eq!(set().await, (true, String::new(), false), "{version} {program}");
            for side in [path.clone(), bed.there().join("stays.py").display().to_string()] {
                fs::write(side, text.replace("2 * x", "3 * x")).unwrap();
            }
            assert_eq!(set().await, (false, "Reason(Outdated)".into(), true), "{version} {program}");
            for side in [path.clone(), bed.there().join("stays.py").display().to_string()] {
                fs::write(side, &text).unwrap();
            }
            // In `__main__` all of its code is there to be compared; of a module, what ran once is gone.
            assert_eq!(set().await, (true, String::new(), false), "{version} {program}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_names_the_processes_of_the_login_and_who_debugs_them() {
    let bed = Bed::new().await;
    let stranger = Stranger::start(&bed, &find("3.8"), "waits");
    let seen = async || {
        let all = processes(&bed.link, false).await.unwrap();
        all.into_iter().find(|process| process.pid == stranger.pid()).unwrap()
    };
    let found = seen().await;
    assert_eq!((found.version, found.own, found.debugger.as_deref()), (Some((3, 8)), true, None));
    assert!(found.command.ends_with("stays.py waits") && found.python.ends_with("python3.8"), "{found:?}");
    let run = bed.start(attaching(&bed, stranger.pid())).await.unwrap();
    assert_eq!(seen().await.debugger.as_deref(), Some("remora"));
    assert_eq!(refused(&bed, attaching(&bed, stranger.pid())).await, (Why::Debugged, "remora".into()));
    let all = processes(&bed.link, true).await.unwrap();
    let ours = |command: &str| command.contains("/_remora/a") && command.contains(&stranger.pid().to_string());
    assert!(all.iter().all(|process| !ours(&process.command)), "{all:?}");
    run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_way_is_named() {
    let bed = Bed::new().await;
    let gone = {
        let mut short = Command::new("true").spawn().unwrap();
        short.wait().unwrap();
        short.id()
    };
    assert_eq!(refused(&bed, attaching(&bed, gone)).await.0, Why::Gone);
    let cat = Stranger::of(Command::new("cat"));
    assert_eq!(refused(&bed, attaching(&bed, cat.pid())).await, (Why::NotPython, "cat".into()));
    let stopped = Stranger::start(&bed, &usual(), "waits");
    assert!(Command::new("kill").args(["-STOP", &stopped.pid().to_string()]).status().unwrap().success());
    assert_eq!(refused(&bed, attaching(&bed, stopped.pid())).await.0, Why::Stopped);
    let running = Stranger::start(&bed, &usual(), "waits");
    let by_ptvsd = Request { debugger: Debugger::Ptvsd, ..attaching(&bed, running.pid()) };
    assert!(matches!(bed.start(by_ptvsd).await, Err(DebugError::PtvsdAttaches)));
    if let Some(python) = pypy("3.9") {
        let other = Stranger::start(&bed, &python, "waits");
        assert_eq!(refused(&bed, attaching(&bed, other.pid())).await.0, Why::Pypy);
    }
    let mut command = Command::new("cat");
    command.uid(65534);
    let others = Stranger::of(command);
    assert_eq!(refused(&bed, attaching(&bed, others.pid())).await.0, Why::User);
    assert_eq!(bed.census(), Vec::<String>::new());
}
