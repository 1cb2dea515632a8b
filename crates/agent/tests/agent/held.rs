//! Owns the proof that a detached run outlives its connection and its agent, that somebody who comes later finds it as it is,
//! and that nothing is left of it in the end, whoever is killed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use remora_agent::{
    Exit, Held, JoinError, Keep, Link, LostReason, OpErrorKind, Place, Process, ProcessEvent, RunDir, SpawnSpec,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::live::argv;
use crate::processes::{census, stubborn, wait_for_three};
use crate::rig::{Rig, kind};

/// What a client has of a run.
struct Run {
    link: Link,
    process: Process,
    run_dir: RunDir,
}

/// Starts `spec` behind a holder.
async fn detached(rig: &Rig, spec: SpawnSpec) -> (Place, Run) {
    let place = rig.link.hold().await.unwrap();
    let link = rig.link.join(&place.socket).await.unwrap();
    let run_dir = link.run_dir().await.unwrap();
    let keep = Some(Keep { shown: json!({"program": "p"}), record: json!("r") });
    let process = link.spawn(SpawnSpec { run_dir: Some(run_dir.id()), keep, ..spec }).await.unwrap();
    (place, Run { link, process, run_dir })
}

fn script(text: &str) -> SpawnSpec {
    SpawnSpec { argv: argv(&["sh", "-c", text]), ..Default::default() }
}

fn folder(place: &Place) -> PathBuf {
    Path::new(&place.socket.to_string()).parent().unwrap().to_owned()
}

/// The run of that name, as another connection sees it.
async fn found(rig: &Rig, place: &Place) -> Option<Held> {
    rig.link.held().await.unwrap().into_iter().find(|held| held.place == *place)
}

