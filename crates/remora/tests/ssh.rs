//! Stories over a real sshd on loopback, with keys, hosts files and accounts of its own.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use remora_debug::dap::Client;
use remora_testkit::census::{Census, listening_ports, runtime_folder};
use remora_testkit::command::Running;
use remora_testkit::lag::Lag;
use remora_testkit::scene::{Scene, text};
use remora_testkit::sshd::{Account, Sshd, SshdOptions};

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// A scene whose target is a private sshd.
struct Story {
    scene: Scene,
    sshd: Sshd,
}

impl Story {
    fn new(options: SshdOptions) -> Self {
        let mut scene = Scene::new(BINARY, &[("app.py", "value = 41\nvalue += 1\nprint(value)\n")]);
        // The login's home there is the user's here, so that the census sees what is left on both sides.
        let home = scene.user.home();
        let home = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", text(home), text(&runtime_folder(home)));
        let home = (options.account == Account::Current).then_some(home);
        let server_lines = options.server_lines.iter().cloned().chain(home).collect();
        let sshd = Sshd::start(SshdOptions { server_lines, ..options });
        scene.target = flags(&sshd.ssh_config());
        Self { scene, sshd }
    }

    /// Has secrets and questions answered by a program, one answer after the other.
    fn answer(&mut self, answers: &[&str]) {
        let folder = self.scene.folder.path().join("answers");
        fs::create_dir(&folder).unwrap();
        for (index, answer) in answers.iter().enumerate() {
            fs::write(folder.join(format!("{index}")), answer).unwrap();
        }
        let script = format!(
            "#!/bin/sh\nset -e\ncd {folder}\necho \"$1\" >> asked\nfor f in [0-9]*; do cat $f; rm $f; exit 0; done\nexit 1\n",
            folder = folder.display()
        );
        let askpass = self.scene.folder.path().join("askpass");
        fs::write(&askpass, script).unwrap();
        make_executable(&askpass);
        self.scene.user.set("SSH_ASKPASS", text(&askpass));
        self.scene.user.set("SSH_ASKPASS_REQUIRE", "force");
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.scene.folder.path().join("answers/asked")).unwrap_or_default();
        text.lines().map(String::from).collect()
    }
}

/// The flags for the host that the configuration calls `box`.
fn flags(config: &Path) -> Vec<String> {
    ["--host", "box", "--ssh-config", text(config)].map(String::from).to_vec()
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn attach(listening: &serde_json::Value, breakpoints: &[(&str, &[u32])]) -> Client {
    Client::by_configuration(&listening["configuration"], breakpoints).await.unwrap()
}

/// A program that waits at a breakpoint.
async fn stopped(scene: &Scene) -> (Running, Client) {
    let app = scene.local().join("app.py");
    let mut run = scene.user.start(scene.args("debug", &[text(&app)]));
    let listening = run.event("listening").await;
    let mut client = attach(&listening, &[(text(&app), &[3])]).await;
    client.stopped().await.unwrap();
    (run, client)
}

#[tokio::test]
async fn the_main_job_over_ssh() {
    let story = Story::new(SshdOptions::default());
    let before = Census::take(story.scene.user.home());
    let (run, mut client) = stopped(&story.scene).await;
    let stack = client.stack(1).await.unwrap();
    assert_eq!((stack[0].line, Path::new(&stack[0].path)), (3, story.scene.local().join("app.py").as_path()));
    let variables = client.variables(stack[0].id).await.unwrap();
    assert!(variables.iter().any(|variable| variable.name == "value" && variable.value == "42"), "{variables:?}");
    client.go_on(1).await.unwrap();
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), "42\n", "{ended:#?}");
    assert_eq!(ended.event("exited")["code"], 0);
    Census::expect_no_more_than(&before, story.scene.user.home());
    let cache: Vec<_> = fs::read_dir(story.scene.user.home().join(".cache/remora")).unwrap().flatten().collect();
    assert!(
        cache.iter().all(|entry| {
            let name = entry.file_name();
            ["mirror", "claims", "trash"].iter().any(|ours| name == *ours)
                || name.to_string_lossy().starts_with("debugpy-")
        }),
        "{cache:?}"
    );
}

