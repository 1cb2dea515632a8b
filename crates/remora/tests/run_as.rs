//! Stories of programs that run as another account than the login: a real sshd, a real sudo, accounts made for them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_debug::dap::Client;
use remora_testkit::census::{Census, with_variable};
use remora_testkit::command::{Ended, Running};
use remora_testkit::lag::Lag;
use remora_testkit::lsp::LspClient;
use remora_testkit::scene::{Scene, line_of, text};
use remora_testkit::sshd::{Account, Service, Sshd, SshdOptions, Sudoer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

const APP: &str = "\
import os, pwd, subprocess, sys, helper
who = pwd.getpwuid(os.getuid()).pw_name
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print(who, os.environ['HOME'], os.environ.get('LAB'), helper.NAME)  # stop
child.kill()
";

/// A login over there, and the account that it is to run programs as.
struct Story {
    scene: Scene,
    sshd: Sshd,
    service: Service,
    rule: Option<Sudoer>,
    answers: PathBuf,
}

impl Story {
    /// `rules` are sudo's, for the login and the other account.
    fn new(rules: impl Fn(&str, &str) -> String) -> Self {
        let mut scene = Scene::new(BINARY, &[("app.py", APP), ("helper.py", "NAME = 'helper'\n")]);
        let account = Account::Throwaway { shell: "/bin/sh".into() };
        let sshd = Sshd::start(SshdOptions { account, ..SshdOptions::default() });
        let service = Service::new();
        let rules = rules(sshd.user(), service.name());
        let rule = (!rules.is_empty()).then(|| Sudoer::new(sshd.user(), &rules));
        scene.target = ["--host", "box", "--ssh-config", text(&sshd.ssh_config())].map(String::from).into();
        // A folder of the login's that others may look into, as /srv has them.
        fs::create_dir(scene.remote()).unwrap();
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let owned = Command::new("chown").arg(sshd.user()).arg(scene.remote()).status().unwrap();
        assert!(owned.success());
        let answers = scene.folder.path().join("answers");
        fs::create_dir(&answers).unwrap();
        Self { scene, sshd, service, rule, answers }
    }

    fn without_password() -> Self {
        Self::new(|user, service| format!("{user} ALL=({service}) NOPASSWD: ALL"))
    }

    /// Has questions answered by a program, one answer after the other.
    fn answer(&mut self, answers: &[&str]) {
        for (index, answer) in answers.iter().enumerate() {
            fs::write(self.answers.join(index.to_string()), answer).unwrap();
        }
        let script = "#!/bin/sh\nset -e\ncd \"${0%/*}\"\necho \"$1\" >> asked\nfor f in [0-9]; do cat $f; rm $f; exit 0; done\nexit 1\n";
        let askpass = self.answers.join("askpass");
        fs::write(&askpass, script).unwrap();
        fs::set_permissions(&askpass, fs::Permissions::from_mode(0o755)).unwrap();
        self.scene.user.set("SSH_ASKPASS", text(&askpass));
        self.scene.user.set("SSH_ASKPASS_REQUIRE", "force");
    }

    fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.answers.join("asked")).unwrap_or_default();
        text.lines().map(String::from).collect()
    }

    /// What only its own processes have in their environment, whoever they run as.
    fn lab(&self) -> &str {
        text(self.scene.folder.path())
    }

    fn debug(&self, rest: &[&str]) -> Vec<String> {
        let app = self.scene.local().join("app.py");
        let lab = format!("LAB={}", self.lab());
        let more = [&["--env", &lab], rest, &[text(&app)]].concat();
        self.scene.args("debug", &more)
    }

    async fn refused(&self, account: &str) -> Ended {
        self.scene.user.run(self.debug(&["--run-as", account])).await
    }

    /// A program that waits at its breakpoint.
    async fn stopped(&self, account: &str) -> (Running, Client) {
        let mut run = self.scene.user.start(self.debug(&["--run-as", account]));
        let client = self.attached(&mut run).await;
        (run, client)
    }

    async fn attached(&self, run: &mut Running) -> Client {
        let listening = run.event("listening").await;
        let app = self.scene.local().join("app.py");
        let lines: &[(&str, &[u32])] = &[(text(&app), &[line_of(APP, "stop")])];
        let mut client = Client::by_configuration(&listening["configuration"], lines).await.unwrap();
        // Children come as sessions of their own, and wait for a client each.
        let child = client.child().await.unwrap();
        let mut of_child = Client::by_configuration(&child, &[]).await.unwrap();
        tokio::spawn(async move { of_child.terminated().await });
        client.stopped().await.unwrap();
        client
    }

    fn expect_nothing_left(&self) {
        for account in [self.service.name(), self.sshd.user()] {
            Census::expect_nothing_of(account);
        }
    }
}

