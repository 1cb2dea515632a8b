//! Owns the folder in which chunk lists outlive the process, one for each remote path. Never relied on: without a
//! list, or with one that can't be read, a file is sent as a whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use remora_model::{Digest, RelPath};

use super::chunks::ChunkList;
use crate::index::write_private;

/// What all lists of a target may take: those of some 60 GB of files. The oldest go first.
const LARGEST: u64 = 64 << 20;

/// The lists of one target.
#[derive(Debug, Clone)]
pub(crate) struct Lists {
    folder: PathBuf,
}

impl Lists {
    /// Those beside the index at this place.
    pub(crate) fn beside(index: &Path) -> Self {
        Self { folder: index.with_extension("chunks") }
    }

    /// The list of what stands under `path`, if there is one.
    pub(super) fn load(&self, path: &RelPath) -> Option<ChunkList> {
        ChunkList::decode(&fs::read(self.place(path)).ok()?)
    }

    /// Keeps the list of what stands under `path` now.
    pub(super) fn save(&self, path: &RelPath, list: &ChunkList) {
        let saved = fs::create_dir_all(&self.folder)
            .and_then(|()| write_private(&self.place(path), &list.encode()))
            .and_then(|_| self.tidy(LARGEST));
        if let Err(error) = saved {
            tracing::warn!(%error, "the chunks of a large file can't be recorded; it will be sent as a whole");
            self.forget(path);
        }
    }

    /// Forgets what stands under `path`.
    pub(super) fn forget(&self, path: &RelPath) {
        // Mostly there is none.
        let _ = fs::remove_file(self.place(path));
    }

    fn place(&self, path: &RelPath) -> PathBuf {
        let name = Digest::of(path.as_bytes()).to_string();
        self.folder.join(&name[..32])
    }

    fn tidy(&self, largest: u64) -> io::Result<()> {
        let mut lists: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            lists.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        lists.sort();
        let mut sum: u64 = lists.iter().map(|(_, size, _)| size).sum();
        for (_, size, place) in lists {
            if sum <= largest {
                break;
            }
            sum -= size;
            fs::remove_file(place)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn list(text: &str) -> ChunkList {
        ChunkList { digest: Digest::of(text.as_bytes()), stamp: None, seed: 1, chunks: Vec::new() }
    }

    #[test]
    fn each_path_has_its_own_list_and_the_last_one_counts() {
        let dir = tempfile::tempdir().unwrap();
        let lists = Lists::beside(&dir.path().join("a.index"));
        assert_eq!(lists.load(&path("f")), None);
        for (name, text) in [("f", "1"), ("d/f", "2"), ("f", "3")] {
            lists.save(&path(name), &list(text));
        }
        assert_eq!(lists.load(&path("f")), Some(list("3")));
        assert_eq!(lists.load(&path("d/f")), Some(list("2")));
        lists.forget(&path("f"));
        assert_eq!(lists.load(&path("f")), None);
        assert_eq!(fs::read_dir(dir.path().join("a.chunks")).unwrap().count(), 1);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let dir = tempfile::tempdir().unwrap();
        let lists = Lists::beside(&dir.path().join("index"));
        for (age, name) in ["new", "middle", "old"].into_iter().enumerate() {
            lists.save(&path(name), &list(name));
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 - age as u64);
            fs::File::options().write(true).open(lists.place(&path(name))).unwrap().set_modified(time).unwrap();
        }
        lists.tidy(2 * list("").encode().len() as u64).unwrap();
        let left = ["new", "middle", "old"].map(|name| lists.load(&path(name)).is_some());
        assert_eq!(left, [true, true, false]);
    }
}
