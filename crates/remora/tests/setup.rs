//! Stories of adding a target from an editor: find a machine, try it, look around there, examine it.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::lsp::LspClient;
use remora_testkit::python;
use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{DuplexStream, WriteHalf};
use tokio::task::JoinHandle;

/// A server, its client, a project, and a home for whoever logs in.
struct Scene {
    folder: TempDir,
    client: LspClient<WriteHalf<DuplexStream>>,
    server: JoinHandle<()>,
}

impl Scene {
    fn start(settings: Value) -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["here", "home", "home/run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::set_permissions(folder.path().join("home/run"), fs::Permissions::from_mode(0o700)).unwrap();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let server = tokio::spawn(remora::backend::serve(reader, writer, Some(folder.path().join("records"))));
        let (reader, writer) = tokio::io::split(ours);
        let mut client = LspClient::new(reader, writer, settings);
        client.ignore("remora/status");
        Self { folder, client, server }
    }

    /// With a folder, and with these settings.
    async fn new(settings: Value) -> Self {
        let mut scene = Self::start(settings);
        scene.client.initialize(&scene.folder.path().join("here")).await;
        scene
    }

    fn home(&self) -> PathBuf {
        fs::canonicalize(self.folder.path().join("home")).unwrap()
    }

    /// A target that a command with the scene's own home reaches.
    fn target(&self, rest: &[&str]) -> Value {
        let home = self.home();
        let run = runtime_folder(&home);
        let mut argv = vec!["env".to_owned(), format!("HOME={}", home.display())];
        argv.push(format!("XDG_RUNTIME_DIR={}", run.display()));
        argv.extend(rest.iter().map(ToString::to_string));
        json!({"name": "box", "command": argv})
    }

    async fn open(&mut self, target: Value) -> Result<Value, Value> {
        self.client.request("remora/setup/open", json!({"target": target})).await
    }

    async fn browse(&mut self, path: impl AsRef<Path>) -> Result<Value, Value> {
        self.client.request("remora/setup/browse", json!({"path": path.as_ref()})).await
    }

    async fn end(mut self) -> PathBuf {
        self.client.shutdown().await;
        self.server.await.unwrap();
        let home = self.folder.path().join("home");
        tokio::task::spawn_blocking(move || Census::expect_no_more_than(&Census::default(), &home)).await.unwrap();
        self.folder.keep()
    }
}

