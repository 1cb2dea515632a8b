//! Owns the private folder of a session's Unix socket: makes it, removes it, and removes those that a killed
//! process left. Never listens itself.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;
use tracing::{debug, warn};

/// What our folders are called; the process and a number follow.
const PREFIX: &str = "remora-dap-";

/// The socket in a folder.
const SOCKET: &str = "s";

/// Held while its folder is in use. A process that is killed lets go of it.
const LOCK: &str = "lock";

/// As long as the path of a Unix socket may be everywhere: macOS has room for 103 bytes, Linux for 107.
const LONGEST: usize = 103;

/// How many names are tried; one that is there belongs to a process that had our number before.
const TRIES: u32 = 100;

/// Tells the folders of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A private folder (0700). Dropping it removes it and the socket in it.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    /// Makes a folder in the user's runtime folder, or else among the temporary files, and removes those there that
    /// a killed process left.
    ///
    /// # Errors
    /// The folder in which it failed, and why.
    pub(crate) fn make() -> Result<Self, (PathBuf, io::Error)> {
        let mut failed = None;
        for base in bases() {
            match Self::make_in(&base) {
                Ok(place) => return Ok(place),
                Err(error) => failed = Some((base, error)),
            }
        }
        Err(failed.expect("invariant: there is one base at least"))
    }

    fn make_in(base: &Path) -> io::Result<Self> {
        sweep(base);
        for _ in 0..TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let folder = base.join(format!("{PREFIX}{}-{number}", std::process::id()));
            if folder.join(SOCKET).as_os_str().len() > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidFilename, "the path of a socket there is too long"));
            }
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => return lock(&folder).map(|lock| Self { folder, _lock: lock }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where the socket belongs.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join(SOCKET)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            warn!(%error, folder = %self.folder.display(), "a session's folder could not be removed");
        }
    }
}

/// Takes the lock of a new folder. It gets its name when it is held, so that nobody finds it free before.
fn lock(folder: &Path) -> io::Result<File> {
    let fresh = folder.join("lock.new");
    let file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    fs::rename(fresh, folder.join(LOCK))?;
    Ok(file)
}

/// The folder may hold nothing but what is ours, so no more than that is removed.
fn remove(folder: &Path) -> io::Result<()> {
    for name in [SOCKET, LOCK] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::remove_dir(folder)
}

/// Where sockets may be: the runtime folder if it is this user's alone, then the temporary folders.
fn bases() -> Vec<PathBuf> {
    let own = |folder: &PathBuf| {
        fs::metadata(folder).is_ok_and(|there| {
            there.is_dir() && there.uid() == geteuid().as_raw() && there.mode() & 0o022 == 0 && folder.is_absolute()
        })
    };
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(own);
    let mut bases: Vec<PathBuf> = runtime.into_iter().collect();
    bases.extend([std::env::temp_dir(), PathBuf::from("/tmp")]);
    bases.dedup();
    bases
}

/// Removes the folders of processes that were killed: those of our name and owner whose lock nobody holds.
fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let folder = entry.path();
        let named = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let own = || {
            let there = fs::symlink_metadata(&folder);
            there.is_ok_and(|there| there.is_dir() && there.uid() == geteuid().as_raw())
        };
        if !named || !own() {
            continue;
        }
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let removed = remove(&folder);
            debug!(folder = %folder.display(), ?removed, "the folder of a session that was killed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_is_private_and_goes_with_its_owner() {
        let base = tempfile::tempdir_in("/tmp").unwrap();
        let place = Place::make_in(base.path()).unwrap();
        let folder = place.socket().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(place.socket(), "").unwrap();
        let other = Place::make_in(base.path()).unwrap();
        assert!(folder.exists(), "another's start leaves it alone");
        drop((place, other));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_start_and_nothing_else() {
        let base = tempfile::tempdir_in("/tmp").unwrap();
        let make = |name: &str, files: &[&str]| {
            let folder = base.path().join(name);
            fs::create_dir(&folder).unwrap();
            files.iter().for_each(|file| fs::write(folder.join(file), "").unwrap());
        };
        make("remora-dap-1-0", &["lock", "s"]);
        make("remora-dap-2-0", &["lock", "s", "a user's file"]);
        make("remora-dap-3-0", &["lock.new"]);
        make("remora-other", &["lock", "s"]);
        std::os::unix::fs::symlink(base.path().join("remora-other"), base.path().join("remora-dap-4-0")).unwrap();
        let place = Place::make_in(base.path()).unwrap();
        let own = place.socket().parent().unwrap().file_name().unwrap().to_owned();
        let mut left: Vec<_> = fs::read_dir(base.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.retain(|name| *name != own);
        left.sort();
        assert_eq!(left, ["remora-dap-2-0", "remora-dap-3-0", "remora-dap-4-0", "remora-other"]);
        assert!(
            base.path().join("remora-other/s").exists() && base.path().join("remora-dap-2-0/a user's file").exists()
        );
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_refused() {
        let base = tempfile::tempdir_in("/tmp").unwrap();
        let long = base.path().join("x".repeat(80));
        fs::create_dir(&long).unwrap();
        assert_eq!(Place::make_in(&long).unwrap_err().kind(), io::ErrorKind::InvalidFilename);
        assert_eq!(fs::read_dir(&long).unwrap().count(), 0);
    }
}
