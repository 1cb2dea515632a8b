//! `remora trash`: what was replaced or removed on the remote, and bringing it back here.

use serde_json::json;

use super::FAILED;
use super::args::{TrashCommand, TrashListArgs, TrashRestoreArgs};
use super::run::{Drive, Waited};
use super::target::Scene;
use super::voice::Voice;
use crate::event::Event;
use crate::kept::{self, Kept, time_text};
use crate::size::bytes;

pub(super) async fn run(command: TrashCommand) -> u8 {
    let (target, json) = match &command {
        TrashCommand::List(args) => (&args.target, args.json),
        TrashCommand::Restore(args) => (&args.target, args.json),
    };
    let mut voice = Voice::new(json);
    let scene = match Scene::of(target) {
        Ok(scene) => scene,
        Err(fault) => {
            voice.fault(&fault);
            return FAILED;
        }
    };
    let mut drive = Drive::start(scene, voice);
    let status = match command {
        TrashCommand::List(args) => list(&mut drive, &args).await,
        TrashCommand::Restore(args) => restore(&mut drive, &args).await,
    };
    drive.leave().await;
    status
}

async fn list(drive: &mut Drive, args: &TrashListArgs) -> u8 {
    let answer = drive.engine.request(Event::TrashAsked);
    let kept = match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => return signal.status(),
        Waited::Answered(kept) => kept,
    };
    match kept {
        Ok(kept) => {
            let wanted = |kept: &&Kept| args.path.as_ref().is_none_or(|path| kept.name() == *path);
            kept.iter().filter(wanted).for_each(|kept| print(&mut drive.voice, kept));
            0
        }
        Err(fault) => {
            drive.voice.fault(&fault);
            FAILED
        }
    }
}

fn print(voice: &mut Voice, kept: &Kept) {
    let Kept { folder, entry } = kept;
    let time = time_text(entry.when);
    let event = json!({"event": "kept", "time": time, "path": folder.json(&entry.path), "bytes": entry.size});
    voice.print(&event, &format!("{time}  {:>10}  {}", bytes(entry.size), kept.name()));
}

async fn restore(drive: &mut Drive, args: &TrashRestoreArgs) -> u8 {
    let wanted = match kept::wanted(&args.path, args.at.as_deref(), args.overwrite) {
        Ok(wanted) => wanted,
        Err(fault) => {
            drive.voice.fault(&fault);
            return FAILED;
        }
    };
    let answer = drive.engine.request(|reply| Event::RestoreAsked(wanted, reply));
    match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => signal.status(),
        Waited::Answered(Ok(kept)) => {
            let (time, path) = (time_text(kept.entry.when), kept.folder.json(&kept.entry.path));
            let event = json!({"event": "restored", "time": time, "path": path, "bytes": kept.entry.size});
            let words = format!("{} is here again as it was replaced or removed at {time}", kept.name());
            drive.voice.say(&event, &words);
            0
        }
        Waited::Answered(Err(fault)) => {
            drive.voice.fault(&fault);
            FAILED
        }
    }
}
