//! Owns the debuggers that travel with this program and which of them fits an interpreter. Pure.

use std::fmt;

use remora_model::Debugger;

/// A debugger ready to be unpacked on the remote.
#[derive(Debug)]
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
pub fn choose(version: (u8, u8, u8), _debugger: Debugger) -> Result<&'static Push, Unsupported> {
    Err(Unsupported { version, why: Reason::TooOld })
}
