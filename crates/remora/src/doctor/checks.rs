//! The checks of the connection and of what the remote offers. Each gives one finding.

use std::time::{SystemTime, UNIX_EPOCH};

use remora_agent::{AgentError, Link, OpErrorKind, RootInfo};
use remora_debug::interpreter::{self, Wanted};
use remora_debug::wheels;
use remora_mirror::MirrorError;
use remora_model::{Debugger, Target, TransportSpec};

use super::{Finding, Patient, Report};
use crate::account;
use crate::fault::{self, Fault, Kind};
use crate::folders::{Folder, folders};
use crate::reach;
use crate::size::bytes;

/// Less free space than this is worth a warning: a debugger needs some 4 MB unpacked, a project the rest.
const LITTLE_SPACE: u64 = 50_000_000;

/// A clock that differs by more than this makes tools that compare times (make, `__pycache__`) err.
const CLOCK_TOLERANCE_S: f64 = 2.0;

/// Splits a failed connection into what still went well and what did not.
pub(super) fn of_failed_connection(transport: &TransportSpec, fault: &Fault) -> Vec<Finding> {
    const STEPS: [&str; 4] = ["connection", "host key", "login", "python"];
    let ssh = matches!(transport, TransportSpec::Ssh(_));
    let failed = match fault.kind {
        Kind::HostKeyChanged | Kind::HostKeyRevoked | Kind::HostKeyUnknown => 1,
        Kind::AuthFailed | Kind::Cancelled => 2,
        Kind::NoPython | Kind::PythonTooOld => 3,
        // A command that ended without the agent's first word may never have reached the remote.
        Kind::BootFailed if ssh => 3,
        _ => 0,
    };
    let fine = STEPS[..failed].iter().filter(|step| ssh || **step != "host key");
    let mut findings: Vec<Finding> = fine.map(|step| Finding::ok(step, "fine")).collect();
    findings.push(Finding::fault(STEPS[failed], fault));
    findings
}

/// What a live connection shows by itself.
pub(super) fn of_connection(patient: &Patient, link: &Link) -> Vec<Finding> {
    let hello = link.hello();
    let (major, minor, micro) = hello.python;
    let mut findings = vec![Finding::ok("connection", format!("{} answers", hello.host))];
    if matches!(patient.target.transport, TransportSpec::Ssh(_)) {
        findings.push(Finding::ok("host key", "known"));
    }
    findings.push(Finding::ok("login", format!("as {} ({})", hello.user, hello.platform)));
    findings.push(Finding::ok("python", format!("{major}.{minor}.{micro} runs the agent ({})", hello.executable)));
    findings.push(clock(hello.clock.0));
    findings
}

/// Whether a port there can be reached from here.
pub(super) async fn port(patient: &Patient, link: &Link, port: u16) -> Finding {
    const NAME: &str = "port";
    let Some(host) = reach::dialled(&patient.target.transport).await else {
        return Finding::skipped(NAME, "the target has no address that could be dialled from here");
    };
    match reach::reach(link, &host, port).await {
        Ok(_) => Finding::ok(NAME, format!("{port} is open: {host} can be reached on it from here")),
        Err(fault) => Finding::fault(NAME, &fault),
    }
}

fn clock(remote_ns: i64) -> Finding {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let ahead = remote_ns as f64 / 1e9 - now;
    if ahead.abs() <= CLOCK_TOLERANCE_S {
        return Finding::ok("clock", "agrees with this machine's");
    }
    let side = if ahead > 0.0 { "ahead of" } else { "behind" };
    Finding::warning(
        "clock",
        format!("{:.0} s {side} this machine's", ahead.abs()),
        "Set it right there (timedatectl set-ntp true); Remora compares contents, but make and Python compare times.",
    )
}

/// What the remote says when asked.
pub(super) async fn of_remote(patient: &Patient, link: &Link, report: &mut Report<'_>) {
    let folders = match folders(&patient.local_root, &patient.target) {
        Ok(folders) => folders,
        Err(fault) => return report(Finding::fault("mappings", &fault)),
    };
    let Some((main, others)) = folders.split_first() else { return };
    let found = link.root(&main.remote, false).await;
    of_folder(link, main, &found, report).await;
    for folder in others {
        let found = link.root(&folder.remote, false).await;
        of_folder(link, folder, &found, report).await;
    }
    let Some(info) = usable(link, found).await else { return };
    report(space(&info));
    let Target { python, prefix, env, run_as, .. } = &patient.target;
    if let Some(account) = run_as {
        report(sudo(link, account).await);
    }
    let wanted = Wanted { python: python.as_deref(), prefix, env };
    match interpreter::find(link, &info.path, wanted).await {
        Ok(found) => {
            let (major, minor, micro) = found.version;
            let words = format!("{} {major}.{minor}.{micro} runs the program ({})", found.implementation, found.path);
            report(Finding::ok("interpreter", words));
            report(debugger(found.version, patient.settings.debug.debugger));
        }
        Err(error) => report(Finding::fault("interpreter", &Fault::from(error))),
    }
}

