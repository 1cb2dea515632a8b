//! Words what can go wrong with the mirror.

use remora_mirror::{Blocked, MirrorError as E};
use remora_model::{Kind as EntryKind, RelPath};

use super::agent::{lost, root_missing, root_read_only};
use super::transport::said;
use super::{Fault, Kind};
use crate::folders::FolderName;
use crate::size::bytes;

/// The fault for a file, or the whole mirror, that failed.
#[must_use]
pub fn mirror(folder: &FolderName, path: Option<&RelPath>, error: &E) -> Fault {
    match (error, path.or_else(|| path_of(error))) {
        (E::LocalRootGone | E::LocalRootEmptied { .. }, _) => local_root(folder, error).because(error),
        (_, Some(path)) => sentence(&folder.file(path), error).because(error),
        (_, None) if folder.is_workspace() => sentence("the files", error).because(error),
        (_, None) => sentence(&format!("the files of {folder}"), error).because(error),
    }
}

fn path_of(error: &E) -> Option<&RelPath> {
    match error {
        E::NoSpace { path }
        | E::Permission { path }
        | E::OutsideRoot { path }
        | E::Diverged { path }
        | E::NotKept { path }
        | E::AlreadyHere { path }
        | E::InTheWay { path }
        | E::LocalUnreadable { path, .. }
        | E::Twins { path }
        | E::LocalUnwritable { path, .. }
        | E::NotThere { path }
        | E::NoFile { path, .. }
        | E::TooLarge { path, .. }
        | E::RemoteUnreadable { path }
        | E::Vanished { path } => Some(path),
        _ => None,
    }
}

fn sentence(name: &str, error: &E) -> Fault {
    match error {
        E::NoSpace { .. } => Fault::new(
            Kind::NoSpace,
            format!("Can't store {name} on the remote: the disk is full. The old file there is whole."),
            "Free some space there, then save again or mirror everything.",
        ),
        E::Permission { .. } => Fault::new(
            Kind::Permission,
            format!("Can't write {name} on the remote: permission denied."),
            "Give the login write access there.",
        ),
        E::ReadOnly => Fault::new(
            Kind::RemoteRootReadOnly,
            format!("Can't store {name} on the remote: its file system is read-only."),
            "Choose another folder with --remote-root or the target's remoteRoot.",
        ),
        E::OutsideRoot { .. } => Fault::new(
            Kind::OutsideRoot,
            format!(
                "{name} is not stored: a folder on its way is a symbolic link there and would lead out of the remote root."
            ),
            "Replace the link by a folder, or leave the path out with remora.mirror.exclude.",
        ),
        E::InTheWay { .. } => Fault::new(
            Kind::InTheWay,
            format!("{name} is not stored: on the remote a file is where a folder should be, or the other way round."),
            "Move it away there, then mirror everything.",
        ),
        E::Diverged { .. } => diverged(std::slice::from_ref(&name)),
        E::LocalUnreadable { message, .. } => Fault::new(
            Kind::LocalUnreadable,
            format!("Can't read {name} here{}.", said(message)),
            "Correct its permissions, or leave it out with remora.mirror.exclude.",
        ),
        E::Twins { .. } => Fault::new(
            Kind::SameName,
            format!("Two files here would both be {name} on the remote: neither is mirrored."),
            "Their names differ only in how an accent is written (Unicode); rename or remove one of them.",
        ),
        E::Vanished { .. } => Fault::new(
            Kind::LocalVanished,
            format!("{name} vanished, or kept changing, while it was read."),
            "It is tried again at its next change.",
        ),
        E::Claimed { host, user, root } => Fault::new(
            Kind::RootClaimed,
            format!("{user} on {host} mirrors {root} to the same remote folder."),
            "What one of you changed the other does not overwrite unasked; another remoteRoot keeps you apart.",
        ),
        E::Trash(reason) => Fault::new(
            Kind::TrashFailed,
            format!("What is replaced or removed on the remote can't always be kept{}.", said(reason)),
            "It is replaced all the same; remora.mirror.trashDays and its like say how much is kept.",
        ),
        E::NotKept { .. }
        | E::AlreadyHere { .. }
        | E::LocalUnwritable { .. }
        | E::NotInside { .. }
        | E::NotThere { .. }
        | E::NoFile { .. }
        | E::TooLarge { .. }
        | E::RemoteUnreadable { .. } => here_or_there(name, error),
        E::RootMissing { path } => root_missing(path),
        E::RemoteRootGone { path } => Fault::new(
            Kind::RemoteRootMissing,
            format!("Can't store {name}: the remote root {path} is gone."),
            "Bring it back, or mirror everything, which makes it anew.",
        ),
        E::RootNotWritable { path } => root_read_only(&path.to_string(), ""),
        E::WatchLimit { watched, .. } => Fault::new(
            Kind::WatchLimit,
            format!(
                "The system lets us watch no more than {watched} folders; other changes made outside the editor are \
                 found by scans instead."
            ),
            "Raise the limit: sudo sysctl fs.inotify.max_user_watches=1048576",
        ),
        E::WatchInstances { .. } | E::Distant { .. } | E::Watch(_) => unwatched(error),
        E::Link(reason) => lost(reason),
        other => Fault::new(
            Kind::MirrorFailed,
            format!("Can't mirror {name}{}.", said(&other.to_string())),
            "The log (RUST_LOG=debug) has the details.",
        ),
    }
}

