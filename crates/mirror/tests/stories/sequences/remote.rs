//! Owns the agents of a row of sequences: one serves many of them, until its pipe is cut. Never mirrors anything.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use remora_agent::{Link, boot_command};
use remora_testkit::sshd::Sshd;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::wire::Wire;

/// Long enough for a busy machine; reaching it is a failure, never a success.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where agents are started.
pub struct Remote {
    home: TempDir,
    /// Behind this server, or on this machine without one.
    server: Option<Arc<Sshd>>,
    /// The way to it, if it is not the usual one.
    pub way: Option<PathBuf>,
    agent: Option<Agent>,
    /// Agents whose pipe was cut, and which may not have noticed; what ends with each.
    orphans: Vec<(JoinHandle<()>, Child)>,
}

/// An agent that runs.
pub struct Agent {
    pub link: Link,
    pub wire: Wire,
    /// The shell or the client that leads to the agent.
    child: Child,
}

impl Remote {
    pub fn new(server: Option<Arc<Sshd>>) -> Self {
        Self { home: tempfile::tempdir().unwrap(), server, way: None, agent: None, orphans: Vec::new() }
    }

    /// The agent that runs; another one if there is none.
    pub async fn agent(&mut self) -> &Agent {
        if self.agent.is_none() {
            self.agent = Some(self.start().await);
        }
        self.agent.as_ref().unwrap()
    }

    /// The agent, if one runs.
    pub fn running(&self) -> Option<&Agent> {
        self.agent.as_ref()
    }

    /// Cuts the pipe; what has reached the agent may still be done. With `kill` there is no agent any more.
    pub async fn cut(&mut self, kill: bool) {
        let Some(Agent { link, wire, child }) = self.agent.take() else { return };
        if kill {
            let pid = Pid::from_raw(i32::try_from(link.hello().pid).unwrap()).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
        }
        let end = wire.cut().await;
        timeout(PATIENCE, link.lost()).await.unwrap();
        self.orphans.push((end, child));
    }

    /// Waits until no agent does anything, save what is held back.
    pub async fn quiet(&mut self) {
        if let Some(agent) = &self.agent {
            timeout(PATIENCE, agent.wire.answered()).await.unwrap();
        }
        for (end, _child) in self.orphans.drain(..) {
            timeout(PATIENCE, end).await.unwrap().unwrap();
        }
    }

    async fn start(&self) -> Agent {
        let mut shell = match &self.server {
            None => Command::new("sh"),
            Some(server) => {
                let mut ssh = Command::new("ssh");
                let way = self.way.clone().unwrap_or_else(|| server.ssh_config());
                ssh.arg("-F").arg(way).args(["box", "exec", "sh"]);
                ssh
            }
        };
        let command = if self.server.is_some() { format!("'{}'", boot_command()) } else { boot_command().to_owned() };
        shell.arg("-c").arg(command).env("HOME", self.home.path());
        shell.env("XDG_CACHE_HOME", self.home.path().join("cache")).env("XDG_RUNTIME_DIR", self.home.path());
        let mut child = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (wire, ends) = Wire::new(child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let link = timeout(PATIENCE, Link::open(ends)).await.unwrap().unwrap();
        Agent { link, wire, child }
    }
}
