//! Owns what all cases need, and the one place that prints a line. Never measures.

use remora_testkit::sshd::Sshd;
use remora_tests::bench::row::Row;

use crate::ground::Ground;

/// Where everything happens.
pub(crate) struct Bed {
    pub(crate) ground: Ground,
    pub(crate) sshd: Sshd,
}

impl Bed {
    /// Prints a line.
    pub(crate) fn tell(&self, row: &Row) {
        println!("{row}");
    }
}