/// The folder is not there, or not as it was.
fn local_root(folder: &FolderName, error: &E) -> Fault {
    let which = if folder.is_workspace() { String::new() } else { format!(" {folder}") };
    if let E::LocalRootEmptied { files } = error {
        return Fault::new(
            Kind::LocalRootEmptied,
            format!(
                "Nothing of {files} mirrored files is in the local folder{which} any more, as if it were not mounted; \
                 nothing was removed on the remote."
            ),
            "Bring it back (mount it again), then mirror everything; if it is meant to be so, say it with `remora mirror \
             --delete-many`, or in the editor's status button.",
        );
    }
    Fault::new(
        Kind::LocalRootGone,
        format!(
            "The local folder{which} that is mirrored is gone, or another one has its name; nothing was removed on the \
             remote."
        ),
        "Bring it back (mount it again), then mirror everything.",
    )
}

/// Why changes outside the editor come late.
fn unwatched(error: &E) -> Fault {
    let found = "Changes made outside the editor are found by scans only";
    let (message, hint) = match error {
        E::WatchInstances { .. } => (
            format!("{found}, because the system starts no more watchers for this user."),
            "Raise the limit: sudo sysctl fs.inotify.max_user_instances=1024",
        ),
        E::Distant { kind } => (
            format!(
                "The local folder, or a part of it, is on a {kind} file system: what another machine changes there is \
                 found by scans only."
            ),
            "Nothing is lost, but it comes some seconds later.",
        ),
        other => (format!("{found}{}.", said(&other.to_string())), "The log (RUST_LOG=debug) has the details."),
    };
    Fault::new(Kind::WatchLimit, message, hint)
}

/// What keeps a remote file from being read, or a local one from being replaced by it.
fn here_or_there(name: &str, error: &E) -> Fault {
    match error {
        E::LocalUnwritable { message, .. } => Fault::new(
            Kind::LocalUnwritable,
            format!("Can't write {name} here{}; it is as it was.", said(message)),
            "Correct what is in the way, then take it again.",
        ),
        E::NotKept { .. } => Fault::new(
            Kind::FileMissing,
            format!("Nothing of {name} is in the trash, or not of that time."),
            "`remora trash list` says what is.",
        ),
        E::AlreadyHere { .. } => Fault::new(
            Kind::InTheWay,
            format!("{name} is here already; it is as it was."),
            "Move it away, or let it be replaced with --overwrite.",
        ),
        E::NotInside { path } => Fault::new(
            Kind::BadRequest,
            format!("{path} is not in the folder that is mirrored."),
            "Choose a file in that folder.",
        ),
        E::NotThere { .. } => Fault::new(
            Kind::FileMissing,
            format!("There is no {name} on the remote."),
            "Mirror everything to have it there.",
        ),
        E::NoFile { kind, .. } => {
            let what = match kind {
                EntryKind::Dir => "a folder",
                EntryKind::Symlink => "a symbolic link",
                EntryKind::File | EntryKind::Other => "a socket, a pipe or a device",
            };
            Fault::new(
                Kind::InTheWay,
                format!("{name} is {what} on the remote, not a file."),
                "Look at it in a terminal there.",
            )
        }
        E::TooLarge { size, limit, .. } => {
            let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
            Fault::new(
                Kind::TooLarge,
                format!(
                    "{name} is too large on the remote: it has {} MiB, and {} MiB at most are brought here.",
                    megabytes(*size),
                    megabytes(*limit)
                ),
                "Copy it with a program made for that, such as scp.",
            )
        }
        _ => Fault::new(
            Kind::Permission,
            format!("Can't read {name} on the remote: permission denied."),
            "Give the login read access there.",
        ),
    }
}

