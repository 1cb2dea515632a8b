//! Owns what could be reached from here: hosts of the user's `ssh_config`, containers and pods that run,
//! and this machine. Connects to none of them; what can't be listed is told in the log.

mod containers;

use std::ffi::OsString;
use std::path::PathBuf;

use remora_model::{SshSpec, TransportSpec};

use crate::ssh;
use containers::{DOCKER, KUBECTL, PODMAN};

/// A place that could become a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it was found.
    pub kind: CandidateKind,
    /// What it is called there.
    pub name: String,
    /// What tells it from others: an address, an image, a namespace. May be empty.
    pub detail: String,
    /// How it is reached.
    pub transport: TransportSpec,
}

/// Where a [`Candidate`] was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// In `ssh_config`.
    Ssh,
    /// A container that Docker or Podman runs.
    Docker,
    /// A pod of the present Kubernetes context and namespace.
    Kubernetes,
    /// This machine itself.
    Local,
}

impl CandidateKind {
    /// Its name, for scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Local => "local",
        }
    }
}

/// What could be reached from here: SSH hosts in the order of the configuration, then containers, then pods,
/// then this machine. Needs a tokio runtime with I/O and time. Takes no longer than the slowest of the tools,
/// each of which is given a few seconds.
pub async fn candidates() -> Vec<Candidate> {
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    Surroundings { home, path: std::env::var_os("PATH").unwrap_or_default() }.candidates().await
}

/// Where is looked.
struct Surroundings {
    home: Option<PathBuf>,
    path: OsString,
}

impl Surroundings {
    async fn candidates(self) -> Vec<Candidate> {
        let Self { home, path } = self;
        let hosts = tokio::task::spawn_blocking(move || ssh::hosts(home.as_deref()));
        let (hosts, docker, podman, kubectl) = tokio::join!(
            hosts,
            containers::list(&DOCKER, &path),
            containers::list(&PODMAN, &path),
            containers::list(&KUBECTL, &path)
        );
        let hosts = hosts.unwrap_or_default().into_iter().map(host);
        let here = Candidate {
            kind: CandidateKind::Local,
            name: "local".to_owned(),
            detail: String::new(),
            transport: TransportSpec::Local,
        };
        hosts.chain(docker).chain(podman).chain(kubectl).chain([here]).collect()
    }
}

fn host(host: ssh::Host) -> Candidate {
    let spec = SshSpec { host: host.alias.clone(), ..SshSpec::default() };
    Candidate { kind: CandidateKind::Ssh, name: host.alias, detail: host.place, transport: TransportSpec::Ssh(spec) }
}

#[cfg(all(test, unix))]
mod tests;
