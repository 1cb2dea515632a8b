//! What a client sees that launches over a session's socket: breakpoints, output, children and the true end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use remora_agent::{Exit, TtySize};
use remora_debug::dap::{Client, ClientError};
use remora_debug::{Listen, Program, Request, ScreenEvent, SessionEvent};
use remora_model::Debugger;
use remora_testkit::python::{find, usual};
use serde_json::{Value, json};

use crate::bed::{Bed, Run};

/// The oldest, the newest, and one between, with every debugger that works there.
const PAIRS: [(&str, Debugger); 4] =
    [("2.7", Debugger::Auto), ("3.8", Debugger::Auto), ("3.13", Debugger::Auto), ("3.8", Debugger::Ptvsd)];

fn request(bed: &Bed, python: &Path, file: &str, debugger: Debugger) -> Request {
    Request { listen: Listen::Socket, debugger, ..bed.request(python, file) }
}

fn socket(run: &Run) -> PathBuf {
    run.session.endpoint().socket().unwrap().to_owned()
}

/// What an editor sends: its own entry of `launch.json`.
fn entry(file: &str) -> Value {
    json!({"type": "remora", "request": "launch", "name": "x", "program": file, "console": "internalConsole", "__sessionId": "1"})
}

/// The exit status and all output, when the client was told of the end.
async fn end(client: &mut Client) -> (i64, String) {
    client.event("terminated").await.unwrap();
    let exited = client.event("exited").await.unwrap();
    (exited["exitCode"].as_i64().unwrap(), client.take_output())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_breakpoint_to_the_true_end_with_all_output() {
    for (version, debugger) in PAIRS {
        let what = format!("{version} {debugger:?}");
        let bed = Bed::new().await;
        let mut run = bed.start(request(&bed, &find(version), "speaks.py", debugger)).await.unwrap();
        let path = socket(&run);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700), "{what}");
        let mut client = Client::over(&path).await.unwrap();
        let file = bed.here("speaks.py");
        let set = client.launch(&entry(&file), &[(&file, &[9])]).await.unwrap();
        assert!(set[0].verified, "{what}");
        assert_eq!(client.event("process").await.unwrap()["startMethod"], "launch", "{what}");
        let (thread, _) = client.stopped().await.unwrap();
        let stack = client.stack(thread).await.unwrap();
        assert_eq!((stack[0].path.as_str(), stack[0].line), (file.as_str(), 9), "{what}");
        let variables = client.variables(stack[0].id).await.unwrap();
        assert!(variables.iter().any(|shown| shown.name == "marks"), "{what}: {variables:?}");
        client.go_on(thread).await.unwrap();
        let (status, output) = end(&mut client).await;
        assert_eq!(status, 3, "{what}");
        // Two streams have no common order; each has its own, and nothing comes twice.
        let mut lines: Vec<&str> = output.lines().collect();
        lines.retain(|line| *line != "two");
        assert_eq!((lines, output.matches("two").count()), (vec!["one", "three", "né"], 1), "{what}: {output:?}");
        client.disconnect(false).await.unwrap();
        assert_eq!(run.end().await.1, SessionEvent::Exited(Exit::Code(3)), "{what}");
        run.session.stop().await;
        assert!(!path.parent().unwrap().exists(), "{what}");
        assert_eq!(bed.census(), Vec::<String>::new(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_can_be_stopped_at_its_first_line() {
    for (version, debugger) in PAIRS {
        let what = format!("{version} {debugger:?}");
        let bed = Bed::new().await;
        for (program, line) in [(Program::File("main.py".into()), 1), (Program::Module("main".into()), 1)] {
            let mut asked = request(&bed, &find(version), "", debugger);
            asked.program = program;
            let run = bed.start(asked).await.unwrap();
            let mut client = Client::over(&socket(&run)).await.unwrap();
            let mut configuration = entry("main.py");
            configuration["stopOnEntry"] = json!(true);
            client.launch(&configuration, &[]).await.unwrap();
            let (thread, reason) = client.stopped().await.unwrap();
            let stack = client.stack(thread).await.unwrap();
            assert_eq!((stack[0].path.as_str(), stack[0].line), (bed.here("main.py").as_str(), line), "{what}");
            assert_eq!(reason, "entry", "{what}");
            client.go_on(thread).await.unwrap();
            assert_eq!(end(&mut client).await.0, 3, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_comes_over_the_same_socket_with_what_its_parent_asked_for() {
    for version in ["2.7", "3.8", "3.13"] {
        let bed = Bed::new().await;
        let mut asked = request(&bed, &find(version), "kids.py", Debugger::Auto);
        asked.args = vec!["spawn".into()];
        let run = bed.start(asked).await.unwrap();
        let mut parent = Client::over(&socket(&run)).await.unwrap();
        let mut configuration = entry("kids.py");
        configuration["justMyCode"] = json!(false);
        parent.launch(&configuration, &[]).await.unwrap();
        let announced = parent.child().await.unwrap();
        assert_eq!(
            (&announced["socket"], &announced["justMyCode"]),
            (&json!(socket(&run)), &json!(false)),
            "{version}"
        );
        assert!(announced.get("connect").is_none() && announced["subProcessId"].is_i64(), "{version}: {announced}");
        let mut child = Client::over(&socket(&run)).await.unwrap();
        let file = bed.here("helper.py");
        child.attach(&announced, &[(&file, &[5])]).await.unwrap();
        let (thread, _) = child.stopped().await.unwrap();
        child.set_breakpoints(&file, &[]).await.unwrap();
        child.go_on(thread).await.unwrap();
        child.terminated().await.unwrap();
        assert_eq!(child.take_output(), "", "{version}: the output is the parent's");
        drop(child);
        let (status, output) = end(&mut parent).await;
        assert!(status == 0 && output.contains("total") && output.contains("child ended"), "{version}: {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_becomes_another_is_debugged_on_as_a_child_and_its_end_is_the_sessions() {
    for version in ["3.8", "3.13"] {
        let bed = Bed::new().await;
        let text = "import os, sys\nos.execv(sys.executable, [sys.executable, 'main.py'])\n";
        std::fs::write(bed.there().join("becomes.py"), text).unwrap();
        let run = bed.start(request(&bed, &find(version), "becomes.py", Debugger::Auto)).await.unwrap();
        let mut parent = Client::over(&socket(&run)).await.unwrap();
        parent.launch(&entry("becomes.py"), &[]).await.unwrap();
        let announced = parent.child().await.unwrap();
        let mut child = Client::over(&socket(&run)).await.unwrap();
        let file = bed.here("helper.py");
        child.attach(&announced, &[(&file, &[5])]).await.unwrap();
        let (thread, _) = child.stopped().await.unwrap();
        child.set_breakpoints(&file, &[]).await.unwrap();
        child.go_on(thread).await.unwrap();
        child.terminated().await.unwrap();
        drop(child);
        let (status, output) = end(&mut parent).await;
        assert!(status == 3 && output.contains("total 12"), "{version}: {status} {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_client_is_refused_in_one_sentence_and_the_first_keeps_its_program() {
    for (version, debugger) in PAIRS {
        let what = format!("{version} {debugger:?}");
        let bed = Bed::new().await;
        let run = bed.start(request(&bed, &find(version), "main.py", debugger)).await.unwrap();
        let mut first = Client::over(&socket(&run)).await.unwrap();
        let file = bed.here("helper.py");
        first.launch(&entry("main.py"), &[(&file, &[5])]).await.unwrap();
        let (thread, _) = first.stopped().await.unwrap();
        for command in ["launch", "attach"] {
            let mut second = Client::over(&socket(&run)).await.unwrap();
            let refused = match command {
                "launch" => second.launch(&entry("main.py"), &[]).await,
                _ => second.attach(&json!({"request": "attach"}), &[]).await,
            };
            assert!(
                matches!(&refused, Err(ClientError::Refused { message, .. }) if message == "Taken"),
                "{what}: {refused:?}"
            );
        }
        first.set_breakpoints(&file, &[]).await.unwrap();
        first.go_on(thread).await.unwrap();
        assert_eq!(end(&mut first).await.0, 3, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_by_terminate_and_by_disconnect() {
    for (version, debugger) in PAIRS {
        for command in ["terminate", "disconnect"] {
            let what = format!("{version} {debugger:?} {command}");
            let bed = Bed::new().await;
            let mut run = bed.start(request(&bed, &find(version), "main.py", debugger)).await.unwrap();
            let mut client = Client::over(&socket(&run)).await.unwrap();
            client.launch(&entry("main.py"), &[(&bed.here("helper.py"), &[5])]).await.unwrap();
            client.stopped().await.unwrap();
            client.request(command, json!({"restart": true})).await.unwrap();
            if command == "terminate" {
                assert_ne!(end(&mut client).await.0, 3, "{what}");
            }
            assert!(matches!(run.end().await.1, SessionEvent::Exited(_)), "{what}");
            assert_eq!(bed.census(), Vec::<String>::new(), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_the_program_running_can_come_back_and_sees_what_was_written_meanwhile() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let bed = Bed::new().await;
        let text = "import sys\nfor line in iter(sys.stdin.readline, ''):\n    sys.stdout.write(line)\n";
        std::fs::write(bed.there().join("wait.py"), text).unwrap();
        let mut run = bed.start(request(&bed, &usual(), "wait.py", debugger)).await.unwrap();
        let mut stdin = run.session.take_stdin().unwrap();
        let mut client = Client::over(&socket(&run)).await.unwrap();
        client.launch(&entry("wait.py"), &[]).await.unwrap();
        client.disconnect(false).await.unwrap();
        while run.events.recv().await != Some(SessionEvent::ClientGone) {}
        tokio::io::AsyncWriteExt::write_all(&mut stdin, b"meanwhile\n").await.unwrap();
        while !matches!(run.events.recv().await.unwrap(), SessionEvent::Output { .. }) {}
        let mut client = Client::over(&socket(&run)).await.unwrap();
        let file = bed.here("wait.py");
        client.attach(&json!({"request": "attach"}), &[(&file, &[3])]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stdin, b"line\n").await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        client.set_breakpoints(&file, &[]).await.unwrap();
        client.go_on(thread).await.unwrap();
        drop(stdin);
        assert_eq!(end(&mut client).await, (0, "meanwhile\nline\n".into()), "{debugger:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_and_a_killed_program_are_told() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let bed = Bed::new().await;
        std::fs::write(bed.there().join("kill.py"), "import os\nos.kill(os.getpid(), 9)\n").unwrap();
        let run = bed.start(request(&bed, &usual(), "kill.py", debugger)).await.unwrap();
        let mut client = Client::over(&socket(&run)).await.unwrap();
        client.launch(&entry("kill.py"), &[]).await.unwrap();
        client.event("terminated").await.unwrap();
        assert_eq!(client.event("exited").await.unwrap()["exitCode"], 137, "{debugger:?}");
        assert_eq!(client.told().last().unwrap(), "Signal(9)\n", "{debugger:?}");

        let mut run = bed.start(request(&bed, &usual(), "main.py", debugger)).await.unwrap();
        let path = socket(&run);
        let mut client = Client::over(&path).await.unwrap();
        client.launch(&entry("main.py"), &[(&bed.here("helper.py"), &[5])]).await.unwrap();
        client.stopped().await.unwrap();
        bed.link.close().await;
        client.event("terminated").await.unwrap();
        assert_eq!(client.told().last().unwrap(), "Lost(Closed)\n", "{debugger:?}");
        client.disconnect(true).await.unwrap();
        assert!(matches!(run.end().await.1, SessionEvent::Lost(_)), "{debugger:?}");
        assert!(!path.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_on_a_terminal_reads_and_writes_there_and_its_client_hears_of_the_end_alone() {
    for (version, debugger) in PAIRS {
        let what = format!("{version} {debugger:?}");
        let bed = Bed::new().await;
        let text = "import os, sys\nsys.stdout.write('name? %s ' % os.isatty(0))\nsys.stdout.flush()\n\
            name = sys.stdin.readline()\nos.write(2, b'hello ' + name.encode())\nsys.exit(3)\n";
        std::fs::write(bed.there().join("asks.py"), text).unwrap();
        let mut asked = request(&bed, &find(version), "asks.py", debugger);
        asked.terminal = Some(TtySize { columns: 80, rows: 24 });
        let mut run = bed.start(asked).await.unwrap();
        let mut screen = run.session.take_terminal().unwrap().screen;
        let showing = tokio::spawn(async move {
            let mut shown = Vec::new();
            loop {
                match screen.next().await {
                    ScreenEvent::Shown(data) => shown.extend(data),
                    last => return (shown, last),
                }
            }
        });
        let mut keyboard = run.session.take_stdin().unwrap();
        let mut client = Client::over(&socket(&run)).await.unwrap();
        let file = bed.here("asks.py");
        client.launch(&entry(&file), &[(&file, &[6])]).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut keyboard, b"me\n").await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        client.go_on(thread).await.unwrap();
        assert_eq!(end(&mut client).await, (3, String::new()), "{what}");
        let (shown, last) = showing.await.unwrap();
        assert_eq!(last, ScreenEvent::Exited(Exit::Code(3)), "{what}");
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.contains("name? True") && shown.contains("hello me"), "{what}: {shown:?}");
        assert_eq!(run.end().await, (String::new(), SessionEvent::Exited(Exit::Code(3))), "{what}");
        assert_eq!(bed.census(), Vec::<String>::new(), "{what}");
    }
}
