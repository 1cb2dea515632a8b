//! Owns the look at single local paths: what is there now, with its bytes when it is a small file that
//! may have changed. Blocking, so never called on the runtime's own threads; never sends anything.

mod parents;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use remora_model::{Digest, Entry, Hasher, Kind, Mode, Mtime, RelPath};

use crate::error::MirrorError;
use crate::links::Met;
use crate::modes::wanted;
use crate::record::{Record, is_racy};
use crate::rules::{Rules, ancestors};
use crate::scan::{Listing, Tree, entry_of, is_absence, is_link_loop, mtime_from};

pub(crate) use parents::Parents;

/// A file up to this size is held in memory and digested before it is sent; a larger one is streamed.
pub(crate) const WHOLE_FILE_BYTES: u64 = 1 << 20;

/// How often a file that changes while it is read is read again at once. An editor's save is over by
/// then; whoever writes for longer is waited for.
const READ_ATTEMPTS: u32 = 3;

/// A file that was emptied less than this ago is about to be written by whoever emptied it.
const EMPTIED_NANOS: i64 = 50_000_000;

/// What to look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LookSpec {
    pub(crate) path: RelPath,
    /// What is known to be on the remote.
    pub(crate) record: Option<Record>,
    /// Of a directory: list what is below.
    pub(crate) walk: bool,
    /// Whether it goes before bulk work.
    pub(crate) urgent: bool,
    /// Of a large file: its digest is wanted in any case.
    pub(crate) digest: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Looked {
    /// Nothing, or nothing that can be mirrored (a device, a path through a symbolic link).
    Gone,
    /// The whole local root is gone.
    RootGone,
    /// Nothing is there, and the root is another directory than before: a comparison has to tell what that means.
    Elsewhere,
    /// It is left out by the rules.
    Ignored,
    /// The file that the record knows, untouched.
    Unchanged,
    /// It changes faster than it can be read.
    Unsteady,
    /// It can't be read.
    Unreadable(MirrorError),
    /// A file.
    File(LookedFile),
    /// A symbolic link with this text.
    Link(Vec<u8>),
    /// A directory, and what is below if that was asked for.
    Dir(Mode, Option<Listing>),
}

/// A local file, read or ready to be streamed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LookedFile {
    pub(crate) mtime: Mtime,
    pub(crate) size: u64,
    pub(crate) mode: Mode,
    pub(crate) racy: bool,
    pub(crate) content: Content,
}

/// A local file's bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// All of them, and their digest.
    Whole(Vec<u8>, Digest),
    /// Too large to hold; digested only if it might equal what the record knows.
    Large(Option<Digest>),
}

/// Looks at one path; `parents` are those of the group that is looked at.
pub(crate) fn look(tree: &Tree<'_>, parents: &mut Parents<'_>, spec: &LookSpec) -> Looked {
    let Some(met) = meet(tree, parents, &spec.path) else {
        return gone(tree, spec);
    };
    let (entry, target) = match met {
        Ok(Met::Is(entry, target)) => (entry, target),
        Ok(Met::Left(_)) => return Looked::Ignored,
        Err(error) => return Looked::Unreadable(MirrorError::unreadable(&spec.path, &error)),
    };
    if parents.ignores(&spec.path, entry.kind) {
        return Looked::Ignored;
    }
    target.into_iter().for_each(|target| tree.links.note(&spec.path, target));
    let place = tree.links.place(tree.root, &spec.path);
    match entry.kind {
        Kind::Other => Looked::Gone,
        Kind::Dir => {
            if Rules::is_rule_file(&spec.path) {
                tree.rules.forget();
                parents.forget();
            }
            Looked::Dir(entry.mode, spec.walk.then(|| tree.walk_below(&spec.path)))
        }
        Kind::Symlink => match fs::read_link(&place) {
            Ok(text) => Looked::Link(link_text(&text)),
            Err(error) => trouble(spec, &error),
        },
        Kind::File if is_unchanged(tree, spec.record.as_ref(), &entry) => Looked::Unchanged,
        Kind::File => {
            for _ in 0..READ_ATTEMPTS {
                match read(&place, spec) {
                    Ok(Some(file)) => return Looked::File(file),
                    Ok(None) => {}
                    Err(error) => return trouble(spec, &error),
                }
            }
            Looked::Unsteady
        }
    }
}