/// As many names as stand in one sentence.
const SHOWN: usize = 5;

/// The first names of so many.
fn named<T: ToString>(count: usize, paths: &[T]) -> String {
    let names: Vec<String> = paths.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = count.saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn names(folder: &FolderName, paths: &[RelPath]) -> Vec<String> {
    paths.iter().map(|path| folder.file(path)).collect()
}

/// What is said of so many files that are gone here; `paths` are the first of them.
#[must_use]
pub fn held(folder: &FolderName, count: usize, paths: &[RelPath]) -> String {
    format!(
        "{count} files are gone here, more than are removed unasked, and are still on the remote: {}.",
        named(count, &names(folder, paths))
    )
}

/// What is said of so many large files; `files` are the first of them.
#[must_use]
pub fn large(folder: &FolderName, count: usize, files: &[(RelPath, u64)]) -> String {
    let sized = |(path, size): &(RelPath, u64)| format!("{} ({})", folder.file(path), bytes(*size));
    let sized: Vec<String> = files.iter().take(SHOWN).map(sized).collect();
    let what = if count == 1 {
        "1 file is larger than is sent unasked, and is".to_owned()
    } else {
        format!("{count} files are larger than is sent unasked, and are")
    };
    format!("{what} not sent: {}.", named(count, &sized))
}

fn diverged<T: ToString>(paths: &[T]) -> Fault {
    let verb = if paths.len() == 1 { "is" } else { "are" };
    Fault::new(
        Kind::Diverged,
        format!(
            "{} {verb} on the remote, but not as Remora put it there; nothing was overwritten.",
            named(paths.len(), paths)
        ),
        "Compare, then let the local side win with `remora mirror --overwrite`, or bring the remote text here.",
    )
}

/// The fault for a barrier that did not let a start pass.
#[must_use]
pub fn blocked(folder: &FolderName, blocked: &Blocked) -> Fault {
    match blocked {
        Blocked::Diverged(paths) => diverged(&names(folder, paths)),
        Blocked::Held(count, paths) => Fault::new(
            Kind::ManyDeletions,
            held(folder, *count, paths),
            "Remove them there with `remora mirror --delete-many`, or choose in the editor's status button; \
             remora.mirror.maxDeletes and maxDeletePercent set the limits.",
        ),
        Blocked::Large(count, files) => Fault::new(
            Kind::LargeFiles,
            large(folder, *count, files),
            "Send them with `remora mirror --large-too`, or choose in the editor's status button; leave them out with \
             remora.mirror.exclude; remora.mirror.maxFileMegabytes sets the limit.",
        ),
        Blocked::Failed(path, error) => mirror(folder, Some(path), error),
        Blocked::Halted(error) => mirror(folder, None, error),
        Blocked::Paused => Fault::new(
            Kind::MirrorPaused,
            "Mirroring is paused, so not everything is on the remote.",
            "Resume mirroring, then try again.",
        ),
        Blocked::LinkLost => Fault::new(
            Kind::ConnectionLost,
            "The connection was lost before everything was on the remote.",
            "It goes on where it was when the connection is back.",
        ),
        Blocked::RootGone => mirror(folder, None, &E::LocalRootGone),
        Blocked::Ended => Fault::internal("The mirror has ended."),
    }
}
