//! Owns the real source tree that is mirrored: Django's source distribution, pinned, fetched once into the user's cache
//! by pip, whose own configuration says where from. Never changes what it has unpacked.

use std::fs;
use std::path::{Path, PathBuf};

use remora_tests::bench::shared::succeed;
use tokio::process::Command;

const PIN: &str = "django==5.2.8 --hash=sha256:23254866a5bb9a2cfa6004e8b809ec6246eba4b58a7589bc2772f1bcc8456c7f";
const ARCHIVE: &str = "django-5.2.8.tar.gz";
const UNPACKED: &str = "django-5.2.8";
/// An editor's backup copy, which Remora leaves out: everybody carries the same files.
const LEFT_OUT: &str = "tests/staticfiles_tests/project/documents/test/backup~";

/// Unpacks the tree into `folder`; the path of its root.
pub(crate) async fn unpack(folder: &Path) -> PathBuf {
    let archive = cached().await;
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "-xzf"]).arg(archive).arg("-C").arg(folder);
    succeed(tar).await;
    let root = folder.join(UNPACKED);
    fs::remove_file(root.join(LEFT_OUT)).expect("the archive is the pinned one");
    root
}

/// The archive; downloaded if it is not here yet. It takes its place when it is whole and checked.
async fn cached() -> PathBuf {
    let folder = cache().join("remora").join("bench");
    let archive = folder.join(ARCHIVE);
    if !archive.is_file() {
        fs::create_dir_all(&folder).expect("the cache folder can be made");
        let unfinished = tempfile::tempdir_in(&folder).expect("a folder can be made in the cache");
        let requirements = unfinished.path().join("requirements.txt");
        fs::write(&requirements, PIN).expect("a file can be written");
        eprintln!("downloading {ARCHIVE}");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--no-binary", ":all:", "--require-hashes", "--requirement"]).arg(requirements);
        pip.arg("--dest").arg(unfinished.path());
        succeed(pip).await;
        fs::rename(unfinished.path().join(ARCHIVE), &archive).expect("the archive can be moved into place");
    }
    archive
}

fn cache() -> PathBuf {
    let home = || std::env::home_dir().expect("the user has a home").join(".cache");
    std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map_or_else(home, PathBuf::from)
}
