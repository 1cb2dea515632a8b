//! Stories over a real sshd on loopback, with keys, hosts files and accounts of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_testkit::census::{Census, listening_ports, runtime_folder};
use remora_testkit::command::{Running, User};
use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// A project here, a server, and a place behind it.
struct Scene {
    user: User,
    sshd: Sshd,
    folder: TempDir,
}

impl Scene {
    fn new(options: SshdOptions) -> Self {
        let user = User::new(BINARY);
        // The login's home there is the user's here, so that the census sees what is left on both sides.
        let home =
            format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", user.home().display(), runtime_folder(user.home()).display());
        let home = (options.account == Account::Current).then_some(home);
        let server_lines = options.server_lines.iter().cloned().chain(home).collect();
        let sshd = Sshd::start(SshdOptions { server_lines, ..options });
        let scene = Self { user, sshd, folder: TempDir::new().unwrap() };
        fs::create_dir(scene.local()).unwrap();
        fs::write(scene.local().join("app.py"), "value = 41\nvalue += 1\nprint(value)\n").unwrap();
        scene
    }

    fn local(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    fn remote(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    fn args_with(&self, config: &Path, command: &str, rest: &[&str]) -> Vec<String> {
        let (local, remote) = (self.local(), self.remote());
        let target = [
            command,
            "--host",
            "box",
            "--ssh-config",
            path(config),
            "--root",
            path(&local),
            "--remote-root",
            path(&remote),
            "--json",
        ];
        target.iter().chain(rest).map(ToString::to_string).collect()
    }

    fn args(&self, command: &str, rest: &[&str]) -> Vec<String> {
        self.args_with(&self.sshd.ssh_config(), command, rest)
    }

    /// Has secrets and questions answered by a program, one answer after the other.
    fn answer(&mut self, answers: &[&str]) {
        let folder = self.folder.path().join("answers");
        fs::create_dir(&folder).unwrap();
        for (index, answer) in answers.iter().enumerate() {
            fs::write(folder.join(format!("{index}")), answer).unwrap();
        }
        let script = format!(
            "#!/bin/sh\nset -e\ncd {folder}\necho \"$1\" >> asked\nfor f in [0-9]*; do cat $f; rm $f; exit 0; done\nexit 1\n",
            folder = folder.display()
        );
        let askpass = self.folder.path().join("askpass");
        fs::write(&askpass, script).unwrap();
        make_executable(&askpass);
        self.user.set("SSH_ASKPASS", path(&askpass));
        self.user.set("SSH_ASKPASS_REQUIRE", "force");
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("answers/asked")).unwrap_or_default();
        text.lines().map(String::from).collect()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn make_executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

async fn attach(listening: &serde_json::Value, breakpoints: &[(&str, &[u32])]) -> remora_debug::dap::Client {
    let port = u16::try_from(listening["port"].as_u64().unwrap()).unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut client = remora_debug::dap::Client::connect(address).await.unwrap();
    client.attach(&listening["configuration"], breakpoints).await.unwrap();
    client
}

/// A program that waits at a breakpoint.
async fn stopped(scene: &Scene) -> (Running, remora_debug::dap::Client) {
    let app = scene.local().join("app.py");
    let mut run = scene.user.start(scene.args("debug", &[path(&app)]));
    let listening = run.event("listening").await;
    let mut client = attach(&listening, &[(path(&app), &[3])]).await;
    client.stopped().await.unwrap();
    (run, client)
}

#[tokio::test]
async fn the_main_job_over_ssh() {
    let scene = Scene::new(SshdOptions::default());
    let before = Census::take(scene.user.home());
    let (run, mut client) = stopped(&scene).await;
    let stack = client.stack(1).await.unwrap();
    assert_eq!((stack[0].line, Path::new(&stack[0].path)), (3, scene.local().join("app.py").as_path()));
    let variables = client.variables(stack[0].id).await.unwrap();
    assert!(variables.iter().any(|variable| variable.name == "value" && variable.value == "42"), "{variables:?}");
    client.go_on(1).await.unwrap();
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), "42\n", "{ended:#?}");
    assert_eq!(ended.event("exited")["code"], 0);
    Census::expect_no_more_than(&before, scene.user.home());
    let cache: Vec<_> = fs::read_dir(scene.user.home().join(".cache/remora")).unwrap().flatten().collect();
    assert!(
        cache.iter().all(|entry| {
            let name = entry.file_name();
            name == "mirror" || name.to_string_lossy().starts_with("debugpy-")
        }),
        "{cache:?}"
    );
}

#[tokio::test]
async fn nothing_is_left_there_after_any_end_of_ours() {
    for end in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        let scene = Scene::new(SshdOptions::default());
        let before = Census::take(scene.user.home());
        let (run, client) = stopped(&scene).await;
        assert!(Census::take(scene.user.home()).processes.len() > 3, "the census sees a session");
        run.signal(end);
        drop(client);
        run.end().await;
        Census::expect_no_more_than(&before, scene.user.home());
    }
}

