//! Owns the proof that every process is ended with all it started, whatever way the end comes.

use std::time::Duration;

use remora_agent::{Exit, Link, OpErrorKind, PipeEnds, Process, ProcessEvent, RunSpec, SpawnSpec};

use crate::live::argv;
use crate::rig::{Rig, kind, remote, scratch, shell, start};

/// Leaves a child in its group and one that left group and session by a double fork; ignores SIGTERM.
const STUBBORN: &str = r#"
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("far", os.getpid(), flush=True)
            time.sleep(600)
    os._exit(0)
if os.fork() == 0:
    print("near", os.getpid(), flush=True)
    time.sleep(600)
print("here", os.getpid(), flush=True)
time.sleep(600)
"#;

pub(crate) fn stubborn(mark: &str) -> SpawnSpec {
    let env = [("REMORA_TEST_MARK".to_owned(), mark.to_owned())].into();
    SpawnSpec { argv: argv(&["python3", "-c", STUBBORN]), env, ..Default::default() }
}

/// Processes of this machine whose environment holds the mark.
pub(crate) fn census(mark: &str) -> Vec<u32> {
    let needle = format!("REMORA_TEST_MARK={mark}\0");
    let has_mark = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has_mark).collect()
}

pub(crate) async fn wait_for_three(process: &mut Process) {
    let mut out = String::new();
    while out.matches('\n').count() < 3 {
        if let ProcessEvent::Stdout(bytes) = process.next().await.unwrap() {
            out.push_str(&String::from_utf8(bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn end_reaches_what_left_the_group_and_what_ignores_the_first_word() {
    let rig = Rig::start().await;
    let mut process = rig.link.spawn(stubborn("end")).await.unwrap();
    wait_for_three(&mut process).await;
    assert_eq!(census("end").len(), 3);
    process.handle.end().await.unwrap();
    assert_eq!(census("end"), [0_u32; 0]);
    assert_eq!(process.next().await.unwrap(), ProcessEvent::Exited(Exit::Signal(9)));
    process.handle.end().await.unwrap();
    process.handle.signal(15).await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn closing_the_link_ends_all() {
    let rig = Rig::start().await;
    let mut process = rig.link.spawn(stubborn("close")).await.unwrap();
    wait_for_three(&mut process).await;
    rig.end().await;
    assert_eq!(census("close"), [0_u32; 0]);
    let after = process.next().await;
    assert!(after.is_err(), "{after:?}");
}

#[test]
fn losing_the_client_without_a_word_ends_all_and_removes_the_folder() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let scratch = scratch();
    let mut command = shell(scratch.path());
    let (mut child, dir) = runtime.block_on(async {
        let (child, reader, writer) = start(&mut command);
        let link = Link::open(PipeEnds { reader, writer, rides: true }).await.unwrap();
        let run_dir = link.run_dir().await.unwrap();
        let spec = SpawnSpec { run_dir: Some(run_dir.id()), ..stubborn("lost") };
        let mut process = link.spawn(spec).await.unwrap();
        wait_for_three(&mut process).await;
        let dir = run_dir.path().to_string();
        // As if the client was killed: nothing is said, the pipes just end with the runtime.
        std::mem::forget((link, process, run_dir));
        (child, dir)
    });
    assert!(std::path::Path::new(&dir).exists());
    runtime.shutdown_background();
    let waiter = tokio::runtime::Runtime::new().unwrap();
    let _guard = waiter.enter();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(census("lost"), [0_u32; 0]);
    assert!(!std::path::Path::new(&dir).exists());
}

#[tokio::test]
async fn a_terminated_agent_ends_all_and_the_client_learns_it() {
    let rig = Rig::start().await;
    let mut process = rig.link.spawn(stubborn("term")).await.unwrap();
    wait_for_three(&mut process).await;
    let pid = rig.link.hello().pid;
    assert!(std::process::Command::new("kill").arg(pid.to_string()).status().unwrap().success());
    assert_eq!(rig.link.lost().await, remora_agent::LostReason::PipeEnded);
    assert_eq!(census("term"), [0_u32; 0]);
    drop(rig);
}

#[tokio::test]
async fn a_killed_agent_takes_its_children_along() {
    let rig = Rig::start().await;
    let spec = SpawnSpec {
        argv: argv(&["sleep", "600"]),
        env: [("REMORA_TEST_MARK".into(), "kill".into())].into(),
        ..Default::default()
    };
    let process = rig.link.spawn(spec).await.unwrap();
    let pid = rig.link.hello().pid;
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    rig.link.lost().await;
    drop(process);
    drop(rig);
    while !census("kill").is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_a_process_ends_it() {
    let rig = Rig::start().await;
    let mut process = rig.link.spawn(stubborn("drop")).await.unwrap();
    wait_for_three(&mut process).await;
    let handle = process.handle.clone();
    drop(process);
    assert_eq!(census("drop").len(), 3, "a handle is left");
    drop(handle);
    while !census("drop").is_empty() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn dropping_the_wait_for_a_short_command_ends_it() {
    let rig = Rig::start().await;
    let env = [("REMORA_TEST_MARK".to_owned(), "run".to_owned())].into();
    let run = rig.link.run(RunSpec { argv: argv(&["sh", "-c", "sleep 600; true"]), env, ..Default::default() });
    let there = async {
        while census("run").is_empty() {
            rig.link.survey(&rig.root, &[]).await.unwrap();
        }
    };
    tokio::select! { _ = run => panic!("it sleeps"), () = there => {} }
    while !census("run").is_empty() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}

#[tokio::test]
async fn the_exit_is_told_although_a_stranger_keeps_the_pipe_and_the_stranger_is_ended() {
    let rig = Rig::start().await;
    let env = [("REMORA_TEST_MARK".to_owned(), "stranger".to_owned())].into();
    let spec = SpawnSpec { argv: argv(&["sh", "-c", "sleep 600 & echo hi; exit 4"]), env, ..Default::default() };
    let mut process = rig.link.spawn(spec).await.unwrap();
    assert_eq!(process.next().await.unwrap(), ProcessEvent::Stdout(b"hi\n".to_vec()));
    assert_eq!(process.next().await.unwrap(), ProcessEvent::Exited(Exit::Code(4)));
    process.handle.end().await.unwrap();
    assert_eq!(census("stranger"), [0_u32; 0]);
    rig.end().await;
}

#[tokio::test]
async fn the_exit_is_told_although_a_stranger_never_stops_talking_and_all_that_was_said_before_comes() {
    let rig = Rig::start().await;
    let mut process =
        rig.link.spawn(SpawnSpec { argv: argv(&["sh", "-c", "yes & exit 4"]), ..Default::default() }).await.unwrap();
    let exit = loop {
        if let ProcessEvent::Exited(exit) = process.next().await.unwrap() {
            break exit;
        }
    };
    assert_eq!(exit, Exit::Code(4));
    // A pipe that is full at the exit, a client that takes nothing until long after it.
    let script =
        "import fcntl, os; fcntl.fcntl(1, 1031, 1 << 20); os.write(1, b'x' * 600_000); os.write(1, b'x' * 600_000)";
    let mut late =
        rig.link.spawn(SpawnSpec { argv: argv(&["python3", "-c", script]), ..Default::default() }).await.unwrap();
    let gone = format!("/proc/{}", late.handle.pid());
    while std::path::Path::new(&gone).exists() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    let mut count = 0;
    while let ProcessEvent::Stdout(bytes) = late.next().await.unwrap() {
        count += bytes.len();
    }
    assert_eq!(count, 1_200_000);
    rig.end().await;
}

#[tokio::test]
async fn a_child_gets_no_file_of_the_agent_and_the_signals_of_a_fresh_login() {
    // The agent itself is started with SIGINT ignored, as a shell does for a background job.
    let rig = Rig::start_with(|command, _| {
        let mut ignoring = tokio::process::Command::new("sh");
        ignoring.args(["-c", "trap '' INT; exec sh -c \"$0\"", remora_agent::boot_command()]);
        *command = ignoring;
    })
    .await;
    let script = "import os, signal; print(sorted(os.listdir('/proc/self/fd'))[:-1], \
                  signal.getsignal(signal.SIGINT) is signal.default_int_handler, os.getpid() == os.getsid(0))";
    let output = rig.link.run(RunSpec { argv: argv(&["python3", "-c", script]), ..Default::default() }).await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "['0', '1', '2'] True True\n");
    let grep = RunSpec { argv: argv(&["grep", "-E", "Sig(Ign|Blk)", "/proc/self/status"]), ..Default::default() };
    let masks = String::from_utf8(rig.link.run(grep).await.unwrap().stdout).unwrap();
    // Above 31 are the C library's own.
    let classic = |line: &str| u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap() & 0x7fff_ffff;
    assert!(masks.lines().all(|line| classic(line) == 0), "{masks}");
    rig.end().await;
}

#[tokio::test]
async fn what_cannot_be_started_says_what_is_missing() {
    let rig = Rig::start().await;
    let run = |words: &[&str]| RunSpec { argv: argv(words), ..Default::default() };
    assert_eq!(kind(rig.link.run(run(&["no-such-program"])).await), OpErrorKind::NotFound);
    assert_eq!(kind(rig.link.run(run(&[])).await), OpErrorKind::Invalid);
    assert_eq!(kind(rig.link.run(run(&["/etc/passwd"])).await), OpErrorKind::Permission);
    let cwd = Some(remote(&rig.at("missing")));
    let error = rig.link.run(RunSpec { cwd, ..run(&["true"]) }).await.unwrap_err();
    assert!(error.to_string().contains("root/missing"), "{error}");
    let slow = RunSpec { timeout: Some(Duration::from_millis(100)), ..run(&["sh", "-c", "sleep 600 & sleep 600"]) };
    assert_eq!(kind(rig.link.run(slow).await), OpErrorKind::TimedOut);
    rig.end().await;
}
