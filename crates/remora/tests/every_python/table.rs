//! Owns the table of README that says what works with which interpreter: how it is written, and whether it is what was
//! seen. Never runs anything.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What is asked of each interpreter and debugger, in the order of the columns.
pub(crate) const FEATURES: [&str; 15] = [
    "breakpoint",
    "step in",
    "evaluate",
    "set variable",
    "step over",
    "step out",
    "condition",
    "hit count",
    "logpoint",
    "exception",
    "thread",
    "child process",
    "pause",
    "restart",
    "terminate",
];

/// Says that README is to be written, and not compared.
const WRITE: &str = "REMORA_WRITE_README";
/// Stands above the table, so that both sides find it.
const MARK: &str = "<!-- Written by the test every_python of crates/remora. -->\n";

/// What came of one feature. What happens instead of it is seen by the test as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Works,
    CalledPause,
    ChildrenRunFreely,
    NeverStops,
}

/// What stands in the table and below it, of each that does not work as elsewhere.
const NOTES: [(Mark, &str, &str); 3] = [
    (Mark::CalledPause, "✓¹", "ptvsd calls this stop a pause."),
    (Mark::ChildrenRunFreely, "²", "Child processes run without the debugger: each would listen on a port of its own."),
    (Mark::NeverStops, "³", "Refused: on 3.13 it attaches, says that breakpoints are verified, and never stops."),
];

/// What was seen of one interpreter and debugger.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) python: &'static str,
    /// With its version.
    pub(crate) debugger: String,
    /// One for each of [`FEATURES`], or a single one for all of them.
    pub(crate) marks: Vec<Mark>,
}

impl Row {
    /// One line of the table.
    fn line(&self) -> String {
        let mut line = format!("| {} | {} |", self.python, self.debugger);
        let spread = if self.marks.len() == 1 { FEATURES.len() } else { 1 };
        for mark in self.marks.iter().flat_map(|mark| std::iter::repeat_n(mark, spread)) {
            let note = NOTES.iter().find(|(of, ..)| of == mark);
            let cell = note.map_or("✓", |(_, sign, _)| sign);
            let _ = write!(line, " {cell} |");
        }
        line + "\n"
    }
}

/// The table and its notes.
fn written(rows: &[Row]) -> String {
    let lines: String = rows.iter().map(Row::line).collect();
    let head = format!("| Python | debugger | {} |\n|{}\n", FEATURES.join(" | "), "---|".repeat(FEATURES.len() + 2));
    let used = NOTES.iter().filter(|(mark, ..)| rows.iter().any(|row| row.marks.contains(mark)));
    let notes: Vec<String> = used.map(|(_, sign, note)| format!("{} {note}", sign.trim_start_matches('✓'))).collect();
    format!("{head}{lines}\n{}\n", notes.join(" "))
}

/// Compares README with what was seen; writes it instead, if the environment says so.
///
/// # Panics
/// When they differ, with what is to be done.
pub(crate) fn compare(rows: &[Row], wanted: usize) {
    let path = readme();
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(MARK).expect("README has the mark of the table");
    // The table and its notes, each with an empty line behind.
    let parts: Vec<&str> = rest.splitn(3, "\n\n").collect();
    let (now, after) = (format!("{}\n\n{}\n", parts[0], parts[1]), parts[2]);
    let seen = written(rows);
    if std::env::var_os(WRITE).is_some() {
        assert_eq!(rows.len(), wanted, "README is only written where all interpreters are");
        fs::write(&path, format!("{before}{MARK}{seen}\n{after}")).unwrap();
        return;
    }
    let now = if rows.len() == wanted { now } else { only(rows, &now) };
    let seen = if rows.len() == wanted { seen } else { only(rows, &seen) };
    assert_eq!(
        seen, now,
        "README says something else of interpreters than was seen; {WRITE}=1 cargo test -p remora --test every_python writes it"
    );
}

/// The lines of the table about what was tried: who has some of the interpreters only sees whether those are told right.
fn only(rows: &[Row], text: &str) -> String {
    let is_about = |line: &&str| rows.iter().any(|row| line.starts_with(&format!("| {} | ", row.python)));
    text.lines().filter(is_about).collect::<Vec<_>>().join("\n")
}

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")
}
