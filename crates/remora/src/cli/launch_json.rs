//! `remora launch-json`: our entry in the editor's file. Writes the file only when the text is right.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::FAILED;
use super::args::LaunchJsonArgs;
use super::run::{Drive, Waited};
use super::target::{Scene, absolute};
use super::voice::Voice;
use crate::event::Event;
use crate::fault::{Fault, Kind};
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
        Some(file) => absolute(file).map_err(|error| unwritable(file, &error)),
        None => Ok(scene.workspace.root.as_path().join(".vscode").join("launch.json")),
    }
}

fn place(args: &LaunchJsonArgs, file: &Path, rooted: crate::event::Rooted, voice: &mut Voice) -> Result<(), Fault> {
    let before = read(file)?;
    let entry = Entry { name: args.name.clone(), port: args.port, rooted };
    let after = launch::update(&before, entry)?;
    if args.stdout {
        std::io::stdout().write_all(after.as_bytes()).map_err(|error| unwritable(Path::new("<stdout>"), &error))?;
    } else if after == before {
        voice.say(&json!({}), &format!("{} is right already", file.display()));
    } else {
        write(file, &after).map_err(|error| unwritable(file, &error))?;
        voice.say(&json!({}), &format!("wrote {}", file.display()));
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Fault> {
    // A device may never end, and the rename that writes would put a file in its place.
    if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Fault::new(
            Kind::BadRequest,
            format!("{} is not a file.", file.display()),
            "Name a launch.json; nothing was changed.",
        ));
    }
    match std::fs::read(file) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| {
            Fault::new(
                Kind::LaunchJsonInvalid,
                format!("{} is not UTF-8.", file.display()),
                "Save it as UTF-8; nothing was changed.",
            )
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Fault::new(
            Kind::LocalUnreadable,
            format!("Can't read {}: {error}.", file.display()),
            "Correct its permissions; nothing was changed.",
        )),
    }
}

/// Replaces the file as a whole, so that nobody reads half of it; a link stays a link.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = file.parent().ok_or(ErrorKind::InvalidInput)?;
    std::fs::create_dir_all(folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    let permissions = match std::fs::metadata(&file) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => fresh_permissions(new.as_file())?,
    };
    new.as_file().set_permissions(permissions)?;
    new.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

/// A temporary file is private; a new `launch.json` should be as readable as its neighbours.
#[cfg(unix)]
fn fresh_permissions(_: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn fresh_permissions(file: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    Ok(file.metadata()?.permissions())
}

fn unwritable(file: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        Kind::LocalUnwritable,
        format!("Can't write {}: {error}.", file.display()),
        "Correct the permissions of its folder, or use --stdout.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_neither_read_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("new.json")).unwrap(), "");
        assert_eq!(read(folder.path()).unwrap_err().kind, Kind::BadRequest);
        #[cfg(unix)]
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().kind, Kind::BadRequest);
    }
}
