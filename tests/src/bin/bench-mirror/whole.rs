//! Owns the whole `remora mirror`, from its start to its end: what one waits for without an editor. For information
//! beside a rival's whole command, which has its connection already.

use std::path::Path;
use std::time::Duration;

use remora_tests::bench::editor::{Sides, remora};
use remora_tests::bench::shared::succeed;
use tokio::process::Command;

use crate::clock::timed;

/// How long it takes, its own connection included.
pub(crate) async fn mirror(home: &Path, sides: &Sides, ssh_config: &Path) -> Duration {
    let mut command = Command::new(remora());
    command.env("HOME", home).env_remove("XDG_CACHE_HOME").env_remove("SSH_AUTH_SOCK");
    command
        .args(["mirror", "--large-too", "--json", "--host", "box", "--python", "python3", "--ssh-config"])
        .arg(ssh_config);
    command.arg("--root").arg(&sides.local_root).arg("--remote-root").arg(&sides.remote_root);
    timed(succeed(command)).await
}
