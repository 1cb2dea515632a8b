//! Turns the target flags of the command line into settings and a workspace. Reads the settings file;
//! writes nothing.

use std::path::{Path, PathBuf};

use remora_model::{LocalPath, Prefix, Settings, SshSpec, Target, TransportSpec};

use super::args::{PlaceArgs, TargetArgs};
use super::records_folder;
use super::voice::Voice;
use crate::fault::{Fault, Kind};
use crate::folders::clean;
use crate::handlers::Question;
use crate::settings_file;
use crate::state::Workspace;
use crate::target_entry;

/// What a command works on.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) workspace: Workspace,
    pub(super) settings: Settings,
    /// The target that the flags or the settings name.
    pub(super) target: Target,
}

impl Scene {
    /// As [`Scene::of`]; what is wrong is said.
    pub(super) fn or_said(args: &TargetArgs, voice: &mut Voice) -> Option<Self> {
        Self::of(args).map_err(|fault| voice.fault(&fault)).ok()
    }

    /// Reads flags and settings.
    pub(super) fn of(args: &TargetArgs) -> Result<Self, Fault> {
        let place = &args.place;
        let root = local_root(place.root.as_deref())?;
        let mut settings = settings_file::read(&root)?;
        let mut target = match transport(place)? {
            Some((name, transport)) => target_entry::bare(name, transport),
            None => named(&settings, args.target.as_deref())?,
        };
        if let Some(remote_root) = &place.remote_root {
            target.remote_root = Some(remote_root.clone());
        }
        if let Some(python) = &place.python {
            target.python = Some(python.clone());
        }
        if let Some(prefix) = &place.prefix {
            target.prefix = Prefix::Line(prefix.clone());
        }
        settings.targets = vec![target.clone()];
        settings.target = Some(target.name.clone());
        let workspace = Workspace {
            root,
            records: records_folder(),
            watch: false,
            reconnect: false,
            overwrite: false,
            delete_many: false,
            large_too: false,
        };
        Ok(Self { workspace, settings, target })
    }
}

impl Question {
    /// Why a path is mirrored, asked on the command line: answered without a mirror, and without a target if
    /// there is none.
    pub(super) fn of(args: &TargetArgs, path: &Path) -> Result<Vec<Self>, Fault> {
        let root = local_root(args.place.root.as_deref())?;
        let settings = settings_file::read(&root)?;
        let target = match Scene::of(args) {
            Ok(Scene { target, .. }) => Some(target),
            Err(fault) if fault.kind == Kind::NoTarget && args.target.is_none() => None,
            Err(fault) => return Err(fault),
        };
        let file = absolute(path).map_err(|error| {
            Fault::new(
                Kind::BadRequest,
                format!("Can't make {} an absolute path: {error}.", path.display()),
                "Name a file in the folder that is mirrored.",
            )
        })?;
        Self::all(&root, target.as_ref(), &settings.mirror.policy, &file)
    }
}

fn named(settings: &Settings, name: Option<&str>) -> Result<Target, Fault> {
    settings.pick(name).cloned().ok_or_else(|| {
        let message = match name.or(settings.target.as_deref()) {
            Some(name) => format!("There is no target named {name:?} in the settings."),
            None => "No target is given, and the settings have none.".to_owned(),
        };
        let hint = match settings.targets.as_slice() {
            [] => {
                "Give --host HOST, --command 'ARGV' or --local, or add one to remora.targets in .vscode/settings.json."
                    .to_owned()
            }
            targets => {
                let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                format!("The settings have {}.", names.join(", "))
            }
        };
        Fault::new(Kind::NoTarget, message, hint)
    })
}

/// The transport that the flags name, and what it is called without a better name.
pub(super) fn transport(args: &PlaceArgs) -> Result<Option<(String, TransportSpec)>, Fault> {
    if let Some(host) = &args.host {
        let config = args.ssh_config.clone();
        let spec = SshSpec { host: host.clone(), config, ..SshSpec::default() };
        return Ok(Some((host.clone(), TransportSpec::Ssh(spec))));
    }
    if let Some(command) = &args.command {
        let argv = shell_words::split(command).ok().filter(|argv| !argv.is_empty()).ok_or_else(|| {
            Fault::new(
                Kind::BadRequest,
                format!("Can't split --command {command:?} into words: a quote is not closed, or it is empty."),
                "Write it as you would in a shell, such as --command 'docker exec -i web'.",
            )
        })?;
        return Ok(Some((command.clone(), TransportSpec::Command(argv))));
    }
    Ok(args.local.then(|| ("local".to_owned(), TransportSpec::Local)))
}

/// The local folder that is named, or the present one.
pub(super) fn local_root(root: Option<&Path>) -> Result<LocalPath, Fault> {
    let unusable = |path: &Path, why: &str| {
        Fault::new(
            Kind::LocalRootGone,
            format!("Can't mirror the folder {}: {why}.", path.display()),
            "Name an existing folder with --root.",
        )
    };
    let given = root.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let absolute = absolute(&given).map_err(|error| unusable(&given, &error.to_string()))?;
    match std::fs::metadata(&absolute) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(unusable(&absolute, "it is not a folder")),
        Err(error) => return Err(unusable(&absolute, &error.to_string())),
    }
    LocalPath::new(&absolute).map_err(|error| unusable(&absolute, &error.to_string()))
}

/// `path` made absolute, without `.` and `..`; links stay, because the editor knows files by those names.
pub(super) fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    Ok(clean(&std::path::absolute(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_taken_out_of_a_path() {
        let root = std::path::absolute("/").unwrap();
        assert_eq!(absolute(&root.join("a/../b/./c")).unwrap(), root.join("b/c"));
    }
}
