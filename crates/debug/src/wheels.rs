//! Owns the debuggers that travel with this program and which of them fits an interpreter. Pure.

use std::fmt;

use remora_model::Debugger;

/// A debugger ready to be unpacked on the remote, with what makes it listen on a Unix socket beside it.
pub struct Push {
    /// `debugpy` or `ptvsd`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of `archive`, in hexadecimal.
    pub sha256: &'static str,
    /// A `.tar.gz`.
    pub archive: &'static [u8],
}

/// All that travel, in the order of `wheels/pins.json`.
pub static PUSHES: &[Push] = include!(concat!(env!("OUT_DIR"), "/pushes.rs"));

impl Push {
    /// Names the tree in the remote cache. The digest is in it, so another build's tree is never taken for
    /// this one; it covers our own files too, so they can't get out of step with it.
    #[must_use]
    pub fn cache_name(&self) -> String {
        format!("{}-{}-{}", self.name, self.version, &self.sha256[..16])
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cache_name())
    }
}

/// Why no debugger that may be used works with an interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Python {}.{}.{}: {why}", version.0, version.1, version.2)]
pub struct Unsupported {
    /// The interpreter's language version.
    pub version: (u8, u8, u8),
    /// Why.
    pub why: Reason,
}

/// Why a debugger does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No debugger exists for so old a Python.
    TooOld,
    /// ptvsd attaches to 3.13 and later, says that breakpoints are verified, and never stops.
    PtvsdNeverStops,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooOld => "no debugger works with so old a Python",
            Self::PtvsdNeverStops => "ptvsd 4.3.2 attaches to Python 3.13 and later but never stops",
        })
    }
}

/// The debugger to push for an interpreter of this language version.
///
/// # Errors
/// [`Unsupported`].
pub fn choose(version: (u8, u8, u8), debugger: Debugger) -> Result<&'static Push, Unsupported> {
    let no = |why| Err(Unsupported { version, why });
    let (name, wanted) = match (debugger, (version.0, version.1)) {
        (_, (0..=1, _) | (2, 0..=6) | (3, 0..=3)) => return no(Reason::TooOld),
        (Debugger::Ptvsd, (2, _) | (3, ..=12)) => ("ptvsd", "4.3.2"),
        (Debugger::Ptvsd, _) => return no(Reason::PtvsdNeverStops),
        (_, (3, 4)) => return no(Reason::TooOld),
        (_, (2, _) | (3, 5 | 6)) => ("debugpy", "1.5.1"),
        (_, (3, 7)) => ("debugpy", "1.7.0"),
        (_, (3, 8 | 9)) => ("debugpy", "1.8.21"),
        (_, _) => ("debugpy", "1.8.22"),
    };
    let push = PUSHES.iter().find(|push| push.name == name && push.version == wanted);
    Ok(push.expect("invariant: every version named here is pinned"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_interpreter_gets_the_debugger_that_works_with_it() {
        let table = [
            ((2, 6, 9), "old", "old"),
            ((2, 7, 18), "debugpy-1.5.1", "ptvsd-4.3.2"),
            ((3, 3, 7), "old", "old"),
            ((3, 4, 10), "old", "ptvsd-4.3.2"),
            ((3, 5, 10), "debugpy-1.5.1", "ptvsd-4.3.2"),
            ((3, 6, 15), "debugpy-1.5.1", "ptvsd-4.3.2"),
            ((3, 7, 16), "debugpy-1.7.0", "ptvsd-4.3.2"),
            ((3, 8, 18), "debugpy-1.8.21", "ptvsd-4.3.2"),
            ((3, 9, 18), "debugpy-1.8.21", "ptvsd-4.3.2"),
            ((3, 10, 13), "debugpy-1.8.22", "ptvsd-4.3.2"),
            ((3, 12, 1), "debugpy-1.8.22", "ptvsd-4.3.2"),
            ((3, 13, 0), "debugpy-1.8.22", "never stops"),
            ((3, 14, 0), "debugpy-1.8.22", "never stops"),
            ((4, 0, 0), "debugpy-1.8.22", "never stops"),
        ];
        let said = |version, debugger| match choose(version, debugger) {
            Ok(push) => format!("{}-{}", push.name, push.version),
            Err(Unsupported { why: Reason::TooOld, .. }) => "old".into(),
            Err(Unsupported { why: Reason::PtvsdNeverStops, .. }) => "never stops".into(),
        };
        for (version, debugpy, ptvsd) in table {
            assert_eq!(said(version, Debugger::Auto), debugpy, "{version:?}");
            assert_eq!(said(version, Debugger::Debugpy), debugpy, "{version:?}");
            assert_eq!(said(version, Debugger::Ptvsd), ptvsd, "{version:?}");
        }
    }

    #[test]
    fn what_travels_is_small_and_has_the_digest_it_says() {
        use sha2::{Digest as _, Sha256};
        for push in PUSHES {
            assert!(push.archive.len() < 1_000_000, "{push:?}: {} bytes", push.archive.len());
            let digest: String = Sha256::digest(push.archive).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digest, push.sha256, "{push:?}");
        }
    }
}
