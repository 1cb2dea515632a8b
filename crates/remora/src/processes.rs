//! Owns how a process of the remote reads in a list: for the command line and the editor alike. Finds none itself.

use remora_debug::Running;
use remora_model::Mtime;

use crate::kept::time_text;
use crate::protocol::debug::ShownProcess;

/// When a process began, as scripts read it.
pub(crate) fn since(started: u64) -> String {
    let exactly = time_text(Mtime(i64::try_from(started).unwrap_or_default().saturating_mul(1_000_000_000)));
    exactly.split('.').next().map(|seconds| format!("{}Z", seconds.trim_end_matches('Z'))).unwrap_or_default()
}

/// What there is to say of it beside its command.
pub(crate) fn described(process: &Running) -> String {
    let version = process.version.map(|(major, minor)| format!("Python {major}.{minor}"));
    let listens: Vec<String> = process.listens.iter().map(u16::to_string).collect();
    let listens = (!listens.is_empty()).then(|| format!("listens on {}", listens.join(", ")));
    let debugger = process.debugger.as_deref().map(|debugger| match debugger {
        "remora" => "debugged by Remora".to_owned(),
        other => format!("debugged ({other})"),
    });
    let user = (!process.own).then(|| process.user.clone());
    let parts = [version, user, Some(format!("since {}", since(process.started))), listens, debugger];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// As an editor shows it.
pub(crate) fn shown(process: &Running) -> ShownProcess {
    let Running { pid, command, .. } = process;
    ShownProcess { pid: *pid, label: command.clone(), description: pid.to_string(), detail: described(process) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_of_a_process_is_one_line() {
        let process = Running {
            pid: 7,
            user: "www".into(),
            own: false,
            started: 0,
            command: "python app.py".into(),
            version: Some((3, 11)),
            python: "/usr/bin/python3.11".into(),
            listens: vec![80, 5678],
            debugger: Some("debugpy:5678".into()),
        };
        let said = described(&process);
        let expected = format!("Python 3.11, www, since {}, listens on 80, 5678, debugged (debugpy:5678)", since(0));
        assert_eq!(said, expected);
    }
}
