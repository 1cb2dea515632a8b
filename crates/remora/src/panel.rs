//! Owns how a status reads in an editor: the button, its tooltip, what one can do now, and the conditions
//! that menus hide by. Pure; never shows anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::status::{Phase, SessionStatus, Status, UploadProgress};

/// What an editor shows of a status.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// Name of an icon among VS Code's product icons.
    pub icon: &'static str,
    /// Target and state, in a glance.
    pub text: String,
    /// The details, in Markdown.
    pub tooltip: String,
    /// Whether the user should look.
    pub warning: bool,
    /// What work is going on, for a progress notice; empty when there is none.
    pub doing: String,
    /// Names for `when` clauses, without their prefix.
    pub conditions: BTreeMap<&'static str, bool>,
    /// What one can do now, the likeliest first.
    pub actions: Vec<Action>,
}

/// Something that the button offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// A command of the extension.
    pub command: &'static str,
    /// Icon and words.
    pub label: String,
}

/// As many names as a tooltip shows of a list.
const MOST_NAMES: usize = 5;

impl Panel {
    /// What to show of `status`.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let (icon, words, warning) = look(status.phase);
        let troubles = troubles(status);
        let state = match status.phase {
            Phase::Trouble if !troubles.is_empty() => Vec::new(),
            _ => vec![words.to_owned()],
        };
        let pending = (status.pending > 0).then(|| format!("{} pending", status.pending));
        let paused = (status.paused && status.phase != Phase::Paused).then(|| "paused".to_owned());
        let warning = warning || !troubles.is_empty();
        let state = [state, troubles, paused.into_iter().chain(pending).collect()].concat().join(" · ");
        let progress = status.progress.as_ref().map(uploaded);
        let conditions = conditions(status);
        Self {
            icon,
            text: format!("{}: {state}", status.target.as_deref().unwrap_or("Remora")),
            tooltip: tooltip(status, progress.as_ref().unwrap_or(&state)),
            warning,
            doing: progress.unwrap_or_else(|| if works(status.phase) { words.to_owned() } else { String::new() }),
            actions: ACTIONS
                .iter()
                .filter(|(wanted, ..)| holds(wanted, &conditions))
                .map(|(_, command, label)| Action {
                    command,
                    label: label.replace('#', &status.held.to_string()).replace('%', &status.large.to_string()),
                })
                .collect(),
            conditions,
        }
    }
}

/// Icon, words, and whether the user should look.
fn look(phase: Phase) -> (&'static str, &'static str, bool) {
    match phase {
        Phase::NotConnected => ("debug-disconnect", "not connected", false),
        Phase::Connecting => ("sync~spin", "connecting", false),
        Phase::Connected => ("plug", "connected", false),
        Phase::Comparing => ("sync~spin", "comparing", false),
        Phase::Uploading => ("sync~spin", "uploading", false),
        Phase::InSync => ("check", "in sync", false),
        Phase::Paused => ("debug-pause", "paused", false),
        Phase::Trouble => ("warning", "needs a look", true),
        Phase::Debugging => ("debug-alt", "debugging", false),
        Phase::Stale => ("history", "debugging, stale", true),
        Phase::Reconnecting => ("sync~spin", "connection lost, reconnecting", true),
    }
}

/// Whether the phase is one of work that somebody may wait for.
fn works(phase: Phase) -> bool {
    matches!(phase, Phase::Connecting | Phase::Comparing | Phase::Uploading | Phase::Reconnecting)
}

/// What needs the user; said in every phase, also while a program is debugged.
fn troubles(status: &Status) -> Vec<String> {
    let counted = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let parts = [
        counted(status.diverged.len(), "diverged"),
        counted(status.failed.len(), "not stored"),
        counted(status.held as usize, "gone here, kept there"),
        counted(status.large as usize, "large, not sent"),
    ];
    parts.into_iter().flatten().collect()
}

fn tooltip(status: &Status, doing: &str) -> String {
    let root = status.remote_root.as_ref().map(|root| format!(" → {}", escaped(root))).unwrap_or_default();
    let mut sections =
        vec![format!("**{}**{root}", escaped(status.target.as_deref().unwrap_or("Remora"))), doing.to_owned()];
    sections.extend((status.held > 0).then(|| HELD.replace('#', &status.held.to_string())));
    sections.extend((status.large > 0).then(|| LARGE.replace('#', &status.large.to_string())));
    sections.extend(list("Changed over there by somebody else, and left alone", &status.diverged));
    sections.extend(status.failed.iter().take(MOST_NAMES).map(|file| escaped(&file.reason)));
    let untold = status.failed.len().saturating_sub(MOST_NAMES);
    sections.extend((untold > 0).then(|| format!("{untold} more are not stored")));
    sections.extend(status.sessions.iter().map(running));
    let told = |message: &&str| status.failed.iter().any(|file| file.reason == *message);
    sections.extend(status.message.as_deref().filter(|message| !told(message)).map(escaped));
    sections.join("\n\n")
}