async fn sudo(link: &Link, account: &str) -> Finding {
    const NAME: &str = "account";
    let user = &link.hello().user;
    match account::needs_no_password(link, account).await {
        Ok(true) => Finding::ok(NAME, format!("{user} may run programs as {account}")),
        Ok(false) => {
            Finding::ok(NAME, format!("sudo asks for a password before {user} may run a program as {account}"))
        }
        Err(fault) => Finding::fault(NAME, &fault),
    }
}

/// The two ends of a mapping.
async fn of_folder(link: &Link, folder: &Folder, found: &Result<RootInfo, AgentError>, report: &mut Report<'_>) {
    if !folder.local.as_path().is_dir() {
        let fault = fault::mirror(&folder.name, None, &MirrorError::LocalRootGone);
        report(Finding::fault("local root", &fault));
    }
    let mut finding = remote_root(link, folder, found).await;
    if !folder.name.is_workspace() {
        finding.message = format!("{}: {}", folder.name, finding.message);
    }
    report(finding);
}

async fn remote_root(link: &Link, folder: &Folder, found: &Result<RootInfo, AgentError>) -> Finding {
    const NAME: &str = "remote root";
    let root = folder.remote.as_str();
    match found {
        Ok(info) if info.writable => Finding::ok(NAME, format!("{} can be written", info.path)),
        Ok(info) => Finding::fault(NAME, &fault::root_read_only(&info.path.to_string(), "")),
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound && !folder.above.is_empty() => {
            Finding::ok(NAME, format!("{root} is made at the first mirroring"))
        }
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound => match parent(link, root).await {
            Some(info) if info.writable => Finding::ok(NAME, format!("{root} is made at the first mirroring")),
            Some(info) => Finding::fault(NAME, &fault::root_read_only(&info.path.to_string(), "")),
            None => Finding::fault(NAME, &fault::root_missing(root)),
        },
        Err(error) => Finding::fault(NAME, &fault::root(root, error)),
    }
}

/// The folder in which a missing root would be made: the one above it, or the home folder, below which all that is
/// missing is made.
async fn parent(link: &Link, root: &str) -> Option<RootInfo> {
    if root.starts_with('~') || root.starts_with(&format!("{}/", link.hello().home)) {
        return link.root("~", false).await.ok();
    }
    let (above, _) = root.trim_end_matches('/').rsplit_once('/')?;
    link.root(if above.is_empty() { "/" } else { above }, false).await.ok()
}

async fn usable(link: &Link, found: Result<RootInfo, AgentError>) -> Option<RootInfo> {
    match found {
        Ok(info) => Some(info),
        Err(_) => link.root("~", false).await.ok(),
    }
}

fn space(info: &RootInfo) -> Finding {
    let free = bytes(info.free_bytes);
    if info.free_bytes >= LITTLE_SPACE {
        return Finding::ok("space", format!("{free} free"));
    }
    Finding::warning("space", format!("only {free} free in {}", info.path), "Free some space there.")
}

fn debugger(version: (u8, u8, u8), wanted: Debugger) -> Finding {
    match wheels::choose(version, wanted) {
        Ok(push) => {
            let size = bytes(push.archive.len() as u64);
            Finding::ok("debugger", format!("{} {} ({size}, brought there once)", push.name, push.version))
        }
        Err(unsupported) => {
            let path = "the interpreter".to_owned();
            Finding::fault("debugger", &Fault::from(remora_debug::DebugError::Unsupported { path, unsupported }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_called_fine_only_where_it_was_taken() {
        let ssh = TransportSpec::Ssh(remora_model::SshSpec::default());
        let command = TransportSpec::Command(vec!["false".into()]);
        for (transport, kind, want) in [
            (&ssh, Kind::UnknownHost, vec!["connection"]),
            (&ssh, Kind::HostKeyChanged, vec!["connection", "host key"]),
            (&ssh, Kind::AuthFailed, vec!["connection", "host key", "login"]),
            (&ssh, Kind::BootFailed, vec!["connection", "host key", "login", "python"]),
            (&command, Kind::BootFailed, vec!["connection"]),
            (&command, Kind::NoPython, vec!["connection", "login", "python"]),
        ] {
            let findings = of_failed_connection(transport, &Fault::new(kind, "", ""));
            let names: Vec<&str> = findings.iter().map(|finding| finding.name).collect();
            assert_eq!(names, want, "{kind:?} over {transport:?}");
        }
    }
}
