//! Owns detached runs as a person sees them: which there are on a machine, how it goes with each, and what they are called.
//! Never joins one.

use remora_agent::{AgentError, Exit, Held, HolderState, KeptOutput, Link, OpErrorKind, Place};
use remora_model::Mtime;
use serde_json::{Value, json};

use crate::fault::{self, Fault, Kind};
use crate::kept::time_text;

/// What is wanted of the detached runs of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsRequest {
    /// To know which there are.
    List,
    /// The kept output of this one.
    Output(String),
    /// The end of this one.
    Stop(String),
}

/// What was found, or done.
#[derive(Debug, Default)]
pub struct Runs {
    /// The runs that it was about.
    pub runs: Vec<Run>,
    /// The output of the one, if it was asked for.
    pub output: Option<KeptOutput>,
}

/// One detached run.
#[derive(Debug)]
pub struct Run {
    held: Held,
    /// As its holder tells it; nothing if it was killed, or does not answer.
    state: Option<HolderState>,
}

/// What is shown of a run that is being started.
pub(crate) fn shown(program: &str, target: &str, tree: &str) -> Value {
    json!({"program": program, "target": target, "tree": tree})
}

/// Does what is wanted.
pub(crate) async fn serve(link: &Link, request: RunsRequest) -> Result<Runs, Fault> {
    match request {
        RunsRequest::List => {
            let mut runs = Vec::new();
            for held in link.held().await.map_err(|error| failed(&error))? {
                if let Some(run) = look(link, held).await? {
                    runs.push(run);
                }
            }
            Ok(Runs { runs, output: None })
        }
        RunsRequest::Output(name) => {
            let held = named(link, &name).await?;
            let (state, output) = link.holder_output(&held.place.socket).await.map_err(|error| gone(&error, &name))?;
            if state.exit.is_some() {
                // Seen, and so over.
                link.end_holder(&held.place.socket).await.map_err(|error| failed(&error))?;
            }
            Ok(Runs { runs: vec![Run { held, state: Some(state) }], output: Some(output) })
        }
        RunsRequest::Stop(name) => {
            let held = named(link, &name).await?;
            let done = match held.lost {
                Some(_) => link.forget(&held.place.name).await,
                None => link.end_holder(&held.place.socket).await,
            };
            done.map_err(|error| gone(&error, &name))?;
            Ok(Runs { runs: vec![Run { held, state: None }], output: None })
        }
    }
}

/// Where the holder of that run is met; the beginning of a name is enough if there is but one of it.
pub(crate) async fn place(link: &Link, name: &str) -> Result<Place, Fault> {
    let held = named(link, name).await?;
    match held.lost {
        Some(_) => {
            let run = Run { held, state: None };
            let words = format!("Can't attach to run {name}: {}.", run.state_words());
            Err(Fault::new(Kind::NoSession, words, format!("`remora runs stop {name}` forgets it; start it again.")))
        }
        None => Ok(held.place),
    }
}

async fn named(link: &Link, name: &str) -> Result<Held, Fault> {
    let held = link.held().await.map_err(|error| failed(&error))?;
    let mut fitting = held.into_iter().filter(|held| !name.is_empty() && held.place.name.starts_with(name));
    match (fitting.next(), fitting.next()) {
        (Some(held), None) => Ok(held),
        (Some(_), Some(_)) => Err(no_run(&format!("More than one run has a name that begins with {name:?}."))),
        (None, _) => Err(missing(name)),
    }
}