#[tokio::test]
async fn an_unknown_host_and_a_refused_port_are_told_apart() {
    let scene = Scene::new(SshdOptions::default());
    let args = ["mirror", "--json", "--host", "nowhere.invalid", "--root", path(&scene.local())].map(String::from);
    let ended = scene.user.run(args).await;
    assert_eq!(ended.event("fault")["kind"], "unknown_host", "{ended:#?}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ended = scene.user.run(scene.args_with(&scene.sshd.ssh_config_via(free), "mirror", &[])).await;
    assert_eq!(ended.event("fault")["kind"], "connection_refused", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_once_and_a_changed_one_is_refused() {
    let mut scene = Scene::new(SshdOptions { known: false, ..SshdOptions::default() });
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(ended.event("fault")["kind"], "host_key_unknown", "{ended:#?}");
    assert!(!scene.remote().exists());

    scene.answer(&["yes"]);
    assert!(scene.user.run(scene.args("mirror", &[])).await.status.success());
    assert!(scene.asked().iter().any(|line| line.contains("SHA256:")), "{:?}", scene.asked());
    let asked = scene.asked().len();
    assert!(scene.user.run(scene.args("mirror", &[])).await.status.success());
    assert_eq!(scene.asked().len(), asked, "a known key is not asked for");

    scene.sshd.replace_host_keys();
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "host_key_changed", "{ended:#?}");
    assert!(fault["hint"].as_str().unwrap().contains("ssh-keygen -f"), "{fault}");
}

#[tokio::test]
async fn a_wrong_password_is_asked_for_three_times_and_the_right_one_lets_in() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut scene = Scene::new(SshdOptions {
        account: Account::Throwaway { shell: "/bin/sh".into() },
        password: true,
        client_lines: vec!["PubkeyAuthentication no".into()],
        ..SshdOptions::default()
    });
    // The login is another account: its place must be one that it may write.
    fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let right = scene.sshd.password().to_owned();
    scene.answer(&["wrong", "wrong", "wrong", "wrong", &right]);
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "auth_failed", "{ended:#?}");
    assert_eq!(scene.asked().len(), 3, "{:?}", scene.asked());
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(scene.asked().len(), 5, "{:?}", scene.asked());
}

#[tokio::test]
async fn a_cut_is_said_at_once_and_watching_goes_on_where_it_was() {
    let scene = Scene::new(SshdOptions::default());
    let lag = Lag::start(([127, 0, 0, 1], scene.sshd.port()).into(), Duration::ZERO).unwrap();
    scene.sshd.learn(lag.port());
    let config = scene.sshd.ssh_config_via(lag.port());
    let mut run = scene.user.start(scene.args_with(&config, "mirror", &["--watch"]));
    assert_eq!(run.event("mirrored").await["files"], 1);
    lag.cut();
    let fault = run.event("fault").await;
    assert_eq!(fault["kind"], "connection_lost", "{fault}");
    fs::write(scene.local().join("app.py"), "print('while it was cut')\n").unwrap();
    lag.heal();
    while fs::read_to_string(scene.remote().join("app.py")).unwrap() != "print('while it was cut')\n" {
        run.event("mirrored").await;
    }
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.status.code(), Some(0));
}

#[tokio::test]
async fn the_doctor_says_which_step_of_the_way_failed() {
    let scene = Scene::new(SshdOptions {
        known: false,
        client_lines: vec!["StrictHostKeyChecking yes".into()],
        ..SshdOptions::default()
    });
    let ended = scene.user.run(scene.args("doctor", &[])).await;
    let last = ended.events.last().unwrap();
    assert_eq!((last["name"].as_str(), last["status"].as_str()), (Some("host key"), Some("failed")), "{ended:#?}");
    assert_eq!(ended.events[0]["status"], "ok");
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn another_account_there_cannot_reach_the_debugger() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: it needs a second account");
    let scene = Scene::new(SshdOptions::default());
    let (run, client) = stopped(&scene).await;
    // What a stranger could try: every Unix socket of ours, and every port that our processes listen on.
    let ports = listening_ports(scene.user.home());
    assert!(!ports.is_empty(), "the relay here listens at least");
    let report = std::process::Command::new("python3")
        .args(["-c", STRANGER])
        .arg(runtime_folder(scene.user.home()))
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
