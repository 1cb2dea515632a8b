//! Stories of the command line on this machine: a real agent, real debuggers, no SSH.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;

use remora_debug::dap::Client;
use remora_testkit::census::Census;
use remora_testkit::command::Running;
use remora_testkit::scene::{Scene, text};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

fn scene(files: &[(&str, &str)]) -> Scene {
    Scene::new(BINARY, files)
}

fn debug(scene: &Scene, rest: &[&str]) -> Running {
    scene.user.start(scene.args("debug", rest))
}

#[tokio::test]
async fn mirroring_brings_what_changed_and_nothing_twice() {
    let scene = scene(&[("app.py", "print(1)\n"), ("pkg/a b.txt", "x"), (".git/config", "no")]);
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(ended.event("mirrored")["files"], 2);
    assert_eq!(scene.there("pkg/a b.txt"), "x");
    assert!(!scene.remote().join(".git").exists());

    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(ended.event("mirrored")["files"], 0, "{ended:#?}");

    scene.write("app.py", "print(2)\n");
    fs::remove_file(scene.local().join("pkg/a b.txt")).unwrap();
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(ended.event("mirrored")["files"], 2, "{ended:#?}");
    assert_eq!(scene.there("app.py"), "print(2)\n");
    assert!(scene.remote().join("pkg").is_dir(), "a folder that is still here is still there");
    assert!(!scene.remote().join("pkg/a b.txt").exists());
    fs::remove_dir(scene.local().join("pkg")).unwrap();
    assert!(scene.user.run(scene.args("mirror", &[])).await.status.success());
    assert!(!scene.remote().join("pkg").exists());
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let scene = scene(&[("app.py", "print(1)\n")]);
    let ended = scene.user.run(scene.args("mirror", &["--dry-run"])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(ended.event("would")["change"], "upload");
    assert_eq!(ended.event("would")["path"], "app.py");
    assert!(!scene.remote().exists());
}

#[tokio::test]
async fn a_remote_change_is_reported_and_not_overwritten_unless_the_user_says_so() {
    let scene = scene(&[("app.py", "print(1)\n"), ("b.py", "")]);
    assert!(scene.user.run(scene.args("mirror", &[])).await.status.success());
    fs::write(scene.remote().join("app.py"), "print('theirs')\n").unwrap();
    scene.write("app.py", "print('ours')\n");

    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(ended.status.code(), Some(1));
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "diverged");
    assert!(fault["message"].as_str().unwrap().starts_with("app.py is on the remote"), "{fault}");
    assert!(fault["hint"].as_str().unwrap().contains("--overwrite"), "{fault}");
    assert_eq!(scene.there("app.py"), "print('theirs')\n");

    let ended = scene.user.run(scene.args("debug", &[text(&scene.local().join("app.py"))])).await;
    assert_eq!((ended.event("fault")["kind"].as_str(), ended.status.code()), (Some("diverged"), Some(125)));

    let ended = scene.user.run(scene.args("mirror", &["--overwrite"])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(scene.there("app.py"), "print('ours')\n");
}

#[tokio::test]
async fn watching_confirms_every_change_and_ends_well_when_interrupted() {
    let scene = scene(&[("app.py", "1")]);
    let mut watching = scene.user.start(scene.args("mirror", &["--watch"]));
    assert_eq!(watching.event("mirrored").await["files"], 1);
    scene.write("app.py", "22");
    let event = watching.event("mirrored").await;
    assert_eq!((event["files"].as_u64(), event["bytes"].as_u64()), (Some(1), Some(2)));
    assert_eq!(scene.there("app.py"), "22");
    scene.write("new/deep/file.py", "3");
    watching.event("mirrored").await;
    while !scene.remote().join("new/deep/file.py").exists() {
        watching.event("mirrored").await;
    }
    watching.signal(rustix::process::Signal::INT);
    assert_eq!(watching.end().await.status.code(), Some(0));
}

#[tokio::test]
async fn the_exit_status_arguments_directory_and_variables_are_the_programs() {
    const APP: &str = "import os, sys\n\
        print(sys.argv[1:], os.getcwd(), os.environ['A'], os.environ['B'], len(os.environ['REMORA_TREE']))\n\
        print(sys.stdin.read().upper(), file=sys.stderr)\n\
        sys.exit(7)\n";
    let scene = scene(&[("app.py", APP), ("sub/x", "")]);
    let app = scene.local().join("app.py");
    let cwd = scene.remote().join("sub");
    let mut run = debug(&scene, &["--env", "A=a b", "--env", "B=c=d", "--cwd", text(&cwd), text(&app), "--x", "y z"]);
    assert_eq!(run.event("mirrored").await["files"], 2);
    let listening = run.event("listening").await;
    run.write("hello").await;
    run.close_stdin();
    let _client = attach(&listening, &[]).await;
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), format!("['--x', 'y z'] {} a b c=d 64\n", cwd.display()), "{ended:#?}");
    assert_eq!(ended.output("stderr"), "HELLO\n");
    assert_eq!(ended.event("exited")["code"], 7);
    assert_eq!(ended.status.code(), Some(7));
}

