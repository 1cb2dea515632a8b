//! Connections leave no thread, no file descriptor and no child behind. Alone in its process, because
//! it counts all of them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "ssh/asker.rs"]
mod asker;
#[path = "ssh/until.rs"]
mod until;

use std::fs;

use asker::{Asker, open};
use remora_model::TransportSpec;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::connect;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use until::until;

/// What this process has: descriptors, threads of the transport, children.
fn census() -> (usize, usize, usize) {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    let names = fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = names.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let threads = names.filter(|name| name.trim() == "remora-ssh").count();
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children = lists.flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let children = children.filter(|pid| !pid.trim().is_empty()).count();
    (descriptors, threads, children)
}

async fn use_once(spec: &TransportSpec) {
    let mut pipe = connect(spec, Asker::silent(), "printf ready; cat").await.unwrap();
    pipe.reader.read_exact(&mut [0; 5]).await.unwrap();
    pipe.writer.write_all(b"ping").await.unwrap();
    pipe.reader.read_exact(&mut [0; 4]).await.unwrap();
}

/// Waits until only the two servers are left and at most `descriptors` are open; returns how many are.
async fn settled(descriptors: usize) -> usize {
    let quiet = |census: (usize, usize, usize)| census.0 <= descriptors && census.1 == 0 && census.2 == 2;
    until("only what was there before is left", || quiet(census())).await;
    census().0
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let proxied = vec!["ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'".to_owned()];
    let sshd = Sshd::start(SshdOptions::default());
    let behind = Sshd::start(SshdOptions { client_lines: proxied, ..SshdOptions::default() });
    let specs = [
        TransportSpec::Local,
        TransportSpec::Command(vec!["env".to_owned()]),
        asker::spec(&sshd.ssh_config()),
        asker::spec(&behind.ssh_config()),
    ];
    // Once, for what is made once and kept: the runtime's own threads and descriptors.
    for spec in &specs {
        use_once(spec).await;
    }
    let before = settled(usize::MAX).await;
    for _ in 0..10 {
        for spec in &specs {
            use_once(spec).await;
        }
    }
    settled(before).await;
    // A refused login leaves nothing either.
    fs::write(sshd.folder().join("authorized_keys"), "").unwrap();
    for _ in 0..5 {
        open(&sshd.ssh_config(), &Asker::silent(), "true").await.unwrap_err();
    }
    settled(before).await;
}
