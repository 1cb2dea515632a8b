//! What a client hears through the `remora` program is what it hears from debugpy itself. The programs and what is asked about them are
//! written after debugpy's own tests: breakpoints, evaluation, exceptions, steps, threads, processes, calls of its own functions.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

mod plain;
mod scripts;
mod talk;

use std::path::PathBuf;
use std::sync::Arc;

use remora_testkit::python::find;
use remora_testkit::scene::{Scene, text};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use plain::{Plain, unpacked};
use scripts::{PROGRAMS, SCRIPTS};
use talk::Talk;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// A project that was mirrored, and the debugger as it is without us.
struct Bed {
    scene: Scene,
    python: PathBuf,
    debugger: PathBuf,
}

impl Bed {
    fn new(version: &str) -> Self {
        let scene = Scene::new(BINARY, &PROGRAMS);
        let python = find(version);
        let debugger = unpacked(scene.folder.path(), &python);
        Self { scene, python, debugger }
    }

    /// Where we have put the debugger.
    fn pushed(&self) -> String {
        let cache = self.scene.user.home().join(".cache/remora");
        let mut trees = cache.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let tree = trees.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("debugpy-"));
        text(&tree.unwrap()).to_owned()
    }

    /// Both conversations about one program: through us, and without.
    async fn both(&self, program: &str) -> [Vec<String>; 2] {
        let (here, there) = (self.scene.local(), self.scene.remote());
        let mut run = self.scene.user.start(self.scene.args("debug", &["--python", text(&self.python), program]));
        let listening = run.event("listening").await;
        let configuration = listening["configuration"].clone();
        let port = u16::try_from(listening["port"].as_u64().unwrap()).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut talk = Talk::attach(stream, &configuration, &here, program).await;
        scripts::follow(program, &mut talk).await;
        let through = talk.written(&self.pushed());
        run.event("exited").await;
        run.end().await;

        let plain = Plain::start(&self.debugger, &self.python, &there, program).await;
        let mut talk = Talk::attach(plain.stream().await, &configuration, &here, program).await;
        scripts::follow(program, &mut talk).await;
        [through, talk.written(text(&self.debugger))]
    }
}

/// What only one side said; where both said the same in another order, the first that is not where it should be.
fn difference(through: &[String], plain: &[String]) -> String {
    let only = |these: &[String], others: &[String], sign: &str| {
        let mut others = others.to_vec();
        let left = these.iter().filter(|line| match others.iter().position(|other| other == *line) {
            Some(at) => {
                others.swap_remove(at);
                false
            }
            None => true,
        });
        left.map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    let lines = only(through, plain, "+") + &only(plain, through, "-");
    let order = through.iter().zip(plain).find(|(through, plain)| through != plain);
    if lines.is_empty() { format!("in another order: {order:?}") } else { lines }
}

/// Some at a time: debugpy by itself spends most of its time waiting for acknowledgements.
const AT_A_TIME: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_hears_through_us_what_it_hears_without_us() {
    let talks = SCRIPTS.iter().flat_map(|(version, programs)| {
        let bed = Arc::new(Bed::new(version));
        programs.iter().map(move |program| (*version, Arc::clone(&bed), *program))
    });
    let mut waiting = talks.collect::<Vec<_>>().into_iter();
    let (mut under_way, mut differ) = (JoinSet::new(), Vec::new());
    loop {
        while under_way.len() < AT_A_TIME {
            let Some((version, bed, program)) = waiting.next() else { break };
            under_way.spawn(async move { (version, program, bed.both(program).await) });
        }
        let Some(done) = under_way.join_next().await else { break };
        let (version, program, [through, plain]) = done.unwrap();
        assert!(plain.len() > 50, "{version} {program}: {plain:#?}");
        if through != plain {
            differ.push(format!("{version} {program}:\n{}", difference(&through, &plain)));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