#[tokio::test]
async fn a_module_runs_as_python_m_does() {
    let scene = scene(&[("pkg/__init__.py", ""), ("pkg/__main__.py", "import sys; print(__name__, sys.argv[1:])")]);
    let mut run = debug(&scene, &["-m", "pkg", "one"]);
    let listening = run.event("listening").await;
    run.close_stdin();
    let _client = attach(&listening, &[]).await;
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), "__main__ ['one']\n", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn the_articles_way_works_with_its_own_call_and_secret() {
    const APP: &str = "import os, sys\n\
        if os.environ.get('REMOTE_DEBUG'):\n\
        \x20   import ptvsd\n\
        \x20   ptvsd.enable_attach('my_secret', address=('0.0.0.0', 80))\n\
        \x20   ptvsd.wait_for_attach()\n\
        \x20   ptvsd.break_into_debugger()\n\
        value = 42\n\
        print(value)\n";
    let scene = scene(&[("app.py", APP)]);
    let app = scene.local().join("app.py");
    let mut run = debug(&scene, &["--in-code", text(&app)]);
    let listening = run.event("listening").await;
    assert_eq!(listening["configuration"]["secret"], "my_secret");
    assert_eq!(listening["host"], "127.0.0.1");
    let mut client = attach(&listening, &[]).await;
    let (thread, _) = client.stopped().await.unwrap();
    assert_eq!(client.stack(thread).await.unwrap()[0].line, 7);
    client.go_on(thread).await.unwrap();
    let ended = run.end().await;
    assert_eq!((ended.output("stdout"), ended.status.code()), ("42\n".to_owned(), Some(0)), "{ended:#?}");
}

#[tokio::test]
async fn a_program_that_dies_before_the_debugger_listens_is_shown_with_its_words() {
    let scene = scene(&[("app.py", "raise SystemExit('nothing to do')\n")]);
    let ended = scene.user.run(scene.args("debug", &["--in-code", text(&scene.local().join("app.py"))])).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "program_died");
    assert!(fault["message"].as_str().unwrap().contains("nothing to do"), "{fault}");
    assert_eq!(ended.status.code(), Some(125));
}

#[tokio::test]
async fn wrong_command_lines_get_one_clear_sentence() {
    let scene = scene(&[("app.py", "")]);
    let app = scene.local().join("app.py");
    for (args, kind) in [
        (vec!["no.py"], "file_missing"),
        (vec![text(&scene.local())], "file_missing"),
        (vec!["/etc/hostname"], "file_missing"),
        (vec!["--python", "/no/python", text(&app)], "interpreter_missing"),
        (vec!["--python", "/bin/true", text(&app)], "interpreter_missing"),
        (vec!["--cwd", "/no/folder", text(&app)], "file_missing"),
        (vec!["--no-such-flag", text(&app)], "bad_request"),
    ] {
        let ended = scene.user.run(scene.args("debug", &args)).await;
        let fault = ended.event("fault");
        assert_eq!(fault["kind"], kind, "{args:?}: {ended:#?}");
        assert!(!fault["hint"].as_str().unwrap().is_empty());
        assert_eq!(ended.status.code(), Some(125), "{args:?}");
    }
    let ended = scene.user.run(["mirror", "--json", "--root", text(&scene.local())]).await;
    assert_eq!(ended.event("fault")["kind"], "no_target");
    let ended = scene.user.run(["mirror", "--json", "--local", "--root", "/no/such/folder"]).await;
    assert_eq!(ended.event("fault")["kind"], "local_root_gone");
    let ended =
        scene.user.run(["mirror", "--json", "--command", "no-such-program-here", "--root", text(&scene.local())]).await;
    assert_eq!(ended.event("fault")["kind"], "program_missing");
}

#[tokio::test]
async fn settings_of_the_wrong_type_are_named_with_their_place() {
    let scene = scene(&[(".vscode/settings.json", "{\n  // ours\n  \"remora.targets\": [{\"name\": 3}],\n}")]);
    let ended = scene.user.run(["mirror", "--json", "--root", text(&scene.local())]).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "bad_settings");
    assert!(fault["message"].as_str().unwrap().contains("remora.targets[0]"), "{fault}");
    scene.write(".vscode/settings.json", "{\"remora.targets\": ");
    let ended = scene.user.run(["mirror", "--json", "--root", text(&scene.local())]).await;
    assert_eq!(ended.event("fault")["kind"], "bad_settings");
}

