//! How a connection ends: at once, with a reason, and without leaving anything behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::TransportError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::asker::{Asker, open};
use crate::until::until;

async fn through(sshd: &Sshd) -> (Lag, remora_transport::Pipe) {
    let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), Duration::ZERO).unwrap();
    let mut pipe = open(&sshd.ssh_config_via(lag.port()), &Asker::silent(), "cat").await.unwrap();
    pipe.writer.write_all(b"ping").await.unwrap();
    pipe.reader.read_exact(&mut [0; 4]).await.unwrap();
    (lag, pipe)
}

#[tokio::test]
async fn a_cut_is_said_at_once_to_reader_and_writer() {
    let sshd = Sshd::start(SshdOptions::default());
    let (lag, mut pipe) = through(&sshd).await;
    let start = Instant::now();
    lag.cut();
    let error = pipe.reader.read(&mut [0; 1]).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    match TransportError::of(&error) {
        Some(TransportError::Closed { host, reason }) => assert!(host == "box" && !reason.is_empty(), "{reason}"),
        other => panic!("{other:?}"),
    }
    let error = pipe.writer.write(b"x").await.unwrap_err();
    assert!(matches!(TransportError::of(&error), Some(TransportError::Closed { .. })), "{error:?}");
}

#[tokio::test]
async fn a_server_that_dies_is_said_at_once() {
    let sshd = Sshd::start(SshdOptions::default());
    let (_lag, mut pipe) = through(&sshd).await;
    sshd.end_sessions();
    let error = pipe.reader.read(&mut [0; 1]).await.unwrap_err();
    assert!(matches!(TransportError::of(&error), Some(TransportError::Closed { .. })), "{error:?}");
}

#[tokio::test]
async fn a_black_hole_is_noticed_by_the_missing_answers() {
    let client_lines = vec!["ServerAliveInterval 1".to_owned(), "ServerAliveCountMax 2".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    let (lag, mut pipe) = through(&sshd).await;
    // A quiet connection is no lost one: the questions are answered.
    let quiet = tokio::time::timeout(Duration::from_secs(5), pipe.reader.read(&mut [0; 1])).await;
    assert!(quiet.is_err(), "{quiet:?}");
    lag.black_hole();
    let start = Instant::now();
    let error = pipe.reader.read(&mut [0; 1]).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    match TransportError::of(&error) {
        Some(TransportError::Closed { reason, .. }) => assert!(reason.contains("no answer"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_pipe_works_on_after_many_questions() {
    let client_lines = vec!["ServerAliveInterval 1".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    let (_lag, mut pipe) = through(&sshd).await;
    let quiet = tokio::time::timeout(Duration::from_secs(4), pipe.reader.read(&mut [0; 1])).await;
    assert!(quiet.is_err(), "{quiet:?}");
    pipe.writer.write_all(b"pong").await.unwrap();
    let mut back = [0; 4];
    pipe.reader.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"pong");
}

#[tokio::test]
async fn a_command_that_fails_says_so() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "echo no python >&2; exit 127").await.unwrap();
    let error = pipe.reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    match TransportError::of(&error) {
        Some(TransportError::CommandEnded { status: Some(127), stderr, .. }) => assert_eq!(stderr, "no python"),
        other => panic!("{other:?}"),
    }
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "kill -9 $$").await.unwrap();
    let error = pipe.reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    match TransportError::of(&error) {
        Some(TransportError::CommandEnded { status: None, signal, .. }) => assert_eq!(signal.as_deref(), Some("KILL")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dropped_pipe_ends_the_servers_session_and_the_thread() {
    let sshd = Sshd::start(SshdOptions::default());
    let asker = Asker::silent();
    let pipe = open(&sshd.ssh_config(), &asker, "cat").await.unwrap();
    assert!(!sshd.sessions().is_empty());
    drop(pipe);
    until("the session ends", || sshd.sessions().is_empty()).await;
    // The thread holds the asker as long as it lives.
    until("the thread ends", || Arc::strong_count(&asker) == 1).await;
}

#[tokio::test]
async fn what_was_written_arrives_although_the_pipe_is_dropped() {
    let sshd = Sshd::start(SshdOptions::default());
    let file = sshd.folder().join("written");
    let command = format!("cat > {0}.part && mv {0}.part {0}", file.display());
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), &command).await.unwrap();
    pipe.writer.write_all(&[7; 200_000]).await.unwrap();
    drop(pipe);
    until("the file is there", || file.exists()).await;
    assert_eq!(std::fs::metadata(file).unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_busy_pipe_ends_too_when_it_is_dropped() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "cat /dev/zero").await.unwrap();
    pipe.reader.read_exact(&mut [0; 1000]).await.unwrap();
    drop(pipe);
    until("the session ends", || sshd.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_silent_command_whose_input_has_ended_is_not_given_up() {
    let client_lines = vec!["ServerAliveInterval 1".to_owned(), "ServerAliveCountMax 2".to_owned()];
    let sshd = Sshd::start(SshdOptions { client_lines, ..SshdOptions::default() });
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "sleep 6; echo done").await.unwrap();
    pipe.writer.shutdown().await.unwrap();
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "done\n");
}
