//! Children reload as their parents do: those that were spawned, in each of pydevd's two ways, and those that were forked.

use std::fs;
use std::path::PathBuf;

use remora_debug::Program;
use remora_debug::dap::Client;
use remora_model::Debugger;

use crate::identity::{Stage, chosen};
use crate::stale::{reloaded, seen, stale};

/// Starts a child that calls the helper for ever, as the first argument says, and waits for its end.
const FAMILY: &str = "\
import os, subprocess, sys
import helper

CODE = 'import helper\\nwhile True: helper.double(1)'

def run(how):
    if how == 'file':
        with open('endless.py', 'w') as file:
            file.write(CODE)
        subprocess.call([sys.executable, 'endless.py'])
    elif how == 'code':
        subprocess.call([sys.executable, '-c', CODE])
    elif os.fork() == 0:
        exec(CODE)
    else:
        os.wait()

run(sys.argv[1])
";

#[tokio::test(flavor = "multi_thread")]
async fn children_reload_with_their_parent_and_the_session_is_stale_until_all_have() {
    for (version, python) in chosen().into_iter().filter(|(version, _)| *version != "2.7") {
        for how in ["file", "code", "fork"] {
            let stage = Stage::new().await;
            fs::write(stage.there("family.py"), FAMILY).unwrap();
            let mut request = stage.request(&python, Debugger::Auto);
            request.program = Program::File("family.py".into());
            request.args = vec![how.into()];
            let mut run = stage.bed.start(request).await.unwrap();
            let mut parent = run.client().await;
            parent.attach(run.session.configuration(), &[]).await.unwrap();
            let announced = parent.child().await.unwrap();
            let mut child = Client::connect(run.address()).await.unwrap();
            let file = stage.bed.here("helper.py");
            child.attach(&announced, &[(&file, &[6])]).await.unwrap();
            let (thread, _) = child.stopped().await.unwrap();
            assert_eq!(seen(&mut child, thread).await.0, "2", "{version} {how}");
            let text = fs::read_to_string(&file).unwrap().replace("2 * x", "2 * x + 100");
            for path in [PathBuf::from(&file), stage.there("helper.py")] {
                fs::write(path, &text).unwrap();
            }
            run.session.changed(&[PathBuf::from(&file)]);
            assert_eq!(stale(&mut run).await, ["helper.py"], "{version} {how}");
            run.session.reload();
            assert_eq!(reloaded(&mut run, Vec::new()).await, Vec::<PathBuf>::new(), "{version} {how}");
            child.go_on(thread).await.unwrap();
            let (thread, _) = child.stopped().await.unwrap();
            assert_eq!(seen(&mut child, thread).await, ("102".into(), 6, [false, false]), "{version} {how}");
            run.session.stop().await;
            assert_eq!(stage.bed.census(), Vec::<String>::new(), "{version} {how}");
        }
    }
}
