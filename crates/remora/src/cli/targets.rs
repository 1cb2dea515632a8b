//! `remora target`: what the settings have, what could be added to them, and what runs programs there. Changes
//! nothing; what adds a target has a file of its own.

use remora_debug::interpreter::{self, Listed};
use remora_model::{Target, TransportSpec};
use remora_transport::Candidate;
use serde_json::json;

use super::args::{TargetCommand, TargetInterpretersArgs, TargetListArgs};
use super::target::{Scene, local_root};
use super::voice::Voice;
use super::{FAILED, ask, target_add};
use crate::fault::Fault;
use crate::folders::main_remote;
use crate::{host, settings_file, target_entry};

pub(super) async fn run(command: TargetCommand) -> u8 {
    let (mut voice, result) = match command {
        TargetCommand::List(args) => {
            let mut voice = Voice::new(args.json);
            let result = list(&args, &mut voice);
            (voice, result)
        }
        TargetCommand::Candidates(args) => {
            let mut voice = Voice::new(args.json);
            remora_transport::candidates().await.into_iter().for_each(|found| say_candidate(&mut voice, found));
            (voice, Ok(()))
        }
        TargetCommand::Interpreters(args) => {
            let mut voice = Voice::new(args.json);
            let result = interpreters(&args, &mut voice).await;
            (voice, result)
        }
        TargetCommand::Add(args) => {
            let mut voice = Voice::new(false);
            let result = target_add::add(&args, &mut voice);
            (voice, result)
        }
    };
    match result {
        Ok(()) => 0,
        Err(fault) => {
            voice.fault(&fault);
            FAILED
        }
    }
}

fn list(args: &TargetListArgs, voice: &mut Voice) -> Result<(), Fault> {
    let settings = settings_file::read(&local_root(args.root.as_deref())?)?;
    let used = settings.pick(None).map(|target| target.name.clone());
    for target in &settings.targets {
        let is_used = used.as_ref() == Some(&target.name);
        let event = json!({"event": "target", "used": is_used, "target": target_entry::entry(target)});
        let mut words = vec![place(target)];
        words.extend(target.remote_root.clone());
        words.extend(target.mappings.iter().map(|mapping| format!("{} → {}", mapping.local, mapping.remote)));
        words.extend(target.python.clone());
        let mark = if is_used { '*' } else { ' ' };
        voice.print(&event, &format!("{mark} {:<16} {}", target.name, words.join("  ")));
    }
    if settings.targets.is_empty() && !args.json {
        voice.say(&json!({}), "the settings have no targets; `remora target add` writes one");
    }
    Ok(())
}

/// How a target is reached, in words.
fn place(target: &Target) -> String {
    match &target.transport {
        TransportSpec::Ssh(spec) => {
            let login = spec.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            let port = spec.port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{login}{}{port}", spec.host)
        }
        TransportSpec::Command(argv) => shell_words::join(argv),
        TransportSpec::Local => "this machine".to_owned(),
    }
}

fn say_candidate(voice: &mut Voice, found: Candidate) {
    let kind = found.kind.name();
    let words = format!("{kind:<10}  {:<16} {}", found.name, found.detail);
    let target = target_entry::entry(&target_entry::bare(found.name, found.transport));
    let event = json!({"event": "candidate", "kind": kind, "detail": found.detail, "target": target});
    voice.print(&event, words.trim_end());
}

async fn interpreters(args: &TargetInterpretersArgs, voice: &mut Voice) -> Result<(), Fault> {
    let Scene { workspace, target, .. } = Scene::of(&args.target)?;
    let link = host::connect(&target.transport, ask::asker()).await?;
    let root = main_remote(&workspace.root, &target);
    let root = host::find_root(&link, &root).await?;
    let listed = interpreter::list(&link, &root).await?;
    listed.iter().for_each(|one| say_interpreter(voice, one));
    link.close().await;
    Ok(())
}

fn say_interpreter(voice: &mut Voice, listed: &Listed) {
    let (major, minor, micro) = listed.version;
    let version = format!("{major}.{minor}.{micro}");
    let kind = listed.kind.name();
    let words = format!("{version:<8}  {kind:<7}  {:<16} {}", listed.label, listed.path);
    let event = json!({
        "event": "interpreter", "path": listed.path, "version": version, "kind": kind, "label": listed.label,
    });
    voice.print(&event, &words);
}
