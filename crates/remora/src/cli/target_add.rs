//! `remora target add`: a target in `.vscode/settings.json`, with all else there left as it is. Connects to nothing.

use remora_model::{Prefix, Target};
use serde_json::json;

use super::args::TargetAddArgs;
use super::target::{local_root, transport};
use super::text_file;
use super::voice::Voice;
use crate::fault::{self, Fault, Kind};
use crate::folders::is_absolute;
use crate::{settings_file, target_entry};

/// Writes the target that the flags describe, unless the settings have one of that name.
///
/// # Errors
/// The flags describe none, or the settings can't take it.
pub(super) fn add(args: &TargetAddArgs, voice: &mut Voice) -> Result<(), Fault> {
    let target = described(args)?;
    let root = local_root(args.place.root.as_deref())?;
    let file = settings_file::path(&root);
    let mut expected = settings_file::read(&root)?.targets;
    if expected.iter().any(|other| other.name == target.name) {
        return Err(Fault::new(
            Kind::BadRequest,
            format!("{} has a target named {:?} already.", file.display(), target.name),
            "Give this one another name with --name, or edit that one.",
        ));
    }
    let before = text_file::read(&file)?;
    let no_place = |reason: String| {
        let message = format!("Can't add a target to {}: {reason}.", file.display());
        Fault::new(Kind::BadSettings, message, "Correct the file; nothing was changed.")
    };
    let after = target_entry::add(&before, &target).map_err(no_place)?;
    let name = target.name.clone();
    expected.push(target);
    if settings_file::parse(&file, &after)?.targets != expected {
        return Err(no_place("the targets that it has would not stay as they are".to_owned()));
    }
    if args.stdout {
        return text_file::print(&after);
    }
    text_file::write(&file, &after)?;
    let words = format!("added {name:?} to {}; `remora doctor` says whether it works", file.display());
    voice.say(&json!({}), &words);
    Ok(())
}

fn described(args: &TargetAddArgs) -> Result<Target, Fault> {
    let Some((usual_name, transport)) = transport(&args.place)? else {
        return Err(Fault::new(
            Kind::NoTarget,
            "It is not said where the target is.",
            "Give --host HOST, --command 'ARGV' or --local; `remora target candidates` prints what there is.",
        ));
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None if args.place.command.is_some() => {
            return Err(Fault::new(
                Kind::BadRequest,
                "A target that a command reaches has no name of its own.",
                "Give it one with --name.",
            ));
        }
        None => usual_name,
    };
    let (remote_root, python) = (args.place.remote_root.clone(), args.place.python.clone());
    let prefix = args.place.prefix.clone().map(Prefix::Line).unwrap_or_default();
    match &remote_root {
        Some(root) if !is_absolute(root) => Err(fault::not_absolute(root)),
        _ => Ok(Target { remote_root, python, prefix, ..target_entry::bare(name, transport) }),
    }
}
