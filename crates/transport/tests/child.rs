//! The `local` and `command` transports against real children.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::process::Command;
use std::sync::Arc;

use remora_model::TransportSpec;
use remora_transport::{Answer, Ask, Pipe, Question, TransportError, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Nobody;

impl Ask for Nobody {
    fn ask(&self, question: Question) -> Option<Answer> {
        panic!("nothing is asked here: {question:?}")
    }
}

async fn open(spec: TransportSpec, command: &str) -> Result<Pipe, TransportError> {
    connect(&spec, Arc::new(Nobody), command).await
}

fn argv(words: &[&str]) -> TransportSpec {
    TransportSpec::Command(words.iter().map(|&word| word.to_owned()).collect())
}

#[tokio::test]
async fn a_local_child_echoes() {
    let mut pipe = open(TransportSpec::Local, "cat; echo over >&2").await.unwrap();
    assert!(pipe.rides);
    pipe.writer.write_all(b"hello").await.unwrap();
    pipe.writer.shutdown().await.unwrap();
    drop(pipe.writer);
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "hello");
    assert_eq!(pipe.complaints.text(), "over");
}

#[tokio::test]
async fn a_shell_that_is_reached_through_a_command_runs_ours() {
    for words in [&["env"][..], &["sh"], &["tcsh"], &["env", "bash"], &["fish", "-c"]] {
        let mut pipe = open(argv(words), "printf ready; cat").await.unwrap();
        assert!(!pipe.rides);
        let mut ready = [0; 5];
        pipe.reader.read_exact(&mut ready).await.unwrap();
        assert_eq!(&ready, b"ready", "{words:?}");
        pipe.writer.write_all(b"ping").await.unwrap();
        drop(pipe.writer);
        let mut text = String::new();
        pipe.reader.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "ping", "{words:?}");
    }
}

#[tokio::test]
async fn a_missing_program_is_named() {
    match open(argv(&["/no/such/program", "x"]), "cat").await {
        Err(TransportError::ProgramMissing { program }) => assert_eq!(program, "/no/such/program"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_program_that_fails_at_once_is_quoted() {
    let words = argv(&["sh", "-c", "echo no such container >&2; exit 125"]);
    let error = match open(words, "cat").await {
        Err(error) => error,
        Ok(mut pipe) => {
            let error = pipe.reader.read_to_end(&mut Vec::new()).await.unwrap_err();
            TransportError::of(&error).unwrap().clone()
        }
    };
    match error {
        TransportError::CommandEnded { status: Some(125), stderr, .. } => assert_eq!(stderr, "no such container"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_child_ended_by_a_signal_says_which() {
    let mut pipe = open(TransportSpec::Local, "kill -9 $$").await.unwrap();
    let error = pipe.reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    match TransportError::of(&error) {
        Some(TransportError::CommandEnded { status: None, signal, .. }) => assert_eq!(signal.as_deref(), Some("9")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dropped_pipe_ends_even_a_deaf_child_and_its_group() {
    let mut pipe =
        open(TransportSpec::Local, "trap : TERM HUP; sleep 1000 & echo $$ $(jobs -p); wait; sleep 1000").await.unwrap();
    let mut line = [0; 64];
    let count = pipe.reader.read(&mut line).await.unwrap();
    let pids = String::from_utf8_lossy(&line[..count]).trim().to_owned();
    drop(pipe);
    // `tail --pid` ends when the process is gone; it is what waits, not a nap of ours.
    for pid in pids.split(' ') {
        let gone = tokio::process::Command::new("tail").args(["--pid", pid, "-f", "/dev/null"]).status();
        tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.expect("it ends").unwrap();
    }
    let zombies = Command::new("ps").args(["-o", "stat=,args=", "--ppid", &std::process::id().to_string()]).output();
    let zombies = String::from_utf8(zombies.unwrap().stdout).unwrap();
    assert!(!zombies.lines().any(|line| line.starts_with('Z')), "{zombies}");
}

#[tokio::test]
async fn a_child_has_time_to_tidy_up_once_its_pipe_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let tidied = folder.path().join("tidied");
    // What an agent does whose program ignores the first word.
    let command = format!("echo on; cat >&2; sleep 2; echo > {}", tidied.display());
    let mut pipe = open(TransportSpec::Local, &command).await.unwrap();
    pipe.reader.read_exact(&mut [0; 3]).await.unwrap();
    drop(pipe);
    let there = async {
        while !tidied.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), there).await.expect("it was not killed");
}
