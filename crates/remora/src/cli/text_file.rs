//! Reads and replaces the editor's files, each as a whole. Knows nothing of what is in them.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::fault::{Fault, Kind};

/// The text of a file; empty if there is none.
///
/// # Errors
/// What is there is no file, can't be read, or is not UTF-8.
pub(super) fn read(file: &Path) -> Result<String, Fault> {
    // A device may never end, and the rename that writes would put a file in its place.
    if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        let name = file.file_name().unwrap_or_default().display();
        return Err(Fault::new(
            Kind::BadRequest,
            format!("{} is not a file.", file.display()),
            format!("Name a {name}; nothing was changed."),
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
///
/// # Errors
/// It, or its folder, can't be written.
pub(super) fn write(file: &Path, text: &str) -> Result<(), Fault> {
    replace(file, text).map_err(|error| unwritable(file, &error))
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
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

/// A temporary file is private; a new file should be as readable as its neighbours.
#[cfg(unix)]
fn fresh_permissions(_: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn fresh_permissions(file: &std::fs::File) -> std::io::Result<std::fs::Permissions> {
    Ok(file.metadata()?.permissions())
}

/// The fault for a file that can't be written.
pub(super) fn unwritable(file: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        Kind::LocalUnwritable,
        format!("Can't write {}: {error}.", file.display()),
        "Correct the permissions of its folder, or use --stdout.",
    )
}

/// Prints the text in place of writing the file.
///
/// # Errors
/// Nobody reads it.
pub(super) fn print(text: &str) -> Result<(), Fault> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| unwritable(Path::new("<stdout>"), &error))
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