#[tokio::test]
async fn a_program_runs_as_another_account_when_sudo_has_the_right_password() {
    let mut story = Story::new(|user, service| format!("{user} ALL=({service}) ALL"));
    let password = story.sshd.password().to_owned();
    story.answer(&["not this", &password]);
    let service = story.service.name().to_owned();
    let (run, mut client) = story.stopped(&service).await;
    let stack = client.stack(1).await.unwrap();
    assert_eq!(stack[0].path, text(&story.scene.local().join("app.py")));
    assert_eq!(client.evaluate(stack[0].id, "who").await.unwrap(), format!("'{service}'"));
    client.go_on(1).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let ended = run.end().await;
    let expected = format!("{service} {} {} helper\n", story.service.home().display(), story.lab());
    assert_eq!((ended.output("stdout"), ended.status.code()), (expected, Some(0)), "{ended:#?}");
    let asked = story.asked();
    let question = format!("Password of {} for sudo on ", story.sshd.user());
    assert!(asked.len() == 2 && asked.iter().all(|asked| asked.starts_with(&question)), "{asked:?}");
    assert!(!story.scene.remote().join("__pycache__").exists(), "nothing that the login can't remove");
    story.expect_nothing_left();
}

#[tokio::test]
async fn nothing_runs_on_as_another_account_after_any_end() {
    for account in ["the service", "root"] {
        for end in ["asked to end", "killed here", "its helper killed there", "the line cut"] {
            let mut story = Story::new(|user, service| format!("{user} ALL=({service}, root) NOPASSWD: ALL"));
            let cable = Lag::start(([127, 0, 0, 1], story.sshd.port()).into(), std::time::Duration::ZERO).unwrap();
            let config = story.sshd.ssh_config_via(cable.port());
            story.scene.target[3] = text(&config).to_owned();
            let as_whom = if account == "root" { "root" } else { story.service.name() }.to_owned();
            let (run, client) = story.stopped(&as_whom).await;
            let agents = Census::of_account(story.sshd.user()).processes;
            let helper = agents.iter().find(|(_, line)| line.contains("agent.py")).unwrap().0;
            match end {
                "asked to end" => run.signal(Signal::TERM),
                "killed here" => run.signal(Signal::KILL),
                "the line cut" => cable.cut(),
                _ => kill_process(Pid::from_raw(i32::try_from(helper).unwrap()).unwrap(), Signal::KILL).unwrap(),
            }
            drop(client);
            run.end().await;
            story.expect_nothing_left();
            let mark = format!("LAB={}", story.lab());
            Census::expect_none(|| with_variable(&mark));
        }
    }
}

#[tokio::test]
async fn only_the_account_itself_reaches_its_debugger() {
    let story = Story::without_password();
    let service = story.service.name().to_owned();
    let (run, client) = story.stopped(&service).await;
    let folders = Census::of_account(&service).folders;
    assert_eq!(folders.len(), 1, "{folders:?}");
    let folder = folders.first().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder), mode(&folder.join("dap.sock")), mode(&folder.join("ctl"))), (0o700, 0o600, 0o600));
    for stranger in ["nobody", story.sshd.user()] {
        let tried = Command::new("setpriv")
            .args(["--reuid", stranger, "--regid", "nogroup", "--clear-groups", "/usr/bin/python3", "-c"])
            .arg("import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])")
            .arg(folder.join("dap.sock"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tried.stderr).into_owned();
        assert!(!tried.status.success() && said.contains("PermissionError"), "{stranger}: {said}");
    }
    drop((run, client));
    story.expect_nothing_left();
}