/// Ends the other side of a link as nothing else does.
fn sigkill(link: &Link) {
    let pid = i32::try_from(link.hello().pid).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// As a power cut ends it: nothing is said.
async fn kill(mut rig: Rig) {
    sigkill(&rig.link);
    rig.link.lost().await;
    rig.child.wait().await.unwrap();
}

async fn output(process: &mut Process) -> (String, Option<Exit>) {
    let mut text = String::new();
    loop {
        match process.next().await {
            Ok(ProcessEvent::Stdout(bytes) | ProcessEvent::Stderr(bytes)) => {
                text.push_str(&String::from_utf8(bytes).unwrap());
            }
            Ok(ProcessEvent::Exited(exit)) => return (text, Some(exit)),
            Err(_) => return (text, None),
        }
    }
}

async fn line(process: &mut Process, wanted: &str) {
    let mut text = String::new();
    while !text.ends_with(wanted) {
        match process.next().await.unwrap() {
            ProcessEvent::Stdout(bytes) => text.push_str(&String::from_utf8(bytes).unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_run_goes_on_without_its_agent_and_is_found_whole() {
    let rig = Rig::start().await;
    let script = script("echo one; read x; echo $x; read y; exit 7");
    let (place, mut run) = detached(&rig, script).await;
    line(&mut run.process, "one\n").await;
    let home = folder(&place);
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(home.join("hold")).unwrap().permissions().mode() & 0o777, 0o600);
    let pid = run.process.handle.pid();
    kill(rig).await;
    drop(run);

    let rig = Rig::start().await;
    let held = found(&rig, &place).await.unwrap();
    assert_eq!((held.run.shown, held.lost), (json!({"program": "p"}), None));
    // The holder may hear of the end of its client later than we do.
    let state = loop {
        let state = rig.link.holder_state(&place.socket).await.unwrap();
        if !state.client {
            break state;
        }
    };
    assert!(state.exit.is_none() && state.lines == 1 && state.pid == Some(pid), "{state:?}");
    let (_, kept) = rig.link.holder_output(&place.socket).await.unwrap();
    assert_eq!((kept.pieces, kept.omitted), (vec![ProcessEvent::Stdout(b"one\n".to_vec())], 0));

    let link = rig.link.join(&place.socket).await.unwrap();
    let (record, omitted, mut process, run_dir) = link.adopt_run().await.unwrap();
    assert_eq!((record, omitted, process.handle.pid()), (json!("r"), 0, pid));
    process.stdin.write_all(b"two\n").await.unwrap();
    line(&mut process, "one\ntwo\n").await;
    process.stdin.write_all(b"\n").await.unwrap();
    let (text, exit) = output(&mut process).await;
    assert_eq!((text.as_str(), exit), ("", Some(Exit::Code(7))));
    // Who has heard of the end and says so leaves nothing.
    process.handle.end().await.unwrap();
    drop((process, run_dir));
    link.close().await;
    drop(link);
    while home.exists() {
        rig.link.held().await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn how_a_run_ended_is_kept_until_somebody_has_seen_it() {
    let rig = Rig::start().await;
    let (place, run) = detached(&rig, script("read x; echo last; exit 3")).await;
    let Run { link, mut process, run_dir } = run;
    process.stdin.write_all(b"\n").await.unwrap();
    process.stdin.flush().await.unwrap();
    drop((process, run_dir));
    link.close().await;
    let ended = loop {
        let state = rig.link.holder_state(&place.socket).await.unwrap();
        if state.exit.is_some() {
            break state;
        }
    };
    assert_eq!((ended.exit, ended.lines), (Some(Exit::Code(3)), 1));
    // To look is not to clear.
    let link = rig.link.join(&place.socket).await.unwrap();
    let (_, _, mut process, run_dir) = link.adopt_run().await.unwrap();
    assert_eq!(output(&mut process).await, ("last\n".to_owned(), Some(Exit::Code(3))));
    drop((process, run_dir));
    link.close().await;
    rig.link.end_holder(&place.socket).await.unwrap();
    assert!(!folder(&place).exists());
    let gone = rig.link.join(&place.socket).await.err().unwrap();
    let JoinError::Agent(gone) = gone else { panic!("{gone:?}") };
    assert_eq!(kind(Err::<(), _>(gone)), OpErrorKind::NotFound);
    rig.end().await;
}

#[tokio::test]
async fn to_stop_a_run_ends_all_that_it_started() {
    let rig = Rig::start().await;
    let (place, mut run) = detached(&rig, stubborn("held-stop")).await;
    wait_for_three(&mut run.process).await;
    drop(run);
    assert_eq!(census("held-stop").len(), 3);
    rig.link.end_holder(&place.socket).await.unwrap();
    assert_eq!(census("held-stop"), [0_u32; 0]);
    assert!(!folder(&place).exists());
    rig.end().await;
}

#[tokio::test]
async fn what_a_killed_holder_leaves_is_ended_by_the_next_agent_and_told_of() {
    let rig = Rig::start().await;
    let (place, mut run) = detached(&rig, stubborn("held-killed")).await;
    wait_for_three(&mut run.process).await;
    sigkill(&run.link);
    assert!(run.process.next().await.is_err());
    drop(run);
    let next = Rig::start().await;
    let lost = loop {
        if let Some(lost) = found(&next, &place).await.unwrap().lost {
            break lost;
        }
    };
    assert_eq!(census("held-killed"), [0_u32; 0]);
    // The one that the holder started itself goes with it.
    assert!(lost.ended >= 2, "{lost:?}");
    next.link.forget(&place.name).await.unwrap();
    assert_eq!(found(&next, &place).await, None);
    assert!(!folder(&place).exists());
    rig.end().await;
    next.end().await;
}

#[tokio::test]
async fn a_new_client_takes_the_run_over_and_the_old_one_is_told() {
    let rig = Rig::start().await;
    let (place, mut run) = detached(&rig, script("echo one; read x; echo two")).await;
    line(&mut run.process, "one\n").await;
    let link = rig.link.join(&place.socket).await.unwrap();
    assert_eq!(run.link.lost().await, LostReason::TakenOver);
    let (_, _, mut process, run_dir) = link.adopt_run().await.unwrap();
    process.stdin.write_all(b"\n").await.unwrap();
    assert_eq!(output(&mut process).await, ("one\ntwo\n".to_owned(), Some(Exit::Code(0))));
    process.handle.end().await.unwrap();
    drop((process, run_dir, run));
    link.close().await;
    rig.end().await;
}

#[tokio::test]
async fn what_was_never_kept_goes_with_its_client() {
    let rig = Rig::start().await;
    let place = rig.link.hold().await.unwrap();
    let link = rig.link.join(&place.socket).await.unwrap();
    let mut process = link.spawn(stubborn("held-not")).await.unwrap();
    wait_for_three(&mut process).await;
    std::mem::forget(process);
    link.close().await;
    while folder(&place).exists() {
        rig.link.held().await.unwrap();
    }
    assert_eq!(census("held-not"), [0_u32; 0]);
    rig.end().await;
}

#[tokio::test]
async fn of_much_output_the_end_is_kept() {
    let rig = Rig::start().await;
    let (place, run) = detached(&rig, script("read x; head -c 3000000 /dev/zero | tr '\\0' a; echo end")).await;
    let Run { link, mut process, run_dir } = run;
    process.stdin.write_all(b"\n").await.unwrap();
    drop((process, run_dir));
    link.close().await;
    while rig.link.holder_state(&place.socket).await.unwrap().exit.is_none() {}
    let (_, kept) = rig.link.holder_output(&place.socket).await.unwrap();
    let size: usize =
        kept.pieces.iter().map(|piece| if let ProcessEvent::Stdout(bytes) = piece { bytes.len() } else { 0 }).sum();
    assert!(size <= 1024 * 1024 && size > 900_000, "{size}");
    assert_eq!(size as u64 + kept.omitted, 3_000_004);
    rig.link.end_holder(&place.socket).await.unwrap();
    rig.end().await;
}
