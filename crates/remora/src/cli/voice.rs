//! The one writer of the command line: JSON lines for scripts, or plain words and a progress bar for
//! people. Owns both output streams. Never decides what is said.

use std::io::{IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use remora_agent::Exit;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::size::bytes;
use crate::surface::{Mirrored, Progress};

/// Says things, in the form that was asked for.
pub(super) struct Voice {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Voice {
    /// A voice for scripts, or for people.
    pub(super) fn new(json: bool) -> Self {
        Self { json, bar: None }
    }

    /// One event: as JSON, or in words on standard error.
    pub(super) fn say(&mut self, event: &Value, words: &str) {
        self.finish_bar();
        if self.json {
            write_line(&event.to_string());
        } else {
            complain(words);
        }
    }

    /// A result that people may want to pipe: as JSON, or in words on standard output.
    pub(super) fn print(&mut self, event: &Value, words: &str) {
        self.finish_bar();
        write_line(&if self.json { event.to_string() } else { words.to_owned() });
    }

    /// Files are on the remote.
    pub(super) fn mirrored(&mut self, done: &Mirrored) {
        let ms = done.elapsed.as_secs_f64() * 1000.0;
        let event = json!({
            "event": "mirrored", "files": done.files, "bytes": done.bytes, "ms": (ms * 10.0).round() / 10.0,
        });
        let words = match done.files {
            0 => "the remote is in sync".to_owned(),
            1 => format!("mirrored 1 file ({}) in {ms:.0} ms", bytes(done.bytes)),
            files => format!("mirrored {files} files ({}) in {ms:.0} ms", bytes(done.bytes)),
        };
        self.say(&event, &words);
    }

    /// What an earlier run did not finish is being finished.
    pub(super) fn resumed(&mut self, left: u64) {
        let event = json!({"event": "resumed", "left": left});
        let words = match left {
            1 => "finishing what was cut short before: 1 change is left".to_owned(),
            left => format!("finishing what was cut short before: {left} changes are left"),
        };
        self.say(&event, &words);
    }

    /// Something failed.
    pub(super) fn fault(&mut self, fault: &Fault) {
        if let Some(chain) = &fault.source_chain {
            tracing::info!(kind = ?fault.kind, chain, "{}", fault.message);
        }
        let event = json!({
            "event": "fault", "kind": fault.kind, "message": fault.message, "hint": fault.hint,
        });
        self.say(&event, &format!("{} {}", fault.message, fault.hint));
    }

    /// Long work goes on; shown as a bar where there is a terminal.
    pub(super) fn progress(&mut self, counts: &Progress) {
        if self.json || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let template = "{bar:30} {bytes}/{total_bytes} {msg} {eta}";
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        bar.set_length(counts.bytes_total);
        bar.set_position(counts.bytes_done);
        bar.set_message(format!("{} of {} files", counts.files_done, counts.files_total));
    }

    /// What the program wrote, as it came.
    pub(super) fn output(&mut self, error: bool, data: &[u8], text: &str) {
        self.finish_bar();
        if self.json {
            if !text.is_empty() {
                let stream = if error { "stderr" } else { "stdout" };
                write_line(&json!({"event": "output", "stream": stream, "data": text}).to_string());
            }
        } else if error {
            let mut stderr = std::io::stderr().lock();
            let _ = stderr.write_all(data).and_then(|()| stderr.flush());
        } else {
            let mut stdout = std::io::stdout().lock();
            let _ = stdout.write_all(data).and_then(|()| stdout.flush());
        }
    }

    fn finish_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// The end of a program, as an event and in words.
pub(super) fn exit_words(exit: Exit) -> (Value, String) {
    match exit {
        Exit::Code(code) => (json!({"event": "exited", "code": code}), format!("the program ended with status {code}")),
        Exit::Signal(signal) => {
            (json!({"event": "exited", "signal": signal}), format!("the program was ended by signal {signal}"))
        }
    }
}

/// One sentence of ours on standard error.
pub(super) fn complain(words: &str) {
    // Whoever closed the pipe does not want to read it.
    let _ = writeln!(std::io::stderr().lock(), "remora: {words}");
}

/// One line on standard output.
fn write_line(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
