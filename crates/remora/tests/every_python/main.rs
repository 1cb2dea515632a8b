//! The feature run: everything that one does with a debugger, on every interpreter and with both debuggers, through the `remora`
//! program and a real sshd. What was seen is the table in README.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

mod desk;
mod features;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use remora_model::Debugger;
use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::python::{WANTED, all, pypy};
use remora_testkit::scene::text;
use remora_testkit::sshd::{Sshd, SshdOptions};
use tempfile::TempDir;
use tokio::task::JoinSet;

use desk::Desk;
use table::{Mark, Row, compare};

/// Two at a time: on a small machine more would only make each slower than a debugger's own time limits.
const AT_A_TIME: usize = 2;

/// One login on one machine, which all share: so each debugger is brought there once.
struct Remote {
    home: TempDir,
    sshd: Sshd,
}

impl Remote {
    fn start() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let home = TempDir::new().unwrap();
        let run = runtime_folder(home.path());
        std::fs::create_dir(&run).unwrap();
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700)).unwrap();
        let set = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", text(home.path()), text(&run));
        let sshd = Sshd::start(SshdOptions { server_lines: vec![set], ..SshdOptions::default() });
        Self { home, sshd }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interpreter_and_debugger_does_what_readme_says() {
    let remote = Arc::new(Remote::start());
    let before = Census::take(remote.home.path());
    // Debian has this one; whoever has none is told right about the others all the same.
    let pypy = pypy("3.9").map(|python| ("PyPy 3.9", python));
    let pairs = all().into_iter().chain(pypy).flat_map(|(version, python)| {
        [Debugger::Auto, Debugger::Ptvsd].map(|debugger| (version, python.clone(), debugger))
    });
    let mut waiting = pairs.enumerate();
    let mut under_way = JoinSet::new();
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    loop {
        while under_way.len() < AT_A_TIME {
            let Some((index, (version, python, debugger))) = waiting.next() else { break };
            let remote = Arc::clone(&remote);
            under_way.spawn(async move {
                let what = format!("{version} {debugger:?}");
                (index, what, tokio::spawn(tried(remote, version, python, debugger)).await)
            });
        }
        match under_way.join_next().await.map(Result::unwrap) {
            None => break,
            Some((index, _, Ok(row))) => rows.push((index, row)),
            Some((_, what, Err(error))) => failed.push(format!("{what}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    Census::expect_no_more_than(&before, remote.home.path());
    rows.sort_by_key(|(index, _)| *index);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    compare(&rows, (WANTED.len() + 1) * 2);
}

async fn tried(remote: Arc<Remote>, version: &'static str, python: PathBuf, debugger: Debugger) -> Row {
    let programs = [(features::FILE, features::PROGRAM), (features::CHILD_FILE, features::CHILD)];
    let mut desk = Desk::open(remote.home.path(), &remote.sshd, &programs).await;
    let seen = features::all(&mut desk, &python, debugger).await;
    desk.close().await;
    match seen {
        Ok(seen) => {
            assert_eq!(seen.debugger, pinned(version, debugger));
            Row { python: version, debugger: seen.debugger, marks: seen.marks }
        }
        Err(error) => {
            let message = error["message"].as_str().unwrap();
            assert_eq!((version, debugger), ("3.13", Debugger::Ptvsd), "{message}");
            assert_eq!(error["data"]["kind"], "debugger_unsupported");
            assert!(message.contains("ptvsd 4.3.2") && message.contains("never stops"), "{message}");
            Row { python: version, debugger: "ptvsd 4.3.2".into(), marks: vec![Mark::NeverStops] }
        }
    }
}

/// What is promised; a debugger that is not this one is a mistake, however well it does.
fn pinned(version: &str, debugger: Debugger) -> &'static str {
    match (debugger, version) {
        (Debugger::Ptvsd, _) => "ptvsd 4.3.2",
        (_, "2.7" | "3.6") => "debugpy 1.5.1",
        (_, "3.7") => "debugpy 1.7.0",
        (_, "3.8" | "3.9" | "PyPy 3.9") => "debugpy 1.8.21",
        _ => "debugpy 1.8.22",
    }
}
