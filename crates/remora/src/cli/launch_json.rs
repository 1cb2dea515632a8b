//! `remora launch-json`: our entry in the editor's file. Writes the file only when the text is right.

use std::path::{Path, PathBuf};

use remora_debug::DebugType;
use serde_json::json;

use super::FAILED;
use super::args::LaunchJsonArgs;
use super::run::{Drive, Waited};
use super::target::{Scene, absolute};
use super::text_file;
use super::voice::Voice;
use crate::event::Event;
use crate::fault::Fault;
use crate::launch::{self, Entry};

pub(super) async fn run(args: LaunchJsonArgs) -> u8 {
    let mut voice = Voice::new(false);
    let prepared = Scene::of(&args.target).and_then(|scene| Ok((file(&args, &scene)?, scene)));
    let (file, scene) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    let mut drive = Drive::start(scene, voice);
    let answer = drive.engine.request(|reply| Event::RootAsked(None, reply));
    let result = match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => return signal.status(),
        Waited::Answered(Ok(rooted)) => place(&args, &file, rooted, &mut drive.voice),
        Waited::Answered(Err(fault)) => Err(fault),
    };
    if let Err(fault) = &result {
        drive.voice.fault(fault);
    }
    drive.leave().await;
    if result.is_ok() { 0 } else { FAILED }
}

fn file(args: &LaunchJsonArgs, scene: &Scene) -> Result<PathBuf, Fault> {
    match &args.file {
        Some(file) => absolute(file).map_err(|error| text_file::unwritable(file, &error)),
        None => Ok(scene.workspace.root.as_path().join(".vscode").join("launch.json")),
    }
}

fn place(args: &LaunchJsonArgs, file: &Path, rooted: crate::event::Rooted, voice: &mut Voice) -> Result<(), Fault> {
    let before = text_file::read(file)?;
    let entry = Entry { name: args.name.clone(), port: args.port, debug_type: DebugType::default(), rooted };
    let after = launch::update(&before, entry)?;
    if args.stdout {
        text_file::print(&after)?;
    } else if after == before {
        voice.say(&json!({}), &format!("{} is right already", file.display()));
    } else {
        text_file::write(file, &after)?;
        voice.say(&json!({}), &format!("wrote {}", file.display()));
    }
    Ok(())
}
