//! Owns what somebody else does on the remote, and tells the model of it.

use std::fs;
use std::path::Path;

use super::hands::{self, Found};
use super::play::Play;
use super::steps::{Step, Verb};

impl Play<'_> {
    /// Something that only somebody else has, of this size or a little more.
    fn unique(&self, size: usize) -> Vec<u8> {
        let mut bytes = format!("foreign {} ", self.count).into_bytes();
        bytes.resize(size.max(bytes.len()), b'.');
        bytes
    }

    pub(super) fn their_step(&mut self, step: &Step) {
        let (there, name) = (self.there.clone(), step.name.as_path());
        let place = there.join(name);
        let is_there = hands::is_reachable(&there, name) && place.symlink_metadata().is_ok();
        match step.verb {
            Verb::TheyWrite => {
                self.they_clear_way(name);
                fs::write(&place, self.unique(step.number as usize % 500)).unwrap();
                self.they_put(name);
            }
            Verb::TheyEdit if is_there => self.they_edit(name, step.number),
            Verb::TheyRemove if is_there => {
                hands::remove(&there, name);
                self.model.they_clear(name);
            }
            Verb::TheyMkdir => {
                self.they_clear_way(name);
                fs::create_dir(&place).unwrap();
                self.model.they_made(name);
                if step.number.is_multiple_of(2) {
                    fs::write(place.join("theirs"), self.unique(0)).unwrap();
                    self.they_put(&name.join("theirs"));
                }
            }
            Verb::TheyLink => {
                self.they_clear_way(name);
                let text = if step.number.is_multiple_of(2) { self.unique(0) } else { self.outside() };
                hands::link(&place, &text);
                self.they_put(name);
            }
            Verb::TheyChmod if is_there && hands::is_real_file(&place) => {
                hands::chmod(&place, [0o600, 0o640, 0o755][step.number as usize % 3]);
                if step.number.is_multiple_of(2) {
                    hands::touch(&place, 2_000_000_000 + i64::from(self.count));
                }
                if self.model.is_theirs(name) {
                    self.they_put(name);
                }
            }
            Verb::TheyCopy if hands::is_reachable(&self.here, name) && hands::is_real_file(&self.here.join(name)) => {
                let bytes = fs::read(self.here.join(name)).unwrap();
                self.they_clear_way(name);
                fs::write(&place, bytes).unwrap();
                self.model.they_made(name);
            }
            Verb::TheyRename => self.they_rename(name, &step.other),
            _ => {}
        }
    }

    /// A folder outside of the root, into which nothing may ever be written.
    fn outside(&self) -> Vec<u8> {
        format!("../{}/outside {}", self.there.file_name().unwrap().display(), self.count).into_bytes()
    }

    fn they_clear_way(&mut self, name: &Path) {
        self.model.they_clear(name);
        let (_, made) = hands::clear_way(&self.there, name);
        for dir in made {
            self.model.they_clear(&dir);
            self.model.they_made(&dir);
        }
    }

    fn they_put(&mut self, name: &Path) {
        let what = hands::found(&self.there.join(name)).unwrap();
        self.model.they_put(name, what);
    }

    /// Other bytes in the same file, sometimes with its old size and time.
    fn they_edit(&mut self, name: &Path, number: u32) {
        let place = self.there.join(name);
        let Some(Found::File { bytes, mtime, .. }) = hands::found(&place) else { return };
        let new = self.unique(bytes.len());
        let sly = number.is_multiple_of(2) && new.len() == bytes.len();
        fs::write(&place, new).unwrap();
        if sly {
            hands::touch(&place, mtime.0 * 1_000_000_000 + mtime.1);
            self.model.they_were_sly(name);
        }
        self.they_put(name);
    }

    fn they_rename(&mut self, from: &Path, to: &Path) {
        let theirs = self.model.theirs_below(from);
        let Some(made) = hands::rename(&self.there, from, to) else { return };
        for gone in [from, to].into_iter().chain(made.iter().map(AsRef::as_ref)) {
            self.model.they_clear(gone);
        }
        made.iter().for_each(|dir| self.model.they_made(dir));
        let place = self.there.join(to);
        self.model.they_made(to);
        for below in hands::snapshot(&place).keys() {
            self.model.they_made(&to.join(below));
        }
        for (old, what) in theirs {
            let below = old.strip_prefix(from).unwrap();
            let new = if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) };
            self.model.they_put(&new, what);
        }
    }
}
