//! Owns what the SSH configuration says of one host: asks OpenSSH's own client where there is one,
//! reads the files itself otherwise. Never connects.

mod file;
mod hosts;
mod include;
mod line;
mod spec;
mod values;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use remora_model::SshSpec;
use tokio::process::Command;

use crate::TransportError;
pub(crate) use hosts::Host;
pub(super) use values::{AddressFamily, AgentChoice, Options, StrictHostKeys};

/// `ssh -G` answers in milliseconds, unless a `Match exec` in the configuration hangs.
const CONFIG_TIMEOUT: Duration = Duration::from_secs(10);

/// What is configured for `spec`.
pub(super) async fn resolve(spec: &SshSpec) -> Result<Options, TransportError> {
    let wanted = spec::split(spec)?;
    let config = spec.config.as_deref().map(|path| values::expand_home(path, home().as_deref()));
    let lines = match ask_ssh(&wanted, config.as_ref()).await? {
        Some(lines) => lines,
        None => file::read(&wanted, config.as_deref(), home().as_deref())?,
    };
    values::options(&lines, &wanted, config, home().as_deref())
}

/// The hosts that the configuration of the user whose home this is calls by name.
pub(super) fn hosts(home: Option<&Path>) -> Vec<Host> {
    hosts::list(None, home)
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// The lines of `ssh -G`; nothing when there is no `ssh`.
async fn ask_ssh(
    wanted: &spec::Wanted,
    config: Option<&PathBuf>,
) -> Result<Option<Vec<(String, String)>>, TransportError> {
    let unreadable = |reason: String| TransportError::ConfigUnreadable { file: config.cloned(), reason };
    let mut ssh = Command::new("ssh");
    ssh.args(["-G", "-T"]);
    if let Some(config) = config {
        ssh.arg("-F").arg(config);
    }
    if let Some(user) = &wanted.user {
        ssh.args(["-l", user]);
    }
    if let Some(port) = wanted.port {
        ssh.args(["-p", &port.to_string()]);
    }
    ssh.args(["--", &wanted.host]).stdin(Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    ssh.creation_flags(crate::child::CREATE_NO_WINDOW);
    let output = match tokio::time::timeout(CONFIG_TIMEOUT, ssh.output()).await {
        Err(_) => return Err(unreadable(format!("ssh -G did not answer within {} s", CONFIG_TIMEOUT.as_secs()))),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Ok(Err(error)) => return Err(unreadable(error.to_string())),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(unreadable(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let pair = |line: &str| line.trim_end().split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Ok(Some(text.lines().filter_map(pair).collect()))
}
