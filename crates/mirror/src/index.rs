//! Owns the file in which the record of what is ours outlives the process. Never decides what is ours.
//!
//! It is a log of JSON lines: a header, then one line for each change of the record, appended before
//! anything that relies on it leaves. So a change costs one short append and not a rewrite, and whoever
//! is killed has lost nothing: what was on its way is written down as such. On opening it is
//! rewritten whole, to a temporary name that is then renamed. A last line that is cut short is what a
//! full disk or a lost machine leaves; anything else that can't be read makes the record unusable, and
//! an unusable record is an empty one: then both trees are compared by digest.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use remora_model::RemotePath;
use serde::{Deserialize, Serialize};

use crate::record::{Line, LineKind, Records};

/// A change of what the lines mean gets the next number; an index of another version is started anew.
const VERSION: u32 = 1;

/// The log is rewritten when it has this many lines more than twice what is needed.
const SPARE_LINES: usize = 20_000;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Header {
    remora_mirror: u32,
    local_root: String,
    remote_root: RemotePath,
}

/// Says whether the work that the lines above speak of came to its end.
#[derive(Serialize, Deserialize)]
struct Mark {
    done: bool,
}

/// How a mark begins; no other line does.
const MARK: &[u8] = b"{\"done\":";

/// An index that is open for more.
pub(crate) struct Index {
    place: PathBuf,
    header: Header,
    file: File,
    lines: usize,
    /// What the last mark says.
    done: bool,
}

/// An index as it was read.
pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) records: Records,
    /// Why what was there could not be used.
    pub(crate) problem: Option<String>,
}

impl Index {
    /// Opens the index at `place` for this pair of roots; makes it when it is not there.
    pub(crate) fn open(place: &Path, local_root: &Path, remote_root: &RemotePath) -> io::Result<Opened> {
        let header = Header {
            remora_mirror: VERSION,
            local_root: local_root.display().to_string(),
            remote_root: remote_root.clone(),
        };
        let (records, problem) = match read(place, &header) {
            Ok(records) => (records, None),
            Err(problem) => (Records::default(), Some(problem)),
        };
        let done = !records.was_cut_short();
        let (file, lines) = rewrite(place, &header, &records, done)?;
        let index = Self { place: place.to_owned(), header, file, lines, done };
        Ok(Opened { index, records, problem })
    }

    /// What the index at `place` says, without touching it. What can't be used is empty.
    pub(crate) fn peek(place: &Path, local_root: &Path, remote_root: &RemotePath) -> Records {
        let local_root = local_root.display().to_string();
        let header = Header { remora_mirror: VERSION, local_root, remote_root: remote_root.clone() };
        read(place, &header).unwrap_or_default()
    }

    /// Keeps some more lines.
    pub(crate) fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::with_capacity(lines.len() * 256);
        if self.done && lines.iter().any(|line| matches!(line.what, LineKind::May(_))) {
            self.done = false;
            write_line(&mut text, &Mark { done: false })?;
        }
        for line in lines {
            write_line(&mut text, line)?;
        }
        self.file.write_all(&text)?;
        self.lines += lines.len();
        Ok(())
    }

    /// Nothing is on its way any more: whoever reads this next has nothing to finish.
    pub(crate) fn rest(&mut self) -> io::Result<()> {
        if !self.done {
            let mut text = Vec::new();
            write_line(&mut text, &Mark { done: true })?;
            self.file.write_all(&text)?;
            self.lines += 1;
            self.done = true;
        }
        Ok(())
    }

    /// Rewrites the log when most of it is no longer needed.
    pub(crate) fn compact(&mut self, records: &Records) -> io::Result<()> {
        if self.lines > 2 * records.len() + SPARE_LINES {
            (self.file, self.lines) = rewrite(&self.place, &self.header, records, self.done)?;
        }
        Ok(())
    }
}

fn read(place: &Path, expected: &Header) -> Result<Records, String> {
    let text = match fs::read(place) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Records::default()),
        Err(error) => return Err(error.to_string()),
    };
    let mut lines = text.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let Some(header) = lines.next() else { return Ok(Records::default()) };
    let header: Header = serde_json::from_slice(header).map_err(|error| error.to_string())?;
    if header != *expected {
        tracing::info!(?header, "the index is about other roots, or of another version: started anew");
        return Ok(Records::default());
    }
    let mut records = Records::default();
    for line in lines {
        if line.starts_with(MARK) {
            let Mark { done } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
            records.note_cut_short(!done);
        } else {
            records.apply(&serde_json::from_slice(line).map_err(|error| error.to_string())?);
        }
    }
    Ok(records)
}

fn rewrite(place: &Path, header: &Header, records: &Records, done: bool) -> io::Result<(File, usize)> {
    fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))?;
    let mut text = Vec::new();
    write_line(&mut text, header)?;
    write_line(&mut text, &Mark { done })?;
    let mut count = 2;
    for line in records.lines() {
        write_line(&mut text, &line)?;
        count += 1;
    }
    Ok((write_private(place, &text)?, count))
}