/// Whether a look would find that nothing is to be done: it is left out, or untouched. Reads no file.
pub(crate) fn comes_to_nothing(tree: &Tree<'_>, spec: &LookSpec) -> bool {
    let mut parents = Parents::new(tree);
    let entry = match meet(tree, &mut parents, &spec.path) {
        Some(Ok(Met::Is(entry, _))) => Some(entry),
        Some(Ok(Met::Left(_))) => return true,
        Some(Err(_)) | None => None,
    };
    parents.ignores(&spec.path, entry.as_ref().map_or(Kind::File, |entry| entry.kind))
        || entry.is_some_and(|entry| entry.kind == Kind::File && is_unchanged(tree, spec.record.as_ref(), &entry))
}

/// The digest of a local file or of a link's text; nothing when it can't be read or is neither.
pub(crate) fn local_digest(place: &Path, path: &RelPath) -> Result<Option<Digest>, MirrorError> {
    let digest = || -> io::Result<Option<Digest>> {
        let kind = fs::symlink_metadata(place)?.file_type();
        if kind.is_symlink() {
            return Ok(Some(Digest::of(&link_text(&fs::read_link(place)?))));
        }
        let mut file = open(place)?;
        Ok(if kind.is_file() { Some(digest_of(&mut file)?) } else { None })
    };
    match digest() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map_err(|error| MirrorError::unreadable(path, &error)),
    }
}

/// What stands there; nothing when nothing does, also when a part of the way is no directory.
fn meet(tree: &Tree<'_>, parents: &mut Parents<'_>, path: &RelPath) -> Option<io::Result<Met>> {
    match parents.are_directories(path) {
        Ok(true) => {}
        Ok(false) => return None,
        Err(error) => return Some(Err(error)),
    }
    match tree.meet(path) {
        Err(error) if is_absence(&error) => None,
        Ok(_) if !parents.is_written(path) => None,
        met => Some(met),
    }
}

/// What was left out after it had been mirrored stays where it is: only what vanishes is removed.
fn gone(tree: &Tree<'_>, spec: &LookSpec) -> Looked {
    if !tree.root.is_dir() {
        return Looked::RootGone;
    }
    let was_dir = matches!(spec.record, Some(Record::Dir { .. }));
    let left = |dir: &RelPath| matches!(tree.meet(dir), Ok(Met::Left(_)));
    let nobodys = || tree.rules.ignores(&spec.path, was_dir) || ancestors(&spec.path).iter().any(left);
    if spec.record.is_some() && nobodys() { Looked::Ignored } else { Looked::Gone }
}

fn trouble(spec: &LookSpec, error: &io::Error) -> Looked {
    if is_absence(error) || is_link_loop(error) {
        // Replaced between the first look and the second: look again later.
        return Looked::Unsteady;
    }
    Looked::Unreadable(MirrorError::unreadable(&spec.path, error))
}

fn is_unchanged(tree: &Tree<'_>, record: Option<&Record>, entry: &Entry) -> bool {
    let Some(Record::File(known)) = record else { return false };
    let same = known.seen.is_some_and(|seen| !seen.racy && (seen.mtime, seen.size) == (entry.mtime, entry.size));
    same && known.has_meta(entry.mtime, wanted(tree.modes, Kind::File, entry.mode, Some(known.mode)))
}

