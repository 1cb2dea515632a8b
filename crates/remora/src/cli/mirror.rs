//! `remora mirror`: everything that changed here goes there, once or until interrupted.

use std::path::Path;

use remora_mirror::Change;
use serde_json::json;

use super::FAILED;
use super::args::{MirrorArgs, TargetArgs};
use super::run::{Drive, Signal, Waited};
use super::target::Scene;
use super::voice::Voice;
use crate::event::{Event, MirrorRequest, Overwrite};
use crate::fault::{Explained, Kind};
use crate::handlers::Question;
use crate::jobs::file;
use crate::mirrors::Planned;
use crate::size::bytes;
use crate::surface::Said;

pub(super) async fn run(args: MirrorArgs) -> u8 {
    let mut voice = Voice::new(args.json);
    if let Some(path) = &args.explain {
        return explain(&mut voice, &args.target, path);
    }
    let Some(mut scene) = Scene::or_said(&args.target, &mut voice) else { return FAILED };
    scene.workspace.watch = args.watch;
    scene.workspace.reconnect = args.watch;
    scene.workspace.overwrite = args.overwrite;
    scene.workspace.delete_many = args.delete_many;
    scene.workspace.large_too = args.large_too;
    let mut drive = Drive::start(scene, voice);
    let status = if args.dry_run { dry_run(&mut drive).await } else { mirror(&mut drive, &args).await };
    drive.leave().await;
    status
}

/// Needs no target; with one, the sentence names the remote file.
fn explain(voice: &mut Voice, args: &TargetArgs, path: &Path) -> u8 {
    let explained = Question::of(args, path).and_then(|questions| file::explain(&questions));
    match explained {
        Ok(Explained { mirrored, sentence }) => {
            let event = json!({"event": "explained", "mirrored": mirrored, "sentence": sentence});
            voice.print(&event, &sentence);
            0
        }
        Err(fault) => {
            voice.fault(&fault);
            FAILED
        }
    }
}

async fn mirror(drive: &mut Drive, args: &MirrorArgs) -> u8 {
    let overwrite = if args.overwrite { Overwrite::All } else { Overwrite::Nothing };
    let request = MirrorRequest { target: None, overwrite, word: None };
    let answer = drive.engine.request(|reply| Event::MirrorAsked(request, reply));
    let status = match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => return signal.status(),
        Waited::Answered(Ok(done)) => {
            drive.voice.mirrored(&done);
            0
        }
        Waited::Answered(Err(fault)) => {
            drive.voice.fault(&fault);
            // Single files that failed don't keep the others from being followed; a connection that was
            // there is rebuilt.
            let cut = fault.kind == Kind::ConnectionLost && drive.compared;
            if args.watch && (fault.is_about_files() || cut) { 0 } else { FAILED }
        }
    };
    if !args.watch || status != 0 {
        return status;
    }
    match follow(drive).await {
        // Being interrupted is how watching is meant to end.
        Signal::Interrupt => 0,
        signal => signal.status(),
    }
}

async fn follow(drive: &mut Drive) -> Signal {
    loop {
        tokio::select! {
            signal = drive.stop.next() => return signal,
            Some(said) = drive.said.recv() => {
                if let Some(Said::Offer(offer, _)) = drive.pass_on(said) {
                    let words = format!("{} {}", offer.said, offer.remedy);
                    drive.voice.say(&json!({"event": "held", "message": offer.said}), &words);
                }
            }
        }
    }
}

async fn dry_run(drive: &mut Drive) -> u8 {
    let answer = drive.engine.request(|reply| Event::PlanAsked(None, reply));
    match drive.wait(answer, |_, _| {}).await {
        Waited::Signalled(signal) => signal.status(),
        Waited::Answered(Ok(changes)) => {
            print(&mut drive.voice, &changes);
            0
        }
        Waited::Answered(Err(fault)) => {
            drive.voice.fault(&fault);
            FAILED
        }
    }
}

fn print(voice: &mut Voice, planned: &[Planned]) {
    for Planned { folder, change } in planned {
        let what = name(change.change);
        let path = folder.json(&change.path);
        let event = json!({"event": "would", "change": what, "path": path, "bytes": change.bytes});
        voice.print(&event, &format!("{what:<10} {}", folder.file(&change.path)));
    }
    let changes = planned.iter().map(|planned| &planned.change);
    let (done, left): (Vec<_>, Vec<_>) = changes.partition(|change| is_done(change.change));
    let total = done.iter().map(|change| change.bytes).sum();
    let event = json!({"event": "planned", "changes": done.len(), "bytes": total, "left": left.len()});
    let left = if left.is_empty() { String::new() } else { format!("{} would be left alone; ", left.len()) };
    voice.print(&event, &format!("{} changes, {} at most; {left}nothing was done", done.len(), bytes(total)));
}

/// Whether it would be, unlike what waits for a word, is somebody else's, or can't.
fn is_done(change: Change) -> bool {
    !matches!(change, Change::Held | Change::Large | Change::Declined | Change::Diverged | Change::Impossible)
}

fn name(change: Change) -> &'static str {
    match change {
        Change::Upload => "upload",
        Change::Replace => "replace",
        Change::Mkdir => "mkdir",
        Change::Symlink => "symlink",
        Change::Meta => "meta",
        Change::Remove => "remove",
        Change::Held => "held",
        Change::Large => "large",
        Change::Declined => "declined",
        Change::Diverged => "diverged",
        Change::Impossible => "impossible",
    }
}
