//! Owns when a file is so large that the user is asked before it is sent. Pure.
//!
//! A word counts for a size class: up to twice the limit, up to four times, and so on. A log that grows by a line is
//! not asked about again, one that became ten times as large is.

use remora_model::RelPath;

use crate::notice::Change;
use crate::record::Records;

/// The class of a size; 0 needs no word. A limit of 0 is none.
fn class(size: u64, limit: u64) -> u32 {
    if limit == 0 || size <= limit { 0 } else { 1 + ((size - 1) / limit).ilog2() }
}

/// Whether a word that was given for a file of size `known` does not count for `size`.
pub(crate) fn exceeds(size: u64, known: u64, limit: u64) -> bool {
    class(size, limit) > class(known, limit)
}

/// What is to be done about a file that has to be sent: `change`, unless it waits for a word or was declined. One that
/// we have sent already, or begun to, was agreed to.
pub(crate) fn judged(records: &Records, path: &RelPath, (size, limit): (u64, u64), change: Change) -> Change {
    if !exceeds(size, records.sent_size(path), limit) {
        change
    } else if exceeds(size, records.declined(path), limit) {
        Change::Large
    } else {
        Change::Declined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_for_its_size_class() {
        for (size, known, limit, asked) in [
            (0, 0, 100, false),
            (100, 0, 100, false),
            (101, 0, 100, true),
            (101, 100, 100, true),
            (200, 101, 100, false),
            (201, 101, 100, true),
            (400, 201, 100, false),
            (401, 399, 100, true),
            (150, 900, 100, false),
            (u64::MAX, 0, 1, true),
            (u64::MAX, 0, 0, false),
        ] {
            assert_eq!(exceeds(size, known, limit), asked, "{size} {known} {limit}");
        }
    }
}
