//! Owns how people do it today: rsync, tar, scp and `ssh cat` over the shared connection. Takes no time.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use remora_tests::bench::shared::{Shared, succeed};
use tokio::process::Command;

/// Makes the remote folder or file equal to the local one.
pub(crate) async fn rsync(shared: &Shared, from: &Path, to: &Path) {
    // With a slash at its end, a folder's name stands for what is in it.
    let from = if from.is_dir() { from.join("") } else { from.to_owned() };
    let mut command = shared.rsync();
    command.arg(from).arg(format!("box:{}", to.display()));
    succeed(command).await;
}

/// Copies a folder into one that is made for it.
pub(crate) async fn tar(shared: &Shared, from: &Path, to: &Path) {
    let mut pack = Command::new("tar");
    pack.arg("-C").arg(from).args(["-cf", "-", "."]).stdout(Stdio::piped());
    let mut packing = pack.spawn().expect("tar can be started");
    let packed: Stdio = packing.stdout.take().and_then(|out| out.try_into().ok()).expect("invariant: it is piped");
    let mut unpack = shared.with_options("ssh");
    unpack.args(["box", &format!("mkdir {0} && tar -C {0} -xf -", to.display())]).stdin(packed);
    succeed(unpack).await;
    assert!(packing.wait().await.expect("tar can be waited for").success(), "tar failed");
}

/// Copies one file.
pub(crate) async fn scp(shared: &Shared, from: &Path, to: &Path) {
    let mut command = shared.with_options("scp");
    command.arg("-pq").arg(from).arg(format!("box:{}", to.display()));
    succeed(command).await;
}

/// Copies one file's bytes.
pub(crate) async fn cat(shared: &Shared, from: &Path, to: &Path) {
    let mut command = shared.with_options("ssh");
    command.args(["box", "cat", ">"]).arg(to).stdin(File::open(from).expect("the file can be read"));
    succeed(command).await;
}
