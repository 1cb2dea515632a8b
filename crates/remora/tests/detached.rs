//! Stories of detached runs: whatever is cut or killed here or there, the program goes on and is found again, or nothing is
//! left of it and that is said.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::path::PathBuf;
use std::time::Duration;

use remora_debug::dap::Client;
use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::command::Running;
use remora_testkit::lag::Lag;
use remora_testkit::scene::{Scene, text};
use remora_testkit::sshd::{Sshd, SshdOptions};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");
const APP: &str = "value = 41\nvalue += 1\nprint(value, flush=True)\nvalue += 1\nprint(value)\nraise SystemExit(4)\n";

/// A login over ssh, behind a cable that can be cut.
struct Story {
    scene: Scene,
    sshd: Sshd,
}

impl Story {
    fn new() -> Self {
        let mut scene = Scene::new(BINARY, &[("app.py", APP)]);
        let home = scene.user.home();
        let home = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", text(home), text(&runtime_folder(home)));
        let sshd = Sshd::start(SshdOptions { server_lines: vec![home], ..SshdOptions::default() });
        scene.target = ["--host", "box", "--ssh-config", text(&sshd.ssh_config())].map(String::from).to_vec();
        Self { scene, sshd }
    }

    fn app(&self) -> String {
        text(&self.scene.local().join("app.py")).to_owned()
    }

    /// The arguments of `remora runs`, with a word behind it, and with a run.
    fn runs(&self, more: &[&str]) -> Vec<String> {
        let mut args = self.scene.args("runs", &more[more.len().min(1)..]);
        if let Some(word) = more.first() {
            args.insert(1, (*word).to_owned());
        }
        args
    }

    /// How `remora runs` tells of the run.
    async fn told(&self, run: &str) -> Option<Value> {
        let ended = self.scene.user.run(self.runs(&[])).await;
        assert!(ended.status.success(), "{ended:#?}");
        ended.events.into_iter().find(|event| event["run"] == run)
    }

    /// A detached program that stands at a breakpoint, and the name of its run.
    async fn stopped(&self) -> (Running, Client, String) {
        let app = self.app();
        let mut running = self.scene.user.start(self.scene.args("debug", &["--detach", &app]));
        let listening = running.event("listening").await;
        let run = listening["run"].as_str().unwrap().to_owned();
        let mut client = Client::by_configuration(&listening["configuration"], &[(&app, &[4])]).await.unwrap();
        client.stopped().await.unwrap();
        (running, client, run)
    }

    /// One whose sidecar was killed; the name of its run.
    async fn orphaned(&self) -> String {
        let (running, client, run) = self.stopped().await;
        running.signal(Signal::KILL);
        drop(client);
        running.end().await;
        run
    }

    /// Comes back to it; it stands where it stood.
    async fn again(&self, run: &str) -> (Running, Client) {
        let app = self.app();
        let mut running = self.scene.user.start(self.runs(&["attach", run]));
        let listening = running.event("listening").await;
        let mut client = Client::by_configuration(&listening["configuration"], &[(&app, &[4])]).await.unwrap();
        let (thread, reason) = client.stopped().await.unwrap();
        assert_eq!(reason, "breakpoint");
        let frame = client.stack(thread).await.unwrap().remove(0);
        assert_eq!((frame.line, frame.path.as_str()), (4, app.as_str()));
        let variables = client.variables(frame.id).await.unwrap();
        assert!(variables.iter().any(|variable| variable.name == "value" && variable.value == "42"), "{variables:?}");
        (running, client)
    }

    /// Lets the program come to its end, after which nothing is left.
    async fn end(&self, run: &str, running: Running, mut client: Client, before: &Census) {
        client.go_on(1).await.unwrap();
        let ended = running.end().await;
        assert_eq!((ended.status.code(), ended.event("exited")["code"].as_i64()), (Some(4), Some(4)), "{ended:#?}");
        drop(client);
        Census::expect_no_more_than(before, self.scene.user.home());
        assert_eq!(self.told(run).await, None);
        assert!(!folder(run).exists());
    }
}

/// Where the holder of a run has its things.
fn folder(run: &str) -> PathBuf {
    PathBuf::from(format!("/tmp/remora-{}-held-{run}", rustix::process::geteuid().as_raw()))
}

/// The process of the story's home whose command line has this word last.
fn process(story: &Story, is: impl Fn(&str) -> bool) -> Pid {
    let found = Census::take(story.scene.user.home()).processes.into_iter().find(|(_, line)| is(line.trim_end()));
    Pid::from_raw(i32::try_from(found.unwrap().0).unwrap()).unwrap()
}

#[tokio::test]
async fn a_program_waits_at_its_breakpoint_after_its_sidecar_was_killed() {
    let story = Story::new();
    let before = Census::take(story.scene.user.home());
    let run = story.orphaned().await;
    let told = story.told(&run).await.unwrap();
    assert_eq!(
        (&told["state"], &told["stopped"]["line"], &told["program"]),
        (&"stopped".into(), &4.into(), &"app.py".into())
    );
    assert_eq!(told["lines"], 1);
    let (running, client) = story.again(&run).await;
    story.end(&run, running, client, &before).await;
}

