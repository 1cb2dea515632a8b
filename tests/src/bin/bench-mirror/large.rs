//! Owns the large file of random bytes that the cases "insert" and "bulk" carry, and its comparison. Never carries it.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_tests::bench::text::text;

/// Its name in whatever folder it is.
pub(crate) const NAME: &str = "large.bin";

/// Makes it.
pub(crate) fn make(file: &Path, size: u64) {
    let random = File::open("/dev/urandom").expect("the system has random bytes");
    let mut file = File::create(file).expect("a file can be made");
    io::copy(&mut random.take(size), &mut file).expect("a file can be written");
}

/// Writes what the file would be with `bytes` more in its middle into a file beside its folder, ready to be moved.
pub(crate) fn with_more(file: &Path, bytes: usize) -> PathBuf {
    let mut old = File::open(file).expect("the file can be read");
    let size = old.metadata().expect("the file can be looked at").len();
    let place = file.parent().expect("invariant: it is in a folder").with_extension("new");
    let mut new = File::create(&place).expect("a file can be made");
    let written = io::copy(&mut (&old).take(size / 2), &mut new)
        .and_then(|_| io::copy(&mut text(size, bytes).as_slice(), &mut new))
        .and_then(|_| old.seek(SeekFrom::Start(size / 2)))
        .and_then(|_| io::copy(&mut old, &mut new));
    written.expect("the file can be copied");
    place
}

/// Whether two files hold the same bytes.
pub(crate) fn are_equal(one: &Path, other: &Path) -> bool {
    let size = |file: &Path| fs::metadata(file).map(|found| found.len()).ok();
    let same_bytes = || Command::new("cmp").arg("--silent").arg(one).arg(other).status();
    size(one).is_some() && size(one) == size(other) && same_bytes().expect("cmp can be run").success()
}

/// The size, as a label.
pub(crate) fn size_of(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
