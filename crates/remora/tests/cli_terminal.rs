//! Stories of `remora terminal` in a real terminal, which a Python program plays.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::path::PathBuf;

use remora_testkit::census::Census;
use remora_testkit::command::User;
use serde_json::{Value, json};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");
const PERSON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/person_at_terminal.py");
/// Typed at a shell: something in the foreground that says when it is there (its echo does not).
const FOREGROUND: &str = "sh -c 'echo be\"\"gun; exec sleep 600'\n";

/// Somebody with two folders, whose login shell has a plain prompt.
struct Story {
    person: User,
    folder: TempDir,
}

impl Story {
    fn new() -> Self {
        let mut person = User::new("python3");
        person.set("SHELL", "/bin/bash");
        person.set("TERM", "vt220");
        person.set("HISTFILE", "");
        fs::write(person.home().join(".bash_profile"), "PS1='$ '\n").unwrap();
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("here")).unwrap();
        fs::create_dir(folder.path().join("there")).unwrap();
        Self { person, folder }
    }

    fn there(&self) -> PathBuf {
        fs::canonicalize(self.folder.path().join("there")).unwrap()
    }

    /// What the person at the terminal saw, following this script; nothing is left then.
    async fn play(&self, steps: Value, rest: &[&str]) -> Value {
        let (here, there) = (self.folder.path().join("here"), self.there());
        let mut args = vec![PERSON.to_owned(), steps.to_string(), BINARY.to_owned(), "terminal".to_owned()];
        args.extend(["--local", "--root"].map(String::from));
        args.extend([here.display().to_string(), "--remote-root".to_owned(), there.display().to_string()]);
        args.extend(rest.iter().map(ToString::to_string));
        let before = Census::take(self.person.home());
        let ended = self.person.run(args).await;
        assert!(ended.status.success(), "{ended:#?}");
        Census::expect_no_more_than(&before, self.person.home());
        ended.event("ended").clone()
    }
}

#[tokio::test]
async fn a_shell_there_has_the_size_the_keys_and_the_last_word() {
    let story = Story::new();
    let there = format!("{}\r\n", story.there().display());
    let steps = json!([
        ["until", "$ "],
        ["type", "stty size; echo $TERM; pwd -P\n"],
        ["until", "20 90\r\n"],
        ["until", "vt220\r\n"],
        ["until", there],
        ["until", "$ "],
        ["type", "trap 'stty size' WINCH; echo se\"\"t\n"],
        ["until", "set"],
        ["until", "$ "],
        ["size", 120, 50],
        ["until", "50 120\r\n"],
        ["type", FOREGROUND],
        ["until", "begun"],
        ["type", "\u{3}"],
        ["until", "$ "],
        ["type", "exit 7\n"],
    ]);
    let ended = story.play(steps, &[]).await;
    assert_eq!((&ended["status"], &ended["restored"]), (&json!(7), &json!(true)), "{ended:#}");
}

#[tokio::test]
async fn a_command_has_the_terminal_and_its_end_is_ours() {
    let story = Story::new();
    fs::create_dir(story.there().join("sub")).unwrap();
    for (script, status) in [("tty && pwd -P; exit 3", 3), ("kill -TERM $$", 143)] {
        let ended = story.play(json!([]), &["--cwd", "sub", "--", "sh", "-c", script]).await;
        assert_eq!((&ended["status"], &ended["restored"]), (&json!(status), &json!(true)), "{ended:#}");
        let sub = format!("{}/sub\r\n", story.there().display());
        assert!(status != 3 || ended["shown"].as_str().unwrap().ends_with(&sub), "{ended:#}");
    }
}

#[tokio::test]
async fn much_output_is_complete() {
    let ended = Story::new().play(json!([]), &["--", "seq", "100000"]).await;
    let expected: String = (1..=100_000).map(|number| format!("{number}\r\n")).collect();
    assert!(ended["shown"].as_str() == Some(&expected), "{}", ended["shown"].as_str().unwrap().len());
}

#[tokio::test]
async fn every_signal_gives_the_terminal_back_and_leaves_nothing_there() {
    let story = Story::new();
    for (signal, status) in [(1, 129), (2, 130), (3, 131), (15, 143)] {
        let steps = json!([["until", "$ "], ["type", FOREGROUND], ["until", "begun"], ["signal", signal]]);
        let ended = story.play(steps, &[]).await;
        assert_eq!((&ended["status"], &ended["restored"]), (&json!(status), &json!(true)), "{ended:#}");
    }
}

#[tokio::test]
async fn a_lost_connection_gives_the_terminal_back_and_says_so() {
    let story = Story::new();
    let ended = story.play(json!([["until", "$ "], ["type", "kill -9 $PPID\n"]]), &[]).await;
    assert_eq!((&ended["status"], &ended["restored"]), (&json!(125), &json!(true)), "{ended:#}");
    let shown = ended["shown"].as_str().unwrap();
    assert_eq!(shown.matches("remora: The connection to local was lost").count(), 1, "{shown}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_a_fault() {
    let ended = Story::new().play(json!([]), &["--cwd", "nowhere"]).await;
    assert_eq!((&ended["status"], &ended["restored"]), (&json!(125), &json!(true)), "{ended:#}");
    assert!(ended["shown"].as_str().unwrap().contains("there/nowhere"), "{ended:#}");
}

#[tokio::test]
async fn without_a_terminal_here_lines_and_their_end_are_typed() {
    let user = User::new(BINARY);
    let args = ["terminal", "--local", "--", "sh", "-c", "stty size; read x; echo \"<$x>\"; cat; echo end"];
    let mut running = user.start(args);
    running.write("line\n").await;
    running.close_stdin();
    let ended = running.end().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
    assert!(ended.stdout.contains("24 80\r\n") || ended.stdout.contains("24 80\n"), "{ended:#?}");
    assert!(ended.stdout.contains("<line>") && ended.stdout.contains("end"), "{ended:#?}");
}
