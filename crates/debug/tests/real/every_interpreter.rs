//! The whole way, breakpoint to exit status, on every interpreter and with both debuggers.

use std::path::{Path, PathBuf};
use std::time::Instant;

use remora_agent::Exit;
use remora_debug::DebugError;
use remora_debug::SessionEvent;
use remora_debug::wheels::Reason;
use remora_model::Debugger;
use remora_testkit::python::all;
use tokio::task::JoinSet;

use crate::bed::Bed;

/// Two at a time: on a small machine more would only make each slower than a debugger's own time limits.
const AT_A_TIME: usize = 2;

async fn on_every_interpreter(debugger: Debugger) {
    let mut waiting = all().into_iter();
    let mut under_way = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        while under_way.len() < AT_A_TIME {
            let Some((version, python)) = waiting.next() else { break };
            under_way.spawn(async move {
                let done = tokio::spawn(the_whole_way(python, debugger)).await;
                (version, done)
            });
        }
        match under_way.join_next().await {
            None => break,
            Some(done) => match done.unwrap() {
                (version, Ok(said)) => eprintln!("{version} {debugger:?}: {said}"),
                (version, Err(error)) => failed.push(format!("{version}: {error}")),
            },
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn the_whole_way(python: PathBuf, debugger: Debugger) -> String {
    let bed = Bed::new().await;
    let mut request = bed.request(&python, "main.py");
    request.args = vec!["a b".into(), String::new(), "--x=é".into()];
    request.debugger = debugger;
    let began = Instant::now();
    let mut run = match bed.start(request).await {
        Ok(run) => run,
        Err(DebugError::Unsupported { unsupported, .. }) => return refused(&python, debugger, unsupported.why),
        Err(error) => panic!("{error:?}"),
    };
    let listening = began.elapsed();
    let configuration = run.session.configuration().clone();
    assert_eq!(configuration["connect"]["port"], run.address().port());

    let mut client = run.client().await;
    let helper = bed.here("helper.py");
    let set = client.attach(&configuration, &[(&helper, &[5])]).await.unwrap();
    assert!(set.iter().all(|breakpoint| breakpoint.verified), "{set:?}");
    let (thread, reason) = client.stopped().await.unwrap();
    let stopped = began.elapsed();
    assert_eq!(reason, "breakpoint");
    let stack = client.stack(thread).await.unwrap();
    let shown: Vec<_> = stack.iter().map(|frame| (frame.name.as_str(), frame.path.as_str(), frame.line)).collect();
    let main = bed.here("main.py");
    assert_eq!(shown, [("double", &*helper, 5), ("total", &*main, 10), ("<module>", &*main, 16)]);
    let variables = client.variables(stack[0].id).await.unwrap();
    assert!(variables.iter().any(|variable| variable.name == "x" && variable.value == "0"), "{variables:?}");
    assert_eq!(client.evaluate(stack[0].id, "x + 100").await.unwrap(), "100");
    client.step_over(thread).await.unwrap();
    assert_eq!(client.stopped().await.unwrap().1, "step");
    assert_eq!(client.stack(thread).await.unwrap()[0].line, 6);
    client.set_breakpoints(&helper, &[]).await.unwrap();
    client.go_on(thread).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);

    let (output, last) = run.end().await;
    assert_eq!(last, SessionEvent::Exited(Exit::Code(3)), "{output}");
    assert!(output.contains("total") && output.contains("12"), "{output}");
    run.session.stop().await;
    assert_eq!(bed.census(), Vec::<String>::new());
    bed.link.close().await;
    format!("listening {listening:.2?}, stopped {stopped:.2?}, output {output:?}")
}

fn refused(python: &Path, debugger: Debugger, why: Reason) -> String {
    assert_eq!((debugger, why), (Debugger::Ptvsd, Reason::PtvsdNeverStops), "{}", python.display());
    "refused, as it must be".into()
}

#[tokio::test(flavor = "multi_thread")]
async fn debugpy_does_the_whole_way_on_every_interpreter() {
    on_every_interpreter(Debugger::Auto).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ptvsd_does_the_whole_way_up_to_3_12_and_is_refused_after() {
    on_every_interpreter(Debugger::Ptvsd).await;
}