#[tokio::test]
async fn nothing_is_left_there_after_any_end_of_ours() {
    for end in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        let story = Story::new(SshdOptions::default());
        let before = Census::take(story.scene.user.home());
        let (run, client) = stopped(&story.scene).await;
        assert!(Census::take(story.scene.user.home()).processes.len() > 3, "the census sees a session");
        run.signal(end);
        drop(client);
        run.end().await;
        Census::expect_no_more_than(&before, story.scene.user.home());
    }
}

#[tokio::test]
async fn an_unknown_host_and_a_refused_port_are_told_apart() {
    let mut story = Story::new(SshdOptions::default());
    let args =
        ["mirror", "--json", "--host", "nowhere.invalid", "--root", text(&story.scene.local())].map(String::from);
    let ended = story.scene.user.run(args).await;
    assert_eq!(ended.event("fault")["kind"], "unknown_host", "{ended:#?}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    story.scene.target = flags(&story.sshd.ssh_config_via(free));
    let ended = story.scene.user.run(story.scene.args("mirror", &[])).await;
    assert_eq!(ended.event("fault")["kind"], "connection_refused", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_and_a_changed_one_is_refused() {
    let mut story = Story::new(SshdOptions { known: false, ..SshdOptions::default() });
    let ended = story.scene.user.run(story.scene.args("mirror", &[])).await;
    assert_eq!(ended.event("fault")["kind"], "host_key_unknown", "{ended:#?}");
    assert!(!story.scene.remote().exists());

    story.answer(&["yes"]);
    assert!(story.scene.user.run(story.scene.args("mirror", &[])).await.status.success());
    assert!(story.asked().iter().any(|line| line.contains("SHA256:")), "{:?}", story.asked());
    let asked = story.asked().len();
    assert!(story.scene.user.run(story.scene.args("mirror", &[])).await.status.success());
    assert_eq!(story.asked().len(), asked, "a known key is not asked for");

    story.sshd.replace_host_keys();
    let ended = story.scene.user.run(story.scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "host_key_changed", "{ended:#?}");
    assert!(fault["hint"].as_str().unwrap().contains("ssh-keygen -f"), "{fault}");
}

#[tokio::test]
async fn a_wrong_password_is_asked_for_three_times_and_the_right_one_lets_in() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut story = Story::new(SshdOptions {
        account: Account::Throwaway { shell: "/bin/sh".into() },
        password: true,
        client_lines: vec!["PubkeyAuthentication no".into()],
        ..SshdOptions::default()
    });
    // The login is another account: its place must be one that it may write.
    fs::set_permissions(story.scene.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let right = story.sshd.password().to_owned();
    story.answer(&["wrong", "wrong", "wrong", "wrong", &right]);
    let ended = story.scene.user.run(story.scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "auth_failed", "{ended:#?}");
    assert_eq!(story.asked().len(), 3, "{:?}", story.asked());
    let ended = story.scene.user.run(story.scene.args("mirror", &[])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(story.asked().len(), 5, "{:?}", story.asked());
}

#[tokio::test]
async fn a_cut_is_said_at_once_and_watching_goes_on_where_it_was() {
    let mut story = Story::new(SshdOptions::default());
    let lag = Lag::start(([127, 0, 0, 1], story.sshd.port()).into(), Duration::ZERO).unwrap();
    story.sshd.learn(lag.port());
    story.scene.target = flags(&story.sshd.ssh_config_via(lag.port()));
    let mut run = story.scene.user.start(story.scene.args("mirror", &["--watch"]));
    assert_eq!(run.event("mirrored").await["files"], 1);
    lag.cut();
    let fault = run.event("fault").await;
    assert_eq!(fault["kind"], "connection_lost", "{fault}");
    assert!(!fault["message"].as_str().unwrap().contains("is lost"), "said once: {fault}");
    fs::write(story.scene.local().join("app.py"), "print('while it was cut')\n").unwrap();
    lag.heal();
    while fs::read_to_string(story.scene.remote().join("app.py")).unwrap() != "print('while it was cut')\n" {
        run.event("mirrored").await;
    }
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.status.code(), Some(0));
}

#[tokio::test]
async fn a_cut_in_the_first_upload_does_not_end_watching() {
    let mut story = Story::new(SshdOptions::default());
    let lag = Lag::start(([127, 0, 0, 1], story.sshd.port()).into(), Duration::ZERO).unwrap();
    story.sshd.learn(lag.port());
    story.scene.target = flags(&story.sshd.ssh_config_via(lag.port()));
    let large = story.scene.local().join("large");
    fs::File::create(&large).unwrap().set_len(300_000_000).unwrap();
    let mut run = story.scene.user.start(story.scene.args("mirror", &["--watch", "--large-too"]));
    let remote = story.scene.remote();
    while !fs::read_dir(&remote)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with(".remora-")))
    {
        tokio::task::yield_now().await;
    }
    lag.cut();
    assert_eq!(run.event("fault").await["kind"], "connection_lost");
    lag.heal();
    while !remote.join("large").exists() {
        run.event("mirrored").await;
    }
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.status.code(), Some(0));
}

