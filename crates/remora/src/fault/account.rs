//! Words what can go wrong on the way to another account of the remote.

use remora_agent::{AgentError, BootError, OpErrorKind};
use remora_model::RemotePath;

use super::agent::lost;
use super::transport::said;
use super::{Fault, Kind};

/// Why sudo has run nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SudoRefusal {
    /// None of the passwords was right, or none was given.
    Password,
    /// The login may not run this as that account.
    NotAllowed,
    /// It wants a terminal.
    Terminal,
    /// There is no such account.
    NoAccount,
    /// Its words tell, in whatever language.
    Other,
}

/// sudo has refused the login of a host to run something as `account`.
#[must_use]
pub fn sudo_refused((user, host): (&str, &str), account: &str, (refusal, words): &(SudoRefusal, String)) -> Fault {
    let kind = if *refusal == SudoRefusal::Password { Kind::AuthFailed } else { Kind::SudoRefused };
    let hint = match refusal {
        SudoRefusal::Password => format!("Start again with the password that sudo asks {user} for on that machine."),
        SudoRefusal::NotAllowed => format!(
            "Have its administrator allow it, such as by the line `{user} ALL=({account}) ALL` in /etc/sudoers.d."
        ),
        SudoRefusal::Terminal => {
            format!("Have its administrator write `Defaults:{user} !requiretty` into /etc/sudoers.d.")
        }
        SudoRefusal::NoAccount => "Correct --run-as, or the \"runAs\" of the configuration or the target.".to_owned(),
        SudoRefusal::Other => format!("Try `sudo -u {account} true` in a terminal there."),
    };
    Fault::new(kind, format!("sudo on {host} does not let {user} run a program as {account}{}.", said(words)), hint)
}

/// The user gave no password for sudo.
#[must_use]
pub fn sudo_declined(account: &str) -> Fault {
    Fault::new(
        Kind::Cancelled,
        format!("Nothing was run as {account}: sudo got no password."),
        "Start again if it is still wanted.",
    )
}

/// sudo itself was not started.
#[must_use]
pub fn no_sudo(account: &str, error: &AgentError) -> Fault {
    match error {
        AgentError::Op(op) if op.kind == OpErrorKind::NotFound => Fault::new(
            Kind::SudoRefused,
            format!("Nothing can be run as {account}: there is no sudo on the remote."),
            "Install it there, or log in as that account.",
        ),
        error => account_lost(account, error),
    }
    .because(error)
}

/// sudo has run a shell, which has started no agent.
#[must_use]
pub fn no_agent_of(account: &str, error: &BootError) -> Fault {
    let (kind, hint) = match error {
        BootError::NoPython => (Kind::NoPython, "Install Python 3.6 or later where that account finds it."),
        BootError::PythonTooOld { .. } => (Kind::PythonTooOld, "Install Python 3.6 or later where it finds it."),
        _ => (Kind::BootFailed, "Try `sudo -u ACCOUNT sh -c true` in a terminal there."),
    };
    Fault::new(kind, format!("Remora's helper did not start as {account} on the remote: {error}."), hint).because(error)
}

/// What was to be done as `account` got no answer.
#[must_use]
pub fn account_lost(account: &str, error: &AgentError) -> Fault {
    match error {
        AgentError::Lost(reason) => lost(reason),
        AgentError::Op(op) => Fault::new(
            Kind::SudoRefused,
            format!("Nothing can be run as {account} on the remote{}.", said(&op.message)),
            format!("Try `sudo -u {account} true` in a terminal there."),
        ),
    }
    .because(error)
}

/// The folder that mirrors the project is shut to `account`.
#[must_use]
pub fn account_may_not_read(account: &str, root: &RemotePath) -> Fault {
    Fault::new(
        Kind::Permission,
        format!("{account} may not read {root} on the remote, where the project is mirrored."),
        "Let it in there and in the folders above, or choose a remoteRoot that both may read, such as one below /srv.",
    )
}