/// How it goes with a run; nothing if it ended meanwhile.
async fn look(link: &Link, held: Held) -> Result<Option<Run>, Fault> {
    if held.lost.is_some() {
        return Ok(Some(Run { held, state: None }));
    }
    let place = held.place.clone();
    match link.holder_state(&held.place.socket).await {
        Ok(state) => Ok(Some(Run { held, state: Some(state) })),
        // It ended meanwhile, or what a killed holder left was just settled.
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound => {
            let held = link.held().await.map_err(|error| failed(&error))?.into_iter();
            let lost = held.filter(|one| one.lost.is_some()).find(|one| one.place == place);
            Ok(lost.map(|held| Run { held, state: None }))
        }
        Err(AgentError::Lost(remora_agent::LostReason::Garbled(_)) | AgentError::Op(_)) => {
            Ok(Some(Run { held, state: None }))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn gone(error: &AgentError, name: &str) -> Fault {
    match error {
        AgentError::Op(op) if matches!(op.kind, OpErrorKind::NotFound | OpErrorKind::Refused) => missing(name),
        error => failed(error),
    }
}

fn missing(name: &str) -> Fault {
    no_run(&format!("There is no detached run {name:?} there."))
}

fn no_run(words: &str) -> Fault {
    Fault::new(Kind::NoSession, words, "`remora runs` lists those that there are.")
}

fn failed(error: &AgentError) -> Fault {
    let fault = match error {
        AgentError::Lost(reason) => fault::lost(reason),
        AgentError::Op(op) => fault::other("look after the detached runs", &op.message),
    };
    fault.because(error)
}

impl Run {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.held.place.name
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.state.as_ref()?.exit
    }

    /// For scripts.
    #[must_use]
    pub fn event(&self) -> Value {
        let shown = &self.held.run.shown;
        let mut event = json!({
            "event": "run", "run": self.name(), "program": shown["program"], "target": shown["target"],
            "tree": shown["tree"], "since": time_text(seconds(self.held.run.since)), "state": self.word(),
        });
        if let Some(state) = &self.state {
            event["pid"] = json!(state.pid);
            event["lines"] = json!(state.lines);
            event["client"] = json!(state.client);
            if let Some(at) = &state.stopped {
                event["stopped"] = json!({"reason": at.reason, "path": at.path, "line": at.line});
            }
            match state.exit {
                Some(Exit::Code(code)) => event["code"] = json!(code),
                Some(Exit::Signal(signal)) => event["signal"] = json!(signal),
                None => {}
            }
        }
        event
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        let Held { place, run, .. } = &self.held;
        let program = run.shown["program"].as_str().unwrap_or("?");
        let tree: String = run.shown["tree"].as_str().unwrap_or_default().chars().take(8).collect();
        let lines = self.state.as_ref().map_or(0, |state| state.lines);
        let since = time_text(seconds(run.since));
        let pid = self.state.as_ref().and_then(|state| state.pid).map(|pid| format!("pid {pid}, ")).unwrap_or_default();
        format!("{}  {since}  {program} ({pid}tree {tree}): {}; {lines} lines kept", place.name, self.state_words())
    }

    fn word(&self) -> &'static str {
        match &self.state {
            _ if self.held.lost.is_some() => "lost",
            None => "silent",
            Some(state) if state.exit.is_some() => "ended",
            Some(state) if state.stopped.is_some() => "stopped",
            Some(state) if !state.attached => "waiting",
            Some(_) => "running",
        }
    }

    fn state_words(&self) -> String {
        if let Some(lost) = &self.held.lost {
            return format!(
                "its holder was killed or the machine restarted, and {} of its processes were ended",
                lost.ended
            );
        }
        let Some(state) = &self.state else { return "its holder does not answer".into() };
        let how = match (state.exit, &state.stopped) {
            (Some(Exit::Code(code)), _) => format!("ended with status {code}"),
            (Some(Exit::Signal(signal)), _) => format!("ended by signal {signal}"),
            (None, Some(at)) => match (&at.path, at.line) {
                (Some(path), Some(line)) => format!("stopped at {path}:{line}"),
                _ => "stopped".into(),
            },
            (None, None) if !state.attached => "waits for a debugger".into(),
            (None, None) => "running".into(),
        };
        if state.client { format!("{how}, somebody is there") } else { how }
    }
}

fn seconds(seconds: i64) -> Mtime {
    Mtime(seconds.saturating_mul(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use remora_agent::{KeptRun, LostRun, Standing};
    use remora_model::RemotePath;

    use super::*;

    fn run(state: Option<HolderState>, lost: Option<LostRun>) -> Run {
        let place = Place { name: "0a1b2c3d".into(), socket: RemotePath::new("/tmp/x/hold").unwrap() };
        let run = KeptRun { shown: shown("app.py", "box", "aabbccddeeff"), since: 0 };
        Run { held: Held { place, run, lost }, state }
    }

    fn state() -> HolderState {
        HolderState { pid: Some(7), client: false, attached: true, stopped: None, exit: None, ended: None, lines: 2 }
    }

    #[test]
    fn how_it_goes_with_a_run_is_one_word_and_one_line() {
        let at = Standing { reason: Some("breakpoint".into()), path: Some("/here/app.py".into()), line: Some(3) };
        let rows = [
            (run(Some(state()), None), "running", "running"),
            (run(Some(HolderState { attached: false, ..state() }), None), "waiting", "waits for a debugger"),
            (run(Some(HolderState { stopped: Some(at), ..state() }), None), "stopped", "stopped at /here/app.py:3"),
            (run(Some(HolderState { exit: Some(Exit::Code(3)), ..state() }), None), "ended", "ended with status 3"),
            (run(Some(HolderState { client: true, ..state() }), None), "running", "running, somebody is there"),
            (run(None, None), "silent", "its holder does not answer"),
            (
                run(None, Some(LostRun { since: 0, ended: 2 })),
                "lost",
                "its holder was killed or the machine restarted, and 2 of its processes were ended",
            ),
        ];
        for (run, word, words) in rows {
            assert_eq!((run.word(), run.state_words().as_str()), (word, words));
        }
        let line = run(Some(state()), None).words();
        assert!(
            line.starts_with("0a1b2c3d  ") && line.ends_with("app.py (pid 7, tree aabbccdd): running; 2 lines kept"),
            "{line}"
        );
    }
}