fn running(session: &SessionStatus) -> String {
    let state = if session.attached { "is being debugged" } else { "waits for a debugger" };
    let old = match session.stale.as_slice() {
        [] => String::new(),
        stale => format!(" and runs another text of {}", escaped(&named(stale, session.stale_files))),
    };
    format!("$(debug-alt) {} {state}{old}", escaped(&session.name))
}

/// How far a bulk upload is.
fn uploaded(progress: &UploadProgress) -> String {
    let UploadProgress { files_done, files_total, bytes_done, bytes_total } = progress;
    format!("{files_done} of {files_total} files, {} of {} MB", megabytes(*bytes_done), megabytes(*bytes_total))
}

/// With one digit after the point.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_add(50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn list(title: &str, paths: &[String]) -> Option<String> {
    (!paths.is_empty()).then(|| format!("{title}: {}", escaped(&named(paths, paths.len()))))
}

/// The first of so many.
pub(crate) fn named(paths: &[String], count: usize) -> String {
    let names = paths.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if count > MOST_NAMES { format!("{names}, and {} more", count - MOST_NAMES) } else { names }
}

/// File names are nobody's Markdown.
pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        if r"\`*_{}[]()#+!|<>~$".contains(character) {
            escaped.push('\\');
        }
        escaped.push(if character.is_control() { '\u{fffd}' } else { character });
        escaped
    })
}

fn conditions(status: &Status) -> BTreeMap<&'static str, bool> {
    BTreeMap::from([
        ("hasTarget", status.target.is_some()),
        ("connected", !matches!(status.phase, Phase::NotConnected | Phase::Connecting | Phase::Reconnecting)),
        ("paused", status.paused),
        ("debugging", !status.sessions.is_empty()),
        ("waitsForDebugger", status.sessions.iter().any(|session| !session.attached)),
        ("holds", status.held > 0),
        ("holdsLarge", status.large > 0),
        ("trouble", !status.diverged.is_empty() || !status.failed.is_empty()),
    ])
}

/// Said of files that are gone here and not removed there; `#` stands for their number.
const HELD: &str = "# files are gone here, more than are removed unasked, and are still there: remove or keep them";

/// Said of files that are too large to be sent unasked.
const LARGE: &str = "# files are larger than is sent unasked: send them or leave them out";

/// Command and words, with the conditions under which it makes sense; `!` means that one does not hold, and `#` stands
/// for how many files are held, `%` for how many large ones.
const ACTIONS: [(&[&str], &str, &str); 18] = [
    (&["holds"], "remora.removeHeld", "$(trash) Remove # Files There"),
    (&["holds"], "remora.keepHeld", "$(shield) Keep Them There"),
    (&["holdsLarge"], "remora.sendLarge", "$(cloud-upload) Send % Large Files"),
    (&["holdsLarge"], "remora.leaveLarge", "$(circle-slash) Leave Them Out"),
    (&["trouble"], "remora.resolve", "$(warning) Resolve What Diverged or Failed…"),
    (&["hasTarget", "!connected"], "remora.connect", "$(plug) Connect"),
    (&["debugging"], "remora.restart", "$(debug-restart) Restart"),
    (&["debugging"], "remora.stop", "$(debug-stop) Stop"),
    (&["waitsForDebugger"], "remora.attach", "$(debug-alt) Attach to Running Session…"),
    (&["hasTarget", "!debugging"], "remora.debugFile", "$(debug-alt) Debug This File"),
    (&["hasTarget", "!paused"], "remora.mirror", "$(cloud-upload) Mirror Everything Now"),
    (&["hasTarget", "!paused"], "remora.pause", "$(debug-pause) Pause Mirroring"),
    (&["paused"], "remora.resume", "$(debug-continue) Resume Mirroring"),
    (&["hasTarget"], "remora.openTerminal", "$(terminal) Open Remote Terminal"),
    (&["hasTarget"], "remora.selectTarget", "$(server) Select Target…"),
    (&[], "remora.addTarget", "$(add) Add Target…"),
    (&["hasTarget"], "remora.doctor", "$(heart) Run Doctor"),
    (&[], "remora.showLog", "$(output) Show Log"),
];

fn holds(wanted: &[&str], conditions: &BTreeMap<&'static str, bool>) -> bool {
    wanted.iter().all(|name| match name.strip_prefix('!') {
        Some(name) => conditions.get(name) == Some(&false),
        None => conditions.get(name) == Some(&true),
    })
}

#[cfg(test)]
mod tests;