#[tokio::test]
async fn a_machine_is_tried_before_any_settings_name_it() {
    let mut scene = Scene::new(json!({})).await;
    let home = scene.home();
    for name in ["b", "A", "c/inner", ".hidden"] {
        fs::create_dir_all(home.join(name)).unwrap();
    }
    fs::write(home.join("file"), "").unwrap();
    std::os::unix::fs::symlink("c", home.join("link")).unwrap();
    let error = scene.browse("~").await.unwrap_err();
    assert_eq!(error["data"]["kind"], "bad_request", "nothing is connected yet: {error}");

    let opened = scene.open(scene.target(&["sh"])).await.unwrap();
    assert_eq!(opened, json!({"home": home, "remoteRoot": home.join("remora/here")}));
    let folder = scene.browse("~").await.unwrap();
    assert_eq!(folder, json!({"path": home, "folders": ["A", "b", "c", "link", "run", ".hidden"]}));
    assert_eq!(scene.browse("").await.unwrap(), folder);
    let folder = scene.browse(home.join("link/../link")).await.unwrap();
    assert_eq!(folder, json!({"path": home.join("c"), "folders": ["inner"]}));
    for (path, kind, words) in [
        (home.join("nowhere"), "remote_root_missing", "There is no folder"),
        (home.join("file"), "in_the_way", "is not a folder"),
        ("b".into(), "bad_request", "neither an absolute path"),
    ] {
        let error = scene.browse(&path).await.unwrap_err();
        assert_eq!(error["data"]["kind"], kind, "{error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }

    scene.client.request("remora/setup/close", json!({})).await.unwrap();
    assert_eq!(Census::take(&home), Census::default(), "nothing is left when it is answered");
    assert_eq!(scene.browse("~").await.unwrap_err()["data"]["kind"], "bad_request");
    fs::remove_dir_all(scene.end().await).unwrap();
}

#[tokio::test]
async fn interpreters_are_found_for_a_root_that_may_not_be_there_yet() {
    let mut scene = Scene::new(json!({})).await;
    let root = scene.home().join("app");
    let venv = root.join(".venv");
    let made = Command::new(python::find("3.12")).args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let mut target = scene.target(&["sh"]);
    target["remoteRoot"] = "~/app".into();
    assert_eq!(scene.open(target).await.unwrap()["remoteRoot"], json!(root));
    let found = scene.client.request("remora/setup/interpreters", json!({"root": "~/app"})).await.unwrap();
    let first = &found["interpreters"][0];
    assert_eq!((&first["kind"], &first["label"]), (&json!("venv"), &json!(".venv")), "{found}");
    assert_eq!(first["path"], json!(venv.join("bin/python")));
    assert!(first["version"].as_str().unwrap().starts_with("3.12."), "{found}");
    let found = scene.client.request("remora/setup/interpreters", json!({"root": "~/not/yet"})).await.unwrap();
    let found = found["interpreters"].as_array().unwrap();
    assert!(found.iter().any(|one| one["kind"] == "system"), "{found:?}");
    assert!(found.iter().all(|one| one["label"] != ".venv"), "{found:?}");
    fs::remove_dir_all(scene.end().await).unwrap();
}

#[tokio::test]
async fn an_unknown_host_key_is_asked_about_and_an_unreadable_folder_is_said_to_be_so() {
    let sshd = Sshd::start(SshdOptions {
        account: Account::Throwaway { shell: "/bin/sh".into() },
        known: false,
        ..SshdOptions::default()
    });
    let mut scene = Scene::new(json!({})).await;
    fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let private = scene.folder.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let target = json!({"name": "box", "host": "box", "sshConfig": sshd.ssh_config()});
    for answer in [json!(null), json!({"trust": true})] {
        let trusts = !answer.is_null();
        let open = scene.client.ask("remora/setup/open", json!({"target": target})).await;
        let asked = scene.client.reply("remora/ask", answer).await;
        assert_eq!(asked["kind"], "hostKey");
        match scene.client.answer(open).await {
            Ok(opened) => assert!(trusts && opened["home"].is_string(), "{opened}"),
            Err(error) => assert!(!trusts && error["data"]["kind"] == "host_key_unknown", "{error}"),
        }
    }
    let error = scene.browse(&private).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "permission", "{error}");
    assert!(error["message"].as_str().unwrap().contains("may not read it"), "{error}");
    fs::remove_dir_all(scene.end().await).unwrap();
}

#[tokio::test]
async fn a_target_that_is_none_is_refused_in_the_settings_own_words() {
    let mut scene = Scene::new(json!({})).await;
    for (target, kind, message) in [
        (
            json!({"name": "a", "host": 3}),
            "bad_request",
            "The target can't be used: host must be a text, not a number.",
        ),
        (json!({"name": "a", "hots": "b"}), "bad_request", "\"hots\" is not a setting of a target"),
        (json!({"name": "a", "host": "-oProxyCommand=x"}), "bad_request", "The target makes no sense"),
        (json!({"name": "a", "command": ["no-such-program-here"]}), "program_missing", "no-such-program-here"),
        (json!({"name": "a", "local": true, "remoteRoot": "x"}), "bad_request", "neither an absolute path"),
    ] {
        let error = scene.open(target).await.unwrap_err();
        assert_eq!(error["data"]["kind"], kind, "{error}");
        assert!(error["message"].as_str().unwrap().contains(message), "{error}");
    }
    for (method, params) in [
        ("remora/setup/open", json!({})),
        ("remora/setup/browse", json!({"path": 3})),
        ("remora/setup/candidates", json!({"x": 1})),
    ] {
        assert_eq!(scene.client.request(method, params).await.unwrap_err()["code"], -32602, "{method}");
    }
    fs::remove_dir_all(scene.end().await).unwrap();
}

#[tokio::test]
async fn another_machine_takes_the_place_of_one_that_does_not_answer() {
    let mut scene = Scene::new(json!({})).await;
    let hangs = scene.target(&["sh", "-c", "exec sleep 600"]);
    let first = scene.client.ask("remora/setup/open", json!({"target": hangs})).await;
    scene.open(scene.target(&["sh"])).await.unwrap();
    assert_eq!(scene.client.answer(first).await.unwrap_err()["data"]["kind"], "cancelled");
    scene.open(scene.target(&["/bin/sh"])).await.unwrap();
    scene.browse("/").await.unwrap();

    let given_up = scene.client.ask("remora/setup/open", json!({"target": hangs})).await;
    scene.client.notify("$/cancelRequest", json!({"id": given_up})).await;
    assert_eq!(scene.client.answer(given_up).await.unwrap_err()["code"], -32800);
    assert_eq!(scene.browse("/").await.unwrap_err()["data"]["kind"], "bad_request", "the one before it is gone too");
    fs::remove_dir_all(scene.end().await).unwrap();
}

#[tokio::test]
async fn an_editor_that_vanishes_leaves_no_connection_behind() {
    let mut scene = Scene::new(json!({})).await;
    let home = scene.home();
    scene.open(scene.target(&["sh"])).await.unwrap();
    assert_ne!(Census::take(&home).processes, Census::default().processes, "the census sees it");
    scene.client.vanish().await;
    scene.server.await.unwrap();
    assert_eq!(Census::take(&home), Census::default());
}

#[tokio::test]
async fn without_a_folder_only_what_needs_one_is_refused() {
    let mut scene = Scene::start(json!({}));
    scene.client.request("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}})).await.unwrap();
    scene.client.notify("initialized", json!({})).await;
    let found = scene.client.request("remora/setup/candidates", json!({})).await.unwrap();
    let last = found["candidates"].as_array().unwrap().last().unwrap();
    let here =
        json!({"kind": "local", "label": "This machine", "detail": "", "target": {"name": "local", "local": true}});
    assert_eq!(last, &here);
    for (method, params) in
        [("remora/setup/open", json!({"target": {"name": "a", "local": true}})), ("remora/doctor", json!({}))]
    {
        let error = scene.client.request(method, params).await.unwrap_err();
        assert_eq!(error["message"], "There is no folder to work in.", "{method}");
    }
    scene.client.request("remora/setup/close", json!({})).await.unwrap();
    fs::remove_dir_all(scene.end().await).unwrap();
}

fn check<'a>(examined: &'a Value, name: &str) -> &'a Value {
    let mut checks = examined["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap_or_else(|| panic!("{examined:#}"))
}

#[tokio::test]
async fn the_doctor_examines_what_the_settings_say() {
    let tools = TempDir::new().unwrap();
    std::os::unix::fs::symlink(python::find("3.9"), tools.path().join("python3")).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.path().display());
    let root = tools.path().join("there");
    let mut scene = Scene::new(json!({"targets": [
        {"name": "here", "local": true, "remoteRoot": root, "env": {"PATH": path}},
        {"name": "broken", "command": ["no-such-program-here"]},
    ]}))
    .await;
    let examined = scene.client.request("remora/doctor", json!({})).await.unwrap();
    let names: Vec<&str> =
        examined["checks"].as_array().unwrap().iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(names, ["connection", "login", "python", "clock", "remote root", "space", "interpreter", "debugger"]);
    assert!(examined["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{examined:#}");
    let interpreter = check(&examined, "interpreter")["detail"].as_str().unwrap();
    assert!(interpreter.contains(" 3.9."), "the target's own PATH counts: {interpreter}");
    assert!(!root.exists(), "the doctor makes nothing");

    let examined = scene.client.request("remora/doctor", json!({"target": "broken"})).await.unwrap();
    let connection = check(&examined, "connection");
    assert!(connection["ok"] == false && connection["hint"].is_string(), "{examined:#}");
    let error = scene.client.request("remora/doctor", json!({"target": "none"})).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "no_target");
    fs::remove_dir_all(scene.end().await).unwrap();
}
