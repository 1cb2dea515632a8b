//! Owns the one way in which a local file is ever written: whole or not at all, and never outside the root. Every
//! part of the way is opened from the one above it and no link is followed. Blocking; decides nothing.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use remora_agent::ReadFile;
use remora_model::{Entry, Mtime, RelPath};

use crate::scan::entry_of;

/// Replaces the local file by `new`, with its time; what is there keeps its mode, and a file that was not there is
/// writable for nobody but its owner. Says what stands there then.
///
/// # Errors
/// The system's; what was there is whole then.
pub(crate) fn replace(root: &Path, path: &RelPath, new: &ReadFile) -> io::Result<Entry> {
    let dir = dir::Dir::of(root, path)?;
    let name = path.name();
    let mode = dir.mode_of(name)?.unwrap_or(new.mode.0 & 0o755 | 0o600);
    let temporary = temporary_name();
    let mut file = dir.create(temporary.as_bytes())?;
    let written = fill(&mut file, new, mode).and_then(|entry| {
        dir.rename(temporary.as_bytes(), name)?;
        Ok(entry)
    });
    if written.is_err() {
        dir.remove(temporary.as_bytes());
    }
    written
}

/// Replaces what is there, if it is no directory, by a symbolic link with this text, which is not interpreted.
///
/// # Errors
/// The system's; what was there is there then.
pub(crate) fn replace_by_link(root: &Path, path: &RelPath, text: &[u8]) -> io::Result<()> {
    let dir = dir::Dir::of(root, path)?;
    dir.mode_of(path.name())?;
    let temporary = temporary_name();
    dir.link(temporary.as_bytes(), text)?;
    dir.rename(temporary.as_bytes(), path.name()).inspect_err(|_| dir.remove(temporary.as_bytes()))
}

fn fill(file: &mut File, new: &ReadFile, mode: u32) -> io::Result<Entry> {
    file.write_all(&new.bytes)?;
    dir::set_mode(file, mode)?;
    file.set_modified(time(new.mtime))?;
    file.sync_all()?;
    Ok(entry_of(&file.metadata()?))
}

/// A name that no walk and no watcher takes for a file of the user's.
fn temporary_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(".remora-{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn time(mtime: Mtime) -> SystemTime {
    let nanos = Duration::from_nanos(mtime.0.unsigned_abs());
    if mtime.0 < 0 { SystemTime::UNIX_EPOCH - nanos } else { SystemTime::UNIX_EPOCH + nanos }
}

#[cfg(unix)]
mod dir {
    //! Owns an open directory below the root. Never follows a link.

    use std::ffi::OsStr;
    use std::fs::{File, Permissions};
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use remora_model::RelPath;
    use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, symlinkat, unlinkat};
    use rustix::io::Errno;

    pub(super) struct Dir(OwnedFd);

    impl Dir {
        /// The directory that `path` stands in; made where it is missing.
        pub(super) fn of(root: &Path, path: &RelPath) -> io::Result<Self> {
            let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
            let mut dir = openat(CWD, root, flags, Mode::empty())?;
            let mut parts: Vec<&[u8]> = path.parts().collect();
            parts.pop();
            for part in parts {
                let part = OsStr::from_bytes(part);
                let open = || openat(&dir, part, flags | OFlags::NOFOLLOW, Mode::empty());
                dir = match open() {
                    Err(Errno::NOENT) => {
                        mkdirat(&dir, part, Mode::from_raw_mode(0o755))?;
                        open()?
                    }
                    opened => opened?,
                };
            }
            Ok(Self(dir))
        }

        /// The permission bits of a file that is there; an error if it is a directory.
        pub(super) fn mode_of(&self, name: &[u8]) -> io::Result<Option<u32>> {
            let found = match statat(&self.0, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Ok(None),
                found => found?,
            };
            match FileType::from_raw_mode(found.st_mode) {
                FileType::Directory => Err(Errno::ISDIR.into()),
                FileType::RegularFile => Ok(Some(found.st_mode & 0o777)),
                _ => Ok(None),
            }
        }

        /// A new file that nobody else can read yet.
        pub(super) fn create(&self, name: &[u8]) -> io::Result<File> {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
            Ok(openat(&self.0, OsStr::from_bytes(name), flags, Mode::from_raw_mode(0o600))?.into())
        }

        pub(super) fn link(&self, name: &[u8], text: &[u8]) -> io::Result<()> {
            Ok(symlinkat(OsStr::from_bytes(text), &self.0, OsStr::from_bytes(name))?)
        }

        pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
            Ok(renameat(&self.0, OsStr::from_bytes(from), &self.0, OsStr::from_bytes(to))?)
        }

        pub(super) fn remove(&self, name: &[u8]) {
            // The failure that led here is the one to tell.
            let _ = unlinkat(&self.0, OsStr::from_bytes(name), AtFlags::empty());
        }
    }

    pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
        file.set_permissions(Permissions::from_mode(mode))
    }
}