#[tokio::test]
async fn a_program_waits_at_its_breakpoint_after_the_cable_was_cut() {
    let mut story = Story::new();
    let lag = Lag::start(([127, 0, 0, 1], story.sshd.port()).into(), Duration::ZERO).unwrap();
    story.sshd.learn(lag.port());
    story.scene.target[3] = text(&story.sshd.ssh_config_via(lag.port())).to_owned();
    let before = Census::take(story.scene.user.home());
    let (running, client, run) = story.stopped().await;
    lag.cut();
    let ended = running.end().await;
    assert_eq!(ended.status.code(), Some(125), "{ended:#?}");
    drop(client);
    lag.heal();
    let (running, client) = story.again(&run).await;
    story.end(&run, running, client, &before).await;
}

#[tokio::test]
async fn who_leaves_by_ctrl_c_leaves_the_program_as_it_is_and_it_can_be_stopped() {
    let story = Story::new();
    let before = Census::take(story.scene.user.home());
    let (running, client, run) = story.stopped().await;
    running.signal(Signal::INT);
    let ended = running.end().await;
    assert_eq!((ended.status.code(), ended.event("left")["run"].as_str()), (Some(0), Some(run.as_str())), "{ended:#?}");
    drop(client);
    let (running, client) = story.again(&run).await;
    client.disconnect(false).await.unwrap();
    running.signal(Signal::TERM);
    running.end().await;
    assert_eq!(story.told(&run).await.unwrap()["state"], "stopped");
    let output = story.scene.user.run(story.runs(&["output", &run])).await;
    assert_eq!(output.output("stdout"), "42\n", "{output:#?}");
    let ended = story.scene.user.run(story.runs(&["stop", &run])).await;
    assert_eq!(ended.event("stopped")["run"].as_str(), Some(run.as_str()), "{ended:#?}");
    Census::expect_no_more_than(&before, story.scene.user.home());
    assert!(!folder(&run).exists());
    let gone = story.scene.user.run(story.runs(&["attach", &run])).await;
    assert_eq!(
        (gone.status.code(), gone.event("fault")["kind"].as_str()),
        (Some(125), Some("no_session")),
        "{gone:#?}"
    );
}

#[tokio::test]
async fn whoever_is_killed_there_nothing_is_left_and_it_is_said() {
    let story = Story::new();
    let before = Census::take(story.scene.user.home());
    // The program itself: how it ended is kept until it has been seen.
    let run = story.orphaned().await;
    kill_process(process(&story, |line| line.ends_with("there/app.py")), Signal::KILL).unwrap();
    while story.told(&run).await.unwrap()["state"] != "ended" {}
    assert_eq!(story.told(&run).await.unwrap()["signal"], 9);
    let ended = story.scene.user.run(story.runs(&["output", &run])).await;
    assert_eq!((ended.output("stdout").as_str(), &ended.event("exited")["signal"]), ("42\n", &9.into()), "{ended:#?}");
    Census::expect_no_more_than(&before, story.scene.user.home());
    // The holder: what it had goes, and that is said.
    let run = story.orphaned().await;
    kill_process(process(&story, |line| line.contains(&format!("remora-holder {run} "))), Signal::KILL).unwrap();
    while story.told(&run).await.unwrap()["state"] != "lost" {}
    Census::expect_no_more_than(&before, story.scene.user.home());
    let ended = story.scene.user.run(story.runs(&["stop", &run])).await;
    assert!(ended.status.success() && !folder(&run).exists(), "{ended:#?}");
    // The debugger's adapter: the program goes on, and is ended with all the rest.
    let (running, client, run) = story.stopped().await;
    kill_process(process(&story, |line| line.contains("_remora/adapter")), Signal::KILL).unwrap();
    running.signal(Signal::KILL);
    drop(client);
    running.end().await;
    let ended = story.scene.user.run(story.runs(&["stop", &run])).await;
    assert!(ended.status.success() && !folder(&run).exists(), "{ended:#?}");
    Census::expect_no_more_than(&before, story.scene.user.home());
}

#[tokio::test]
async fn another_account_there_gets_to_no_holder() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it needs a second account");
    let story = Story::new();
    let (running, client, run) = story.stopped().await;
    let report = std::process::Command::new("python3").args(["-c", STRANGER]).arg(folder(&run)).output().unwrap();
    let said = String::from_utf8_lossy(&report.stdout).into_owned();
    assert_eq!(said, "PermissionError\nPermissionError\n", "{}", String::from_utf8_lossy(&report.stderr));
    drop((running, client));
    story.scene.user.run(story.runs(&["stop", &run])).await;
}

/// Becomes another account, and then sees only what any account sees.
const STRANGER: &str = r#"
import os, socket, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
def tried(what):
    try:
        what()
        print("REACHED")
    except OSError as error:
        print(type(error).__name__)
tried(lambda: os.listdir(sys.argv[1]))
tried(lambda: socket.socket(socket.AF_UNIX).connect(sys.argv[1] + "/hold"))
"#;