#[tokio::test]
async fn an_account_that_gives_itself_out_as_sudo_gets_no_password() {
    let mut story = Story::without_password();
    let password = story.sshd.password().to_owned();
    story.answer(&[&password]);
    // Runs with each Python of that account, the helper's first.
    let asks = "import sys\nsys.stderr.write('remora-sudo-asks:')\nsys.stderr.flush()\n";
    let site = Command::new("runuser")
        .args(["-u", story.service.name(), "--", "/usr/bin/python3", "-m", "site", "--user-site"])
        .env("HOME", story.service.home())
        .output()
        .unwrap();
    let site = PathBuf::from(String::from_utf8_lossy(&site.stdout).trim());
    assert!(site.starts_with(story.service.home()), "{site:?}");
    fs::create_dir_all(&site).unwrap();
    fs::write(site.join("usercustomize.py"), asks).unwrap();
    let (run, client) = story.stopped(story.service.name()).await;
    drop((run, client));
    assert_eq!(story.asked(), Vec::<String>::new());
    story.expect_nothing_left();
}

#[tokio::test]
async fn a_service_without_a_home_is_debugged_and_keeps_nothing() {
    let story = Story::new(|user, _| format!("{user} ALL=(nobody) NOPASSWD: ALL"));
    let settings = json!({"remora.targets": [{
        "name": "box", "host": "box", "sshConfig": story.sshd.ssh_config(), "remoteRoot": story.scene.remote(),
        "runAs": "nobody",
    }]});
    story.scene.write(".vscode/settings.json", &settings.to_string());
    let app = story.scene.local().join("app.py");
    let root = story.scene.local();
    let mut run = story.scene.user.start(["debug", "--target", "box", "--root", text(&root), "--json", text(&app)]);
    let mut client = story.attached(&mut run).await;
    client.go_on(1).await.unwrap();
    client.terminated().await.unwrap();
    drop(client);
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), "nobody /nonexistent None helper\n", "{ended:#?}");
    Census::expect_nothing_of("nobody");
    story.expect_nothing_left();
}

#[tokio::test]
async fn an_editor_is_asked_once_and_the_program_has_a_terminal_of_its_own() {
    let story = Story::new(|user, service| format!("{user} ALL=({service}) ALL"));
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(theirs);
    let records = story.scene.folder.path().join("records");
    let server = tokio::spawn(remora::backend::serve(reader, writer, Some(records)));
    let (reader, writer) = tokio::io::split(ours);
    let config = story.sshd.ssh_config();
    let target = json!({"name": "box", "host": "box", "sshConfig": config, "remoteRoot": story.scene.remote()});
    let mut editor = LspClient::new(reader, writer, json!({"targets": [target]}));
    for method in
        ["remora/status", "remora/mirrored", "remora/exited", "remora/terminal/output", "remora/terminal/ended"]
    {
        editor.ignore(method);
    }
    editor.initialize(&story.scene.local()).await;
    let program = story.scene.local().join("tty.py");
    story.scene.write("tty.py", "import os\nname = os.ttyname(0)\nprint(name)\n");
    let entry = json!({
        "type": "remora", "request": "launch", "program": program, "console": "integratedTerminal",
        "runAs": story.service.name(), "__sessionId": "1",
    });
    for first in [true, false] {
        let id = editor.ask("remora/debug/launch", json!({"configuration": entry})).await;
        if first {
            let asked = editor.reply("remora/ask", json!({"secret": story.sshd.password()})).await;
            let prompt = format!("To run as {}.", story.service.name());
            assert_eq!(
                (&asked["kind"], &asked["prompt"], &asked["hidden"]),
                (&json!("password"), &json!(prompt), &json!(true))
            );
        }
        let launched = editor.answer(id).await.unwrap();
        let mut debugger = Client::over(Path::new(launched["socket"].as_str().unwrap())).await.unwrap();
        debugger.launch(&entry, &[(text(&program), &[3])]).await.unwrap();
        let (thread, _) = debugger.stopped().await.unwrap();
        let frame = debugger.stack(thread).await.unwrap()[0].id;
        let owner = "__import__('os').stat(name).st_uid == __import__('os').getuid()";
        assert_eq!(debugger.evaluate(frame, owner).await.unwrap(), "True");
        debugger.go_on(thread).await.unwrap();
        debugger.event("terminated").await.unwrap();
    }
    editor.shutdown().await;
    server.await.unwrap();
    story.expect_nothing_left();
}