#[cfg(not(unix))]
mod dir {
    //! Owns the place of a directory below the root, without links at the time it was looked at. Windows has no
    //! call that opens a file from a directory, so whoever puts a link there in between is followed.

    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};

    use remora_model::RelPath;

    pub(super) struct Dir(PathBuf);

    impl Dir {
        pub(super) fn of(root: &Path, path: &RelPath) -> io::Result<Self> {
            let Some(parent) = path.parent() else { return Ok(Self(root.to_owned())) };
            let mut place = root.to_owned();
            for part in parent.to_local().components() {
                place.push(part);
                match fs::symlink_metadata(&place) {
                    Ok(found) if found.is_dir() => {}
                    Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&place)?,
                    Err(error) => return Err(error),
                }
            }
            Ok(Self(place))
        }

        pub(super) fn mode_of(&self, name: &[u8]) -> io::Result<Option<u32>> {
            if self.place(name).is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(None) }
        }

        pub(super) fn create(&self, name: &[u8]) -> io::Result<File> {
            File::create_new(self.place(name))
        }

        pub(super) fn link(&self, _: &[u8], _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
            fs::rename(self.place(from), self.place(to))
        }

        pub(super) fn remove(&self, name: &[u8]) {
            // The failure that led here is the one to tell.
            let _ = fs::remove_file(self.place(name));
        }

        fn place(&self, name: &[u8]) -> PathBuf {
            self.0.join(Path::new(&*String::from_utf8_lossy(name)))
        }
    }

    pub(super) fn set_mode(_: &File, _: u32) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use remora_model::{Digest, Mode};

    use super::*;

    fn new(bytes: &[u8]) -> ReadFile {
        let mtime = Mtime(1_000_000_000_000_000_007);
        ReadFile { bytes: bytes.to_vec(), digest: Digest::of(bytes), mode: Mode(0o6777), mtime }
    }

    fn take(root: &Path, name: &str, bytes: &[u8]) -> io::Result<Entry> {
        replace(root, &RelPath::new(name).unwrap(), &new(bytes))
    }

    #[test]
    fn a_file_is_replaced_whole_with_its_time_and_keeps_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("a");
        fs::write(&place, "old").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
        let held = File::open(&place).unwrap();
        let entry = take(dir.path(), "a", b"\0new\xff").unwrap();
        assert_eq!(fs::read(&place).unwrap(), b"\0new\xff");
        let metadata = fs::metadata(&place).unwrap();
        assert_eq!((metadata.mode() & 0o7777, entry.mtime, entry.size), (0o640, new(b"").mtime, 5));
        assert_eq!(entry_of(&metadata), entry);
        assert_eq!(held.metadata().unwrap().len(), 3, "whoever reads the old file reads it to its end");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_not_there_comes_with_its_folders_and_is_not_writable_for_others() {
        let dir = tempfile::tempdir().unwrap();
        take(dir.path(), "b/c/d", b"x").unwrap();
        assert_eq!(fs::metadata(dir.path().join("b/c/d")).unwrap().mode() & 0o7777, 0o755);
    }

    #[test]
    fn nothing_is_written_through_a_link_or_over_a_folder() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("a"), "theirs").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        symlink(outside.path(), root.join("out")).unwrap();
        fs::create_dir_all(root.join("d/e")).unwrap();
        for name in ["out/a", "out/new", "out/x/y", "d"] {
            assert!(take(root, name, b"ours").is_err(), "{name}");
        }
        assert_eq!(fs::read_to_string(outside.path().join("a")).unwrap(), "theirs");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        symlink(outside.path().join("a"), root.join("link")).unwrap();
        take(root, "link", b"ours").unwrap();
        assert_eq!(fs::read_to_string(outside.path().join("a")).unwrap(), "theirs");
        assert!(!root.join("link").is_symlink(), "a link is replaced itself");
        assert_eq!(fs::read_dir(root).unwrap().count(), 3, "no temporary file is left");
    }
}
