//! `remora runs`: the detached runs of a target: what there is, coming back to one, its output, and its end.

use remora_agent::ProcessEvent;
use remora_debug::{Listen, OutputStream};
use serde_json::json;

use super::FAILED;
use super::args::{RunArgs, RunsArgs, RunsAttachArgs, RunsCommand};
use super::debug::{self, Output};
use super::run::{Drive, Waited};
use super::target::Scene;
use super::voice::{Voice, exit_words};
use crate::event::Event;
use crate::fault::Fault;
use crate::runs::{Runs, RunsRequest};
use crate::surface::DebugRequest;

pub(super) async fn run(args: RunsArgs) -> u8 {
    let (target, json, request) = match args.what {
        None => (args.target, args.json, RunsRequest::List),
        Some(RunsCommand::Attach(args)) => return attach(args).await,
        Some(RunsCommand::Output(RunArgs { run, target, json })) => (target, json, RunsRequest::Output(run)),
        Some(RunsCommand::Stop(RunArgs { run, target, json })) => (target, json, RunsRequest::Stop(run)),
    };
    let mut voice = Voice::new(json);
    let scene = match Scene::of(&target) {
        Ok(scene) => scene,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    let mut drive = Drive::start(scene, voice);
    let answer = drive.engine.request(|reply| Event::RunsAsked(request.clone(), reply));
    let status = match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => signal.status(),
        Waited::Answered(result) => tell(&mut drive.voice, &request, result),
    };
    drive.leave().await;
    status
}

fn tell(voice: &mut Voice, request: &RunsRequest, result: Result<Runs, Fault>) -> u8 {
    let found = match result {
        Ok(found) => found,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    for run in &found.runs {
        match (request, &found.output) {
            (RunsRequest::List, _) => voice.print(&run.event(), &run.words()),
            (RunsRequest::Stop(_), _) => {
                let event = json!({"event": "stopped", "run": run.name()});
                voice.say(&event, &format!("run {} is over, and nothing is left of it", run.name()));
            }
            (RunsRequest::Output(_), kept) => {
                let mut output = Output::default();
                for piece in kept.iter().flat_map(|kept| &kept.pieces) {
                    match piece {
                        ProcessEvent::Stdout(data) => output.write(voice, OutputStream::Stdout, data),
                        ProcessEvent::Stderr(data) => output.write(voice, OutputStream::Stderr, data),
                        ProcessEvent::Exited(_) => {}
                    }
                }
                output.finish(voice);
                if let Some(exit) = run.exit() {
                    let (event, words) = exit_words(exit);
                    voice.say(&event, &words);
                }
            }
        }
    }
    0
}

/// As `remora debug`, for a program that runs already.
async fn attach(args: RunsAttachArgs) -> u8 {
    let listen = args.listen.map(|address| Listen::Port {
        host: address.ip(),
        port: address.port(),
        exact: address.port() != 0,
    });
    let request = DebugRequest { run: Some(args.run), listen, ..DebugRequest::default() };
    debug::follow(Voice::new(args.json), &args.target, true, |_| Ok(request)).await
}
