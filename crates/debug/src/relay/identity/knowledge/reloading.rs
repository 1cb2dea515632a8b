//! Owns which processes know how to reload files, and which of them are at it. Pure; never says what is reloaded.

use std::collections::BTreeSet;

/// The processes that reload.
#[derive(Debug, Default)]
pub(super) struct Reloading {
    know_how: BTreeSet<u32>,
    /// Those that were asked and have not answered.
    awaited: BTreeSet<u32>,
    rounds: u64,
}

impl Reloading {
    /// A process has begun, or has become another program; it is not known to know how.
    pub(super) fn began(&mut self, process: u32) {
        self.know_how.remove(&process);
    }

    /// A process says that it knows how.
    pub(super) fn knows_how(&mut self, process: u32) {
        self.know_how.insert(process);
    }

    /// These are asked; those that don't know how will not answer.
    pub(super) fn ask(&mut self, processes: &[u32]) {
        self.awaited = processes.iter().copied().filter(|process| self.know_how.contains(process)).collect();
        if self.awaited.is_empty() {
            self.rounds += 1;
        }
    }

    /// This one has answered, or is debugged no more.
    pub(super) fn is_done(&mut self, process: u32) {
        if self.awaited.remove(&process) && self.awaited.is_empty() {
            self.rounds += 1;
        }
    }

    /// How often all that were asked have answered.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_over_when_all_have_answered_that_know_how() {
        let mut reloading = Reloading::default();
        reloading.ask(&[1, 2]);
        assert_eq!(reloading.rounds(), 1, "nobody knows how");
        [1, 2, 3].into_iter().for_each(|process| reloading.knows_how(process));
        reloading.ask(&[1, 2, 4]);
        for (done, rounds) in [(3, 1), (1, 1), (1, 1), (4, 1), (2, 2), (2, 2)] {
            reloading.is_done(done);
            assert_eq!(reloading.rounds(), rounds, "{done}");
        }
        reloading.began(2);
        reloading.ask(&[1, 2]);
        reloading.is_done(1);
        assert_eq!(reloading.rounds(), 3, "2 is another program now");
    }
}
