//! Owns the file that is saved, here and over there, and the clock. Knows nothing of who carries it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use remora_tests::bench::Samples;
use tempfile::TempDir;

/// Counted saves.
pub(crate) const SAVES: usize = 50;
/// The file's size in bytes.
pub(crate) const SIZE: usize = 4096;
/// The first ones pay for connections and caches; they are not counted.
const WARM_UP: usize = 3;
const FILE: &str = "saved.py";

/// A local folder and the remote one; both are on this machine.
pub(crate) struct Place {
    pub(crate) local_root: PathBuf,
    pub(crate) remote_root: PathBuf,
}

impl Place {
    pub(crate) fn new(folder: &TempDir, name: &str) -> Self {
        let make = |side: &str| {
            let folder = folder.path().join(name.replace(' ', "-")).join(side);
            fs::create_dir_all(&folder).expect("a folder can be made");
            folder
        };
        let place = Self { local_root: make("here"), remote_root: make("there") };
        fs::write(place.local_file(), content(0)).expect("a file can be written");
        place
    }

    pub(crate) fn local_file(&self) -> PathBuf {
        self.local_root.join(FILE)
    }

    pub(crate) fn remote_file(&self) -> PathBuf {
        self.remote_root.join(FILE)
    }

    /// Whether the remote file is what was saved last.
    pub(crate) fn arrived(&self) -> bool {
        let [local, remote] = [self.local_file(), self.remote_file()].map(fs::read);
        matches!((local, remote), (Ok(local), Ok(remote)) if local == remote)
    }

    /// Takes the time from each save, which is done when `carry` says so, and checks that it is true.
    pub(crate) async fn measure(&self, mut carry: impl AsyncFnMut(&Self)) -> Samples {
        eprintln!("measuring in {}", self.local_root.display());
        let mut runs: Vec<Duration> = Vec::new();
        for save in 1..=WARM_UP + SAVES {
            let content = content(save);
            let start = Instant::now();
            fs::write(self.local_file(), content).expect("a file can be written");
            carry(self).await;
            runs.push(start.elapsed());
            assert!(self.arrived(), "save {save} was confirmed and is not there: {}", self.remote_file().display());
        }
        Samples::new(runs.split_off(WARM_UP))
    }
}

/// Text that differs from save to save and does not compress to nothing.
fn content(save: usize) -> Vec<u8> {
    let mut state = save as u64 + 1;
    let mut letter = || {
        // Knuth's MMIX generator; the low bits are weak, so the high ones are used.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b'!' + u8::try_from((state >> 33) % 90).expect("invariant: below 90")
    };
    let mut text: Vec<u8> = (0..SIZE - 1).map(|_| letter()).collect();
    text[0] = b'#';
    text.push(b'\n');
    text
}