#[tokio::test]
async fn the_doctor_says_whether_sudo_lets_the_login() {
    let mut story = Story::without_password();
    let (user, service) = (story.sshd.user().to_owned(), story.service.name().to_owned());
    let settings = json!({"remora.targets": [{
        "name": "box", "host": "box", "sshConfig": story.sshd.ssh_config(), "remoteRoot": story.scene.remote(), "runAs": service,
    }]});
    story.scene.write(".vscode/settings.json", &settings.to_string());
    let root = story.scene.local();
    for (rules, status, words) in [
        (format!("{user} ALL=({service}) NOPASSWD: ALL"), "ok", format!("{user} may run programs as {service}")),
        (format!("{user} ALL=({service}) ALL"), "ok", "sudo asks for a password".to_owned()),
        (format!("Defaults:{user} requiretty\n{user} ALL=({service}) ALL"), "failed", "tty".to_owned()),
    ] {
        story.rule = None;
        story.rule = Some(Sudoer::new(&user, &rules));
        let ended = story.scene.user.run(["doctor", "--target", "box", "--root", text(&root), "--json"]).await;
        let check = ended.events.iter().find(|event| event["name"] == "account").unwrap();
        assert!(check["status"] == status && check["message"].as_str().unwrap().contains(&words), "{check}");
    }
}

#[tokio::test]
async fn what_sudo_refuses_is_one_sentence_in_its_own_words() {
    let mut story = Story::new(|_, _| String::new());
    let (user, service) = (story.sshd.user().to_owned(), story.service.name().to_owned());
    let password = story.sshd.password().to_owned();
    let fault = |ended: &Ended| {
        assert_eq!(ended.status.code(), Some(125), "{ended:#?}");
        let fault = ended.event("fault");
        let part = |name: &str| fault[name].as_str().unwrap().to_owned();
        (part("kind"), part("message"), part("hint"))
    };
    // The rules of the machine itself know nothing of this login.
    story.answer(&[&password]);
    let (kind, message, hint) = fault(&story.refused(&service).await);
    assert!(kind == "sudo_refused" && message.contains(&format!("{user} is not in the sudoers file")), "{message}");
    assert!(hint.contains(&format!("{user} ALL=({service}) ALL")), "{hint}");

    story.rule = Some(Sudoer::new(&user, &format!("{user} ALL=({service}) ALL, NOPASSWD: /bin/true")));
    story.answer(&["a", "b", "c"]);
    let (kind, message, _) = fault(&story.refused(&service).await);
    assert!(kind == "auth_failed" && message.contains("3 incorrect password attempts"), "{message}");

    let (kind, message, _) = fault(&story.refused(&service).await);
    assert_eq!((kind.as_str(), message), ("cancelled", format!("Nothing was run as {service}: sudo got no password.")));

    story.answer(&[&password]);
    let (kind, message, _) = fault(&story.refused("root").await);
    assert!(kind == "sudo_refused" && message.contains("is not allowed to execute a shell as root"), "{message}");

    let (kind, message, _) = fault(&story.refused("no-such-account").await);
    assert!(kind == "sudo_refused" && message.contains("no-such-account"), "{message}");

    story.rule = None;
    let rules = format!("Defaults:{user} requiretty\n{user} ALL=({service}) NOPASSWD: ALL");
    story.rule = Some(Sudoer::new(&user, &rules));
    let (kind, message, hint) = fault(&story.refused(&service).await);
    assert!(kind == "sudo_refused" && message.contains("tty") && hint.contains("!requiretty"), "{message} {hint}");

    story.rule = None;
    story.rule = Some(Sudoer::new(&user, &format!("{user} ALL=({service}) NOPASSWD: ALL")));
    fs::set_permissions(story.scene.remote(), fs::Permissions::from_mode(0o700)).unwrap();
    let (kind, message, _) = fault(&story.refused(&service).await);
    assert!(kind == "permission" && message.starts_with(&format!("{service} may not read ")), "{message}");
    story.expect_nothing_left();
}
