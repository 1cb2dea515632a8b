//! Owns what is known of one path that something has to be done about, and how two such notes become one.

use std::time::Instant;

use super::BatchId;

/// One path that something has to be done about.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Item {
    /// The groups it counts in.
    pub(crate) batches: Vec<BatchId>,
    /// Goes before bulk work and past its limits.
    pub(crate) urgent: bool,
    /// How often it was tried in vain.
    pub(crate) attempts: u32,
    /// When it was first seen to be gone. An editor that saves by rename makes a file vanish for a moment.
    pub(crate) gone_since: Option<Instant>,
    /// A walk found it gone, or its directory is: no moment has to pass.
    pub(crate) surely_gone: bool,
    /// Somebody is writing since then, and was not seen to end.
    pub(crate) written_since: Option<Instant>,
    /// Whatever is there is to be replaced: the user chose so.
    pub(crate) any: bool,
    /// If it is a directory, all that is below has to be looked at.
    pub(crate) walk: bool,
    /// If it is a directory, all that is below was listed and put in with it.
    pub(crate) listed: bool,
    /// Its digest is wanted, however large it is: it may be what is gone elsewhere.
    pub(crate) digest: bool,
    /// All that we have below it over there was queued already.
    pub(crate) expanded: bool,
    /// It has stood behind the path above it already.
    pub(crate) waited: bool,
    /// Which of all times that something was put in was its last.
    pub(crate) touched: u64,
    /// Its size when last seen, for the limits.
    pub(crate) size: u64,
}

impl Item {
    /// Takes over what an older or newer item of the same path knows.
    pub(crate) fn merge(&mut self, other: Self) {
        for batch in other.batches {
            if !self.batches.contains(&batch) {
                self.batches.push(batch);
            }
        }
        self.urgent |= other.urgent;
        // One that saw the end of the writing, or a reason of its own, does not wait.
        self.written_since = self.written_since.zip(other.written_since).map(|(a, b)| a.min(b));
        self.gone_since = self.gone_since.into_iter().chain(other.gone_since).min();
        self.surely_gone |= other.surely_gone;
        self.any |= other.any;
        self.walk |= other.walk;
        self.listed &= other.listed;
        self.digest |= other.digest;
        self.size = self.size.max(other.size);
    }
}
