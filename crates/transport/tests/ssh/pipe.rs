//! Bytes: all of them, both ways at once, no faster than they are taken, and no slower than they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use remora_model::Digest;
use remora_testkit::noise::noise;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::TransportError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::asker::{Asker, open};

/// Sends `length` bytes through `cat` and compares what comes back.
async fn there_and_back(sshd: &Sshd, length: usize) {
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "cat").await.unwrap();
    let bytes = noise(length, 7);
    let expected = Digest::of(&bytes);
    let mut writer = pipe.writer;
    let writing = tokio::spawn(async move {
        writer.write_all(&bytes).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut received = Vec::with_capacity(length);
    pipe.reader.read_to_end(&mut received).await.unwrap();
    writing.await.unwrap();
    assert_eq!((received.len(), Digest::of(&received)), (length, expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_go_both_ways_at_once() {
    there_and_back(&Sshd::start(SshdOptions::default()), 100 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_agreed_upon_in_the_middle() {
    let server_lines = vec!["RekeyLimit 2M".to_owned()];
    there_and_back(&Sshd::start(SshdOptions { server_lines, ..SshdOptions::default() }), 20 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cipher_that_both_sides_have_works() {
    for cipher in ["chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes256-ctr"] {
        let server_lines = vec![format!("Ciphers {cipher}")];
        there_and_back(&Sshd::start(SshdOptions { server_lines, ..SshdOptions::default() }), 1 << 20).await;
    }
}

#[tokio::test]
async fn only_ciphers_that_the_configuration_allows_are_offered() {
    let with = |client: &str, server: &str| {
        let (client_lines, server_lines) = (vec![format!("Ciphers {client}")], vec![format!("Ciphers {server}")]);
        Sshd::start(SshdOptions { client_lines, server_lines, ..SshdOptions::default() })
    };
    there_and_back(&with("aes256-ctr", "aes128-gcm@openssh.com,aes256-ctr"), 1 << 10).await;
    let sshd = with("aes256-ctr", "aes128-gcm@openssh.com");
    let refused = open(&sshd.ssh_config(), &Asker::silent(), "cat").await.unwrap_err();
    assert!(matches!(refused, TransportError::Handshake { .. }), "{refused:?}");
    let sshd = with("3des-cbc", "aes128-gcm@openssh.com");
    let refused = open(&sshd.ssh_config(), &Asker::silent(), "cat").await.unwrap_err();
    assert!(refused.to_string().contains("(3des-cbc)"), "{refused}");
}

#[tokio::test]
async fn a_writer_waits_when_the_other_side_does_not_read() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "read -r x; wc -c").await.unwrap();
    let written = Arc::new(AtomicUsize::new(0));
    let count = written.clone();
    let mut writer = pipe.writer;
    let stop = Arc::new(tokio::sync::Notify::new());
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        // No line end: the shell reads a byte at a time and wants more, but takes far less than comes.
        let chunk = [b'x'; 64 * 1024];
        loop {
            tokio::select! {
                biased;
                () = stopped.notified() => return writer,
                sent = writer.write(&chunk) => { count.fetch_add(sent.unwrap(), Ordering::Relaxed); }
            }
        }
    });
    // What is buffered on the way is bounded: our queue, the window of 2 MB and the server's pipe.
    let mut before = usize::MAX;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = written.load(Ordering::Relaxed);
        assert!(now < 16 << 20, "{now} bytes were taken");
        if now.saturating_sub(before) < 64 * 1024 && now > 0 {
            break;
        }
        before = now;
    }
    stop.notify_one();
    let mut writer = writing.await.unwrap();
    writer.write_all(b"\nrest").await.unwrap();
    writer.shutdown().await.unwrap();
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.trim(), "4");
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_other_side() {
    let sshd = Sshd::start(SshdOptions::default());
    // The command says on standard error how much it could write; it can't finish before it is read.
    let command = "dd if=/dev/zero bs=1M count=32 2>/dev/null; echo finished >&2";
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), command).await.unwrap();
    let mut first = [0; 1];
    pipe.reader.read_exact(&mut first).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(pipe.complaints.text(), "");
    let mut rest = Vec::new();
    pipe.reader.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len() + 1, 32 << 20);
    assert_eq!(pipe.complaints.text(), "finished");
}

#[tokio::test]
async fn what_comes_on_standard_error_does_not_stall_the_output() {
    let sshd = Sshd::start(SshdOptions::default());
    let command = "dd if=/dev/zero bs=1M count=8 status=none >&2; echo last words >&2; echo out";
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), command).await.unwrap();
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "out\n");
    assert!(pipe.complaints.text().ends_with("last words"));
}

#[tokio::test]
async fn small_messages_go_back_and_forth_without_delay() {
    let sshd = Sshd::start(SshdOptions::default());
    let mut pipe = open(&sshd.ssh_config(), &Asker::silent(), "cat").await.unwrap();
    let start = std::time::Instant::now();
    for number in 0..200_u32 {
        pipe.writer.write_all(&number.to_be_bytes()).await.unwrap();
        let mut back = [0; 4];
        pipe.reader.read_exact(&mut back).await.unwrap();
        assert_eq!(u32::from_be_bytes(back), number);
    }
    // Nagle's delay alone would make it 8 s.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
