//! What a program sees of itself is what it sees without us.

use std::path::Path;
use std::process::Command;

use remora_debug::{Program, SessionEvent};
use remora_model::Debugger;
use remora_testkit::python::all;

use crate::bed::Bed;

/// What `sees.py` prints when its interpreter alone runs it.
fn alone(bed: &Bed, python: &Path, program: &[&str]) -> String {
    let output = Command::new(python).args(program).arg("a b").current_dir(bed.there()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn debugged(bed: &Bed, python: &Path, debugger: Debugger, program: Program) -> String {
    let mut request = bed.request(python, "");
    (request.program, request.args, request.debugger) = (program, vec!["a b".into()], debugger);
    // As in a terminal of an editor that debugs something else.
    request.env.insert("DEBUGPY_RUNNING".into(), "true".into());
    let mut run = bed.start(request).await.unwrap();
    let configuration = run.session.configuration().clone();
    let mut client = run.client().await;
    client.attach(&configuration, &[]).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let (output, last) = run.end().await;
    assert!(matches!(last, SessionEvent::Exited(_)), "{last:?}");
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_sees_itself_as_its_interpreter_alone_shows_it() {
    for (version, python) in all() {
        if !["2.7", "3.6", "3.12"].iter().any(|some| version.starts_with(some)) {
            continue;
        }
        let bed = Bed::new().await;
        let file = bed.there().join("sees.py").display().to_string();
        let seen = debugged(&bed, &python, Debugger::Auto, Program::File("sees.py".into())).await;
        assert_eq!(seen, alone(&bed, &python, &[&file]), "{version}");
        let seen = debugged(&bed, &python, Debugger::Auto, Program::Module("sees".into())).await;
        assert_eq!(seen, alone(&bed, &python, &["-m", "sees"]), "{version}");
    }
}
