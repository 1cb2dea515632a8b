//! Programs that call their debugger themselves, unmodified, and name an address on all interfaces.

use std::path::{Path, PathBuf};

use remora_agent::Exit;
use remora_debug::{DebugError, Request, SessionEvent};
use remora_model::Debugger;

use remora_testkit::python::{all, usual};

use crate::bed::Bed;
use crate::reach::tcp_listeners_on_all_interfaces;

async fn stops_after_the_break(bed: &Bed, request: Request, line: u32, secret: Option<&str>) {
    let Request { program, debugger, .. } = &request;
    let what = format!("{program:?} {debugger:?} {:?}", request.python);
    let file = match program {
        remora_debug::Program::File(file) => bed.here(file),
        _ => unreachable!("only files here"),
    };
    let mut run = match bed.start(request).await {
        Ok(run) => run,
        Err(error) => panic!("{what}: {error:?}"),
    };
    assert_eq!(tcp_listeners_on_all_interfaces(bed), Vec::<String>::new(), "{what}");
    let configuration = run.session.configuration().clone();
    assert_eq!(configuration.get("secret").and_then(|secret| secret.as_str()), secret, "{what}");
    let mut client = run.client().await;
    client.attach(&configuration, &[]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    let stack = client.stack(thread).await.unwrap();
    assert_eq!((stack[0].path.as_str(), stack[0].line), (file.as_str(), line), "{what}");
    client.go_on(thread).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let (output, last) = run.end().await;
    assert!(output.contains("42"), "{what}: {output}");
    assert_eq!(last, SessionEvent::Exited(Exit::Code(0)), "{what}");
    assert_eq!(bed.census(), Vec::<String>::new(), "{what}");
}

fn in_code(bed: &Bed, python: &Path, file: &str, debugger: Debugger) -> Request {
    Request { in_code: true, debugger, args: vec!["one".into()], ..bed.request(python, file) }
}

/// The oldest, one in the middle, and the newest: what differs between them is the debugger's version.
fn chosen() -> Vec<(&'static str, PathBuf)> {
    let wanted = ["2.7", "3.7", "3.11", "3.13"];
    all().into_iter().filter(|(version, _)| wanted.contains(version)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_shapes_of_ptvsd_work_over_debugpy() {
    for (_, python) in chosen() {
        let bed = Bed::new().await;
        let request = in_code(&bed, &python, "in_code_ptvsd3.py", Debugger::Auto);
        stops_after_the_break(&bed, request, 11, Some("my_secret")).await;
        let request = in_code(&bed, &python, "in_code_ptvsd4.py", Debugger::Auto);
        stops_after_the_break(&bed, request, 11, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debugpy_listen_works_unmodified() {
    for (_, python) in chosen() {
        let bed = Bed::new().await;
        let request = in_code(&bed, &python, "in_code_debugpy.py", Debugger::Auto);
        stops_after_the_break(&bed, request, 11, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_shapes_work_on_the_real_ptvsd() {
    // Up to 3.12; that it is refused after that is tested with the whole way.
    for (_, python) in chosen().into_iter().filter(|(version, _)| *version != "3.13") {
        let bed = Bed::new().await;
        let request = in_code(&bed, &python, "in_code_ptvsd3.py", Debugger::Ptvsd);
        stops_after_the_break(&bed, request, 11, Some("my_secret")).await;
        let request = in_code(&bed, &python, "in_code_ptvsd4.py", Debugger::Ptvsd);
        stops_after_the_break(&bed, request, 11, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_never_calls_a_debugger_is_reported_with_its_status() {
    let bed = Bed::new().await;
    let error = bed.start(in_code(&bed, &usual(), "ends_early.py", Debugger::Auto)).await.err();
    match error {
        Some(DebugError::EndedBeforeListening { exit: Exit::Code(5), stderr }) => {
            assert_eq!(stderr, "no debugger today\n");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bed.census(), Vec::<String>::new());
}