#[tokio::test]
async fn a_target_of_the_settings_is_used_by_name() {
    let scene = scene(&[("app.py", "1")]);
    let settings = serde_json::json!({
        "remora.targets": [
            {"name": "wrong", "host": "nowhere.invalid"},
            {"name": "here", "local": true, "remoteRoot": scene.remote()},
        ],
        "remora.mirror.exclude": ["*.log"],
    });
    scene.write(".vscode/settings.json", &settings.to_string());
    scene.write("noise.log", "x");
    let ended = scene.user.run(["mirror", "--json", "--target", "here", "--root", text(&scene.local())]).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(scene.there("app.py"), "1");
    assert!(!scene.remote().join("noise.log").exists());
    let ended = scene.user.run(["mirror", "--json", "--target", "none", "--root", text(&scene.local())]).await;
    let fault = ended.event("fault");
    assert_eq!(fault["kind"], "no_target");
    assert_eq!(fault["hint"], "The settings have wrong, here.");
}

#[tokio::test]
async fn the_remote_root_must_be_there_or_have_a_place() {
    let scene = scene(&[("app.py", "1")]);
    let local = scene.local();
    let missing = scene.folder.path().join("no/such/place");
    let common = ["mirror", "--json", "--local", "--root", text(&local)];
    let ended = scene.user.run(common.into_iter().chain(["--remote-root", text(&missing)])).await;
    assert_eq!(ended.event("fault")["kind"], "remote_root_missing", "{ended:#?}");
    let ended = scene.user.run(common.into_iter().chain(["--remote-root", "relative"])).await;
    assert_eq!(ended.event("fault")["kind"], "bad_request", "{ended:#?}");
    let inside = local.join("mirror");
    let ended = scene.user.run(common.into_iter().chain(["--remote-root", text(&inside)])).await;
    assert_eq!(ended.event("fault")["kind"], "bad_request", "{ended:#?}");
    let ended = scene.user.run(common).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert_eq!(fs::read_to_string(scene.user.home().join("remora/here/app.py")).unwrap(), "1");
}

#[tokio::test]
async fn a_folder_that_is_a_link_over_there_is_not_followed() {
    let scene = scene(&[("data/x", "ours"), ("app.py", "1")]);
    let elsewhere = TempDir::new().unwrap();
    fs::create_dir(scene.remote()).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), scene.remote().join("data")).unwrap();
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(ended.event("fault")["kind"], "outside_root", "{ended:#?}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    assert_eq!(scene.there("app.py"), "1", "the others are mirrored all the same");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_before_anything_is_started() {
    let scene = scene(&[("app.py", "")]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = scene.args("debug", &["--listen", &address, text(&scene.local().join("app.py"))]);
    let ended = scene.user.run(args).await;
    assert_eq!(ended.event("fault")["kind"], "port_taken", "{ended:#?}");
    assert!(ended.event("fault")["message"].as_str().unwrap().contains(&address));
}

#[tokio::test]
async fn launch_json_is_updated_in_place_and_a_broken_one_is_not_touched() {
    const BEFORE: &str = "{\n\t// mine\n\t\"version\": \"0.2.0\",\n\t\"configurations\": [\n\t\t{\"name\": \"a\", \"type\": \"x\"}, // keep\n\t],\n}\n";
    let scene = scene(&[(".vscode/launch.json", BEFORE)]);
    let file = scene.local().join(".vscode/launch.json");
    let ended = scene.user.run(scene.args("launch-json", &["--port", "5678"])).await;
    assert!(ended.status.success(), "{ended:#?}");
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.starts_with("{\n\t// mine\n") && after.contains("// keep"), "{after}");
    assert!(after.contains("\"Remora: local\"") && after.contains("5678"), "{after}");
    assert!(scene.user.run(scene.args("launch-json", &["--port", "5678"])).await.status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), after, "a second time changes nothing");

    let ended = scene.user.run(scene.args("launch-json", &["--port", "5679", "--stdout"])).await;
    assert!(ended.stdout.contains("5679") && !ended.stdout.contains("5678"), "{ended:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), after);

    fs::write(&file, "{\n  \"configurations\": [ }\n").unwrap();
    let ended = scene.user.run(scene.args("launch-json", &[])).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("line 2"), "{ended:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\n  \"configurations\": [ }\n");
}

#[tokio::test]
async fn the_doctor_finds_a_healthy_target_healthy() {
    let scene = scene(&[("app.py", "")]);
    let ended = scene.user.run(scene.args("doctor", &[])).await;
    assert!(ended.status.success(), "{ended:#?}");
    let names: Vec<&str> = ended.events.iter().filter_map(|event| event["name"].as_str()).collect();
    assert_eq!(names, ["connection", "login", "python", "clock", "remote root", "space", "interpreter", "debugger"]);
    assert!(ended.events.iter().all(|event| event["status"] == "ok"), "{ended:#?}");
    assert!(!scene.remote().exists(), "the doctor makes nothing");
}

