//! Owns the ways to the server: one for each round trip, with a connection that OpenSSH keeps open for the rivals.
//! Knows nothing of what is carried.

use std::path::{Path, PathBuf};
use std::time::Duration;

use remora_testkit::lag::Lag;
use remora_testkit::sshd::Sshd;
use remora_tests::bench::shared::Shared;
use tempfile::TempDir;

/// One way.
pub(crate) struct Road {
    pub(crate) round_trip: Duration,
    pub(crate) lag: Lag,
    pub(crate) ssh_config: PathBuf,
    pub(crate) shared: Shared,
    /// Of the shared connection's socket.
    _folder: TempDir,
}

impl Road {
    pub(crate) async fn open(sshd: &Sshd, round_trip: Duration, ground: &Path) -> Self {
        let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), round_trip).expect("the delay can be started");
        let ssh_config = sshd.ssh_config_via(lag.port());
        let folder = tempfile::tempdir_in(ground).expect("a folder can be made");
        let shared = Shared::open(&ssh_config, folder.path()).await;
        Self { round_trip, lag, ssh_config, shared, _folder: folder }
    }

    pub(crate) async fn close(self) {
        self.shared.close().await;
    }
}