/// Reads the file; nothing if it changed meanwhile.
fn read(place: &Path, spec: &LookSpec) -> io::Result<Option<LookedFile>> {
    let record = spec.record.as_ref();
    let now = mtime_from(SystemTime::now());
    let mut file = open(place)?;
    let before = entry_of(&file.metadata()?);
    let emptied = before.size == 0 && matches!(record, Some(Record::File(known)) if known.size > 0);
    if before.kind != Kind::File || (emptied && (now.0 - before.mtime.0).abs() < EMPTIED_NANOS) {
        return Ok(None);
    }
    let content = if before.size > WHOLE_FILE_BYTES {
        let alike = spec.digest || matches!(record, Some(Record::File(known)) if known.size == before.size);
        Content::Large(if alike { Some(digest_of(&mut file)?) } else { None })
    } else {
        // A regular file gives less than is asked for only at its end: one call where reading to the end takes two.
        let mut bytes = vec![0; usize::try_from(before.size).unwrap_or(0) + 1];
        let mut filled = 0;
        while (filled as u64) < before.size {
            match file.read(&mut bytes[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        if bytes.len() as u64 != before.size {
            return Ok(None);
        }
        let digest = Digest::of(&bytes);
        Content::Whole(bytes, digest)
    };
    if entry_of(&file.metadata()?) != before {
        return Ok(None);
    }
    let Entry { size, mtime, mode, .. } = before;
    Ok(Some(LookedFile { mtime, size, mode, racy: is_racy(mtime, now), content }))
}

fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// Opens without following a link and without waiting for the other end of a pipe: what is there may
/// have been replaced since it was looked at.
#[cfg(unix)]
pub(crate) fn open(place: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(place)
}

#[cfg(not(unix))]
pub(crate) fn open(place: &Path) -> io::Result<File> {
    File::open(place)
}

#[cfg(unix)]
fn link_text(text: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    text.as_os_str().as_bytes().to_vec()
}

/// A relative link means the same over there when its parts are joined by `/`.
#[cfg(not(unix))]
fn link_text(text: &Path) -> Vec<u8> {
    text.to_string_lossy().replace('\\', "/").into_bytes()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use remora_model::Policy;

    use super::*;
    use crate::case::Case;
    use crate::links::Links;
    use crate::record::{FileRecord, Seen};

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn look_at(root: &Path, name: &str, record: Option<Record>) -> Looked {
        let rules = Rules::new(root, &Policy::default()).unwrap();
        let links = Links::default();
        let case = Case::default();
        let tree = Tree::plain(root, &rules, &links, &case);
        let walk = !matches!(record, Some(Record::Dir { .. }));
        let spec = LookSpec { path: path(name), record, walk, urgent: true, digest: false };
        look(&tree, &mut Parents::new(&tree), &spec)
    }

    fn known(root: &Path, name: &str, racy: bool) -> Record {
        let entry = entry_of(&fs::symlink_metadata(root.join(name)).unwrap());
        let digest = local_digest(&root.join(name), &path(name)).unwrap().unwrap();
        let seen = Some(Seen { mtime: entry.mtime, size: entry.size, racy });
        Record::File(FileRecord { digest, size: entry.size, mtime: entry.mtime, mode: entry.mode, seen })
    }

    #[test]
    fn each_kind_is_told_apart_and_nothing_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("d")).unwrap();
        fs::write(root.join("d/f"), "a\r\n").unwrap();
        symlink("d", root.join("l")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let Looked::File(file) = look_at(root, "d/f", None) else { panic!("a file") };
        assert_eq!(file.content, Content::Whole(b"a\r\n".to_vec(), Digest::of(b"a\r\n")));
        assert!(file.racy);
        assert_eq!(look_at(root, "l", None), Looked::Link(b"d".to_vec()));
        for name in ["l/f", "fifo", "none", "d/f/x", "none/x"] {
            assert_eq!(look_at(root, name, None), Looked::Gone, "{name}");
        }
        assert_eq!(look_at(root, "x.pyc", None), Looked::Gone);
        fs::write(root.join("x.pyc"), "").unwrap();
        assert_eq!(look_at(root, "x.pyc", None), Looked::Ignored);
        let Looked::Dir(_, Some(below)) = look_at(root, "d", None) else { panic!("a directory") };
        assert_eq!(below.entries.keys().collect::<Vec<_>>(), [&path("d/f")]);
        assert!(matches!(
            look_at(root, "d", Some(Record::Dir { ours: true, mode: Mode(0o755) })),
            Looked::Dir(_, None)
        ));
    }

    #[test]
    fn an_untouched_file_is_not_read_unless_it_was_so_young_that_a_change_would_not_show() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("f"), "a").unwrap();
        assert_eq!(look_at(root, "f", Some(known(root, "f", false))), Looked::Unchanged);
        assert!(matches!(look_at(root, "f", Some(known(root, "f", true))), Looked::File(_)));
        let record = known(root, "f", false);
        fs::write(root.join("f"), "bb").unwrap();
        assert!(matches!(look_at(root, "f", Some(record)), Looked::File(_)));
    }

    #[test]
    fn a_large_file_is_digested_only_when_it_may_be_the_known_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("f"), vec![7; (WHOLE_FILE_BYTES + 1).try_into().unwrap()]).unwrap();
        let content = |record| match look_at(root, "f", record) {
            Looked::File(file) => file.content,
            other => panic!("{other:?}"),
        };
        assert_eq!(content(None), Content::Large(None));
        let digest = local_digest(&root.join("f"), &path("f")).unwrap();
        assert_eq!(content(Some(known(root, "f", true))), Content::Large(digest));
    }

    #[test]
    fn a_vanished_root_is_not_a_vanished_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look_at(&dir.path().join("gone"), "f", None), Looked::RootGone);
    }

    #[test]
    fn what_was_mirrored_before_it_was_left_out_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::write(root.join("f"), "a").unwrap();
        let record = known(root, "f", false);
        fs::remove_file(root.join("f")).unwrap();
        assert_eq!(look_at(root, "f", Some(record.clone())), Looked::Gone);
        fs::write(root.join(".gitignore"), "f\n").unwrap();
        assert_eq!(look_at(root, "f", Some(record)), Looked::Ignored);
    }
}
