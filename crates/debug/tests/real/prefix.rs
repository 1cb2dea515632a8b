//! An interpreter that runs behind a command which activates its environment: breakpoints, the end, and what is said of a
//! command that runs nothing.

use std::path::Path;
use std::process::Command;

use remora_agent::Exit;
use remora_debug::dap::Client;
use remora_debug::{DebugError, Program, Request, SessionEvent};
use remora_model::Prefix;
use remora_testkit::python::{packages, usual};

use crate::bed::{Bed, Run};

/// Says what it runs in, and where it was told to.
const PROGRAM: &str = "\
import os, sys
where = os.path.basename(sys.prefix)
who = os.environ.get('WHO')
print('%s %s %s' % (where, who, sys.argv[1:]))
sys.exit(5)
";

async fn bed() -> Bed {
    let bed = Bed::new().await;
    std::fs::write(bed.there().join("tells.py"), PROGRAM).unwrap();
    bed
}

fn request(bed: &Bed, prefix: Prefix) -> Request {
    Request { prefix, args: vec!["a b".into(), "$x".into()], ..bed.request(&usual(), "tells.py") }
}

fn line(line: &str) -> Prefix {
    Prefix::Line(line.into())
}

/// Stops the program where it has looked around.
async fn stopped(bed: &Bed, run: &Run) -> (Client, i64) {
    let mut client = run.client().await;
    client.attach(run.session.configuration(), &[(&bed.here("tells.py"), &[4])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    (client, thread)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_debugged_behind_words_and_behind_a_line_and_ends_as_its_own() {
    for prefix in [
        Prefix::Words(["env", "WHO=the prefix"].map(String::from).into()),
        line("WHO='the prefix'"),
        line("export WHO='the prefix'; exec \"$@\""),
        // One that stays, as `conda run` does.
        line("export WHO='the prefix'; \"$@\"; exit $?"),
    ] {
        let bed = bed().await;
        let mut run = bed.start(request(&bed, prefix.clone())).await.unwrap();
        let (mut client, thread) = stopped(&bed, &run).await;
        client.go_on(thread).await.unwrap();
        client.terminated().await.unwrap();
        drop(client);
        let (output, last) = run.end().await;
        assert!(output.contains("the prefix ['a b', '$x']"), "{prefix}: {output}");
        assert_eq!(last, SessionEvent::Exited(Exit::Code(5)), "{prefix}");
        assert_eq!(bed.census(), Vec::<String>::new(), "{prefix}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_that_uv_makes_is_the_one_that_runs() {
    let bed = bed().await;
    let python = usual();
    let uv = packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, &["uv==0.13.9"]).join("bin/uv");
    std::fs::write(bed.there().join("pyproject.toml"), "[project]\nname = 'lab'\nversion = '1'\n").unwrap();
    let words = [&uv, Path::new("run"), Path::new("--offline"), Path::new("--python"), &python];
    let prefix = Prefix::Words(words.map(|word| word.display().to_string()).into());
    let mut asked = Request { python: None, ..request(&bed, prefix) };
    // It leaves a lock of its own in the folder for temporary files.
    asked.env.insert("TMPDIR".into(), bed.there().display().to_string());
    let run = bed.start(asked).await.unwrap();
    let (mut client, thread) = stopped(&bed, &run).await;
    let frame = client.stack(thread).await.unwrap()[0].id;
    assert_eq!(client.evaluate(frame, "where").await.unwrap(), "'.venv'");
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_waits_for_the_end_of_the_output_ends_with_the_program() {
    let bed = bed().await;
    // As `conda run` does without --no-capture-output.
    let mut run = bed.start(request(&bed, line("WHO=x \"$@\" 2>&1 | cat; exit ${PIPESTATUS[0]}"))).await.unwrap();
    let (mut client, thread) = stopped(&bed, &run).await;
    client.go_on(thread).await.unwrap();
    // The client stays, and with it the debugger.
    let (output, last) = run.end().await;
    assert!(output.contains("x ['a b', '$x']"), "{output}");
    assert_eq!(last, SessionEvent::Exited(Exit::Code(5)));
    drop(client);
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interpreter_is_the_one_that_was_activated() {
    let bed = bed().await;
    // A folder of the name that would be found without a prefix.
    for name in [".venv", "lab"] {
        let made = Command::new(usual()).args(["-m", "venv", "--without-pip"]).arg(bed.there().join(name)).status();
        assert!(made.unwrap().success());
    }
    let request = Request { python: None, ..request(&bed, line(". lab/bin/activate && exec \"$@\"")) };
    let run = bed.start(request).await.unwrap();
    let (mut client, thread) = stopped(&bed, &run).await;
    let frame = client.stack(thread).await.unwrap()[0].id;
    let variables = client.variables(frame).await.unwrap();
    assert!(variables.iter().any(|shown| shown.name == "where" && shown.value == "'lab'"), "{variables:?}");
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_what_stays_before_the_program_too() {
    let bed = bed().await;
    let run = bed.start(request(&bed, line("\"$@\"; exit $?"))).await.unwrap();
    let _client = stopped(&bed, &run).await;
    assert!(bed.census().len() > 2);
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_runs_nothing_is_told_with_its_own_words() {
    let bed = bed().await;
    for (prefix, expected) in [
        (Prefix::Words(vec!["no-such-tool".into(), "run".into()]), "no-such-tool"),
        (line("no-such-tool && exec \"$@\""), "no-such-tool"),
        (line("echo 'lab is not there' >&2; exit 1"), "lab is not there"),
        (line("true"), ""),
        (line("if"), "syntax error"),
    ] {
        let error = bed.start(request(&bed, prefix.clone())).await.err();
        match &error {
            Some(DebugError::PrefixFailed { prefix: named, said }) => {
                assert!(*named == prefix.to_string() && said.contains(expected), "{prefix}: {said}");
            }
            _ => panic!("{prefix}: {error:?}"),
        }
    }
    // One that works is not blamed for what is missing behind it.
    let missing = Request { python: Some("python-nope".into()), ..request(&bed, line("exec")) };
    let error = bed.start(missing).await.err();
    assert!(matches!(&error, Some(DebugError::InterpreterMissing { path }) if path == "python-nope"), "{error:?}");
    let missing = Request { program: Program::File("nope.py".into()), ..request(&bed, line("exec")) };
    let error = bed.start(missing).await.err();
    assert!(matches!(&error, Some(DebugError::ProgramMissing { .. })), "{error:?}");
    assert_eq!(bed.census(), Vec::<String>::new());
}
