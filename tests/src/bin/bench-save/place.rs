//! Owns the file that is saved, here and over there, and the clock. Knows nothing of who carries it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use remora_tests::bench::Samples;
use remora_tests::bench::editor::Sides;
use remora_tests::bench::text::text;
use tempfile::TempDir;

/// Counted saves.
pub(crate) const SAVES: usize = 50;
/// The file's size in bytes.
pub(crate) const SIZE: usize = 4096;
/// The first ones pay for connections and caches; they are not counted.
const WARM_UP: usize = 3;
const FILE: &str = "saved.py";

/// A local folder and the remote one.
pub(crate) struct Place {
    pub(crate) sides: Sides,
}

impl Place {
    pub(crate) fn new(folder: &TempDir, name: &str) -> Self {
        let make = |side: &str| {
            let folder = folder.path().join(name.replace(' ', "-")).join(side);
            fs::create_dir_all(&folder).expect("a folder can be made");
            folder
        };
        let place = Self { sides: Sides { local_root: make("here"), remote_root: make("there") } };
        fs::write(place.local_file(), text(0, SIZE)).expect("a file can be written");
        place
    }

    pub(crate) fn local_file(&self) -> PathBuf {
        self.sides.local_root.join(FILE)
    }

    pub(crate) fn remote_file(&self) -> PathBuf {
        self.sides.remote_root.join(FILE)
    }

    /// Whether the remote file is what was saved last.
    pub(crate) fn arrived(&self) -> bool {
        let [local, remote] = [self.local_file(), self.remote_file()].map(fs::read);
        matches!((local, remote), (Ok(local), Ok(remote)) if local == remote)
    }

    /// Takes the time from each save, which is done when `carry` says so, and checks that it is true.
    pub(crate) async fn measure(&self, mut carry: impl AsyncFnMut(&Self)) -> Samples {
        eprintln!("measuring in {}", self.sides.local_root.display());
        let mut runs: Vec<Duration> = Vec::new();
        for save in 1..=WARM_UP + SAVES {
            let content = text(save as u64, SIZE);
            let start = Instant::now();
            fs::write(self.local_file(), content).expect("a file can be written");
            carry(self).await;
            runs.push(start.elapsed());
            assert!(self.arrived(), "save {save} was confirmed and is not there: {}", self.remote_file().display());
        }
        Samples::new(runs.split_off(WARM_UP))
    }
}
