//! What can go wrong at the start, and the ways a session ends.

use remora_agent::Exit;
use remora_debug::dap::Client;
use remora_debug::{DebugError, Listen, Program, SessionEvent};
use remora_model::Debugger;
use remora_testkit::python::usual;
use serde_json::json;

use crate::bed::{Bed, Run};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_before_anything_is_started() {
    let bed = Bed::new().await;
    let python = usual();
    let fault = async |change: &dyn Fn(&mut remora_debug::Request)| {
        let mut request = bed.request(&python, "main.py");
        change(&mut request);
        bed.start(request).await.err().expect("a fault")
    };
    let there = bed.there().display().to_string();
    let error = fault(&|request| request.program = Program::File("nope.py".into())).await;
    assert!(matches!(&error, DebugError::ProgramMissing { path } if *path == format!("{there}/nope.py")), "{error:?}");
    let error = fault(&|request| request.cwd = Some("nope".into())).await;
    assert!(matches!(&error, DebugError::CwdMissing { path } if *path == format!("{there}/nope")), "{error:?}");
    let error = fault(&|request| request.python = Some("python-nope".into())).await;
    assert!(matches!(&error, DebugError::InterpreterMissing { path } if path == "python-nope"), "{error:?}");
    let error = fault(&|request| request.python = Some("/bin/true".into())).await;
    assert!(matches!(&error, DebugError::NotPython { path, .. } if path == "/bin/true"), "{error:?}");
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_a_fault_only_if_it_was_named() {
    let bed = Bed::new().await;
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut request = bed.request(&usual(), "main.py");
    request.listen = Listen::Port { host: address.ip(), port: address.port(), exact: true };
    let error = bed.start(request.clone()).await.err();
    assert!(matches!(error, Some(DebugError::PortTaken { addr }) if addr == address), "{error:?}");
    request.listen = Listen::Port { host: address.ip(), port: address.port(), exact: false };
    let run = bed.start(request).await.unwrap();
    assert_ne!(run.address(), address);
    run.session.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_dies_before_the_debugger_listens_shows_its_standard_error() {
    let bed = Bed::new().await;
    // Anything imported at the interpreter's start can do this.
    std::fs::write(bed.there().join("sitecustomize.py"), "import sys\nif sys.argv[1:]: sys.exit('no way')\n").unwrap();
    let mut request = bed.request(&usual(), "main.py");
    request.env.insert("PYTHONPATH".into(), bed.there().display().to_string());
    let error = bed.start(request).await.err();
    match error {
        Some(DebugError::DiedBeforeListening { exit: Exit::Code(_), stderr }) => assert!(!stderr.is_empty()),
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}

/// A program that waits at a breakpoint, and the client that made it.
async fn at_a_breakpoint(debugger: Debugger) -> (Bed, Run, Client) {
    let bed = Bed::new().await;
    let mut request = bed.request(&usual(), "main.py");
    request.debugger = debugger;
    let run = bed.start(request).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
    client.stopped().await.unwrap();
    (bed, run, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_at_a_breakpoint_leaves_nothing() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let (bed, mut run, mut client) = at_a_breakpoint(debugger).await;
        assert_ne!(bed.census(), Vec::<String>::new());
        run.session.stop().await;
        assert_eq!(bed.census(), Vec::<String>::new(), "{debugger:?}");
        assert!(matches!(run.end().await.1, SessionEvent::Exited(_)));
        client.terminated().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_session_ends_everything() {
    let bed = Bed::new().await;
    let mut run = bed.start(bed.request(&usual(), "main.py")).await.unwrap();
    let events = std::mem::replace(&mut run.events, tokio::sync::mpsc::unbounded_channel().1);
    drop(run.session);
    let mut rest = events;
    // The last event comes when all has been ended.
    while rest.recv().await.is_some() {}
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_link_is_told_once_and_nothing_is_left_there() {
    let bed = Bed::new().await;
    let mut run = bed.start(bed.request(&usual(), "main.py")).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
    client.stopped().await.unwrap();
    bed.link.close().await;
    assert!(matches!(run.end().await.1, SessionEvent::Lost(_)));
    assert_eq!(run.events.recv().await, None);
    client.terminated().await.unwrap();
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_given_up_leaves_nothing() {
    let bed = Bed::new().await;
    std::fs::write(bed.there().join("never.py"), "import sys\nprint('ready')\nsys.stdin.read()\n").unwrap();
    let request = remora_debug::Request { in_code: true, ..bed.request(&usual(), "never.py") };
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let start = remora_debug::start(&bed.link, request, sender);
    tokio::select! {
        started = start => panic!("{:?}", started.err()),
        _ = events.recv() => {}
    }
    while events.recv().await.is_some() {}
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_the_end_gets_it() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let (bed, mut run, client) = at_a_breakpoint(debugger).await;
        client.disconnect(true).await.unwrap();
        assert!(matches!(run.end().await.1, SessionEvent::Exited(_)), "{debugger:?}");
        assert_eq!(bed.census(), Vec::<String>::new(), "{debugger:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_can_come_back() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let bed = Bed::new().await;
        std::fs::write(bed.there().join("wait.py"), "import sys\nfor line in sys.stdin:\n    said = line\n").unwrap();
        let mut request = bed.request(&usual(), "wait.py");
        request.debugger = debugger;
        let mut run = bed.start(request).await.unwrap();
        let configuration = run.session.configuration().clone();
        let mut stdin = run.session.take_stdin().unwrap();
        assert!(run.session.take_stdin().is_none());
        for round in 0..2 {
            let mut client = run.client().await;
            client.attach(&configuration, &[(&bed.here("wait.py"), &[3])]).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stdin, b"line\n").await.unwrap();
            let (thread, _) = client.stopped().await.unwrap_or_else(|error| panic!("{debugger:?} {round}: {error}"));
            client.go_on(thread).await.unwrap();
            client.disconnect(false).await.unwrap();
            // A debugger takes the next client when it has noticed that this one has gone.
            while run.events.recv().await != Some(SessionEvent::ClientGone) {}
        }
        drop(stdin);
        assert_eq!(run.end().await.1, SessionEvent::Exited(Exit::Code(0)), "{debugger:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_reaches_the_program() {
    let bed = Bed::new().await;
    let text =
        "import sys\ntry:\n    print('ready')\n    sys.stdin.read()\nexcept KeyboardInterrupt:\n    sys.exit(7)\n";
    std::fs::write(bed.there().join("wait.py"), text).unwrap();
    let mut run = bed.start(bed.request(&usual(), "wait.py")).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[]).await.unwrap();
    loop {
        match run.events.recv().await.expect("more events") {
            SessionEvent::Output { data, .. } if data.starts_with(b"ready") => break,
            _ => {}
        }
    }
    run.session.interrupt().await;
    assert_eq!(run.end().await.1, SessionEvent::Exited(Exit::Code(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_runs_with_its_arguments_and_directory_and_environment() {
    let bed = Bed::new().await;
    std::fs::create_dir_all(bed.there().join("work/app")).unwrap();
    let text =
        "import os, sys\nprint([__name__, sys.argv[1:], os.path.basename(os.getcwd()), os.environ['GREETING']])\n";
    std::fs::write(bed.there().join("work/app/__main__.py"), text).unwrap();
    std::fs::write(bed.there().join("work/app/__init__.py"), "").unwrap();
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let mut request = bed.request(&usual(), "");
        request.program = Program::Module("app".into());
        request.args = vec!["a'b".into()];
        request.cwd = Some("work".into());
        request.env.insert("GREETING".into(), "hé".into());
        request.debugger = debugger;
        let mut run = bed.start(request).await.unwrap();
        let mut configuration = run.session.configuration().clone();
        configuration["redirectOutput"] = json!(false);
        let mut client = run.client().await;
        client.attach(&configuration, &[]).await.unwrap();
        client.terminated().await.unwrap();
        drop(client);
        let (output, _) = run.end().await;
        assert!(output.contains(r#"['__main__', ["a'b"], 'work', 'hé']"#), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_of_the_project_do_not_shadow_the_librarys_and_its_path_finds_the_interpreter() {
    let bed = Bed::new().await;
    for name in ["json.py", "platform.py", "os.py"] {
        std::fs::write(bed.there().join(name), "raise SystemExit('the project has a module of that name')\n").unwrap();
    }
    std::fs::write(bed.there().join("plain.py"), "print(1)\n").unwrap();
    std::fs::create_dir(bed.there().join("bin")).unwrap();
    std::os::unix::fs::symlink(usual(), bed.there().join("bin/only-here")).unwrap();
    let mut request = bed.request(&usual(), "plain.py");
    request.python = Some("only-here".into());
    request.env.insert("PATH".into(), format!("{}/bin:/usr/bin:/bin", bed.there().display()));
    let run = bed.start(request).await.unwrap();
    run.session.stop().await;
}