#[tokio::test]
async fn the_doctor_says_which_step_of_the_way_failed() {
    let story = Story::new(SshdOptions {
        known: false,
        client_lines: vec!["StrictHostKeyChecking yes".into()],
        ..SshdOptions::default()
    });
    let ended = story.scene.user.run(story.scene.args("doctor", &[])).await;
    let last = ended.events.last().unwrap();
    assert_eq!((last["name"].as_str(), last["status"].as_str()), (Some("host key"), Some("failed")), "{ended:#?}");
    assert_eq!(ended.events[0]["status"], "ok");
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn another_account_there_cannot_reach_the_debugger() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it needs a second account");
    let story = Story::new(SshdOptions::default());
    let (run, client) = stopped(&story.scene).await;
    // What a stranger could try: every Unix socket of ours, and every port that our processes listen on.
    let ports = listening_ports(story.scene.user.home());
    assert!(!ports.is_empty(), "the relay here listens at least");
    let report = std::process::Command::new("python3")
        .args(["-c", STRANGER])
        .arg(runtime_folder(story.scene.user.home()))
        .args(ports.iter().map(ToString::to_string))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.status.success(), "{text}{}", String::from_utf8_lossy(&report.stderr));
    assert!(text.contains("tried"), "{text}");
    assert!(!text.contains("REACHED"), "{text}");
    drop((run, client));
}

/// Becomes another account, and then sees only what any account sees.
const STRANGER: &str = r#"
import json, os, socket, sys
os.setgroups([]), os.setgid(65534), os.setuid(65534)
run = sys.argv[1]
try:
    print("REACHED the folder", os.listdir(run))
except PermissionError:
    print("tried the folder")
hello = json.dumps({"seq": 1, "type": "request", "command": "initialize", "arguments": {"adapterID": "x"}}).encode()
attach = json.dumps({"seq": 2, "type": "request", "command": "attach", "arguments": {"justMyCode": False}}).encode()
frame = lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
for port in map(int, sys.argv[2:]):
    try:
        s = socket.socket()
        s.settimeout(1)
        s.connect(("127.0.0.1", port))
        s.sendall(frame(hello) + frame(attach))
        said = b""
        try:
            while len(said) < 4096:
                more = s.recv(4096)
                if not more: break
                said += more
        except (socket.timeout, ConnectionError):
            pass
        print("tried", port, "REACHED" if b'"success"' in said and b'"command"' in said and b'true' in said else "nothing", said[:80])
    except OSError as error:
        print("tried", port, error)
"#;