#[tokio::test]
async fn the_doctor_tells_an_open_port_from_one_in_use() {
    let scene = scene(&[]);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let ended = scene.user.run(scene.args("doctor", &["--port", &free])).await;
    let port = ended.events.iter().find(|event| event["name"] == "port").unwrap();
    assert_eq!(port["status"], "ok", "{port}");
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port().to_string();
    let ended = scene.user.run(scene.args("doctor", &["--port", &taken_port])).await;
    let port = ended.events.iter().find(|event| event["name"] == "port").unwrap();
    assert_eq!((port["status"].as_str(), ended.status.code()), (Some("failed"), Some(1)), "{port}");
    assert!(port["message"].as_str().unwrap().contains("in use"), "{port}");
}

/// A program that waits at a breakpoint, and what should be left when it is gone.
async fn waiting_program(scene: &Scene) -> (Running, Client) {
    let app = scene.local().join("app.py");
    let mut run = debug(scene, &[text(&app)]);
    let listening = run.event("listening").await;
    let mut client = attach(&listening, &[(text(&app), &[3])]).await;
    client.stopped().await.unwrap();
    (run, client)
}

const WAITS: &str =
    "import subprocess, sys\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\nprint('here')\n";

#[tokio::test]
async fn after_each_kind_of_end_nothing_of_ours_is_left() {
    for end in [rustix::process::Signal::TERM, rustix::process::Signal::KILL, rustix::process::Signal::HUP] {
        let scene = scene(&[("app.py", WAITS)]);
        let before = Census::take(scene.user.home());
        let (run, client) = waiting_program(&scene).await;
        assert!(Census::take(scene.user.home()).processes.len() > 3, "the census sees a session");
        run.signal(end);
        drop(client);
        run.end().await;
        Census::expect_no_more_than(&before, scene.user.home());
    }
}

#[tokio::test]
async fn after_the_program_ends_nothing_of_ours_is_left() {
    let scene = scene(&[("app.py", WAITS)]);
    let before = Census::take(scene.user.home());
    let (run, mut client) = waiting_program(&scene).await;
    client.request("continue", serde_json::json!({"threadId": 1})).await.unwrap();
    let ended = run.end().await;
    assert_eq!(ended.event("exited")["code"], 0, "{ended:#?}");
    Census::expect_no_more_than(&before, scene.user.home());
}

#[tokio::test]
async fn an_interrupt_before_a_debugger_came_ends_it_without_a_word_of_ours() {
    let scene = scene(&[("app.py", "print('never')\n")]);
    let before = Census::take(scene.user.home());
    let mut run = debug(&scene, &[text(&scene.local().join("app.py"))]);
    run.event("listening").await;
    run.signal(rustix::process::Signal::INT);
    let ended = run.end().await;
    assert_eq!(ended.status.code(), Some(130), "{ended:#?}");
    assert_eq!((ended.output("stdout"), ended.output("stderr")), (String::new(), String::new()));
    Census::expect_no_more_than(&before, scene.user.home());
}

#[tokio::test]
async fn the_first_interrupt_reaches_the_program_and_the_second_ends_it() {
    const APP: &str = "import time\nwhile True:\n    try:\n        print('ready')\n        time.sleep(600)\n    except KeyboardInterrupt:\n        print('interrupted')\n";
    let scene = scene(&[("app.py", APP)]);
    let mut run = debug(&scene, &[text(&scene.local().join("app.py"))]);
    let listening = run.event("listening").await;
    let _client = attach(&listening, &[]).await;
    run.output("ready\n").await;
    run.signal(rustix::process::Signal::INT);
    run.output("interrupted\n").await;
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.status.code(), Some(130));
}

async fn attach(listening: &serde_json::Value, breakpoints: &[(&str, &[u32])]) -> Client {
    Client::by_configuration(&listening["configuration"], breakpoints).await.unwrap()
}

#[tokio::test]
async fn a_program_is_heard_before_it_calls_its_debugger_and_one_interrupt_ends_it() {
    let scene = scene(&[("app.py", "import time\nprint('here')\ntime.sleep(600)\n")]);
    let before = Census::take(scene.user.home());
    let mut run = debug(&scene, &["--in-code", text(&scene.local().join("app.py"))]);
    run.output("here").await;
    run.signal(rustix::process::Signal::INT);
    assert_eq!(run.end().await.status.code(), Some(130));
    Census::expect_no_more_than(&before, scene.user.home());
}
