//! `remora attach` and `remora processes`: what runs there already. Decides only which process a name means.

use remora_debug::{Listen, Program, Running};
use remora_model::{Exposure, OnStale, RemotePort};
use serde_json::json;

use super::args::{AttachArgs, ProcessesArgs};
use super::run::{Drive, Waited};
use super::target::Scene;
use super::voice::Voice;
use super::{FAILED, FAILED_TO_RUN, debug};
use crate::event::Event;
use crate::fault::{Fault, Kind};
use crate::processes::{described, since};
use crate::surface::DebugRequest;

pub(super) async fn list(args: ProcessesArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let Some(scene) = Scene::or_said(&args.target, &mut voice) else { return FAILED };
    let mut drive = Drive::start(scene, voice);
    let status = match running(&mut drive, args.all).await {
        Waited::Signalled(signal) => signal.status(),
        Waited::Answered(Ok(found)) => {
            found.iter().for_each(|process| print(&mut drive.voice, process));
            0
        }
        Waited::Answered(Err(fault)) => {
            drive.voice.fault(&fault);
            FAILED
        }
    };
    drive.leave().await;
    status
}

pub(super) async fn run(args: AttachArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    let Some(mut scene) = Scene::or_said(&args.target, &mut voice) else { return FAILED_TO_RUN };
    scene.workspace.watch = true;
    scene.workspace.overwrite = args.overwrite;
    let mut drive = Drive::start(scene, voice);
    let program = match (args.pid, args.port, &args.name) {
        (Some(pid), ..) => Ok(Program::Process(pid)),
        (None, Some(port), _) => Ok(Program::Listener(RemotePort(port))),
        (None, None, name) => {
            let name = name.as_deref().unwrap_or_default();
            match running(&mut drive, false).await {
                Waited::Signalled(signal) => return left(drive, signal.status()).await,
                Waited::Answered(found) => found.and_then(|found| named(name, &found)),
            }
        }
    };
    let program = match program {
        Ok(program) => program,
        Err(fault) => {
            drive.voice.fault(&fault);
            return left(drive, FAILED_TO_RUN).await;
        }
    };
    let exact = |port: u16| port != 0;
    let listen = args.listen.map(|at| Listen::Port { host: at.ip(), port: at.port(), exact: exact(at.port()) });
    let (exposure, on_stale) = (Some(Exposure::Tunnel), Some(OnStale::Keep));
    debug::attach(drive, DebugRequest { running: Some(program), listen, exposure, on_stale, ..DebugRequest::default() })
        .await
}

async fn left(drive: Drive, status: u8) -> u8 {
    drive.leave().await;
    status
}

async fn running(drive: &mut Drive, all: bool) -> Waited<Vec<Running>> {
    let answer = drive.engine.request(|reply| Event::ProcessesAsked(all, reply));
    drive.wait(answer, |_, _| {}).await
}

/// The one process that is meant.
fn named(name: &str, found: &[Running]) -> Result<Program, Fault> {
    let meant: Vec<&Running> = found.iter().filter(|process| process.command.contains(name)).collect();
    let hint = "Name it by its number; `remora processes` prints them.";
    match meant.as_slice() {
        [process] => Ok(Program::Process(process.pid)),
        [] => Err(Fault::new(
            Kind::CannotAttach,
            format!("No Python process there has {name:?} in its command line."),
            hint,
        )),
        several => {
            let pids: Vec<String> = several.iter().map(|process| process.pid.to_string()).collect();
            let said = format!("{name:?} is in the command lines of several processes: {}.", pids.join(", "));
            Err(Fault::new(Kind::CannotAttach, said, hint))
        }
    }
}

fn print(voice: &mut Voice, process: &Running) {
    let Running { pid, user, started, command, version, python, listens, debugger, .. } = process;
    let version_text = version.map(|(major, minor)| format!("{major}.{minor}"));
    let event = json!({
        "event": "process", "pid": pid, "user": user, "started": since(*started), "command": command,
        "version": version_text, "python": python, "listens": listens, "debugger": debugger,
    });
    voice.print(&event, &format!("{pid:>7}  {}  {}", described(process), command));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_process_or_none() {
        let process = |pid, command: &str| Running {
            pid,
            user: "me".into(),
            own: true,
            started: 0,
            command: command.into(),
            version: None,
            python: String::new(),
            listens: Vec::new(),
            debugger: None,
        };
        let found = [process(1, "python a.py"), process(2, "python b.py --x"), process(3, "python b.py")];
        assert_eq!(named("a.py", &found).unwrap(), Program::Process(1));
        assert_eq!(named("--x", &found).unwrap(), Program::Process(2));
        assert!(named("b.py", &found).unwrap_err().message.ends_with("several processes: 2, 3."));
        assert!(named("c.py", &found).unwrap_err().message.starts_with("No Python process"));
    }
}
