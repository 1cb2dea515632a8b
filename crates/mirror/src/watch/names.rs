//! Owns under which path each watched directory is known. Pure; never asks the system.
//!
//! All paths are in one text: twenty thousand of them as values of their own would lie scattered among what a walk
//! lets go of, and nothing around them could be given back to the system.

use std::collections::HashMap;
use std::ops::Range;

/// The text is written anew when this much of it, and half, belongs to nobody any more.
const DEAD_MOST: usize = 64 << 10;

/// Paths below the root, by the number that the system gave the watch. That of the root is empty.
#[derive(Default)]
pub(super) struct Names {
    places: HashMap<i32, Range<u32>>,
    text: Vec<u8>,
    dead: usize,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, watch: i32) -> Option<&[u8]> {
        self.places.get(&watch).map(|place| &self.text[bounds(place)])
    }

    /// Notes under which path a directory is watched; one that was known under another has been renamed. Whether it is
    /// a new one.
    pub(super) fn put(&mut self, watch: i32, path: &[u8]) -> bool {
        let known = self.get(watch);
        if known == Some(path) {
            return false;
        }
        let is_new = known.is_none();
        self.remove(watch);
        let start = self.text.len();
        self.text.extend_from_slice(path);
        // Four billion bytes of names are more than inotify has watches for.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.places.insert(watch, place(start)..place(self.text.len()));
        is_new
    }

    pub(super) fn remove(&mut self, watch: i32) {
        self.dead += self.places.remove(&watch).map_or(0, |place| place.len());
        if self.dead > DEAD_MOST && self.dead > self.text.len() / 2 {
            let old = std::mem::take(&mut self.text);
            for place in self.places.values_mut() {
                let start = self.text.len() as u32;
                self.text.extend_from_slice(&old[bounds(place)]);
                *place = start..start + place.len() as u32;
            }
            self.dead = 0;
        }
    }

    /// Lets go of the room that was kept for more.
    pub(super) fn tidy(&mut self) {
        self.text.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    /// Takes out what is known at this path or below it.
    pub(super) fn take_within(&mut self, dir: &[u8]) -> Vec<i32> {
        let is_within = |path: &[u8]| path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
        let within = self.places.iter().filter(|(_, place)| is_within(&self.text[bounds(place)]));
        let watches: Vec<i32> = within.map(|(watch, _)| *watch).collect();
        watches.iter().for_each(|watch| self.remove(*watch));
        watches
    }
}

fn bounds(place: &Range<u32>) -> Range<usize> {
    place.start as usize..place.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_forgotten_with_all_below_and_nothing_beside() {
        let dirs = ["", "a", "a/b", "a-b", "a0", "b"];
        let mut names = Names::default();
        for (watch, dir) in (1..).zip(dirs) {
            assert!(names.put(watch, dir.as_bytes()), "{dir:?}");
        }
        assert!(!names.put(2, b"a") && !names.put(6, b"renamed"));
        let mut gone = names.take_within(b"a");
        gone.sort_unstable();
        assert_eq!(gone, [2, 3]);
        let left: Vec<Option<&[u8]>> = (1..7).map(|watch| names.get(watch)).collect();
        assert_eq!(left, [Some(&b""[..]), None, None, Some(b"a-b"), Some(b"a0"), Some(b"renamed")]);
    }

    #[test]
    fn names_that_come_and_go_take_no_more_room_than_those_that_are_there() {
        let mut names = Names::default();
        let name = |n: i32| format!("a folder with quite a long name {n}").into_bytes();
        for n in 0..20_000 {
            names.put(n, &name(n));
            if n >= 100 {
                names.remove(n - 100);
            }
        }
        assert!((names.len(), names.text.len() < 3 * DEAD_MOST) == (100, true), "{}", names.text.len());
        assert!((19_900..20_000).all(|n| names.get(n) == Some(&name(n)[..])));
    }
}