/// Writes a file that only its owner may read: whole, or not at all.
pub(crate) fn write_private(place: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = place.with_file_name(name);
    let mut file = private_file(&new)?;
    file.write_all(bytes).and_then(|()| fs::rename(&new, place)).inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })?;
    Ok(file)
}

fn write_line(text: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

/// The names of somebody's files are nobody else's business.
#[cfg(unix)]
fn private_file(place: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(place)
}

#[cfg(not(unix))]
fn private_file(place: &Path) -> io::Result<File> {
    File::create(place)
}

#[cfg(test)]
mod tests {
    use remora_model::{Digest, RelPath};

    use super::*;
    use crate::record::{Intent, LineKind, Record};

    fn line(name: &str, what: LineKind) -> Line {
        Line { path: RelPath::new(name).unwrap(), what }
    }

    fn link(text: &str) -> LineKind {
        LineKind::Is(Record::Link { digest: Digest::of(text.as_bytes()) })
    }

    fn root(text: &str) -> RemotePath {
        RemotePath::new(text).unwrap()
    }

    fn open(place: &Path) -> Opened {
        Index::open(place, Path::new("/here"), &root("/there")).unwrap()
    }

    #[test]
    fn what_was_appended_is_there_after_a_kill() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("new/dir/index");
        let mut index = open(&place).index;
        index.append(&[line("a", link("1")), line("b", link("2"))]).unwrap();
        index
            .append(&[
                line("a", LineKind::Nothing(())),
                line("b", LineKind::May(Intent::Stamp(1, remora_model::Mtime(2)))),
            ])
            .unwrap();
        std::mem::forget(index);
        let opened = open(&place);
        assert_eq!(opened.problem, None);
        assert_eq!(opened.records.iter().count(), 1);
        assert_eq!(opened.records.intents(&RelPath::new("b").unwrap()).len(), 1);
        assert_eq!(Index::peek(&place, Path::new("/here"), &root("/there")), opened.records);
    }

    #[test]
    fn a_line_cut_short_at_the_end_is_passed_over_and_one_in_the_middle_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        open(&place).index.append(&[line("a", link("1")), line("b", link("2"))]).unwrap();
        let whole = fs::read(&place).unwrap();
        fs::write(&place, &whole[..whole.len() - 4]).unwrap();
        let opened = open(&place);
        assert_eq!((opened.records.iter().count(), opened.problem), (1, None));
        for garbled in [&b"{}\n{}\n"[..], b"\0\0\0\n", &[&whole[..whole.len() - 9], &b"\n{}\n"[..]].concat()] {
            fs::write(&place, garbled).unwrap();
            let opened = open(&place);
            assert!(opened.records.is_empty() && opened.problem.is_some(), "{garbled:?}");
        }
        for empty in [&b""[..], b"{\"remora"] {
            fs::write(&place, empty).unwrap();
            let opened = open(&place);
            assert!(opened.records.is_empty() && opened.problem.is_none(), "{empty:?}");
        }
    }

    #[test]
    fn work_that_was_cut_short_is_told_until_it_has_come_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        let may = || line("a", LineKind::May(Intent::Dir));
        let cut_short = || Index::peek(&place, Path::new("/here"), &root("/there")).was_cut_short();
        let mut index = open(&place).index;
        index.append(&[line("a", link("1"))]).unwrap();
        assert!(!cut_short(), "nothing was on its way");
        index.append(&[may()]).unwrap();
        assert!(cut_short());
        index.rest().unwrap();
        assert!(!cut_short());
        index.append(&[may()]).unwrap();
        index.append(&[line("a", LineKind::Nothing(()))]).unwrap();
        let mut again = open(&place);
        assert!(again.records.was_cut_short() && cut_short(), "also when it was only looked at");
        again.index.rest().unwrap();
        assert!(!open(&place).records.was_cut_short());
    }

    #[test]
    fn an_index_of_other_roots_is_started_anew() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        open(&place).index.append(&[line("a", link("1"))]).unwrap();
        let other = Index::open(&place, Path::new("/here"), &root("/elsewhere")).unwrap();
        assert!(other.records.is_empty() && other.problem.is_none());
    }

    #[test]
    fn the_log_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("index");
        let Opened { mut index, mut records, .. } = open(&place);
        let lines = vec![line("a", link("1")); 1000];
        records.apply(&lines[0]);
        for _ in 0..25 {
            index.append(&lines).unwrap();
            index.compact(&records).unwrap();
        }
        assert!(fs::read(&place).unwrap().split(|&byte| byte == b'\n').count() < 21_000);
        assert_eq!(open(&place).records, records);
    }
}
